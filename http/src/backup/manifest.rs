//! What a backup says of itself.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use everstep_storage::ContentDigest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::BackupError;

/// The name of the file that holds it.
pub(super) const MANIFEST: &str = "manifest.json";
/// The format of manifests that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// A backup's own description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Manifest {
    /// The manifest's format.
    pub format: u32,
    /// The version of the program that made it.
    pub version: String,
    /// When it was made.
    pub made_at: String,
    /// How many rows it holds.
    pub rows: u64,
    /// SHA-256 over all rows, in hexadecimal digits.
    pub rows_sha256: String,
    /// Whether its values need keys to be read.
    pub sealed: bool,
    /// Every file but the manifest.
    pub files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of what it holds, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Reads the manifest of a directory.
    pub(super) fn read(directory: &Path) -> Result<Self, BackupError> {
        let no_backup = |reason: String| {
            let directory = directory.to_owned();
            BackupError::NoBackup { directory, reason }
        };
        let text = std::fs::read(directory.join(MANIFEST));
        let text = text.map_err(|error| no_backup(format!("{MANIFEST}: {error}")))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| no_backup(format!("{MANIFEST}: {error}")))?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(no_backup(format!("its format is {other}; this version reads {FORMAT}"))),
        }
    }

    /// Refuses rows that are not those of the manifest.
    pub(super) fn check_rows(&self, found: &ContentDigest) -> Result<(), BackupError> {
        if (found.rows, hex(&found.sha256)) == (self.rows, self.rows_sha256.clone()) {
            return Ok(());
        }
        let (rows, wanted) = (found.rows, self.rows);
        Err(BackupError::Damaged(format!(
            "it holds {rows} rows and should hold {wanted}, or others"
        )))
    }

    /// Refuses files that are not those of the manifest.
    pub(super) fn check_files(&self, directory: &Path) -> Result<(), BackupError> {
        for file in &self.files {
            if file.name.contains(['/', '\\']) {
                return Err(BackupError::Damaged(format!("`{}` is no file's name", file.name)));
            }
            let found = BackupFile::of(directory, &file.name)?;
            if found != *file {
                return Err(BackupError::Damaged(format!("`{}` is not as it was made", file.name)));
            }
        }
        Ok(())
    }
}

impl BackupFile {
    pub(super) fn of(directory: &Path, name: &str) -> Result<Self, BackupError> {
        let reading = || BackupError::io(format!("read {name}"));
        let mut file = File::open(directory.join(name)).map_err(reading())?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut part = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut part).map_err(reading())?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
            hash.update(part.get(..count).unwrap_or_default());
        }
        Ok(Self { name: name.to_owned(), bytes, sha256: hex(&hash.finalize()) })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
