//! The open events of a subscription: which may be handed out, to whom each was, and what becomes
//! of it. Pure: time and events are given to it.
//!
//! Invariants:
//! - of a lane at most one event is handed out, and none before an earlier open one of the lane;
//! - nothing is open behind a parked event of a lane that holds;
//! - the checkpoint passes an event only when it is settled or stands in a row of its own;
//! - what has changed is noted, so that whoever keeps the rows writes nothing else.

mod parking;
mod rows;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::SubscriptionSettings;
use super::rows::StoredState;
use parking::Parked;
pub(super) use rows::Changes;
pub(super) use verdicts::{Taken, Verdict};

/// Events beyond the checkpoint that are known at once, open or settled: how far quick lanes may be
/// ahead of a slow one.
pub(super) const MOST_AHEAD: usize = 4_096;

type Key = Arc<str>;

#[derive(Clone, Debug)]
struct Open {
    key: Key,
    attempt: u32,
    tries: u32,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Waiting,
    Leased { consumer: Arc<str>, until_ms: i64 },
    Resting { until_ms: i64, reason: String },
}

/// The events of one key.
#[derive(Debug, Default)]
struct Lane {
    open: BTreeSet<u64>,
    parked: BTreeSet<u64>,
    behind: BTreeSet<u64>,
    leased: Option<u64>,
    ready: Option<u64>,
}

/// What is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handed {
    pub(super) position: u64,
    pub(super) key: Key,
    pub(super) attempt: u32,
    pub(super) until_ms: i64,
}

/// A subscription's open events.
#[derive(Debug)]
pub(super) struct Window {
    settings: SubscriptionSettings,
    /// What the rows say, but for what is counted anew when they are written.
    state: StoredState,
    read_to: u64,
    open: BTreeMap<u64, Open>,
    settled: BTreeSet<u64>,
    parked: BTreeMap<u64, Parked>,
    lanes: HashMap<Key, Lane>,
    ready: BTreeSet<u64>,
    due: BTreeSet<(i64, u64)>,
    in_flight: usize,
    changed: BTreeSet<u64>,
    parked_changed: BTreeSet<u64>,
}

impl Window {
    /// Up to where events are to be read before anything is handed out: what stands in rows may
    /// not overtake what does not.
    pub(super) fn rows_to(&self) -> u64 {
        let open = self.open.last_key_value().map_or(0, |(position, _)| *position);
        let parked = self.parked.last_key_value().map_or(0, |(position, _)| *position);
        open.max(parked).max(self.settled.last().copied().unwrap_or_default())
    }

    /// Events up to here are known.
    pub(super) const fn read_to(&self) -> u64 {
        self.read_to
    }

    /// How many more events there is room for.
    pub(super) fn room(&self) -> usize {
        MOST_AHEAD.saturating_sub(self.open.len() + self.settled.len())
    }

    /// How many could be handed out now, if nothing limited it.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// When something changes by itself.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    fn lane_key(&self, key: &str) -> Key {
        self.lanes.get_key_value(key).map_or_else(|| key.into(), |(known, _)| Arc::clone(known))
    }

    /// Takes in the events that come next, with their keys; up to `read_to` there is no other.
    pub(super) fn read(
        &mut self,
        events: impl IntoIterator<Item = (u64, String)>,
        read_to: u64,
        now_ms: i64,
    ) {
        for (position, key) in events {
            let known = position <= self.read_to
                || self.open.contains_key(&position)
                || self.settled.contains(&position)
                || self.parked.contains_key(&position);
            if known {
                continue;
            }
            let key = self.lane_key(&key);
            let is_held = self.held_at(&key).is_some_and(|at| at < position);
            match is_held && self.has_room_to_park() {
                true => self.put_parked(position, Parked::behind(key, 0, now_ms)),
                false => {
                    self.put_open(
                        position,
                        Open { key, attempt: 0, tries: 0, state: State::Waiting },
                    );
                    // It needs no row: it is read again after a crash.
                    self.changed.remove(&position);
                }
            }
        }
        self.read_to = self.read_to.max(read_to);
        self.move_checkpoint();
    }

    fn put_open(&mut self, position: u64, open: Open) {
        let lane = self.lanes.entry(Arc::clone(&open.key)).or_default();
        lane.open.insert(position);
        match &open.state {
            State::Waiting => {}
            State::Leased { until_ms, .. } => {
                lane.leased = Some(position);
                self.in_flight += 1;
                self.due.insert((*until_ms, position));
            }
            State::Resting { until_ms, .. } => drop(self.due.insert((*until_ms, position))),
        }
        let key = Arc::clone(&open.key);
        self.open.insert(position, open);
        self.changed.insert(position);
        self.refresh(&key);
    }

    /// Takes an event out of the open ones; the lane is to be refreshed.
    fn take_open(&mut self, position: u64) -> Option<Open> {
        let open = self.open.remove(&position)?;
        if let Some(lane) = self.lanes.get_mut(&open.key) {
            lane.open.remove(&position);
            if lane.leased == Some(position) {
                lane.leased = None;
            }
        }
        match &open.state {
            State::Waiting => {}
            State::Leased { until_ms, .. } => {
                self.in_flight -= 1;
                self.due.remove(&(*until_ms, position));
            }
            State::Resting { until_ms, .. } => drop(self.due.remove(&(*until_ms, position))),
        }
        self.changed.insert(position);
        Some(open)
    }

    /// Works out which event of a lane may be handed out, and forgets a lane without any.
    fn refresh(&mut self, key: &Key) {
        let held_at = self.held_at(key);
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if let Some(before) = lane.ready.take() {
            self.ready.remove(&before);
        }
        if lane.leased.is_none()
            && let Some(first) = lane.open.first().copied()
            && held_at.is_none_or(|at| first < at)
            && self.open.get(&first).is_some_and(|open| matches!(open.state, State::Waiting))
        {
            lane.ready = Some(first);
            self.ready.insert(first);
        }
        if lane.open.is_empty() && lane.parked.is_empty() && lane.behind.is_empty() {
            self.lanes.remove(key);
        }
    }

    fn move_checkpoint(&mut self) {
        let first = self.open.range(self.state.checkpoint + 1..).next();
        let to = first.map_or(self.read_to, |(position, _)| position - 1);
        if to <= self.state.checkpoint {
            return;
        }
        self.state.checkpoint = to;
        let beyond = self.settled.split_off(&(to + 1));
        let passed = std::mem::replace(&mut self.settled, beyond);
        self.changed.extend(passed);
    }

    /// Brings back what was handed out for too long, and what has rested.
    pub(super) fn advance(&mut self, now_ms: i64) {
        while let Some((at, position)) = self.due.first().copied() {
            if at > now_ms {
                return;
            }
            let Some(mut open) = self.take_open(position) else {
                self.due.pop_first();
                continue;
            };
            match open.state {
                State::Leased { ref consumer, .. } => {
                    let reason = format!("not acknowledged in time by `{consumer}`");
                    self.state.retried += 1;
                    open.state = State::Waiting;
                    match open.tries >= self.settings.max_attempts {
                        true => self.give_up(position, open, &reason, now_ms),
                        false => self.put_open(position, open),
                    }
                }
                State::Waiting | State::Resting { .. } => {
                    open.state = State::Waiting;
                    self.put_open(position, open);
                }
            }
        }
    }

    /// Hands out at most `most` events, the oldest first.
    pub(super) fn hand_out(
        &mut self,
        consumer: &Arc<str>,
        most: usize,
        lease_ms: Option<u64>,
        now_ms: i64,
    ) -> Vec<Handed> {
        let most = most.min(self.settings.max_in_flight.saturating_sub(self.in_flight));
        let positions: Vec<u64> = self.ready.iter().take(most).copied().collect();
        let lease_ms =
            i64::try_from(lease_ms.unwrap_or(self.settings.lease_ms)).unwrap_or(i64::MAX);
        let until_ms = now_ms.saturating_add(lease_ms);
        let mut handed = Vec::with_capacity(positions.len());
        for position in positions {
            let Some(mut open) = self.take_open(position) else { continue };
            open.attempt += 1;
            open.tries += 1;
            open.state = State::Leased { consumer: Arc::clone(consumer), until_ms };
            let (key, attempt) = (Arc::clone(&open.key), open.attempt);
            handed.push(Handed { position, key, attempt, until_ms });
            self.put_open(position, open);
        }
        handed
    }

    /// Takes back what nobody was there to receive, as if it had not been handed out.
    pub(super) fn take_back(&mut self, handed: &[Handed]) {
        for one in handed {
            if !self.is_with(one.position, one.attempt) {
                continue;
            }
            let Some(mut open) = self.take_open(one.position) else { continue };
            open.tries = open.tries.saturating_sub(1);
            open.state = State::Waiting;
            self.put_open(one.position, open);
        }
    }

    fn is_with(&self, position: u64, attempt: u32) -> bool {
        let open = self.open.get(&position);
        open.is_some_and(|open| {
            open.attempt == attempt && matches!(open.state, State::Leased { .. })
        })
    }
}

#[cfg(test)]
mod tests;
