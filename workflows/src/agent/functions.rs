//! The functions of the agents' context: checkpoints, audit, dead letters, commands, approvals.
//!
//! ```no_run
//! use everstep_activities::contexts::{Caller, call};
//! use everstep_engine::{ActivityError, TransactionContext};
//! use everstep_workflows::agent::functions::{LOAD_CHECKPOINT, OfAgent};
//!
//! fn how_far(tx: &mut TransactionContext<'_>) -> Result<i64, ActivityError> {
//!     let caller = Caller::new("ada", tx.namespace());
//!     let of = OfAgent { agent_id: "churn-risk".to_owned() };
//!     Ok(call(tx, LOAD_CHECKPOINT, &caller, &of)?.last_processed_position)
//! }
//! ```

use everstep_activities::contexts::{Context, ContextCommand};
use everstep_activities::dead_letters::{DeadLetter, NewDeadLetter, ignore, retry};
use everstep_engine::ActivityError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{AuditEvent, AuditType};
use super::books::{self, AgentsContext, Books, Take};
use super::error::{AGENT_NOT_FOUND, refused};
use super::job::decision_id;
use super::records::{
    AgentApproval, AgentCommand, AgentCommandStatus, ApprovalStatus, Checkpoint, RecordedError,
};
use super::{approvals, dead_letters};

/// The most that one list gives.
const MOST: usize = 200;

/// Which agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfAgent {
    /// Its id.
    pub agent_id: String,
}

/// How far an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Which agent.
    pub agent_id: String,
    /// The event that is dealt with.
    pub position: u64,
    /// Its lane.
    pub lane: String,
}

/// A record for the audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAuditEvent {
    /// Which agent.
    pub agent_id: String,
    /// What it tells of.
    #[serde(rename = "type")]
    pub audit_type: AuditType,
    /// The decision that it belongs to.
    #[serde(default)]
    pub decision_id: Option<String>,
    /// What else is to be said.
    #[serde(default)]
    pub data: Value,
}

/// Which records of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditQuery {
    /// Whose.
    pub agent_id: String,
    /// Of this type; every type when absent.
    #[serde(default, rename = "type")]
    pub audit_type: Option<AuditType>,
    /// From before this number.
    #[serde(default)]
    pub before: Option<u64>,
    /// At most so many; 50 when absent.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// A dead letter about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAgentDeadLetter {
    /// Whose.
    pub agent_id: String,
    /// The event's place in the log.
    pub position: u64,
    /// The event's type.
    pub event_type: String,
    /// What went wrong.
    pub error: RecordedError,
}

/// What becomes of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfDeadLetter {
    /// Which one.
    pub dead_letter_id: String,
    /// Why; needed to ignore one.
    #[serde(default)]
    pub reason: String,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandMoved {
    /// Which one.
    pub command_id: String,
    /// How far it has come.
    pub status: AgentCommandStatus,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<RecordedError>,
}

/// Which commands or approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfStatus {
    /// Whose.
    pub agent_id: String,
    /// Of this status; `pending` when absent.
    #[serde(default)]
    pub status: Option<String>,
    /// At most so many; 50 when absent.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// A decision about an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// Which approval.
    pub approval_id: String,
    /// What is to be remembered: a note, or why it is rejected.
    #[serde(default)]
    pub reason: String,
}

macro_rules! functions {
    ($($(#[$doc:meta])* $constant:ident = $name:literal: $input:ty => $output:ty;)*) => {
        $($(#[$doc])* pub const $constant: ContextCommand<$input, $output> =
            ContextCommand::new("agents", $name);)*
        /// Their names.
        pub(super) const FUNCTIONS: [&str; 18] = [$($name),*];
    };
}

functions! {
    /// The checkpoint; one that was not there is begun.
    LOAD_CHECKPOINT = "loadCheckpoint": OfAgent => Checkpoint;
    /// An event is dealt with.
    UPDATE_CHECKPOINT = "updateCheckpoint": Moved => Checkpoint;
    /// Adds a record; answers its number.
    RECORD_AUDIT_EVENT = "recordAuditEvent": NewAuditEvent => u64;
    /// Records of one agent, newest first.
    QUERY_AUDIT_EVENTS = "queryAuditEvents": AuditQuery => Vec<AuditEvent>;
    /// The newest records of one agent.
    GET_AUDIT_EVENTS_BY_AGENT = "getAuditEventsByAgent": OfAgent => Vec<AuditEvent>;
    /// Writes down that an event was given up; answers the letter's id.
    RECORD_DEAD_LETTER = "recordDeadLetter": NewAgentDeadLetter => String;
    /// Handles it again.
    REPLAY_DEAD_LETTER = "replayDeadLetter": OfDeadLetter => DeadLetter;
    /// It need not be handled.
    IGNORE_DEAD_LETTER = "ignoreDeadLetter": OfDeadLetter => DeadLetter;
    /// The dead letter of an event, by agent and position.
    QUERY_DEAD_LETTERS = "queryDeadLetters": Moved => Option<String>;
    /// Writes a command down.
    RECORD_COMMAND = "recordCommand": AgentCommand => String;
    /// A command has come further.
    UPDATE_COMMAND_STATUS = "updateCommandStatus": CommandMoved => AgentCommand;
    /// Commands of one agent, newest first.
    QUERY_COMMANDS = "queryCommands": OfStatus => Vec<AgentCommand>;
    /// Somebody has to decide.
    CREATE_APPROVAL = "createApproval": AgentApproval => String;
    /// Somebody says yes.
    APPROVE_ACTION = "approveAction": Review => AgentApproval;
    /// Somebody says no.
    REJECT_ACTION = "rejectAction": Review => AgentApproval;
    /// Approvals of one agent, newest first.
    QUERY_PENDING_APPROVALS = "queryPendingApprovals": OfStatus => Vec<AgentApproval>;
    /// Expires what should have been; answers how many.
    EXPIRE_PENDING = "expirePending": OfAgent => usize;
    /// One approval.
    GET_APPROVAL = "getApproval": Review => AgentApproval;
}

pub(super) fn declare(context: Context<AgentsContext>) -> Context<AgentsContext> {
    let context = context
        .command(LOAD_CHECKPOINT, |books, _, of| {
            known(books, &of.agent_id)?;
            books::load_checkpoint(books, &of.agent_id)
        })
        .command(UPDATE_CHECKPOINT, |books, _, moved| {
            known(books, &moved.agent_id)?;
            books::keep_lane(books, &moved.agent_id, &moved.lane, moved.position)?;
            let mut checkpoint = books::load_checkpoint(books, &moved.agent_id)?;
            checkpoint.end(moved.position);
            books::keep_checkpoint(books, checkpoint)?;
            let told = json!({ "position": moved.position, "lane": moved.lane });
            books::note(books, &moved.agent_id, AuditType::CheckpointUpdated, None, told)?;
            books::load_checkpoint(books, &moved.agent_id)
        })
        .command(RECORD_AUDIT_EVENT, |books, _, new| {
            known(books, &new.agent_id)?;
            let decision_id = new.decision_id.as_deref();
            books::note(books, &new.agent_id, new.audit_type, decision_id, new.data)
        })
        .command(QUERY_AUDIT_EVENTS, |books, _, query| audit(books, &query))
        .command(GET_AUDIT_EVENTS_BY_AGENT, |books, _, OfAgent { agent_id }| {
            audit(books, &AuditQuery { agent_id, audit_type: None, before: None, limit: None })
        });
    let context = context
        .command(RECORD_DEAD_LETTER, |books, _, new| record_dead_letter(books, &new))
        .command(REPLAY_DEAD_LETTER, |books, caller, of| {
            retry(books.transaction(), &of.dead_letter_id, &caller.user_id)
        })
        .command(IGNORE_DEAD_LETTER, |books, caller, of| {
            ignore(books.transaction(), &of.dead_letter_id, &caller.user_id, &of.reason)
        })
        .command(QUERY_DEAD_LETTERS, |books, _, of| {
            let letter = books::letter_of(books, &decision_id(&of.agent_id, of.position))?;
            Ok(letter.map(|letter| letter.dead_letter_id))
        })
        .command(RECORD_COMMAND, |books, _, command| {
            known(books, &command.agent_id)?;
            let id = command.command_id.clone();
            let fresh = AgentCommand { steps: Vec::new(), ..command };
            books::keep_command(books, fresh, AgentCommandStatus::Pending)?;
            Ok(id)
        })
        .command(UPDATE_COMMAND_STATUS, |books, _, moved| {
            let mut command = books::command(books, &moved.command_id)?;
            command.error = moved.error;
            books::keep_command(books, command, moved.status)?;
            books::command(books, &moved.command_id)
        });
    context
        .command(QUERY_COMMANDS, |books, _, of| {
            let status = of.status.as_deref().unwrap_or("pending");
            books::commands(books, (&of.agent_id, status), None, most(of.limit))
        })
        .command(CREATE_APPROVAL, |books, _, approval| {
            known(books, &approval.agent_id)?;
            let id = approval.approval_id.clone();
            let fresh = AgentApproval { status: ApprovalStatus::Pending, ..approval };
            let before = books::find_approval(books, &id)?;
            match before {
                Some(_) => Err(refused("invalid_request", format!("approval `{id}` exists"))),
                None => books::keep_approval(books, &fresh, None),
            }?;
            let start = (approvals::AGENT_APPROVAL, approvals::workflow_id(&id), fresh.waits());
            books.transaction().start(start.0, start.1, &start.2)?;
            Ok(id)
        })
        .command(APPROVE_ACTION, |books, caller, of| {
            let note = Some(of.reason.trim()).filter(|note| !note.is_empty());
            approvals::approve(books.transaction(), &of.approval_id, &caller.user_id, note)
        })
        .command(REJECT_ACTION, |books, caller, of| {
            let (tx, by) = (books.transaction(), &caller.user_id);
            approvals::reject(tx, &of.approval_id, by, &of.reason)
        })
        .command(QUERY_PENDING_APPROVALS, |books, _, of| {
            let status = of.status.as_deref().unwrap_or("pending");
            books::approvals(books, (&of.agent_id, status), None, most(of.limit))
        })
        .command(EXPIRE_PENDING, |books, _, of| {
            approvals::expire_pending(books.transaction(), &[of.agent_id.as_str()])
        })
        .command(GET_APPROVAL, |books, _, of| books::approval(books, &of.approval_id))
}

fn most(limit: Option<usize>) -> usize {
    limit.unwrap_or(50).min(MOST)
}

/// Refuses books of nobody.
fn known(books: &mut Books<'_, '_>, agent_id: &str) -> Result<(), ActivityError> {
    let agents = books.transaction().extension::<super::Agents>();
    match agents.is_some_and(|agents| agents.get(agent_id).is_some()) {
        true => Ok(()),
        false => Err(refused(AGENT_NOT_FOUND, format!("agent `{agent_id}` does not exist"))),
    }
}

fn audit(books: &Books<'_, '_>, query: &AuditQuery) -> Result<Vec<AuditEvent>, ActivityError> {
    let wanted = query.audit_type.as_ref();
    let looked =
        books::audit(
            books,
            &query.agent_id,
            query.before,
            most(query.limit),
            |record| match wanted.is_none_or(|wanted| wanted.takes(&record.audit_type)) {
                true => Take::Yes,
                false => Take::No,
            },
        );
    Ok(looked?.found)
}

fn record_dead_letter(
    books: &mut Books<'_, '_>,
    new: &NewAgentDeadLetter,
) -> Result<String, ActivityError> {
    known(books, &new.agent_id)?;
    let source = decision_id(&new.agent_id, new.position);
    let event_id = super::event::event_id(new.position);
    let payload = json!({ "event": {
        "eventId": event_id, "position": new.position, "type": new.event_type,
    } });
    let letter = NewDeadLetter::new(dead_letters::EVENTS, &source, &new.agent_id)
        .failure(&ActivityError::new(new.error.code.clone(), &new.error.message))
        .payload(payload);
    let id = dead_letters::keep(books.transaction(), letter, &source, &event_id)?;
    let told = json!({ "deadLetterId": id, "eventId": event_id, "code": new.error.code });
    books::note(books, &new.agent_id, AuditType::DeadLetterRecorded, Some(&source), told)?;
    Ok(id)
}
