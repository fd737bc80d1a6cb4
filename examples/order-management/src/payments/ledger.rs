//! The payment service's books: one JSON line an entry, appended and synced.
//!
//! Invariant: an entry is on disk before anybody hears of it, and there is one entry for an
//! idempotency key, however often it is asked for.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The caller's idempotency key.
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) order_id: String,
    pub(crate) amount_cents: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Charge,
    Refund,
}

/// The open books.
pub(crate) struct Ledger {
    file: File,
    bytes: u64,
    by_key: HashMap<String, Entry>,
}

/// Why the books cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("failed to read or write the ledger {0}: {1}")]
    Io(PathBuf, io::Error),
    #[error("another process keeps the ledger {0}")]
    InUse(PathBuf),
    #[error("line {1} of the ledger {0} is no entry: {2}")]
    Line(PathBuf, usize, serde_json::Error),
}

impl Ledger {
    /// Opens the books and reads them. A last line without an end was never acknowledged, and is
    /// cut off.
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error| LedgerError::Io(path.to_owned(), error);
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let text = std::fs::read(path).map_err(failed)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        let mut by_key = HashMap::new();
        let lines = text[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        for (index, line) in lines.enumerate() {
            let entry: Entry = serde_json::from_slice(line)
                .map_err(|error| LedgerError::Line(path.to_owned(), index + 1, error))?;
            by_key.insert(entry.key.clone(), entry);
        }
        Ok(Self { file, bytes: whole as u64, by_key })
    }

    /// Writes the entry, unless there is one of that key.
    pub(crate) fn enter(&mut self, entry: Entry) -> io::Result<()> {
        if self.by_key.contains_key(&entry.key) {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line in the middle would make the books unreadable.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        self.by_key.insert(entry.key.clone(), entry);
        Ok(())
    }

    /// What was charged for an order and not given back, in cents.
    pub(crate) fn balance_cents(&self, order_id: &str) -> u64 {
        let of_kind = |kind| {
            let entries = self.by_key.values();
            entries
                .filter(|entry| entry.kind == kind && entry.order_id == order_id)
                .map(|entry| entry.amount_cents)
                .sum::<u64>()
        };
        of_kind(Kind::Charge).saturating_sub(of_kind(Kind::Refund))
    }
}
