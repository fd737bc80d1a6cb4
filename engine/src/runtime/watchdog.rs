//! Notices code that keeps the loop's thread: a named failure instead of a silent stall.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::OpenError;
use super::engine::Inner;
use crate::RunId;

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(500);
/// Looks without progress after which a poll counts as blocked: 5 s.
const BLOCKED_LOOKS: u32 = 10;

/// What the loop is at; written without a clock, read by the watchdog.
#[derive(Debug, Default)]
pub(super) struct Progress {
    steps: AtomicU64,
    busy: AtomicBool,
    ended: AtomicBool,
    run: Mutex<Option<RunId>>,
}

impl Progress {
    /// The loop handles the next message.
    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
    }

    /// The message concerns this run.
    pub(super) fn run(&self, run_id: RunId) {
        // Nobody else holds the lock but for the blink in which the watchdog reads.
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run_id);
    }

    /// The loop has handled everything.
    pub(super) fn idle(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn current_run(&self) -> Option<RunId> {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches until the loop ends.
pub(super) fn spawn(inner: &Arc<Inner>, progress: &Arc<Progress>) -> Result<(), OpenError> {
    let (inner, progress): (Weak<Inner>, _) = (Arc::downgrade(inner), Arc::clone(progress));
    let builder = std::thread::Builder::new().name("everstep-watchdog".into());
    builder.spawn(move || {
        let (mut seen, mut still) = (0, 0);
        while !progress.ended.load(Ordering::Acquire) {
            std::thread::park_timeout(LOOK);
            let steps = progress.steps.load(Ordering::Relaxed);
            let stands = progress.busy.load(Ordering::Relaxed) && steps == seen;
            (seen, still) = (steps, if stands { still + 1 } else { 0 });
            if still == BLOCKED_LOOKS {
                let Some(inner) = inner.upgrade() else { return };
                inner.counters.blocked_polls.add(1);
                let run_id = progress.current_run().map(|run_id| run_id.to_string());
                tracing::error!(
                    run_id,
                    "blocked poll: code has kept the engine's thread for {} s; move blocking work \
                     into an activity that is declared `blocking`",
                    (LOOK * BLOCKED_LOOKS).as_secs()
                );
            }
        }
    })?;
    Ok(())
}
