//! Kinds of dead letters, and what a retry of each does.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_engine::{ActivityError, Extension, TransactionContext, Worker};

use super::{DeadLetter, DeadLetterStatus};

/// A kind of work that may be given up on. Make it a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterKind {
    name: &'static str,
    resolved: &'static str,
}

impl DeadLetterKind {
    /// The kind of that name: `eventAppend`, `publication`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, resolved: "resolved" }
    }

    /// What this kind's own interface calls a letter that was tried again and worked.
    #[must_use]
    pub const fn calls_resolved(mut self, word: &'static str) -> Self {
        self.resolved = word;
        self
    }

    /// The durable name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What this kind's own interface calls a state.
    pub fn word(self, status: DeadLetterStatus) -> &'static str {
        use everstep_decider::fsm::State;
        match status {
            DeadLetterStatus::Resolved => self.resolved,
            other => other.name(),
        }
    }
}

/// How a retry began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is over, and it worked.
    Resolved,
    /// It has begun; whoever ends it says so by [`resolved`](super::resolved) or
    /// [`failed_again`](super::failed_again).
    UnderWay,
}

type Retry = dyn Fn(&mut TransactionContext<'_>, &DeadLetter) -> Result<Retried, ActivityError>
    + Send
    + Sync;

/// The kinds that a worker knows.
#[derive(Default)]
pub struct DeadLetters {
    kinds: BTreeMap<&'static str, (DeadLetterKind, Arc<Retry>)>,
}

impl Extension for DeadLetters {}

impl DeadLetters {
    /// The kind of that name, if the worker can retry it.
    pub fn kind(&self, name: &str) -> Option<DeadLetterKind> {
        self.kinds.get(name).map(|(kind, _)| *kind)
    }

    pub(super) fn retry(&self, name: &str) -> Option<Arc<Retry>> {
        self.kinds.get(name).map(|(_, retry)| Arc::clone(retry))
    }
}

/// Kinds of dead letters on a worker.
pub trait WorkerDeadLetters {
    /// Letters of this kind are tried again so: in one transaction, which begins the work anew or is
    /// the work. What it wrote is undone when it returns an error, and the letter is pending again.
    #[must_use]
    fn dead_letters(
        self,
        kind: DeadLetterKind,
        retry: impl Fn(&mut TransactionContext<'_>, &DeadLetter) -> Result<Retried, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self;
}

impl WorkerDeadLetters for Worker {
    fn dead_letters(
        self,
        kind: DeadLetterKind,
        retry: impl Fn(&mut TransactionContext<'_>, &DeadLetter) -> Result<Retried, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.extend(|known: &mut DeadLetters| {
            known.kinds.insert(kind.name(), (kind, Arc::new(retry)));
        })
    }
}
