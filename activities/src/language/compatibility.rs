//! Whether what one schema writes can be read by another.
//!
//! A reader ignores fields that it does not know and fills in those that have a default. So a reader
//! can read a writer when each field that it requires is required of the writer or has a default, and
//! each field that both know has only values that the reader allows. A reader that is closed
//! (`"additionalProperties": false`) knows no other fields.
//!
//! Invariant: where nothing is said against it, every value that is valid for the writer is valid
//! for the reader once defaults are filled in; fields that no side declares aside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::schema::{Bounds, Kind, Schema, Shape, below};

/// What a new version of a schema promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// The new version reads what was written in older ones. The default: events are kept for ever.
    #[default]
    Backward,
    /// Older versions read what is written in the new one.
    Forward,
    /// Both.
    Full,
    /// Nothing.
    None,
}

impl Compatibility {
    /// The mode's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
            Self::Full => "full",
            Self::None => "none",
        }
    }

    /// Whether the new version must read older data.
    pub const fn reads_old(self) -> bool {
        matches!(self, Self::Backward | Self::Full)
    }

    /// Whether older versions must read new data.
    pub const fn read_by_old(self) -> bool {
        matches!(self, Self::Forward | Self::Full)
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compatibility {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Backward, Self::Forward, Self::Full, Self::None]
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| format!("`{text}` is none of backward, forward, full and none"))
    }
}

/// A place at which a reader does not take what a writer may write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The path of the field.
    pub field: String,
    /// What the reader allows and the writer may write.
    pub why: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.why)
    }
}

/// The places at which `reader` does not take what `writer` may write; none when it reads it all.
pub fn differences(reader: &Schema, writer: &Schema) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", &reader.shape, &writer.shape, &mut found);
    found
}

/// Several differences in one line.
pub(super) fn in_words(differences: &[Difference]) -> String {
    let words: Vec<String> = differences.iter().map(ToString::to_string).collect();
    words.join(", ")
}

fn compare(place: &str, reader: &Shape, writer: &Shape, found: &mut Vec<Difference>) {
    let mut differ = |field: String, why: String| found.push(Difference { field, why });
    let here = || place.to_owned();
    let narrower =
        Kind::ALL.iter().filter(|(kind, _)| writer.writes(*kind) && !reader.allows(*kind));
    let narrower: Vec<&str> = narrower.map(|(_, name)| *name).collect();
    if !narrower.is_empty() {
        let allowed = reader.kinds_text();
        differ(here(), format!("is read as {allowed}, may be {}", narrower.join(" or ")));
        return;
    }
    if let Some(allowed) = &reader.only {
        let beyond = writer.only.as_ref().map(|only| {
            only.iter().filter(|value| !allowed.contains(value)).map(ToString::to_string).collect()
        });
        match beyond {
            None => differ(here(), "is read as one of some values, may be any".to_owned()),
            Some(beyond) => {
                let beyond: Vec<String> = beyond;
                if !beyond.is_empty() {
                    differ(here(), format!("may be {}, which is not read", beyond.join(" or ")));
                }
            }
        }
    }
    // Bounds of a kind that the writer never writes bind nobody.
    let numbers = writer.writes(Kind::Number) || writer.writes(Kind::Integer);
    let bounds = [
        (numbers && writer.only.is_none() && beyond(&reader.number, &writer.number), "value"),
        (
            writer.writes(Kind::String)
                && writer.only.is_none()
                && beyond(&reader.length, &writer.length),
            "length",
        ),
        (writer.writes(Kind::Array) && beyond(&reader.count, &writer.count), "number of items"),
    ];
    for (beyond, what) in bounds {
        if beyond {
            differ(here(), format!("may have a {what} that is not read"));
        }
    }
    if writer.writes(Kind::Object) {
        compare_fields(place, reader, writer, found);
    }
    if let Some(items) = reader.items.as_ref().filter(|_| writer.writes(Kind::Array)) {
        let any = Shape::default();
        compare(&format!("{place}[]"), items, writer.items.as_deref().unwrap_or(&any), found);
    }
}

fn compare_fields(place: &str, reader: &Shape, writer: &Shape, found: &mut Vec<Difference>) {
    for name in &reader.required {
        let default = reader.properties.get(name).is_some_and(|shape| shape.default.is_some());
        if !writer.required.contains(name) && !default {
            let why = "is required where it is read, may be absent".to_owned();
            found.push(Difference { field: below(place, name), why });
        }
    }
    for (name, written) in &writer.properties {
        match reader.properties.get(name) {
            Some(read) => compare(&below(place, name), read, written, found),
            None if reader.closed => {
                let why = "is not known where it is read, which allows no other fields".to_owned();
                found.push(Difference { field: below(place, name), why });
            }
            None => {}
        }
    }
}

impl Shape {
    /// Whether values of the kind may be written here.
    fn writes(&self, kind: Kind) -> bool {
        let kinds = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        kinds
            && self
                .only
                .as_ref()
                .is_none_or(|only| only.iter().any(|value| Kind::of(value) == kind))
    }
}

/// Whether the writer's bounds reach beyond the reader's.
fn beyond<N: PartialOrd>(reader: &Bounds<N>, writer: &Bounds<N>) -> bool {
    let below = match (&reader.least, &writer.least) {
        (Some(read), Some(written)) => written < read,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let above = match (&reader.most, &writer.most) {
        (Some(read), Some(written)) => written > read,
        (Some(_), None) => true,
        (None, _) => false,
    };
    below || above
}
