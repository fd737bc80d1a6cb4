//! redb's errors in our words, and the opening of a redb file.
//!
//! Invariant: no error of redb's crosses the seam.

use std::sync::Arc;

use redb::{Builder, Database};

use super::backend::{FileGauge, Gauged};
use super::disk::Disk;
use crate::error::StoreError;

/// Turns what redb says into what our callers are told.
pub(super) fn redb<E: Into<redb::Error>>(action: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| match error.into() {
        redb::Error::Io(error) => StoreError::io(action)(error),
        redb::Error::Corrupted(what) => StoreError::corrupt(format!("failed to {action}: {what}")),
        error @ (redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)) => {
            StoreError::corrupt(format!("failed to {action}: {error}"))
        }
        redb::Error::DatabaseClosed => StoreError::Stopped { reason: "closed".into() },
        other => StoreError::io(action)(std::io::Error::other(other)),
    }
}

/// The parts in which opening the two files differs.
pub(super) struct RedbFile {
    pub(super) name: &'static str,
    pub(super) temporary: &'static str,
    /// What opening it is called in errors.
    pub(super) opening: &'static str,
    pub(super) cache_bytes: usize,
    pub(super) gauge: Arc<FileGauge>,
    /// Writes the empty file's first rows.
    pub(super) initialize: fn(&Database) -> Result<(), StoreError>,
}

impl RedbFile {
    /// Opens the file; makes it under a temporary name first if it is missing, because redb's
    /// creation, interrupted, leaves a file that opens never again.
    pub(super) fn open(&self, disk: &dyn Disk) -> Result<Database, StoreError> {
        disk.remove(self.temporary).map_err(StoreError::io("remove a leftover temporary file"))?;
        if let Some(file) = self.existing(disk)? {
            return self.database(file);
        }
        let file =
            disk.create(self.temporary).map_err(StoreError::io("make a temporary store file"))?;
        let database = self.database(file)?;
        (self.initialize)(&database)?;
        database.close().map_err(redb("close a new store file"))?;
        disk.publish(self.temporary, self.name)
            .map_err(StoreError::io("rename a new store file"))?;
        let file = self.existing(disk)?.ok_or_else(|| {
            StoreError::corrupt(format!("{} is gone right after it was made", self.name))
        })?;
        self.database(file)
    }

    fn existing(
        &self,
        disk: &dyn Disk,
    ) -> Result<Option<Box<dyn redb::StorageBackend>>, StoreError> {
        let file = disk.open(self.name).map_err(StoreError::io(self.opening))?;
        if file.is_some() {
            // Also a file that was there: whoever renamed it may have died before its name was
            // durable, and all that is committed to it from now on hangs on that name.
            disk.sync_names().map_err(StoreError::io("sync the store's directory"))?;
        }
        Ok(file)
    }

    fn database(&self, file: Box<dyn redb::StorageBackend>) -> Result<Database, StoreError> {
        let name = self.name;
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes).set_repair_callback(move |session| {
            tracing::info!(file = name, progress = session.progress(), "repairing");
        });
        builder
            .create_with_backend(Gauged::new(file, self.gauge.clone()))
            .map_err(redb(self.opening))
    }
}

/// Refuses files of a format that this version does not know.
pub(super) fn check_format(
    file: &'static str,
    found: Option<u64>,
    supported: u64,
) -> Result<(), StoreError> {
    match found {
        Some(found) if found > supported => Err(StoreError::NewerFormat { file, found, supported }),
        Some(found) if found > 0 => Ok(()),
        _ => Err(StoreError::corrupt(format!("{file} has no format version"))),
    }
}
