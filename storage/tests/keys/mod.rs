//! Codecs for tests: a key's secret follows from its id.

use everstep_storage::codec::{Key, Keyring, SealingCodec};

/// Encrypts under the first of these keys.
pub(crate) fn codec(ids: &[&str]) -> SealingCodec {
    let secret = |id: &str| [id.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31) ^ byte); 32];
    let keys = ids.iter().map(|id| Key::new(*id, secret(id)).expect("a good id")).collect();
    SealingCodec::encrypted(Keyring::new(keys).expect("no id twice"))
}
