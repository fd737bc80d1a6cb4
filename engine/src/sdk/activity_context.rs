//! What an activity knows of the attempt that it is, and what it can tell the engine while it runs.
//!
//! Invariant: a heartbeat costs a lock that nobody else holds for long. The engine is told of the
//! first one and then looks by itself, so that an activity may report as often as it likes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::kernel::WorkflowStarted;
use crate::runtime::Engine;
use crate::{Payload, PayloadLimits, RunId, TaskToken, Timestamp, TraceContext};

/// Given to every attempt of an activity.
#[derive(Clone)]
pub struct ActivityContext(Arc<AttemptState>);

/// What the engine and the attempt's code share.
struct AttemptState {
    run: Arc<WorkflowStarted>,
    activity_id: u32,
    attempt: u32,
    /// The details of the last heartbeat of the attempts before this one.
    before: Option<Payload>,
    host: Arc<dyn AttemptHost>,
    cancelled: AtomicBool,
    notify: Notify,
    has_beaten: AtomicBool,
    beats: Mutex<Beats>,
}

#[derive(Default)]
struct Beats {
    last: Option<Heartbeat>,
    /// The engine does not know of `last` yet.
    unsaved: bool,
    /// The engine will look by itself.
    watched: bool,
}

/// A sign of life: when it came, and what it said.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) at: Timestamp,
    pub(crate) details: Payload,
}

/// The engine as an attempt sees it.
pub(crate) trait AttemptHost: Send + Sync {
    /// The engine's time.
    fn now(&self) -> Timestamp;
    /// The engine itself, for the activities that are its own; none when it has ended.
    fn engine(&self) -> Option<Engine>;
    /// How large the details of a heartbeat may be.
    fn limits(&self) -> &PayloadLimits;
    /// The attempt gave a heartbeat, and the engine does not look at it yet.
    fn beaten(&self, run_id: RunId, activity_id: u32, attempt: u32);
    /// Whether the server is about to end.
    fn is_shutting_down(&self) -> bool;
}

/// Which attempt of what.
pub(crate) struct AttemptOf {
    pub(crate) run: Arc<WorkflowStarted>,
    pub(crate) activity_id: u32,
    pub(crate) attempt: u32,
    pub(crate) heartbeat: Option<Payload>,
}

/// The engine's end: tells the attempt that it is no longer wanted, and reads its heartbeats.
#[derive(Clone)]
pub(crate) struct AttemptHandle(Arc<AttemptState>);

impl AttemptHandle {
    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Returns when the attempt is no longer wanted.
    pub(crate) async fn cancelled(&self) {
        self.0.until(|| self.0.is_cancelled()).await;
    }

    /// Wakes whoever waits for cancellation or shutdown, to look again.
    pub(crate) fn nudge(&self) {
        self.0.notify.notify_waiters();
    }

    /// Whether it ever gave a heartbeat.
    pub(crate) fn has_beaten(&self) -> bool {
        self.0.has_beaten.load(Ordering::Acquire)
    }

    /// When it was last heard of.
    pub(crate) fn heartbeat_at(&self) -> Option<Timestamp> {
        if !self.has_beaten() {
            return None;
        }
        self.0.beats().last.as_ref().map(|beat| beat.at)
    }

    /// The newest heartbeat, if it was not taken before. The next one after nothing new is told to
    /// the engine again.
    pub(crate) fn take_unsaved(&self) -> Option<Heartbeat> {
        let mut beats = self.0.beats();
        if !std::mem::take(&mut beats.unsaved) {
            beats.watched = false;
            return None;
        }
        beats.last.clone()
    }
}

impl AttemptState {
    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            // Registered before the flag is read, so that no call in between is missed.
            let mut notified = std::pin::pin!(self.notify.notified());
            notified.as_mut().enable();
            if condition() {
                return;
            }
            notified.await;
        }
    }
}

impl ActivityContext {
    pub(crate) fn new(of: AttemptOf, host: Arc<dyn AttemptHost>) -> (Self, AttemptHandle) {
        let AttemptOf { run, activity_id, attempt, heartbeat } = of;
        let state = Arc::new(AttemptState {
            run,
            activity_id,
            attempt,
            before: heartbeat,
            host,
            cancelled: AtomicBool::new(false),
            notify: Notify::new(),
            has_beaten: AtomicBool::new(false),
            beats: Mutex::default(),
        });
        (Self(Arc::clone(&state)), AttemptHandle(state))
    }

    /// The engine that runs it, for what stands around an activity's code: a circuit breaker, a
    /// limit. The code itself gets what it needs as its input and gives back what it found.
    pub fn engine(&self) -> Option<Engine> {
        self.0.host.engine()
    }

    /// The namespace of the workflow that asked for it.
    pub fn namespace(&self) -> &str {
        &self.0.run.namespace
    }

    /// The workflow that asked for it.
    pub fn workflow_id(&self) -> &str {
        &self.0.run.workflow_id
    }

    /// The run that asked for it.
    pub fn run_id(&self) -> RunId {
        self.0.run.run_id
    }

    /// Its id within the run.
    pub fn activity_id(&self) -> u32 {
        self.0.activity_id
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The same for every attempt of this activity and no other: pass it to services that
    /// deduplicate.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.0.run.run_id, self.0.activity_id)
    }

    /// The attempt's place in its run's trace. Pass it on to services that are called, as their
    /// header `traceparent`.
    pub fn trace_context(&self) -> TraceContext {
        TraceContext::of_attempt(&self.0.run, self.0.activity_id, self.0.attempt)
    }

    /// Names this attempt to whoever completes it from outside; see
    /// [`ActivityError::completed_from_outside`](crate::ActivityError::completed_from_outside).
    pub fn task_token(&self) -> TaskToken {
        TaskToken {
            namespace: self.0.run.namespace.clone(),
            run_id: self.0.run.run_id,
            activity_id: self.0.activity_id,
            attempt: self.0.attempt,
        }
    }

    /// Says that the attempt is alive and how far it has come. The next attempt receives the
    /// details as [`ActivityContext::heartbeat_details`].
    ///
    /// Call it as often as you like: the first one is written at once, the ones that follow at
    /// most once every half of the heartbeat timeout (and every 10 s where that is longer or there
    /// is none), and the last one when the attempt fails or runs out of time. After a crash the
    /// details may therefore be so much older than the work. Details that are too large are left
    /// out, with a warning: the next attempt receives those of the heartbeat before.
    pub fn heartbeat<T: Serialize + ?Sized>(&self, details: &T) {
        let limits = self.0.host.limits();
        let details = match Payload::from_value(details) {
            Ok(details) => match limits.check("heartbeat", &details) {
                Ok(()) => Some(details),
                Err(rejection) => {
                    tracing::warn!(%rejection, "heartbeat without its details");
                    None
                }
            },
            Err(error) => {
                tracing::warn!(%error, "heartbeat without its details: they have no JSON form");
                None
            }
        };
        self.beat(details);
    }

    fn beat(&self, details: Option<Payload>) {
        let at = self.0.host.now();
        let untold = {
            let mut beats = self.0.beats();
            let details = details
                .or_else(|| beats.last.as_ref().map(|last| last.details.clone()))
                .or_else(|| self.0.before.clone())
                .unwrap_or_default();
            beats.last = Some(Heartbeat { at, details });
            beats.unsaved = true;
            self.0.has_beaten.store(true, Ordering::Release);
            !std::mem::replace(&mut beats.watched, true)
        };
        if untold {
            self.0.host.beaten(self.0.run.run_id, self.0.activity_id, self.0.attempt);
        }
    }

    /// What the last heartbeat of an earlier attempt said, also when its process was killed; none
    /// when there was no heartbeat or it has another shape.
    pub fn heartbeat_details<T: DeserializeOwned>(&self) -> Option<T> {
        self.0.before.as_ref()?.to().ok()
    }

    /// Whether the attempt is no longer wanted: its workflow withdrew it, or it ran out of time.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Returns when the attempt is no longer wanted; never otherwise. An activity that ends with
    /// [`ActivityError::cancelled`](crate::ActivityError::cancelled) after that counts as
    /// cancelled. One that does not end within its grace is given up.
    pub async fn cancelled(&self) {
        self.0.until(|| self.is_cancelled()).await;
    }

    /// Whether the server is shutting down. An attempt that is still running when the server ends
    /// is made again at the next start, with the details of its last heartbeat.
    pub fn is_shutting_down(&self) -> bool {
        self.0.host.is_shutting_down()
    }

    /// Returns when the server is shutting down; never otherwise.
    pub async fn shutting_down(&self) {
        self.0.until(|| self.is_shutting_down()).await;
    }
}

impl fmt::Debug for ActivityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityContext")
            .field("workflow_id", &self.0.run.workflow_id)
            .field("run_id", &self.0.run.run_id)
            .field("activity_id", &self.0.activity_id)
            .field("attempt", &self.0.attempt)
            .finish_non_exhaustive()
    }
}
