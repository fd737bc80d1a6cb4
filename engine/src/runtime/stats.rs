//! What the engine counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start and gauges of now; units are in the names.
#[derive(Clone, Debug, Default)]
pub struct EngineStats {
    /// Runs started.
    pub runs_started: u64,
    /// Runs closed, in any status.
    pub runs_closed: u64,
    /// Events recorded.
    pub events: u64,
    /// Activity attempts started, inline steps among them.
    pub attempts_started: u64,
    /// Attempts that failed, timed out or were lost.
    pub attempts_failed: u64,
    /// Outcomes that came after their attempt had ended.
    pub late_results: u64,
    /// Signals received.
    pub signals: u64,
    /// Updates admitted.
    pub updates: u64,
    /// Letters between runs delivered.
    pub letters: u64,
    /// Timers fired.
    pub timers_fired: u64,
    /// Runs started by schedules.
    pub schedule_starts: u64,
    /// Firings of schedules that started nothing: skipped, dropped, missed or refused.
    pub schedule_passes: u64,
    /// Batches committed.
    pub turns: u64,
    /// Tasks that panicked, diverged or waited for nothing durable.
    pub task_failures: u64,
    /// Runs replayed from their history.
    pub replays: u64,
    /// Closed runs deleted, by request or because they had expired.
    pub runs_deleted: u64,
    /// Closed runs deleted because their namespace keeps them no longer.
    pub runs_expired: u64,
    /// Runs put out of memory because of the budget.
    pub evictions: u64,
    /// Open runs without a waker, and attempts that nobody ran, which were found and mended.
    pub lost_wakers: u64,
    /// Polls that did not return within their budget.
    pub blocked_polls: u64,
    /// Runs in memory.
    pub resident_runs: u64,
    /// Their estimated size in bytes.
    pub resident_bytes: u64,
    /// Attempts that run now.
    pub running_attempts: u64,
    /// Requests and results that wait for the loop.
    pub inbox: u64,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// The live counters; written by the loop, read by anyone.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> EngineStats {
                EngineStats { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters!(
    runs_started,
    runs_closed,
    events,
    attempts_started,
    attempts_failed,
    late_results,
    signals,
    updates,
    letters,
    timers_fired,
    schedule_starts,
    schedule_passes,
    turns,
    task_failures,
    replays,
    runs_deleted,
    runs_expired,
    evictions,
    lost_wakers,
    blocked_polls,
    resident_runs,
    resident_bytes,
    running_attempts,
    inbox,
);

/// A number that one thread writes.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
