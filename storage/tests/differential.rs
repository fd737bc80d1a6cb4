//! The same random programs on the embedded store and on the oracle give the same answers.

mod keys;
mod program;

use std::sync::Arc;

use everstep_storage::testing::{FaultDisk, Honesty, Random};
use everstep_storage::{
    EmbeddedConfig, EmbeddedStore, MemoryStore, Range, Snapshot, Store, Threads,
};

struct Pair {
    disk: FaultDisk,
    embedded: EmbeddedStore,
    oracle: MemoryStore,
    coded: bool,
    held: Vec<(Box<dyn Snapshot>, Box<dyn Snapshot>)>,
}

fn config(random: &mut Random, coded: bool) -> EmbeddedConfig {
    let rotated: &[&str] = *random.pick(&[&["k1", "k2"], &["k2", "k1"]]);
    EmbeddedConfig {
        state_cache_bytes: 1 << 20,
        max_lag_records: *random.pick(&[4, 40, 1_000_000]),
        journal_file_bytes: *random.pick(&[1, 30_000, 1 << 20]),
        values_file_bytes: *random.pick(&[1, 2_000, 1 << 20]),
        min_free_bytes: 0,
        codec: coded.then(|| Arc::new(keys::codec(rotated)) as _),
        ..EmbeddedConfig::default()
    }
}

impl Pair {
    fn step(&mut self, random: &mut Random) {
        match random.below(24) {
            0 | 1 => {
                self.embedded.checkpoint().expect("the disk works");
            }
            2 => {
                let held = (program::now(&self.embedded), program::now(&self.oracle));
                assert_eq!(held.0.sequence(), held.1.sequence());
                self.held.push(held);
            }
            3 if !self.held.is_empty() => {
                let one = random.below(self.held.len() as u64) as usize;
                compare(&self.held.swap_remove(one));
            }
            4 | 5 => {
                let now = (program::now(&self.embedded), program::now(&self.oracle));
                read(random, self.held.last().unwrap_or(&now));
                read(random, &now);
            }
            6 if random.once_in(3) => self.reopen(random),
            7 | 8 => self.commit_together(random),
            _ => {
                let batch = program::batch(random, &*program::now(&self.oracle));
                let expected = self.oracle.commit(batch.clone());
                let found = self.embedded.commit(batch);
                assert_eq!(program::answer(&found), program::answer(&expected));
            }
        }
    }

    fn commit_together(&mut self, random: &mut Random) {
        let now = program::now(&self.oracle);
        let batches: Vec<_> = (0..random.below(6)).map(|_| program::batch(random, &*now)).collect();
        let expected: Vec<_> =
            batches.iter().map(|batch| self.oracle.commit(batch.clone())).collect();
        let found = self.embedded.commit_together(batches);
        let answers = |outcomes: &[_]| outcomes.iter().map(program::answer).collect::<Vec<_>>();
        assert_eq!(answers(&found), answers(&expected));
    }

    fn reopen(&mut self, random: &mut Random) {
        self.held.drain(..).for_each(|held| compare(&held));
        if random.once_in(2) {
            self.embedded.close();
        }
        self.disk = self.disk.after_kill();
        let disk = self.disk.clone();
        self.embedded = EmbeddedStore::open_with(disk, config(random, self.coded), Threads::None)
            .expect("the disk works");
        assert_eq!(self.embedded.sequence(), self.oracle.sequence());
    }
}

fn compare(pair: &(Box<dyn Snapshot>, Box<dyn Snapshot>)) {
    let rows = |snapshot: &dyn Snapshot| program::rows(snapshot).expect("the disk works");
    let difference = program::difference(&rows(&*pair.0), &rows(&*pair.1));
    assert_eq!(difference, None, "at sequence number {}", pair.1.sequence());
}

fn read(random: &mut Random, (embedded, oracle): &(Box<dyn Snapshot>, Box<dyn Snapshot>)) {
    let (low, high) = (program::key(random), program::key(random));
    let range = random_range(random, &low, &high);
    let context = format!("{range:?} at {}", oracle.sequence());
    assert_eq!(
        embedded.range(range.clone()).expect("the disk works"),
        oracle.range(range).expect("the disk works"),
        "{context}"
    );
    let table = *random.pick(&program::TABLES);
    assert_eq!(
        embedded.get(table, &low).expect("the disk works"),
        oracle.get(table, &low).expect("the disk works"),
        "{low:?}"
    );
    let keys: Vec<_> = (0..random.below(40)).map(|_| program::key(random).into()).collect();
    assert_eq!(
        embedded.get_all(table, &keys).expect("the disk works"),
        oracle.get_all(table, &keys).expect("the disk works"),
        "{keys:?}"
    );
}

/// A random range in all its variants.
fn random_range<'a>(random: &mut Random, low: &'a [u8], high: &'a [u8]) -> Range<'a> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let table = *random.pick(&program::TABLES);
    let mut range = match random.below(3) {
        0 => Range::prefix(table, &low[..low.len().min(1)]),
        1 => {
            let start = *random.pick(&[Included(low), Excluded(low), Unbounded]);
            let end = *random.pick(&[Included(high), Excluded(high), Unbounded]);
            Range::new(table, start, end)
        }
        _ => Range::all(table),
    };
    if random.once_in(2) {
        range = range.reversed();
    }
    if random.once_in(2) {
        range = range.limit(random.below(6) as usize);
    }
    if random.once_in(3) {
        range = range.after(high);
    }
    range
}

fn run(seed: u64, coded: bool) {
    let random = &mut Random::new(seed);
    let disk = FaultDisk::new(Honesty::Honest);
    let embedded = EmbeddedStore::open_with(disk.clone(), config(random, coded), Threads::None)
        .expect("the disk works");
    let mut pair = Pair { disk, embedded, oracle: MemoryStore::new(), coded, held: Vec::new() };
    for _ in 0..150 {
        pair.step(random);
    }
    pair.reopen(random);
    compare(&(program::now(&pair.embedded), program::now(&pair.oracle)));
}

#[test]
fn random_programs_give_the_oracles_answers() {
    for seed in 0..150 {
        let run = std::panic::catch_unwind(|| run(seed, false));
        assert!(run.is_ok(), "the program of seed {seed} found a difference, see above");
    }
}

#[test]
fn random_programs_on_sealed_values_give_the_oracles_answers_while_keys_rotate() {
    for seed in 0..80 {
        let run = std::panic::catch_unwind(|| run(seed, true));
        assert!(run.is_ok(), "the program of seed {seed} found a difference, see above");
    }
}

#[test]
fn ranges_longer_than_a_page_of_the_overlay_merge_with_the_state_file() {
    let table = program::TABLES[1];
    let disk = FaultDisk::new(Honesty::Honest);
    let config = EmbeddedConfig { min_free_bytes: 0, ..EmbeddedConfig::default() };
    let embedded = EmbeddedStore::open_with(disk, config, Threads::None).unwrap();
    let oracle = MemoryStore::new();
    for round in 0..4u32 {
        for part in 0..4u32 {
            let mut batch = everstep_storage::Batch::new();
            for n in 0..500u32 {
                let key = (n * 4 + part).wrapping_mul(7 - round).to_be_bytes();
                match (n + round) % 3 {
                    0 => batch.delete(table, &key),
                    1 => batch.append(table, &key, &round.to_be_bytes()),
                    _ => batch.put(table, &key, &part.to_be_bytes()),
                }
            }
            oracle.commit(batch.clone()).unwrap();
            embedded.commit(batch).unwrap();
        }
        let pair = (program::now(&embedded), program::now(&oracle));
        compare(&pair);
        for seed in 0..200 {
            let random = &mut Random::new(seed);
            let (low, high) = (random.below(14_000) as u32, random.below(14_000) as u32);
            let (low, high) = (low.to_be_bytes(), high.to_be_bytes());
            let range = random_range(random, &low, &high).limit(random.below(900) as usize);
            assert_eq!(pair.0.range(range.clone()).unwrap(), pair.1.range(range).unwrap());
        }
        assert!(embedded.checkpoint().unwrap());
        compare(&pair);
    }
}
