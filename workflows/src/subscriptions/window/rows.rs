//! The window as rows: read when it is opened, written as far as it changed.
//!
//! Invariant: what has no row is what the log alone tells.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::parking::Parked;
use super::{Open, State, Window};
use crate::subscriptions::life::is_over;
use crate::subscriptions::rows::{StoredOpen, StoredOpenState, StoredParked, StoredState};
use crate::subscriptions::{OnPark, SubscriptionSettings};

/// What one transaction writes.
#[derive(Debug)]
pub(in crate::subscriptions) struct Changes {
    /// None: the row goes.
    pub(in crate::subscriptions) open: Vec<(u64, Option<StoredOpen>)>,
    pub(in crate::subscriptions) parked: Vec<(u64, Option<StoredParked>)>,
    /// The revision that they are made on.
    pub(in crate::subscriptions) before: u64,
    pub(in crate::subscriptions) state: StoredState,
}

impl Window {
    /// What the rows say to the owner of the store of that epoch; the events beyond the checkpoint
    /// come next.
    pub(in crate::subscriptions) fn load(
        settings: SubscriptionSettings,
        state: StoredState,
        open: Vec<(u64, StoredOpen)>,
        parked: Vec<(u64, StoredParked)>,
        epoch: u64,
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
                    // It counts as a try all the same: an event that kills whoever takes it is
                    // parked in the end.
                    let until_ms = if is_over(&consumer, epoch) { 0 } else { until_ms };
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

    /// Whether anything is to be written: rows, or a checkpoint that has moved far.
    pub(in crate::subscriptions) fn has_changed(
        &self,
        worth: u64,
        durable_checkpoint: u64,
    ) -> bool {
        !self.changed.is_empty()
            || !self.parked_changed.is_empty()
            || self.state.checkpoint - durable_checkpoint >= worth
    }

    /// The rows that changed since they were taken last, and the state with its next revision.
    pub(in crate::subscriptions) fn take_changes(&mut self) -> Changes {
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
