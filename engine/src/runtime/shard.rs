//! The loop: one thread that owns every run in memory.
//!
//! Each time around it takes all that has come, handles it message by message into one open
//! batch, and commits. When little waits it commits on its own thread; when much waits it hands
//! the batch over and goes on, so that its work overlaps with the sync. While a commit is in
//! flight the open batch is held back, so that everything that comes meanwhile shares the next
//! sync.
//!
//! Invariant: effects are released in the order of the commits, each after its commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstep_storage::{Batch, Commit, Fence, Snapshot, StoreError};
use tokio::sync::oneshot;

use super::OpenError;
use super::attempts::Attempts;
use super::engine::Inner;
use super::message::{AttemptEnded, Message, Reply};
use super::recovery::Recovery;
use super::resident::{Residents, RunMap};
use super::start::{LastRunId, RecentKeys};
use super::timers::{Due, Timers};
use super::turn::{Effect, Step, Turn};
use super::watchdog::Progress;
use super::{keys, panics, recovery, watchdog};
use crate::kernel::{ActivityState, Command};
use crate::view::RunResult;
use crate::{Failure, Rejection, RunId, Timestamp};

/// Records in the open batch from which on it is handed over in the middle of a turn.
const SPLIT_RECORDS: usize = 128;
/// The longest sleep: the clock may be moved by others meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// The pause after the store refused because the disk is nearly full.
const FULL_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Shard {
    pub(super) inner: Arc<Inner>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) residents: Residents,
    pub(super) timers: Timers,
    pub(super) turn: Turn,
    pub(super) attempts: Attempts,
    pub(super) recovery: Recovery,
    /// Taken when something must be read, dropped with the next commit or turn.
    snapshot: Option<Box<dyn Snapshot>>,
    watchers: RunMap<Vec<oneshot::Sender<RunResult>>>,
    in_flight: Option<InFlight>,
    /// The newest turn that is durable.
    pub(super) durable: u64,
    pub(super) recent_keys: RecentKeys,
    pub(super) last_run_id: LastRunId,
    /// How often code was tried again, carried over to the run's next time in memory.
    pub(super) task_tries: RunMap<u32>,
    /// Results of attempts that ended at their first poll.
    pub(super) ended: VecDeque<AttemptEnded>,
    advancing: VecDeque<Advance>,
    drain: Option<(Instant, oneshot::Sender<()>)>,
    fence: Fence,
    progress: Arc<Progress>,
    stopped: Option<String>,
}

/// A batch that was handed over.
struct InFlight {
    turn: u64,
    effects: Vec<Effect>,
}

/// A request to move a manual clock.
struct Advance {
    ms: u64,
    /// Known when those before it have arrived at theirs.
    target: Option<Timestamp>,
    reply: Reply<Timestamp>,
}

impl Shard {
    /// Starts the loop on a thread of its own; returns when it has read what it needs.
    pub(super) fn spawn(
        inner: Arc<Inner>,
        runtime: tokio::runtime::Handle,
    ) -> Result<(), OpenError> {
        panics::install_hook();
        let fence = recovery::open(&inner)?;
        let progress = Arc::new(Progress::default());
        watchdog::spawn(&inner, &progress)?;
        let builder = std::thread::Builder::new().name("everstep-shard".into());
        builder.spawn(move || {
            let inbox = Arc::clone(&inner.inbox);
            inbox.owned_by_this_thread();
            // The loop itself must not panic; if it does, callers are told and not left waiting.
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Self::new(inner, runtime, fence, Arc::clone(&progress)).run()
            }));
            progress.end();
            match ended {
                Ok(reason) => inbox.close(&reason),
                Err(panic) => {
                    let message = panics::message_of(&*panic);
                    tracing::error!(message, "the engine's loop panicked");
                    inbox.close(&format!("the engine's loop panicked: {message}"));
                }
            }
        })?;
        Ok(())
    }

    fn new(
        inner: Arc<Inner>,
        runtime: tokio::runtime::Handle,
        fence: Fence,
        progress: Arc<Progress>,
    ) -> Self {
        let turn = Turn {
            number: 1,
            batch: Batch::new(),
            effects: Vec::new(),
            now: inner.config.clock.now(),
            draining: false,
            watched: false,
            unseen: VecDeque::new(),
            encoded: Vec::new(),
        };
        Self {
            inner,
            runtime,
            residents: Residents::default(),
            timers: Timers::default(),
            turn,
            attempts: Attempts::default(),
            recovery: Recovery::everything(),
            snapshot: None,
            watchers: RunMap::default(),
            in_flight: None,
            durable: 0,
            recent_keys: RecentKeys::default(),
            last_run_id: LastRunId::default(),
            task_tries: RunMap::default(),
            ended: VecDeque::new(),
            advancing: VecDeque::new(),
            drain: None,
            fence,
            progress,
            stopped: None,
        }
    }

    fn run(mut self) -> String {
        let mut messages = Vec::new();
        loop {
            self.inner.inbox.take(&mut messages);
            self.turn.now = self.turn.now.max(self.inner.config.clock.now());
            if self.turn.batch.is_empty() {
                self.turn.watched = self.inner.changes.is_watched();
            }
            for message in messages.drain(..) {
                self.progress.step();
                self.handle(message);
                self.split();
            }
            while let Some(ended) = self.ended.pop_front() {
                self.progress.step();
                self.attempt_ended(ended);
                self.split();
            }
            self.recover_some();
            self.fire_due();
            self.flush();
            self.advance_clock();
            self.snapshot = None;
            self.evict();
            if let Some(reason) = self.stopped.take() {
                return reason;
            }
            if self.drained() {
                return "the server has shut down".into();
            }
            self.progress.idle();
            if let Some(timeout) = self.may_sleep() {
                self.inner.inbox.sleep(timeout);
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Start { request, watch, reply } => self.start(*request, watch, reply),
            Message::Signal { selector, signal, idempotency_key, reply } => {
                self.signal(&selector, signal, idempotency_key, reply);
            }
            Message::Cancel { selector, reply } => {
                self.command(&selector, Command::RequestCancel, reply);
            }
            Message::Terminate { selector, reason, reply } => {
                self.command(&selector, Command::Terminate { reason }, reply);
            }
            Message::Watch { selector, watch, reply } => self.watch(&selector, watch, reply),
            Message::AttemptEnded(ended) => self.attempt_ended(ended),
            Message::InlineReady { run_id, activity_id } => self.poll_inline(run_id, activity_id),
            Message::Committed(outcome) => self.committed(outcome),
            Message::AdvanceClock { ms, reply } => {
                self.advancing.push_back(Advance { ms, target: None, reply });
            }
            Message::Drain { grace, reply } => {
                self.turn.draining = true;
                self.drain = Some((Instant::now() + grace, reply));
            }
        }
    }

    /// Runs commands against one run and lets its code see what came of it.
    pub(super) fn step<T>(
        &mut self,
        run_id: RunId,
        act: impl FnOnce(&mut Step<'_>) -> T,
    ) -> Option<T> {
        self.progress.run(run_id);
        let resident = self.residents.get_mut(run_id)?;
        let mut step = Step::new(&mut self.turn, resident, &mut self.timers, &self.inner.counters);
        let result = act(&mut step);
        step.finish();
        Some(result)
    }

    /// The newest durable state. A run in memory is always newer.
    pub(super) fn snapshot(&mut self) -> Result<&dyn Snapshot, Rejection> {
        if self.snapshot.is_none() {
            self.snapshot = Some(self.inner.store.snapshot()?);
        }
        match &self.snapshot {
            Some(snapshot) => Ok(&**snapshot),
            None => Err(Rejection::Unavailable("the store gave no snapshot".into())),
        }
    }

    fn attempt_ended(&mut self, ended: AttemptEnded) {
        let AttemptEnded { run_id, activity_id, attempt, outcome } = ended;
        if !self.attempts.forget(run_id, activity_id, attempt) {
            tracing::debug!(%run_id, activity_id, attempt, "a late result is dropped");
            return;
        }
        if let Err(rejection) = self.ensure_resident_run(run_id) {
            tracing::error!(%rejection, %run_id, "a result finds no run");
            return;
        }
        self.step(run_id, |step| step.end_attempt(activity_id, attempt, outcome));
    }

    fn fire_due(&mut self) {
        if self.turn.draining {
            return;
        }
        if self.timers.must_load(self.turn.now)
            && let Err(rejection) = self.load_timers()
        {
            self.stop(format!("failed to read timers: {rejection}"));
            return;
        }
        while let Some(due) = self.timers.pop_due(self.turn.now) {
            self.progress.step();
            if let Err(rejection) = self.fire(due) {
                tracing::error!(%rejection, "a timer could not be fired");
            }
            self.split();
        }
    }

    fn load_timers(&mut self) -> Result<(), Rejection> {
        let now = self.turn.now;
        let snapshot = self.inner.store.snapshot()?;
        self.timers.load(&*snapshot, now)
    }

    fn fire(&mut self, due: Due) -> Result<(), Rejection> {
        match due {
            Due::Timer { namespace, run_id, id } => {
                if self.ensure_resident(&namespace, run_id)? {
                    self.step(run_id, |step| step.fire(id));
                }
            }
            Due::TaskRetry { namespace, run_id } => self.retry_task(&namespace, run_id)?,
            Due::AttemptTimeout { run_id, activity_id, attempt } => {
                if self.attempts.forget(run_id, activity_id, attempt) {
                    self.ensure_resident_run(run_id)?;
                    self.step(run_id, |step| step.time_out(activity_id, attempt));
                }
            }
        }
        Ok(())
    }

    /// Hands the open batch over in the middle of a long turn.
    fn split(&mut self) {
        if self.in_flight.is_none() && self.turn.batch.records() >= SPLIT_RECORDS {
            self.hand_over();
        }
    }

    /// Commits what the turn made, unless a commit is in flight.
    fn flush(&mut self) {
        while self.in_flight.is_none() && self.stopped.is_none() {
            if self.turn.batch.is_empty() {
                // Only refusals and reads: they rest on what is durable.
                let effects = std::mem::take(&mut self.turn.effects);
                self.release(effects);
                return;
            }
            if self.turn.batch.records() >= SPLIT_RECORDS {
                self.hand_over();
                return;
            }
            let (batch, effects, turn) = self.close_turn();
            match self.inner.store.commit(batch) {
                Ok(_) => self.release_committed(turn, effects),
                Err(error) => self.commit_failed(&error, effects),
            }
            if self.inner.inbox.len() > 0 || !self.ended.is_empty() {
                return;
            }
        }
    }

    fn close_turn(&mut self) -> (Batch, Vec<Effect>, u64) {
        let mut batch = std::mem::take(&mut self.turn.batch);
        batch.fence(self.fence.clone());
        let effects = std::mem::take(&mut self.turn.effects);
        let number = self.turn.number;
        self.turn.number += 1;
        self.inner.counters.turns.add(1);
        (batch, effects, number)
    }

    fn hand_over(&mut self) {
        let (batch, effects, turn) = self.close_turn();
        self.in_flight = Some(InFlight { turn, effects });
        let inbox = Arc::clone(&self.inner.inbox);
        self.inner.store.submit(
            batch,
            Box::new(move |outcome| {
                // The loop waits for it, or it has ended and nobody does.
                let _ = inbox.push(Message::Committed(outcome));
            }),
        );
    }

    fn committed(&mut self, outcome: Result<Commit, StoreError>) {
        let Some(InFlight { turn, effects }) = self.in_flight.take() else { return };
        match outcome {
            Ok(_) => self.release_committed(turn, effects),
            Err(error) => self.commit_failed(&error, effects),
        }
    }

    fn release_committed(&mut self, turn: u64, effects: Vec<Effect>) {
        self.durable = turn;
        self.timers.durable(turn);
        self.recent_keys.durable(turn);
        // What was read before does not know of this commit.
        self.snapshot = None;
        let untold = self.inner.changes.is_watched()
            && !effects.iter().any(|effect| matches!(effect, Effect::Changed(_)));
        self.release(effects);
        if untold {
            // Made before anyone watched: who came meanwhile has read the store without it.
            self.inner.changes.send(Vec::new());
        }
    }

    fn release(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let runtime = self.runtime.clone();
        let mut changes = Vec::new();
        for effect in effects {
            match effect {
                Effect::AnswerStart(reply, answer) => drop(reply.send(answer)),
                Effect::Answer(reply, answer) => drop(reply.send(answer)),
                Effect::AnswerWatch(reply, answer) => drop(reply.send(answer)),
                Effect::AnswerClock(reply, now) => drop(reply.send(Ok(now))),
                Effect::Attempt { run_id, activity_id } => {
                    let _context = runtime.enter();
                    self.run_attempt(run_id, activity_id);
                }
                Effect::CancelAttempt { run_id, activity_id } => {
                    self.cancel_attempt(run_id, activity_id);
                }
                Effect::Closed(run_id, result) => {
                    self.residents.remove(run_id);
                    for watch in self.watchers.remove(&run_id).unwrap_or_default() {
                        // Who stopped waiting is no concern.
                        let _ = watch.send(result.clone());
                    }
                }
                Effect::Changed(change) => changes.push(change),
            }
        }
        if !changes.is_empty() {
            self.inner.changes.send(changes);
        }
    }

    /// Keeps a waiter for a run that is open, or whose end is not released yet.
    pub(super) fn add_watcher(&mut self, run_id: RunId, watch: oneshot::Sender<RunResult>) {
        let watchers = self.watchers.entry(run_id).or_default();
        watchers.retain(|known| !known.is_closed());
        watchers.push(watch);
    }

    /// Memory is ahead of the store by turns that never happened: forget it all, the store knows.
    fn commit_failed(&mut self, error: &StoreError, effects: Vec<Effect>) {
        tracing::error!(%error, "a commit failed");
        let later = std::mem::take(&mut self.turn.effects);
        self.turn.batch.clear();
        refuse(effects, &Rejection::from(error.clone()));
        match error {
            StoreError::Full { .. } => {
                refuse(later, &Rejection::from(error.clone()));
                self.residents.clear();
                self.timers.clear();
                self.recent_keys.clear();
                self.attempts.keep_spawned();
                self.ended.clear();
                self.snapshot = None;
                self.recovery = Recovery::after(FULL_PAUSE);
            }
            _ => {
                let reason = format!("the store stopped: {error}");
                // These were never handed to the store.
                refuse(later, &Rejection::Unavailable(reason.clone()));
                self.stop(reason);
            }
        }
    }

    pub(super) fn stop(&mut self, reason: String) {
        tracing::error!(reason, "the engine stops");
        self.inner.inbox.refuse(&reason);
        self.stopped.get_or_insert(reason);
    }

    /// Moves a manual clock on, once everything that is due has been settled.
    fn advance_clock(&mut self) {
        if self.advancing.is_empty() || !self.is_settled() {
            return;
        }
        let now = self.turn.now;
        let Some(advance) = self.advancing.front_mut() else { return };
        let target = *advance.target.get_or_insert_with(|| now.plus_millis(advance.ms));
        if let Err(rejection) = self.load_timers_until(target) {
            self.stop(format!("failed to read timers: {rejection}"));
            return;
        }
        let clock = &self.inner.config.clock;
        if let Some(due) = self.timers.next_due()
            && due <= target
        {
            clock.set(due);
            return;
        }
        clock.set(target);
        self.turn.now = target;
        if let Some(Advance { reply, .. }) = self.advancing.pop_front() {
            self.turn.batch.put(keys::META, recovery::CLOCK, &target.as_millis().to_be_bytes());
            self.turn.effects.push(Effect::AnswerClock(reply, target));
        }
        self.flush();
    }

    fn load_timers_until(&mut self, target: Timestamp) -> Result<(), Rejection> {
        if self.timers.must_load(target) {
            let snapshot = self.inner.store.snapshot()?;
            self.timers.load(&*snapshot, target)?;
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.in_flight.is_none()
            && self.inner.inbox.len() == 0
            && self.turn.batch.is_empty()
            && self.turn.effects.is_empty()
            && self.ended.is_empty()
            && self.recovery.is_done()
            && self.timers.next_due().is_none_or(|due| due > self.turn.now)
    }

    fn evict(&mut self) {
        let budget = self.inner.config.memory_budget_bytes;
        if self.residents.bytes() > budget {
            let evicted = self.residents.evict(budget, self.durable);
            self.inner.counters.evictions.add(evicted);
        }
        self.residents.tidy();
        let counters = &self.inner.counters;
        counters.resident_runs.set(self.residents.len() as u64);
        counters.resident_bytes.set(self.residents.bytes());
        counters.running_attempts.set(self.attempts.len() as u64);
    }

    /// Whether a requested drain is complete.
    fn drained(&mut self) -> bool {
        let Some((deadline, _)) = &self.drain else { return false };
        let idle = self.in_flight.is_none() && self.turn.batch.is_empty() && self.ended.is_empty();
        let late = Instant::now() >= *deadline;
        if !idle || (self.attempts.len() > 0 && !late) {
            return false;
        }
        if self.attempts.len() > 0 {
            tracing::warn!(
                attempts = self.attempts.len(),
                "attempts still run; they are tried again at the next start"
            );
        }
        if let Some((_, reply)) = self.drain.take() {
            let _ = reply.send(());
        }
        true
    }

    /// How long the loop may sleep; none when there is something to do.
    fn may_sleep(&self) -> Option<Duration> {
        if !self.ended.is_empty() || self.recovery.is_pending() {
            return None;
        }
        if self.in_flight.is_some() {
            return Some(LONGEST_SLEEP);
        }
        if !self.turn.batch.is_empty() || !self.advancing.is_empty() {
            return None;
        }
        let mut sleep = LONGEST_SLEEP;
        if let (Some(due), false) = (self.timers.next_due(), self.inner.config.clock.is_manual()) {
            sleep = sleep.min(due - self.inner.config.clock.now());
        }
        if let Some((deadline, _)) = &self.drain {
            sleep = sleep.min(deadline.saturating_duration_since(Instant::now()));
        }
        Some(sleep.max(Duration::from_micros(50)))
    }
}

/// Tells everyone who waits for these effects that they will not happen.
fn refuse(effects: Vec<Effect>, rejection: &Rejection) {
    for effect in effects {
        match effect {
            Effect::AnswerStart(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::Answer(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerWatch(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerClock(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::Attempt { .. }
            | Effect::CancelAttempt { .. }
            | Effect::Closed(..)
            | Effect::Changed(_) => {}
        }
    }
}

impl Step<'_> {
    /// An attempt has ended.
    fn end_attempt(
        &mut self,
        activity_id: u32,
        attempt: u32,
        outcome: Result<crate::Payload, Failure>,
    ) {
        let cancelled = self
            .resident
            .run
            .activities
            .get(&activity_id)
            .is_some_and(|activity| activity.cancel_requested);
        let command = match outcome {
            Ok(result) => Command::CompleteActivity { activity_id, attempt, result },
            Err(failure) if cancelled && failure.kind == crate::sdk::CANCELLED => {
                Command::AcknowledgeCancel { activity_id }
            }
            Err(failure) => Command::FailActivity { activity_id, attempt, failure },
        };
        self.execute_own(command);
    }

    /// An attempt has used up its time.
    fn time_out(&mut self, activity_id: u32, attempt: u32) {
        let limit = self.resident.run.activities.get(&activity_id);
        let limit_ms = limit.map_or(0, |activity| activity.options().start_to_close_ms);
        let mut failure =
            Failure::new("timeout", format!("attempt {attempt} took longer than {limit_ms} ms"));
        failure.timeout = Some("start_to_close".into());
        self.execute_own(Command::FailActivity { activity_id, attempt, failure });
    }

    /// The clock has reached the time of one of the run's rows.
    fn fire(&mut self, id: u32) {
        let (run, now) = (&self.resident.run, self.turn.now);
        let command = match id {
            keys::START_DELAY_ID => Command::ElapseStartDelay,
            keys::EXECUTION_TIMEOUT_ID => Command::TimeOut,
            id if run.timers.get(&id).is_some_and(|timer| timer.fires_at <= now) => {
                Command::FireTimer { timer_id: id }
            }
            activity_id => match run.activities.get(&activity_id).map(|activity| activity.state) {
                Some(ActivityState::BackingOff(at)) if at <= now => {
                    Command::RetryActivity { activity_id }
                }
                _ => return,
            },
        };
        self.execute_own(command);
    }
}
