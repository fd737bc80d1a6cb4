//! What can go wrong, told apart by what the caller can do about it.
//!
//! Invariant: every failure of a commit says whether the batch may be on disk: only
//! [`StoreError::OutcomeUnknown`] leaves that open.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::CodecError;

/// Why a store did not do what it was asked for.
///
/// It can be cloned, because one failed sync is the answer to everyone who shared it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An assertion of the batch did not hold; nothing of it was written.
    #[error("batch refused: {0}")]
    Refused(Refusal),
    /// Writing failed on the way to the disk: the batch may be durable, wholly, or not at all.
    /// The store has stopped; open it again and look at its sequence number or at the rows.
    #[error("commit failed and its outcome is unknown until the store is opened again: {reason}")]
    OutcomeUnknown {
        /// What failed.
        reason: Arc<str>,
    },
    /// The store was closed, or stopped after a failure. Nothing of the batch was written.
    #[error("store has stopped: {reason}")]
    Stopped {
        /// Why it stopped.
        reason: Arc<str>,
    },
    /// The disk is nearly full. Refused before anything was written; the store goes on as soon as
    /// there is room again.
    #[error("disk nearly full: {free_bytes} bytes free, {needed_bytes} must stay free")]
    Full {
        /// How much is free.
        free_bytes: u64,
        /// How much must stay free.
        needed_bytes: u64,
    },
    /// Another process, or another store in this one, has the directory open.
    #[error("store in {} is already open", dir.display())]
    AlreadyOpen {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The files were written by a newer version than this one.
    #[error("{file} has format version {found}, this version reads up to {supported}")]
    NewerFormat {
        /// Which file.
        file: &'static str,
        /// The version found in it.
        found: u64,
        /// The newest version that can be read.
        supported: u64,
    },
    /// Values rest on disk in a way that this configuration does not read.
    #[error("store cannot be opened like this: {0}")]
    Coding(CodingMismatch),
    /// A value is not what was sealed for its row: the files were changed, or damaged.
    #[error("a value of table {table}, key {key:?}, cannot be read: {reason}")]
    Unreadable {
        /// The table's id.
        table: u8,
        /// The row.
        key: Bytes,
        /// What is wrong with it.
        reason: CodecError,
    },
    /// The files contradict themselves; they are left as they are.
    #[error("store is corrupt: {what}")]
    Corrupt {
        /// What was expected and what was found.
        what: String,
    },
    /// The disk or the operating system refused.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The operating system's answer.
        source: Arc<std::io::Error>,
    },
}

/// Where a store's values and the codec it is opened with part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodingMismatch {
    /// The store's values are sealed, and no codec was given.
    #[error("its values are encoded (key `{key_id}`); open it with its encryption keys")]
    CodecMissing {
        /// The key that was met last; empty if values are only compressed.
        key_id: String,
    },
    /// A codec was given, and the store's values are plain.
    #[error(
        "its values are plain, and stay readable on disk; copy it into a directory of its own \
         with the codec that it shall have"
    )]
    PlainStore,
    /// Values may be sealed with a key that was not given.
    #[error(
        "it holds values that were sealed with key `{key_id}`, which is not among the keys given"
    )]
    KeyMissing {
        /// The key's id.
        key_id: String,
    },
    /// A key of that id was given, and it is another one.
    #[error("key `{key_id}` is not the one that its values were sealed with")]
    WrongKey {
        /// The key's id.
        key_id: String,
    },
}

/// Which assertion of a batch did not hold, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A row was not what the batch rests on.
    #[error(
        "assertion {index} on table {table}, key {key:?}: expected {expected:?}, found {found:?}"
    )]
    Assertion {
        /// Its place among the batch's assertions and fences, from 0.
        index: usize,
        /// The table's id.
        table: u8,
        /// The row.
        key: Bytes,
        /// What it had to be; `None` for absent.
        expected: Option<Bytes>,
        /// What it was; `None` for absent.
        found: Option<Bytes>,
    },
    /// The lease is held under another epoch: the caller is not the owner any more.
    #[error("fenced: lease {key:?} is at epoch {found:?}, the batch was made at {epoch}")]
    Fenced {
        /// The lease's row.
        key: Bytes,
        /// The batch's epoch.
        epoch: u64,
        /// The lease's epoch; `None` if there is no such lease.
        found: Option<u64>,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source: Arc::new(source) }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}
