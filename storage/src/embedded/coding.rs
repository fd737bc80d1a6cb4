//! Whether a store and the codec that it is opened with belong together.
//!
//! Invariant: before a value is sealed under a name, a probe of that name is durable; a store
//! whose probes cannot all be read is not opened. A store's values are all sealed or all plain:
//! were plain ones let through, whoever can write to the disk could put them in the place of
//! sealed ones.

use super::state::StateFile;
use crate::codec::{CodecError, Place, ValueCodec};
use crate::error::{CodingMismatch, StoreError};

/// What a probe says.
const PROBE: &[u8] = b"everstep";
/// The table under whose id probes are sealed; their own names are their keys.
const TABLE: u8 = 255;

fn place(name: &str) -> Place<'_> {
    Place { table: TABLE, key: name.as_bytes(), appended: false, sequence: 0, index: 0 }
}

/// Checks the codec against what the store was sealed with, and notes its name if it is new.
/// `untouched`: nothing was ever written.
pub(super) fn agree(
    state: &StateFile,
    codec: Option<&dyn ValueCodec>,
    known: Vec<(String, Vec<u8>)>,
    untouched: bool,
) -> Result<(), StoreError> {
    let Some(codec) = codec else {
        return match known.into_iter().next_back() {
            None => Ok(()),
            Some((key_id, _)) => Err(StoreError::Coding(CodingMismatch::CodecMissing { key_id })),
        };
    };
    if known.is_empty() && !untouched {
        return Err(StoreError::Coding(CodingMismatch::PlainStore));
    }
    let mut is_new = true;
    for (name, probe) in known {
        is_new &= name != codec.name();
        let mismatch = match codec.unseal(&place(&name), &probe) {
            Ok(text) if text == PROBE => continue,
            Err(CodecError::UnknownKey { id }) => CodingMismatch::KeyMissing { key_id: id },
            _ => CodingMismatch::WrongKey { key_id: name },
        };
        return Err(StoreError::Coding(mismatch));
    }
    if is_new {
        let name = codec.name();
        let mut probe = Vec::new();
        codec.seal(&place(name), PROBE, &mut probe);
        state.note_coding(name, &probe)?;
    }
    Ok(())
}
