//! What one run does to another: letters, posted by the sender's step and delivered by the loop.
//!
//! ```text
//! sender's step ──► post ──► delivered in the same turn: one batch holds both sides, no row
//!                     │
//!                     └────► the batch is closed first: a row of `INBOX` in the sender's batch,
//!                            deleted in the batch of what the letter causes at its target
//! ```
//!
//! Invariant: a letter is written with the events that posted it and deleted with the events that
//! it causes, so it acts exactly once, whatever process comes after. Letters of one sender to one
//! target act in the order in which they were posted. Only `delivery` takes letters out.

use std::collections::VecDeque;
use std::sync::Arc;

use everstep_storage::{Batch, Range, Snapshot};
use serde::{Deserialize, Serialize};

use super::keys::{self, INBOX};
use crate::kernel::{Answer, ParentLink, WorkflowStarted};
use crate::{Rejection, RunId, RunStatus, Selector, SignalInput, StartRequest};

/// Rows that are read at once.
const PAGE: usize = 1_024;

/// What one run asks of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) to: Address,
    pub(crate) act: Act,
    /// Whom the outcome is told; nobody when there is none to tell.
    pub(crate) answer_to: Option<AnswerTo>,
}

/// Which run a letter is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) namespace: String,
    pub(crate) workflow_id: String,
    pub(crate) run: AddressedRun,
}

/// Which of a workflow id's runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum AddressedRun {
    /// The newest, whatever it is.
    Newest,
    /// This one.
    Run(RunId),
    /// The newest, if its chain began with this run.
    Chain(RunId),
    /// The newest, if it is this child.
    Child(Box<ParentLink>),
}

/// What a letter does at its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Starts a workflow; `to` names its id.
    Start {
        request: Box<StartRequest>,
        /// Whose child the new run becomes.
        parent: Option<Box<ParentLink>>,
    },
    Signal(SignalInput),
    RequestCancel,
    Terminate {
        reason: String,
    },
    /// What became of something that the addressed run had asked for.
    Answer {
        answer: Box<Answer>,
        /// The run that had asked.
        asked_by: RunId,
    },
    /// A run that the schedule with the addressed id had started has closed.
    ScheduledRunClosed {
        first_run_id: RunId,
        status: RunStatus,
    },
}

/// Who asked, and under which of its ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnswerTo {
    pub(crate) namespace: String,
    pub(crate) workflow_id: String,
    /// The chain that asked; a later workflow of the same id is told nothing.
    pub(crate) first_run_id: RunId,
    /// The run of it that asked: one that was reset uses the ids again.
    pub(crate) run_id: RunId,
    /// The child's or the request's id.
    pub(crate) id: u32,
}

impl AnswerTo {
    /// The run that asks under `id`.
    pub(crate) fn new(asker: &WorkflowStarted, id: u32) -> Self {
        Self {
            namespace: asker.namespace.clone(),
            workflow_id: asker.workflow_id.clone(),
            first_run_id: asker.first_run_id(),
            run_id: asker.run_id,
            id,
        }
    }

    /// The letter that brings the answer.
    pub(crate) fn letter(self, answer: Answer) -> Letter {
        let Self { namespace, workflow_id, first_run_id, run_id: asked_by, .. } = self;
        let run = AddressedRun::Chain(first_run_id);
        let to = Address { namespace, workflow_id, run };
        Letter { to, act: Act::Answer { answer: Box::new(answer), asked_by }, answer_to: None }
    }
}

impl Address {
    /// What requests from outside would call it.
    pub(crate) fn selector(&self) -> Selector {
        Selector {
            namespace: self.namespace.clone(),
            workflow_id: self.workflow_id.clone(),
            run_id: match self.run {
                AddressedRun::Run(run_id) => Some(run_id),
                _ => None,
            },
        }
    }
}

/// A place in the order of letters.
pub(super) struct Reserved {
    place: (u64, u64),
    index: usize,
}

/// A letter under way.
pub(super) struct Posted {
    pub(super) letter: Letter,
    /// Its row, once a batch with it was closed; until then it is in memory only, like the events
    /// of the sender.
    row: Option<Vec<u8>>,
    place: (u64, u64),
}

/// All letters that were posted and not delivered.
#[derive(Default)]
pub(super) struct Mailbox {
    /// The owner's epoch and the next letter's number: together the order of all letters.
    next: (u64, u64),
    queue: VecDeque<Posted>,
    /// Letters at the queue's end whose rows are not in any batch yet.
    unwritten: usize,
    /// Rows of earlier times are still to be read, after this key; they come before the queue.
    unread: Option<Vec<u8>>,
    earlier: VecDeque<Posted>,
    /// Rows from here on stand in the queue.
    read_until: (u64, u64),
}

impl Mailbox {
    /// The mailbox of the owner with this epoch; what earlier owners left is still to be read.
    pub(super) fn new(epoch: u64) -> Self {
        let next = (epoch, 0);
        Self { next, unread: Some(Vec::new()), read_until: next, ..Self::default() }
    }

    /// Posts a letter. Its row goes into the batch that is open now, unless it is delivered before
    /// that batch is closed.
    pub(super) fn post(&mut self, letter: Letter) {
        let place = self.next;
        self.next.1 += 1;
        self.unwritten += 1;
        self.queue.push_back(Posted { letter, row: None, place });
    }

    /// A place for a letter that comes before all that is posted from now on.
    pub(super) fn reserve(&mut self) -> Reserved {
        let place = self.next;
        self.next.1 += 1;
        Reserved { place, index: self.queue.len() }
    }

    /// Posts a letter at its reserved place, within the turn that reserved it.
    pub(super) fn post_at(&mut self, reserved: &Reserved, letter: Letter) {
        let index = reserved.index.min(self.queue.len());
        self.queue.insert(index, Posted { letter, row: None, place: reserved.place });
        self.unwritten += 1;
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.unread.is_none() && self.earlier.is_empty()
    }

    /// The batch is about to be closed: letters that it posted and that are not delivered get
    /// their rows.
    pub(super) fn write_rows(&mut self, batch: &mut Batch) {
        if self.unwritten == 0 {
            return;
        }
        let first = self.queue.len() - self.unwritten;
        for posted in self.queue.range_mut(first..) {
            let Address { namespace, workflow_id, .. } = &posted.letter.to;
            let shard = keys::shard_of(namespace, workflow_id);
            let key = keys::letter(shard, posted.place, namespace);
            match postcard::to_stdvec(&posted.letter) {
                Ok(stored) => batch.put(INBOX, &key, &stored),
                // A letter's types all have a stored form; this cannot be reached.
                Err(error) => tracing::error!(%error, "a letter has no stored form"),
            }
            posted.row = Some(key);
        }
        self.unwritten = 0;
    }

    /// Whether rows of earlier times must be read before the next letter is taken.
    pub(super) fn must_read(&self) -> bool {
        self.earlier.is_empty() && self.unread.is_some()
    }

    /// Reads a page of the rows of earlier times.
    pub(super) fn read_some(&mut self, snapshot: &dyn Snapshot) -> Result<(), Rejection> {
        let Some(after) = self.unread.take() else { return Ok(()) };
        let rows = snapshot.range(Range::all(INBOX).after(&after).limit(PAGE))?;
        for (key, stored) in &rows {
            let corrupt = || Rejection::Corrupt(format!("a letter cannot be read: {key:?}"));
            let place = keys::parse_letter(key).ok_or_else(corrupt)?;
            if place >= self.read_until {
                continue;
            }
            let letter = postcard::from_bytes(stored).map_err(|_| corrupt())?;
            self.earlier.push_back(Posted { letter, row: Some(key.to_vec()), place });
        }
        self.unread = rows.last().filter(|_| rows.len() == PAGE).map(|(key, _)| key.to_vec());
        Ok(())
    }

    /// Takes the next letter.
    pub(super) fn take(&mut self) -> Option<Posted> {
        if let Some(posted) = self.earlier.pop_front() {
            return Some(posted);
        }
        let posted = self.queue.pop_front()?;
        self.unwritten = self.unwritten.min(self.queue.len());
        Some(posted)
    }

    /// The store could not be read: the letter stays the next one.
    pub(super) fn put_back(&mut self, posted: Posted) {
        if posted.place < self.read_until {
            self.earlier.push_front(posted);
            return;
        }
        self.unwritten += usize::from(posted.row.is_none());
        self.queue.push_front(posted);
    }

    /// Memory is forgotten: the rows know what is under way.
    pub(super) fn forget(&mut self) {
        let next = self.next;
        *self = Self { next, unread: Some(Vec::new()), read_until: next, ..Self::default() };
    }
}

impl Posted {
    /// The letter has acted: its row goes in the same batch.
    pub(super) fn delete_row(&self, batch: &mut Batch) {
        if let Some(row) = &self.row {
            batch.delete(INBOX, row);
        }
    }
}

/// The letter that starts `request` on its own.
pub(crate) fn start(
    request: StartRequest,
    workflow_id: String,
    parent: Option<Box<ParentLink>>,
    answer_to: Option<AnswerTo>,
) -> Letter {
    let namespace = request.namespace.clone();
    let request = StartRequest { workflow_id: Some(workflow_id.clone()), ..request };
    let to = Address { namespace, workflow_id, run: AddressedRun::Newest };
    Letter { to, act: Act::Start { request: Box::new(request), parent }, answer_to }
}

/// The child that `parent` knows as `child_id`.
pub(crate) fn link(parent: &Arc<WorkflowStarted>, child_id: u32) -> ParentLink {
    ParentLink {
        workflow_id: parent.workflow_id.clone(),
        run_id: parent.run_id,
        first_run_id: parent.first_run_id(),
        child_id,
    }
}
