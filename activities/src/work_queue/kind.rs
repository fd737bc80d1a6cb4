//! Kinds of work, and what is done for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_engine::{ActivityError, Extension, TransactionContext, Worker};

use super::{Patience, WorkItem, lane};
use crate::dead_letters::{DeadLetterKind, Retried, WorkerDeadLetters};

/// A kind of work. Make it a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkKind {
    letters: DeadLetterKind,
    patience: Patience,
}

impl WorkKind {
    /// Work that becomes dead letters of this kind, which names it, when it is given up.
    pub const fn new(letters: DeadLetterKind, patience: Patience) -> Self {
        Self { letters, patience }
    }

    /// The durable name.
    pub const fn name(self) -> &'static str {
        self.letters.name()
    }

    /// What becomes of work that is given up.
    pub const fn letters(self) -> DeadLetterKind {
        self.letters
    }

    /// How often it is tried.
    pub const fn patience(self) -> Patience {
        self.patience
    }
}

/// What is done for an item; each call is a transaction.
pub trait Work: Send + Sync + 'static {
    /// One attempt. What it wrote is undone when it returns an error.
    ///
    /// # Errors
    /// Why it did not work; one that is not retryable gives the item up at once.
    fn attempt(
        &self,
        tx: &mut TransactionContext<'_>,
        item: &WorkItem,
    ) -> Result<(), ActivityError>;

    /// Called in the transaction of an attempt that failed, after it was undone.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn failed(
        &self,
        _tx: &mut TransactionContext<'_>,
        _item: &WorkItem,
        _error: &ActivityError,
        _gives_up: bool,
    ) -> Result<(), ActivityError> {
        Ok(())
    }
}

impl<F> Work for F
where
    F: Fn(&mut TransactionContext<'_>, &WorkItem) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
{
    fn attempt(
        &self,
        tx: &mut TransactionContext<'_>,
        item: &WorkItem,
    ) -> Result<(), ActivityError> {
        self(tx, item)
    }
}

/// The kinds of work that a worker does.
#[derive(Default)]
pub struct WorkQueue {
    kinds: BTreeMap<&'static str, (WorkKind, Arc<dyn Work>)>,
}

impl Extension for WorkQueue {}

impl WorkQueue {
    pub(super) fn get(&self, kind: &str) -> Option<(WorkKind, Arc<dyn Work>)> {
        self.kinds.get(kind).map(|(kind, work)| (*kind, Arc::clone(work)))
    }
}

/// Work on a worker.
pub trait WorkerQueue {
    /// What is done for items of this kind. A dead letter's retry enqueues its item again.
    #[must_use]
    fn work(self, kind: WorkKind, work: impl Work) -> Self;
}

impl WorkerQueue for Worker {
    fn work(self, kind: WorkKind, work: impl Work) -> Self {
        let worker = match self.extension::<WorkQueue>() {
            Some(_) => self,
            None => lane::register(self),
        };
        worker
            .extend(|queue: &mut WorkQueue| {
                queue.kinds.insert(kind.name(), (kind, Arc::new(work)));
            })
            .dead_letters(kind.letters(), |tx, letter| {
                let item: WorkItem = serde_json::from_value(letter.payload.clone())?;
                let again = WorkItem { dead_letter_id: Some(letter.id.clone()), ..item };
                lane::send(tx, &again)?;
                Ok(Retried::UnderWay)
            })
    }
}
