//! A bearer token, and the hash that is kept of it.
//!
//! Invariant: neither is ever shown by `Debug`. A token holds 256 random bits, so a plain SHA-256
//! is as hard to turn back as it is to guess the token.

use std::fmt::{self, Write};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What every token begins with, so that a leaked one is recognised.
const PREFIX: &str = "es_";

/// A secret that says who asks. Its text is shown once, when it is made.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A fresh one.
    #[must_use]
    pub fn random() -> Self {
        let secret: [u8; 32] = rand::random();
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
    }

    /// The text that a client sends.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a token's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a text that a client sent.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token's hash is the 64 hexadecimal digits of its SHA-256")]
pub struct InvalidHash;

impl FromStr for TokenHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidHash);
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or(InvalidHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

/// A fresh text that nobody can guess, for what is not a token: the sessions of the inspector.
pub(super) fn random_text() -> String {
    let secret: [u8; 32] = rand::random();
    secret.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_sha256_of_the_text() {
        let hash = TokenHash::of("abc").to_string();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash.parse(), Ok(TokenHash::of("abc")));
        assert!(
            "zz".repeat(32).parse::<TokenHash>().is_err() && "ab".parse::<TokenHash>().is_err()
        );
    }

    #[test]
    fn a_token_shows_itself_to_nobody() {
        let token = Token::random();
        assert_ne!(token.text(), Token::random().text());
        assert!(token.text().starts_with(PREFIX) && token.text().len() == 46);
        assert!(!format!("{token:?} {:?}", token.hash()).contains(&token.text()[3..10]));
    }
}
