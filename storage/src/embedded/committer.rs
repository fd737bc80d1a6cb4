//! Commits: check, number, show to the overlay, sync once for all, publish.
//!
//! Invariant: whoever holds the committer assigns sequence numbers, alone. A number is published
//! after its sync and never before; after a failed sync none is published any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::Threads;
use super::core::Core;
use super::counters::Amount;
use super::disk::Disk;
use super::journal::{Frame, Journal};
use super::views::Reader;
use crate::batch::{Assertion, Batch};
use crate::error::{Refusal, StoreError};
use crate::store::Commit;

/// How long a look at the disk's free space is believed.
const SPACE_BELIEVED: Duration = Duration::from_millis(100);
/// How much may be written in that time.
const SPACE_BYTES: u64 = 16 << 20;

pub(super) type Outcome = Result<Commit, StoreError>;

pub(super) struct Committer {
    /// `None` once the store is closed.
    journal: Option<Journal>,
    disk: Option<Arc<dyn Disk>>,
    space: Option<(Instant, u64)>,
}

/// One group commit.
struct Group<'a> {
    core: &'a Core,
    /// Listed among the readers as long as assertions are checked, so that no checkpoint takes
    /// versions away between the look at the overlay and the look at the file.
    reader: Option<Reader>,
    published: u64,
    /// The newest number given out.
    sequence: u64,
    horizon: u64,
    frame: Frame,
    amount: Amount,
}

impl Committer {
    pub(super) fn new(journal: Journal, disk: Arc<dyn Disk>) -> Self {
        Self { journal: Some(journal), disk: Some(disk), space: None }
    }

    /// Commits one batch.
    pub(super) fn commit(&mut self, core: &Core, batch: Batch) -> Outcome {
        let mut outcome = None;
        self.commit_group(core, std::iter::once(batch), |own| outcome = Some(own));
        outcome.unwrap_or_else(|| Err(StoreError::Stopped { reason: "closed".into() }))
    }

    /// Commits batches with one sync, and tells their outcomes in order.
    pub(super) fn commit_group(
        &mut self,
        core: &Core,
        batches: impl Iterator<Item = Batch>,
        mut tell: impl FnMut(Outcome),
    ) {
        if core.lags_too_much() {
            wait_for_applier(core);
        }
        if let Err(error) = core.ensure_running().and_then(|()| self.check_space(core)) {
            // What writes nothing needs no room, but neither does anybody need it then.
            batches.for_each(|_| tell(Err(error.clone())));
            return;
        }
        let between = core.quiet();
        let mut group = Group::new(core);
        let mut outcomes = Vec::with_capacity(batches.size_hint().0);
        for batch in batches {
            outcomes.push(group.add(batch));
        }
        let Group { published, sequence, frame, amount, .. } = group.checked();
        if sequence == published {
            drop(between);
            count(core, &outcomes);
            outcomes.into_iter().for_each(|(outcome, _)| tell(outcome));
            return;
        }
        let written = match &mut self.journal {
            Some(journal) => journal.append(frame, core.progress.applied()),
            None => Err(StoreError::Stopped { reason: "closed".into() }),
        };
        if let Some((_, bytes)) = &mut self.space {
            *bytes += amount.bytes;
        }
        match written {
            Ok(()) => {
                core.published.publish(sequence, amount);
                drop(between);
                count(core, &outcomes);
                outcomes.into_iter().for_each(|(outcome, _)| tell(outcome));
            }
            Err(error) => {
                let reason: std::sync::Arc<str> = error.to_string().into();
                core.stop(&reason);
                drop(between);
                for (outcome, rests_on) in outcomes {
                    tell(match outcome {
                        Ok(_) if rests_on.writes => {
                            Err(StoreError::OutcomeUnknown { reason: reason.clone() })
                        }
                        _ if rests_on.unsynced => {
                            Err(StoreError::Stopped { reason: reason.clone() })
                        }
                        settled => settled,
                    });
                }
            }
        }
    }

    /// Refuses while the disk is nearly full; looks now and then.
    fn check_space(&mut self, core: &Core) -> Result<(), StoreError> {
        let needed_bytes = core.config.min_free_bytes;
        // A simulation must not depend on how fast it runs.
        if let (Some((at, bytes)), Threads::Own) = (self.space, core.threads)
            && bytes < SPACE_BYTES
            && at.elapsed() < SPACE_BELIEVED
        {
            return Ok(());
        }
        let Some(disk) = &self.disk else { return Ok(()) };
        let free_bytes = disk.free_bytes().map_err(StoreError::io("ask for free disk space"))?;
        if free_bytes < needed_bytes {
            self.space = None;
            return Err(StoreError::Full { free_bytes, needed_bytes });
        }
        self.space = Some((Instant::now(), 0));
        Ok(())
    }

    /// Gives back the journal.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.journal.take().map_or(Ok(()), Journal::close)
    }

    /// Gives back the directory; the last thing that happens.
    pub(super) fn release(&mut self) {
        self.disk = None;
    }
}

fn wait_for_applier(core: &Core) {
    if core.threads == Threads::None {
        if let Err(error) = super::applier::checkpoint(core) {
            tracing::error!(%error, "checkpoint failed");
        }
        return;
    }
    core.progress.wanted.store(true, std::sync::atomic::Ordering::Release);
    core.progress.nudge();
    let (_, total) = core.published.get();
    let config = &core.config;
    core.progress.wait_until(|applied| {
        let lag = total.minus(applied);
        core.stopped().is_some()
            || (lag.records <= config.max_lag_records && lag.bytes <= config.max_lag_bytes)
    });
    core.progress.wanted.store(false, std::sync::atomic::Ordering::Release);
}

fn count(core: &Core, outcomes: &[(Outcome, RestsOn)]) {
    let commits = outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).count() as u64;
    core.counters.commits.fetch_add(commits, std::sync::atomic::Ordering::Relaxed);
}

/// What an outcome needs the sync for.
#[derive(Clone, Copy)]
struct RestsOn {
    writes: bool,
    unsynced: bool,
}

impl<'a> Group<'a> {
    fn new(core: &'a Core) -> Self {
        let published = core.published.sequence();
        Self {
            core,
            reader: None,
            published,
            sequence: published,
            horizon: core.views.horizon(published),
            frame: Frame::default(),
            amount: Amount::default(),
        }
    }

    /// Checks a batch against everything before it, and takes it in.
    fn add(&mut self, batch: Batch) -> (Outcome, RestsOn) {
        let mut newest = 0;
        for (index, assertion) in batch.assertions().enumerate() {
            let refused = match self.check(index, &assertion) {
                Ok((seen, Ok(()))) => {
                    newest = newest.max(seen);
                    continue;
                }
                Ok((seen, Err(refusal))) => (seen, StoreError::Refused(refusal)),
                Err(error) => (0, error),
            };
            let unsynced = refused.0 > self.published;
            return (Err(refused.1), RestsOn { writes: false, unsynced });
        }
        let records = batch.write_records();
        if records == 0 {
            let unsynced = self.sequence > self.published;
            let outcome = Ok(Commit { sequence: self.sequence });
            return (outcome, RestsOn { writes: false, unsynced });
        }
        let sequence = self.sequence + 1;
        let writes = self.core.seal(sequence, batch.into_writes());
        let inserted = writes.and_then(|writes| {
            self.core.overlay.insert(sequence, &writes, self.horizon).map(|()| writes)
        });
        let Ok(writes) = inserted else {
            let error = StoreError::corrupt("a batch's own encoding is malformed");
            return (Err(error), RestsOn { writes: false, unsynced: false });
        };
        self.sequence = sequence;
        self.frame.push(sequence, &writes);
        let added = Amount { records: records as u64, bytes: writes.len() as u64 };
        self.amount = self.amount.plus(added);
        (Ok(Commit { sequence }), RestsOn { writes: true, unsynced: true })
    }

    /// Compares one assertion with the newest state; also says how new that is.
    fn check(
        &mut self,
        index: usize,
        assertion: &Assertion<'_>,
    ) -> Result<(u64, Result<(), Refusal>), StoreError> {
        if self.reader.is_none() {
            let published = self.published;
            self.reader = Some(self.core.views.enter(|| published)?);
        }
        let Some(Reader { view, .. }) = &self.reader else { return Ok((0, Ok(()))) };
        let (table, key) = assertion.row();
        let (effect, newest) = self.core.overlay.newest(table, key, view.applied);
        let found = match effect.resolve(|| view.get(table, key))? {
            Some(stored) => Some(self.core.unseal((table, key), stored)?),
            None => None,
        };
        Ok((newest, assertion.check(index, found.as_deref())))
    }

    /// All batches are in: nothing is read any more.
    fn checked(mut self) -> Self {
        if let Some(reader) = self.reader.take() {
            self.core.views.leave(reader.id);
        }
        self
    }
}
