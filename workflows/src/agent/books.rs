//! What the agents' context keeps, and the only code that reads and writes it.
//!
//! ```text
//! agentCheckpoints      agent, subscription            ──► status, how far, overrides
//! agentLanes            agent, subscription, lane      ──► how far in one lane
//! agentAuditEvents      agent, subscription, newest first ──► records, never changed
//! agentCommands         agent, subscription, id        ──► commands and how far they are
//! pendingApprovals      agent, subscription, id        ──► approvals, decided ones too
//! agentDeadLetters      agent, subscription, id        ──► which dead letter is whose
//! agentRecords          kind, agent, status, newest first, id ──► what lists are made of
//! agentUsage            agent                          ──► asked, waiting, spent
//! ```
//!
//! Invariant: a record and its place in a list move together. Every key begins with its agent and
//! then its subscription, so that both are a range.

use everstep_engine::{
    ActivityError, BoundedContext, ContextReads, ContextTable, ContextTx, Keys, Timestamp,
    TransactionContext,
};
use serde_json::Value;

use super::audit::{AuditEvent, AuditType};
use super::error::{RECORD_NOT_FOUND, refused};
use super::records::{
    AgentApproval, AgentCommand, AgentCommandStatus, ApprovalStatus, Checkpoint, CommandStep,
    LaneCheckpoint, LetterOf, Usage,
};

/// The agents' own context. Only this module can make a value of it, so nobody else opens its tables.
///
/// ```compile_fail,E0423
/// let own = everstep_workflows::agent::AgentsContext(());
/// # drop(own);
/// ```
#[derive(Debug)]
pub struct AgentsContext(());

impl BoundedContext for AgentsContext {
    const NAME: &'static str = "agents";
}

/// A transaction as the agents' context sees it.
pub(super) type Books<'t, 'a> = ContextTx<'t, 'a, AgentsContext>;

pub(super) const CHECKPOINTS: ContextTable<AgentsContext, Checkpoint> =
    ContextTable::new("agentCheckpoints");
pub(super) const LANES: ContextTable<AgentsContext, LaneCheckpoint> =
    ContextTable::new("agentLanes");
pub(super) const AUDIT: ContextTable<AgentsContext, AuditEvent> =
    ContextTable::new("agentAuditEvents");
pub(super) const COMMANDS: ContextTable<AgentsContext, AgentCommand> =
    ContextTable::new("agentCommands");
pub(super) const APPROVALS: ContextTable<AgentsContext, AgentApproval> =
    ContextTable::new("pendingApprovals");
pub(super) const RECORDS: ContextTable<AgentsContext, String> = ContextTable::new("agentRecords");
pub(super) const LETTERS: ContextTable<AgentsContext, LetterOf> =
    ContextTable::new("agentDeadLetters");
pub(super) const USAGE: ContextTable<AgentsContext, Usage> = ContextTable::new("agentUsage");

/// Between the parts of a key: no id contains it.
const SEPARATOR: char = '\u{1}';
/// Records that one list looks at.
const MOST_EXAMINED: usize = 5_000;

pub(super) const fn own() -> AgentsContext {
    AgentsContext(())
}

/// Opens the books within a transaction.
pub(super) fn open<'t, 'a>(
    tx: &'t mut TransactionContext<'a>,
) -> Result<Books<'t, 'a>, ActivityError> {
    tx.enter(&own())
}

/// The subscription of an agent.
pub fn subscription_of(agent_id: &str) -> String {
    format!("agent.{agent_id}")
}

fn key(parts: &[&str]) -> String {
    parts.join("\u{1}")
}

fn of_agent(agent_id: &str) -> String {
    key(&[agent_id, &subscription_of(agent_id)])
}

fn record_key(id: &str) -> String {
    let agent_id = id.split_once(':').map_or(id, |(agent, _)| agent);
    key(&[agent_id, &subscription_of(agent_id), id])
}

/// The checkpoint; one that was not there is begun.
pub(super) fn load_checkpoint(
    books: &mut Books<'_, '_>,
    agent_id: &str,
) -> Result<Checkpoint, ActivityError> {
    let key = of_agent(agent_id);
    if let Some(known) = books.get(CHECKPOINTS, &key)? {
        return Ok(known);
    }
    let fresh = Checkpoint::new(agent_id, &subscription_of(agent_id), books.now());
    books.put(CHECKPOINTS, &key, &fresh)?;
    Ok(fresh)
}

/// The checkpoint as it is, without beginning one.
pub(super) fn peek_checkpoint(
    books: &impl ContextReads<AgentsContext>,
    agent_id: &str,
) -> Result<Option<Checkpoint>, ActivityError> {
    books.get(CHECKPOINTS, &of_agent(agent_id))
}

pub(super) fn keep_checkpoint(
    books: &mut Books<'_, '_>,
    mut checkpoint: Checkpoint,
) -> Result<(), ActivityError> {
    checkpoint.updated_at = books.now();
    books.put(CHECKPOINTS, &of_agent(&checkpoint.agent_id), &checkpoint)
}

/// Notes that a lane has come so far.
pub(super) fn keep_lane(
    books: &mut Books<'_, '_>,
    agent_id: &str,
    lane: &str,
    position: u64,
) -> Result<(), ActivityError> {
    let last_processed_position = i64::try_from(position).unwrap_or(i64::MAX);
    let row = LaneCheckpoint { last_processed_position, updated_at: books.now() };
    books.put(LANES, &key(&[&of_agent(agent_id), lane]), &row)
}

/// Lanes in the order of their names.
pub(super) fn lanes(
    books: &impl ContextReads<AgentsContext>,
    agent_id: &str,
    limit: usize,
) -> Result<Vec<(String, LaneCheckpoint)>, ActivityError> {
    let prefix = format!("{}{SEPARATOR}", of_agent(agent_id));
    let found = books.range(LANES, &Keys::prefix(&prefix).limit(limit))?;
    let lane = |key: String| key[prefix.len()..].to_owned();
    Ok(found.into_iter().map(|(key, row)| (lane(key), row)).collect())
}

/// Adds a record to the audit.
pub(super) fn note(
    books: &mut Books<'_, '_>,
    agent_id: &str,
    audit_type: AuditType,
    decision_id: Option<&str>,
    data: Value,
) -> Result<u64, ActivityError> {
    let mut checkpoint = load_checkpoint(books, agent_id)?;
    checkpoint.last_audit_id += 1;
    let audit_id = checkpoint.last_audit_id;
    let record = AuditEvent {
        audit_id,
        agent_id: agent_id.to_owned(),
        subscription_id: checkpoint.subscription_id.clone(),
        audit_type,
        at: books.now(),
        decision_id: decision_id.map(str::to_owned),
        data,
    };
    books.put(CHECKPOINTS, &of_agent(agent_id), &checkpoint)?;
    books.put(AUDIT, &audit_key(agent_id, audit_id), &record)?;
    Ok(audit_id)
}

/// Newer ones first.
fn audit_key(agent_id: &str, audit_id: u64) -> String {
    key(&[&of_agent(agent_id), &format!("{:016x}", u64::MAX - audit_id)])
}

/// Records that were looked for.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Newest first.
    pub(super) found: Vec<AuditEvent>,
    /// The last one that was looked at, where there may be more behind it.
    pub(super) last: Option<(u64, Timestamp)>,
}

/// Records of one agent, newest first, from before `before`, as far as `takes` says.
pub(super) fn audit(
    books: &impl ContextReads<AgentsContext>,
    agent_id: &str,
    before: Option<u64>,
    limit: usize,
    mut takes: impl FnMut(&AuditEvent) -> Take,
) -> Result<Looked, ActivityError> {
    let prefix = format!("{}{SEPARATOR}", of_agent(agent_id));
    let mut after = before.map(|before| audit_key(agent_id, before));
    let (mut looked, mut examined) = (Looked::default(), 0);
    while examined < MOST_EXAMINED {
        let keys = Keys::prefix(&prefix).limit(200);
        let keys = match &after {
            Some(after) => keys.after(after),
            None => keys,
        };
        let page = books.range(AUDIT, &keys)?;
        let is_last = page.len() < 200;
        examined += page.len();
        for (key, record) in page {
            looked.last = Some((record.audit_id, record.at));
            match takes(&record) {
                Take::Yes => looked.found.push(record),
                Take::No => {}
                Take::Enough => return Ok(Looked { last: None, ..looked }),
            }
            after = Some(key);
            if looked.found.len() == limit {
                return Ok(looked);
            }
        }
        if is_last {
            return Ok(Looked { last: None, ..looked });
        }
    }
    Ok(looked)
}

/// What becomes of a record that is looked at.
pub(super) enum Take {
    Yes,
    No,
    /// Nor any that come after it.
    Enough,
}

/// What lists are made of.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Command,
    Approval,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Approval => "approval",
        }
    }
}

/// Where a record stands among those of its kind and status, whosever they are: newest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(String);

impl Place {
    /// Of a record of that time.
    pub(super) fn new(at: Timestamp, id: &str) -> Self {
        let down = i64::MAX.saturating_sub(at.as_millis().max(0));
        Self(format!("{down:016x}{SEPARATOR}{id}"))
    }

    /// As a page's token.
    pub(super) fn token(&self) -> String {
        self.0.replacen(SEPARATOR, ".", 1)
    }

    /// What a token stands for; none when it is of another list.
    pub(super) fn of_token(token: &str) -> Option<Self> {
        let (down, id) = token.split_once('.')?;
        let is_time = down.len() == 16 && down.bytes().all(|digit| digit.is_ascii_hexdigit());
        (is_time && !id.is_empty()).then(|| Self(format!("{down}{SEPARATOR}{id}")))
    }
}

/// Where a record stands in lists.
fn place(kind: Kind, agent_id: &str, status: &str, at: Timestamp, id: &str) -> String {
    key(&[kind.name(), agent_id, status, &Place::new(at, id).0])
}

/// Ids of one agent's records of a status, newest first, from after a place.
pub(super) fn ids(
    books: &impl ContextReads<AgentsContext>,
    kind: Kind,
    (agent_id, status): (&str, &str),
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<String>, ActivityError> {
    let prefix = format!("{}{SEPARATOR}", key(&[kind.name(), agent_id, status]));
    let keys = Keys::prefix(prefix.as_str()).limit(limit);
    let keys = match after {
        Some(place) => keys.after(prefix + &place.0),
        None => keys,
    };
    Ok(books.range(RECORDS, &keys)?.into_iter().map(|(_, id)| id).collect())
}

/// Commands of one agent and status, newest first, from after a place.
pub(super) fn commands(
    books: &impl ContextReads<AgentsContext>,
    of: (&str, &str),
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<AgentCommand>, ActivityError> {
    let ids = ids(books, Kind::Command, of, after, limit)?;
    ids.iter().map(|id| command(books, id)).collect()
}

/// Approvals of one agent and status, newest first, from after a place.
pub(super) fn approvals(
    books: &impl ContextReads<AgentsContext>,
    of: (&str, &str),
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<AgentApproval>, ActivityError> {
    let ids = ids(books, Kind::Approval, of, after, limit)?;
    ids.iter().map(|id| approval(books, id)).collect()
}

pub(super) const fn status_name(status: AgentCommandStatus) -> &'static str {
    match status {
        AgentCommandStatus::Pending => "pending",
        AgentCommandStatus::Processing => "processing",
        AgentCommandStatus::Completed => "completed",
        AgentCommandStatus::Failed => "failed",
    }
}

pub(super) fn command(
    books: &impl ContextReads<AgentsContext>,
    id: &str,
) -> Result<AgentCommand, ActivityError> {
    let found = books.get(COMMANDS, &record_key(id))?;
    found.ok_or_else(|| refused(RECORD_NOT_FOUND, format!("agent command `{id}` does not exist")))
}

/// Writes a command anew in another status, with its place in lists.
pub(super) fn keep_command(
    books: &mut Books<'_, '_>,
    mut command: AgentCommand,
    status: AgentCommandStatus,
) -> Result<(), ActivityError> {
    let now = books.now();
    let begun = command.steps.first().map_or(now, |step| step.at);
    let (agent_id, id) = (command.agent_id.clone(), command.command_id.clone());
    if !command.steps.is_empty() {
        let before = status_name(command.status);
        books.delete(RECORDS, &place(Kind::Command, &agent_id, before, begun, &id))?;
    }
    command.status = status;
    command.steps.push(CommandStep { status, at: now });
    let after = place(Kind::Command, &agent_id, status_name(status), begun, &id);
    books.put(RECORDS, &after, &id)?;
    books.put(COMMANDS, &record_key(&id), &command)
}

pub(super) fn approval(
    books: &impl ContextReads<AgentsContext>,
    id: &str,
) -> Result<AgentApproval, ActivityError> {
    let found = books.get(APPROVALS, &record_key(id))?;
    found.ok_or_else(|| refused(RECORD_NOT_FOUND, format!("approval `{id}` does not exist")))
}

/// An approval, if there is one.
pub(super) fn find_approval(
    books: &impl ContextReads<AgentsContext>,
    id: &str,
) -> Result<Option<AgentApproval>, ActivityError> {
    books.get(APPROVALS, &record_key(id))
}

/// A command, if there is one.
pub(super) fn find_command(
    books: &impl ContextReads<AgentsContext>,
    id: &str,
) -> Result<Option<AgentCommand>, ActivityError> {
    books.get(COMMANDS, &record_key(id))
}

/// Writes an approval, with its place in lists; `before` is the status that it had.
pub(super) fn keep_approval(
    books: &mut Books<'_, '_>,
    approval: &AgentApproval,
    before: Option<ApprovalStatus>,
) -> Result<(), ActivityError> {
    let (agent_id, id) = (&approval.agent_id, &approval.approval_id);
    let at = approval.created_at;
    if let Some(before) = before {
        books.delete(RECORDS, &place(Kind::Approval, agent_id, before.name(), at, id))?;
    }
    let after = place(Kind::Approval, agent_id, approval.status.name(), at, id);
    books.put(RECORDS, &after, id)?;
    books.put(APPROVALS, &record_key(id), approval)
}

/// What an agent has used, as of now.
pub(super) fn usage(
    books: &impl ContextReads<AgentsContext>,
    agent_id: &str,
) -> Result<Usage, ActivityError> {
    let mut usage = books.get(USAGE, agent_id)?.unwrap_or_default();
    usage.spending = usage.spending.on(books.now().as_millis());
    Ok(usage)
}

pub(super) fn keep_usage(
    books: &mut Books<'_, '_>,
    agent_id: &str,
    usage: &Usage,
) -> Result<(), ActivityError> {
    books.put(USAGE, agent_id, usage)
}

/// The dead letter of an event or a command, if it ever had one.
pub(super) fn letter_of(
    books: &impl ContextReads<AgentsContext>,
    source: &str,
) -> Result<Option<LetterOf>, ActivityError> {
    books.get(LETTERS, &record_key(source))
}

pub(super) fn keep_letter(
    books: &mut Books<'_, '_>,
    source: &str,
    letter: &LetterOf,
) -> Result<(), ActivityError> {
    books.put(LETTERS, &record_key(source), letter)
}
