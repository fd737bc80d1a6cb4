//! Making one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use everstep_engine::Timestamp;
use everstep_storage::{EmbeddedConfig, EmbeddedStore, Store, copy_store, digest};

use super::manifest::{FORMAT, MANIFEST, hex};
use super::{BackupError, BackupFile, Manifest};

/// Copies everything that `from` holds now into a new directory. `from` may be written to
/// meanwhile; the copy shows one moment. Values are sealed as `settings` say: give those of the
/// store. Blocks for as long as it takes.
///
/// # Errors
/// [`BackupError::Exists`]; when something cannot be read or written, and then nothing has the
/// name of the backup.
pub fn make_backup(
    from: &dyn Store,
    settings: &EmbeddedConfig,
    made_at: Timestamp,
    into: &Path,
) -> Result<Manifest, BackupError> {
    if into.exists() {
        return Err(BackupError::Exists(into.to_owned()));
    }
    let partial = beside(into);
    // What an earlier one left that was cut.
    let _ = fs::remove_dir_all(&partial);
    let made = fill(from, settings, made_at, &partial).and_then(|manifest| {
        publish(&partial, into)?;
        Ok(manifest)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    made
}

fn fill(
    from: &dyn Store,
    settings: &EmbeddedConfig,
    made_at: Timestamp,
    partial: &Path,
) -> Result<Manifest, BackupError> {
    let making = || BackupError::io(format!("make {}", partial.display()));
    fs::create_dir_all(partial).map_err(making())?;
    let to = EmbeddedStore::open(partial, settings.clone())?;
    copy_store(from, &to)?;
    to.checkpoint()?;
    let content = digest(&*to.snapshot()?)?;
    to.close();
    drop(to);
    let files = names(partial)?;
    let files = files.iter().map(|name| BackupFile::of(partial, name));
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: made_at.to_string(),
        rows: content.rows,
        rows_sha256: hex(&content.sha256),
        sealed: settings.codec.is_some(),
        files: files.collect::<Result<_, _>>()?,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::other);
    let text = text.map_err(BackupError::io("write the manifest"))?;
    fs::write(partial.join(MANIFEST), text).map_err(BackupError::io("write the manifest"))?;
    Ok(manifest)
}

/// Where a directory is filled before it gets its name.
pub(super) fn beside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    directory.with_file_name(name)
}

/// The names of a directory's files, in order.
pub(super) fn names(directory: &Path) -> Result<Vec<String>, BackupError> {
    let reading = || BackupError::io(format!("list {}", directory.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(reading())? {
        let entry = entry.map_err(reading())?;
        if entry.file_type().map_err(reading())?.is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Makes everything in a directory durable and gives the directory its name.
pub(super) fn publish(partial: &Path, into: &Path) -> Result<(), BackupError> {
    let syncing = || BackupError::io(format!("sync {}", partial.display()));
    for name in names(partial)? {
        let file = File::open(partial.join(name)).map_err(syncing())?;
        file.sync_all().map_err(syncing())?;
    }
    File::open(partial).and_then(|directory| directory.sync_all()).map_err(syncing())?;
    fs::rename(partial, into).map_err(BackupError::io(format!("name {}", into.display())))?;
    let parent = into.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(syncing())
}
