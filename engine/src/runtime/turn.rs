//! One turn: what happens to runs between two commits, and the batch and effects that come of it.

use std::collections::VecDeque;

use everstep_storage::Batch;

use super::effect::Effect;
use super::index::Tally;
use super::mailbox::Mailbox;
use super::start::LastRunId;
use crate::kernel::{HistoryEvent, WorkflowStarted};
use crate::{PayloadLimits, RunId, Timestamp};

/// The open turn.
pub(super) struct Turn {
    /// Counts turns; the one that is open has this number.
    pub(super) number: u64,
    pub(super) batch: Batch,
    pub(super) effects: Vec<Effect>,
    /// How many times a run was changed.
    pub(super) steps: usize,
    /// The engine's time while the turn's messages are handled.
    pub(super) now: Timestamp,
    /// How large what is recorded may be.
    pub(super) limits: PayloadLimits,
    /// New attempts are recorded as scheduled only: the next process starts them.
    pub(super) draining: bool,
    /// The clock is the test kit's, and run ids are the same each time.
    pub(super) staged: bool,
    /// Somebody takes spans.
    pub(super) traced: bool,
    /// Somebody follows commits: the same for the whole turn.
    pub(super) watched: bool,
    /// The run that the run at hand has continued as; none between steps.
    pub(super) successor: Option<Box<WorkflowStarted>>,
    /// Where the ids of new runs come from.
    pub(super) last_run_id: LastRunId,
    /// What runs ask of each other.
    pub(super) mailbox: Mailbox,
    /// What happens to the lists and counters of runs.
    pub(super) tally: Tally,
    /// Activities that want an attempt from the queue that they name.
    pub(super) offers: Vec<(RunId, u32)>,
    /// Activities that want none any more.
    pub(super) unqueued: Vec<(RunId, u32)>,
    /// Transactions that are to run before the batch is committed: run and activity.
    pub(super) transactions: VecDeque<(RunId, u32)>,
    /// Some types have hooks that run with the end of their runs.
    pub(super) hooked: bool,
    /// Runs that the step at hand has closed, where there are hooks; empty between steps.
    pub(super) endings: Vec<RunId>,
    /// The attempt that is recorded now has run already.
    pub(super) transacting: bool,
    /// Events that the code of the run at hand has not seen yet; empty between steps.
    pub(super) unseen: VecDeque<HistoryEvent>,
    /// Encoded events of the run at hand that are not in the batch yet; empty between steps.
    pub(super) encoded: Vec<u8>,
    /// Room in which records are encoded, so that it need not grow anew for each.
    pub(super) record: Vec<u8>,
}
