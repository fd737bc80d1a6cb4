//! The postings of one subject, as a snapshot shows them, found by position.

use super::coding::{decode_row, first_of_row, head_of_row};
use super::head::Head;
use super::keys::{self, POSTINGS, ROW};
use crate::error::StoreError;
use crate::range::Range;
use crate::record::Malformed;
use crate::store::Snapshot;

/// A walk over a subject's positions that leaps.
pub(super) struct Cursor<'a> {
    snapshot: &'a dyn Snapshot,
    prefix: Vec<u8>,
    rows: u32,
    events: u64,
    /// The row that was looked at last.
    number: u32,
    positions: Vec<u64>,
}

pub(super) fn corrupt(what: &str) -> impl Fn(Malformed) -> StoreError + '_ {
    move |Malformed| StoreError::Corrupt { what: format!("{what} of the event log is malformed") }
}

/// What a subject is now, as the fold of its last row.
pub(super) fn head(snapshot: &dyn Snapshot, prefix: &[u8]) -> Result<Head, StoreError> {
    let last = snapshot.range(Range::prefix(POSTINGS, prefix).reversed().limit(1))?;
    let Some((key, value)) = last.first() else { return Ok(Head::default()) };
    let number = keys::row_number(key).unwrap_or_default();
    let row = head_of_row(value).map_err(corrupt("a row of postings"))?;
    Ok(Head { events: u64::from(number) * ROW + row.events, ..row })
}

impl<'a> Cursor<'a> {
    pub(super) fn open(snapshot: &'a dyn Snapshot, prefix: Vec<u8>) -> Result<Self, StoreError> {
        let last = snapshot.range(Range::prefix(POSTINGS, &prefix).reversed().limit(1))?;
        let mut cursor =
            Self { snapshot, prefix, rows: 0, events: 0, number: 0, positions: Vec::new() };
        if let Some((key, value)) = last.first() {
            cursor.number = keys::row_number(key).unwrap_or_default();
            cursor.rows = cursor.number + 1;
            cursor.positions = decode_row(value).map_err(corrupt("a row of postings"))?;
            cursor.events = u64::from(cursor.number) * ROW + cursor.positions.len() as u64;
        }
        Ok(cursor)
    }

    /// How many postings there are.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    fn bytes(&self, number: u32) -> Result<bytes::Bytes, StoreError> {
        let row = self.snapshot.get(POSTINGS, &keys::row(&self.prefix, number))?;
        row.ok_or_else(|| corrupt("a missing row of postings")(Malformed))
    }

    fn load(&mut self, number: u32) -> Result<(), StoreError> {
        if number != self.number {
            let row = decode_row(&self.bytes(number)?).map_err(corrupt("a row of postings"))?;
            (self.number, self.positions) = (number, row);
        }
        Ok(())
    }

    /// Loads the last row that begins at or before `position`, or the first one.
    fn seek_row(&mut self, position: u64) -> Result<(), StoreError> {
        let first = self.positions.first().copied().unwrap_or_default();
        let last = self.positions.last().copied().unwrap_or_default();
        let (mut low, mut high) = if position < first {
            (0, self.number)
        } else if position <= last || self.number + 1 == self.rows {
            return Ok(());
        } else {
            // The next one, as a rule.
            let next = self.number + 1;
            self.load(next)?;
            if position <= self.positions.last().copied().unwrap_or_default() {
                let begins = self.positions.first().copied().unwrap_or_default();
                return if begins <= position { Ok(()) } else { self.load(next - 1) };
            }
            (next, self.rows)
        };
        // The row is in `low..high`.
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let begins =
                first_of_row(&self.bytes(middle)?).map_err(corrupt("a row of postings"))?;
            match begins <= position {
                true => low = middle,
                false => high = middle,
            }
        }
        self.load(low)
    }

    /// The first posting at or after `position`.
    pub(super) fn at_or_after(&mut self, position: u64) -> Result<Option<u64>, StoreError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.seek_row(position)?;
        let at = self.positions.partition_point(|of| *of < position);
        if let Some(found) = self.positions.get(at) {
            return Ok(Some(*found));
        }
        if self.number + 1 == self.rows {
            return Ok(None);
        }
        self.load(self.number + 1)?;
        Ok(self.positions.first().copied())
    }

    /// The last posting at or before `position`.
    pub(super) fn at_or_before(&mut self, position: u64) -> Result<Option<u64>, StoreError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.seek_row(position)?;
        let after = self.positions.partition_point(|of| *of <= position);
        Ok(after.checked_sub(1).and_then(|at| self.positions.get(at)).copied())
    }

    /// The posting with this number, from 0.
    pub(super) fn numbered(&mut self, number: u64) -> Result<Option<u64>, StoreError> {
        if number >= self.events {
            return Ok(None);
        }
        let row = u32::try_from(number / ROW).unwrap_or(u32::MAX);
        self.load(row)?;
        let at = usize::try_from(number % ROW).unwrap_or(usize::MAX);
        Ok(self.positions.get(at).copied())
    }
}
