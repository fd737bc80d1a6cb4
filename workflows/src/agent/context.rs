//! The agents' bounded context: its contract, and what may be called of it from outside.
//!
//! Invariant: everything that the application or a page learns of the books, and everything that
//! either changes in them, goes through one of these functions or commands.

use everstep_activities::commands::{Command, Decision, Handled, WorkerCommands};
use everstep_activities::contexts::{Context, Contract, WorkerContexts};
use everstep_activities::decider::Rejection;
use everstep_activities::language::SchemaVersion;
use everstep_engine::{ActivityError, BoundedContext, Payload, Role, TransactionContext, Worker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::admit::agent;
use super::audit::AuditType;
use super::books::{self, AgentsContext};
use super::definition::Agents;
use super::error::INVALID_LIFECYCLE_TRANSITION;
use super::functions::{self, FUNCTIONS};
use super::lifecycle::LifecycleVerb;
use super::threads::{self, ThreadsContext};

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);

/// What a lifecycle command takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Steer {
    /// Which agent.
    pub agent_id: String,
    /// Why, for whoever looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What takes the place of the program's settings; for `ReconfigureAgent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_overrides: Option<Value>,
}

/// The commands that steer an agent.
pub const LIFECYCLE: [(LifecycleVerb, Command<Steer, Value>); 5] = [
    (LifecycleVerb::Start, Command::new("StartAgent").role(Role::Operator)),
    (LifecycleVerb::Pause, Command::new("PauseAgent").role(Role::Operator)),
    (LifecycleVerb::Resume, Command::new("ResumeAgent").role(Role::Operator)),
    (LifecycleVerb::Stop, Command::new("StopAgent").role(Role::Operator)),
    (LifecycleVerb::Reconfigure, Command::new("ReconfigureAgent").role(Role::Operator)),
];

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(AgentsContext::NAME, V1)
        .description("what agents have seen, decided and done, and what waits for somebody")
        .commands(LIFECYCLE.map(|(_, command)| command.name()))
        .functions(FUNCTIONS)
        .table(books::CHECKPOINTS.name(), V1)
        .table(books::LANES.name(), V1)
        .table(books::AUDIT.name(), V1)
        .table(books::COMMANDS.name(), V1)
        .table(books::APPROVALS.name(), V1)
        .table(books::LETTERS.name(), V1)
        .table(books::RECORDS.name(), V1)
        .table(books::USAGE.name(), V1)
        .errors([
            INVALID_LIFECYCLE_TRANSITION,
            "AGENT_NOT_FOUND",
            "AGENT_RECORD_NOT_FOUND",
            "APPROVAL_EXPIRED",
            "APPROVAL_ALREADY_DECIDED",
            "DEAD_LETTER_NOT_FOUND",
            "DEAD_LETTER_NOT_PENDING",
            "REASON_REQUIRED",
        ]);
    let context = functions::declare(Context::new(books::own(), contract).by_deciders());
    let threads = Contract::new(ThreadsContext::NAME, V1)
        .description("what agents and models have said to each other")
        .table(threads::THREADS.name(), V1);
    let worker = worker.context(context).context(Context::new(threads::own(), threads));
    LIFECYCLE.into_iter().fold(worker, |worker, (verb, command)| {
        worker.commands(|commands| {
            commands.handle(command, move |tx, steer: Steer, _| steer_agent(tx, verb, &steer));
        })
    })
}

fn steer_agent(
    tx: &mut TransactionContext<'_>,
    verb: LifecycleVerb,
    steer: &Steer,
) -> Result<Handled, ActivityError> {
    let rejected =
        |code: &'static str, what: String| Ok(Handled::Rejected(Rejection::new(code, what)));
    let agent = match agent(tx, &steer.agent_id) {
        Ok(agent) => agent,
        Err(error) => return rejected("AGENT_NOT_FOUND", error.failure().message.clone()),
    };
    if let Some(overrides) = &steer.config_overrides
        && let Err(error) = agent.settings.overridden(agent.id, overrides)
    {
        return rejected(error.code(), error.to_string());
    }
    let mut books = books::open(tx)?;
    let mut checkpoint = books::load_checkpoint(&mut books, agent.id)?;
    let before = checkpoint.status;
    checkpoint.status = match verb.apply(before) {
        Ok(status) => status,
        Err(what) => return rejected(INVALID_LIFECYCLE_TRANSITION, what),
    };
    let kind = match verb {
        LifecycleVerb::Start => AuditType::AgentStarted,
        LifecycleVerb::Pause => AuditType::AgentPaused,
        LifecycleVerb::Resume => AuditType::AgentResumed,
        LifecycleVerb::Stop => AuditType::AgentStopped,
        LifecycleVerb::Reconfigure => AuditType::AgentReconfigured,
    };
    if verb == LifecycleVerb::Reconfigure {
        checkpoint.config_overrides = steer.config_overrides.clone().unwrap_or_default();
    } else {
        checkpoint.failures_in_a_row = 0;
        checkpoint.reason.clone_from(&steer.reason);
    }
    let after = checkpoint.status;
    books::keep_checkpoint(&mut books, checkpoint)?;
    let told = json!({
        "from": before, "to": after, "reason": steer.reason,
        "configOverrides": steer.config_overrides,
    });
    books::note(&mut books, agent.id, kind, None, told)?;
    Agents::announce(books.transaction());
    let answer = json!({ "agentId": agent.id, "status": after });
    Ok(Handled::Executed(Decision::new().result(Payload::from_value(&answer)?)))
}
