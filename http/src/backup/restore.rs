//! Taking one back, and looking whether it is whole.

use std::fs;
use std::path::Path;

use everstep_storage::{EmbeddedConfig, EmbeddedStore, Store, digest};
use serde::Serialize;

use super::make::{beside, publish};
use super::manifest::hex;
use super::{BackupError, Manifest};

/// What was found to be whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many rows there are.
    pub rows: u64,
    /// SHA-256 over all of them, in hexadecimal digits.
    pub rows_sha256: String,
}

/// Makes a data directory from a backup, which stays as it is. The new one is read whole and held
/// against the manifest before it gets its name.
///
/// # Errors
/// [`BackupError::Exists`], [`BackupError::NoBackup`], [`BackupError::Damaged`]; when something
/// cannot be read or written, and then there is no new directory.
pub fn restore_backup(
    from: &Path,
    settings: &EmbeddedConfig,
    into: &Path,
) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(from)?;
    if into.exists() {
        return Err(BackupError::Exists(into.to_owned()));
    }
    let partial = beside(into);
    let _ = fs::remove_dir_all(&partial);
    let restored = copy(from, &manifest, settings, &partial).and_then(|()| publish(&partial, into));
    if restored.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    restored.map(|()| manifest)
}

fn copy(
    from: &Path,
    manifest: &Manifest,
    settings: &EmbeddedConfig,
    partial: &Path,
) -> Result<(), BackupError> {
    manifest.check_files(from)?;
    let making = || BackupError::io(format!("fill {}", partial.display()));
    fs::create_dir_all(partial).map_err(making())?;
    for file in &manifest.files {
        fs::copy(from.join(&file.name), partial.join(&file.name)).map_err(making())?;
    }
    let store = EmbeddedStore::open(partial, settings.clone())?;
    let found = digest(&*store.snapshot()?)?;
    store.close();
    manifest.check_rows(&found)
}

/// Whether a backup is as it was made: every file, byte for byte.
///
/// # Errors
/// [`BackupError::NoBackup`], [`BackupError::Damaged`].
pub fn verify_backup(directory: &Path) -> Result<Verified, BackupError> {
    let manifest = Manifest::read(directory)?;
    manifest.check_files(directory)?;
    Ok(Verified { rows: manifest.rows, rows_sha256: manifest.rows_sha256 })
}

/// Whether everything in a data directory can be read. No server may have it open.
///
/// # Errors
/// What cannot be read.
pub fn verify_store(data: &Path, settings: &EmbeddedConfig) -> Result<Verified, BackupError> {
    if !data.is_dir() {
        let (directory, reason) = (data.to_owned(), "no such directory".to_owned());
        return Err(BackupError::NoBackup { directory, reason });
    }
    let store = EmbeddedStore::open(data, settings.clone())?;
    let found = digest(&*store.snapshot()?)?;
    store.close();
    Ok(Verified { rows: found.rows, rows_sha256: hex(&found.sha256) })
}
