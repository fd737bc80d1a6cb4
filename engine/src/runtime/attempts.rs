//! Attempts that run now: on the loop's own thread until they first wait, then on the runtime's
//! threads; inline steps stay on the loop's thread, where the workflow's code lives.
//!
//! Invariant: an attempt is run only after the commit that records it as started, and its outcome
//! is taken at most once: whoever forgets it first (result, timeout, cancellation, a report from
//! outside) decides. What it reports after that is late.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::inline::InlineCode;
use super::message::AttemptEnded;
use super::panics;
use super::report::Report;
use super::shard::Shard;
use super::timers::Due;
use crate::kernel::{ActivityState, PendingActivity};
use crate::sdk::{AttemptHandle, AttemptHost, AttemptOf, BoxedActivity, Heartbeat};
use crate::telemetry::{Current, Within};
use crate::{ActivityContext, ActivityError, Failure, Payload, RunId, Timestamp};

/// How much longer than its grace the code of an attempt is kept that nobody waits for any more.
const DROP_MARGIN: Duration = Duration::from_secs(5);

/// What runs now, by run and activity.
#[derive(Default)]
pub(super) struct Attempts {
    running: HashMap<(RunId, u32), Running, foldhash::fast::RandomState>,
}

pub(super) struct Running {
    pub(super) attempt: u32,
    pub(super) place: Place,
    /// When the queue will look at it; see `watch`.
    pub(super) look_at: Option<Timestamp>,
    /// Before when its heartbeats are not written again.
    pub(super) write_at: Option<Timestamp>,
}

pub(super) enum Place {
    /// On the loop's thread, or just ended there; with its handle if it gave a heartbeat.
    Here(Option<AttemptHandle>),
    Spawned {
        handle: AttemptHandle,
        abort: AbortHandle,
    },
    Inline(InlineCode),
}

impl Running {
    const fn new(attempt: u32, place: Place) -> Self {
        Self { attempt, place, look_at: None, write_at: None }
    }

    pub(super) const fn handle(&self) -> Option<&AttemptHandle> {
        match &self.place {
            Place::Spawned { handle, .. } | Place::Here(Some(handle)) => Some(handle),
            Place::Here(None) | Place::Inline(_) => None,
        }
    }
}

impl Attempts {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether this process runs the attempt.
    pub(super) fn runs(&self, run_id: RunId, activity_id: u32, attempt: u32) -> bool {
        self.get(run_id, activity_id).is_some_and(|running| running.attempt == attempt)
    }

    pub(super) fn get(&self, run_id: RunId, activity_id: u32) -> Option<&Running> {
        self.running.get(&(run_id, activity_id))
    }

    pub(super) fn get_mut(&mut self, run_id: RunId, activity_id: u32) -> Option<&mut Running> {
        self.running.get_mut(&(run_id, activity_id))
    }

    /// Whether the attempt is an inline step's that is not over.
    pub(super) fn is_inline(&self, run_id: RunId, activity_id: u32) -> bool {
        let running = self.get(run_id, activity_id);
        running.is_some_and(|running| matches!(running.place, Place::Inline(_)))
    }

    pub(super) fn insert(&mut self, run_id: RunId, activity_id: u32, attempt: u32, place: Place) {
        self.running.insert((run_id, activity_id), Running::new(attempt, place));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ((RunId, u32), &Running)> {
        self.running.iter().map(|(key, running)| (*key, running))
    }

    /// The runs of attempts that run elsewhere.
    pub(super) fn spawned_runs(&self) -> Vec<RunId> {
        let spawned = |running: &Running| matches!(running.place, Place::Spawned { .. });
        let runs = self.running.iter().filter(|(_, running)| spawned(running));
        runs.map(|((run_id, _), _)| *run_id).collect()
    }

    /// Keeps only what runs elsewhere: the rest is gone with the runs that memory has forgotten.
    pub(super) fn keep_spawned(&mut self) {
        self.running.retain(|_, running| {
            // The queue is forgotten, too, and filled again as the runs come back.
            running.look_at = None;
            matches!(running.place, Place::Spawned { .. })
        });
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        for running in self.running.values() {
            if let Place::Spawned { abort, .. } = &running.place {
                abort.abort();
            }
        }
    }
}

/// What is left of an attempt that is no longer watched.
pub(super) struct Forgotten {
    /// Its newest heartbeat, if that was not written yet.
    pub(super) heartbeat: Option<Heartbeat>,
}

impl Shard {
    /// Runs an attempt that is durably recorded as started. Called inside the runtime's context.
    pub(super) fn run_attempt(&mut self, run_id: RunId, activity_id: u32) {
        // A run that closed in the same commit is gone, and its attempts with it.
        let Some(resident) = self.residents.get(run_id) else { return };
        let Some(activity) = resident.run.activities.get(&activity_id) else { return };
        let attempt = activity.attempt;
        if activity.inline {
            self.run_inline(run_id, activity_id, attempt);
            return;
        }
        let of = AttemptOf {
            run: Arc::clone(&resident.run.started),
            activity_id,
            attempt,
            heartbeat: resident.heartbeats.get(&activity_id).map(|beat| beat.details.clone()),
        };
        let host = Arc::clone(&self.host);
        let (context, handle) = ActivityContext::new(of, host as Arc<dyn AttemptHost>);
        let grace = Duration::from_millis(activity.options().cancel_grace_ms);
        let Some(entry) = self.inner.registry.activities.get(&*activity.activity_type) else {
            let failure = unknown_activity(activity);
            self.ended_here(run_id, activity_id, attempt, Err(failure));
            return;
        };
        let blocking = entry.blocking;
        let input = activity.input.clone();
        let current =
            Current::attempt(&resident.run.started, &activity.activity_type, activity_id, attempt);
        let entered = current.clone().enter();
        let begun = panics::catch(AssertUnwindSafe(|| (entry.attempt)(context, &input)));
        let mut future = match begun {
            Ok(future) => future,
            Err(panic) => {
                self.ended_here(run_id, activity_id, attempt, Err(panicked(&panic)));
                return;
            }
        };
        if !blocking {
            self.attempts.insert(run_id, activity_id, attempt, Place::Here(None));
            let mut cx = Context::from_waker(Waker::noop());
            let outcome = match panics::catch(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
                Ok(Poll::Ready(outcome)) => Some(self.checked(outcome)),
                Ok(Poll::Pending) => None,
                Err(panic) => Some(Err(panicked(&panic))),
            };
            drop(entered);
            if let Some(outcome) = outcome {
                if handle.has_beaten()
                    && let Some(running) = self.attempts.get_mut(run_id, activity_id)
                {
                    running.place = Place::Here(Some(handle));
                }
                self.end(run_id, activity_id, attempt, outcome);
                return;
            }
        }
        let task = Spawn { run_id, activity_id, attempt, grace, blocking };
        let abort = self.spawn_attempt(&task, handle.clone(), current.within(future));
        self.attempts.insert(run_id, activity_id, attempt, Place::Spawned { handle, abort });
        self.watch_attempt(run_id, activity_id);
    }

    /// Hands the attempt to the runtime; its first poll there registers the wakers anew.
    fn spawn_attempt(
        &self,
        task: &Spawn,
        handle: AttemptHandle,
        future: Within<BoxedActivity>,
    ) -> AbortHandle {
        let Spawn { run_id, activity_id, attempt, grace, blocking } = *task;
        let inbox = Arc::clone(&self.inner.inbox);
        let limits = self.inner.config.limits;
        let future = async move {
            let report = Report::new(inbox, run_id, activity_id, attempt, limits);
            let outcome = tokio::select! {
                outcome = future => outcome,
                // The loop gives it up at the end of its grace; this frees what it holds.
                () = given_up(&handle, grace + DROP_MARGIN) => {
                    Err(ActivityError::cancelled().into_failure())
                }
            };
            report.send(outcome);
        };
        if blocking {
            let runtime = self.runtime.clone();
            return tokio::task::spawn_blocking(move || runtime.block_on(future)).abort_handle();
        }
        tokio::spawn(future).abort_handle()
    }

    pub(super) fn end(
        &mut self,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
        outcome: Result<Payload, Failure>,
    ) {
        self.ended.push_back(AttemptEnded { run_id, activity_id, attempt, outcome });
    }

    /// An attempt that nobody runs any more, or never could, has this outcome.
    pub(super) fn ended_here(
        &mut self,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
        outcome: Result<Payload, Failure>,
    ) {
        self.attempts.insert(run_id, activity_id, attempt, Place::Here(None));
        self.end(run_id, activity_id, attempt, outcome);
    }

    pub(super) fn checked(&self, outcome: Result<Payload, Failure>) -> Result<Payload, Failure> {
        self.inner.config.limits.outcome("the result", outcome)
    }

    /// Takes the attempt out; none when it is not the one that runs. Its code is told, so that one
    /// which ran out of time may end; code that has ended no longer listens.
    pub(super) fn forget_attempt(
        &mut self,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
    ) -> Option<Forgotten> {
        if !self.attempts.runs(run_id, activity_id, attempt) {
            return None;
        }
        let running = self.attempts.running.remove(&(run_id, activity_id))?;
        if self.uses_queues {
            self.free_slot((run_id, activity_id));
        }
        if let Some(at) = running.look_at {
            self.timers.remove(at, &Due::Attempt { run_id, activity_id, attempt });
        }
        let heartbeat = running
            .handle()
            .filter(|handle| handle.has_beaten())
            .and_then(AttemptHandle::take_unsaved);
        match running.place {
            Place::Spawned { handle, .. } => handle.cancel(),
            Place::Inline(code) => {
                drop(code);
                self.inline_ended(run_id);
            }
            Place::Here(_) => {}
        }
        Some(Forgotten { heartbeat })
    }

    /// The activity is no longer wanted: tells the attempt, or drops an inline step.
    pub(super) fn cancel_attempt(&mut self, run_id: RunId, activity_id: u32) {
        let open = self
            .residents
            .get(run_id)
            .is_some_and(|resident| resident.run.activities.contains_key(&activity_id));
        let Some(running) = self.attempts.get(run_id, activity_id) else {
            // An inline step that was withdrawn before it could run: nobody else ends it.
            if let Some(attempt) = self.started_attempt(run_id, activity_id) {
                let cancelled = ActivityError::cancelled().into_failure();
                self.ended_here(run_id, activity_id, attempt, Err(cancelled));
            }
            return;
        };
        let attempt = running.attempt;
        match &running.place {
            // The run has closed, or the activity has ended: nobody waits for the outcome.
            Place::Spawned { .. } | Place::Inline(_) if !open => {
                self.forget_attempt(run_id, activity_id, attempt);
            }
            Place::Spawned { handle, .. } => {
                handle.cancel();
                // Its grace begins.
                self.watch_attempt(run_id, activity_id);
            }
            Place::Inline(_) => {
                self.forget_attempt(run_id, activity_id, attempt);
                let cancelled = ActivityError::cancelled().into_failure();
                self.ended_here(run_id, activity_id, attempt, Err(cancelled));
            }
            // Its outcome is on the way.
            Place::Here(_) => {}
        }
    }

    /// The attempt that the run's history says is running in this process.
    fn started_attempt(&self, run_id: RunId, activity_id: u32) -> Option<u32> {
        let activity = self.residents.get(run_id)?.run.activities.get(&activity_id)?;
        matches!(activity.state, ActivityState::Started(_)).then_some(activity.attempt)
    }
}

/// What the runtime is to run.
struct Spawn {
    run_id: RunId,
    activity_id: u32,
    attempt: u32,
    grace: Duration,
    blocking: bool,
}

/// Returns when an attempt that was told to end has not done so for `grace`.
async fn given_up(handle: &AttemptHandle, grace: Duration) {
    handle.cancelled().await;
    tokio::time::sleep(grace).await;
}

fn unknown_activity(activity: &PendingActivity) -> Failure {
    let name = &activity.activity_type;
    let what = format!("activity type `{name}` is not registered here");
    Failure::new(ActivityError::UNKNOWN_TYPE, what)
}

pub(super) fn panicked(panic: &panics::Caught) -> Failure {
    let place = panic.location.as_deref().unwrap_or("an unknown place");
    Failure::new("panic", format!("{} (at {place})", panic.message))
}
