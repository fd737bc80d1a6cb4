//! Reading values one after the other, as they lie.

use std::sync::Arc;

use bytes::Bytes;

use super::Values;
use super::extent::{malformed, one_part};
use crate::error::StoreError;
use crate::record::Malformed;

/// So much is read at once.
const AHEAD: u64 = 32 << 10;

/// Reads values one after the other; those that lie behind each other in one look.
pub(in crate::embedded) struct ValueReader {
    values: Arc<Values>,
    /// What was read last, and where it begins.
    ahead: (u64, Bytes),
}

impl ValueReader {
    pub(in crate::embedded) fn new(values: Arc<Values>) -> Self {
        Self { values, ahead: (0, Bytes::new()) }
    }

    /// The value that a row stands for.
    pub(in crate::embedded) fn read(&mut self, row: &[u8]) -> Result<Bytes, StoreError> {
        let Some(part) = one_part(row) else { return self.values.read(row) };
        let (begin, bytes) = &self.ahead;
        let end = begin + bytes.len() as u64;
        if part.offset >= *begin && part.end() <= end {
            let from = (part.offset - begin) as usize;
            return Ok(bytes.slice(from..from + part.length as usize));
        }
        // Who goes on where the last one ended will go on so, as a rule.
        let follows = (*begin..=end).contains(&part.offset) && !bytes.is_empty();
        let value = match follows {
            true => self.values.read_from(part.offset, AHEAD.max(part.length))?,
            false => self.values.read(row)?,
        };
        self.ahead = (part.offset, value.clone());
        match value.len() as u64 >= part.length {
            true => Ok(value.slice(..part.length as usize)),
            false => Err(malformed(Malformed)),
        }
    }
}
