//! The ways in: from a program, from a workflow, from a schedule. All of them lead to the
//! orchestrator.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use everstep_engine::{
    ActivityError, Engine, Extension, Failure, Payload, Principal, Rejection, Saga, TransactError,
    Transaction, TransactionContext, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Command;
use super::orchestrator::{self, CONFLICT, INVALID, UNKNOWN};
use super::record::{CommandRecord, CommandStatus};
use super::registry::Commands;
use super::request::{CommandOutcome, CommandRequest, Entry};
use super::scopes;

/// The transaction by which workflows send commands whose type is known only as text.
pub const SEND_COMMAND: Transaction<CommandRequest, CommandOutcome> =
    Transaction::new("everstep.send_command");

/// Makes commands steps of workflows, each under its own name.
pub(crate) fn as_steps(worker: Worker, names: impl IntoIterator<Item = &'static str>) -> Worker {
    let names = names.into_iter().chain([SEND_COMMAND.name()]);
    names.fold(worker, |worker, name| {
        let mut is_new = false;
        let worker = worker.extend(|steps: &mut Steps| is_new = steps.0.insert(name));
        if is_new { worker.transaction(step(name), in_transaction) } else { worker }
    })
}

/// The commands that are steps already: modules declare theirs one after the other.
#[derive(Default)]
struct Steps(BTreeSet<&'static str>);

impl Extension for Steps {}

/// A command that nobody handles fails its step: whoever sends it is told, as over HTTP.
const fn step(name: &'static str) -> Transaction<CommandRequest, CommandOutcome> {
    Transaction::new(name).known_or_failed()
}

/// The workflow by which schedules send commands: its input is `{"type", "payload"}`, its id the
/// command's, so that a due time sends one command.
pub(super) const SENDER: Workflow<Scheduled, CommandRecord> = Workflow::new("send_command");

/// What a schedule sends.
#[derive(Serialize, Deserialize)]
pub(super) struct Scheduled {
    #[serde(rename = "type")]
    command_type: String,
    #[serde(default)]
    payload: Payload,
    command_id: Option<String>,
    correlation_id: Option<String>,
}

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No handler is registered; the message lists the ones that are.
    #[error("{0}")]
    Unknown(String),
    /// The id was used for another command.
    #[error("{0}")]
    IdempotencyConflict(String),
    /// An id that cannot be one, or a payload without a JSON form.
    #[error("{0}")]
    Invalid(String),
    /// A scope that it names forbids it: it is no scope of the sender's tenant
    /// (`INVALID_SCOPE_KEY_FORMAT`, `TENANT_ID_REQUIRED`) or of the command's context
    /// (`CROSS_BC_NOT_ALLOWED`), has moved (`SCOPE_VERSION_MISMATCH`), or no decider decides
    /// (`DECIDER_REQUIRED`). Nothing was done, and nothing recorded.
    #[error("{}", .0.message)]
    Scope(Box<Failure>),
    /// A rule said no.
    #[error("command `{}` was rejected: {}", .0.command_id, .0.message.as_deref().unwrap_or_default())]
    Rejected(Box<CommandRecord>),
    /// Something unexpected; its record and its event tell of it.
    #[error("command `{}` failed: {}", .0.command_id, .0.message.as_deref().unwrap_or_default())]
    Failed(Box<CommandRecord>),
    /// The engine could not take it.
    #[error(transparent)]
    Engine(#[from] TransactError),
}

impl CommandError {
    fn of(error: TransactError) -> Self {
        match &error {
            TransactError::Failed(failed) => {
                let message = failed.failure().message.clone();
                match failed.kind() {
                    UNKNOWN => Self::Unknown(message),
                    CONFLICT => Self::IdempotencyConflict(message),
                    INVALID => Self::Invalid(message),
                    kind if scopes::REFUSALS.contains(&kind) => {
                        Self::Scope(Box::new(failed.failure().clone()))
                    }
                    _ => Self::Engine(error),
                }
            }
            _ => Self::Engine(error),
        }
    }
}

/// Moves whenever a command from outside was answered, a rejected one too; none where the worker
/// declares no commands. Those of workflows are seen by their events and their runs.
pub fn sent(engine: &Engine) -> Option<watch::Receiver<u64>> {
    engine.extension::<Commands>().map(|commands| commands.sent.subscribe())
}

fn run(
    tx: &mut TransactionContext<'_>,
    request: &CommandRequest,
) -> Result<CommandOutcome, ActivityError> {
    match tx.extension::<Commands>() {
        Some(commands) => orchestrator::run(tx, commands, request),
        // Bounded contexts may have commands all the same.
        None => orchestrator::run(tx, &Commands::default(), request),
    }
}

/// Sends a command as a part of a transaction: what comes of it stands in the transaction's commit. A
/// rejection is an outcome.
///
/// # Errors
/// `UNKNOWN_COMMAND_TYPE`, `idempotency_conflict`, `invalid_request`, or a store that cannot be read.
pub fn send_within(
    tx: &mut TransactionContext<'_>,
    request: &CommandRequest,
) -> Result<CommandOutcome, ActivityError> {
    run(tx, request)
}

/// The transaction of [`SEND_COMMAND`].
#[expect(clippy::needless_pass_by_value, reason = "a transaction is handed its input")]
pub(super) fn in_transaction(
    tx: &mut TransactionContext<'_>,
    request: CommandRequest,
) -> Result<CommandOutcome, ActivityError> {
    run(tx, &request)
}

/// The workflow of [`SENDER`].
pub(super) async fn sender(
    ctx: &WorkflowContext,
    scheduled: Scheduled,
) -> Result<CommandRecord, WorkflowError> {
    let id = scheduled.command_id.unwrap_or_else(|| ctx.workflow_id().to_owned());
    let mut request =
        CommandRequest::new(scheduled.command_type, id, scheduled.payload, Entry::Schedule);
    "schedule".clone_into(&mut request.user_id);
    if let Some(correlation) = scheduled.correlation_id {
        request.correlation_id = correlation;
    }
    Ok(ctx.transaction(SEND_COMMAND, request).await?.record)
}

/// Sends commands from a program that holds the engine.
#[derive(Clone)]
pub struct CommandClient {
    engine: Engine,
    namespace: String,
    principal: Principal,
    entry: Entry,
}

impl CommandClient {
    /// To this engine and namespace, as whoever runs the program.
    pub fn new(engine: Engine, namespace: impl Into<String>) -> Self {
        let principal = Principal::local();
        Self { engine, namespace: namespace.into(), principal, entry: Entry::Sdk }
    }

    /// As somebody who was recognised.
    #[must_use]
    pub fn sent_by(mut self, principal: Principal, entry: Entry) -> Self {
        (self.principal, self.entry) = (principal, entry);
        self
    }

    /// A command, to be completed and sent.
    ///
    /// # Errors
    /// When the payload has no JSON form.
    pub fn command<I: Serialize, O: DeserializeOwned>(
        &self,
        command: Command<I, O>,
        payload: &I,
    ) -> Result<Sending<O>, CommandError> {
        let payload = Payload::from_value(payload);
        let payload = payload.map_err(|error| CommandError::Invalid(error.to_string()))?;
        let id = CommandRequest::fresh_id();
        let request = CommandRequest::new(command.name(), id, payload, self.entry);
        Ok(Sending { client: self.clone(), request, output: PhantomData })
    }

    /// Sends a request as it is, but for who sends it.
    ///
    /// # Errors
    /// [`CommandError::Unknown`], [`CommandError::IdempotencyConflict`],
    /// [`CommandError::Invalid`], or an engine that cannot take it. A rejection is an outcome.
    pub async fn send(&self, request: CommandRequest) -> Result<CommandOutcome, CommandError> {
        self.send_by(request, run).await
    }

    /// The same by another way into the orchestrator.
    pub(crate) async fn send_by<T: Send + 'static>(
        &self,
        mut request: CommandRequest,
        run: fn(&mut TransactionContext<'_>, &CommandRequest) -> Result<T, ActivityError>,
    ) -> Result<T, CommandError> {
        self.principal.role().name().clone_into(&mut request.role);
        request.entry = self.entry;
        if let Err(error) = self.engine.check_namespace(&self.namespace) {
            return Err(CommandError::Engine(error.into()));
        }
        let sent = self.engine.transact(&self.namespace, move |tx| run(tx, &request));
        let sent = sent.await.map_err(CommandError::of);
        if let Some(commands) = self.engine.extension::<Commands>() {
            commands.sent.send_modify(|count| *count += 1);
        }
        sent
    }
}

impl std::fmt::Debug for CommandClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandClient").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// A command that is about to be sent.
#[derive(Debug)]
pub struct Sending<O> {
    client: CommandClient,
    request: CommandRequest,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> Sending<O> {
    /// Under this id it is executed once, however often it is sent.
    #[must_use]
    pub fn id(mut self, command_id: impl Into<String>) -> Self {
        let id = command_id.into();
        if self.request.correlation_id == self.request.command_id {
            self.request.correlation_id.clone_from(&id);
        }
        self.request.command_id = id;
        self
    }

    /// What it belongs to.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.request.correlation_id = id.into();
        self
    }

    /// It is decided in this scope, which must be at the version that the sender knows; all its
    /// events belong to it.
    #[must_use]
    pub fn scope(mut self, key: impl Into<String>, expected_version: u64) -> Self {
        self.request.scopes.insert(key.into(), expected_version);
        self
    }

    /// Who wishes for it.
    #[must_use]
    pub fn user_id(mut self, id: impl Into<String>) -> Self {
        self.request.user_id = id.into();
        self
    }

    /// Sends it, and answers when all of it is durable.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] and [`CommandError::Failed`] with the record, or why it was not
    /// taken at all.
    pub async fn send(self) -> Result<O, CommandError> {
        let outcome = self.client.send(self.request).await?;
        let record = Box::new(outcome.record);
        match record.status {
            CommandStatus::Rejected => Err(CommandError::Rejected(record)),
            CommandStatus::Failed => Err(CommandError::Failed(record)),
            _ => {
                let result = record.result.clone().unwrap_or_default();
                let what = |error| format!("the answer of `{}`: {error}", record.command_type);
                result.to().map_err(|error| CommandError::Invalid(what(error)))
            }
        }
    }
}

/// Commands from a workflow.
pub trait SendCommands {
    /// Sends a command as a step of the workflow: the step, the command and its events are one
    /// commit. A rejection fails the step with the domain's code as its type, and is not retried.
    fn command<I: Serialize, O: DeserializeOwned>(
        &self,
        command: Command<I, O>,
        payload: &I,
    ) -> impl Future<Output = Result<O, ActivityError>>;
}

impl SendCommands for WorkflowContext {
    async fn command<I: Serialize, O: DeserializeOwned>(
        &self,
        command: Command<I, O>,
        payload: &I,
    ) -> Result<O, ActivityError> {
        let payload = Payload::from_value(payload)?;
        let id = self.uuid().to_string();
        let mut request = CommandRequest::new(command.name(), id, payload, Entry::Workflow);
        request.correlation_id = self.workflow_id().to_owned();
        request.user_id = format!("workflow:{}", self.workflow_id());
        let sent = self.transaction(step(command.name()), request).await;
        let outcome = sent.map_err(|error| match error.kind() {
            ActivityError::UNKNOWN_TYPE => {
                let what = format!("no handler for command `{}` is registered", command.name());
                ActivityError::new(UNKNOWN, what).non_retryable()
            }
            _ => error,
        })?;
        let record = &outcome.record;
        match (record.status, &record.code) {
            (CommandStatus::Executed, _) => Ok(orchestrator::answer(&outcome).to()?),
            (_, code) => {
                let code = code.as_deref().unwrap_or(orchestrator::FAILED);
                let message = record.message.clone().unwrap_or_default();
                let error = ActivityError::new(code, message).non_retryable();
                Err(error.with_details(Payload::from_value(&record.context)?))
            }
        }
    }
}

/// Commands that undo a workflow's steps.
pub trait UndoByCommand {
    /// Registers the command that undoes the step which comes next; see [`Saga::compensate`]. It is
    /// sent only when it is needed.
    fn compensate_by<I: Serialize + 'static, O: DeserializeOwned + 'static>(
        &self,
        command: Command<I, O>,
        payload: I,
    );
}

impl UndoByCommand for Saga {
    fn compensate_by<I: Serialize + 'static, O: DeserializeOwned + 'static>(
        &self,
        command: Command<I, O>,
        payload: I,
    ) {
        let ctx = self.context().clone();
        let undo = async move { ctx.command(command, &payload).await };
        self.compensate_with(command.name(), undo);
    }
}

impl From<Rejection> for CommandError {
    fn from(rejection: Rejection) -> Self {
        Self::Engine(TransactError::Rejected(rejection))
    }
}
