//! Keys by id, the first of which is used for what is written now.
//!
//! Invariant: no key is ever shown, in logs or in errors, and its bytes are overwritten when it
//! is dropped.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A secret of 256 bits under an id.
#[derive(Clone)]
pub struct Key {
    id: String,
    secret: Zeroizing<[u8; 32]>,
}

impl Key {
    /// A key under an id of 1 to 64 letters, digits, `-`, `_` and `.`.
    ///
    /// # Errors
    /// [`KeyringError::Id`].
    pub fn new(id: impl Into<String>, secret: [u8; 32]) -> Result<Self, KeyringError> {
        let (id, secret) = (id.into(), Zeroizing::new(secret));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if id.is_empty() || id.len() > 64 || !id.chars().all(allowed) {
            return Err(KeyringError::Id);
        }
        Ok(Self { id, secret })
    }

    /// The id, which is stored beside every value that the key seals.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All keys that values may have been sealed with. The first one is the current one.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<Key>,
}

/// Why a text is no keyring. Says where, and never what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// There is no key.
    #[error("there is no key in it; a line is `id:` and 32 bytes in base64")]
    Empty,
    /// A line is not a key.
    #[error("line {line} is no key; a line is `id:` and 32 bytes in base64")]
    Line {
        /// Which line, from 1.
        line: usize,
    },
    /// An id may not be used.
    #[error("a key's id is 1 to 64 letters, digits, `-`, `_` and `.`")]
    Id,
    /// An id stands twice.
    #[error("key `{id}` stands in it twice")]
    Twice {
        /// The id.
        id: String,
    },
}

impl Keyring {
    /// A keyring of these keys, of which the first is the current one.
    ///
    /// # Errors
    /// [`KeyringError::Empty`], [`KeyringError::Twice`].
    pub fn new(keys: Vec<Key>) -> Result<Self, KeyringError> {
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|earlier| earlier.id == key.id) {
                return Err(KeyringError::Twice { id: key.id.clone() });
            }
        }
        if keys.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { keys }) }
    }

    /// Reads lines of `id:base64`, 32 bytes each; empty lines and lines that begin with `#` are
    /// passed over.
    ///
    /// # Errors
    /// [`KeyringError`] names the line.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let malformed = || KeyringError::Line { line };
            let (id, secret) = text.split_once(':').ok_or_else(malformed)?;
            let secret = Zeroizing::new(STANDARD.decode(secret.trim()).map_err(|_| malformed())?);
            let secret = <[u8; 32]>::try_from(&secret[..]).map_err(|_| malformed())?;
            keys.push(Key::new(id.trim(), secret).map_err(|_| malformed())?);
        }
        Self::new(keys)
    }

    /// The key that seals what is written now.
    #[must_use]
    pub fn current(&self) -> &Key {
        &self.keys[0]
    }

    /// The ids, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(Key::id)
    }

    pub(super) fn key(&self, id: &[u8]) -> Option<&Key> {
        self.keys.iter().find(|key| key.id.as_bytes() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_is_read_and_shows_no_key() {
        let secret = STANDARD.encode([7; 32]);
        let text = format!("# rotated in May\nmay:{secret}\n\n old : {secret} \n");
        let ring = Keyring::parse(&text).unwrap();
        assert_eq!(ring.ids().collect::<Vec<_>>(), ["may", "old"]);
        assert_eq!(ring.current().id(), "may");
        let shown = format!("{ring:?}");
        assert!(!shown.contains(&secret) && !shown.contains("7, 7"), "{shown}");
    }

    #[test]
    fn what_is_no_keyring_is_named_by_its_line_and_not_shown() {
        let secret = STANDARD.encode([7; 32]);
        let error = |text: &str| Keyring::parse(text).unwrap_err();
        assert_eq!(error("\n# nothing\n"), KeyringError::Empty);
        assert_eq!(error(&format!("a:{secret}\n{secret}")), KeyringError::Line { line: 2 });
        assert_eq!(error("a:c2hvcnQ="), KeyringError::Line { line: 1 });
        assert_eq!(error(&format!("a b:{secret}")), KeyringError::Line { line: 1 });
        let twice = format!("a:{secret}\na:{secret}");
        assert_eq!(error(&twice), KeyringError::Twice { id: "a".into() });
    }
}
