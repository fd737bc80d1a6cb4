//! Attempts that run now: on the loop's own thread until they first wait, then on the runtime's
//! threads; inline steps stay on the loop's thread, where the workflow's code lives.
//!
//! Invariant: an attempt is run only after the commit that records it as started, and its outcome
//! is taken at most once: whoever forgets it first (result, timeout, cancellation) decides.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::inbox::Inbox;
use super::message::{AttemptEnded, Message};
use super::panics;
use super::shard::Shard;
use super::timers::Due;
use crate::kernel::{ActivityState, PendingActivity};
use crate::sdk::{ActivityCancel, BoxedActivity};
use crate::{ActivityContext, ActivityError, Failure, Payload, RunId};

/// How long a cancelled attempt may clean up before it is abandoned.
const CANCEL_GRACE: Duration = Duration::from_secs(30);

type InlineFuture = Pin<Box<dyn Future<Output = Result<Payload, Failure>>>>;

/// What runs now, by run and activity.
#[derive(Default)]
pub(super) struct Attempts {
    running: HashMap<(RunId, u32), Running, foldhash::fast::RandomState>,
}

struct Running {
    attempt: u32,
    place: Place,
}

enum Place {
    /// At its first poll on the loop's thread.
    Here,
    Spawned {
        cancel: ActivityCancel,
        abort: AbortHandle,
    },
    Inline(InlineFuture),
}

impl Attempts {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether this process runs the attempt.
    pub(super) fn runs(&self, run_id: RunId, activity_id: u32, attempt: u32) -> bool {
        self.running.get(&(run_id, activity_id)).is_some_and(|running| running.attempt == attempt)
    }

    /// Whether the attempt is an inline step's.
    pub(super) fn is_inline(&self, run_id: RunId, activity_id: u32) -> bool {
        let running = self.running.get(&(run_id, activity_id));
        running.is_some_and(|running| matches!(running.place, Place::Inline(_)))
    }

    /// Takes the attempt out; false when it is not the one that runs.
    pub(super) fn forget(&mut self, run_id: RunId, activity_id: u32, attempt: u32) -> bool {
        if !self.runs(run_id, activity_id, attempt) {
            return false;
        }
        if let Some(Running { place: Place::Spawned { cancel, .. }, .. }) =
            self.running.remove(&(run_id, activity_id))
        {
            // One that timed out is told so; one that has ended no longer listens.
            cancel.cancel();
        }
        true
    }

    /// Keeps only what runs elsewhere: the rest is gone with the runs that memory has forgotten.
    pub(super) fn keep_spawned(&mut self) {
        self.running.retain(|_, running| matches!(running.place, Place::Spawned { .. }));
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
        let (context, cancel) =
            ActivityContext::new(Arc::clone(&resident.workflow_id), run_id, activity_id, attempt);
        let timeout_ms = activity.options().start_to_close_ms;
        let Some(entry) = self.inner.registry.activities.get(&*activity.activity_type) else {
            let failure = unknown_activity(activity);
            self.here(run_id, activity_id, attempt);
            self.end(run_id, activity_id, attempt, Err(failure));
            return;
        };
        let blocking = entry.blocking;
        let input = activity.input.clone();
        let begun = panics::catch(AssertUnwindSafe(|| (entry.attempt)(context.clone(), &input)));
        let mut future = match begun {
            Ok(future) => future,
            Err(panic) => {
                self.here(run_id, activity_id, attempt);
                self.end(run_id, activity_id, attempt, Err(panicked(&panic)));
                return;
            }
        };
        if !blocking {
            self.here(run_id, activity_id, attempt);
            let mut cx = Context::from_waker(Waker::noop());
            match panics::catch(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
                Ok(Poll::Ready(outcome)) => {
                    let outcome = self.checked(outcome);
                    self.end(run_id, activity_id, attempt, outcome);
                    return;
                }
                Ok(Poll::Pending) => {}
                Err(panic) => {
                    self.end(run_id, activity_id, attempt, Err(panicked(&panic)));
                    return;
                }
            }
        }
        let abort = self.spawn_attempt(run_id, activity_id, attempt, context, future, blocking);
        let running = Running { attempt, place: Place::Spawned { cancel, abort } };
        self.attempts.running.insert((run_id, activity_id), running);
        let due = Due::AttemptTimeout { run_id, activity_id, attempt };
        self.timers.push(self.turn.now.plus_millis(timeout_ms), due);
    }

    /// Hands the attempt to the runtime; its first poll there registers the wakers anew.
    fn spawn_attempt(
        &self,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
        context: ActivityContext,
        future: BoxedActivity,
        blocking: bool,
    ) -> AbortHandle {
        let inbox = Arc::clone(&self.inner.inbox);
        let limit = self.inner.config.max_payload_bytes;
        let future = async move {
            let report = Report { inbox, run_id, activity_id, attempt, limit, sent: false };
            let outcome = tokio::select! {
                outcome = future => outcome,
                () = abandoned(&context) => Err(ActivityError::cancelled().into_failure()),
            };
            report.send(outcome);
        };
        if blocking {
            let runtime = self.runtime.clone();
            return tokio::task::spawn_blocking(move || runtime.block_on(future)).abort_handle();
        }
        tokio::spawn(future).abort_handle()
    }

    fn here(&mut self, run_id: RunId, activity_id: u32, attempt: u32) {
        let running = Running { attempt, place: Place::Here };
        self.attempts.running.insert((run_id, activity_id), running);
    }

    fn end(
        &mut self,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
        outcome: Result<Payload, Failure>,
    ) {
        self.ended.push_back(AttemptEnded { run_id, activity_id, attempt, outcome });
    }

    pub(super) fn checked(&self, outcome: Result<Payload, Failure>) -> Result<Payload, Failure> {
        check_size(outcome, self.inner.config.max_payload_bytes)
    }

    /// The activity is no longer wanted: tells the attempt, or drops an inline step.
    pub(super) fn cancel_attempt(&mut self, run_id: RunId, activity_id: u32) {
        let key = (run_id, activity_id);
        let open = self
            .residents
            .get(run_id)
            .is_some_and(|resident| resident.run.activities.contains_key(&activity_id));
        match self.attempts.running.get(&key) {
            Some(Running { place: Place::Spawned { cancel, .. }, .. }) => {
                cancel.cancel();
                if !open {
                    // The run has closed: nobody waits for the outcome.
                    self.attempts.running.remove(&key);
                }
            }
            Some(Running { place: Place::Inline(_), attempt }) => {
                let attempt = *attempt;
                self.inline_ended(run_id);
                match open {
                    true => {
                        self.here(run_id, activity_id, attempt);
                        let cancelled = ActivityError::cancelled().into_failure();
                        self.end(run_id, activity_id, attempt, Err(cancelled));
                    }
                    false => drop(self.attempts.running.remove(&key)),
                }
            }
            // Its outcome is on the way.
            Some(Running { place: Place::Here, .. }) => {}
            // An inline step that was withdrawn before it could run: nobody else ends it.
            None => {
                if let Some(attempt) = self.started_attempt(run_id, activity_id) {
                    self.here(run_id, activity_id, attempt);
                    let cancelled = ActivityError::cancelled().into_failure();
                    self.end(run_id, activity_id, attempt, Err(cancelled));
                }
            }
        }
    }

    /// The attempt that the run's history says is running.
    fn started_attempt(&self, run_id: RunId, activity_id: u32) -> Option<u32> {
        let activity = self.residents.get(run_id)?.run.activities.get(&activity_id)?;
        matches!(activity.state, ActivityState::Started(_)).then_some(activity.attempt)
    }

    fn run_inline(&mut self, run_id: RunId, activity_id: u32, attempt: u32) {
        let Some(resident) = self.residents.get_mut(run_id) else { return };
        // Without code (its task failed) the step waits until the code is back.
        let Some(step) = resident.task.as_ref().and_then(|task| task.inline_step(activity_id))
        else {
            return;
        };
        let timeout_ms = resident
            .run
            .activities
            .get(&activity_id)
            .map_or(0, |activity| activity.options().start_to_close_ms);
        resident.inline_running += 1;
        let begun = panics::catch(AssertUnwindSafe(|| step()));
        match begun {
            Ok(future) => {
                let running = Running { attempt, place: Place::Inline(future) };
                self.attempts.running.insert((run_id, activity_id), running);
                self.poll_inline(run_id, activity_id);
                if self.attempts.runs(run_id, activity_id, attempt) {
                    let due = Due::AttemptTimeout { run_id, activity_id, attempt };
                    self.timers.push(self.turn.now.plus_millis(timeout_ms), due);
                }
            }
            Err(panic) => {
                self.inline_ended(run_id);
                self.here(run_id, activity_id, attempt);
                self.end(run_id, activity_id, attempt, Err(panicked(&panic)));
            }
        }
    }

    /// Polls an inline step inside the runtime's context.
    pub(super) fn poll_inline(&mut self, run_id: RunId, activity_id: u32) {
        let Some(running) = self.attempts.running.get_mut(&(run_id, activity_id)) else { return };
        let Place::Inline(future) = &mut running.place else { return };
        let attempt = running.attempt;
        let waker = InlineWaker { inbox: Arc::clone(&self.inner.inbox), run_id, activity_id };
        let waker = Waker::from(Arc::new(waker));
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let polled = panics::catch(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        let outcome = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(outcome)) => self.checked(outcome),
            Err(panic) => Err(panicked(&panic)),
        };
        self.inline_ended(run_id);
        self.here(run_id, activity_id, attempt);
        self.end(run_id, activity_id, attempt, outcome);
    }

    pub(super) fn inline_ended(&mut self, run_id: RunId) {
        if let Some(resident) = self.residents.get_mut(run_id) {
            resident.inline_running = resident.inline_running.saturating_sub(1);
        }
    }
}

/// Returns when a cancelled attempt has used up its grace.
async fn abandoned(context: &ActivityContext) {
    context.cancelled().await;
    tokio::time::sleep(CANCEL_GRACE).await;
}

fn check_size(outcome: Result<Payload, Failure>, limit: usize) -> Result<Payload, Failure> {
    match outcome {
        Ok(result) if result.as_bytes().len() > limit => Err(Failure::new(
            "payload_too_large",
            format!("the result has {} bytes; the limit is {limit}", result.as_bytes().len()),
        )
        .non_retryable()),
        other => other,
    }
}

fn unknown_activity(activity: &PendingActivity) -> Failure {
    let name = &activity.activity_type;
    Failure::new("unknown_activity", format!("activity type `{name}` is not registered here"))
}

fn panicked(panic: &panics::Caught) -> Failure {
    let place = panic.location.as_deref().unwrap_or("an unknown place");
    Failure::new("panic", format!("{} (at {place})", panic.message))
}

/// Tells the loop how an attempt ended, even if it panicked or was aborted.
struct Report {
    inbox: Arc<Inbox>,
    run_id: RunId,
    activity_id: u32,
    attempt: u32,
    limit: usize,
    sent: bool,
}

impl Report {
    fn send(mut self, outcome: Result<Payload, Failure>) {
        let outcome = check_size(outcome, self.limit);
        self.push(outcome);
    }

    fn push(&mut self, outcome: Result<Payload, Failure>) {
        self.sent = true;
        let Self { run_id, activity_id, attempt, .. } = *self;
        // A loop that has ended records the attempt as lost at the next start.
        let _ = self.inbox.push(Message::AttemptEnded(AttemptEnded {
            run_id,
            activity_id,
            attempt,
            outcome,
        }));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.sent {
            let why = "the activity panicked; its message is in the log";
            self.push(Err(Failure::new("panic", why)));
        }
    }
}

struct InlineWaker {
    inbox: Arc<Inbox>,
    run_id: RunId,
    activity_id: u32,
}

impl Wake for InlineWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let (run_id, activity_id) = (self.run_id, self.activity_id);
        // A loop that has ended polls no more.
        let _ = self.inbox.push(Message::InlineReady { run_id, activity_id });
    }
}
