//! What the embedded store makes of the files that it finds.

use everstep_storage::testing::{Fault, FaultDisk, Honesty, Random};
use everstep_storage::{
    Batch, Disk, EmbeddedConfig, EmbeddedStore, Snapshot, Store, StoreError, Table, Threads,
};
use redb::{Database, TableDefinition};

const T: Table = Table::new(7, "t");

fn open(disk: &FaultDisk) -> Result<EmbeddedStore, StoreError> {
    let config = EmbeddedConfig { min_free_bytes: 0, ..EmbeddedConfig::default() };
    EmbeddedStore::open_with(disk.clone(), config, Threads::None)
}

fn put(store: &EmbeddedStore, key: &str, value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(T, key.as_bytes(), value);
    store.commit(batch).expect("nothing to refuse");
}

fn get(store: &EmbeddedStore, key: &str) -> Option<Vec<u8>> {
    let snapshot = store.snapshot().expect("the store is open");
    snapshot.get(T, key.as_bytes()).expect("the store can be read").map(Vec::from)
}

fn corrupt(opened: Result<EmbeddedStore, StoreError>) -> String {
    match opened.map(|store| store.stats()) {
        Err(StoreError::Corrupt { what }) => what,
        other => panic!("expected a corrupt store, got {other:?}"),
    }
}

#[test]
fn what_only_the_journal_has_is_served_before_it_is_applied() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    put(&store, "before", b"1");
    assert!(store.checkpoint().unwrap());
    put(&store, "after", b"2");
    let store = open(&disk.after_kill()).unwrap();
    let stats = store.stats();
    assert_eq!((stats.sequence, stats.applied_sequence, stats.overlay_rows), (2, 1, 1));
    assert_eq!(get(&store, "before").as_deref(), Some(&b"1"[..]));
    assert_eq!(get(&store, "after").as_deref(), Some(&b"2"[..]));
    assert!(store.checkpoint().unwrap());
    assert!(!store.checkpoint().unwrap(), "it is up to date");
    let stats = store.stats();
    assert_eq!((stats.applied_sequence, stats.overlay_rows, stats.overlay_bytes), (2, 0, 0));
    assert_eq!(get(&store, "after").as_deref(), Some(&b"2"[..]));
}

#[test]
fn a_leftover_temporary_file_is_removed() {
    let disk = FaultDisk::new(Honesty::Honest);
    disk.set_bytes("journal.new", b"half made");
    disk.set_bytes("state.redb.new", &[0; 5000]);
    let store = open(&disk).unwrap();
    put(&store, "k", b"v");
    assert_eq!(disk.names(), ["journal-0.log", "journal-1.log", "state.redb", "values.dat"]);
}

#[test]
fn a_lost_journal_is_noticed() {
    let both = "the journal ends at batch 0, but the state file holds batch 1";
    let losses: [(&[&str], &str); 3] = [
        (&["journal-0.log"], "journal-0.log is gone"),
        (&["journal-1.log"], "journal-1.log is gone"),
        (&["journal-0.log", "journal-1.log"], both),
    ];
    for (lost, expected) in losses {
        let disk = FaultDisk::new(Honesty::Honest);
        let store = open(&disk).unwrap();
        put(&store, "k", b"v");
        store.close();
        let disk = disk.after_kill();
        lost.iter().for_each(|file| disk.remove(file).unwrap());
        assert_eq!(corrupt(open(&disk)), expected);
    }
}

#[test]
fn a_journal_of_an_earlier_layout_is_not_passed_over() {
    let disk = FaultDisk::new(Honesty::Honest);
    disk.set_bytes("journal.redb", b"batches that were acknowledged");
    let what = corrupt(open(&disk));
    assert!(what.starts_with("journal.redb is the journal of an earlier layout"), "{what}");
    assert_eq!(disk.bytes("journal-0.log"), None);
}

#[test]
fn what_a_failed_sync_left_in_the_cache_is_written_again() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open_turning(&disk);
    put(&store, "k", b"1");
    store.checkpoint().unwrap();
    // The next commit turns to the other file: it writes zeros, a header and a frame, then syncs.
    disk.fail_after(4, Fault::Io);
    let mut batch = Batch::new();
    batch.put(T, b"k", b"2");
    let outcome = store.commit(batch);
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown { .. })), "{outcome:?}");
    let disk = disk.after_kill();
    let store = open_turning(&disk);
    assert_eq!(get(&store, "k").as_deref(), Some(&b"2"[..]), "the system shows it");
    put(&store, "l", b"3");
    for seed in 0..20 {
        let disk = disk.after_kill().after_power_loss(&mut Random::new(seed));
        let store = open_turning(&disk);
        assert_eq!(get(&store, "k").as_deref(), Some(&b"2"[..]));
        assert_eq!(get(&store, "l").as_deref(), Some(&b"3"[..]));
    }
}

#[test]
fn a_journal_from_an_older_copy_is_noticed() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    put(&store, "k", b"1");
    store.close();
    let older = disk.bytes("journal-0.log").unwrap();
    let store = open(&disk).unwrap();
    put(&store, "k", b"2");
    store.close();
    let disk = disk.after_kill();
    disk.set_bytes("journal-0.log", &older);
    let what = corrupt(open(&disk));
    assert_eq!(what, "the journal ends at batch 1, but the state file holds batch 2");
}

/// A store whose journal's files take turns with each checkpoint.
fn open_turning(disk: &FaultDisk) -> EmbeddedStore {
    let config =
        EmbeddedConfig { min_free_bytes: 0, journal_file_bytes: 1, ..EmbeddedConfig::default() };
    EmbeddedStore::open_with(disk.clone(), config, Threads::None).expect("it opens")
}

#[test]
fn a_lost_state_file_is_rebuilt_from_a_journal_that_has_everything_and_noticed_otherwise() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open_turning(&disk);
    put(&store, "k", b"1");
    store.checkpoint().unwrap();
    put(&store, "k", b"2");
    let disk = disk.after_kill();
    disk.remove("state.redb").unwrap();
    let store = open_turning(&disk);
    assert_eq!(get(&store, "k").as_deref(), Some(&b"2"[..]), "both files are needed");
    store.checkpoint().unwrap();
    put(&store, "k", b"3");
    store.close();
    let disk = disk.after_kill();
    disk.remove("state.redb").unwrap();
    let what = corrupt(open(&disk));
    assert_eq!(what, "the journal begins at batch 2, but the state file holds batch 0");
}

fn flip_all(disk: &FaultDisk, file: &str, text: &[u8]) {
    let bytes = disk.bytes(file).expect("the file is there");
    let places = bytes.windows(text.len()).enumerate().filter(|(_, found)| *found == text);
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| disk.flip_bit(file, at, 3));
}

#[test]
fn a_flipped_bit_in_the_journal_is_noticed() {
    for (damaged, expected) in [
        ("easy to find", "journal-0.log is damaged at byte 8192, behind batch 0"),
        ("the last one", "the journal ends at batch 1, but the state file holds batch 2"),
    ] {
        let disk = FaultDisk::new(Honesty::Honest);
        let store = open(&disk).unwrap();
        put(&store, "k", b"a value that is easy to find");
        put(&store, "l", b"the last one");
        store.close();
        let disk = disk.after_kill();
        flip_all(&disk, "journal-0.log", damaged.as_bytes());
        let what = corrupt(open(&disk));
        assert!(what.contains(expected), "{what}");
    }
}

#[test]
fn a_turn_that_a_crash_cut_short_is_undone() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open_turning(&disk);
    for value in [b"1", b"2", b"3"] {
        put(&store, "k", value);
        store.checkpoint().unwrap();
    }
    let before = disk.bytes("journal-1.log").unwrap();
    put(&store, "k", b"4");
    let after = disk.bytes("journal-1.log").unwrap();
    assert_ne!(before, after, "it is this file's turn");
    // The new header was lost, a part of the frame behind it was not.
    let torn = [&before[..8192], &after[8192..8192 + 40], &before[8192 + 40..]].concat();
    let disk = disk.after_kill();
    disk.set_bytes("journal-1.log", &torn);
    let store = open_turning(&disk);
    assert_eq!(get(&store, "k").as_deref(), Some(&b"3"[..]));
    put(&store, "k", b"5");
    drop(store);
    assert_eq!(get(&open_turning(&disk), "k").as_deref(), Some(&b"5"[..]));
}

#[test]
fn only_one_store_opens_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig::default;
    let below = dir.path().join("made/on/the/way");
    let store = EmbeddedStore::open(&below, config()).unwrap();
    match EmbeddedStore::open(&below, config()).map(|_| ()) {
        Err(StoreError::AlreadyOpen { dir }) => assert_eq!(dir, below),
        other => panic!("expected a refusal, got {other:?}"),
    }
    put(&store, "k", b"v");
    store.close();
    let store = EmbeddedStore::open(&below, config()).unwrap();
    assert_eq!(get(&store, "k").as_deref(), Some(&b"v"[..]));
}

#[test]
fn files_of_a_newer_format_are_left_alone() {
    let opened = |dir: &std::path::Path| match EmbeddedStore::open(dir, EmbeddedConfig::default()) {
        Err(StoreError::NewerFormat { file, found, supported }) if found == supported + 1 => file,
        other => panic!("expected a newer format, got {:?}", other.map(|_| ())),
    };
    let dir = tempfile::tempdir().unwrap();
    EmbeddedStore::open(dir.path(), EmbeddedConfig::default()).unwrap().close();
    let database = Database::open(dir.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).unwrap().insert("format", 5).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(opened(dir.path()), "state.redb");

    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedConfig::default()).unwrap();
    put(&store, "k", b"v");
    store.close();
    let path = dir.path().join("journal-0.log");
    let mut bytes = std::fs::read(&path).unwrap();
    for copy in [0, 4096] {
        bytes[copy + 8] = 2;
        let sum = twox_hash::XxHash3_64::oneshot(&bytes[copy..copy + 56]);
        bytes[copy + 56..copy + 64].copy_from_slice(&sum.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(opened(dir.path()), "journal-0.log");
}

#[test]
fn files_that_are_none_of_ours_are_left_alone() {
    for file in ["journal-0.log", "state.redb", "values.dat"] {
        let disk = FaultDisk::new(Honesty::Honest);
        disk.set_bytes(file, b"these are a user's notes, and no store at all, but long enough");
        match open(&disk).map(|_| ()) {
            Err(StoreError::Io { action, .. }) => assert_eq!(action, format!("open {file}")),
            Err(StoreError::Corrupt { what }) => assert!(what.contains(file), "{what}"),
            other => panic!("expected an error, got {other:?}"),
        }
        let notes = disk.bytes(file).unwrap();
        assert!(notes.starts_with(b"these are a user's notes"));
    }
    // An empty file becomes redb's, but not ours.
    let disk = FaultDisk::new(Honesty::Honest);
    disk.set_bytes("state.redb", b"");
    let what = corrupt(open(&disk));
    assert!(what.contains("'meta'"), "{what}");
}

#[test]
fn the_journal_is_used_again_behind_checkpoints() {
    let disk = FaultDisk::new(Honesty::Honest);
    let config =
        EmbeddedConfig { min_free_bytes: 0, journal_file_bytes: 1 << 20, ..Default::default() };
    let store = EmbeddedStore::open_with(disk, config, Threads::None).unwrap();
    for n in 0..1500u32 {
        put(&store, "k", &[n as u8; 3000]);
        if n % 20 == 19 {
            store.checkpoint().unwrap();
        }
    }
    let journal = store.stats().journal_bytes;
    assert!(journal <= 3 << 20, "{journal} bytes for 6 MB of writes, 60 kB of them not applied");
}

#[test]
fn rows_that_are_born_and_die_between_checkpoints_never_reach_the_state_file() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    put(&store, "stays", b"a row that stays");
    put(&store, "goes", b"a row that goes");
    let mut batch = Batch::new();
    batch.delete(T, b"goes");
    store.commit(batch).unwrap();
    store.checkpoint().unwrap();
    let state = disk.bytes("state.redb").unwrap();
    let holds = |value: &[u8]| state.windows(value.len()).any(|found| found == value);
    assert!(holds(b"a row that stays"));
    assert!(!holds(b"a row that goes"));
}

#[test]
fn a_snapshot_outlives_checkpoints_and_holds_back_only_what_it_needs() {
    let disk = FaultDisk::new(Honesty::Honest);
    let store = open(&disk).unwrap();
    put(&store, "k", b"0");
    store.checkpoint().unwrap();
    put(&store, "k", b"1");
    let held: Box<dyn Snapshot> = store.snapshot().unwrap();
    put(&store, "k", b"2");
    store.checkpoint().unwrap();
    put(&store, "other", b"3");
    store.checkpoint().unwrap();
    assert_eq!(held.get(T, b"k").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(held.get(T, b"other").unwrap(), None);
    assert_eq!(store.stats().overlay_rows, 2);
    drop(held);
    put(&store, "k", b"4");
    store.checkpoint().unwrap();
    assert_eq!(store.stats().overlay_rows, 0);
}
