//! One turn: what happens to runs between two commits, and the batch and effects that come of it.
//!
//! Invariant: a [`Step`] changes one run by one command; every event that it records is applied,
//! encoded into the batch and, if it concerns the code, shown to it, one event at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use everstep_storage::Batch;
use everstep_storage::log::Appended;
use tokio::sync::watch;

use super::changes::{Change, ChangeKind};
use super::history_log::{Home, encode_apart};
use super::index::Tally;
use super::keys::{self, TimerKey};
use super::mailbox::Mailbox;
use super::message::{Reply, ScheduleAnswer};
use super::namespaces::NamespaceRecord;
use super::published;
use super::record::RunRecord;
use super::resident::Resident;
use super::start::LastRunId;
use super::stats::Counters;
use super::timers::{Due, Timers};
use crate::batch::is_built_in;
use crate::kernel::{
    ActivityState, Command, HistoryEvent, Recorded, Run, TaskFailure, UpdateCompleted,
    WorkflowStarted, apply, decide,
};
use crate::sdk::Asked;
use crate::telemetry::FinishedSpan;
use crate::view::{RunResult, UpdateState};
use crate::{PayloadLimits, Rejection, RunId, RunStatus, Started, Timestamp, WorkflowError};

/// What may happen once the batch is durable, in order.
pub(super) enum Effect {
    AnswerStart(Reply<Started>, Result<Started, Rejection>),
    Answer(Reply<()>, Result<(), Rejection>),
    /// A namespace was created, changed or, without a record, deleted.
    Namespace {
        reply: Reply<()>,
        name: String,
        record: Option<NamespaceRecord>,
    },
    AnswerAppend(Reply<Appended>, Result<Appended, Rejection>),
    AnswerSchedule(Reply<ScheduleAnswer>, Result<ScheduleAnswer, Rejection>),
    AnswerWatch(Reply<Option<RunResult>>, Result<Option<RunResult>, Rejection>),
    AnswerReport(Reply<bool>, Result<bool, Rejection>),
    AnswerClock(Reply<Timestamp>, Timestamp),
    AnswerUpdate(Reply<UpdateState>, Result<UpdateState, Rejection>),
    /// An update was answered or turned down: tell who waits for it.
    UpdateEnded {
        run_id: RunId,
        workflow_id: Arc<str>,
        state: Box<UpdateState>,
    },
    /// An attempt is recorded as started: run it.
    Attempt {
        run_id: RunId,
        activity_id: u32,
    },
    /// The activity is no longer wanted.
    CancelAttempt {
        run_id: RunId,
        activity_id: u32,
    },
    /// The run is closed: tell who waits, and let it go.
    Closed(RunId, RunResult),
    Changed(Change),
    /// Wakes who watches.
    Announce(watch::Sender<()>),
    /// A span has ended.
    Span(Box<FinishedSpan>),
}

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

/// One run within the open turn.
pub(super) struct Step<'a> {
    pub(super) turn: &'a mut Turn,
    pub(super) resident: &'a mut Resident,
    pub(super) timers: &'a mut Timers,
    pub(super) counters: &'a Counters,
    /// Events recorded in this step.
    recorded: u64,
    /// Something else than events was written.
    touched: bool,
    /// The run's row does not say any more what the run is found by.
    pub(super) outdated: bool,
    /// Withdrawn by the code and run by nobody, so nobody else will say that they have ended.
    idle_cancels: VecDeque<u32>,
    /// What answers the code's requests that were too large.
    pub(super) refusals: VecDeque<Command>,
    /// The request to another run that is recorded now is not sent.
    pub(super) unsent: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        turn: &'a mut Turn,
        resident: &'a mut Resident,
        timers: &'a mut Timers,
        counters: &'a Counters,
    ) -> Self {
        Self {
            turn,
            resident,
            timers,
            counters,
            recorded: 0,
            touched: false,
            outdated: false,
            idle_cancels: VecDeque::new(),
            refusals: VecDeque::new(),
            unsent: false,
        }
    }

    /// Records a run's first event, which `resident` was made from.
    pub(super) fn begin(&mut self, event: HistoryEvent) {
        let run = &self.resident.run;
        let (key, workflow) = (self.run_key(), self.workflow_key());
        // A workflow that was given no id has its first run's: that finds itself.
        if !run.started.run_id.is_written(&run.started.workflow_id) {
            self.turn.batch.put(keys::WORKFLOWS, &workflow, run.started.run_id.as_bytes());
        }
        if let Some(at) = run.delayed_until {
            self.put_timer(keys::START_DELAY_ID, at);
        }
        if let Some((at, _)) = self.resident.run.deadline() {
            self.put_timer(keys::EXECUTION_TIMEOUT_ID, at);
        }
        self.encode(event.clone());
        self.tally_start();
        self.put_record(&key);
        self.counters.runs_started.add(1);
        if self.resident.run.delayed_until.is_none() {
            self.turn.unseen.push_back(event);
        }
        self.show_code();
    }

    /// Decides a command from outside, records what comes of it and lets the code see it.
    pub(super) fn execute(&mut self, command: Command) -> Result<(), Rejection> {
        for event in decide(&self.resident.run, command, self.turn.now)? {
            self.record(event);
        }
        self.show_code();
        Ok(())
    }

    /// Records a command that is never refused: it comes from the code, the clock or a worker.
    pub(super) fn execute_own(&mut self, command: Command) {
        match decide(&self.resident.run, command, self.turn.now) {
            Ok(events) => events.into_iter().for_each(|event| self.record(event)),
            Err(rejection) => {
                tracing::error!(%rejection, run_id = %self.resident.run_id, "own command refused");
            }
        }
    }

    pub(super) fn record(&mut self, event: HistoryEvent) {
        if self.turn.traced {
            self.end_spans(&event);
        }
        self.timer_rows(&event);
        if !self.unsent {
            self.post_letters(&event);
        }
        self.update_rows(&event);
        let before = self.resident.run.status;
        let was_open = !before.is_closed();
        let deadline = self.deadline_before(&event);
        apply(&mut self.resident.run, &event, self.turn.now);
        if let Some((activity_id, before)) = deadline {
            self.move_deadline(activity_id, before);
        }
        self.tally_status(before);
        self.note_outdated(&event);
        let run_id = self.resident.run_id;
        match &event {
            HistoryEvent::ActivityStarted { activity_id, .. } => {
                self.counters.attempts_started.add(1);
                if !self.turn.transacting {
                    self.turn.effects.push(Effect::Attempt { run_id, activity_id: *activity_id });
                }
            }
            HistoryEvent::ActivityCompleted { activity_id, .. }
            | HistoryEvent::ActivityCancelled { activity_id, .. } => {
                self.drop_heartbeat(*activity_id);
                self.leave_queue(*activity_id);
            }
            HistoryEvent::ActivityFailed { activity_id, retry_at, .. } => {
                self.counters.attempts_failed.add(1);
                if retry_at.is_none() {
                    self.drop_heartbeat(*activity_id);
                    self.leave_queue(*activity_id);
                }
            }
            HistoryEvent::ActivityResultLate { .. } => self.counters.late_results.add(1),
            HistoryEvent::ActivityCancelRequested { activity_id } => {
                self.turn.effects.push(Effect::CancelAttempt { run_id, activity_id: *activity_id });
            }
            HistoryEvent::SignalReceived { .. } => self.counters.signals.add(1),
            HistoryEvent::TimerFired { .. } => self.counters.timers_fired.add(1),
            // Rare, and told by the run's row.
            HistoryEvent::WorkflowTaskFailed(_)
            | HistoryEvent::WorkflowTaskRecovered
            | HistoryEvent::WorkflowPaused { .. }
            | HistoryEvent::PatchMarked { .. } => {
                self.encode(event);
                let key = self.run_key();
                self.put_record(&key);
                return;
            }
            HistoryEvent::WorkflowResumed => {
                self.encode(event);
                let key = self.run_key();
                self.put_record(&key);
                self.turn.unseen.extend(std::mem::take(&mut self.resident.held));
                return;
            }
            _ => {}
        }
        let closes = was_open && self.resident.run.status.is_closed();
        if concerns_code(&event) {
            match self.resident.run.status {
                RunStatus::Paused => self.resident.held.push(event.clone()),
                _ => self.turn.unseen.push_back(event.clone()),
            }
        }
        self.encode(event);
        if closes {
            self.close();
        }
    }

    /// Records an event that nobody acts on.
    pub(super) fn record_marker(&mut self, event: HistoryEvent) {
        apply(&mut self.resident.run, &event, self.turn.now);
        self.encode(event);
    }

    fn encode(&mut self, event: HistoryEvent) {
        let recorded = Recorded { at: self.turn.now, event };
        self.recorded += 1;
        let Turn { batch, encoded, limits, .. } = &mut *self.turn;
        let (namespace, run_id) = (&*self.resident.namespace, self.resident.run_id);
        let run = || keys::run(namespace, run_id);
        let mut home = Home { run: &run, batch, limit: limits.inline_payload_bytes };
        match encode_apart(recorded, self.resident.run.history_length, encoded, &mut home) {
            Ok(apart) => self.resident.history_bytes += apart,
            // The types of an event all have a stored form; this cannot be reached.
            Err(error) => tracing::error!(%error, "an event has no stored form"),
        }
    }

    /// Lets the code see what was recorded, one event at a time, and records what it asks for.
    /// Two events from outside must never be recorded without this between them.
    pub(super) fn show_code(&mut self) {
        loop {
            if let Some(event) = self.turn.unseen.pop_front() {
                let Some(task) = &mut self.resident.task else { continue };
                let begun = self.turn.traced.then(Instant::now);
                let advanced = task.advance(&event, self.turn.now);
                if let Some(begun) = begun {
                    self.turn_span(begun, &event, &advanced);
                }
                match advanced {
                    Ok(()) => self.record_asked(),
                    Err(failure) => self.fail_task(failure),
                }
            } else if let Some(activity_id) = self.idle_cancels.pop_front() {
                self.execute_own(Command::AcknowledgeCancel { activity_id });
            } else if let Some(refusal) = self.refusals.pop_front() {
                self.execute_own(refusal);
            } else if self.resident.updates.is_none() || !self.offer_updates() {
                return;
            }
        }
    }

    /// Shows the code what is left and puts the run's rows into the batch.
    pub(super) fn finish(mut self) {
        self.show_code();
        self.write_rows();
    }

    /// Records what the code asked for and how it ended.
    pub(super) fn record_asked(&mut self) {
        while let Some(asked) = self.resident.task.as_ref().and_then(|task| task.next_asked()) {
            self.execute_asked(asked);
        }
        let ended = self.resident.task.as_mut().and_then(|task| task.take_ended());
        match ended {
            Some(Ok(result)) => {
                let end = self.fitting_end(result);
                self.execute_own(end);
            }
            Some(Err(WorkflowError::Failed(failure))) => {
                let failure = self.turn.limits.cut(failure);
                self.execute_own(Command::Fail { failure });
            }
            Some(Err(WorkflowError::Cancelled)) => self.execute_own(Command::Cancel),
            Some(Err(WorkflowError::ContinueAsNew(input))) => self.continue_as_new(input),
            None => {}
        }
    }

    pub(super) fn execute_asked(&mut self, asked: Asked) {
        match self.too_large(&asked) {
            None => self.execute_fitting(asked),
            Some(rejection) => self.refuse_asked(asked, &rejection),
        }
    }

    pub(super) fn execute_fitting(&mut self, asked: Asked) {
        match asked {
            Asked::ScheduleActivity {
                activity_id, activity_type, input, options, inline, ..
            } => {
                let transaction = options.as_ref().is_some_and(|options| options.transaction);
                self.execute_own(Command::ScheduleActivity {
                    activity_id,
                    activity_type,
                    input,
                    options,
                    inline,
                });
                match transaction {
                    true => self.queue_transaction(activity_id),
                    false => self.begin_attempt(activity_id),
                }
            }
            Asked::StartTimer { timer_id, fires_at, .. } => {
                self.execute_own(Command::StartTimer { timer_id, fires_at });
            }
            Asked::CancelActivity { activity_id } => {
                self.execute_own(Command::CancelActivity { activity_id });
                let activity = self.resident.run.activities.get(&activity_id);
                if activity.is_some_and(|activity| !activity.is_running()) {
                    self.idle_cancels.push_back(activity_id);
                }
            }
            Asked::CancelTimer { timer_id } => {
                self.execute_own(Command::CancelTimer { timer_id });
            }
            Asked::StartChild { child_id, start, .. } => {
                self.execute_own(Command::InitiateChild { child_id, start });
            }
            Asked::CancelChild { child_id } => {
                self.execute_own(Command::CancelChild { child_id });
            }
            Asked::AskExternal { request_id, request, .. } => {
                self.execute_own(Command::RequestExternal { request_id, request });
            }
            Asked::CompleteUpdate { update_id, outcome } => {
                let outcome = outcome.map_err(|failure| *failure);
                let update = Box::new(UpdateCompleted { update_id, outcome });
                self.execute_own(Command::CompleteUpdate(update));
            }
            Asked::MarkPatch { patch_id, deprecated, .. } => {
                self.execute_own(Command::MarkPatch { patch_id, deprecated });
            }
            Asked::UpsertSearchAttributes { attributes, .. } => {
                self.execute_own(Command::UpsertSearchAttributes { attributes });
            }
            Asked::UpsertMemo { memo, .. } => self.execute_own(Command::UpsertMemo { memo }),
        }
    }

    /// Starts the next attempt in the commit that makes it possible.
    pub(super) fn start_attempt(&mut self, activity_id: u32) {
        match self.is_transaction(activity_id) {
            true => self.queue_transaction(activity_id),
            false => self.begin_attempt(activity_id),
        }
    }

    fn begin_attempt(&mut self, activity_id: u32) {
        if !self.turn.draining {
            self.start_or_offer(activity_id);
        }
    }

    /// The code cannot go on: say so, and try again later.
    pub(super) fn fail_task(&mut self, mut failure: Box<TaskFailure>) {
        let resident = &mut *self.resident;
        failure.event_id.get_or_insert(resident.run.history_length);
        let room = failure.message.floor_char_boundary(self.turn.limits.payload_bytes);
        failure.message.truncate(room);
        tracing::warn!(
            workflow_id = &*resident.workflow_id,
            run_id = %resident.run_id,
            message = failure.message,
            location = failure.location,
            "workflow task failed"
        );
        resident.task = None;
        self.turn.unseen.clear();
        // Doubling from 1 s up to 60 s.
        let pause_ms = (1_000_u64 << resident.task_tries.min(6)).min(60_000);
        resident.task_tries += 1;
        let (namespace, run_id) = (Arc::clone(&resident.namespace), resident.run_id);
        let due = Due::TaskRetry { namespace, run_id };
        self.timers.push(self.turn.now.plus_millis(pause_ms), due);
        self.counters.task_failures.add(1);
        self.execute_own(Command::FailTask(failure));
    }

    fn close(&mut self) {
        let key = self.run_key();
        self.put_record(&key);
        let run = &self.resident.run;
        let result = RunResult {
            status: run.status,
            result: run.result.clone(),
            failure: run.failure.clone(),
            new_run_id: run.continued_to,
        };
        self.turn.effects.push(Effect::Closed(self.resident.run_id, result));
        if self.turn.hooked {
            self.turn.endings.push(self.resident.run_id);
        }
        self.counters.runs_closed.add(1);
        self.turn.unseen.clear();
        self.tell_parent();
        self.tell_schedule();
    }

    /// Rows that follow from the run's state rather than from one event.
    fn write_rows(&mut self) {
        if self.resident.updates.is_some() && self.write_updates() {
            self.resident.changed_in = self.turn.number;
        }
        if self.outdated {
            let key = self.run_key();
            self.put_record(&key);
        }
        if self.recorded == 0 {
            if self.touched {
                self.count();
            }
            return;
        }
        let resident = &mut *self.resident;
        let Turn { batch, encoded, limits, .. } = &mut *self.turn;
        let (namespace, run_id) = (&*resident.namespace, resident.run_id);
        let first_event_id = resident.run.history_length + 1 - self.recorded;
        let mut append = |segment: u64, events: &[u8]| {
            let key = keys::history(namespace, run_id, segment);
            batch.append(keys::HISTORY, &key, events);
        };
        resident.segment.append(first_event_id, encoded, &mut append);
        resident.history_bytes += encoded.len() as u64;
        encoded.clear();
        self.counters.events.add(self.recorded);

        let active = resident.run.is_active();
        if active != resident.active_row {
            let key = keys::active(resident.shard, namespace, run_id);
            match active {
                true => batch.put(keys::ACTIVE, &key, b""),
                false => batch.delete(keys::ACTIVE, &key),
            }
            resident.active_row = active;
        }
        let closed = resident.run.status.is_closed();
        // The engine's own workflows bound what they publish by themselves.
        let limit = match is_built_in(&resident.run.started.workflow_type) {
            true => usize::MAX,
            false => limits.payload_bytes,
        };
        if let Some(task) = &resident.task {
            for (name, payload) in task.take_published() {
                let key = keys::published(namespace, run_id, name);
                let row = published::stored(name, &payload, limit);
                batch.put(keys::PUBLISHED, &key, &row);
            }
            if let Some(awaited) = task.take_awaited() {
                let key = keys::run(namespace, run_id);
                let stored = postcard::to_stdvec(&awaited).unwrap_or_default();
                if !closed && !awaited.is_empty() {
                    batch.put(keys::AWAITING, &key, &stored);
                    resident.awaiting_row = true;
                } else if resident.awaiting_row {
                    batch.delete(keys::AWAITING, &key);
                    resident.awaiting_row = false;
                }
            }
        }
        if closed && std::mem::take(&mut resident.awaiting_row) {
            batch.delete(keys::AWAITING, &keys::run(namespace, run_id));
        }
        self.count();
    }

    /// Something of the run was written that is no event.
    pub(super) const fn touch(&mut self) {
        self.touched = true;
    }

    fn count(&mut self) {
        self.resident.changed_in = self.turn.number;
        self.turn.steps += 1;
        if self.turn.watched {
            self.tell_watchers();
        }
    }

    fn tell_watchers(&mut self) {
        let resident = &*self.resident;
        let history_length = resident.run.history_length;
        let kind = match resident.run.status {
            RunStatus::Running if history_length == self.recorded => ChangeKind::Started,
            RunStatus::Running | RunStatus::Paused => ChangeKind::Advanced,
            _ => ChangeKind::Closed,
        };
        self.turn.effects.push(Effect::Changed(Change {
            namespace: Arc::clone(&resident.namespace),
            workflow_id: Arc::clone(&resident.workflow_id),
            run_id: resident.run_id,
            status: resident.run.status,
            history_length,
            kind,
        }));
    }

    /// Keeps the timer rows in step with an event that is about to be applied.
    fn timer_rows(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::TimerStarted { timer_id, fires_at } => {
                self.put_timer(*timer_id, *fires_at);
            }
            HistoryEvent::ActivityFailed { activity_id, retry_at: Some(at), .. } => {
                self.put_timer(*activity_id, *at);
            }
            HistoryEvent::TimerFired { timer_id } | HistoryEvent::TimerCancelled { timer_id } => {
                if let Some(timer) = self.resident.run.timers.get(timer_id) {
                    self.delete_timer(*timer_id, timer.fires_at);
                }
            }
            HistoryEvent::ActivityStarted { activity_id, .. }
            | HistoryEvent::ActivityFailed { activity_id, retry_at: None, .. }
            | HistoryEvent::ActivityCancelled { activity_id, .. } => {
                let activity = self.resident.run.activities.get(activity_id);
                if let Some(ActivityState::BackingOff(at)) = activity.map(|activity| activity.state)
                {
                    self.delete_timer(*activity_id, at);
                }
            }
            HistoryEvent::StartDelayElapsed => {
                if let Some(at) = self.resident.run.delayed_until {
                    self.delete_timer(keys::START_DELAY_ID, at);
                }
            }
            HistoryEvent::WorkflowCompleted { .. }
            | HistoryEvent::WorkflowFailed { .. }
            | HistoryEvent::WorkflowCancelled
            | HistoryEvent::WorkflowTerminated { .. }
            | HistoryEvent::WorkflowTimedOut => {
                self.withdraw_everything();
                self.release_children();
            }
            HistoryEvent::WorkflowContinuedAsNew { .. } => self.withdraw_everything(),
            _ => {}
        }
    }

    /// The run closes: nothing of it is to fire or run any more.
    fn withdraw_everything(&mut self) {
        let run = &self.resident.run;
        let run_id = self.resident.run_id;
        let mut rows: Vec<(u32, Timestamp)> =
            run.timers.iter().map(|(&id, timer)| (id, timer.fires_at)).collect();
        rows.extend(run.delayed_until.map(|at| (keys::START_DELAY_ID, at)));
        rows.extend(run.deadline().map(|(at, _)| (keys::EXECUTION_TIMEOUT_ID, at)));
        if self.resident.has_queued {
            self.turn.unqueued.extend(run.activities.keys().map(|&id| (run_id, id)));
        }
        for (&activity_id, activity) in &run.activities {
            if let Some(at) = self.durable_deadline(activity_id) {
                rows.push((activity_id | keys::DEADLINE_BIT, at));
            }
            match activity.state {
                ActivityState::BackingOff(at) => rows.push((activity_id, at)),
                ActivityState::Started(_) => {
                    self.turn.effects.push(Effect::CancelAttempt { run_id, activity_id });
                }
                ActivityState::Scheduled | ActivityState::HandedOver(_) => {}
            }
        }
        for (id, at) in rows {
            self.delete_timer(id, at);
        }
        while let Some(activity_id) = self.resident.heartbeats.keys().next().copied() {
            self.drop_heartbeat(activity_id);
        }
    }

    /// When an activity's durable deadline is, if it has one.
    pub(super) fn durable_deadline(&self, activity_id: u32) -> Option<Timestamp> {
        if !self.resident.has_deadlines {
            return None;
        }
        let activity = self.resident.run.activities.get(&activity_id)?;
        let heartbeat = self.resident.heartbeats.get(&activity_id);
        activity.durable_deadline(heartbeat.map(|beat| beat.at)).map(|(at, _)| at)
    }

    /// The activity whose durable deadline the event may move, and where it is before that.
    fn deadline_before(&mut self, event: &HistoryEvent) -> Option<(u32, Option<Timestamp>)> {
        let id = match event {
            HistoryEvent::ActivityScheduled { activity_id, options: Some(options), .. }
                if options.schedule_to_close_ms.or(options.schedule_to_start_ms).is_some() =>
            {
                self.resident.has_deadlines = true;
                *activity_id
            }
            HistoryEvent::ActivityHandedOver { activity_id, .. } => {
                self.resident.has_deadlines = true;
                *activity_id
            }
            _ if !self.resident.has_deadlines => return None,
            HistoryEvent::ActivityStarted { activity_id, .. }
            | HistoryEvent::ActivityCompleted { activity_id, .. }
            | HistoryEvent::ActivityFailed { activity_id, .. }
            | HistoryEvent::ActivityCancelRequested { activity_id }
            | HistoryEvent::ActivityCancelled { activity_id, .. } => *activity_id,
            _ => return None,
        };
        Some((id, self.durable_deadline(id)))
    }

    /// Moves the timer of an activity's durable deadline from where it was to where it is.
    pub(super) fn move_deadline(&mut self, activity_id: u32, before: Option<Timestamp>) {
        let after = self.durable_deadline(activity_id);
        if before == after {
            return;
        }
        let id = activity_id | keys::DEADLINE_BIT;
        if let Some(at) = before {
            self.delete_timer(id, at);
        }
        if let Some(at) = after {
            self.put_timer(id, at);
        }
    }

    pub(super) fn put_timer(&mut self, id: u32, due: Timestamp) {
        let timer = TimerKey { due, run_id: self.resident.run_id, id };
        let key = keys::timer(self.resident.shard, &self.resident.namespace, &timer);
        self.turn.batch.put(keys::TIMERS, &key, b"");
        self.timers.row_written(&self.resident.namespace, &timer, self.turn.number);
    }

    fn delete_timer(&mut self, id: u32, due: Timestamp) {
        let timer = TimerKey { due, run_id: self.resident.run_id, id };
        let key = keys::timer(self.resident.shard, &self.resident.namespace, &timer);
        self.turn.batch.delete(keys::TIMERS, &key);
        self.timers.row_deleted(&self.resident.namespace, &timer);
    }

    pub(super) fn run_key(&self) -> Vec<u8> {
        keys::run(&self.resident.namespace, self.resident.run_id)
    }

    pub(super) fn workflow_key(&self) -> Vec<u8> {
        keys::workflow(&self.resident.namespace, &self.resident.workflow_id)
    }

    /// Writes the run's row and what it is found by.
    pub(super) fn put_record(&mut self, key: &[u8]) {
        let record = RunRecord::of(&self.resident.run, self.turn.limits.inline_payload_bytes);
        let mut stored = std::mem::take(&mut self.turn.record);
        stored.clear();
        self.outdated = false;
        match postcard::to_extend(&record, stored) {
            Ok(stored) => {
                if record.status.is_closed() {
                    self.turn.batch.delete(keys::OPEN_RUNS, key);
                    self.turn.batch.put(keys::RUNS, key, &stored);
                } else {
                    self.turn.batch.put(keys::OPEN_RUNS, key, &stored);
                }
                self.turn.record = stored;
            }
            Err(error) => tracing::error!(%error, "a run has no stored form"),
        }
        self.put_found(&record);
    }
}

/// When the first run of the run's chain started.
pub(super) fn chain_started_at(run: &Run) -> Timestamp {
    match &run.started.reset {
        Some(reset) => reset.at,
        None => {
            run.started.continued.as_ref().map_or(run.started_at, |given| given.chain_started_at)
        }
    }
}

/// Whether the code is shown the event; see `Core::deliver`.
pub(super) const fn concerns_code(event: &HistoryEvent) -> bool {
    matches!(
        event,
        HistoryEvent::StartDelayElapsed
            | HistoryEvent::ActivityCompleted { .. }
            | HistoryEvent::ActivityFailed { retry_at: None, .. }
            | HistoryEvent::ActivityCancelled { .. }
            | HistoryEvent::TimerFired { .. }
            | HistoryEvent::SignalReceived { .. }
            | HistoryEvent::WorkflowCancelRequested
            | HistoryEvent::ChildWorkflowStarted { .. }
            | HistoryEvent::ChildWorkflowStartFailed { .. }
            | HistoryEvent::ChildWorkflowCompleted { .. }
            | HistoryEvent::ChildWorkflowFailed { .. }
            | HistoryEvent::ChildWorkflowCancelled { .. }
            | HistoryEvent::ChildWorkflowTerminated { .. }
            | HistoryEvent::ChildWorkflowTimedOut { .. }
            | HistoryEvent::ExternalDelivered { .. }
            | HistoryEvent::ExternalFailed { .. }
    )
}
