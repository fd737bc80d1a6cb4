//! What an agent and a model have said to each other about one subject: a context of its own, beside
//! the agents'.
//!
//! Invariant: a thread has one agent and one subject, and no more turns than the window keeps. One
//! that nobody has touched for its time to live is forgotten by those that are.

use everstep_activities::llm::{LlmMessage, LlmRole};
use everstep_engine::{
    ActivityError, BoundedContext, ContextReads, ContextTable, ContextTx, Keys, Timestamp,
    TransactionContext,
};
use serde::{Deserialize, Serialize};

/// The threads' own context.
#[derive(Debug)]
pub struct ThreadsContext(());

impl BoundedContext for ThreadsContext {
    const NAME: &'static str = "llm-threads";
}

pub(super) const THREADS: ContextTable<ThreadsContext, AgentThread> = ContextTable::new("threads");

/// Messages that a thread keeps: the newest.
const WINDOW: usize = 20;
/// How long a thread is kept that nobody touches.
const TIME_TO_LIVE_MS: u64 = 30 * 86_400_000;
/// Threads that one write looks at, to forget what is old.
const SWEPT: usize = 2;

/// A conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentThread {
    /// `agent:{agent}:customer:{subject}`.
    pub thread_id: String,
    /// What was said, oldest first.
    pub messages: Vec<LlmMessage>,
    /// How many messages there ever were.
    pub said: u64,
    /// When something was last said.
    pub updated_at: Timestamp,
}

/// The id of the thread of an agent and a subject.
pub fn thread_id(agent_id: &str, subject: &str) -> String {
    format!("agent:{agent_id}:customer:{subject}")
}

pub(super) const fn own() -> ThreadsContext {
    ThreadsContext(())
}

/// Opens the threads within a transaction.
pub(super) fn open<'t, 'a>(
    tx: &'t mut TransactionContext<'a>,
) -> Result<ContextTx<'t, 'a, ThreadsContext>, ActivityError> {
    tx.enter(&own())
}

/// The thread, if anything was ever said in it.
pub(super) fn read(
    threads: &impl ContextReads<ThreadsContext>,
    id: &str,
) -> Result<Option<AgentThread>, ActivityError> {
    threads.get(THREADS, id)
}

/// Adds a question and its answer.
pub(super) fn append(
    tx: &mut TransactionContext<'_>,
    id: &str,
    question: &str,
    answer: &str,
) -> Result<(), ActivityError> {
    let mut own = open(tx)?;
    let now = own.now();
    let known = own.get(THREADS, id)?;
    let is_new = known.is_none();
    let mut thread = known.unwrap_or_else(|| AgentThread {
        thread_id: id.to_owned(),
        messages: Vec::new(),
        said: 0,
        updated_at: now,
    });
    thread.messages.push(LlmMessage::new(LlmRole::User, question));
    thread.messages.push(LlmMessage::new(LlmRole::Assistant, answer));
    let surplus = thread.messages.len().saturating_sub(WINDOW);
    thread.messages.drain(..surplus);
    thread.said += 2;
    thread.updated_at = now;
    own.put(THREADS, id, &thread)?;
    if is_new {
        for (other, beside) in own.range(THREADS, &Keys::all().after(id).limit(SWEPT))? {
            if now.millis_since(beside.updated_at) > TIME_TO_LIVE_MS {
                own.delete(THREADS, &other)?;
            }
        }
    }
    Ok(())
}
