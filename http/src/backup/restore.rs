//! Taking one back, and looking whether it is whole.

use std::fs;
use std::path::Path;

use everstep_storage::log::{LogFault, verify_logs};
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
    /// How many events there are in all logs, each hashed anew and held against the chain; absent
    /// where they were not read, since a sealed backup needs its keys for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
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
    copy_files(from, manifest, partial)?;
    let store = EmbeddedStore::open(partial, settings.clone())?;
    let found = digest(&*store.snapshot()?)?;
    store.close();
    manifest.check_rows(&found)
}

/// Whether a backup is as it was made, every file byte for byte, and its event logs are what was
/// appended. For the latter it is copied beside itself, since a store that is opened is written to;
/// a sealed one is walked where `settings` have its keys.
///
/// # Errors
/// [`BackupError::NoBackup`], [`BackupError::Damaged`], which names the first event that is not
/// what was appended.
pub fn verify_backup(directory: &Path, settings: &EmbeddedConfig) -> Result<Verified, BackupError> {
    let manifest = Manifest::read(directory)?;
    let files = manifest.check_files(directory);
    let events = match manifest.sealed && settings.codec.is_none() {
        true => None,
        false => Some(walk_copy(directory, &manifest, settings)),
    };
    let events = match (files, events) {
        (Ok(()), None) => None,
        (Ok(()), Some(events)) => Some(events?),
        (Err(BackupError::Damaged(what)), Some(Err(BackupError::Damaged(event)))) => {
            return Err(BackupError::Damaged(format!("{what}; {event}")));
        }
        (Err(damaged), _) => return Err(damaged),
    };
    Ok(Verified { rows: manifest.rows, rows_sha256: manifest.rows_sha256, events })
}

fn walk_copy(
    directory: &Path,
    manifest: &Manifest,
    settings: &EmbeddedConfig,
) -> Result<u64, BackupError> {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".verifying");
    let copied = directory.with_file_name(name);
    let _ = fs::remove_dir_all(&copied);
    let walked = copy_files(directory, manifest, &copied).and_then(|()| {
        let store = EmbeddedStore::open(&copied, settings.clone())?;
        let walked = walk(&store);
        store.close();
        walked
    });
    let _ = fs::remove_dir_all(&copied);
    walked
}

/// Walks the event logs of a store; how many events there are.
fn walk(store: &EmbeddedStore) -> Result<u64, BackupError> {
    match verify_logs(&*store.snapshot()?) {
        Ok(logs) => Ok(logs.iter().map(|log| log.events).sum()),
        Err(LogFault::Store(error)) => Err(error.into()),
        Err(fault) => Err(BackupError::Damaged(fault.to_string())),
    }
}

fn copy_files(from: &Path, manifest: &Manifest, into: &Path) -> Result<(), BackupError> {
    let making = || BackupError::io(format!("fill {}", into.display()));
    fs::create_dir_all(into).map_err(making())?;
    for file in &manifest.files {
        fs::copy(from.join(&file.name), into.join(&file.name)).map_err(making())?;
    }
    Ok(())
}

/// Whether everything in a data directory can be read, and its event logs are what was appended. No server may have it open.
///
/// # Errors
/// What cannot be read; [`BackupError::Damaged`] with the first event that is not what was appended.
pub fn verify_store(data: &Path, settings: &EmbeddedConfig) -> Result<Verified, BackupError> {
    if !data.is_dir() {
        let (directory, reason) = (data.to_owned(), "no such directory".to_owned());
        return Err(BackupError::NoBackup { directory, reason });
    }
    let store = EmbeddedStore::open(data, settings.clone())?;
    let found = digest(&*store.snapshot()?)?;
    let events = walk(&store);
    store.close();
    let (rows, rows_sha256) = (found.rows, hex(&found.sha256));
    Ok(Verified { rows, rows_sha256, events: Some(events?) })
}
