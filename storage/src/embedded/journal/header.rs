//! What stands at the start of a journal file, twice: which generation its frames belong to.
//!
//! ```text
//! magic [8] · format u64 · generation u64 · salt u64 · 0 [24] · xxh3-64 of the rest u64
//! ```
//!
//! Integers are little endian. Each copy has a block of its own.
//!
//! Invariant: a copy lies within one sector, so that a crash leaves the old one or the new one and
//! nothing else; a copy that is neither is damaged.

use std::hash::{BuildHasher, Hasher, RandomState};

use twox_hash::XxHash3_64;

use super::super::config::Threads;
use crate::error::StoreError;

/// Writes begin at multiples of this, so that none touches a sector with something acknowledged.
pub(super) const BLOCK: u64 = 4096;
/// Both copies.
pub(super) const BYTES: u64 = 2 * BLOCK;

const MAGIC: [u8; 8] = *b"evstlog\n";
const FORMAT: u64 = 1;
const LENGTH: usize = 64;
const SUM: usize = LENGTH - 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Counts how often a file was begun; odd and even in turns.
    pub(super) generation: u64,
    /// Seeds the frames' checksums: what older generations left behind, and what users' data may
    /// contain, is never taken for a frame.
    pub(super) salt: u64,
}

impl Header {
    /// `before` is what the file holds where its first frame will go.
    pub(super) fn new(generation: u64, threads: Threads, before: &[u8]) -> Self {
        let salt = match threads {
            Threads::Own => RandomState::new().build_hasher().finish(),
            // What a simulation writes depends on its calls and its disk alone.
            Threads::None => XxHash3_64::oneshot_with_seed(generation, before),
        };
        Self { generation, salt }
    }

    /// The file's first blocks.
    pub(super) fn encode(self) -> Vec<u8> {
        let mut copy = [0; LENGTH];
        copy[..8].copy_from_slice(&MAGIC);
        copy[8..16].copy_from_slice(&FORMAT.to_le_bytes());
        copy[16..24].copy_from_slice(&self.generation.to_le_bytes());
        copy[24..32].copy_from_slice(&self.salt.to_le_bytes());
        let sum = XxHash3_64::oneshot(&copy[..SUM]);
        copy[SUM..].copy_from_slice(&sum.to_le_bytes());
        let mut blocks = vec![0; BYTES as usize];
        for at in [0, BLOCK as usize] {
            blocks[at..at + LENGTH].copy_from_slice(&copy);
        }
        blocks
    }

    /// The newest whole copy, if there is one.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`]; [`StoreError::Corrupt`] for a file that is none of ours, or
    /// whose copies are both damaged.
    pub(super) fn decode(blocks: &[u8], file: &'static str) -> Result<Option<Self>, StoreError> {
        let mut newest: Option<Self> = None;
        let (mut ours, mut damaged) = (false, false);
        for at in [0, BLOCK as usize] {
            let Some(copy) = blocks.get(at..at + LENGTH) else { break };
            // A copy of zeros was never written.
            ours |= copy.starts_with(&MAGIC) || copy.iter().all(|byte| *byte == 0);
            let number = |at: usize| {
                copy[at..at + 8].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
            };
            if !copy.starts_with(&MAGIC) || number(SUM) != XxHash3_64::oneshot(&copy[..SUM]) {
                damaged |= copy.starts_with(&MAGIC);
                continue;
            }
            if number(8) > FORMAT {
                let (found, supported) = (number(8), FORMAT);
                return Err(StoreError::NewerFormat { file, found, supported });
            }
            let header = Self { generation: number(16), salt: number(24) };
            if newest.is_none_or(|newest| newest.generation < header.generation) {
                newest = Some(header);
            }
        }
        match (ours, newest) {
            (false, _) => Err(StoreError::corrupt(format!("{file} is not a journal"))),
            (true, None) if damaged => {
                Err(StoreError::corrupt(format!("{file}: both copies of its header are damaged")))
            }
            (true, newest) => Ok(newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_copy_is_enough() {
        let older = Header::new(6, Threads::None, b"x");
        let newer = Header::new(8, Threads::Own, b"");
        let mut blocks = newer.encode();
        assert_eq!(Header::decode(&blocks, "f").unwrap(), Some(newer));
        blocks[..BLOCK as usize].copy_from_slice(&older.encode()[..BLOCK as usize]);
        assert_eq!(Header::decode(&blocks, "f").unwrap(), Some(newer));
        blocks[BLOCK as usize + 20] ^= 1;
        assert_eq!(Header::decode(&blocks, "f").unwrap(), Some(older));
        blocks[40] ^= 1;
        assert!(Header::decode(&blocks, "f").is_err(), "both are damaged");
        assert_eq!(Header::decode(&[0; BYTES as usize], "f").unwrap(), None);
        assert!(Header::decode(&[b'x'; BYTES as usize], "f").is_err());
    }
}
