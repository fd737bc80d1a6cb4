//! Checkpoints: what the overlay holds goes into the state file, in key order, in one commit.
//!
//! Invariant: a checkpoint takes published batches only, all of them up to its sequence number: the
//! layer that it freezes between two commits. A layer leaves the overlay only after its checkpoint
//! is durable and no older reader needs it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::core::Core;
use super::state::StateFile;
use super::values::{Extent, join};
use crate::error::StoreError;

/// So many parts of the files of values are given back after a checkpoint, or a sixteenth of those
/// that wait: each may cost two looks at the disk, and the next checkpoint waits meanwhile.
const GIVEN_BACK: usize = 4_096;

/// How often the applier looks. Being woken by each commit would cost each commit more.
const POLL: Duration = Duration::from_millis(10);

pub(super) struct Applier {
    /// `None` once the store is closed.
    state: Option<StateFile>,
    applied: u64,
    /// Since when the oldest write has been seen to wait.
    waiting_since: Option<Instant>,
    /// What checkpoints needed no more, which older readers may.
    freed: Vec<(u64, Vec<Extent>)>,
    /// What nobody needs any more.
    unread: Vec<Extent>,
}

impl Applier {
    pub(super) fn new(state: StateFile, applied: u64) -> Self {
        Self {
            state: Some(state),
            applied,
            waiting_since: None,
            freed: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// Gives back the file; `floor` is the oldest checkpoint that somebody still reads.
    pub(super) fn close(&mut self, floor: u64) -> Result<(), StoreError> {
        let Some(state) = self.state.take() else { return Ok(()) };
        self.sort_out(floor);
        give_back(&state, self.unread.drain(..));
        state.close()
    }

    /// Finds out what nobody needs any more.
    fn sort_out(&mut self, floor: u64) {
        let unread = self.freed.partition_point(|(since, _)| *since <= floor);
        if unread > 0 {
            self.unread.extend(self.freed.drain(..unread).flat_map(|(_, freed)| freed));
            join(&mut self.unread);
        }
    }

    fn is_due(&mut self, core: &Core) -> bool {
        let waiting = core.lag().records;
        if waiting == 0 {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        waiting >= core.config.checkpoint_records
            || core.progress.wanted.load(Ordering::Acquire)
            || since.elapsed() >= core.config.checkpoint_interval
    }

    fn checkpoint(&mut self, core: &Core) -> Result<bool, StoreError> {
        let Some(state) = &mut self.state else {
            return Err(StoreError::Stopped { reason: "closed".into() });
        };
        let started = Instant::now();
        let base = self.applied;
        let (target, amount, layer) = {
            let _quiet = core.quiet();
            core.ensure_running()?;
            let (target, amount) = core.published.get();
            if target == base {
                return Ok(false);
            }
            (target, amount, core.overlay.freeze(target))
        };
        let mut checkpoint = state.begin()?;
        for (table, rows) in layer.tables() {
            checkpoint.write(table, rows.map(|(key, slot)| (key, slot.effect(target))))?;
        }
        drop(layer);
        let freed = state.commit(checkpoint, target)?;
        self.applied = target;
        let floor = core.views.install(state.view()?);
        core.overlay.forget(floor);
        if !freed.is_empty() {
            self.freed.push((target, freed));
        }
        core.progress.set_applied(target, amount);
        self.waiting_since = None;
        core.counters.checkpoint(started.elapsed());
        self.sort_out(floor);
        let some = GIVEN_BACK.max(self.unread.len() / 16).min(self.unread.len());
        if let Some(state) = &self.state {
            give_back(state, self.unread.drain(..some));
        }
        Ok(true)
    }
}

fn give_back(state: &StateFile, parts: impl Iterator<Item = Extent>) {
    // The disk keeps what it does not take back, and nothing else is lost.
    if let Err(error) = state.give_back(parts) {
        tracing::warn!(%error, "room that is not needed any more stays taken");
    }
}

/// Takes a checkpoint now. `false`: there was nothing to take. If it fails, the store stops: what
/// was acknowledged is in the journal, but it could not be kept short any more.
pub(super) fn checkpoint(core: &Core) -> Result<bool, StoreError> {
    let mut applier = core.applier()?;
    let taken = applier.checkpoint(core);
    if let Err(error) = &taken {
        core.stop(&format!("checkpoint failed: {error}"));
    }
    taken
}

/// The applier's thread.
pub(super) fn run(core: &Core) {
    while !core.progress.finished.load(Ordering::Acquire) && core.stopped().is_none() {
        let due = core.applier().is_ok_and(|mut applier| applier.is_due(core));
        if due {
            match catch_unwind(AssertUnwindSafe(|| checkpoint(core))) {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::error!(%error, "checkpoint failed"),
                // Those who wait for room must hear of it.
                Err(_) => core.stop("a checkpoint panicked"),
            }
        } else {
            core.progress.doze(POLL);
        }
    }
}
