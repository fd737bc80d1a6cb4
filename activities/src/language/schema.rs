//! The shape of an event's payload: a part of JSON Schema that can be compared with another shape.
//!
//! Keywords: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties` (true or
//! false), `items`, `minimum`, `maximum`, `minLength`, `maxLength`, `minItems`, `maxItems`, `default`;
//! `x-pii` marks a field of personal data, and `x-subject`, at the root, names the field that says
//! whose. Annotations (`title`, `description`, `examples`, `format`, `$schema`, `$id`,
//! `$comment`) say nothing about validity.
//!
//! Invariant: a keyword that is not understood is refused, so that nobody relies on a check that is
//! not made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Fault, LanguageError};

/// How deep shapes may lie within each other.
const DEEPEST: usize = 32;

/// A schema, as it was written and as it is checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Schema {
    written: Value,
    pub(super) shape: Shape,
}

/// What is allowed at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shape {
    /// All kinds where nothing is said.
    pub(super) kinds: Option<BTreeSet<Kind>>,
    /// The only values; from `enum` and `const`.
    pub(super) only: Option<Vec<Value>>,
    pub(super) properties: BTreeMap<String, Shape>,
    pub(super) required: BTreeSet<String>,
    /// Whether fields that are not declared are refused.
    pub(super) closed: bool,
    pub(super) items: Option<Box<Shape>>,
    pub(super) number: Bounds<f64>,
    pub(super) length: Bounds<u64>,
    pub(super) count: Bounds<u64>,
    pub(super) default: Option<Value>,
    pub(super) personal: bool,
    /// At the root: the field that names the person.
    pub(super) subject: Option<String>,
}

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bounds<N> {
    pub(super) least: Option<N>,
    pub(super) most: Option<N>,
}

/// The kinds of JSON values. Every integer is a number, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    pub(super) const ALL: [(Self, &'static str); 7] = [
        (Self::Null, "null"),
        (Self::Boolean, "boolean"),
        (Self::Integer, "integer"),
        (Self::Number, "number"),
        (Self::String, "string"),
        (Self::Array, "array"),
        (Self::Object, "object"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// The narrowest kind of a value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if is_whole(number) => Self::Integer,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

/// JSON Schema counts `1.0` among the integers.
fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|it| it.fract() == 0.0)
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`LanguageError::InvalidSchema`] names the place and the keyword.
    pub fn parse(written: Value) -> Result<Self, LanguageError> {
        let shape = Reader { place: String::new(), depth: 0 }.shape(&written)?;
        match shape.allows(Kind::Object) && shape.kinds.is_some() {
            true => Ok(Self { written, shape }),
            false => Err(invalid("", "payloads are objects: the root says `\"type\": \"object\"`")),
        }
    }

    /// The schema as it was written.
    pub const fn written(&self) -> &Value {
        &self.written
    }

    /// Whether a value is what the schema says.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Fault> {
        self.shape.check("", value)
    }

    /// The fields that hold personal data, by their paths, such as `customer.email`.
    pub fn personal_fields(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.shape.personal_fields("", &mut found);
        found
    }

    /// The field that says whose personal data it is.
    pub fn subject_field(&self) -> Option<&str> {
        self.shape.subject.as_deref()
    }
}

impl TryFrom<Value> for Schema {
    type Error = LanguageError;
    fn try_from(written: Value) -> Result<Self, Self::Error> {
        Self::parse(written)
    }
}

impl From<Schema> for Value {
    fn from(schema: Schema) -> Self {
        schema.written
    }
}

impl Shape {
    /// Whether values of the kind may stand here.
    pub(super) fn allows(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| {
            kinds.contains(&kind) || (kind == Kind::Integer && kinds.contains(&Kind::Number))
        })
    }

    fn personal_fields(&self, place: &str, found: &mut Vec<String>) {
        if self.personal {
            found.push(place.to_owned());
            return;
        }
        for (name, shape) in &self.properties {
            shape.personal_fields(&below(place, name), found);
        }
        if let Some(items) = &self.items {
            items.personal_fields(&format!("{place}[]"), found);
        }
    }
}

/// The path of a field below a place.
pub(super) fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn invalid(place: &str, why: impl Into<String>) -> LanguageError {
    LanguageError::InvalidSchema { place: place.to_owned(), why: why.into() }
}

/// Reads shapes, and knows where it is.
struct Reader {
    place: String,
    depth: usize,
}

impl Reader {
    fn fault(&self, why: impl Into<String>) -> LanguageError {
        invalid(&self.place, why)
    }

    fn within(&self, place: String, written: &Value) -> Result<Shape, LanguageError> {
        Self { place, depth: self.depth + 1 }.shape(written)
    }

    fn shape(&self, written: &Value) -> Result<Shape, LanguageError> {
        if self.depth > DEEPEST {
            return Err(self.fault(format!("shapes lie more than {DEEPEST} deep")));
        }
        let Value::Object(keywords) = written else {
            return Err(self.fault("a schema is an object"));
        };
        let mut shape = Shape::default();
        for (keyword, value) in keywords {
            self.keyword(&mut shape, keyword, value)?;
        }
        for name in &shape.required {
            if shape.closed && !shape.properties.contains_key(name) {
                return Err(self.fault(format!("`{name}` is required and cannot be there")));
            }
        }
        Ok(shape)
    }

    fn keyword(
        &self,
        shape: &mut Shape,
        keyword: &str,
        value: &Value,
    ) -> Result<(), LanguageError> {
        match keyword {
            "type" => shape.kinds = Some(self.kinds(value)?),
            "enum" => match value {
                Value::Array(only) if !only.is_empty() => shape.only = Some(only.clone()),
                _ => return Err(self.fault("`enum` is a list of values, and not empty")),
            },
            "const" => shape.only = Some(vec![value.clone()]),
            "properties" => {
                for (name, written) in self.object(keyword, value)? {
                    let found = self.within(below(&self.place, name), written)?;
                    shape.properties.insert(name.clone(), found);
                }
            }
            "required" => shape.required = self.texts(keyword, value)?.into_iter().collect(),
            "additionalProperties" => shape.closed = !self.boolean(keyword, value)?,
            "items" => {
                let items = self.within(format!("{}[]", self.place), value)?;
                shape.items = Some(Box::new(items));
            }
            "minimum" => shape.number.least = Some(self.number(keyword, value)?),
            "maximum" => shape.number.most = Some(self.number(keyword, value)?),
            "minLength" => shape.length.least = Some(self.count(keyword, value)?),
            "maxLength" => shape.length.most = Some(self.count(keyword, value)?),
            "minItems" => shape.count.least = Some(self.count(keyword, value)?),
            "maxItems" => shape.count.most = Some(self.count(keyword, value)?),
            "default" => shape.default = Some(value.clone()),
            "x-pii" => shape.personal = self.boolean(keyword, value)?,
            "x-subject" => {
                let name = value.as_str().filter(|_| self.depth == 0);
                let why = "`x-subject` names a field, at the root of a schema";
                shape.subject = Some(name.ok_or_else(|| self.fault(why))?.to_owned());
            }
            "title" | "description" | "examples" | "format" | "$schema" | "$id" | "$comment" => {}
            other => return Err(self.fault(format!("keyword `{other}` is not understood"))),
        }
        Ok(())
    }

    fn kinds(&self, value: &Value) -> Result<BTreeSet<Kind>, LanguageError> {
        let names = match value {
            Value::String(name) => vec![name.clone()],
            other => self.texts("type", other)?,
        };
        if names.is_empty() {
            return Err(self.fault("`type` names no kind of value"));
        }
        let kind = |name: String| {
            Kind::named(&name)
                .ok_or_else(|| self.fault(format!("`{name}` is no kind of JSON value")))
        };
        names.into_iter().map(kind).collect()
    }

    fn object<'a>(
        &self,
        keyword: &str,
        value: &'a Value,
    ) -> Result<&'a Map<String, Value>, LanguageError> {
        value.as_object().ok_or_else(|| self.fault(format!("`{keyword}` is an object")))
    }

    fn texts(&self, keyword: &str, value: &Value) -> Result<Vec<String>, LanguageError> {
        let texts = value.as_array().and_then(|list| {
            list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>()
        });
        texts.ok_or_else(|| self.fault(format!("`{keyword}` is a list of names")))
    }

    fn boolean(&self, keyword: &str, value: &Value) -> Result<bool, LanguageError> {
        value.as_bool().ok_or_else(|| self.fault(format!("`{keyword}` is true or false")))
    }

    fn number(&self, keyword: &str, value: &Value) -> Result<f64, LanguageError> {
        value.as_f64().ok_or_else(|| self.fault(format!("`{keyword}` is a number")))
    }

    fn count(&self, keyword: &str, value: &Value) -> Result<u64, LanguageError> {
        value.as_u64().ok_or_else(|| self.fault(format!("`{keyword}` is a whole number from 0")))
    }
}
