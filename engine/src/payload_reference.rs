//! Where a large payload lies that is kept apart from what carries it.
//!
//! Invariant: a payload that is a reference begins with a NUL, which no JSON text does, so nothing
//! that anybody sends can be taken for one.

use serde::{Deserialize, Serialize};

use crate::Payload;

/// Names one payload of a run's history: what stands in its place where it is not read along. As
/// JSON it is `{"everstep_payload": {"event_id", "index", "bytes", "kind"}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadReference {
    /// The event that carries it.
    pub event_id: u64,
    /// Which of the event's payloads it is, from 0.
    pub index: u16,
    /// The length of its JSON text.
    pub bytes: u64,
    /// What it is.
    pub kind: PayloadKind,
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    Text,
    /// `1.5`
    Number,
    /// `true`, `false`
    Flag,
    /// `null`
    Null,
}

impl PayloadKind {
    /// What kind a payload is of.
    pub fn of(payload: &Payload) -> Self {
        if let Some(reference) = payload.reference() {
            return reference.kind;
        }
        match payload.as_bytes().trim_ascii_start().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Flag,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Null => "null",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Marked {
    everstep_payload: PayloadReference,
}

impl PayloadReference {
    /// What stands in the place of a payload.
    pub(crate) fn to(payload: &Payload, event_id: u64, index: u16) -> Self {
        let bytes = payload.as_bytes().len() as u64;
        Self { event_id, index, bytes, kind: PayloadKind::of(payload) }
    }

    /// The JSON that is shown in the payload's place.
    pub(crate) fn text(self) -> Vec<u8> {
        // Numbers and a name: this has a JSON form.
        serde_json::to_vec(&Marked { everstep_payload: self }).unwrap_or_default()
    }

    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().map(|Marked { everstep_payload }| everstep_payload)
    }
}
