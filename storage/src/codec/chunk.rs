//! A row of a coded store: chunks, one for each write that made it.
//!
//! ```text
//! row   = chunk*
//! chunk = SEALED ‖ varint sequence ‖ varint index ‖ varint length ‖ sealed value
//!       | TALLY  ‖ delta, 8 bytes
//! ```
//!
//! A put is a row of one chunk, an append adds one, so that a row stays appendable without being
//! read. Counting adds a tally, which the overlay joins with the one before it. An empty row is
//! an empty value.
//!
//! Invariant: within a row, chunks have strictly growing numbers (batch, place in it), and only
//! the first may be a put; both are part of what is sealed, so that chunks can be neither moved
//! nor repeated nor exchanged. That the last ones of a row are missing, or that a whole row is as
//! it once was, cannot be seen.

use bytes::Bytes;

use super::{CodecError, Place, ValueCodec};
use crate::error::StoreError;
use crate::record::{self, Malformed, Records, counter, push_varint, read_varint};

const PUT: u8 = 1;
const APPENDED: u8 = 2;
const TALLY: u8 = 3;
/// Bytes of a tally.
const TALLY_BYTES: usize = 9;

/// Rewrites a batch's encoded writes so that they hold sealed values only.
pub(crate) fn seal_writes(
    codec: &dyn ValueCodec,
    sequence: u64,
    writes: &[u8],
) -> Result<Vec<u8>, Malformed> {
    let mut sealed = Vec::with_capacity(writes.len() * 2);
    let (mut chunk, mut body) = (Vec::new(), Vec::new());
    for (index, found) in (0..).zip(Records::new(writes)) {
        let found = found?;
        let (table, key) = (found.table, &writes[found.key]);
        let value = &writes[found.value];
        match found.kind {
            record::PUT if value.is_empty() => {
                record::push(&mut sealed, record::PUT, table, key, &[]);
            }
            kind @ (record::PUT | record::APPEND) => {
                let appended = kind == record::APPEND;
                chunk.clear();
                body.clear();
                if !value.is_empty() {
                    codec.seal(&Place { table, key, appended, sequence, index }, value, &mut body);
                    chunk.push(if appended { APPENDED } else { PUT });
                    push_varint(&mut chunk, sequence);
                    push_varint(&mut chunk, u64::from(index));
                    push_varint(&mut chunk, body.len() as u64);
                    chunk.extend_from_slice(&body);
                }
                record::push(&mut sealed, kind, table, key, &chunk);
            }
            record::ADD => record::push(&mut sealed, record::TALLY, table, key, value),
            kind => record::push(&mut sealed, kind, table, key, value),
        }
    }
    Ok(sealed)
}

/// The value of a row.
pub(crate) fn unseal_row(
    codec: &dyn ValueCodec,
    (table, key): (u8, &[u8]),
    row: &[u8],
) -> Result<Bytes, StoreError> {
    let unreadable =
        |reason| StoreError::Unreadable { table, key: Bytes::copy_from_slice(key), reason };
    unseal(codec, (table, key), row).map(Bytes::from).map_err(unreadable)
}

fn unseal(
    codec: &dyn ValueCodec,
    (table, key): (u8, &[u8]),
    row: &[u8],
) -> Result<Vec<u8>, CodecError> {
    let mut value = Vec::new();
    let (mut at, mut last) = (0, None);
    while at < row.len() {
        let first = at == 0;
        match read(row, &mut at).map_err(|Malformed| CodecError::Malformed)? {
            Chunk::Tally(delta) => {
                value = counter(&value).wrapping_add(delta).to_le_bytes().to_vec();
            }
            Chunk::Sealed { appended, number: (sequence, index), sealed } => {
                let ordered = last.is_none_or(|last| last < (sequence, index));
                if !ordered || (!first && !appended) {
                    return Err(CodecError::Forged);
                }
                last = Some((sequence, index));
                let place = Place { table, key, appended, sequence, index };
                let mut part = codec.unseal(&place, sealed)?;
                if value.is_empty() {
                    value = part;
                } else {
                    value.append(&mut part);
                }
            }
        }
    }
    Ok(value)
}

enum Chunk<'a> {
    Sealed { appended: bool, number: (u64, u32), sealed: &'a [u8] },
    Tally(i64),
}

fn read<'a>(row: &'a [u8], at: &mut usize) -> Result<Chunk<'a>, Malformed> {
    let kind = row.get(*at).copied().ok_or(Malformed)?;
    *at += 1;
    let take = |length: usize, at: &mut usize| {
        let part = at.checked_add(length).and_then(|end| row.get(*at..end)).ok_or(Malformed)?;
        *at += length;
        Ok(part)
    };
    match kind {
        PUT | APPENDED => {
            let sequence = read_varint(row, at)?;
            let index = u32::try_from(read_varint(row, at)?).map_err(|_| Malformed)?;
            let length = usize::try_from(read_varint(row, at)?).map_err(|_| Malformed)?;
            let sealed = take(length, at)?;
            Ok(Chunk::Sealed { appended: kind == APPENDED, number: (sequence, index), sealed })
        }
        TALLY => take(TALLY_BYTES - 1, at).map(|delta| Chunk::Tally(counter(delta))),
        _ => Err(Malformed),
    }
}

/// The bytes of a tally, to be put behind a row's chunks.
pub(crate) fn tally(delta: i64) -> [u8; TALLY_BYTES] {
    let mut bytes = [TALLY; TALLY_BYTES];
    bytes[1..].copy_from_slice(&delta.to_le_bytes());
    bytes
}

/// Where the tally begins that ends a row, if one does; a malformed row has none.
pub(crate) fn last_tally(row: &[u8]) -> Option<(usize, i64)> {
    let (mut at, mut last) = (0, None);
    while at < row.len() {
        let begin = at;
        last = match read(row, &mut at).ok()? {
            Chunk::Tally(delta) => Some((begin, delta)),
            Chunk::Sealed { .. } => None,
        };
    }
    last
}
