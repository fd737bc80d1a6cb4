//! Parked events, and those that wait behind them.
//!
//! Invariant: nothing is open behind a parked event of a lane that holds, as far as there is room
//! to park.

use std::sync::Arc;

use super::{Key, Open, State, Window};
use crate::subscriptions::OnPark;

/// An event that nobody is handed any more.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub(super) key: Key,
    pub(super) attempt: u32,
    pub(super) reason: String,
    pub(super) parked_at_ms: i64,
    pub(super) is_behind: bool,
}

impl Parked {
    pub(super) fn behind(key: Key, attempt: u32, now_ms: i64) -> Self {
        Self { key, attempt, reason: String::new(), parked_at_ms: now_ms, is_behind: true }
    }
}

impl Window {
    /// From which position on a lane is held.
    pub(super) fn held_at(&self, key: &str) -> Option<u64> {
        match self.settings.on_park {
            OnPark::Continue => None,
            OnPark::Hold => self.lanes.get(key)?.parked.first().copied(),
        }
    }

    pub(super) fn has_room_to_park(&self) -> bool {
        self.parked.len() < self.settings.max_parked
    }

    pub(super) fn put_parked(&mut self, position: u64, parked: Parked) {
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

    /// Parks what waits behind the first parked event of a lane that holds, as far as there is room.
    pub(super) fn put_behind(&mut self, key: &Key, now_ms: i64) {
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
    pub(in crate::subscriptions) fn replay(
        &mut self,
        positions: Option<&[u64]>,
        now_ms: i64,
    ) -> usize {
        self.state.progress_at_ms = now_ms;
        self.each_parked(positions, |window, position, parked| {
            let Parked { key, attempt, .. } = parked;
            window.put_open(position, Open { key, attempt, tries: 0, state: State::Waiting });
        })
    }

    /// Settles parked events without another try: those, or all.
    pub(in crate::subscriptions) fn discard(
        &mut self,
        positions: Option<&[u64]>,
        now_ms: i64,
    ) -> usize {
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
}
