//! What the embedded store answers when the disk does not do what it should, and under pressure.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use everstep_storage::testing::{Fault, FaultDisk, Honesty};
use everstep_storage::{
    Batch, Discard, Disk, EmbeddedConfig, EmbeddedStore, Health, Range, StorageBackend, Store,
    StoreError, Table, Threads,
};

const T: Table = Table::new(7, "t");

fn config() -> EmbeddedConfig {
    EmbeddedConfig { min_free_bytes: 1000, ..EmbeddedConfig::default() }
}

fn open(disk: &FaultDisk, threads: Threads) -> EmbeddedStore {
    EmbeddedStore::open_with(disk.clone(), config(), threads).expect("the disk works")
}

fn batch(declare: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    declare(&mut batch);
    batch
}

fn kind<T>(outcome: &Result<T, StoreError>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(StoreError::Refused(_)) => "refused",
        Err(StoreError::OutcomeUnknown { .. }) => "unknown",
        Err(StoreError::Stopped { .. }) => "stopped",
        Err(StoreError::Full { .. }) => "full",
        Err(_) => "other",
    }
}

#[test]
fn a_failed_sync_stops_the_store_and_says_what_is_unknown() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk, Threads::None);
    store.commit(batch(|batch| batch.put(T, b"old", b"1"))).unwrap();
    let before = store.snapshot().unwrap();
    disk.fail_after(0, Fault::Io);
    let outcomes = store.commit_together(vec![
        batch(|batch| batch.assert_absent(T, b"old")),
        batch(|batch| batch.assert_value(T, b"old", b"1")),
        batch(|batch| batch.put(T, b"new", b"2")),
        batch(|batch| batch.assert_absent(T, b"new")),
        batch(|batch| batch.assert_value(T, b"new", b"2")),
    ]);
    let kinds: Vec<_> = outcomes.iter().map(kind).collect();
    assert_eq!(kinds, ["refused", "done", "unknown", "stopped", "stopped"]);
    assert_eq!(kind(&store.commit(batch(|batch| batch.put(T, b"k", b"v")))), "stopped");
    assert_eq!(kind(&store.snapshot()), "stopped");
    assert_eq!(kind(&store.checkpoint()), "stopped");
    assert_eq!(before.get(T, b"new").unwrap(), None, "what is not synced is not seen");
    assert_eq!(store.sequence(), 1);
    assert!(matches!(store.stats().health, Health::Stopped { .. }));
    store.close();
    let store = open(&disk.after_kill(), Threads::None);
    let new = store.snapshot().unwrap().get(T, b"new").unwrap();
    assert_eq!(new.is_some(), store.sequence() == 2, "reopening tells");
}

#[test]
fn a_failed_checkpoint_stops_the_store_and_loses_nothing() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk, Threads::None);
    store.commit(batch(|batch| batch.put(T, b"k", b"v"))).unwrap();
    disk.fail_after(1, Fault::NoSpace);
    assert_eq!(kind(&store.checkpoint()), "other");
    assert_eq!(kind(&store.commit(batch(|batch| batch.put(T, b"k", b"w")))), "stopped");
    drop(store);
    let store = open(&disk.after_kill(), Threads::None);
    assert_eq!(store.snapshot().unwrap().get(T, b"k").unwrap().as_deref(), Some(&b"v"[..]));
    assert!(store.checkpoint().unwrap());
}

#[test]
fn a_nearly_full_disk_refuses_before_anything_is_written() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk, Threads::None);
    disk.set_free_bytes(999);
    let ticks = disk.ticks();
    match store.commit(batch(|batch| batch.put(T, b"k", b"v"))) {
        Err(StoreError::Full { free_bytes: 999, needed_bytes: 1000 }) => {}
        other => panic!("expected a full disk, got {other:?}"),
    }
    assert_eq!(disk.ticks(), ticks);
    disk.set_free_bytes(1000);
    store.commit(batch(|batch| batch.put(T, b"k", b"v"))).unwrap();
}

#[test]
fn one_sync_for_all_that_wait_and_none_for_what_rests_on_durable_facts() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk, Threads::None);
    let puts = (0..10u8).map(|n| batch(|batch| batch.put(T, &[n], b"v"))).collect();
    assert!(store.commit_together(puts).iter().all(Result::is_ok));
    assert_eq!((store.stats().commits, store.stats().syncs), (10, 1));
    let ticks = disk.ticks();
    assert_eq!(kind(&store.commit(batch(|batch| batch.assert_absent(T, &[1])))), "refused");
    assert_eq!(kind(&store.commit(batch(|batch| batch.assert_value(T, &[1], b"v")))), "done");
    assert_eq!(disk.ticks(), ticks);
}

#[test]
fn every_submitted_batch_is_answered_when_the_disk_fails() {
    for after in (0..200).step_by(7) {
        let disk = FaultDisk::new(Honesty::Honest);
        let store = Arc::new(open(&disk, Threads::Own));
        disk.fail_after(after, Fault::Io);
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            for thread in 0..3u8 {
                let (store, tell) = (store.clone(), tell.clone());
                scope.spawn(move || {
                    for n in 0..40u8 {
                        let tell = tell.clone();
                        let put = batch(|batch| batch.put(T, &[thread, n], b"v"));
                        if n % 3 == 0 {
                            tell.send((thread, n, kind(&store.commit(put)))).unwrap();
                        } else {
                            let done = move |outcome| {
                                tell.send((thread, n, kind(&outcome))).unwrap();
                            };
                            store.submit(put, Box::new(done));
                        }
                    }
                });
            }
        });
        drop(tell);
        store.close();
        let mut answers: Vec<_> = told.iter().collect();
        assert_eq!(answers.len(), 120, "each exactly once");
        let store = open(&disk.after_kill(), Threads::None);
        let snapshot = store.snapshot().unwrap();
        answers.sort_unstable();
        for (thread, n, answer) in answers {
            let found = snapshot.get(T, &[thread, n]).unwrap().is_some();
            match answer {
                "done" => assert!(found, "acknowledged batch {thread}/{n} is gone"),
                "stopped" => assert!(!found, "refused batch {thread}/{n} is there"),
                "unknown" => {}
                other => panic!("batch {thread}/{n} was answered: {other}"),
            }
        }
    }
}

#[test]
fn readers_see_whole_batches_while_checkpoints_run() {
    let disk = FaultDisk::new(Honesty::Honest);
    let config = EmbeddedConfig {
        checkpoint_records: 1,
        checkpoint_interval: Duration::ZERO,
        max_lag_records: 200,
        ..config()
    };
    let store = Arc::new(EmbeddedStore::open_with(disk.clone(), config, Threads::Own).unwrap());
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut before = 0;
                while writing.load(Ordering::Acquire) {
                    let snapshot = store.snapshot().unwrap();
                    assert!(snapshot.sequence() >= before);
                    before = snapshot.sequence();
                    let rows = snapshot.range(Range::all(T)).unwrap();
                    let sum: i64 = rows
                        .iter()
                        .map(|(_, value)| i64::from_le_bytes(value[..].try_into().unwrap()))
                        .sum();
                    assert_eq!(sum, 0, "at {before}: {rows:?}");
                    for (key, value) in rows {
                        assert_eq!(snapshot.get(T, &key).unwrap(), Some(value));
                    }
                }
            });
        }
        for n in 0..2000u32 {
            let (from, to) = ((n * 7 % 11) as u8, (n * 5 % 13) as u8);
            let transfer = batch(|batch| {
                batch.add(T, &[from], -i64::from(n));
                batch.add(T, &[to], i64::from(n));
            });
            store.commit(transfer).unwrap();
        }
        writing.store(false, Ordering::Release);
    });
    assert!(store.checkpoint().is_ok());
    assert!(store.stats().checkpoints > 0);
    store.close();
    let store = open(&disk.after_kill(), Threads::None);
    assert_eq!((store.sequence(), store.stats().applied_sequence), (2000, 2000));
}

#[test]
fn closing_answers_those_who_wait_for_room() {
    for round in 0..20 {
        let disk = FaultDisk::new(Honesty::Honest);
        let config = EmbeddedConfig { max_lag_records: 1, queue_batches: 1, ..config() };
        let store = Arc::new(EmbeddedStore::open_with(disk.clone(), config, Threads::Own).unwrap());
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            for thread in 0..3u8 {
                let (store, tell) = (store.clone(), tell.clone());
                scope.spawn(move || {
                    for n in 0..20u8 {
                        let tell = tell.clone();
                        store.submit(
                            batch(|batch| batch.put(T, &[thread, n], b"v")),
                            Box::new(move |outcome| tell.send(outcome.is_ok()).unwrap()),
                        );
                    }
                });
            }
            for _ in 0..round {
                told.recv().unwrap();
            }
            store.close();
        });
        drop(tell);
        let done = round + told.iter().filter(|done| *done).count();
        let store = open(&disk.after_kill(), Threads::None);
        let rows = store.snapshot().unwrap().range(Range::all(T)).unwrap();
        assert_eq!(rows.len(), done, "exactly what was acknowledged is there");
    }
}

#[test]
fn a_completion_may_commit_read_and_even_close() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = Arc::new(open(&disk, Threads::Own));
    let (tell, told) = mpsc::channel();
    let inner = store.clone();
    store.submit(
        batch(|batch| batch.put(T, b"first", b"1")),
        Box::new(move |outcome| {
            outcome.unwrap();
            let commit = inner.commit(batch(|batch| batch.put(T, b"second", b"2"))).unwrap();
            let snapshot = inner.snapshot().unwrap();
            inner.close();
            // What is in memory may still be read, what is in the file not.
            let after = kind(&snapshot.get(T, b"first"));
            tell.send((commit.sequence, after)).unwrap();
        }),
    );
    let (sequence, after) = told.recv().unwrap();
    assert_eq!(sequence, 2);
    assert!(["done", "stopped"].contains(&after), "{after}");
    assert_eq!(kind(&store.commit(batch(|batch| batch.put(T, b"third", b"3")))), "stopped");
    let store = open(&disk.after_kill(), Threads::None);
    assert_eq!((store.sequence(), store.stats().applied_sequence), (2, 2));
}

#[test]
fn a_completion_that_panics_harms_nobody_else() {
    let store = open(&FaultDisk::new(Honesty::Honest), Threads::Own);
    let (tell, told) = mpsc::channel();
    for n in 0..10u8 {
        let tell = tell.clone();
        store.submit(
            batch(|batch| batch.put(T, &[n], b"v")),
            Box::new(move |outcome| {
                assert!(n % 2 == 0, "a caller's mistake");
                tell.send(outcome.is_ok()).unwrap();
            }),
        );
    }
    drop(tell);
    assert_eq!(told.iter().collect::<Vec<_>>(), [true; 5]);
    store.commit(batch(|batch| batch.assert_value(T, &[9], b"v"))).unwrap();
}

/// A disk that brings down whoever asks it for its free space.
struct Trap(FaultDisk);

impl Disk for Trap {
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn StorageBackend>>> {
        self.0.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageBackend>> {
        self.0.create(name)
    }

    fn publish(&self, temporary: &str, name: &str) -> io::Result<()> {
        self.0.publish(temporary, name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.0.sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn discard(&self, name: &str) -> io::Result<Box<dyn Discard>> {
        self.0.discard(name)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        panic!("a fault in the store's own code")
    }
}

#[test]
fn a_panic_inside_a_commit_is_answered_and_stops_the_store() {
    let disk = Trap(FaultDisk::new(Honesty::Honest));
    let store = EmbeddedStore::open_with(disk, config(), Threads::Own).unwrap();
    let (tell, told) = mpsc::channel();
    store.submit(
        batch(|batch| batch.put(T, b"k", b"v")),
        Box::new(move |outcome| tell.send(kind(&outcome)).unwrap()),
    );
    assert_eq!(told.recv(), Ok("unknown"));
    assert_eq!(kind(&store.commit(batch(|batch| batch.put(T, b"k", b"v")))), "stopped");
    assert!(matches!(store.stats().health, Health::Stopped { .. }));
}
