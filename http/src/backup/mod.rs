//! Backups: a copy of a store at one moment, made while the server goes on, with a manifest that
//! says what is in it.
//!
//! ```text
//! backup/
//!   manifest.json   format, when, how many rows, their hash; every file's size and SHA-256
//!   …               a store of its own
//! ```
//!
//! Invariants:
//! - a directory that has a manifest is whole: it gets its name when everything is on disk;
//! - a backup is never written to again, and restoring one reads it only;
//! - what is encrypted in the store is encrypted in the backup, and no key is ever in it.

mod make;
mod manifest;
mod restore;

pub use make::make_backup;
pub use manifest::{BackupFile, Manifest};
pub use restore::{Verified, restore_backup, verify_backup, verify_store};

use std::path::PathBuf;

use everstep_storage::StoreError;

/// Why a backup was not made, or not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The target is there already.
    #[error("{} exists; name a directory that does not", .0.display())]
    Exists(PathBuf),
    /// It has no manifest.
    #[error("{} is no backup: {reason}", directory.display())]
    NoBackup {
        /// Which directory.
        directory: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file or the rows are not those that the manifest names.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The operating system refused.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was being done.
        action: String,
        /// Its answer.
        source: std::io::Error,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}
