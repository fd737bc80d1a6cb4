//! The open events of a subscription: which may be handed out, to whom each was, and what becomes
//! of it. Pure: time and events are given to it.
//!
//! Invariants:
//! - of a lane at most one event is handed out, and none before an earlier open one of the lane;
//! - nothing is open behind a parked event of a lane that holds;
//! - the checkpoint passes an event only when it is settled or stands in a row of its own;
//! - what has changed is noted, so that whoever keeps the rows writes nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::rows::{StoredOpen, StoredOpenState, StoredParked, StoredState};
use super::{OnPark, SubscriptionSettings};

/// Events beyond the checkpoint that are known at once, open or settled: how far quick lanes may be
/// ahead of a slow one.
pub(super) const MOST_AHEAD: usize = 4_096;
/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 512;

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

#[derive(Clone, Debug)]
struct Parked {
    key: Key,
    attempt: u32,
    reason: String,
    parked_at_ms: i64,
    is_behind: bool,
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

/// What a consumer says of an event that it was handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is done.
    Ack,
    /// Try again, after so long or the subscription's own pause.
    Retry { after_ms: Option<u64>, reason: String },
    /// Give up.
    Park { reason: String },
    /// It takes longer.
    Extend { lease_ms: u64 },
}

/// What became of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Done,
    /// It was settled before.
    Already,
    /// It was handed out again, or parked, meanwhile.
    Late,
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
    /// What the rows say; the events beyond the checkpoint come next.
    pub(super) fn load(
        settings: SubscriptionSettings,
        state: StoredState,
        open: Vec<(u64, StoredOpen)>,
        parked: Vec<(u64, StoredParked)>,
    ) -> Self {
        let read_to = state.checkpoint;
        let mut window = Self {
            settings,
            state,
            read_to,
            open: BTreeMap::new(),
            settled: BTreeSet::new(),
            parked: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            due: BTreeSet::new(),
            in_flight: 0,
            changed: BTreeSet::new(),
            parked_changed: BTreeSet::new(),
        };
        for (position, row) in parked {
            let StoredParked { key, attempt, reason, parked_at_ms, is_behind } = row;
            let key = window.lane_key(&key);
            let parked = Parked { key, attempt, reason, parked_at_ms, is_behind };
            window.put_parked(position, parked);
        }
        for (position, row) in open {
            let StoredOpen { key, attempt, tries, state } = row;
            let state = match state {
                StoredOpenState::Settled => {
                    window.settled.insert(position);
                    continue;
                }
                StoredOpenState::Waiting => State::Waiting,
                StoredOpenState::Leased { consumer, until_ms } => {
                    State::Leased { consumer: consumer.into(), until_ms }
                }
                StoredOpenState::Resting { until_ms, reason } => {
                    State::Resting { until_ms, reason }
                }
            };
            let key = window.lane_key(&key);
            window.put_open(position, Open { key, attempt, tries, state });
        }
        window.changed.clear();
        window.parked_changed.clear();
        window
    }

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

    /// From which position on a lane is held.
    fn held_at(&self, key: &str) -> Option<u64> {
        match self.settings.on_park {
            OnPark::Continue => None,
            OnPark::Hold => self.lanes.get(key)?.parked.first().copied(),
        }
    }

    fn has_room_to_park(&self) -> bool {
        self.parked.len() < self.settings.max_parked
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

    fn put_parked(&mut self, position: u64, parked: Parked) {
        let key = Arc::clone(&parked.key);
        let lane = self.lanes.entry(Arc::clone(&key)).or_default();
        match parked.is_behind {
            true => lane.behind.insert(position),
            false => lane.parked.insert(position),
        };
        self.parked.insert(position, parked);
        self.parked_changed.insert(position);
        self.refresh(&key);
    }

    fn take_parked(&mut self, position: u64) -> Option<Parked> {
        let parked = self.parked.remove(&position)?;
        if let Some(lane) = self.lanes.get_mut(&parked.key) {
            lane.parked.remove(&position);
            lane.behind.remove(&position);
        }
        self.parked_changed.insert(position);
        Some(parked)
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

    /// What a consumer says of an event that was handed to it in `attempt`.
    pub(super) fn judge(
        &mut self,
        position: u64,
        attempt: u32,
        verdict: &Verdict,
        now_ms: i64,
    ) -> Taken {
        let Some(open) = self.open.get(&position) else {
            let is_known = position <= self.read_to || self.settled.contains(&position);
            let is_parked = self.parked.contains_key(&position);
            return if is_known && !is_parked { Taken::Already } else { Taken::Late };
        };
        let is_leased = matches!(open.state, State::Leased { .. });
        // What came back and was not handed out again may still be settled by who had it.
        let takes = open.attempt == attempt && attempt > 0;
        if !takes
            || (!is_leased && matches!(verdict, Verdict::Retry { .. } | Verdict::Extend { .. }))
        {
            return Taken::Late;
        }
        let Some(mut open) = self.take_open(position) else { return Taken::Late };
        match verdict {
            Verdict::Ack => {
                self.state.acknowledged += 1;
                let key = Arc::clone(&open.key);
                self.settle(position, now_ms);
                self.refresh(&key);
            }
            Verdict::Retry { after_ms, reason } => {
                self.state.retried += 1;
                match open.tries >= self.settings.max_attempts {
                    true => self.give_up(position, open, reason, now_ms),
                    false => self.rest(position, open, reason, *after_ms, now_ms),
                }
            }
            Verdict::Park { reason } => self.give_up(position, open, reason, now_ms),
            Verdict::Extend { lease_ms } => {
                if let State::Leased { until_ms, .. } = &mut open.state {
                    let more = i64::try_from(*lease_ms).unwrap_or(i64::MAX);
                    *until_ms = now_ms.saturating_add(more).max(*until_ms);
                }
                self.put_open(position, open);
            }
        }
        Taken::Done
    }

    fn rest(
        &mut self,
        position: u64,
        mut open: Open,
        reason: &str,
        after_ms: Option<u64>,
        now_ms: i64,
    ) {
        let pause = after_ms.unwrap_or_else(|| self.settings.backoff(open.tries));
        let until_ms = now_ms.saturating_add(i64::try_from(pause).unwrap_or(i64::MAX));
        open.state = State::Resting { until_ms, reason: cut(reason) };
        self.put_open(position, open);
    }

    /// The event, which is open no more, is dealt with.
    fn settle(&mut self, position: u64, now_ms: i64) {
        if position > self.state.checkpoint {
            self.settled.insert(position);
            self.changed.insert(position);
        }
        self.state.progress_at_ms = now_ms;
        self.move_checkpoint();
    }

    /// Parks an event; where there is no room for that it rests as long as it may.
    fn give_up(&mut self, position: u64, open: Open, reason: &str, now_ms: i64) {
        if !self.has_room_to_park() {
            let longest = Some(self.settings.max_backoff_ms);
            self.rest(position, open, reason, longest, now_ms);
            return;
        }
        let Open { key, attempt, .. } = open;
        let reason = cut(reason);
        self.state.progress_at_ms = now_ms;
        let lane = Arc::clone(&key);
        self.put_parked(
            position,
            Parked { key, attempt, reason, parked_at_ms: now_ms, is_behind: false },
        );
        self.put_behind(&lane, now_ms);
        self.move_checkpoint();
    }

    /// Parks what waits behind the first parked event of a lane that holds, as far as there is room.
    fn put_behind(&mut self, key: &Key, now_ms: i64) {
        let Some(at) = self.held_at(key) else { return };
        let Some(lane) = self.lanes.get(key) else { return };
        let later: Vec<u64> = lane.open.range(at + 1..).copied().collect();
        for position in later {
            let is_leased = self
                .open
                .get(&position)
                .is_some_and(|open| matches!(open.state, State::Leased { .. }));
            if is_leased || !self.has_room_to_park() {
                return;
            }
            if let Some(open) = self.take_open(position) {
                self.put_parked(position, Parked::behind(open.key, open.attempt, now_ms));
            }
        }
    }

    /// Opens what waits behind nothing any more.
    fn release(&mut self, key: &Key) {
        let held_at = self.held_at(key).unwrap_or(u64::MAX);
        let Some(lane) = self.lanes.get(key) else { return };
        let free: Vec<u64> = lane.behind.range(..held_at).copied().collect();
        for position in free {
            if let Some(Parked { key, attempt, .. }) = self.take_parked(position) {
                self.put_open(position, Open { key, attempt, tries: 0, state: State::Waiting });
            }
        }
        self.refresh(key);
    }

    /// Gives parked events another go, from their first try on: those, or all. What waits behind
    /// them comes with them.
    pub(super) fn replay(&mut self, positions: Option<&[u64]>, now_ms: i64) -> usize {
        self.state.progress_at_ms = now_ms;
        self.each_parked(positions, |window, position, parked| {
            let Parked { key, attempt, .. } = parked;
            window.put_open(position, Open { key, attempt, tries: 0, state: State::Waiting });
        })
    }

    /// Settles parked events without another try: those, or all.
    pub(super) fn discard(&mut self, positions: Option<&[u64]>, now_ms: i64) -> usize {
        self.each_parked(positions, |window, position, _| window.settle(position, now_ms))
    }

    fn each_parked(
        &mut self,
        positions: Option<&[u64]>,
        mut act: impl FnMut(&mut Self, u64, Parked),
    ) -> usize {
        let positions: Vec<u64> = match positions {
            Some(positions) => positions.to_vec(),
            None => self.parked.keys().copied().collect(),
        };
        let mut done = 0;
        for position in positions {
            // Released together with one before.
            let Some(parked) = self.take_parked(position) else { continue };
            let key = Arc::clone(&parked.key);
            act(self, position, parked);
            self.release(&key);
            done += 1;
        }
        done
    }

    /// Whether anything is to be written: rows, or a checkpoint that has moved far.
    pub(super) fn has_changed(&self, worth: u64, durable_checkpoint: u64) -> bool {
        !self.changed.is_empty()
            || !self.parked_changed.is_empty()
            || self.state.checkpoint - durable_checkpoint >= worth
    }

    /// The rows that changed since they were taken last, and the state with its next revision.
    pub(super) fn take_changes(&mut self) -> Changes {
        let open = std::mem::take(&mut self.changed);
        let open = open.into_iter().map(|position| (position, self.open_row(position))).collect();
        let parked = std::mem::take(&mut self.parked_changed);
        let parked = parked.into_iter().map(|position| (position, self.parked_row(position)));
        let parked = parked.collect();
        let before = self.state.revision;
        self.count();
        self.state.revision += 1;
        Changes { open, parked, before, state: self.state.clone() }
    }

    fn open_row(&self, position: u64) -> Option<StoredOpen> {
        let Some(open) = self.open.get(&position) else {
            let settled = StoredOpen {
                key: String::new(),
                attempt: 0,
                tries: 0,
                state: StoredOpenState::Settled,
            };
            return self.settled.contains(&position).then_some(settled);
        };
        let state = match &open.state {
            State::Waiting if open.attempt == 0 && position > self.state.checkpoint => return None,
            State::Waiting => StoredOpenState::Waiting,
            State::Leased { consumer, until_ms } => {
                StoredOpenState::Leased { consumer: consumer.to_string(), until_ms: *until_ms }
            }
            State::Resting { until_ms, reason } => {
                StoredOpenState::Resting { until_ms: *until_ms, reason: reason.clone() }
            }
        };
        let Open { key, attempt, tries, .. } = open;
        Some(StoredOpen { key: key.to_string(), attempt: *attempt, tries: *tries, state })
    }

    fn parked_row(&self, position: u64) -> Option<StoredParked> {
        let Parked { key, attempt, reason, parked_at_ms, is_behind } =
            self.parked.get(&position)?;
        Some(StoredParked {
            key: key.to_string(),
            attempt: *attempt,
            reason: reason.clone(),
            parked_at_ms: *parked_at_ms,
            is_behind: *is_behind,
        })
    }

    fn count(&mut self) {
        let latest = |of: fn(&State) -> Option<i64>| {
            self.open
                .values()
                .filter_map(|open| of(&open.state))
                .fold((0, 0), |(count, most), at| (count + 1, at.max(most)))
        };
        let (in_flight, leased_until_ms) = latest(|state| match state {
            State::Leased { until_ms, .. } => Some(*until_ms),
            _ => None,
        });
        let (resting, resting_until_ms) = latest(|state| match state {
            State::Resting { until_ms, .. } => Some(*until_ms),
            _ => None,
        });
        let behind = self.parked.values().filter(|parked| parked.is_behind).count();
        let held = match self.settings.on_park {
            OnPark::Continue => 0,
            OnPark::Hold => self.lanes.values().filter(|lane| !lane.parked.is_empty()).count(),
        };
        let state = &mut self.state;
        state.open = self.open.len() as u64;
        (state.in_flight, state.leased_until_ms) = (in_flight, leased_until_ms);
        (state.resting, state.resting_until_ms) = (resting, resting_until_ms);
        (state.behind, state.held_lanes) = (behind as u64, held as u64);
        state.parked = (self.parked.len() - behind) as u64;
    }
}

impl Parked {
    fn behind(key: Key, attempt: u32, now_ms: i64) -> Self {
        Self { key, attempt, reason: String::new(), parked_at_ms: now_ms, is_behind: true }
    }
}

/// What one transaction writes.
#[derive(Debug)]
pub(super) struct Changes {
    /// None: the row goes.
    pub(super) open: Vec<(u64, Option<StoredOpen>)>,
    pub(super) parked: Vec<(u64, Option<StoredParked>)>,
    /// The revision that they are made on.
    pub(super) before: u64,
    pub(super) state: StoredState,
}

fn cut(reason: &str) -> String {
    let mut end = reason.len().min(LONGEST_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests;
