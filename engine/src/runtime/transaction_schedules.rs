//! Schedules that begin or end in a transaction's commit.
//!
//! Invariant: all that could refuse them is asked before the transaction writes anything; what
//! follows cannot fail, and stands in its batch.

use std::panic::AssertUnwindSafe;

use super::panics;
use super::schedules::ScheduleKey;
use super::shard::Shard;
use crate::Rejection;
use crate::schedule::{Schedule, ScheduleStep};
use crate::sdk::ScheduleAsk;

/// Turns that a schedule has to deal with what is due before it ends.
const TURNS_OF_CATCHING_UP: usize = 4;

/// What will become of a schedule, and the schedule.
pub(super) enum Granted {
    Create(ScheduleKey, Box<Schedule>),
    Delete(ScheduleKey, Box<Schedule>),
}

impl Granted {
    const fn key(&self) -> &ScheduleKey {
        let (Self::Create(key, _) | Self::Delete(key, _)) = self;
        key
    }
}

impl Shard {
    /// Whether the transaction may do so.
    pub(super) fn grant_schedule(
        &mut self,
        namespace: &str,
        ask: ScheduleAsk,
        before: &[Granted],
    ) -> Result<Granted, Rejection> {
        let schedule_id = match &ask {
            ScheduleAsk::Create(schedule_id, _) | ScheduleAsk::Delete(schedule_id) => schedule_id,
        };
        let key: ScheduleKey = (namespace.into(), schedule_id.as_str().into());
        if before.iter().any(|other| *other.key() == key) {
            return Err(Rejection::InvalidRequest(format!(
                "the transaction creates or deletes schedule `{schedule_id}` twice"
            )));
        }
        match ask {
            ScheduleAsk::Create(schedule_id, input) => {
                // Its input is looked at by the program's own code.
                let inner = &self.inner;
                let check =
                    || inner.check_action(namespace, &schedule_id, &input.definition.action);
                let checked = panics::catch(AssertUnwindSafe(check));
                checked.unwrap_or_else(|panic| Err(Rejection::Unprocessable(panic.message)))?;
                let found = self.take_schedule(&key)?;
                let exists = found.is_some();
                self.return_schedule(key.clone(), found);
                if exists {
                    return Err(Rejection::ScheduleAlreadyExists(schedule_id));
                }
                let uid = self.turn.new_run_id();
                let schedule = Schedule::create(schedule_id, *input, uid, self.turn.now)?;
                Ok(Granted::Create(key, Box::new(schedule)))
            }
            ScheduleAsk::Delete(schedule_id) => {
                for _ in 0..TURNS_OF_CATCHING_UP {
                    self.fire_schedule(key.clone());
                }
                let found = self.take_schedule(&key)?;
                self.return_schedule(key.clone(), found.clone());
                let schedule = found.ok_or(Rejection::ScheduleNotFound(schedule_id))?;
                Ok(Granted::Delete(key, schedule))
            }
        }
    }

    /// Does what was granted.
    pub(super) fn carry_out(&mut self, granted: Granted) {
        match granted {
            Granted::Create(key, schedule) => {
                self.write_definition(&key, &schedule.definition);
                self.work_and_keep(key, schedule, Some(ScheduleStep::Counted));
            }
            Granted::Delete(key, schedule) => self.remove_schedule(key, &schedule),
        }
    }
}
