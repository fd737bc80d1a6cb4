//! The sweeper: deletes closed runs that are older than their namespace keeps them, a slice at a
//! time.
//!
//! Run ids follow the time of their start, so a sweep begins at the oldest run and ends at the
//! first that is too young to have closed so long ago: no index is needed.

use everstep_storage::Range;

use super::history_log::stored_run;
use super::keys::{self, RUNS, START_KEYS};
use super::record::RunRecord;
use super::shard::Shard;
use super::start::kept_run;
use crate::{Rejection, RunId, Timestamp};

/// Rows that are looked at each time around the loop.
const ROWS_A_SLICE: usize = 128;
/// Runs that are deleted each time around the loop.
const RUNS_A_SLICE: usize = 32;
/// The pauses between two sweeps are a twentieth of the shortest retention, between these.
const SHORTEST_PAUSE_MS: u64 = 1_000;
const LONGEST_PAUSE_MS: u64 = 3_600_000;

/// How far the sweep has come.
#[derive(Debug)]
pub(super) struct Retention {
    next_at: Timestamp,
    /// When the sweep that is under way began: what expired meanwhile is the next one's.
    began_at: Timestamp,
    /// The namespace that is being swept, what of it, and the last row seen.
    place: Option<(String, Rows, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    Runs,
    StartKeys,
}

impl Default for Retention {
    fn default() -> Self {
        let never = Timestamp::from_millis(0);
        Self { next_at: never, began_at: never, place: None }
    }
}

impl Retention {
    /// Sweep at the next occasion: a setting has changed.
    pub(super) fn wake(&mut self) {
        self.next_at = Timestamp::from_millis(0);
    }
}

impl Shard {
    /// Deletes a few runs that have expired, if it is time.
    pub(super) fn sweep_some(&mut self) {
        if self.turn.now < self.retention.next_at
            || self.turn.draining
            || !self.recovery.is_done()
            || self.stopped.is_some()
        {
            return;
        }
        let shortest = self.namespaces.values().filter_map(|one| one.settings.retention_ms).min();
        let pause_ms = shortest
            .map_or(LONGEST_PAUSE_MS, |ms| (ms / 20).clamp(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS));
        if self.retention.place.is_none() {
            self.retention.began_at = self.turn.now;
        }
        let next_at = self.retention.began_at.plus_millis(pause_ms);
        let more = match shortest {
            None => Ok(false),
            Some(_) => self.sweep_slice(),
        };
        match more {
            Ok(true) => {}
            Ok(false) => self.retention.next_at = next_at,
            Err(rejection) => {
                tracing::error!(%rejection, "failed to sweep");
                self.retention.place = None;
                self.retention.next_at = next_at;
            }
        }
    }

    /// Whether a sweep is under way, so that the loop must not sleep.
    pub(super) fn is_sweeping(&self) -> bool {
        self.retention.place.is_some()
    }

    /// One slice; whether there is more.
    fn sweep_slice(&mut self) -> Result<bool, Rejection> {
        let (name, rows, after) = match self.retention.place.take() {
            Some(place) => place,
            None => match self.next_kept(None) {
                Some(first) => (first, Rows::Runs, Vec::new()),
                None => return Ok(false),
            },
        };
        let retention_ms = self.namespaces.get(&name).and_then(|one| one.settings.retention_ms);
        let next = match retention_ms {
            None => None,
            Some(ms) => {
                let cutoff = self.turn.now.as_millis().saturating_sub_unsigned(ms);
                let cutoff = Timestamp::from_millis(cutoff.max(0));
                match rows {
                    Rows::Runs => self.sweep_runs(&name, &after, cutoff)?,
                    Rows::StartKeys => self.sweep_start_keys(&name, &after, cutoff)?,
                }
            }
        };
        self.retention.place = match (next, rows) {
            (Some(last), _) => Some((name, rows, last)),
            (None, Rows::Runs) => Some((name, Rows::StartKeys, Vec::new())),
            (None, Rows::StartKeys) => {
                self.next_kept(Some(&name)).map(|next| (next, Rows::Runs, Vec::new()))
            }
        };
        Ok(self.retention.place.is_some())
    }

    /// The next namespace that does not keep its runs for ever.
    fn next_kept(&self, after: Option<&str>) -> Option<String> {
        let mut kept =
            self.namespaces.iter().filter(|(_, one)| one.settings.retention_ms.is_some());
        let next = kept.find(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        next.map(|(name, _)| name.clone())
    }

    /// The row after which to go on.
    fn sweep_runs(
        &mut self,
        name: &str,
        after: &[u8],
        cutoff: Timestamp,
    ) -> Result<Option<Vec<u8>>, Rejection> {
        let rows = self.slice(RUNS, name, after)?;
        let mut expired = 0;
        for (key, stored) in &rows {
            let record = RunRecord::read(stored)?;
            if started_at(record.run_id) > cutoff {
                return Ok(None);
            }
            let closed_at = record.closed_at.filter(|_| record.status.is_closed());
            // One whose end is not durable yet is left to the next sweep.
            if closed_at.is_none_or(|at| at > cutoff) || self.residents.get(record.run_id).is_some()
            {
                continue;
            }
            self.erase(&record)?;
            self.inner.counters.runs_expired.add(1);
            expired += 1;
            if expired == RUNS_A_SLICE {
                return Ok(Some(key.to_vec()));
            }
        }
        Ok(rows.last().filter(|_| rows.len() == ROWS_A_SLICE).map(|(key, _)| key.to_vec()))
    }

    /// Keys of starts whose run is gone and was older than the retention.
    fn sweep_start_keys(
        &mut self,
        name: &str,
        after: &[u8],
        cutoff: Timestamp,
    ) -> Result<Option<Vec<u8>>, Rejection> {
        let rows = self.slice(START_KEYS, name, after)?;
        for (key, stored) in &rows {
            let run_id = kept_run(stored)?;
            if started_at(run_id) > cutoff {
                continue;
            }
            if stored_run(self.snapshot()?, name, run_id)?.is_none() {
                self.turn.batch.delete(START_KEYS, key);
            }
        }
        Ok(rows.last().filter(|_| rows.len() == ROWS_A_SLICE).map(|(key, _)| key.to_vec()))
    }

    fn slice(
        &mut self,
        table: everstep_storage::Table,
        name: &str,
        after: &[u8],
    ) -> Result<Vec<(bytes::Bytes, bytes::Bytes)>, Rejection> {
        let prefix = keys::namespace(name);
        let mut range = Range::prefix(table, &prefix).limit(ROWS_A_SLICE);
        if !after.is_empty() {
            range = range.after(after);
        }
        Ok(self.snapshot()?.range(range)?)
    }
}

/// The milliseconds in a run id (RFC 9562, version 7).
fn started_at(run_id: RunId) -> Timestamp {
    let ms = run_id.as_u128() >> 80;
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}
