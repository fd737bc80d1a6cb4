//! Schedules in memory, and their rows.
//!
//! Invariant: memory is a cache of the store. What a schedule did, its next timer and the runs that
//! it started are in one batch, so that whatever process comes after goes on exactly there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use everstep_storage::Snapshot;

use super::changes::{Change, ChangeKind};
use super::effect::Effect;
use super::keys::{self, TimerKey};
use super::schedule_warming::Warmed;
use super::shard::Shard;
use super::timers::Due;
use crate::schedule::{Schedule, ScheduleDefinition, ScheduleState, Timetable};
use crate::{Rejection, RunStatus, Timestamp};

/// Schedules that stay in memory.
const MAX_LOADED: usize = 16_384;

/// Namespace and schedule id.
pub(super) type ScheduleKey = (Arc<str>, Arc<str>);

/// Schedules that were used lately.
#[derive(Default)]
pub(super) struct Schedules {
    loaded: HashMap<ScheduleKey, Loaded>,
    /// Those that have more to do now than one turn takes.
    more: VecDeque<ScheduleKey>,
    /// How far those that are due soon have been read.
    pub(super) warmed: Warmed,
}

struct Loaded {
    /// None: it was deleted.
    schedule: Option<Box<Schedule>>,
    changed_in: u64,
}

impl Schedules {
    /// Whether there is something to do now.
    pub(super) fn wait(&self) -> bool {
        !self.more.is_empty()
    }

    /// Goes on with it the next time around.
    pub(super) fn more(&mut self, key: ScheduleKey) {
        self.more.push_back(key);
    }

    /// Those of a namespace that are in memory.
    pub(super) fn ids_of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = Arc<str>> + 'a {
        let known = self.loaded.iter().filter(|(_, loaded)| loaded.schedule.is_some());
        known.filter(move |(key, _)| &*key.0 == namespace).map(|(key, _)| Arc::clone(&key.1))
    }

    /// Takes all that wait.
    pub(super) fn take_waiting(&mut self) -> VecDeque<ScheduleKey> {
        std::mem::take(&mut self.more)
    }

    /// Whether it is in memory.
    pub(super) fn knows(&self, key: &ScheduleKey) -> bool {
        self.loaded.contains_key(key)
    }

    /// Forgets everything; the rows know.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Shard {
    /// Takes a schedule out of memory, or reads it; [`Shard::keep_schedule`] puts it back.
    pub(super) fn take_schedule(
        &mut self,
        key: &ScheduleKey,
    ) -> Result<Option<Box<Schedule>>, Rejection> {
        match self.schedules.loaded.get_mut(key) {
            Some(Loaded { schedule, .. }) => Ok(schedule.take()),
            None => Ok(read(self.snapshot()?, &key.0, &key.1)?.map(Box::new)),
        }
    }

    /// Puts a schedule back that was not changed.
    pub(super) fn return_schedule(&mut self, key: ScheduleKey, schedule: Option<Box<Schedule>>) {
        let changed_in = self.schedules.loaded.get(&key).map_or(0, |loaded| loaded.changed_in);
        self.schedules.loaded.insert(key, Loaded { schedule, changed_in });
        if self.schedules.loaded.len() > MAX_LOADED {
            let durable = self.durable;
            self.schedules.loaded.retain(|_, loaded| loaded.changed_in > durable);
            self.schedules.warmed = None;
        }
    }

    /// Puts a schedule back and writes what it did: its state and its next timer.
    pub(super) fn keep_schedule(
        &mut self,
        key: ScheduleKey,
        mut schedule: Box<Schedule>,
        wakes_at: Option<Timestamp>,
    ) {
        let state = &mut schedule.state;
        if wakes_at != state.wakes_at {
            self.delete_timer_of(&key, state);
            if let Some(at) = wakes_at {
                let row = timer_row(&key, state, at);
                self.turn.batch.put(keys::TIMERS, &row, key.1.as_bytes());
                let (namespace, schedule_id) = (Arc::clone(&key.0), Arc::clone(&key.1));
                let due = Due::Schedule { namespace, schedule_id };
                // One that has more to do now goes on without its timer: others come first.
                if at > self.turn.now {
                    self.timers.written(at, due, self.turn.number);
                }
            }
            state.wakes_at = wakes_at;
        }
        let row = keys::schedule(&key.0, &key.1);
        match postcard::to_stdvec(state) {
            Ok(stored) => self.turn.batch.put(keys::SCHEDULE_STATES, &row, &stored),
            // The types of a state all have a stored form; this cannot be reached.
            Err(error) => tracing::error!(%error, "a schedule's state has no stored form"),
        }
        self.schedule_changed(key, Some(schedule));
    }

    /// Writes what the owner of a schedule decides.
    pub(super) fn write_definition(&mut self, key: &ScheduleKey, definition: &ScheduleDefinition) {
        match serde_json::to_vec(definition) {
            Ok(stored) => {
                self.turn.batch.put(keys::SCHEDULES, &keys::schedule(&key.0, &key.1), &stored);
            }
            Err(error) => tracing::error!(%error, "a schedule has no stored form"),
        }
    }

    /// Removes a schedule and all its rows; the runs that it started go on.
    pub(super) fn remove_schedule(&mut self, key: ScheduleKey, schedule: &Schedule) {
        self.delete_timer_of(&key, &schedule.state);
        let row = keys::schedule(&key.0, &key.1);
        self.turn.batch.delete(keys::SCHEDULES, &row);
        self.turn.batch.delete(keys::SCHEDULE_STATES, &row);
        self.schedule_changed(key, None);
    }

    fn delete_timer_of(&mut self, key: &ScheduleKey, state: &ScheduleState) {
        if let Some(at) = state.wakes_at {
            self.turn.batch.delete(keys::TIMERS, &timer_row(key, state, at));
            let (namespace, schedule_id) = (Arc::clone(&key.0), Arc::clone(&key.1));
            self.timers.remove(at, &Due::Schedule { namespace, schedule_id });
        }
    }

    fn schedule_changed(&mut self, key: ScheduleKey, schedule: Option<Box<Schedule>>) {
        self.turn.steps += 1;
        if self.turn.watched
            && let Some(uid) = schedule.as_ref().map(|schedule| schedule.state.uid)
        {
            self.turn.effects.push(Effect::Changed(Change {
                namespace: Arc::clone(&key.0),
                workflow_id: Arc::clone(&key.1),
                run_id: uid,
                status: RunStatus::Running,
                history_length: 0,
                kind: ChangeKind::Schedule,
            }));
        }
        let changed_in = self.turn.number;
        self.schedules.loaded.insert(key.clone(), Loaded { schedule: None, changed_in });
        self.return_schedule(key, schedule);
    }
}

fn timer_row(key: &ScheduleKey, state: &ScheduleState, due: Timestamp) -> Vec<u8> {
    let shard = keys::shard_of(&key.0, &key.1);
    keys::timer(shard, &key.0, &TimerKey { due, run_id: state.uid, id: 0 })
}

/// Reads a schedule.
pub(crate) fn read(
    snapshot: &dyn Snapshot,
    namespace: &str,
    schedule_id: &str,
) -> Result<Option<Schedule>, Rejection> {
    let row = keys::schedule(namespace, schedule_id);
    let Some(definition) = snapshot.get(keys::SCHEDULES, &row)? else { return Ok(None) };
    let state = snapshot.get(keys::SCHEDULE_STATES, &row)?;
    let state = state.ok_or_else(|| corrupt(schedule_id, &"its state is missing"))?;
    parse(schedule_id, &definition, &state).map(Some)
}

/// Reads a schedule's rows.
pub(crate) fn parse(
    schedule_id: &str,
    definition: &[u8],
    state: &[u8],
) -> Result<Schedule, Rejection> {
    let definition: ScheduleDefinition =
        serde_json::from_slice(definition).map_err(|error| corrupt(schedule_id, &error))?;
    let state = postcard::from_bytes(state).map_err(|error| corrupt(schedule_id, &error))?;
    let timetable =
        Timetable::of(&definition.spec).map_err(|error| corrupt(schedule_id, &error))?;
    Ok(Schedule { id: schedule_id.to_owned(), definition, timetable, state })
}

fn corrupt(schedule_id: &str, what: &dyn std::fmt::Display) -> Rejection {
    Rejection::Corrupt(format!("schedule `{schedule_id}`: {what}"))
}
