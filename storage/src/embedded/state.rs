//! `state.redb`: every table as of the last checkpoint.
//!
//! Invariant: rows and the sequence number up to which they are complete change in one commit,
//! always with quick repair: opening costs milliseconds, whatever the file's size.

use std::ops::Bound;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use redb::{
    AccessGuard, Database, Range, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, TableError, WriteTransaction,
};

use super::backend::FileGauge;
use super::disk::Disk;
use super::failure::{RedbFile, check_format, redb};
use super::fold::Effect;
use super::key::Key;
use crate::error::StoreError;

const FORMAT: u64 = 1;
const NAME: &str = "state.redb";
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Names of what values were sealed with → a probe; no such table in a store of plain values.
const CODINGS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("codings");

type RowTable = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Tables are stored by id: a name may be improved, an id may not.
fn row_table(table: u8) -> RowTable {
    static NAMES: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..=u8::MAX).map(|id| format!("table-{id:03}")).collect());
    let names: &'static [String] = &NAMES;
    TableDefinition::new(&names[usize::from(table)])
}

pub(super) struct StateFile {
    database: Database,
}

fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(redb("begin a checkpoint"))?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn initialize(database: &Database) -> Result<(), StoreError> {
    let transaction = begin(database)?;
    {
        let mut meta = transaction.open_table(META).map_err(redb("make the state file"))?;
        meta.insert("format", FORMAT).map_err(redb("make the state file"))?;
        meta.insert("applied", 0).map_err(redb("make the state file"))?;
    }
    transaction.commit().map_err(redb("make the state file"))
}

impl StateFile {
    /// Opens or makes the file.
    pub(super) fn open(
        disk: &dyn Disk,
        cache_bytes: usize,
        gauge: Arc<FileGauge>,
    ) -> Result<Self, StoreError> {
        let temporary = "state.redb.new";
        let opening = "open state.redb";
        let file = RedbFile { name: NAME, temporary, opening, cache_bytes, gauge, initialize };
        let database = file.open(disk)?;
        let read = database.begin_read().map_err(redb("read the state file"))?;
        let meta = read.open_table(META).map_err(redb("read the state file"))?;
        let format = meta.get("format").map_err(redb("read the state file"))?;
        check_format(NAME, format.map(|format| format.value()), FORMAT)?;
        Ok(Self { database })
    }

    /// The file as it is now.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        let transaction = self.database.begin_read().map_err(redb("read the state file"))?;
        let meta = transaction.open_table(META).map_err(redb("read the state file"))?;
        let applied = meta.get("applied").map_err(redb("read the state file"))?;
        let applied = applied
            .map(|applied| applied.value())
            .ok_or_else(|| StoreError::corrupt(format!("{NAME} has no sequence number")))?;
        let tables = (0..=u8::MAX).map(|_| OnceLock::new()).collect();
        Ok(View { applied, transaction, tables })
    }

    /// What values were ever sealed with, with its probe; nothing in a store of plain values.
    pub(super) fn coding(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let action = "read the state file";
        let read = self.database.begin_read().map_err(redb(action))?;
        let codings = match read.open_table(CODINGS) {
            Ok(codings) => codings,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(redb(action)(error)),
        };
        let mut found = Vec::new();
        for row in codings.iter().map_err(redb(action))? {
            let (name, probe) = row.map_err(redb(action))?;
            found.push((name.value().to_owned(), probe.value().to_vec()));
        }
        Ok(found)
    }

    /// Notes durably that values may be sealed under this name.
    pub(super) fn note_coding(&self, name: &str, probe: &[u8]) -> Result<(), StoreError> {
        let action = "note the store's codec";
        let transaction = begin(&self.database)?;
        {
            let mut codings = transaction.open_table(CODINGS).map_err(redb(action))?;
            codings.insert(name, probe).map_err(redb(action))?;
        }
        transaction.commit().map_err(redb(action))
    }

    /// Begins to bring the file up to another sequence number.
    pub(super) fn begin(&self) -> Result<Checkpoint, StoreError> {
        begin(&self.database).map(|transaction| Checkpoint { transaction })
    }

    /// Gives the file back.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.database.close().map_err(redb("close the state file"))
    }
}

/// A checkpoint that is being written; dropped, it never was.
pub(super) struct Checkpoint {
    transaction: WriteTransaction,
}

impl Checkpoint {
    /// Writes rows of one table.
    pub(super) fn write<'a>(
        &self,
        table: u8,
        rows: impl Iterator<Item = (&'a Key, Effect)>,
    ) -> Result<(), StoreError> {
        let action = "write a checkpoint";
        let mut open = self.transaction.open_table(row_table(table)).map_err(redb(action))?;
        for (key, effect) in rows {
            if effect == Effect::Untouched {
                continue;
            }
            key.read(|key| {
                let base = || copied(open.get(key).map_err(redb(action)));
                match effect.resolve(base)? {
                    Some(value) => open.insert(key, &*value).map_err(redb(action))?,
                    None => open.remove(key).map_err(redb(action))?,
                };
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(())
    }

    /// Makes it durable.
    pub(super) fn commit(self, applied: u64) -> Result<(), StoreError> {
        let action = "commit a checkpoint";
        {
            let mut meta = self.transaction.open_table(META).map_err(redb(action))?;
            meta.insert("applied", applied).map_err(redb(action))?;
        }
        self.transaction.commit().map_err(redb(action))
    }
}

fn copied(
    found: Result<Option<AccessGuard<'_, &'static [u8]>>, StoreError>,
) -> Result<Option<Bytes>, StoreError> {
    Ok(found?.map(|value| Bytes::copy_from_slice(value.value())))
}

/// The state file as of one checkpoint, shared by all snapshots until the next.
pub(super) struct View {
    /// Complete up to this sequence number.
    pub(super) applied: u64,
    transaction: ReadTransaction,
    /// Opened when first read; `None` for tables that the file does not have yet.
    tables: Vec<OnceLock<Option<Rows>>>,
}

impl View {
    fn table(&self, table: u8) -> Result<Option<&Rows>, StoreError> {
        let slot = &self.tables[usize::from(table)];
        if let Some(open) = slot.get() {
            return Ok(open.as_ref());
        }
        let open = match self.transaction.open_table(row_table(table)) {
            Ok(open) => Some(open),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(redb("open a table of the state file")(error)),
        };
        Ok(slot.get_or_init(|| open).as_ref())
    }

    /// A row's value at the checkpoint.
    pub(super) fn get(&self, table: u8, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let Some(rows) = self.table(table)? else { return Ok(None) };
        copied(rows.get(key).map_err(redb("read the state file")))
    }

    /// Rows at the checkpoint.
    pub(super) fn range(
        &self,
        table: u8,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        reverse: bool,
    ) -> Result<ViewRange, StoreError> {
        let rows = match self.table(table)? {
            Some(rows) => Some(rows.range::<&[u8]>(bounds).map_err(redb("read the state file"))?),
            None => None,
        };
        Ok(ViewRange { rows, reverse })
    }
}

/// Rows of a view, in one direction.
pub(super) struct ViewRange {
    rows: Option<Range<'static, &'static [u8], &'static [u8]>>,
    reverse: bool,
}

impl ViewRange {
    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        let row = if self.reverse { rows.next_back() } else { rows.next() };
        let Some(row) = row.transpose().map_err(redb("read the state file"))? else {
            return Ok(None);
        };
        let (key, value) = row;
        Ok(Some((Bytes::copy_from_slice(key.value()), Bytes::copy_from_slice(value.value()))))
    }
}
