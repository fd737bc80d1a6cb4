//! Random programs for stores: few keys, so that everything meets everything.

use bytes::Bytes;
use everstep_storage::testing::Random;
use everstep_storage::{Batch, Commit, Fence, LEASES, Range, Snapshot, Store, StoreError, Table};

/// Two of them keep their values apart, one by number.
pub(crate) const TABLES: [Table; 4] =
    [Table::new(0, "zero"), Table::new(3, "histories"), Table::new(100, "events"), LEASES];

/// A row's key: short, and sometimes a prefix of another, or numbered as blocks of events are.
pub(crate) fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(3) {
        let number = random.below(3) * 200;
        return [&b"n"[..], &number.to_be_bytes()].concat();
    }
    let mut key = vec![*random.pick(b"abc\xff")];
    for _ in 0..random.below(3) {
        key.push(*random.pick(b"\0a\xff"));
    }
    key
}

fn value(random: &mut Random) -> Vec<u8> {
    // Some are a counter's, some an epoch's, few fill pages or whole segments of a journal.
    let length = match random.below(40) {
        0 => 3000 + random.below(40_000),
        1..4 => 200 + random.below(300),
        4..12 => 8,
        _ => random.below(20),
    };
    let byte = random.next_u64() as u8;
    (0..length).map(|n| byte.wrapping_add(n as u8)).collect()
}

/// A batch of a few writes, now and then under assertions that hold about every other time.
pub(crate) fn batch(random: &mut Random, now: &dyn Snapshot) -> Batch {
    let mut batch = Batch::new();
    if random.once_in(3) {
        assertions(random, now, &mut batch);
    }
    let writes = if random.once_in(20) { 60 } else { random.below(6) };
    for _ in 0..writes {
        let (table, key) = (*random.pick(&TABLES), key(random));
        // Histories grow for long before they go.
        let grows = table.id() == 3 && !random.once_in(8);
        match if grows { 1 } else { random.below(5) } {
            0 => batch.delete(table, &key),
            1 | 2 => batch.append(table, &key, &value(random)),
            3 => batch.add(table, &key, random.next_u64() as i64),
            _ => batch.put(table, &key, &value(random)),
        }
    }
    batch
}

fn assertions(random: &mut Random, now: &dyn Snapshot, batch: &mut Batch) {
    for _ in 0..=random.below(2) {
        let (table, key) = (*random.pick(&TABLES), key(random));
        let found = now.get(table, &key).expect("the oracle can be read");
        match (random.below(8), found) {
            (0, _) => batch.assert_absent(table, &key),
            (1, _) => batch.assert_value(table, &key, &value(random)),
            (2, _) => batch.fence(Fence { key: key.into(), epoch: random.below(4) }),
            (_, Some(value)) => match value.first_chunk() {
                Some(epoch) if table == LEASES => {
                    batch.fence(Fence { key: key.into(), epoch: u64::from_be_bytes(*epoch) });
                }
                _ => batch.assert_value(table, &key, &value),
            },
            (_, None) => batch.assert_absent(table, &key),
        }
    }
}

/// Every row of every table.
pub(crate) type Rows = Vec<(u8, Bytes, Bytes)>;

/// Reads everything there is.
pub(crate) fn rows(snapshot: &dyn Snapshot) -> Result<Rows, StoreError> {
    let mut all = Vec::new();
    for table in TABLES {
        let rows = snapshot.range(Range::all(table))?;
        all.extend(rows.into_iter().map(|(key, value)| (table.id(), key, value)));
    }
    Ok(all)
}

/// Says in few words where two states differ.
pub(crate) fn difference(found: &Rows, expected: &Rows) -> Option<String> {
    if found == expected {
        return None;
    }
    let short = |row: Option<&(u8, Bytes, Bytes)>| match row {
        Some((table, key, value)) => {
            let shown = value.len().min(16);
            format!("table {table} {key:?} = {:?} ({} bytes)", &value.slice(..shown), value.len())
        }
        None => "nothing".to_owned(),
    };
    let at = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    Some(format!(
        "{} rows instead of {}; row {at} is {} instead of {}",
        found.len(),
        expected.len(),
        short(found.get(at)),
        short(expected.get(at))
    ))
}

/// What a commit was answered, without the parts that may differ between stores.
pub(crate) fn answer(outcome: &Result<Commit, StoreError>) -> String {
    match outcome {
        Ok(commit) => format!("committed {}", commit.sequence),
        Err(error) => error.to_string(),
    }
}

/// The newest state of a store.
pub(crate) fn now(store: &dyn Store) -> Box<dyn Snapshot> {
    store.snapshot().expect("the store is open")
}
