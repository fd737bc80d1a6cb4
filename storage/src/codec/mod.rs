//! How values rest on disk: the hook, and the codec that compresses and encrypts.
//!
//! A store that was made with a [`ValueCodec`] holds nothing but sealed values: journal frames,
//! overlay and state file alike. Keys of rows stay as they are, because they must sort; so do
//! counters, because they must count.
//!
//! Invariant: the codec sees each value once on its way in and is asked for it on every way out;
//! nothing but the store knows that it is there.

mod chunk;
mod keyring;
mod sealing;

use std::fmt::Debug;

pub(crate) use chunk::{last_tally, seal_writes, tally, unseal_row};
pub use keyring::{Key, Keyring, KeyringError};
pub use sealing::SealingCodec;

/// Turns values into what rests on disk, and back.
///
/// Called under the committer's lock, so it must be quick and must not wait for anything.
pub trait ValueCodec: Debug + Send + Sync + 'static {
    /// The name of what values are sealed with now: a key's id. The store keeps a probe under
    /// each name it ever met, so that a codec that cannot read it is refused when it is opened.
    fn name(&self) -> &str;

    /// Appends the sealed form of `value` to `into`.
    fn seal(&self, place: &Place<'_>, value: &[u8], into: &mut Vec<u8>);

    /// Gives back the value of which `sealed` is the sealed form.
    ///
    /// # Errors
    /// [`CodecError`], where it was sealed with a key that is not known, for another place, or
    /// not at all.
    fn unseal(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, CodecError>;
}

/// Where a value belongs. What was sealed for one place is worth nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table's id.
    pub table: u8,
    /// The row.
    pub key: &'a [u8],
    /// Whether it was appended to the row rather than put.
    pub appended: bool,
    /// The number of the batch that wrote it.
    pub sequence: u64,
    /// Its place among the writes of that batch.
    pub index: u32,
}

/// Why a value cannot be unsealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// It was sealed with a key that nobody gave.
    #[error("it was sealed with key `{id}`, which is not among the keys given")]
    UnknownKey {
        /// The key's id.
        id: String,
    },
    /// It was changed, or moved from another row, or its key is another one of the same id.
    #[error("it is not what was sealed for this row")]
    Forged,
    /// It is not a sealed value.
    #[error("it is no sealed value")]
    Malformed,
}
