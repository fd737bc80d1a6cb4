//! What happens before the loop serves: the store's format is checked, the lease is taken, and the
//! runs that an earlier process was working for are brought back, a few at a time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use everstep_storage::{Batch, Fence, LEASES, Range, Store};

use super::OpenError;
use super::clock;
use super::engine::Inner;
use super::keys::{self, ACTIVE, META, SHARDS};
use super::shard::Shard;
use super::start::LastRunId;
use crate::{Rejection, Timestamp};

/// The version of what the engine stores; raised when an older engine could not read it.
const FORMAT: u32 = 1;
const FORMAT_KEY: &[u8] = b"format";
/// The manual clock's time in `META`.
pub(super) const CLOCK: &[u8] = b"clock";
/// The lease of everyone who serves the shards.
const LEASE: &[u8] = b"engine";

/// How far the newest run's id may be ahead of the clock, in milliseconds.
const MOST_AHEAD_MS: u64 = 60_000;

/// Runs that are brought back each time around the loop.
const RUNS_A_TURN: usize = 256;

/// Checks the format, takes the lease, sets a manual clock.
pub(super) fn open(inner: &Inner) -> Result<Fence, OpenError> {
    let store = &*inner.store;
    let snapshot = store.snapshot()?;
    let mut batch = Batch::new();
    let expected = [FORMAT.to_be_bytes(), u32::from(SHARDS).to_be_bytes()].concat();
    match snapshot.get(META, FORMAT_KEY)? {
        Some(stored) if *stored == *expected => {}
        Some(stored) => {
            return Err(OpenError::Corrupt(format!(
                "another format: found {stored:?}, this version reads {expected:?}"
            )));
        }
        None => batch.put(META, FORMAT_KEY, &expected),
    }
    let lease = snapshot.get(LEASES, LEASE)?;
    let epoch = lease
        .as_deref()
        .and_then(|row| row.first_chunk::<8>())
        .map_or(0, |epoch| u64::from_be_bytes(*epoch))
        + 1;
    match &lease {
        Some(held) => batch.assert_value(LEASES, LEASE, held),
        None => batch.assert_absent(LEASES, LEASE),
    }
    batch.put(LEASES, LEASE, &epoch.to_be_bytes());
    if inner.config.clock.is_manual() {
        let stored = snapshot.get(META, CLOCK)?;
        let at = match stored.as_deref().and_then(|at| at.first_chunk::<8>()) {
            Some(at) => Timestamp::from_millis(i64::from_be_bytes(*at)),
            None if inner.config.clock.is_staged() => inner.config.clock.now(),
            None => clock::wall(),
        };
        inner.config.clock.set(at);
        batch.put(META, CLOCK, &at.as_millis().to_be_bytes());
    }
    let namespaces = super::namespaces::read_all(&*snapshot);
    inner.namespaces.set_all(namespaces.map_err(|error| OpenError::Corrupt(error.to_string()))?);
    drop(snapshot);
    commit(store, batch)?;
    inner.epoch.store(epoch, Ordering::Relaxed);
    Ok(Fence { key: LEASE.to_vec().into(), epoch })
}

/// The newest run's id, so that ids go on from there even when the clock stands still, or was set
/// back a little. A clock that was far ahead is not followed.
pub(super) fn last_run_id(inner: &Inner) -> LastRunId {
    let now_ms = u64::try_from(inner.config.clock.now().as_millis()).unwrap_or(0);
    let newest = |namespace: &String| {
        let prefix = keys::namespace(namespace);
        let snapshot = inner.store.snapshot().ok()?;
        let newest = [keys::OPEN_RUNS, keys::RUNS].into_iter().filter_map(|table| {
            let rows = snapshot.range(Range::prefix(table, &prefix).reversed().limit(1)).ok()?;
            keys::last_run(&rows.into_iter().next()?.0)
        });
        let id = newest.max()?.as_u128();
        let (ms, counter) = ((id >> 80) as u64, (id >> 64) as u16 & 0x0fff);
        (ms <= now_ms.saturating_add(MOST_AHEAD_MS)).then_some((ms, counter))
    };
    // What cannot be read now is told by whoever needs it.
    inner.namespaces.all().keys().filter_map(newest).max().unwrap_or_default()
}

fn commit(store: &dyn Store, batch: Batch) -> Result<(), OpenError> {
    store.commit(batch)?;
    Ok(())
}

/// How far the bringing back has come.
pub(super) struct Recovery {
    state: State,
}

enum State {
    NotBefore(Instant),
    /// Rows of `ACTIVE` after this key are still to come.
    After(Vec<u8>),
    Done,
}

impl Recovery {
    /// Everything is still to be brought back.
    pub(super) const fn everything() -> Self {
        Self { state: State::After(Vec::new()) }
    }

    /// Everything, after a pause.
    pub(super) fn after(pause: Duration) -> Self {
        Self { state: State::NotBefore(Instant::now() + pause) }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The disk is nearly full: nothing is done until the pause is over.
    pub(super) fn is_paused(&self) -> bool {
        matches!(&self.state, State::NotBefore(at) if Instant::now() < *at)
    }

    /// Whether there is something to do now.
    pub(super) fn is_pending(&self) -> bool {
        match &self.state {
            State::After(_) => true,
            State::NotBefore(at) => Instant::now() >= *at,
            State::Done => false,
        }
    }
}

impl Shard {
    /// Brings a few runs back.
    pub(super) fn recover_some(&mut self) {
        if !self.recovery.is_pending() || self.turn.draining {
            return;
        }
        let after = match std::mem::replace(&mut self.recovery.state, State::Done) {
            State::After(key) => key,
            State::NotBefore(_) => Vec::new(),
            State::Done => return,
        };
        match self.recover_page(&after) {
            Ok(Some(last)) => self.recovery.state = State::After(last),
            Ok(None) => tracing::debug!("open runs are back"),
            Err(rejection) => self.stop(format!("failed to read active runs: {rejection}")),
        }
    }

    /// One page of `ACTIVE` rows; the last key when more may follow.
    fn recover_page(&mut self, after: &[u8]) -> Result<Option<Vec<u8>>, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        let range = Range::all(ACTIVE).after(after).limit(RUNS_A_TURN);
        let rows = snapshot.range(range)?;
        drop(snapshot);
        for (key, _) in &rows {
            let Some((namespace, run_id)) = keys::parse_active(key) else {
                return Err(Rejection::Corrupt(format!("an active run's key: {key:?}")));
            };
            if let Err(rejection) = self.ensure_resident(namespace, run_id) {
                tracing::error!(%rejection, %run_id, "a run could not be brought back");
            }
        }
        let more = rows.len() == RUNS_A_TURN;
        Ok(rows.last().filter(|_| more).map(|(key, _)| key.to_vec()))
    }
}
