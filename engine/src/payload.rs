//! A JSON value as the bytes that carry it.
//!
//! Invariant: a [`Payload`] always holds one well-formed JSON text; it is parsed at the edge and
//! from then on only copied, so a number keeps every digit that its sender wrote. Where a reader
//! asked not to read large ones along, it holds a NUL and the JSON that says where the value lies.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::PayloadReference;

/// What a reference begins with.
const MARK: u8 = 0;

/// A JSON value, kept as its text. Cloning is cheap (a reference count).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Bytes);

impl Payload {
    /// JSON `null`.
    pub const fn null() -> Self {
        Self(Bytes::from_static(b"null"))
    }

    /// A JSON text that stands in the program; the caller sees to it that it is JSON.
    pub(crate) const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Serializes a value.
    ///
    /// # Errors
    /// When the value has no JSON form (a map with keys that are no strings, say).
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|text| Self(text.into()))
    }

    /// Takes JSON text as it is, after checking that it is JSON.
    ///
    /// # Errors
    /// When `text` is not one JSON value.
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        serde_json::from_slice::<&RawValue>(&text)?;
        Ok(Self(text))
    }

    /// A text that was a payload when it was stored.
    pub(crate) const fn stored(text: Bytes) -> Self {
        Self(text)
    }

    /// What stands in the place of a value that is kept apart.
    pub(crate) fn refer(reference: PayloadReference) -> Self {
        let mut marked = vec![MARK];
        marked.extend(reference.text());
        Self(marked.into())
    }

    /// Where the value lies, if it was not read along.
    pub fn reference(&self) -> Option<PayloadReference> {
        match self.0.first() {
            Some(&MARK) => PayloadReference::parse(self.as_bytes()),
            _ => None,
        }
    }

    /// Reads the value as a `T`.
    ///
    /// # Errors
    /// When the JSON has another shape, or the value was not read along.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        // The mark is no JSON.
        serde_json::from_slice(&self.0)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("null")
    }

    /// The JSON text's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.strip_prefix(&[MARK]).unwrap_or(&self.0)
    }

    /// The JSON text, without copying it.
    pub fn into_bytes(self) -> Bytes {
        match self.0.first() {
            Some(&MARK) => self.0.slice(1..),
            _ => self.0,
        }
    }

    /// Whether this is JSON `null`.
    pub fn is_null(&self) -> bool {
        self.as_bytes().trim_ascii() == b"null"
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::null()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// JSON formats embed the text as it is; binary formats store its bytes.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let raw: &RawValue =
                serde_json::from_slice(self.as_bytes()).map_err(serde::ser::Error::custom)?;
            raw.serialize(serializer)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            Ok(Self(Bytes::from(Box::<str>::from(raw).into_boxed_bytes())))
        } else {
            let stored = <&[u8]>::deserialize(deserializer)?;
            if stored.is_empty() {
                return Err(D::Error::custom("an empty payload is no JSON"));
            }
            Ok(Self(Bytes::copy_from_slice(stored)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit() {
        let text = r#"{"amount":12345678901234567890.123456789}"#;
        let payload = Payload::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&payload).unwrap(), text);
        let stored = postcard::to_stdvec(&payload).unwrap();
        assert_eq!(postcard::from_bytes::<Payload>(&stored).unwrap(), payload);
    }

    #[test]
    fn a_reference_is_never_what_somebody_sends() {
        let long = Payload::from_value(&vec![7; 1_000]).unwrap();
        let reference = PayloadReference::to(&long, 3, 1);
        let payload = Payload::refer(reference);
        assert_eq!(payload.reference(), Some(reference));
        let shown = serde_json::to_string(&payload).unwrap();
        assert_eq!(
            shown,
            r#"{"everstep_payload":{"event_id":3,"index":1,"bytes":2001,"kind":"array"}}"#
        );
        assert_eq!(Payload::parse(shown).unwrap().reference(), None);
        assert!(Payload::parse(payload.0.clone()).is_err());
        assert!(payload.to::<serde_json::Value>().is_err(), "nobody takes it for the value");
        let stored = postcard::to_stdvec(&payload).unwrap();
        assert_eq!(postcard::from_bytes::<Payload>(&stored).unwrap(), payload);
    }

    #[test]
    fn refuses_what_is_not_json() {
        assert!(Payload::parse("{").is_err());
        assert!(Payload::parse("1 2").is_err());
        assert!(Payload::parse("").is_err());
    }
}
