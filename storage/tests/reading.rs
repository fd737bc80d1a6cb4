//! Reads while commits and checkpoints go on: every snapshot shows its own moment, whole.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_storage::testing::Random;
use everstep_storage::{Batch, EmbeddedConfig, EmbeddedStore, Range, Store, Table};

const ROWS: Table = Table::new(3, "rows");
const COMMITS: u64 = 2_000;
const KEYS: u64 = 120;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the store holds after each commit, by sequence number; known before it is committed.
type Moments = Mutex<Vec<Arc<Rows>>>;

#[test]
fn a_snapshot_shows_its_moment_whatever_is_checkpointed_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig {
        checkpoint_records: 150,
        checkpoint_interval: Duration::ZERO,
        ..EmbeddedConfig::default()
    };
    let store = EmbeddedStore::open(dir.path(), config).unwrap();
    let first = store.sequence();
    let moments: Moments = Mutex::new(vec![Arc::default()]);
    let finished = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let readers = [11, 12].map(|seed| {
            let (store, moments, finished) = (&store, &moments, &finished);
            scope.spawn(move || {
                let mut read = 0;
                while !finished.load(Ordering::Acquire) {
                    compare(store, first, moments, &mut Random::new(seed + read));
                    read += 1;
                }
                read
            })
        });
        // Whatever goes wrong here, the readers end.
        let written =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write(&store, &moments)));
        finished.store(true, Ordering::Release);
        let read: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        written.unwrap();
        read
    });
    let checkpoints = store.stats().checkpoints;
    assert!(read > 100 && checkpoints > 10, "{read} reads beside {checkpoints} checkpoints");
}

fn write(store: &EmbeddedStore, moments: &Moments) {
    let random = &mut Random::new(1);
    let mut rows = Rows::new();
    for number in 0..COMMITS {
        let mut batch = Batch::new();
        for _ in 0..8 {
            let key = format!("row-{:03}", random.below(KEYS)).into_bytes();
            let text = number.to_string().into_bytes();
            match random.below(4) {
                0 => {
                    batch.delete(ROWS, &key);
                    rows.remove(&key);
                }
                1 => {
                    batch.append(ROWS, &key, &text);
                    rows.entry(key).or_default().extend(text);
                }
                _ => {
                    batch.put(ROWS, &key, &text);
                    rows.insert(key, text);
                }
            }
        }
        moments.lock().expect("nobody panicked").push(Arc::new(rows.clone()));
        store.commit(batch).expect("the disk works");
    }
}

fn compare(store: &EmbeddedStore, first: u64, moments: &Moments, random: &mut Random) {
    let snapshot = store.snapshot().expect("it is open");
    let commits = usize::try_from(snapshot.sequence() - first).expect("few");
    let expected = moments.lock().expect("nobody panicked")[commits].clone();
    let seen = |range| -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = snapshot.range(range).expect("the disk works");
        rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    };
    let mut all: Vec<_> =
        expected.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    assert_eq!(seen(Range::all(ROWS)), all, "after {commits} commits");
    let some = usize::try_from(random.below(KEYS)).expect("few");
    assert_eq!(seen(Range::all(ROWS).limit(some)), all[..some.min(all.len())]);
    all.reverse();
    assert_eq!(seen(Range::all(ROWS).reversed()), all, "after {commits} commits");
    let key = format!("row-{some:03}").into_bytes();
    let found = snapshot.get(ROWS, &key).expect("the disk works").map(|value| value.to_vec());
    assert_eq!(found.as_ref(), expected.get(&key), "after {commits} commits");
}
