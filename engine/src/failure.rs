//! Why an activity or a workflow did not succeed: data in a history, never a Rust error.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::Payload;

/// A failure as it is journaled and shown. In JSON one object:
/// `{"type", "message", "attempts"?, "timeout"?, …details}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// A stable name that code can decide by, such as `card_declined`; JSON `type`.
    pub kind: String,
    /// What happened, for people.
    pub message: String,
    /// Trying again cannot help.
    pub non_retryable: bool,
    /// How many attempts were made, on an activity's last failure.
    pub attempts: Option<u32>,
    /// Which timeout ran out (`start_to_close`, …) when `kind` is `timeout`.
    pub timeout: Option<String>,
    /// More fields of the JSON object; a JSON object itself.
    pub details: Option<Payload>,
}

impl Failure {
    /// A failure that may be retried.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), ..Self::default() }
    }

    /// Marks it as one that no retry can mend.
    #[must_use]
    pub fn non_retryable(mut self) -> Self {
        self.non_retryable = true;
        self
    }

    /// Adds a JSON object whose fields stand beside `type` and `message`.
    #[must_use]
    pub fn with_details(mut self, details: Payload) -> Self {
        self.details = Some(details);
        self
    }
}

/// The stored form: binary formats need every field in its place.
#[derive(Serialize, Deserialize)]
struct Stored {
    kind: String,
    message: String,
    non_retryable: bool,
    attempts: Option<u32>,
    timeout: Option<String>,
    details: Option<Payload>,
}

const OWN_FIELDS: [&str; 5] = ["type", "message", "non_retryable", "attempts", "timeout"];

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            let Self { kind, message, non_retryable, attempts, timeout, details } = self.clone();
            return Stored { kind, message, non_retryable, attempts, timeout, details }
                .serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("message", &self.message)?;
        if self.non_retryable {
            map.serialize_entry("non_retryable", &true)?;
        }
        if let Some(attempts) = self.attempts {
            map.serialize_entry("attempts", &attempts)?;
        }
        if let Some(timeout) = &self.timeout {
            map.serialize_entry("timeout", timeout)?;
        }
        if let Some(details) = &self.details
            && let Ok(fields) = details.to::<std::collections::BTreeMap<String, Box<RawValue>>>()
        {
            for (name, value) in fields {
                if !OWN_FIELDS.contains(&name.as_str()) {
                    map.serialize_entry(&name, &value)?;
                }
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let Stored { kind, message, non_retryable, attempts, timeout, details } =
                Stored::deserialize(deserializer)?;
            return Ok(Self { kind, message, non_retryable, attempts, timeout, details });
        }
        let mut fields = serde_json::Map::<String, serde_json::Value>::deserialize(deserializer)?;
        let mut text = |name: &str| match fields.remove(name) {
            Some(serde_json::Value::String(text)) => Some(text),
            _ => None,
        };
        let (kind, message, timeout) = (text("type"), text("message"), text("timeout"));
        let non_retryable =
            fields.remove("non_retryable").and_then(|value| value.as_bool()).unwrap_or(false);
        let attempts = fields
            .remove("attempts")
            .and_then(|value| value.as_u64())
            .and_then(|value| u32::try_from(value).ok());
        let details = match fields.is_empty() {
            true => None,
            false => Some(Payload::from_value(&fields).map_err(serde::de::Error::custom)?),
        };
        Ok(Self {
            kind: kind.unwrap_or_default(),
            message: message.unwrap_or_default(),
            non_retryable,
            attempts,
            timeout,
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_stand_beside_the_message() {
        let failure = Failure::new("declined", "no funds")
            .non_retryable()
            .with_details(Payload::parse(r#"{"compensated":["b","a"],"type":"other"}"#).unwrap());
        let json = serde_json::to_string(&failure).unwrap();
        assert_eq!(
            json,
            r#"{"type":"declined","message":"no funds","non_retryable":true,"compensated":["b","a"]}"#
        );
        let stored = postcard::to_stdvec(&failure).unwrap();
        assert_eq!(postcard::from_bytes::<Failure>(&stored).unwrap(), failure);
        let read: Failure = serde_json::from_str(&json).unwrap();
        assert_eq!(read.kind, "declined");
        assert_eq!(read.details.unwrap().as_str(), r#"{"compensated":["b","a"]}"#);
    }
}
