//! Values that lie apart from their keys, in files of their own.

use everstep_storage::testing::{Fault, FaultDisk, Honesty, Random};
use everstep_storage::{
    Batch, Disk, EmbeddedConfig, EmbeddedStore, Range, Store, StoreError, Table, Threads,
};

/// Of a table whose values lie in a file of their own.
const APART: Table = Table::new(100, "apart");

fn open(disk: &FaultDisk) -> Result<EmbeddedStore, StoreError> {
    let config = EmbeddedConfig { min_free_bytes: 0, ..EmbeddedConfig::default() };
    EmbeddedStore::open_with(disk.clone(), config, Threads::None)
}

fn corrupt(opened: Result<EmbeddedStore, StoreError>) -> String {
    match opened.map(|store| store.stats()) {
        Err(StoreError::Corrupt { what }) => what,
        other => panic!("expected a corrupt store, got {other:?}"),
    }
}

fn append(store: &EmbeddedStore, key: &str, value: &[u8]) {
    let mut batch = Batch::new();
    batch.append(APART, key.as_bytes(), value);
    store.commit(batch).expect("nothing to refuse");
}

fn get_apart(store: &EmbeddedStore, key: &str) -> Option<Vec<u8>> {
    let snapshot = store.snapshot().expect("the store is open");
    snapshot.get(APART, key.as_bytes()).expect("the store can be read").map(Vec::from)
}

#[test]
fn values_that_lie_apart_grow_from_checkpoint_to_checkpoint() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    for (part, other) in [("one ", "1"), ("two ", "2"), ("three", "3")] {
        append(&store, "k", part.as_bytes());
        append(&store, "l", other.as_bytes());
        assert!(store.checkpoint().unwrap());
    }
    // Written and synced, but no checkpoint names it.
    let known = disk.bytes("values.dat").unwrap().len();
    append(&store, "k", b", four");
    disk.fail_after(3, Fault::PowerLoss);
    assert!(store.checkpoint().is_err());
    drop(store);
    let after = disk.after_kill();
    let store = open(&after).unwrap();
    assert_eq!(get_apart(&store, "k").as_deref(), Some(&b"one two three, four"[..]));
    assert_eq!(get_apart(&store, "l").as_deref(), Some(&b"123"[..]));
    assert!(store.checkpoint().unwrap());
    drop(store);
    // What was never named is written over.
    let values = after.bytes("values.dat").unwrap();
    assert_eq!(&values[known..], b", four");
}

#[test]
fn values_that_are_gone_are_noticed() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    append(&store, "k", b"a value");
    store.close();
    let disk = disk.after_kill();
    let whole = disk.bytes("values.dat").unwrap();
    disk.set_bytes("values.dat", &whole[..whole.len() - 1]);
    let what = corrupt(open(&disk));
    assert_eq!(what, "values.dat has 22 bytes, but the state file knows of 23");
    disk.remove("values.dat").unwrap();
    assert_eq!(corrupt(open(&disk)), "values.dat is gone");
}

#[test]
fn room_is_given_back_once_nobody_reads_it() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    append(&store, "stays", &[1; 5_000]);
    append(&store, "goes", &[2; 5_000]);
    store.checkpoint().unwrap();
    let reader = store.snapshot().unwrap();
    let mut batch = Batch::new();
    batch.delete(APART, b"goes");
    store.commit(batch).unwrap();
    store.checkpoint().unwrap();
    let holds = |byte: u8| disk.bytes("values.dat").unwrap().contains(&byte);
    assert!(holds(2), "somebody reads it");
    assert_eq!(reader.get(APART, b"goes").unwrap().map(|value| value.len()), Some(5_000));
    drop(reader);
    append(&store, "other", b"v");
    store.checkpoint().unwrap();
    assert!(!holds(2) && holds(1));
    assert_eq!(get_apart(&store, "stays").as_deref(), Some(&[1; 5_000][..]));
    assert_eq!(get_apart(&store, "goes"), None);
}

#[test]
fn a_value_that_grows_again_and_again_is_written_anew_as_one() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    let all: Vec<u8> = (b'0'..=b'z').collect();
    for (at, part) in all.iter().enumerate() {
        append(&store, "grows", &[*part]);
        append(&store, "between", b"|");
        store.checkpoint().unwrap();
        assert_eq!(get_apart(&store, "grows").as_deref(), Some(&all[..=at]));
    }
    let values = disk.bytes("values.dat").unwrap();
    let joined = &all[..all.len() - 8];
    assert!(values.windows(joined.len()).any(|found| found == joined), "eight parts at most");
    let copies = values[16..].iter().filter(|byte| **byte == b'0').count();
    assert_eq!(copies, 1, "what it was written as before is given back");
    drop(store);
    assert_eq!(get_apart(&open(&disk.after_kill()).unwrap(), "grows"), Some(all));
}

#[test]
fn who_reads_a_value_still_has_it_when_it_is_written_anew() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    for part in b'a'..=b'h' {
        append(&store, "grows", &[part]);
        append(&store, "between", b"|");
        store.checkpoint().unwrap();
    }
    let reader = store.snapshot().unwrap();
    let read = || reader.get(APART, b"grows").unwrap().map(Vec::from);
    append(&store, "grows", b"i");
    store.checkpoint().unwrap();
    assert_eq!(
        (read(), get_apart(&store, "grows")),
        (Some(b"abcdefgh".into()), Some(b"abcdefghi".into()))
    );
    drop(reader);
    append(&store, "grows", b"j");
    // The parts are given back; the power goes before anything of that is durable.
    store.checkpoint().unwrap();
    let after = disk.after_power_loss(&mut Random::new(3));
    drop(store);
    let store = open(&after).unwrap();
    assert_eq!(get_apart(&store, "grows").as_deref(), Some(&b"abcdefghij"[..]));
    assert_eq!(get_apart(&store, "between").as_deref(), Some(&b"||||||||"[..]));
}

/// A store whose values go on in another file with each checkpoint.
fn open_short(disk: &FaultDisk) -> Result<EmbeddedStore, StoreError> {
    let config =
        EmbeddedConfig { min_free_bytes: 0, values_file_bytes: 1, ..EmbeddedConfig::default() };
    EmbeddedStore::open_with(disk.clone(), config, Threads::None)
}

/// Twelve checkpoints, each with a value of its own and a part of one that grows; a file for each.
fn twelve_files(disk: &FaultDisk) -> EmbeddedStore {
    let store = open_short(disk).expect("it opens");
    for part in b'a'..=b'l' {
        append(&store, "grows", &[part]);
        append(&store, &char::from(part).to_string(), &[part; 3]);
        store.checkpoint().expect("the disk works");
    }
    store
}

fn files_of(disk: &FaultDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.starts_with("values")).collect()
}

#[test]
fn values_go_on_in_another_file_when_one_is_full() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = twelve_files(&disk);
    let files = files_of(&disk);
    assert_eq!(files.len(), 12, "{files:?}");
    let length = |name: &String| disk.bytes(name).unwrap().len() as u64;
    assert!(store.stats().state_bytes > files.iter().map(length).sum());
    drop(store);
    // However long a file may get from now on.
    let disk = disk.after_kill();
    let store = open(&disk).unwrap();
    append(&store, "m", b"mmm");
    store.checkpoint().unwrap();
    assert_eq!(files_of(&disk), files);
    assert_eq!(get_apart(&store, "grows").as_deref(), Some(&b"abcdefghijkl"[..]));
    let rows = store.snapshot().unwrap().range(Range::all(APART)).unwrap();
    let values: Vec<&[u8]> = rows.iter().map(|(_, value)| &**value).collect();
    let mut expected: Vec<Vec<u8>> = (b'a'..=b'm').map(|part| vec![part; 3]).collect();
    expected.insert(7, b"abcdefghijkl".to_vec());
    assert_eq!(values, expected);
}

#[test]
fn room_goes_back_in_the_file_where_it_is() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = twelve_files(&disk);
    let holds = |name: &str, byte: u8| disk.bytes(name).unwrap()[16..].contains(&byte);
    assert!(holds("values-1.dat", b'b') && holds("values-4.dat", b'e'));
    let mut batch = Batch::new();
    ["b", "e", "grows"].iter().for_each(|key| batch.delete(APART, key.as_bytes()));
    store.commit(batch).unwrap();
    store.checkpoint().unwrap();
    assert!(!holds("values-1.dat", b'b') && !holds("values-4.dat", b'e'));
    assert!(holds("values.dat", b'a') && holds("values-2.dat", b'c'));
}

#[test]
fn a_file_of_values_that_is_gone_is_noticed() {
    let disk = FaultDisk::new(Honesty::Honest);
    twelve_files(&disk).close();
    let disk = disk.after_kill();
    let bytes = disk.bytes("values-3.dat").unwrap();
    disk.set_bytes("values-3.dat", b"every");
    let what = corrupt(open(&disk));
    assert_eq!(what, "values-3.dat has 5 bytes, but the state file knows of 20");
    disk.remove("values-3.dat").unwrap();
    assert_eq!(corrupt(open(&disk)), "values-3.dat is gone");
    disk.set_bytes("values-3.dat", &bytes);
    assert_eq!(get_apart(&open(&disk).unwrap(), "d").as_deref(), Some(&b"ddd"[..]));
}

#[test]
fn what_a_crash_left_of_a_file_that_nothing_names_is_written_over() {
    for left in [&b"every\0\0\0\0\0"[..], b"zeros and worse, longer than what comes in its place"] {
        let disk = FaultDisk::new(Honesty::Honest);
        twelve_files(&disk).close();
        let disk = disk.after_kill();
        disk.set_bytes("values-12.dat", left);
        let store = open_short(&disk).unwrap();
        append(&store, "m", b"mmm");
        store.close();
        let disk = disk.after_kill();
        assert_eq!(get_apart(&open(&disk).unwrap(), "m").as_deref(), Some(&b"mmm"[..]));
    }
}

#[test]
fn nobody_reads_values_of_a_store_that_is_closed() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = twelve_files(&disk);
    let reader = store.snapshot().unwrap();
    assert_eq!(reader.get(APART, b"a").unwrap().as_deref(), Some(&b"aaa"[..]));
    store.close();
    assert!(matches!(reader.get(APART, b"a"), Err(StoreError::Stopped { .. })));
}

#[test]
fn the_power_may_go_at_any_moment_of_the_way_into_another_file() {
    for ticks in 0.. {
        let disk = FaultDisk::new(Honesty::Honest);
        let store = twelve_files(&disk);
        append(&store, "grows", b"m");
        disk.fail_after(ticks, Fault::PowerLoss);
        let taken = store.checkpoint();
        drop(store);
        if !disk.has_failed() {
            assert!(taken.unwrap() && ticks > 5, "{ticks} operations");
            return;
        }
        for seed in 0..20 {
            let after = disk.after_power_loss(&mut Random::new(seed));
            let store = open_short(&after).unwrap();
            append(&store, "grows", b"n");
            store.checkpoint().unwrap();
            drop(store);
            let store = open(&after.after_kill()).unwrap();
            assert_eq!(get_apart(&store, "grows").as_deref(), Some(&b"abcdefghijklmn"[..]));
        }
    }
}

/// Values that share blocks of the disk with others are deleted in an order that frees no block at
/// once.
#[cfg(target_os = "linux")]
#[test]
fn blocks_go_back_with_the_last_value_that_was_in_them() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig { min_free_bytes: 0, ..Default::default() };
    let store = EmbeddedStore::open(dir.path(), config).unwrap();
    let key = |number: usize| format!("value {number:03}");
    let mut random = Random::new(7);
    (0..300).for_each(|number| {
        let value: Vec<u8> = (0..1_500).map(|_| random.next_u64() as u8 | 1).collect();
        append(&store, &key(number), &value);
    });
    append(&store, "stays", b"a value that stays");
    store.checkpoint().unwrap();
    let room = || std::fs::metadata(dir.path().join("values.dat")).unwrap().blocks() * 512;
    assert!(room() > 400_000, "{} bytes", room());
    for third in [1, 0, 2] {
        let mut batch = Batch::new();
        (0..300).filter(|number| number % 3 == third).for_each(|number| {
            batch.delete(APART, key(number).as_bytes());
        });
        store.commit(batch).unwrap();
        store.checkpoint().unwrap();
    }
    assert!(room() < 20_000, "{} bytes", room());
    assert_eq!(get_apart(&store, "stays").as_deref(), Some(&b"a value that stays"[..]));
}
