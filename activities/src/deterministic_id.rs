//! Stream ids that follow from a business key, so that the first writer of a key wins by the
//! stream's version alone.
//!
//! ```text
//! message = "everstep stream id 1" ‖ (length, 4 bytes, big endian ‖ text)   entity type, then each part
//! hash    = the first 16 bytes of HMAC-SHA-256(secret, message), as 22 digits to the base 62
//! id      = entity type ‖ ":" ‖ hash
//! ```
//!
//! The lengths make parts distinct: `["a", "bc"]`, `["ab", "c"]` and `["bc", "a"]` are three keys. A
//! plain hash of an email can be looked up in a dictionary of emails; this one only by who has the
//! secret, and another namespace's secret gives another id.
//!
//! Invariant: an id follows from secret, entity type and parts alone, on every machine and in every
//! release. 128 bits are kept, so among 10⁹ keys the chance of one collision is below 10⁻²⁰.

mod secrets;
mod unique;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use secrets::{StreamIds, rotate_id_secret, stream_ids};
pub use unique::UniqueConstraintViolation;

/// What is hashed begins with this, so that no other use of the secret gives the same bytes.
const STREAM_ID: &[u8] = b"everstep stream id 1";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62²² is a little more than 2¹²⁸.
const HASH_DIGITS: usize = 22;
/// The longest entity type, in bytes.
const LONGEST_TYPE: usize = 64;
/// The most bytes of all parts of a key.
const LONGEST_KEY: usize = 4_096;

/// Why there is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBusinessKey {
    /// The entity type cannot stand in a stream id.
    #[error(
        "entity type `{0}` cannot stand in a stream id: it is 1 to {LONGEST_TYPE} letters, digits, \
         `_` and `-`"
    )]
    EntityType(String),
    /// Nothing to make an id from.
    #[error("business key has no parts, or one of them is empty")]
    Empty,
    /// Longer than anything that identifies.
    #[error("business key has {0} bytes; the limit is {LONGEST_KEY}")]
    TooLong(usize),
}

/// What ids of one namespace are hashed under: 32 random bytes, overwritten when dropped and never
/// shown.
#[derive(Clone)]
pub struct IdSecret(Zeroizing<[u8; 32]>);

impl IdSecret {
    /// The secret of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A secret that nobody has had before.
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    /// The keyed hash of texts whose order counts: 22 letters and digits. `purpose` keeps hashes for
    /// one use apart from those for another.
    pub(crate) fn hash(&self, purpose: &[u8], texts: &[&str]) -> String {
        // A key that is shorter than a block is padded with zeros, RFC 2104 says.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(&*self.0);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(purpose);
        for text in texts {
            mac.update(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(text.as_bytes());
        }
        let hash = mac.finalize().into_bytes();
        in_digits(hash[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for IdSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdSecret(..)")
    }
}

/// The stream of the entity with this business key: `User:` and 22 letters and digits.
///
/// ```
/// use everstep_activities::{IdSecret, deterministic_stream_id};
///
/// let secret = IdSecret::new([7; 32]);
/// let alice = deterministic_stream_id(&secret, "User", &["alice@example.com"])?;
/// assert_eq!(alice, deterministic_stream_id(&secret, "User", &["alice@example.com"])?);
/// assert!(alice.starts_with("User:") && alice.len() == "User:".len() + 22);
///
/// let a_bc = deterministic_stream_id(&secret, "Seat", &["a", "bc"])?;
/// assert_ne!(a_bc, deterministic_stream_id(&secret, "Seat", &["ab", "c"])?);
/// # Ok::<(), everstep_activities::InvalidBusinessKey>(())
/// ```
///
/// # Errors
/// [`InvalidBusinessKey`] says what cannot be hashed.
pub fn deterministic_stream_id(
    secret: &IdSecret,
    entity_type: &str,
    parts: &[&str],
) -> Result<String, InvalidBusinessKey> {
    check_entity_type(entity_type)?;
    if parts.is_empty() || parts.iter().any(|part| part.is_empty()) {
        return Err(InvalidBusinessKey::Empty);
    }
    let bytes = parts.iter().map(|part| part.len()).sum();
    if bytes > LONGEST_KEY {
        return Err(InvalidBusinessKey::TooLong(bytes));
    }
    let mut texts = Vec::with_capacity(parts.len() + 1);
    texts.push(entity_type);
    texts.extend_from_slice(parts);
    Ok(format!("{entity_type}:{}", secret.hash(STREAM_ID, &texts)))
}

/// 128 random bits as letters and digits: an id that nobody can guess.
pub(crate) fn random_id() -> String {
    in_digits(rand::random())
}

fn in_digits(mut number: u128) -> String {
    let mut digits = [0; HASH_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

fn check_entity_type(entity_type: &str) -> Result<(), InvalidBusinessKey> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let fits = (1..=LONGEST_TYPE).contains(&entity_type.len());
    match fits && entity_type.chars().all(allowed) {
        true => Ok(()),
        false => Err(InvalidBusinessKey::EntityType(entity_type.to_owned())),
    }
}

#[cfg(test)]
mod tests;
