//! Looks after the wakers: every open run in memory has one, and it is real.
//!
//! Asserted after every step of a debug build, so that every test checks it; in production a few
//! runs are looked at whenever the loop is about to sleep. What is found is mended and said: code
//! that nothing can wake fails its task, an attempt that nobody runs is lost and made again.

use std::time::{Duration, Instant};

use super::resident::Resident;
use super::shard::Shard;
use crate::RunId;
use crate::kernel::{ActivityState, RunStatus, TaskFailure, TaskFailureKind};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Runs that are looked at each time.
const RUNS: usize = 256;

/// How far the look has come.
#[derive(Default)]
pub(super) struct Sweep {
    place: usize,
    last: Option<Instant>,
}

impl Resident {
    /// Whether something named will make the run go on. A run that is paused waits for its
    /// operator.
    pub(super) fn has_waker(&self) -> bool {
        self.run.status != RunStatus::Running
            || !self.run.wakers().is_empty()
            || self.task.as_ref().is_some_and(super::task::Task::awaits_outside)
    }
}

impl Shard {
    /// Looks at the next few runs; called when there is nothing else to do. True when something
    /// was mended, so that there is.
    pub(super) fn sweep(&mut self) -> bool {
        let rested = self.sweep.last.is_none_or(|last| last.elapsed() >= PAUSE);
        // With something on the way, an attempt may be recorded that has not been begun yet.
        let settled = self.in_flight.is_none() && self.turn.batch.is_empty();
        if !rested || !settled || self.turn.draining || !self.recovery.is_done() {
            return false;
        }
        self.sweep.last = Some(Instant::now());
        let runs = self.residents.some_from(self.sweep.place, RUNS);
        self.sweep.place = if runs.len() < RUNS { 0 } else { self.sweep.place + RUNS };
        for run_id in runs {
            self.look_after(run_id);
        }
        !self.turn.batch.is_empty()
    }

    fn look_after(&mut self, run_id: RunId) {
        let Some(resident) = self.residents.get(run_id) else { return };
        if !resident.has_waker() {
            tracing::error!(%run_id, "an open run has no waker");
            self.inner.counters.lost_wakers.add(1);
            let failure = nothing_wakes(self.turn.now);
            self.step(run_id, |step| step.fail_task(failure));
            return;
        }
        // Without its code an inline step waits for it.
        if resident.run.task_failure.is_some() || resident.run.status != RunStatus::Running {
            return;
        }
        let unattended: Vec<(u32, u32)> = resident
            .run
            .activities
            .iter()
            .filter(|(id, activity)| {
                matches!(activity.state, ActivityState::Started(_))
                    && !self.attempts.runs(run_id, **id, activity.attempt)
            })
            .map(|(id, activity)| (*id, activity.attempt))
            .collect();
        for (activity_id, attempt) in unattended {
            tracing::error!(%run_id, activity_id, attempt, "an attempt is run by nobody");
            self.inner.counters.lost_wakers.add(1);
            self.step(run_id, |step| step.lose_attempt(activity_id, attempt));
        }
    }
}

fn nothing_wakes(at: crate::Timestamp) -> Box<TaskFailure> {
    Box::new(TaskFailure {
        kind: TaskFailureKind::NotDurable,
        message: "nothing that could wake the run is known any more; its code is tried again"
            .into(),
        event_id: None,
        recorded: None,
        asked: None,
        location: None,
        at,
    })
}
