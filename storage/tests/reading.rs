//! Reads while commits and checkpoints go on: every snapshot shows its own moment, whole.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_storage::testing::Random;
use everstep_storage::{Batch, EmbeddedConfig, EmbeddedStore, Range, Store, Table};

/// Values that lie with their keys, and values that lie apart, by number and otherwise.
const TABLES: [Table; 3] =
    [Table::new(7, "rows"), Table::new(3, "histories"), Table::new(100, "events")];
const COMMITS: u64 = 2_000;
const KEYS: u64 = 120;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the store holds after each commit, by sequence number; known before it is committed.
type Moments = Mutex<Vec<Arc<Rows>>>;

/// As blocks of events have them.
fn row(number: u64) -> Vec<u8> {
    [&b"row-"[..], &number.to_be_bytes()].concat()
}

#[test]
fn a_snapshot_shows_its_moment_whatever_is_checkpointed_meanwhile() {
    TABLES.into_iter().for_each(read_beside_checkpoints);
}

fn read_beside_checkpoints(table: Table) {
    let dir = tempfile::tempdir().expect("there is room");
    let config = EmbeddedConfig {
        checkpoint_records: 150,
        checkpoint_interval: Duration::ZERO,
        ..EmbeddedConfig::default()
    };
    let store = EmbeddedStore::open(dir.path(), config).expect("it is new");
    let first = store.sequence();
    let moments: Moments = Mutex::new(vec![Arc::default()]);
    let finished = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let readers = [11, 12].map(|seed| {
            let (store, moments, finished) = (&store, &moments, &finished);
            scope.spawn(move || {
                let mut read = 0;
                while !finished.load(Ordering::Acquire) {
                    compare((store, table), first, moments, &mut Random::new(seed + read));
                    read += 1;
                }
                read
            })
        });
        // Whatever goes wrong here, the readers end.
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            write((&store, table), &moments);
        }));
        finished.store(true, Ordering::Release);
        let read: u64 =
            readers.into_iter().map(|reader| reader.join().expect("it found what is there")).sum();
        written.expect("it wrote");
        read
    });
    let checkpoints = store.stats().checkpoints;
    assert!(read > 100 && checkpoints > 10, "{read} reads beside {checkpoints} checkpoints");
}

fn write((store, table): (&EmbeddedStore, Table), moments: &Moments) {
    let random = &mut Random::new(1);
    let mut rows = Rows::new();
    for number in 0..COMMITS {
        let mut batch = Batch::new();
        for _ in 0..8 {
            let key = row(random.below(KEYS));
            let text = number.to_string().into_bytes();
            match random.below(4) {
                0 => {
                    batch.delete(table, &key);
                    rows.remove(&key);
                }
                1 => {
                    batch.append(table, &key, &text);
                    rows.entry(key).or_default().extend(text);
                }
                _ => {
                    batch.put(table, &key, &text);
                    rows.insert(key, text);
                }
            }
        }
        moments.lock().expect("nobody panicked").push(Arc::new(rows.clone()));
        store.commit(batch).expect("the disk works");
    }
}

fn compare(
    (store, table): (&EmbeddedStore, Table),
    first: u64,
    moments: &Moments,
    random: &mut Random,
) {
    let snapshot = store.snapshot().expect("it is open");
    let commits = usize::try_from(snapshot.sequence() - first).expect("few");
    let expected = moments.lock().expect("nobody panicked")[commits].clone();
    let seen = |range| -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = snapshot.range(range).expect("the disk works");
        rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    };
    let mut all: Vec<_> =
        expected.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    assert_eq!(seen(Range::all(table)), all, "after {commits} commits");
    let some = usize::try_from(random.below(KEYS)).expect("few");
    assert_eq!(seen(Range::all(table).limit(some)), all[..some.min(all.len())]);
    all.reverse();
    assert_eq!(seen(Range::all(table).reversed()), all, "after {commits} commits");
    let key = row(some as u64);
    let found = snapshot.get(table, &key).expect("the disk works").map(|value| value.to_vec());
    assert_eq!(found.as_ref(), expected.get(&key), "after {commits} commits");
    // So many that helpers take a part; in no order, some of them twice, some never written.
    let keys: Vec<_> = (0..2 * KEYS).map(|_| row(random.below(KEYS + 9)).into()).collect();
    let found = snapshot.get_all(table, &keys).expect("the disk works");
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(
            found.as_deref(),
            expected.get(&key[..]).map(Vec::as_slice),
            "after {commits} commits"
        );
    }
}
