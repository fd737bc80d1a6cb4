//! The tokens that a server knows: a JSON document of names, roles, namespaces and hashes.
//!
//! ```json
//! {"tokens": [
//!   {"name": "ada",  "role": "admin", "sha256": "…"},
//!   {"name": "shop", "role": "app", "namespaces": ["shop"], "sha256": "…"}
//! ]}
//! ```
//!
//! Invariant: a document that is taken holds at least one token, and no name or hash twice. What
//! is wrong with one that is not taken names the entry and never shows a hash.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use everstep_engine::{Principal, Role};
use serde::{Deserialize, Serialize};

use super::TokenHash;

/// A name's longest length, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// One token as the document holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Whose it is; goes into records of what was done with it.
    pub name: String,
    /// `viewer`, `app`, `operator` or `admin`.
    pub role: String,
    /// The namespaces that it reaches; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<BTreeSet<String>>,
    /// The SHA-256 of the token, in hexadecimal digits.
    pub sha256: String,
}

/// The document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tokens: Vec<TokenEntry>,
}

/// Why a document holds no tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// The file cannot be read or written.
    #[error("failed to {action} the token file: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// It has another shape.
    #[error("not a document of tokens: {0}")]
    Shape(#[from] serde_json::Error),
    /// It holds none, so nobody could come in.
    #[error("there is no token in it; `everstep token` makes one")]
    Empty,
    /// An entry is wrong.
    #[error("token `{name}`: {reason}")]
    Entry {
        /// Which one.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Everybody who may come in, by the hash of their token.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<HashMap<TokenHash, Principal>>);

impl Tokens {
    /// Reads a document.
    ///
    /// # Errors
    /// A [`TokenFileError`] that names the entry.
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        Self::of(&serde_json::from_str::<Document>(text)?.tokens)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`Tokens::parse`], or when the file cannot be read.
    pub fn read(file: &Path) -> Result<Self, TokenFileError> {
        let text = std::fs::read_to_string(file);
        Self::parse(&text.map_err(|source| TokenFileError::Io { action: "read", source })?)
    }

    fn of(entries: &[TokenEntry]) -> Result<Self, TokenFileError> {
        let mut names = BTreeSet::new();
        let mut tokens = HashMap::new();
        for entry in entries {
            let wrong = |reason: String| TokenFileError::Entry { name: entry.name.clone(), reason };
            let (hash, principal) = entry.read().map_err(wrong)?;
            if !names.insert(&entry.name) {
                return Err(wrong("the name is given twice".to_owned()));
            }
            if tokens.insert(hash, principal).is_some() {
                return Err(wrong("another name has the same token".to_owned()));
            }
        }
        if tokens.is_empty() { Err(TokenFileError::Empty) } else { Ok(Self(Arc::new(tokens))) }
    }

    /// Adds an entry to a file, which is made where it is missing.
    ///
    /// # Errors
    /// When the file or the entry cannot be taken; the file is then as it was.
    pub fn add(file: &Path, entry: TokenEntry) -> Result<(), TokenFileError> {
        let mut document = match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str::<Document>(&text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Document::default(),
            Err(source) => return Err(TokenFileError::Io { action: "read", source }),
        };
        document.tokens.push(entry);
        Self::of(&document.tokens)?;
        let text = serde_json::to_string_pretty(&document)? + "\n";
        // Beside it and then in its place: a server that starts meanwhile reads one of the two.
        let beside = file.with_extension("new");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, file))
            .map_err(|source| TokenFileError::Io { action: "write", source })
    }

    /// Whose token the text is.
    pub(crate) fn find(&self, text: &str) -> Option<&Principal> {
        self.0.get(&TokenHash::of(text))
    }
}

impl TokenEntry {
    fn read(&self) -> Result<(TokenHash, Principal), String> {
        let name = &self.name;
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(format!(
                "a name has 1 to {MAX_NAME_BYTES} bytes and no control characters"
            ));
        }
        let hash = self.sha256.parse().map_err(|error| format!("{error}"))?;
        let role: Role = self.role.parse().map_err(|error| format!("{error}"))?;
        let principal = Principal::new(name.as_str(), role);
        match &self.namespaces {
            None => Ok((hash, principal)),
            Some(own) if own.is_empty() => {
                Err("it reaches no namespace; leave `namespaces` out for all of them".to_owned())
            }
            Some(own) => Ok((hash, principal.only(own.iter().cloned()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Token;
    use super::*;

    fn entry(name: &str, role: &str, token: &Token) -> TokenEntry {
        let (name, role) = (name.to_owned(), role.to_owned());
        TokenEntry { name, role, namespaces: None, sha256: token.hash().to_string() }
    }

    #[test]
    fn a_token_is_found_by_its_text() {
        let (ada, shop) = (Token::random(), Token::random());
        let own = Some(BTreeSet::from(["shop".to_owned()]));
        let entries = [
            entry("ada", "admin", &ada),
            TokenEntry { namespaces: own, ..entry("shop", "app", &shop) },
        ];
        let tokens = Tokens::of(&entries).unwrap();
        assert_eq!(tokens.find(ada.text()), Some(&Principal::new("ada", Role::Admin)));
        assert!(!tokens.find(shop.text()).unwrap().reaches("default"));
        assert_eq!(tokens.find(&ada.hash().to_string()), None);
        assert_eq!(tokens.find(""), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let token = Token::random();
        let good = entry("ada", "admin", &token);
        for (entries, part) in [
            (vec![], "no token in it"),
            (vec![entry("ada", "root", &token)], "`root` is no role"),
            (vec![TokenEntry { sha256: "x".into(), ..good.clone() }], "64 hexadecimal"),
            (vec![entry("", "app", &token)], "a name has 1 to 64 bytes"),
            (vec![good.clone(), entry("bob", "app", &token)], "the same token"),
            (vec![good.clone(), entry("ada", "app", &Token::random())], "given twice"),
            (vec![TokenEntry { namespaces: Some(BTreeSet::new()), ..good }], "no namespace"),
        ] {
            let error = Tokens::of(&entries).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains(&token.hash().to_string()), "{error}");
        }
        assert!(Tokens::parse("{\"tokens\": [], \"more\": 1}").is_err());
    }

    #[test]
    fn a_file_grows_by_an_entry_or_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens.json");
        let token = Token::random();
        Tokens::add(&file, entry("ada", "admin", &token)).unwrap();
        Tokens::add(&file, entry("bob", "viewer", &Token::random())).unwrap();
        let before = std::fs::read_to_string(&file).unwrap();
        assert!(Tokens::add(&file, entry("bob", "viewer", &Token::random())).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
        assert!(Tokens::read(&file).unwrap().find(token.text()).is_some());
    }
}
