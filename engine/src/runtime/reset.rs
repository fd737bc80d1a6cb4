//! Resetting: a new run of the same id begins with a part of another run's history and goes on
//! from there with today's code.
//!
//! The copied events keep their times, so the code sees the same instants and, through the seed,
//! the same random numbers. Attempts that were under way at the cut are left out of the copy:
//! their activities are started anew, from attempt 1.
//!
//! Invariant: the end of the old run and the whole of the new one stand in one batch. What cannot
//! be honoured is refused before anything is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::afterwards::Afterwards;
use super::effect::Effect;
use super::history_log::{HistoryReader, Home, encode_apart};
use super::keys;
use super::message::Reply;
use super::replay::Replay;
use super::requests::Target;
use super::reset_relations::CarriedUpdates;
use super::resident::Resident;
use super::shard::Shard;
use super::step::Step;
use crate::kernel::{
    ActivityState, Command, HistoryEvent, Recorded, ResetOrigin, Run, UpdateAccepted, apply,
};
use crate::sdk::Foresight;
use crate::{Payload, Rejection, ResetRequest, RunId, RunStatus, Selector, Started, Timestamp};

/// What is kept of a reset under its idempotency key.
#[derive(Serialize, Deserialize)]
struct KeptReset {
    request: ResetRequest,
    answer: Started,
}

/// What a new run is made from.
struct Cut {
    /// The copied history, its first event with the new run's id.
    events: Vec<Recorded>,
    /// What came from others after the cut and is received again.
    later: Vec<HistoryEvent>,
    /// Updates that were taken after the cut and are not asked again.
    left_out: Vec<UpdateAccepted>,
}

impl Shard {
    pub(super) fn reset(
        &mut self,
        selector: Box<Selector>,
        request: Box<ResetRequest>,
        reply: Reply<Started>,
    ) {
        let answer = match self.target(&selector) {
            Err(rejection) => Err(rejection),
            Ok(target) => {
                if !self.is_whole(target.run_id) && self.in_flight.is_none() {
                    self.commit_now();
                }
                if !self.is_whole(target.run_id) {
                    self.afterwards.push(Afterwards::Reset { selector, request, reply });
                    return;
                }
                self.try_reset(&selector, &target, *request)
            }
        };
        self.turn.effects.push(Effect::AnswerStart(reply, answer));
    }

    pub(super) fn try_reset(
        &mut self,
        selector: &Selector,
        target: &Target,
        mut request: ResetRequest,
    ) -> Result<Started, Rejection> {
        let kept = match request.idempotency_key.take() {
            None => None,
            Some(key) => {
                let row = reset_key(&selector.namespace, target.first_run_id, &key);
                match self.kept_reset(&row)? {
                    Some(before) if before.request == request => return Ok(before.answer),
                    Some(_) => return Err(Rejection::IdempotencyConflict(key)),
                    None => Some((row, request.clone())),
                }
            }
        };
        let run_id = self.turn.new_run_id();
        let Cut { events, later, left_out } = self.cut(selector, target, run_id, &request)?;
        let replay = self.replay_cut(&events, request.to_event_id)?;
        let held_by = self.holder(&selector.namespace, &selector.workflow_id)?;
        let mut carried = CarriedUpdates { left_out, ..CarriedUpdates::default() };
        let mut replaced = None;
        if let Some(held_by) = held_by
            && !held_by.status.is_closed()
            && self.ensure_resident(&selector.namespace, held_by.run_id)?
        {
            replaced = Some(held_by.run_id);
        }
        self.run_reset_hooks(target.run_id, &events)?;
        // Everything is known now: from here on nothing is refused.
        if let Some(replaced) = replaced {
            let reason = request.reason.clone();
            if let Some(resident) = self.residents.get_mut(replaced)
                && resident.run.started.first_run_id() == target.first_run_id
            {
                let kept = replay.run.children.keys().copied().collect();
                resident.superseded = Some(kept);
                carried.take_from(resident, request.reapply_signals);
                // Whoever waits for an answer waits for the new run's.
                if let Some(watchers) = self.update_watchers.remove(&replaced) {
                    self.update_watchers.insert(run_id, watchers);
                }
            }
            self.step(replaced, |step| step.execute(Command::Terminate { reason }));
        }
        self.link_runs(&selector.namespace, &selector.workflow_id, target.run_id, run_id);
        let marker = HistoryEvent::WorkflowReset {
            from_run_id: target.run_id,
            to_event_id: request.to_event_id,
            reason: request.reason,
        };
        self.begin_copy(events, replay, later, marker);
        self.step(run_id, |step| step.carry_updates(carried));
        self.catch_up_with_children(run_id);
        let workflow_id = selector.workflow_id.clone();
        let answer = Started { workflow_id, run_id, started: true };
        if let Some((row, request)) = kept {
            let stored = postcard::to_stdvec(&KeptReset { request, answer: answer.clone() })
                .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
            self.recent_keys.remember(row.clone(), stored.clone(), self.turn.number);
            self.turn.batch.put(keys::SIGNAL_KEYS, &row, &stored);
        }
        Ok(answer)
    }

    fn kept_reset(&mut self, row: &[u8]) -> Result<Option<KeptReset>, Rejection> {
        let stored = match self.recent_keys.get(row) {
            Some(stored) => Some(stored.to_vec()),
            None => self.snapshot()?.get(keys::SIGNAL_KEYS, row)?.map(|stored| stored.to_vec()),
        };
        let read = |stored: Vec<u8>| postcard::from_bytes(&stored);
        stored
            .map(read)
            .transpose()
            .map_err(|error| Rejection::Corrupt(format!("a kept reset: {error}")))
    }

    /// Reads the old run's history and cuts it.
    fn cut(
        &mut self,
        selector: &Selector,
        target: &Target,
        run_id: RunId,
        request: &ResetRequest,
    ) -> Result<Cut, Rejection> {
        let registry = Arc::clone(&self.inner.registry);
        let (at, build_id) = (self.turn.now, registry.build_id());
        let mut reader = HistoryReader::new(self.snapshot()?, &selector.namespace, target.run_id);
        let (mut events, mut later, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        let mut event_id = 0;
        while let Some(recorded) = reader.next()? {
            event_id += 1;
            if event_id <= request.to_event_id {
                events.push(recorded);
                continue;
            }
            match recorded.event {
                event if answered(&event).is_some() => later.push(event),
                HistoryEvent::UpdateAccepted(update) if !request.reapply_signals => {
                    left_out.push(*update);
                }
                event @ (HistoryEvent::SignalReceived { .. } | HistoryEvent::UpdateAccepted(_))
                    if request.reapply_signals =>
                {
                    later.push(event);
                }
                _ => {}
            }
        }
        let refused = |what: String| Err(Rejection::Unprocessable(what));
        if request.to_event_id == 0 || request.to_event_id > event_id {
            return refused(format!(
                "event {} does not exist: the history has events 1 to {event_id}",
                request.to_event_id
            ));
        }
        edit(&mut events, request)?;
        let Some(Recorded { event: HistoryEvent::WorkflowStarted(started), .. }) =
            events.first_mut()
        else {
            return Err(Rejection::Corrupt(format!("run {}: no start", target.run_id)));
        };
        let origin = ResetOrigin {
            from_run_id: target.run_id,
            first_run_id: target.first_run_id,
            seed: started.seed(),
            at,
        };
        let fresh = Arc::make_mut(started);
        (fresh.run_id, fresh.build_id, fresh.reset) = (run_id, build_id, Some(Box::new(origin)));
        if let Some(entry) = registry.workflows.get(&*fresh.workflow_type) {
            fresh.version = Arc::clone(&entry.version);
        }
        fresh.execution_deadline = fresh.execution_timeout_ms.map(|ms| at.plus_millis(ms));
        leave_out_attempts(&mut events, at);
        Ok(Cut { events, later, left_out })
    }

    /// Replays the copied history with today's code.
    fn replay_cut(&self, events: &[Recorded], to_event_id: u64) -> Result<Replay, Rejection> {
        let corrupt = || Rejection::Corrupt("a copied history without its start".into());
        let (first, rest) = events.split_first().ok_or_else(corrupt)?;
        let HistoryEvent::WorkflowStarted(started) = &first.event else { return Err(corrupt()) };
        let entry =
            self.inner.registry.workflows.get(&*started.workflow_type).ok_or_else(|| {
                Rejection::UnknownWorkflowType(started.workflow_type.to_string(), String::new())
            })?;
        (entry.check_input)(&started.input).map_err(|error| {
            Rejection::Unprocessable(format!(
                "workflow type `{}` cannot take this input: {error}",
                started.workflow_type
            ))
        })?;
        let mut replay =
            Replay::begin(first, Some(entry), Foresight::of(events)).ok_or_else(corrupt)?;
        for recorded in rest {
            replay.next(recorded);
        }
        if replay.run.status.is_closed() {
            return Err(Rejection::Unprocessable(format!(
                "the run is closed by event {to_event_id} or one before it: name an earlier one"
            )));
        }
        if replay.run.status != RunStatus::Paused && !replay.held.is_empty() {
            return Err(Rejection::Unprocessable(format!(
                "event {to_event_id} lies amid what the code did when it was resumed: name a \
                 later one, or the event before workflow_resumed"
            )));
        }
        match &replay.failure {
            None => Ok(replay),
            Some(failure) => Err(Rejection::Unprocessable(format!(
                "today's code does not follow the history up to event {to_event_id}: {}",
                failure.message
            ))),
        }
    }

    /// Writes the copied history and lets the run go on.
    fn begin_copy(
        &mut self,
        events: Vec<Recorded>,
        replay: Replay,
        later: Vec<HistoryEvent>,
        marker: HistoryEvent,
    ) {
        let Replay { run, task, outstanding, held, .. } = replay;
        let run_id = run.started.run_id;
        let mut resident = Resident::new(run, task);
        self.write_copy(events, &mut resident);
        let paused = resident.run.status == RunStatus::Paused;
        if paused {
            resident.held = held.into();
        }
        let run = &resident.run;
        let waits = run.children.keys().chain(run.requests.keys()).copied().collect();
        self.residents.insert(resident);
        self.inner.counters.runs_started.add(1);
        self.step(run_id, |step| {
            step.begin_rows();
            step.record_marker(marker);
            step.resume(outstanding);
            if paused {
                // Whoever resets a run wants it to go on.
                step.execute_own(Command::Resume);
                step.show_code();
            }
            step.start_anew();
            for event in later {
                step.receive_again(event, &waits);
            }
        });
    }

    fn write_copy(&mut self, events: Vec<Recorded>, resident: &mut Resident) {
        let (namespace, run_id) = (&*resident.namespace, resident.run_id);
        let run = || keys::run(namespace, run_id);
        let (batch, limit) = (&mut self.turn.batch, self.turn.limits.inline_payload_bytes);
        let (mut encoded, mut apart) = (Vec::new(), 0);
        let mut home = Home { run: &run, batch: &mut *batch, limit };
        for (recorded, event_id) in events.into_iter().zip(1..) {
            match encode_apart(recorded, event_id, &mut encoded, &mut home) {
                Ok(bytes) => apart += bytes,
                // The types of an event all have a stored form; this cannot be reached.
                Err(error) => tracing::error!(%error, "an event has no stored form"),
            }
        }
        let mut append = |segment: u64, events: &[u8]| {
            batch.append(keys::HISTORY, &keys::history(namespace, run_id, segment), events);
        };
        resident.segment.append(1, &encoded, &mut append);
        resident.history_bytes = encoded.len() as u64 + apart;
    }
}

fn reset_key(namespace: &str, first_run_id: RunId, key: &str) -> Vec<u8> {
    // No header can hold a NUL, so no signal's key looks like this.
    keys::signal_key(namespace, first_run_id, &format!("\0reset\0{key}"))
}

/// Replaces the input and recorded outcomes as asked.
fn edit(events: &mut [Recorded], request: &ResetRequest) -> Result<(), Rejection> {
    let refused = |what: String| Err(Rejection::Unprocessable(what));
    if let Some(input) = &request.input
        && let Some(Recorded { event: HistoryEvent::WorkflowStarted(started), .. }) =
            events.first_mut()
    {
        Arc::make_mut(started).input = input.clone();
    }
    let mut edited = BTreeSet::new();
    for change in &request.edits {
        let id = change.event_id;
        if !edited.insert(id) {
            return refused(format!("event {id} is edited twice"));
        }
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let Some(recorded) = index.and_then(|index| events.get_mut(index)) else {
            return refused(format!(
                "event {id} cannot be edited: only events up to event {} are taken over",
                request.to_event_id
            ));
        };
        let value = |value: &Payload| value.clone();
        match (&mut recorded.event, &change.result, &change.payload) {
            (HistoryEvent::ActivityCompleted { result, .. }, Some(new), None) => {
                *result = value(new);
            }
            (HistoryEvent::ActivityFailed { activity_id, retry_at: None, .. }, Some(new), None) => {
                let activity_id = *activity_id;
                recorded.event =
                    HistoryEvent::ActivityCompleted { activity_id, result: value(new) };
            }
            (HistoryEvent::SignalReceived { payload, .. }, None, Some(new)) => {
                *payload = value(new);
            }
            (other, ..) => {
                return refused(format!(
                    "event {id} ({}) cannot be edited so: `result` replaces the outcome of an \
                     activity_completed or a last activity_failed, `payload` that of a \
                     signal_received",
                    other.name()
                ));
            }
        }
    }
    Ok(())
}

/// Leaves out the attempts of activities that had not ended, so that they are started anew.
fn leave_out_attempts(events: &mut Vec<Recorded>, now: Timestamp) {
    let Some(mut run) = events.first().and_then(|first| Run::begin(&first.event, first.at)) else {
        return;
    };
    for recorded in events.iter().skip(1) {
        apply(&mut run, &recorded.event, recorded.at);
    }
    if run.activities.is_empty() {
        return;
    }
    // Their deadlines begin anew, too.
    for recorded in events.iter_mut() {
        if let HistoryEvent::ActivityScheduled { activity_id, .. } = &recorded.event
            && run.activities.contains_key(activity_id)
        {
            recorded.at = now;
        }
    }
    events.retain(|recorded| match &recorded.event {
        HistoryEvent::ActivityStarted { activity_id, .. }
        | HistoryEvent::ActivityHandedOver { activity_id, .. }
        | HistoryEvent::ActivityFailed { activity_id, retry_at: Some(_), .. } => {
            !run.activities.contains_key(activity_id)
        }
        _ => true,
    });
}

/// The child or request that was answered, where the event is an answer from another run.
fn answered(event: &HistoryEvent) -> Option<u32> {
    match event {
        HistoryEvent::ChildWorkflowStarted { child_id, .. }
        | HistoryEvent::ChildWorkflowStartFailed { child_id, .. }
        | HistoryEvent::ChildWorkflowCompleted { child_id, .. }
        | HistoryEvent::ChildWorkflowFailed { child_id, .. }
        | HistoryEvent::ChildWorkflowCancelled { child_id }
        | HistoryEvent::ChildWorkflowTerminated { child_id, .. }
        | HistoryEvent::ChildWorkflowTimedOut { child_id, .. } => Some(*child_id),
        HistoryEvent::ExternalDelivered { request_id, .. }
        | HistoryEvent::ExternalFailed { request_id, .. } => Some(*request_id),
        _ => None,
    }
}

impl Step<'_> {
    /// A signal comes again, and so does the answer to what the copied history waits for.
    fn receive_again(&mut self, event: HistoryEvent, waits: &BTreeSet<u32>) {
        let run = &self.resident.run;
        let awaited = |id| {
            waits.contains(&id)
                && (run.children.contains_key(&id) || run.requests.contains_key(&id))
        };
        match (answered(&event), event) {
            // A run that has closed meanwhile takes no more of them.
            (_, HistoryEvent::SignalReceived { name, payload }) => {
                self.execute_own(Command::Signal { name, payload });
            }
            (_, HistoryEvent::UpdateAccepted(update)) => self.ask_again(*update),
            (Some(id), event) if awaited(id) => self.record(event),
            _ => return,
        }
        self.show_code();
    }

    /// The rows of a run that begins in the middle of its history.
    fn begin_rows(&mut self) {
        let run = &self.resident.run;
        let timers: Vec<(u32, Timestamp)> =
            run.timers.iter().map(|(&id, timer)| (id, timer.fires_at)).collect();
        let delay = run.delayed_until.map(|at| (keys::START_DELAY_ID, at));
        let deadline = run.deadline().map(|(at, _)| (keys::EXECUTION_TIMEOUT_ID, at));
        let deadlines = run.activities.iter().filter_map(|(&id, activity)| {
            let (at, _) = activity.durable_deadline(None)?;
            Some((id | keys::DEADLINE_BIT, at))
        });
        let deadlines: Vec<(u32, Timestamp)> = deadlines.collect();
        self.resident.has_deadlines = !deadlines.is_empty();
        let (key, workflow) = (self.run_key(), self.workflow_key());
        let run_id = self.resident.run_id;
        self.turn.batch.put(keys::WORKFLOWS, &workflow, run_id.as_bytes());
        for (id, at) in timers.into_iter().chain(delay).chain(deadline).chain(deadlines) {
            self.put_timer(id, at);
        }
        self.tally_start();
        self.put_record(&key);
    }

    /// Starts what the old run had under way, and ends what it no longer wanted.
    fn start_anew(&mut self) {
        let activities = self.resident.run.activities.iter();
        let scheduled: Vec<(u32, bool)> = activities
            .filter(|(_, activity)| activity.state == ActivityState::Scheduled)
            .map(|(&activity_id, activity)| (activity_id, activity.cancel_requested_at.is_some()))
            .collect();
        for (activity_id, unwanted) in scheduled {
            match unwanted {
                true => self.execute_own(Command::AcknowledgeCancel { activity_id }),
                false => self.start_attempt(activity_id),
            }
        }
        self.show_code();
    }
}
