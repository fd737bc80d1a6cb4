//! Batches: closed sets of declarations that are committed together or not at all.
//!
//! Invariant: a batch holds no closures and no results of reads, so that any store can check and
//! write it on its own: encoded bytes here, one SQL transaction there.

use bytes::Bytes;

use crate::error::Refusal;
use crate::record::{self, Records};
use crate::table::{LEASES, Table};

/// A set of assertions and writes.
///
/// All assertions are checked, against the state before the batch, before anything is written,
/// wherever they stand between the writes; writes then take effect in the order in which they
/// were declared.
///
/// How the declarations map to SQL, with a table `(key bytea primary key, value bytea)`:
///
/// | declaration | SQL |
/// | --- | --- |
/// | [`put`](Self::put) | `INSERT … ON CONFLICT (key) DO UPDATE SET value = excluded.value` |
/// | [`append`](Self::append) | `INSERT … ON CONFLICT (key) DO UPDATE SET value = t.value \|\| excluded.value` |
/// | [`delete`](Self::delete) | `DELETE … WHERE key = $1` |
/// | [`add`](Self::add) | `INSERT … ON CONFLICT (key) DO UPDATE SET value = counter_add(t.value, excluded.value)` |
/// | [`assert_absent`](Self::assert_absent) | `SELECT … WHERE key = $1 FOR UPDATE`, no row expected (serializable, or an advisory lock on the key) |
/// | [`assert_value`](Self::assert_value) | `SELECT value … WHERE key = $1 FOR UPDATE` |
/// | [`fence`](Self::fence) | `SELECT substr(value, 1, 8) … FROM leases WHERE key = $1 FOR SHARE` |
#[derive(Clone, Debug, Default)]
pub struct Batch {
    writes: Vec<u8>,
    assertions: Vec<u8>,
    write_records: usize,
    assertion_records: usize,
}

/// The owner's mark under a batch: row `key` of [`LEASES`] must begin with `epoch`.
///
/// A node that was paused and wakes up late still believes that it owns its shard; its fence is
/// compared in the commit itself, so that nothing it writes can slip in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's row.
    pub key: Bytes,
    /// The epoch under which the caller owns it.
    pub epoch: u64,
}

/// One write of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write<'a> {
    /// The row's value becomes `value`.
    Put {
        /// The table's id.
        table: u8,
        /// The row.
        key: &'a [u8],
        /// Its new value.
        value: &'a [u8],
    },
    /// `bytes` go to the end of the row's value; an absent row is empty.
    Append {
        /// The table's id.
        table: u8,
        /// The row.
        key: &'a [u8],
        /// What is appended.
        bytes: &'a [u8],
    },
    /// The row ends to exist, if it did.
    Delete {
        /// The table's id.
        table: u8,
        /// The row.
        key: &'a [u8],
    },
    /// The row's counter grows by `delta`.
    Add {
        /// The table's id.
        table: u8,
        /// The row.
        key: &'a [u8],
        /// By how much; negative to count down.
        delta: i64,
    },
}

/// One assertion of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assertion<'a> {
    /// There must be no such row.
    Absent {
        /// The table's id.
        table: u8,
        /// The row.
        key: &'a [u8],
    },
    /// The row must have exactly this value.
    Value {
        /// The table's id.
        table: u8,
        /// The row.
        key: &'a [u8],
        /// The value it must have.
        expected: &'a [u8],
    },
    /// The row of [`LEASES`] must begin with this epoch.
    Fence {
        /// The lease's row.
        key: &'a [u8],
        /// The epoch it must begin with.
        epoch: u64,
    },
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with room for `bytes` of encoded writes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { writes: Vec::with_capacity(bytes), ..Self::default() }
    }

    fn write(&mut self, kind: u8, table: Table, key: &[u8], value: &[u8]) {
        record::push(&mut self.writes, kind, table.id(), key, value);
        self.write_records += 1;
    }

    fn assert(&mut self, kind: u8, table: Table, key: &[u8], value: &[u8]) {
        record::push(&mut self.assertions, kind, table.id(), key, value);
        self.assertion_records += 1;
    }

    /// The row's value becomes `value`, whether or not it existed.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.write(record::PUT, table, key, value);
    }

    /// `bytes` go to the end of the row's value; a row that does not exist is empty, and exists
    /// from then on even if `bytes` are empty.
    pub fn append(&mut self, table: Table, key: &[u8], bytes: &[u8]) {
        self.write(record::APPEND, table, key, bytes);
    }

    /// The row ends to exist. Nothing happens if it did not.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.write(record::DELETE, table, key, &[]);
    }

    /// The row's counter grows by `delta`, wrapping around at the ends of `i64`. A counter is
    /// eight bytes, little endian; a row that is absent or of another length counts as 0.
    pub fn add(&mut self, table: Table, key: &[u8], delta: i64) {
        self.write(record::ADD, table, key, &delta.to_le_bytes());
    }

    /// Refuse the batch if the row exists.
    pub fn assert_absent(&mut self, table: Table, key: &[u8]) {
        self.assert(record::ASSERT_ABSENT, table, key, &[]);
    }

    /// Refuse the batch unless the row has exactly this value.
    pub fn assert_value(&mut self, table: Table, key: &[u8], expected: &[u8]) {
        self.assert(record::ASSERT_VALUE, table, key, expected);
    }

    /// Refuse the batch unless the lease row begins with the fence's epoch.
    #[expect(clippy::needless_pass_by_value, reason = "a fence is handed over with the batch")]
    pub fn fence(&mut self, fence: Fence) {
        self.assert(record::FENCE, LEASES, &fence.key, &fence.epoch.to_be_bytes());
    }

    /// Neither writes nor assertions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    /// How many declarations there are, assertions included.
    #[must_use]
    pub fn records(&self) -> usize {
        self.write_records + self.assertion_records
    }

    /// How many bytes the encoded declarations take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.writes.len() + self.assertions.len()
    }

    /// Forgets every declaration and keeps the memory.
    pub fn clear(&mut self) {
        self.writes.clear();
        self.assertions.clear();
        self.write_records = 0;
        self.assertion_records = 0;
    }

    /// Adds the declarations of `other`. Its assertions, too, are checked against the state before
    /// the merged batch: they do not see this batch's writes.
    pub fn merge(&mut self, other: &Batch) {
        self.writes.extend_from_slice(&other.writes);
        self.assertions.extend_from_slice(&other.assertions);
        self.write_records += other.write_records;
        self.assertion_records += other.assertion_records;
    }

    /// The writes, in the order in which they take effect.
    pub fn writes(&self) -> impl Iterator<Item = Write<'_>> {
        let bytes = &self.writes[..];
        Records::new(bytes).map_while(Result::ok).filter_map(move |record| {
            let (table, key) = (record.table, &bytes[record.key]);
            let value = &bytes[record.value];
            match record.kind {
                record::PUT => Some(Write::Put { table, key, value }),
                record::APPEND => Some(Write::Append { table, key, bytes: value }),
                record::DELETE => Some(Write::Delete { table, key }),
                record::ADD => Some(Write::Add { table, key, delta: record::counter(value) }),
                _ => None,
            }
        })
    }

    /// The assertions, in the order in which they were declared.
    pub fn assertions(&self) -> impl Iterator<Item = Assertion<'_>> {
        let bytes = &self.assertions[..];
        Records::new(bytes).map_while(Result::ok).filter_map(move |record| {
            let (table, key) = (record.table, &bytes[record.key]);
            let value = &bytes[record.value];
            match record.kind {
                record::ASSERT_ABSENT => Some(Assertion::Absent { table, key }),
                record::ASSERT_VALUE => Some(Assertion::Value { table, key, expected: value }),
                record::FENCE => epoch(value).map(|epoch| Assertion::Fence { key, epoch }),
                _ => None,
            }
        })
    }

    pub(crate) fn write_records(&self) -> usize {
        self.write_records
    }

    /// Gives up the encoded writes without copying them.
    pub(crate) fn into_writes(self) -> Vec<u8> {
        self.writes
    }
}

impl Assertion<'_> {
    /// The table and the row that it reads.
    #[must_use]
    pub fn row(&self) -> (u8, &[u8]) {
        match *self {
            Self::Absent { table, key } | Self::Value { table, key, .. } => (table, key),
            Self::Fence { key, .. } => (LEASES.id(), key),
        }
    }

    /// Compares with what the row holds. `index` is the assertion's place among those of its
    /// batch, for the refusal.
    ///
    /// # Errors
    /// What was expected and what was found instead.
    pub fn check(&self, index: usize, found: Option<&[u8]>) -> Result<(), Refusal> {
        let holds = match *self {
            Self::Absent { .. } => found.is_none(),
            Self::Value { expected, .. } => found == Some(expected),
            Self::Fence { epoch: wanted, .. } => found.and_then(epoch) == Some(wanted),
        };
        if holds {
            return Ok(());
        }
        let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
        Err(match *self {
            Self::Absent { table, key } => Refusal::Assertion {
                index,
                table,
                key: copy(key),
                expected: None,
                found: found.map(copy),
            },
            Self::Value { table, key, expected } => Refusal::Assertion {
                index,
                table,
                key: copy(key),
                expected: Some(copy(expected)),
                found: found.map(copy),
            },
            Self::Fence { key, epoch: wanted } => {
                Refusal::Fenced { key: copy(key), epoch: wanted, found: found.and_then(epoch) }
            }
        })
    }
}

fn epoch(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Table = Table::new(7, "t");

    #[test]
    fn declarations_come_back_in_order() {
        let mut batch = Batch::new();
        assert!(batch.is_empty());
        batch.put(T, b"a", b"1");
        batch.assert_absent(T, b"b");
        batch.append(T, b"a", b"2");
        batch.delete(T, b"c");
        batch.add(T, b"n", -5);
        batch.assert_value(T, b"d", b"");
        batch.fence(Fence { key: Bytes::from_static(b"shard"), epoch: 9 });
        assert_eq!(batch.records(), 7);
        assert_eq!(
            batch.writes().collect::<Vec<_>>(),
            [
                Write::Put { table: 7, key: b"a", value: b"1" },
                Write::Append { table: 7, key: b"a", bytes: b"2" },
                Write::Delete { table: 7, key: b"c" },
                Write::Add { table: 7, key: b"n", delta: -5 },
            ]
        );
        assert_eq!(
            batch.assertions().collect::<Vec<_>>(),
            [
                Assertion::Absent { table: 7, key: b"b" },
                Assertion::Value { table: 7, key: b"d", expected: b"" },
                Assertion::Fence { key: b"shard", epoch: 9 },
            ]
        );
        let mut twice = batch.clone();
        twice.merge(&batch);
        assert_eq!((twice.records(), twice.bytes()), (14, 2 * batch.bytes()));
        twice.clear();
        assert_eq!((twice.records(), twice.bytes(), twice.is_empty()), (0, 0, true));
    }

    #[test]
    fn a_fence_compares_the_first_eight_bytes() {
        let fence = Assertion::Fence { key: b"shard", epoch: 3 };
        let mut row = 3u64.to_be_bytes().to_vec();
        assert_eq!(fence.check(0, Some(&row)), Ok(()));
        row.extend_from_slice(b"node-1");
        assert_eq!(fence.check(0, Some(&row)), Ok(()));
        let fenced = |found| Refusal::Fenced { key: Bytes::from_static(b"shard"), epoch: 3, found };
        assert_eq!(fence.check(0, Some(&4u64.to_be_bytes())), Err(fenced(Some(4))));
        assert_eq!(fence.check(0, Some(b"short")), Err(fenced(None)));
        assert_eq!(fence.check(0, None), Err(fenced(None)));
    }
}
