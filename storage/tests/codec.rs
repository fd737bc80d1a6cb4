//! What rests on disk under a codec, and what a store says to other keys and to other hands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod keys;

use std::path::Path;
use std::sync::Arc;

use everstep_storage::codec::{Key, Keyring, SealingCodec, ValueCodec};
use everstep_storage::{
    Batch, CodingMismatch, EmbeddedConfig, EmbeddedStore, Range, Store, StoreError, Table,
    copy_store,
};
use redb::ReadableTable;

const ROWS: Table = Table::new(7, "rows");
const SECRET: &[u8] = b"the patient's name is Ada";

fn open(dir: &Path, codec: Option<SealingCodec>) -> Result<EmbeddedStore, StoreError> {
    let codec = codec.map(|codec| Arc::new(codec) as Arc<dyn ValueCodec>);
    EmbeddedStore::open(dir, EmbeddedConfig { codec, ..EmbeddedConfig::default() })
}

fn fill(store: &EmbeddedStore) {
    for n in 0..40u8 {
        let mut batch = Batch::new();
        batch.put(ROWS, &[b'p', n], SECRET);
        batch.put(ROWS, &[b'l', n], &SECRET.repeat(200));
        batch.append(ROWS, b"appended", SECRET);
        batch.add(ROWS, b"counter", 2);
        batch.put(ROWS, &[b'e', n], b"");
        store.commit(batch).unwrap();
    }
}

fn check(store: &EmbeddedStore) {
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.get(ROWS, b"p\x07").unwrap().as_deref(), Some(SECRET));
    assert_eq!(snapshot.get(ROWS, b"l\x07").unwrap().unwrap(), SECRET.repeat(200));
    assert_eq!(snapshot.get(ROWS, b"appended").unwrap().unwrap(), SECRET.repeat(40));
    assert_eq!(snapshot.get(ROWS, b"counter").unwrap().unwrap()[..], 80_i64.to_le_bytes());
    assert_eq!(snapshot.get(ROWS, b"e\x07").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(snapshot.range(Range::all(ROWS)).unwrap().len(), 122);
}

/// The files of a store that hold these bytes.
fn holding(dir: &Path, wanted: &[u8]) -> Vec<String> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let holds = |file: &Path| {
        std::fs::read(file).unwrap().windows(wanted.len()).any(|window| window == wanted)
    };
    files.filter(|file| holds(file)).map(|file| file.display().to_string()).collect()
}

#[test]
fn nothing_readable_rests_on_disk_and_everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Some(keys::codec(&["k1"]))).unwrap();
    fill(&store);
    // In the journal before the checkpoint, in the state file after it.
    let part = &SECRET[..12];
    assert_eq!(holding(dir.path(), part), Vec::<String>::new());
    store.checkpoint().unwrap();
    check(&store);
    let stats = store.stats();
    assert!(stats.sealed_bytes > 0 && stats.sealed_bytes < stats.plain_bytes, "{stats:?}");
    drop(store);
    assert_eq!(holding(dir.path(), part), Vec::<String>::new());
    check(&open(dir.path(), Some(keys::codec(&["k1"]))).unwrap());

    let plain = tempfile::tempdir().unwrap();
    fill(&open(plain.path(), None).unwrap());
    assert!(!holding(plain.path(), part).is_empty(), "this search finds what is there");
}

#[test]
fn keys_rotate_and_a_copy_needs_the_old_ones_no_more() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path(), Some(keys::codec(&["k1"]))).unwrap());
    let rotated = open(dir.path(), Some(keys::codec(&["k2", "k1"]))).unwrap();
    check(&rotated);
    let mut batch = Batch::new();
    batch.append(ROWS, b"mixed", b"");
    batch.put(ROWS, b"p\x07", SECRET);
    rotated.commit(batch).unwrap();

    let copied = dir.path().join("copy");
    let target = open(&copied, Some(keys::codec(&["k2"]))).unwrap();
    assert_eq!(copy_store(&rotated, &target).unwrap(), 123);
    assert!(copy_store(&rotated, &target).is_err(), "only into an empty store");
    drop((rotated, target));
    let error = open(dir.path(), Some(keys::codec(&["k2"]))).err();
    assert!(
        matches!(&error, Some(StoreError::Coding(CodingMismatch::KeyMissing { key_id })) if key_id == "k1"),
        "{error:?}"
    );
    let copy = open(&copied, Some(keys::codec(&["k2"]))).unwrap();
    assert_eq!(copy.snapshot().unwrap().get(ROWS, b"appended").unwrap().unwrap().len(), 1000);
}

#[test]
fn a_store_is_opened_with_what_it_was_made_with_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mismatch = |codec| match open(dir.path(), codec) {
        Err(StoreError::Coding(mismatch)) => mismatch,
        other => panic!("expected a refusal, got {:?}", other.err()),
    };
    fill(&open(dir.path(), Some(keys::codec(&["k1"]))).unwrap());
    assert_eq!(mismatch(None), CodingMismatch::CodecMissing { key_id: "k1".into() });
    let missing = CodingMismatch::KeyMissing { key_id: "k1".into() };
    assert_eq!(mismatch(Some(keys::codec(&["k2"]))), missing);
    assert_eq!(mismatch(Some(SealingCodec::compressed())), missing);
    let other = Keyring::new(vec![Key::new("k1", [200; 32]).unwrap()]).unwrap();
    let wrong = CodingMismatch::WrongKey { key_id: "k1".into() };
    assert_eq!(mismatch(Some(SealingCodec::encrypted(other))), wrong);
    check(&open(dir.path(), Some(keys::codec(&["k1"]))).unwrap());

    let plain = tempfile::tempdir().unwrap();
    fill(&open(plain.path(), None).unwrap());
    let error = open(plain.path(), Some(keys::codec(&["k1"]))).err();
    assert!(matches!(error, Some(StoreError::Coding(CodingMismatch::PlainStore))), "{error:?}");
    check(&open(plain.path(), None).unwrap());
}

/// Exchanges the bytes of a row in the state file, as somebody with access to the disk would.
fn tamper(dir: &Path, change: impl FnOnce(&mut redb::Table<'_, &'static [u8], &'static [u8]>)) {
    let database = redb::Database::open(dir.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let rows = redb::TableDefinition::<&[u8], &[u8]>::new("table-007");
    change(&mut transaction.open_table(rows).unwrap());
    transaction.commit().unwrap();
}

#[test]
fn what_was_exchanged_or_changed_on_disk_is_an_error_and_never_another_value() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path(), Some(keys::codec(&["k1"]))).unwrap());
    tamper(dir.path(), |rows| {
        let read = |key: &[u8]| rows.get(key).unwrap().unwrap().value().to_vec();
        let (one, other, appended) = (read(b"p\x01"), read(b"p\x02"), read(b"appended"));
        let mut flipped = read(b"p\x03");
        flipped[20] ^= 1;
        let chunk = appended.len() / 40;
        // Two chunks of the same length change places.
        let mut moved = appended;
        moved[..2 * chunk].rotate_left(chunk);
        rows.insert(&b"p\x01"[..], &*other).unwrap();
        rows.insert(&b"p\x02"[..], &*one).unwrap();
        rows.insert(&b"p\x03"[..], &*flipped).unwrap();
        rows.insert(&b"p\x04"[..], &b"chosen"[..]).unwrap();
        rows.insert(&b"appended"[..], &*moved).unwrap();
    });
    let store = open(dir.path(), Some(keys::codec(&["k1"]))).unwrap();
    let snapshot = store.snapshot().unwrap();
    for key in [&b"p\x01"[..], b"p\x02", b"p\x03", b"p\x04", b"appended"] {
        let found = snapshot.get(ROWS, key);
        assert!(matches!(found, Err(StoreError::Unreadable { .. })), "{key:?}: {found:?}");
    }
    assert!(snapshot.range(Range::all(ROWS)).is_err());
    assert_eq!(snapshot.get(ROWS, b"p\x07").unwrap().as_deref(), Some(SECRET));
    assert_eq!(store.stats().unreadable_values, 6);
}
