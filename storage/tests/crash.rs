//! The embedded store on a disk that fails: at any operation, the power goes, space ends or an
//! error comes, also while it recovers; what was acknowledged is there, and of what was not, whole
//! batches in their order or nothing.
//!
//! `EVERSTEP_CRASH_POINTS` sets how many faults an ordinary run injects.

mod program;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use everstep_storage::testing::{Fault, FaultDisk, Honesty, Random};
use everstep_storage::{
    Batch, EmbeddedConfig, EmbeddedStore, MemoryStore, Store, StoreError, Threads,
};

const ROUNDS: u64 = 8;
const STEPS: u64 = 12;

/// What the store must hold.
#[derive(Default)]
struct Model {
    /// Batches that were accepted, by sequence number from 1; beyond `acknowledged`, those whose
    /// outcome nobody knows.
    accepted: Vec<Batch>,
    acknowledged: usize,
    /// The state after the acknowledged batches; `None` if it must be made anew.
    oracle: Option<MemoryStore>,
}

#[derive(Default)]
struct Tally {
    faults: u64,
    while_opening: u64,
    unacknowledged_found: u64,
}

impl Model {
    fn oracle(&mut self) -> &MemoryStore {
        self.oracle.get_or_insert_with(|| {
            let store = MemoryStore::new();
            for batch in &self.accepted[..self.acknowledged] {
                store.commit(batch.clone()).expect("it was accepted before");
            }
            store
        })
    }

    /// Compares a store that was just opened, and settles what was unknown.
    fn check(&mut self, store: &EmbeddedStore, tally: &mut Tally) -> Result<(), String> {
        let found = store.sequence() as usize;
        if found < self.acknowledged || found > self.accepted.len() {
            let (low, high) = (self.acknowledged, self.accepted.len());
            return Err(format!("opened at batch {found}, expected {low} to {high}"));
        }
        tally.unacknowledged_found += (found - self.acknowledged) as u64;
        self.accepted.truncate(found);
        if found != self.acknowledged {
            self.oracle = None;
        }
        self.acknowledged = found;
        self.compare(store)
    }

    fn compare(&mut self, store: &EmbeddedStore) -> Result<(), String> {
        let read =
            |store: &dyn Store| -> Result<_, StoreError> { program::rows(&*store.snapshot()?) };
        let found = read(store).map_err(|error| format!("cannot be read: {error}"))?;
        let expected = read(self.oracle()).expect("the oracle can be read");
        match program::difference(&found, &expected) {
            Some(difference) => Err(format!("at batch {}: {difference}", self.acknowledged)),
            None => Ok(()),
        }
    }

    /// Commits a few batches together. `Ok(false)`: the store has failed.
    fn commit(&mut self, store: &EmbeddedStore, random: &mut Random) -> Result<bool, String> {
        self.oracle();
        let Some(oracle) = self.oracle.take() else { return Ok(false) };
        let now = program::now(&oracle);
        let batches: Vec<_> =
            (0..=random.below(3)).map(|_| program::batch(random, &*now)).collect();
        drop(now);
        let outcomes = store.commit_together(batches.clone());
        let mut works = true;
        for (batch, outcome) in batches.into_iter().zip(outcomes) {
            let expected = oracle.commit(batch.clone());
            let written = oracle.sequence() as usize > self.accepted.len();
            match &outcome {
                Err(StoreError::OutcomeUnknown { .. }) if written => works = false,
                // Nothing of it was written; others of the group may have been. A store whose disk
                // died while room was given back hears of it when it asks for free space.
                Err(StoreError::Stopped { .. } | StoreError::Io { .. }) => {
                    works = false;
                    continue;
                }
                _ if program::answer(&outcome) != program::answer(&expected) => {
                    return Err(format!("answered {outcome:?} instead of {expected:?}"));
                }
                Ok(_) if !works => return Err("acknowledged after a failure".to_owned()),
                _ => {}
            }
            if written {
                self.accepted.push(batch);
            }
            if works {
                self.acknowledged = self.accepted.len();
            }
        }
        if works {
            self.oracle = Some(oracle);
        }
        Ok(works)
    }
}

fn open(disk: &FaultDisk, random: &mut Random) -> Result<EmbeddedStore, StoreError> {
    let config = EmbeddedConfig {
        // From a turn with each checkpoint to none at all.
        journal_file_bytes: *random.pick(&[1, 30_000, 1 << 20]),
        values_file_bytes: *random.pick(&[1, 2_000, 1 << 20]),
        state_cache_bytes: 1 << 20,
        max_lag_records: *random.pick(&[10, 60, 1_000_000]),
        min_free_bytes: 0,
        ..EmbeddedConfig::default()
    };
    EmbeddedStore::open_with(disk.clone(), config, Threads::None)
}

/// Works until the fault, or for some steps.
fn work(
    disk: &FaultDisk,
    model: &mut Model,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), String> {
    let store = match open(disk, random) {
        Ok(store) => store,
        Err(_) if disk.has_failed() => {
            tally.while_opening += 1;
            return Ok(());
        }
        Err(error) => return Err(format!("does not open: {error}")),
    };
    model.check(&store, tally)?;
    for _ in 0..STEPS {
        let works = match random.below(6) {
            0 => store.checkpoint().is_ok(),
            1 if random.once_in(8) => {
                store.close();
                false
            }
            _ => model.commit(&store, random)?,
        };
        if !works {
            break;
        }
        if random.once_in(3) && !disk.has_failed() {
            model.compare(&store)?;
        }
    }
    Ok(())
}

/// One disk's life: several faults, each followed by a recovery that may meet the next.
fn live(seed: u64, honesty: Honesty) -> Result<Tally, String> {
    let random = &mut Random::new(seed);
    let mut disk = FaultDisk::new(honesty);
    let mut model = Model::default();
    let mut tally = Tally::default();
    for _ in 0..ROUNDS {
        let fault = *random.pick(&[
            Fault::PowerLoss,
            Fault::PowerLoss,
            Fault::PowerLoss,
            Fault::NoSpace,
            Fault::Io,
        ]);
        let span = *random.pick(&[30, 200, 500]);
        disk.fail_after(random.below(span), fault);
        work(&disk, &mut model, random, &mut tally)?;
        tally.faults += u64::from(disk.has_failed());
        // An error alone leaves what was written to the next process.
        if !disk.has_failed() || fault == Fault::PowerLoss || random.once_in(2) {
            disk = disk.after_power_loss(random);
        }
    }
    disk.fail_after(u64::MAX / 2, Fault::Io);
    let store = open(&disk, random).map_err(|error| format!("does not open: {error}"))?;
    model.check(&store, &mut tally)?;
    for _ in 0..3 {
        if !model.commit(&store, random)? {
            return Err("does not go on after recovery".to_owned());
        }
    }
    store.checkpoint().map_err(|error| format!("takes no checkpoint: {error}"))?;
    model.compare(&store)?;
    drop(store);
    let store = open(&disk, random).map_err(|error| format!("does not open again: {error}"))?;
    model.check(&store, &mut tally)?;
    Ok(tally)
}

fn caught(seed: u64, honesty: Honesty) -> Result<Tally, String> {
    catch_unwind(AssertUnwindSafe(|| live(seed, honesty)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()))
}

#[test]
fn acknowledged_batches_survive_every_fault() {
    let wanted: u64 = std::env::var("EVERSTEP_CRASH_POINTS")
        .map_or(10_000, |points| points.parse().expect("EVERSTEP_CRASH_POINTS is a number"));
    let (seeds, faults) = (AtomicU64::new(0), AtomicU64::new(0));
    let (opening, found) = (AtomicU64::new(0), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while faults.load(Ordering::Relaxed) < wanted {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    let tally = caught(seed, Honesty::Honest)
                        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                    faults.fetch_add(tally.faults, Ordering::Relaxed);
                    opening.fetch_add(tally.while_opening, Ordering::Relaxed);
                    found.fetch_add(tally.unacknowledged_found, Ordering::Relaxed);
                }
            });
        }
    });
    println!(
        "{faults:?} faults on {seeds:?} disks, {opening:?} while opening; {found:?} batches were \
         found that nobody had acknowledged"
    );
    assert!(opening.into_inner() > wanted / 50, "recovery itself was hit too rarely");
    assert!(found.into_inner() > 0, "no commit was ever cut between disk and answer");
}

#[test]
fn a_disk_that_lies_about_syncing_is_found_out() {
    let lives = 40;
    let found_out =
        (0..lives).filter(|seed| caught(*seed, Honesty::LiesAboutSync).is_err()).count();
    assert!(found_out > 35, "only {found_out} of {lives} lying disks were found out");
}
