//! An instant, in milliseconds since 1970 UTC: the resolution of everything that is journaled.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::temporal::DateTimePrinter;
use serde::de::Visitor;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 string with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 9999-12-30T22:00:00Z: the last instant that is in the year 9999 whatever the offset, of which
/// there are nearly 26 hours, and so the last one that every RFC 3339 reader understands.
const LAST_MS: i64 = 253_402_207_200_000;

static MILLISECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl Timestamp {
    /// The instant `ms` milliseconds after 1970, clamped to the years 1970 to 9999.
    pub const fn from_millis(ms: i64) -> Self {
        Self(if ms < 0 {
            0
        } else if ms > LAST_MS {
            LAST_MS
        } else {
            ms
        })
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// `ms` milliseconds later, at most the year 9999.
    pub fn plus_millis(self, ms: u64) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this instant; 0 when it is later.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        self.plus_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Sub for Timestamp {
    type Output = Duration;
    /// The time between the two; zero when `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis_since(earlier))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|instant| Self::from_millis(instant.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            // "2023-11-14T22:13:20.120Z", without the machinery of formatting: events have one each.
            let mut text = String::with_capacity(24);
            let instant = jiff::Timestamp::from_millisecond(self.0.min(LAST_MS));
            let instant = instant.map_err(S::Error::custom)?;
            MILLISECONDS.print_timestamp(&instant, &mut text).map_err(S::Error::custom)?;
            serializer.serialize_str(&text)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Text)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// Reads an instant where it stands.
struct Text;

impl Visitor<'_> for Text {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_rfc_3339_with_milliseconds() {
        let instant = Timestamp::from_millis(1_700_000_000_120);
        assert_eq!(instant.to_string(), "2023-11-14T22:13:20.120Z");
        assert_eq!("2023-11-14T23:13:20.12+01:00".parse::<Timestamp>().unwrap(), instant);
        assert!("yesterday".parse::<Timestamp>().is_err());
        for ms in [0, 999, 1_700_000_000_000, LAST_MS] {
            let instant = Timestamp::from_millis(ms);
            let json = serde_json::to_string(&instant).unwrap();
            assert_eq!(json, format!("\"{instant}\""));
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), instant);
        }
        assert!(serde_json::from_str::<Timestamp>("17").is_err());
    }

    #[test]
    fn saturates() {
        assert_eq!(Timestamp::from_millis(i64::MAX).plus_millis(u64::MAX).as_millis(), LAST_MS);
        assert_eq!(Timestamp::from_millis(5).millis_since(Timestamp::from_millis(9)), 0);
    }
}
