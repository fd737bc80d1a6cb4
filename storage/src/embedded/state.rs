//! `state.redb`: every table as of the last checkpoint.
//!
//! Of tables that lie apart it holds where each value is, and the files of values hold the value.
//!
//! Invariant: rows and the sequence number up to which they are complete change in one commit,
//! always with quick repair: opening costs milliseconds, whatever the file's size.

use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use redb::{
    AccessGuard, Database, Range, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, TableError, WriteTransaction,
};

use super::backend::FileGauge;
use super::config::EmbeddedConfig;
use super::disk::Disk;
use super::failure::{RedbFile, check_format, redb};
use super::fold::{Effect, Operation};
use super::key::Key;
use super::places::Places;
use super::values::{Extent, ValueReader, ValueWriter, Values, one_part};
use crate::error::StoreError;
use crate::table::{is_numbered, lies_apart};

const FORMAT: u64 = 4;
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
    disk: Arc<dyn Disk>,
    /// How long a file of values gets.
    values_file_bytes: u64,
    values: Arc<Values>,
    values_gauge: Arc<FileGauge>,
    places: Arc<Places>,
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
        disk: Arc<dyn Disk>,
        config: &EmbeddedConfig,
        [gauge, values_gauge]: [Arc<FileGauge>; 2],
    ) -> Result<Self, StoreError> {
        let temporary = "state.redb.new";
        let opening = "open state.redb";
        let cache_bytes = config.state_cache_bytes;
        let file = RedbFile { name: NAME, temporary, opening, cache_bytes, gauge, initialize };
        let database = file.open(&*disk)?;
        let read = database.begin_read().map_err(redb("read the state file"))?;
        let meta = read.open_table(META).map_err(redb("read the state file"))?;
        let number = |name: &str| {
            let found = meta.get(name).map_err(redb("read the state file"))?;
            Ok::<_, StoreError>(found.map(|number| number.value()))
        };
        let format = number("format")?;
        check_format(NAME, format, FORMAT)?;
        if format != Some(FORMAT) {
            return Err(StoreError::corrupt(format!(
                "{NAME} has an earlier layout that this version does not read: let the version \
                 that wrote it move its data, or choose another directory"
            )));
        }
        let values = Values::open(&*disk, number)?;
        values_gauge.length.store(values.bytes(), Ordering::Relaxed);
        let places = Arc::<Places>::default();
        places.move_on(number("applied")?.unwrap_or_default(), &[]);
        let values_file_bytes = config.values_file_bytes;
        Ok(Self { database, disk, values_file_bytes, values, values_gauge, places })
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
        let (values, places) = (Arc::clone(&self.values), Arc::clone(&self.places));
        Ok(View { applied, transaction, tables, values, places })
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
        let transaction = begin(&self.database)?;
        let values = self.values.begin(&*self.disk, self.values_file_bytes)?;
        let places = Arc::clone(&self.places);
        Ok(Checkpoint { transaction, values, places, changed: Vec::new() })
    }

    /// Makes a checkpoint durable. Answers which parts of the files of values it needs no more.
    pub(super) fn commit(
        &mut self,
        checkpoint: Checkpoint,
        applied: u64,
    ) -> Result<Vec<Extent>, StoreError> {
        let (values, freed) = checkpoint.commit(applied)?;
        self.values_gauge.length.store(values.bytes(), Ordering::Relaxed);
        self.values = values;
        Ok(freed)
    }

    /// Nobody reads what these parts of the files of values hold.
    pub(super) fn give_back(&self, parts: impl Iterator<Item = Extent>) -> Result<(), StoreError> {
        self.values.give_back(parts)
    }

    /// Gives the files back.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let closed = self.database.close().map_err(redb("close the state file"));
        closed.and(self.values.close())
    }
}

/// A checkpoint that is being written; dropped, it never was.
pub(super) struct Checkpoint {
    transaction: WriteTransaction,
    values: ValueWriter,
    places: Arc<Places>,
    /// Keys of numbered rows that were there before.
    changed: Vec<Vec<u8>>,
}

impl Checkpoint {
    /// Writes rows of one table.
    pub(super) fn write<'a>(
        &mut self,
        table: u8,
        rows: impl Iterator<Item = (&'a Key, Effect)>,
    ) -> Result<(), StoreError> {
        if lies_apart(table) {
            return self.write_apart(table, rows);
        }
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

    /// Writes rows of a table whose values lie apart.
    fn write_apart<'a>(
        &mut self,
        table: u8,
        rows: impl Iterator<Item = (&'a Key, Effect)>,
    ) -> Result<(), StoreError> {
        let action = "write a checkpoint";
        let mut open = self.transaction.open_table(row_table(table)).map_err(redb(action))?;
        for (key, effect) in rows {
            key.read(|key| {
                let row = match &effect {
                    Effect::Untouched => return Ok(()),
                    Effect::OnBase(operations) if operations.iter().all(Operation::is_append) => {
                        let before = copied(open.get(key).map_err(redb(action)))?;
                        let appended = operations.iter().filter_map(Operation::appended);
                        if before.is_some() && is_numbered(table) {
                            self.changed.push(key.to_vec());
                        }
                        let row = self.values.append(&before.unwrap_or_default(), appended)?;
                        open.insert(key, &*row).map_err(redb(action))?;
                        return Ok(());
                    }
                    Effect::Gone => None,
                    Effect::Value(value) => Some(self.values.put(value)?),
                    Effect::OnBase(_) => {
                        let base = || match copied(open.get(key).map_err(redb(action)))? {
                            Some(row) => self.values.read(&row).map(Some),
                            None => Ok(None),
                        };
                        let value = effect.clone().resolve(base)?;
                        value.map(|value| self.values.put(&value)).transpose()?
                    }
                };
                let before = match &row {
                    Some(row) => open.insert(key, &**row).map_err(redb(action))?,
                    None => open.remove(key).map_err(redb(action))?,
                };
                let Some(before) = before else { return Ok(()) };
                if is_numbered(table) {
                    self.changed.push(key.to_vec());
                }
                self.values.free(before.value())
            })?;
        }
        Ok(())
    }

    /// Makes it durable. Answers the values as of it, and which parts of them it needs no more.
    fn commit(mut self, applied: u64) -> Result<(Arc<Values>, Vec<Extent>), StoreError> {
        let action = "commit a checkpoint";
        let (file, end) = self.values.sync()?;
        {
            let mut meta = self.transaction.open_table(META).map_err(redb(action))?;
            meta.insert("applied", applied).map_err(redb(action))?;
            meta.insert(&*file, end).map_err(redb(action))?;
        }
        self.transaction.commit().map_err(redb(action))?;
        self.places.move_on(applied, &self.changed);
        Ok(self.values.commit())
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
    values: Arc<Values>,
    places: Arc<Places>,
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
        let numbered = is_numbered(table);
        if numbered && let Some(place) = self.places.find(key, self.applied) {
            return self.values.read_at(place).map(Some);
        }
        let Some(rows) = self.table(table)? else { return Ok(None) };
        let found = rows.get(key).map_err(redb("read the state file"));
        if !lies_apart(table) {
            return copied(found);
        }
        let Some(row) = found? else { return Ok(None) };
        if numbered && let Some(place) = one_part(row.value()) {
            self.places.note(key, place, self.applied);
        }
        self.values.read(row.value()).map(Some)
    }

    /// The values of rows at the checkpoint, in the order of their keys.
    pub(super) fn get_all(
        &self,
        table: u8,
        keys: &[Bytes],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        if !is_numbered(table) {
            return keys.iter().map(|key| self.get(table, key)).collect();
        }
        let known = self.places.find_all(keys, self.applied);
        let together: Vec<Extent> = known.iter().flatten().copied().collect();
        let mut read = self.values.read_all(&together)?.into_iter();
        let values = known.iter().zip(keys).map(|(place, key)| match place {
            Some(_) => Ok(read.next()),
            None => self.get(table, key),
        });
        values.collect()
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
        let values = lies_apart(table).then(|| ValueReader::new(Arc::clone(&self.values)));
        Ok(ViewRange { rows, values, reverse })
    }
}

/// Rows of a view, in one direction.
pub(super) struct ViewRange {
    rows: Option<Range<'static, &'static [u8], &'static [u8]>>,
    /// Where the values are, if they lie apart.
    values: Option<ValueReader>,
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
        let value = match &mut self.values {
            None => Bytes::copy_from_slice(value.value()),
            Some(values) => values.read(value.value())?,
        };
        Ok(Some((Bytes::copy_from_slice(key.value()), value)))
    }
}
