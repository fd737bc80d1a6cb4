//! The version of an event's schema: three numbers, compared from the left.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `major.minor.patch`, such as `1.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaVersion {
    /// Grows with what is no longer understood.
    pub major: u32,
    /// Grows with what is added.
    pub minor: u32,
    /// Grows with what is set right.
    pub patch: u32,
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no schema version; one is three numbers, such as `1.0.0`")]
pub struct InvalidVersion(pub String);

impl SchemaVersion {
    /// The version of these numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for SchemaVersion {
    type Err = InvalidVersion;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split('.').map(|number| {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse().ok().filter(|_| digits)
        });
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                Ok(Self { major, minor, patch })
            }
            _ => Err(InvalidVersion(text.to_owned())),
        }
    }
}

impl TryFrom<String> for SchemaVersion {
    type Error = InvalidVersion;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SchemaVersion> for String {
    fn from(version: SchemaVersion) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers_in_order() {
        let version = |text: &str| text.parse::<SchemaVersion>();
        assert_eq!(version("1.2.10").unwrap(), SchemaVersion::new(1, 2, 10));
        assert!(version("1.2.10").unwrap() > version("1.2.9").unwrap());
        for text in ["", "1", "1.0", "1.0.0.0", "1.0.x", "1..0", "+1.0.0", "4294967296.0.0"] {
            assert_eq!(version(text), Err(InvalidVersion(text.into())));
        }
    }
}
