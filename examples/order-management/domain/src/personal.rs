//! Personal fields of events, which can be read only while the event is made.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A text, or what stands in its place: sealed, or shredded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Closed(IgnoredAny),
}

/// The text, if it can be read.
pub(crate) fn if_readable<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    Ok(match Field::deserialize(field)? {
        Field::Text(text) => Some(text),
        Field::Closed(_) => None,
    })
}
