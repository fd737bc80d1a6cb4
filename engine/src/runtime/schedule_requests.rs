//! Requests to schedules, in the loop.
//!
//! Invariant: an instant that was due before the request is dealt with before it, under what the
//! schedule was then.

use super::effect::Effect;
use super::message::{Reply, ScheduleAct, ScheduleAnswer, ScheduleRequest};
use super::schedules::ScheduleKey;
use super::shard::Shard;
use crate::schedule::{Schedule, ScheduleInput, ScheduleStep};
use crate::view::Triggered;
use crate::{Rejection, Started};

/// Turns that a request waits for a schedule to catch up.
const TURNS_OF_CATCHING_UP: usize = 4;

impl Shard {
    pub(super) fn schedule(&mut self, request: ScheduleRequest, reply: Reply<ScheduleAnswer>) {
        let declared = matches!(request.act, ScheduleAct::Declare(..));
        let schedule_id = request.schedule_id.clone();
        let answer = self.try_schedule(request);
        if let (true, Err(rejection)) = (declared, &answer) {
            tracing::error!(%rejection, schedule_id, "a declared schedule was refused");
        }
        self.turn.effects.push(Effect::AnswerSchedule(reply, answer));
    }

    fn try_schedule(&mut self, request: ScheduleRequest) -> Result<ScheduleAnswer, Rejection> {
        let ScheduleRequest { namespace, schedule_id, act } = request;
        let key: ScheduleKey = (namespace.as_str().into(), schedule_id.as_str().into());
        for _ in 0..TURNS_OF_CATCHING_UP {
            self.fire_schedule(key.clone());
        }
        let found = self.take_schedule(&key)?;
        match (act, found) {
            (ScheduleAct::Create(_), Some(schedule)) => {
                self.return_schedule(key, Some(schedule));
                Err(Rejection::ScheduleAlreadyExists(schedule_id))
            }
            (ScheduleAct::Create(input), None) => self.create_schedule(key, input, None),
            (ScheduleAct::Declare(input, fingerprint), None) => {
                self.create_schedule(key, input, Some(fingerprint))
            }
            (_, None) => {
                self.return_schedule(key, None);
                Err(Rejection::ScheduleNotFound(schedule_id))
            }
            (act, Some(schedule)) => {
                let before = schedule.clone();
                self.act_on_schedule(&key, schedule, act).inspect_err(|_| {
                    self.return_schedule(key, Some(before));
                })
            }
        }
    }

    fn create_schedule(
        &mut self,
        key: ScheduleKey,
        input: ScheduleInput,
        declared: Option<u64>,
    ) -> Result<ScheduleAnswer, Rejection> {
        let uid = self.turn.new_run_id();
        let created = Schedule::create(key.1.to_string(), input, uid, self.turn.now);
        let mut schedule = match created {
            Ok(schedule) => Box::new(schedule),
            Err(rejection) => {
                self.return_schedule(key, None);
                return Err(rejection);
            }
        };
        schedule.state.declared = declared;
        self.write_definition(&key, &schedule.definition);
        self.work_and_keep(key, schedule, Some(ScheduleStep::Counted));
        Ok(ScheduleAnswer::Done)
    }

    fn act_on_schedule(
        &mut self,
        key: &ScheduleKey,
        mut schedule: Box<Schedule>,
        act: ScheduleAct,
    ) -> Result<ScheduleAnswer, Rejection> {
        let now = self.turn.now;
        let mut first = ScheduleStep::Counted;
        let mut answer = ScheduleAnswer::Done;
        match act {
            ScheduleAct::Update(input) => {
                schedule.update(input, now)?;
                self.write_definition(key, &schedule.definition);
            }
            ScheduleAct::Declare(_, fingerprint)
                if schedule.state.declared == Some(fingerprint) =>
            {
                // What was changed by hand since then stays.
                self.return_schedule(key.clone(), Some(schedule));
                return Ok(ScheduleAnswer::Done);
            }
            ScheduleAct::Declare(input, fingerprint) => {
                schedule.update(input, now)?;
                schedule.state.declared = Some(fingerprint);
                self.write_definition(key, &schedule.definition);
            }
            ScheduleAct::Pause(note) => schedule.pause(note, now)?,
            ScheduleAct::Resume(note) => schedule.resume(note, now)?,
            ScheduleAct::Backfill(backfill) => {
                answer = ScheduleAnswer::Backfilled(schedule.backfill(backfill, now)?);
            }
            ScheduleAct::Trigger(overlap) => return self.trigger_schedule(key, schedule, overlap),
            ScheduleAct::Delete => {
                self.remove_schedule(key.clone(), &schedule);
                return Ok(answer);
            }
            // Answered before: it exists.
            ScheduleAct::Create(_) => first = ScheduleStep::Counted,
        }
        self.work_and_keep(key.clone(), schedule, Some(first));
        Ok(answer)
    }

    fn trigger_schedule(
        &mut self,
        key: &ScheduleKey,
        mut schedule: Box<Schedule>,
        overlap: Option<crate::Overlap>,
    ) -> Result<ScheduleAnswer, Rejection> {
        let in_the_way = schedule.state.running.first().cloned();
        let waits_for = in_the_way.map(|run| run.workflow_id);
        let waiting = schedule.state.buffer.len();
        let first = schedule.trigger(overlap, self.turn.now);
        // One that took the place of another waits, though that one was skipped for it.
        let buffered = schedule.state.buffer.len() > waiting
            || schedule.state.buffer.back().is_some_and(|firing| firing.is_of(self.turn.now));
        let starts = matches!(first, ScheduleStep::Start(_));
        let worked = self.work_and_keep(key.clone(), schedule, Some(first));
        let outcome = match worked.first_start.filter(|_| starts) {
            Some(Ok(Started { workflow_id, run_id, .. })) => {
                Triggered::Started { workflow_id, run_id }
            }
            Some(Err(rejection)) => return Err(rejection),
            None if starts || buffered => Triggered::Buffered { waits_for },
            None => Triggered::Skipped { waits_for },
        };
        Ok(ScheduleAnswer::Triggered(outcome))
    }
}
