//! The loop: one thread that owns every run in memory.
//!
//! Each time around it takes all that has come, handles it message by message into one open
//! batch, and commits; see `commit` for who does that and when.
//!
//! Invariant: nothing but this thread changes a run, and it never waits but for the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstep_storage::{Batch, Fence, Snapshot, StoreError};
use tokio::sync::oneshot;

use super::OpenError;
use super::afterwards::Afterwards;
use super::app_rows::AppRows;

use super::attempts::Attempts;
use super::commit::{InFlight, refuse};
use super::engine::Inner;
use super::index::{Tally, Tidy};
use super::logs::Logs;
use super::mailbox::Mailbox;
use super::manual_clock::Advance;
use super::message::{AttemptEnded, Message};
use super::namespace_deletion::Deletions;
use super::namespaces::NamespaceMap;
use super::recovery::Recovery;
use super::resident::{Residents, RunMap};
use super::retention::Retention;
use super::schedules::Schedules;
use super::skip::Skip;
use super::start::RecentKeys;
use super::step::Step;
use super::sweep::Sweep;
use super::timers::Timers;
use super::turn::Turn;
use super::updates::UpdateWatchers;
use super::watch::Host;
use super::watchdog::Progress;
use super::{panics, recovery, watchdog};
use crate::kernel::Command;
use crate::sdk::{CANCELLED, HANDED_OVER};
use crate::view::RunResult;
use crate::{Failure, Payload, Rejection, RunId};

/// The longest sleep: the clock may be moved by others meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Somebody who waits for a run's end.
pub(super) struct Watcher {
    pub(super) watch: oneshot::Sender<RunResult>,
    /// Waits for the end of the run's chain, whatever it continues as.
    pub(super) follows_chain: bool,
}

pub(super) struct Shard {
    pub(super) inner: Arc<Inner>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) residents: Residents,
    pub(super) timers: Timers,
    pub(super) schedules: Schedules,
    pub(super) turn: Turn,
    pub(super) attempts: Attempts,
    /// What attempts see of the engine.
    pub(super) host: Arc<Host>,
    pub(super) recovery: Recovery,
    /// Taken when something must be read, dropped with the next commit or turn.
    pub(super) snapshot: Option<Box<dyn Snapshot>>,
    pub(super) watchers: RunMap<Vec<Watcher>>,
    pub(super) update_watchers: RunMap<UpdateWatchers>,
    pub(super) in_flight: Option<InFlight>,
    /// The newest turn that is durable.
    pub(super) durable: u64,
    pub(super) recent_keys: RecentKeys,
    pub(super) app_rows: AppRows,
    pub(super) logs: Logs,
    /// How often code was tried again, carried over to the run's next time in memory.
    pub(super) task_tries: RunMap<u32>,
    /// Results of attempts that ended at their first poll.
    pub(super) ended: VecDeque<AttemptEnded>,
    pub(super) advancing: VecDeque<Advance>,
    pub(super) skips: VecDeque<Skip>,
    pub(super) afterwards: Vec<Afterwards>,
    pub(super) namespaces: NamespaceMap,
    /// What is left of namespaces that are gone.
    pub(super) deletions: Deletions,
    pub(super) retention: Retention,
    /// Runs that were deleted, with the turn that did it, until that is durable.
    pub(super) deleted: RunMap<u64>,
    /// The namespaces, but for the default one, of runs whose attempts outlive them in memory.
    pub(super) strays: RunMap<Arc<str>>,
    pub(super) drain: Option<Drain>,
    pub(super) fence: Fence,
    pub(super) progress: Arc<Progress>,
    /// Whether anything was ever offered to a queue.
    pub(super) uses_queues: bool,
    pub(super) stopped: Option<String>,
    pub(super) sweep: Sweep,
    pub(super) tidy: Tidy,
}

/// A shutdown in progress.
pub(super) struct Drain {
    /// Until when running attempts are waited for.
    until: Instant,
    /// What those that are still running have said last is in the batch.
    saved: bool,
    reply: oneshot::Sender<()>,
}

/// Whether an attempt that nobody waits for any more has nothing to tell: it has ended as it was
/// asked to, or was completed from outside.
fn says_nothing(outcome: &Result<Payload, Failure>) -> bool {
    outcome.as_ref().is_err_and(|failure| failure.kind == CANCELLED || failure.kind == HANDED_OVER)
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
        let namespaces = inner.namespaces.all();
        let turn = Turn {
            number: 1,
            batch: Batch::new(),
            effects: Vec::new(),
            steps: 0,
            now: inner.config.clock.now(),
            draining: false,
            limits: inner.config.limits,
            staged: inner.config.clock.is_staged(),
            traced: inner.config.spans.is_some(),
            watched: false,
            mailbox: Mailbox::new(fence.epoch),
            tally: Tally::default(),
            offers: Vec::new(),
            unqueued: Vec::new(),
            transactions: VecDeque::new(),
            hooked: !inner.registry.end_hooks.is_empty(),
            endings: Vec::new(),
            transacting: false,
            successor: None,
            last_run_id: recovery::last_run_id(&inner),
            unseen: VecDeque::new(),
            encoded: Vec::new(),
            record: Vec::new(),
        };
        let (inbox, config) = (Arc::clone(&inner.inbox), &inner.config);
        let clock = config.clock.clone();
        let host = Host::new(Arc::downgrade(&inner), inbox, clock, config.limits);
        Self {
            inner,
            host: Arc::new(host),
            runtime,
            residents: Residents::default(),
            timers: Timers::default(),
            schedules: Schedules::default(),
            turn,
            attempts: Attempts::default(),
            recovery: Recovery::everything(),
            snapshot: None,
            watchers: RunMap::default(),
            update_watchers: RunMap::default(),
            in_flight: None,
            durable: 0,
            recent_keys: RecentKeys::default(),
            app_rows: AppRows::default(),
            logs: Logs::default(),
            task_tries: RunMap::default(),
            ended: VecDeque::new(),
            advancing: VecDeque::new(),
            skips: VecDeque::new(),
            afterwards: Vec::new(),
            namespaces,
            deletions: Deletions::default(),
            retention: Retention::default(),
            deleted: RunMap::default(),
            strays: RunMap::default(),
            drain: None,
            fence,
            progress,
            uses_queues: false,
            stopped: None,
            sweep: Sweep::default(),
            tidy: Tidy::default(),
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
            self.tidy_some();
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
            self.sweep_some();
            self.delete_some();
            self.fire_due();
            self.deliver_letters();
            self.run_transactions();
            self.dispatch();
            self.go_on_with_schedules();
            self.flush();
            self.advance_clock();
            self.skip_time();
            self.snapshot = None;
            self.evict();
            if let Some(reason) = self.stopped.take() {
                // What the open turn made was never handed to the store.
                let effects = std::mem::take(&mut self.turn.effects);
                refuse(effects, &Rejection::Unavailable(reason.clone()));
                return reason;
            }
            if self.drained() {
                return "the server has shut down".into();
            }
            self.progress.idle();
            if let Some(timeout) = self.may_sleep()
                && !self.sweep()
                && !self.warm_schedules()
            {
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
            Message::Update { selector, update, watch, reply } => {
                self.update(&selector, *update, watch, reply);
            }
            Message::WatchUpdate { selector, update_id, watch, reply } => {
                self.watch_update(&selector, &update_id, watch, reply);
            }
            Message::Append { namespace, append, checked, reply } => {
                self.append(&namespace, *append, checked, reply);
            }
            Message::Transact { namespace, code, reply } => {
                self.transact_for(&namespace, code, reply);
            }
            Message::Cancel { selector, reply } => {
                self.command(&selector, Command::RequestCancel, reply);
            }
            Message::Terminate { selector, reason, reply } => {
                self.command(&selector, Command::Terminate { reason }, reply);
            }
            Message::Pause { selector, reason, reply } => {
                self.command(&selector, Command::Pause { reason }, reply);
            }
            Message::Resume { selector, reply } => self.resume(&selector, reply),
            Message::SetQueue { namespace, name, limits, reply } => {
                self.set_queue(&namespace, &name, limits, reply);
            }
            Message::Reset { selector, request, reply } => self.reset(selector, request, reply),
            Message::BatchPage { token, targets, reply } => {
                self.act_on_page(token, targets, reply);
            }
            Message::Delete { selector, reply } => self.delete(selector, reply),
            Message::RetryActivity { selector, activity_id, reply } => {
                self.retry_activity(&selector, activity_id, reply);
            }
            Message::RetryTask { selector, reply } => self.retry_task_now(&selector, reply),
            Message::Namespace { name, change, reply } => {
                self.change_namespace(name, change, reply);
            }
            Message::Watch { selector, watch, reply } => self.watch(&selector, watch, reply),
            Message::OutsideReport { token, report, reply } => {
                self.outside_report(&token, report, reply);
            }
            Message::Heartbeat { run_id, activity_id, attempt } => {
                if let Err(rejection) = self.look_at_attempt(run_id, activity_id, attempt) {
                    tracing::error!(%rejection, %run_id, "a heartbeat finds no run");
                }
            }
            Message::Schedule { request, reply } => self.schedule(*request, reply),
            Message::AttemptEnded(ended) => self.attempt_ended(ended),
            Message::InlineReady { run_id, activity_id } => self.poll_inline(run_id, activity_id),
            Message::Committed(outcome) => self.committed(outcome),
            Message::AdvanceClock { ms, reply } => {
                self.advancing.push_back(Advance { ms, target: None, reply });
            }
            Message::Skip { until, hanging, reply } => {
                let skip = Skip { until, hanging, moved: false, just_moved: false, reply };
                self.skips.push_back(skip);
            }
            Message::Drain { grace, reply } => {
                self.turn.draining = true;
                self.announce_shutdown();
                self.drain = Some(Drain { until: Instant::now() + grace, saved: false, reply });
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
        debug_assert!(resident.has_waker(), "run {run_id} is open and nothing will wake it");
        let growth = resident.take_growth();
        self.residents.grow(growth);
        if let Some(successor) = self.turn.successor.take() {
            self.begin_successor(run_id, *successor);
        }
        if !self.turn.endings.is_empty() {
            self.run_end_hooks();
        }
        Some(result)
    }

    /// The newest durable state. A run in memory is always newer.
    pub(super) fn snapshot(&mut self) -> Result<&dyn Snapshot, Rejection> {
        if self.snapshot.is_none() {
            match self.inner.store.snapshot() {
                Ok(snapshot) => self.snapshot = Some(snapshot),
                Err(error) => {
                    // It may have failed behind our back, while it took a checkpoint.
                    if matches!(error, StoreError::Stopped { .. }) {
                        self.stop(format!("the store stopped: {error}"));
                    }
                    return Err(error.into());
                }
            }
        }
        match &self.snapshot {
            Some(snapshot) => Ok(&**snapshot),
            None => Err(Rejection::Unavailable("the store gave no snapshot".into())),
        }
    }

    fn attempt_ended(&mut self, ended: AttemptEnded) {
        let AttemptEnded { run_id, activity_id, attempt, outcome } = ended;
        let forgotten = self.forget_attempt(run_id, activity_id, attempt);
        if forgotten.is_none() && says_nothing(&outcome) {
            return;
        }
        match self.ensure_resident_run(run_id) {
            Ok(true) => {}
            Ok(false) => return,
            Err(rejection) => {
                tracing::error!(%rejection, %run_id, "a result finds no run");
                return;
            }
        }
        let heartbeat = forgotten.and_then(|forgotten| forgotten.heartbeat);
        self.step(run_id, |step| step.end_attempt(activity_id, attempt, outcome, heartbeat));
    }

    /// Keeps a waiter for a run that is open, or whose end is not released yet.
    pub(super) fn add_watcher(&mut self, run_id: RunId, watcher: Watcher) {
        let watchers = self.watchers.entry(run_id).or_default();
        watchers.retain(|known| !known.watch.is_closed());
        watchers.push(watcher);
    }

    /// A run's end is durable: tells who waits for it, or lets them wait for what it continued as.
    pub(super) fn tell_end(&mut self, run_id: RunId, result: &RunResult) {
        let Some(watchers) = self.watchers.remove(&run_id) else { return };
        for watcher in watchers {
            match result.new_run_id {
                Some(next) if watcher.follows_chain => self.add_watcher(next, watcher),
                // Who stopped waiting is no concern.
                _ => drop(watcher.watch.send(result.clone())),
            }
        }
    }

    pub(super) fn stop(&mut self, reason: String) {
        tracing::error!(reason, "the engine stops");
        self.inner.inbox.refuse(&reason);
        self.stopped.get_or_insert(reason);
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
        let Some(drain) = &mut self.drain else { return false };
        let idle = self.in_flight.is_none() && self.turn.batch.is_empty() && self.ended.is_empty();
        let late = Instant::now() >= drain.until;
        if !idle || (self.attempts.len() > 0 && !late) {
            return false;
        }
        if !std::mem::replace(&mut drain.saved, true) && self.attempts.len() > 0 {
            self.save_last_heartbeats();
            self.flush();
            return false;
        }
        if self.attempts.len() > 0 {
            tracing::warn!(
                attempts = self.attempts.len(),
                "attempts still run; they are tried again at the next start"
            );
        }
        if let Some(Drain { reply, .. }) = self.drain.take() {
            let _ = reply.send(());
        }
        true
    }

    /// How long the loop may sleep; none when there is something to do.
    fn may_sleep(&self) -> Option<Duration> {
        if !self.turn.transactions.is_empty() || self.schedules.wait() {
            return None;
        }
        if !self.ended.is_empty()
            || self.recovery.is_pending()
            || self.letters_wait()
            || self.is_sweeping()
            || self.has_just_skipped()
        {
            return None;
        }
        if self.in_flight.is_some() {
            return Some(LONGEST_SLEEP);
        }
        if self.is_deleting() {
            return None;
        }
        if !self.turn.batch.is_empty() || !self.advancing.is_empty() || self.tidy.pending {
            return None;
        }
        let mut sleep = LONGEST_SLEEP;
        if let (Some(due), false) = (self.timers.next_due(), self.inner.config.clock.is_manual()) {
            sleep = sleep.min(due - self.inner.config.clock.now());
        }
        if let Some(drain) = &self.drain {
            sleep = sleep.min(drain.until.saturating_duration_since(Instant::now()));
        }
        Some(sleep.max(Duration::from_micros(50)))
    }
}
