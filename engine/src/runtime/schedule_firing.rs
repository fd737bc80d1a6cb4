//! What becomes of a schedule when its time has come or one of its runs has closed.
//!
//! Invariant: the steps of one schedule that are taken here, the runs that they start and the
//! schedule's next timer are one batch.

use super::mailbox::{Act, Address, AddressedRun, Letter};
use super::schedules::ScheduleKey;
use super::shard::Shard;
use super::step::Step;
use crate::kernel::Command;
use crate::schedule::{Firing, Occasion, RunRef, Schedule, ScheduleStep};
use crate::{Payload, Rejection, RunId, RunStatus, Selector, StartRequest, Started, Timestamp};

/// Search attributes of every run that a schedule starts.
pub(crate) const SCHEDULE_ID: &str = "schedule_id";
pub(crate) const SCHEDULED_AT: &str = "scheduled_at";

/// Runs that one schedule starts before others have their turn.
const STARTS_A_TURN: usize = 64;
/// Instants that one schedule deals with before others have their turn.
const STEPS_A_TURN: usize = 4_096;
/// The pause after the store could not be read.
const UNAVAILABLE_PAUSE_MS: u64 = 1_000;
/// Triggers of one instant that get ids of their own.
const MAX_TRIGGERS_AN_INSTANT: u32 = 10_000;

/// What came of a schedule's steps.
#[derive(Default)]
pub(super) struct Worked {
    /// Something is to be written.
    changed: bool,
    /// It is to be woken then.
    wakes_at: Option<Timestamp>,
    /// There is more to do now.
    more: bool,
    /// What became of the first start.
    pub(super) first_start: Option<Result<Started, Rejection>>,
}

impl Shard {
    /// A schedule's timer is due.
    pub(super) fn fire_schedule(&mut self, key: ScheduleKey) {
        let schedule = match self.take_schedule(&key) {
            Ok(Some(schedule)) => schedule,
            Ok(None) => return self.return_schedule(key, None),
            Err(rejection) => {
                tracing::error!(%rejection, schedule_id = &*key.1, "a schedule cannot be read");
                return;
            }
        };
        self.work_and_keep(key, schedule, None);
    }

    /// Goes on with schedules that had more to do than one turn takes.
    pub(super) fn go_on_with_schedules(&mut self) {
        if !self.schedules.wait() || self.turn.draining {
            return;
        }
        for key in self.schedules.take_waiting() {
            self.progress.step();
            self.fire_schedule(key);
            self.split();
        }
    }

    /// A run that carries the schedule's name has closed: what waits for that goes on.
    pub(super) fn scheduled_run_closed(
        &mut self,
        namespace: &str,
        schedule_id: &str,
        first_run_id: RunId,
        status: RunStatus,
    ) -> Result<(), Rejection> {
        let key = (namespace.into(), schedule_id.into());
        let Some(mut schedule) = self.take_schedule(&key)? else {
            self.return_schedule(key, None);
            return Ok(());
        };
        schedule.run_closed(first_run_id, status, self.turn.now);
        self.work_and_keep(key, schedule, Some(ScheduleStep::Counted));
        Ok(())
    }

    /// Takes the schedule's steps from `first` on, and keeps what came of them.
    pub(super) fn work_and_keep(
        &mut self,
        key: ScheduleKey,
        mut schedule: Box<Schedule>,
        first: Option<ScheduleStep>,
    ) -> Worked {
        let passes = schedule.state.counters.passes();
        let worked = self.work(&key.0, &mut schedule, first);
        let passes = schedule.state.counters.passes() - passes;
        self.inner.counters.schedule_passes.add(passes);
        if worked.more {
            self.schedules.more(key.clone());
        }
        match worked.changed || worked.wakes_at != schedule.state.wakes_at {
            true => self.keep_schedule(key, schedule, worked.wakes_at),
            false => self.return_schedule(key, Some(schedule)),
        }
        worked
    }

    fn work(
        &mut self,
        namespace: &str,
        schedule: &mut Schedule,
        first: Option<ScheduleStep>,
    ) -> Worked {
        let now = self.turn.now;
        let mut worked = Worked { changed: first.is_some(), ..Worked::default() };
        let mut next = first;
        let (mut starts, mut steps) = (0, 0);
        loop {
            match next.take().unwrap_or_else(|| schedule.next_step(now)) {
                ScheduleStep::Start(firing) => {
                    starts += 1;
                    match self.start_firing(namespace, schedule, &firing) {
                        Ok(started) => drop(worked.first_start.get_or_insert(Ok(started))),
                        Err(Rejection::Unavailable(reason)) => {
                            tracing::warn!(reason, "a schedule waits for the store");
                            schedule.state.buffer.push_front(firing);
                            worked.changed = true;
                            worked.wakes_at = Some(now.plus_millis(UNAVAILABLE_PAUSE_MS));
                            return worked;
                        }
                        Err(rejection) => {
                            tracing::warn!(%rejection, schedule_id = schedule.id, "a scheduled start was refused");
                            schedule.refused(&firing, rejection.to_string(), now);
                            worked.first_start.get_or_insert(Err(rejection));
                        }
                    }
                }
                ScheduleStep::Cancel(runs) => {
                    for run in runs {
                        self.end_run(namespace, &run, Command::RequestCancel);
                    }
                }
                ScheduleStep::Terminate(runs) => {
                    for run in runs {
                        let reason =
                            format!("replaced by the next run of schedule `{}`", schedule.id);
                        self.end_run(namespace, &run, Command::Terminate { reason });
                    }
                }
                ScheduleStep::Counted => {}
                ScheduleStep::Wait(at) => {
                    worked.wakes_at = at;
                    return worked;
                }
            }
            worked.changed = true;
            steps += 1;
            if starts >= STARTS_A_TURN || steps >= STEPS_A_TURN {
                // Its row is due at once, so that the next process would go on as well.
                worked.more = true;
                worked.wakes_at = Some(now);
                return worked;
            }
        }
    }

    fn start_firing(
        &mut self,
        namespace: &str,
        schedule: &mut Schedule,
        firing: &Firing,
    ) -> Result<Started, Rejection> {
        let action = &schedule.definition.action;
        let prefix = action.id_prefix.as_deref().unwrap_or(&schedule.id);
        let mut workflow_id = format!("{prefix}-{}", firing.scheduled_at);
        if firing.occasion == Occasion::Trigger {
            let mut number = 1;
            while number < MAX_TRIGGERS_AN_INSTANT && self.is_taken(namespace, &workflow_id)? {
                number += 1;
                workflow_id = format!("{prefix}-{}-{number}", firing.scheduled_at);
            }
        }
        let mut request = StartRequest::new(action.workflow_type.clone(), action.input.clone());
        request.namespace = namespace.to_owned();
        request.workflow_id = Some(workflow_id);
        request.execution_timeout_ms = action.execution_timeout_ms;
        request.memo = action.memo.clone();
        request.search_attributes = action.search_attributes.clone();
        let text = |text: &str| Payload::from_value(text).unwrap_or_default();
        let at = firing.scheduled_at.to_string();
        request.search_attributes.insert(SCHEDULE_ID.to_owned(), text(&schedule.id));
        request.search_attributes.insert(SCHEDULED_AT.to_owned(), text(&at));
        let started = self.start_for(&request, None)?;
        self.inner.counters.schedule_starts.add(1);
        let now = self.turn.now;
        schedule.started(firing, started.workflow_id.clone(), started.run_id, now);
        Ok(started)
    }

    fn end_run(&mut self, namespace: &str, run: &RunRef, command: Command) {
        let selector = Selector {
            namespace: namespace.to_owned(),
            workflow_id: run.workflow_id.clone(),
            run_id: None,
        };
        if let Err(rejection) = self.try_command(&selector, command) {
            // It has closed, and the letter that says so is under way.
            tracing::debug!(%rejection, workflow_id = run.workflow_id, "a run had ended already");
        }
    }
}

impl Step<'_> {
    /// The run has closed: the schedule that started it is told.
    pub(super) fn tell_schedule(&mut self) {
        let run = &self.resident.run;
        let Some(schedule_id) = run.started.search_attributes.get(SCHEDULE_ID) else { return };
        if run.status == RunStatus::ContinuedAsNew {
            return;
        }
        let Ok(schedule_id) = schedule_id.to::<String>() else { return };
        let namespace = run.started.namespace.clone();
        let to = Address { namespace, workflow_id: schedule_id, run: AddressedRun::Newest };
        let first_run_id = run.started.first_run_id();
        let act = Act::ScheduledRunClosed { first_run_id, status: run.status };
        self.turn.mailbox.post(Letter { to, act, answer_to: None });
    }
}
