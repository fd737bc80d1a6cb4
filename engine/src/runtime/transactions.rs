//! Transactions: pure functions over the application's rows that commit with their result.
//!
//! A transaction runs on the loop, on the newest state, and its writes go into the open batch
//! together with the events of the activity that asked for it. So it happened with its result, or
//! not at all, and two of them never run on the same state.

use std::panic::AssertUnwindSafe;

use everstep_storage::log::Origin;

use super::app_rows::Latest;
use super::effect::Effect;
use super::mailbox::{Act, Address, AddressedRun, Letter, start};
use super::message::Reply;
use super::panics;
use super::shard::Shard;
use super::step::Step;
use crate::kernel::{ActivityState, Command};
use crate::sdk::{Ask, Circumstances};
use crate::{
    ActivityError, Failure, IdReuse, OnConflict, Payload, Rejection, RunId, RunStatus, Selector,
    SignalInput, StartRequest, TransactionContext,
};

/// Transactions that are run before the batch is committed and requests have their turn again.
const TRANSACTIONS_A_TURN: usize = 1_024;

/// The code of a transaction that a caller in this process hands over.
pub(super) type TransactionCode =
    Box<dyn FnOnce(&mut TransactionContext<'_>) -> Result<(), Failure> + Send>;

/// Why a transaction had no effect.
pub(super) enum Refused {
    /// Its own code said so.
    ByItself(Failure),
    /// Its own code said nothing, but somebody had a say in what it appended.
    Vetoed(Failure),
    /// The engine could not do what it asked for.
    ByEngine(Rejection),
}

impl Refused {
    /// For people.
    pub(super) fn why(&self) -> String {
        match self {
            Self::ByItself(failure) | Self::Vetoed(failure) => failure.message.clone(),
            Self::ByEngine(rejection) => rejection.to_string(),
        }
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::ByEngine(rejection)
    }
}

impl Shard {
    /// Runs the transactions that workflows have asked for.
    pub(super) fn run_transactions(&mut self) {
        for _ in 0..TRANSACTIONS_A_TURN {
            let Some((run_id, activity_id)) = self.turn.transactions.pop_front() else { return };
            self.progress.step();
            self.run_transaction(run_id, activity_id);
            self.split();
        }
    }

    fn run_transaction(&mut self, run_id: RunId, activity_id: u32) {
        let Some(resident) = self.residents.get(run_id) else { return };
        let Some(activity) = resident.run.activities.get(&activity_id) else { return };
        // Withdrawn meanwhile, or held back: whoever lets the run go on asks again.
        if resident.run.status != RunStatus::Running
            || activity.cancel_requested_at.is_some()
            || matches!(activity.state, ActivityState::Started(_))
        {
            return;
        }
        let (namespace, input) = (resident.namespace.clone(), activity.input.clone());
        let name = std::sync::Arc::clone(&activity.activity_type);
        let origin = Some(Origin {
            workflow_id: resident.run.started.workflow_id.as_str().into(),
            run_id: run_id.to_string().into(),
            activity_id,
        });
        let registry = std::sync::Arc::clone(&self.inner.registry);
        self.progress.run(run_id);
        let outcome = match registry.transactions.get(&*name) {
            Some(entry) => {
                let mut outcome = Payload::null();
                let done = self.transact_at(&namespace, origin, |tx| {
                    outcome = (entry.code)(tx, &input)?;
                    Ok(())
                });
                match done {
                    Ok(()) => self.checked(Ok(outcome)),
                    Err(Refused::ByItself(failure) | Refused::Vetoed(failure)) => {
                        Err(entry.judge(failure))
                    }
                    Err(Refused::ByEngine(Rejection::Unavailable(why))) => {
                        Err(Failure::new("unavailable", why))
                    }
                    Err(Refused::ByEngine(rejection)) => {
                        let failure = Failure::new(rejection.code(), rejection.to_string());
                        Err(entry.judge(failure))
                    }
                }
            }
            None => {
                let what = format!("transaction type `{name}` is not registered here");
                Err(Failure::new(ActivityError::UNKNOWN_TYPE, what))
            }
        };
        self.step(run_id, |step| step.end_transaction(activity_id, outcome));
        self.deliver_letters();
    }

    /// Runs a transaction for a caller in this process; it is told when the writes are durable.
    pub(super) fn transact_for(
        &mut self,
        namespace: &str,
        code: TransactionCode,
        reply: Reply<()>,
    ) {
        let allowed = self.check_namespace(namespace).map_err(Refused::ByEngine);
        let answer = match allowed.and_then(|()| self.transact(namespace, code)) {
            // The caller has its own code's failure already.
            Ok(()) | Err(Refused::ByItself(_)) => Ok(()),
            Err(Refused::Vetoed(failure)) => Err(Rejection::Vetoed(failure.into())),
            Err(Refused::ByEngine(rejection)) => Err(rejection),
        };
        self.turn.effects.push(Effect::Answer(reply, answer));
        self.deliver_letters();
    }

    /// Runs code on the newest state; what it writes and asks for goes into the open batch, or
    /// nothing of it does.
    pub(super) fn transact(
        &mut self,
        namespace: &str,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<(), Failure>,
    ) -> Result<(), Refused> {
        self.transact_at(namespace, None, code)
    }

    fn transact_at(
        &mut self,
        namespace: &str,
        origin: Option<Origin>,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<(), Failure>,
    ) -> Result<(), Refused> {
        self.snapshot()?;
        let registry = std::sync::Arc::clone(&self.inner.registry);
        let (changes, asks, appended) = {
            let Some(snapshot) = self.snapshot.as_deref() else { return Ok(()) };
            self.logs.open(namespace, snapshot)?;
            let Some(log) = self.logs.get(namespace) else { return Ok(()) };
            let latest = Latest { rows: &self.app_rows, snapshot };
            let now = self.turn.now;
            let hooks = &registry.append_hooks[..];
            let limits = self.inner.config.limits;
            let log = log.draft(snapshot, now.as_millis());
            let circumstances = Circumstances {
                namespace,
                now,
                origin,
                hooks,
                limits,
                owners: &registry.owners,
                extensions: &registry.extensions,
                end_hooks: &registry.end_hooks,
            };
            let mut tx = TransactionContext::new(&latest, log, circumstances);
            let ended = panics::catch(AssertUnwindSafe(|| code(&mut tx)));
            let ended = ended.unwrap_or_else(|panic| {
                let place = panic.location.as_deref().unwrap_or("an unknown place");
                Err(Failure::new("panic", format!("{} (at {place})", panic.message)))
            });
            ended.map_err(Refused::ByItself)?;
            if let Some(failure) = tx.vetoed {
                return Err(Refused::Vetoed(failure));
            }
            (tx.changes, tx.asks, tx.log.into_changes())
        };
        let (mut letters, mut schedules) = (Vec::with_capacity(asks.len()), Vec::new());
        let mut announced = Vec::new();
        for ask in asks {
            match ask {
                Ask::Schedule(ask) => {
                    schedules.push(self.grant_schedule(namespace, ask, &schedules)?);
                }
                Ask::Announce(news) => announced.push(news),
                Ask::Start(request) => {
                    letters.push(self.checked_start(*request, &letters)?);
                }
                Ask::Signal { workflow_id, signal } => {
                    letters.push(self.checked_signal(namespace, workflow_id, signal, &letters)?);
                }
            }
        }
        self.snapshot()?;
        if let Some(snapshot) = self.snapshot.as_deref() {
            let turn = self.turn.number;
            self.app_rows.write(snapshot, changes, &mut self.turn.batch, turn)?;
        }
        if let Some(log) = self.logs.get_mut(namespace).filter(|_| !appended.is_empty()) {
            log.accept(appended, &mut self.turn.batch, self.turn.number);
        }
        letters.into_iter().for_each(|letter| self.turn.mailbox.post(letter));
        self.turn.effects.extend(announced.into_iter().map(Effect::Announce));
        schedules.into_iter().for_each(|granted| self.carry_out(granted));
        Ok(())
    }

    /// The letter that starts what was asked for, if it will be taken.
    fn checked_start(
        &mut self,
        request: StartRequest,
        before: &[Letter],
    ) -> Result<Letter, Rejection> {
        let workflow_id = request.workflow_id.clone().unwrap_or_default();
        if starts(before, &workflow_id) {
            return Err(Rejection::InvalidRequest(format!(
                "the transaction starts workflow `{workflow_id}` twice"
            )));
        }
        self.check_transactional_start(&request, &workflow_id)?;
        Ok(start(request, workflow_id, None, None))
    }

    /// The letter that sends what was asked for, if it will be taken.
    fn checked_signal(
        &mut self,
        namespace: &str,
        workflow_id: String,
        signal: SignalInput,
        before: &[Letter],
    ) -> Result<Letter, Rejection> {
        let namespace = namespace.to_owned();
        if !starts(before, &workflow_id) {
            let selector = Selector {
                namespace: namespace.clone(),
                workflow_id: workflow_id.clone(),
                run_id: None,
            };
            let target = self.target(&selector)?;
            if target.status.is_closed() {
                let status = target.status.to_string();
                return Err(Rejection::WorkflowClosed(workflow_id, status));
            }
        }
        let to = Address { namespace, workflow_id, run: AddressedRun::Newest };
        Ok(Letter { to, act: Act::Signal(signal), answer_to: None })
    }

    /// Refuses a start that would be refused once the transaction is committed.
    fn check_transactional_start(
        &mut self,
        request: &StartRequest,
        workflow_id: &str,
    ) -> Result<(), Rejection> {
        // The door of the transaction has checked what its code gave it.
        let name = &request.workflow_type;
        let registry = std::sync::Arc::clone(&self.inner.registry);
        let Some(entry) = registry.workflows.get(name.as_str()) else {
            let known: Vec<&str> = registry.workflow_types().collect();
            return Err(Rejection::UnknownWorkflowType(name.clone(), known.join(", ")));
        };
        let checked = panics::catch(AssertUnwindSafe(|| (entry.check_input)(&request.input)));
        checked.unwrap_or_else(|panic| Err(panic.message)).map_err(|error| {
            let what = format!("workflow type `{name}` cannot take this input: {error}");
            Rejection::Unprocessable(what)
        })?;
        let selector = Selector {
            namespace: request.namespace.clone(),
            workflow_id: workflow_id.to_owned(),
            run_id: None,
        };
        let (run_id, status) = match self.target(&selector) {
            Ok(target) => (target.run_id.to_string(), target.status),
            Err(Rejection::WorkflowNotFound(_)) => return Ok(()),
            Err(other) => return Err(other),
        };
        let workflow_id = workflow_id.to_owned();
        let allowed = match (status.is_closed(), request.id_reuse) {
            (_, IdReuse::TerminateIfRunning) | (true, IdReuse::AllowIfClosed) => true,
            (true, IdReuse::AllowIfFailed) => status != RunStatus::Completed,
            (true, IdReuse::RejectDuplicate) => false,
            (false, _) if request.on_conflict == OnConflict::UseExisting => true,
            (false, _) => return Err(Rejection::WorkflowAlreadyRunning(workflow_id, run_id)),
        };
        match allowed {
            true => Ok(()),
            false => Err(Rejection::WorkflowAlreadyExists(workflow_id, run_id, status.to_string())),
        }
    }
}

/// Whether one of these letters starts the workflow.
fn starts(letters: &[Letter], workflow_id: &str) -> bool {
    letters.iter().any(|letter| {
        matches!(letter.act, Act::Start { .. }) && letter.to.workflow_id == workflow_id
    })
}

impl Step<'_> {
    /// The attempt and its outcome stand in one batch with what the transaction wrote.
    fn end_transaction(&mut self, activity_id: u32, outcome: Result<Payload, Failure>) {
        self.turn.transacting = true;
        self.execute_own(Command::RetryActivity { activity_id });
        self.turn.transacting = false;
        let activity = self.resident.run.activities.get(&activity_id);
        let Some(attempt) = activity.map(|activity| activity.attempt) else { return };
        self.end_attempt(activity_id, attempt, outcome, None);
    }

    /// Whether the pending activity is a transaction.
    pub(super) fn is_transaction(&self, activity_id: u32) -> bool {
        let activity = self.resident.run.activities.get(&activity_id);
        activity.is_some_and(|activity| activity.options().transaction)
    }

    /// The loop runs it before it commits.
    pub(super) fn queue_transaction(&mut self, activity_id: u32) {
        if !self.turn.draining && self.resident.run.status == RunStatus::Running {
            self.turn.transactions.push_back((self.resident.run_id, activity_id));
        }
    }
}
