//! Whether a value has a shape, and filling in what a shape gives by default.

use serde_json::Value;

use super::schema::{Bounds, Kind, Shape, below};

/// Where a value is not what its shape says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The path of the field.
    pub(crate) field: String,
    pub(crate) why: String,
}

impl Shape {
    /// The first fault, in the order of the fields' names.
    pub(super) fn check(&self, place: &str, value: &Value) -> Result<(), Fault> {
        self.check_as(place, value, false)
    }

    /// The same, where a personal field may be sealed or shredded: a sealed one was checked before.
    pub(super) fn check_sealed(&self, place: &str, value: &Value) -> Result<(), Fault> {
        self.check_as(place, value, true)
    }

    fn check_as(&self, place: &str, value: &Value, sealed: bool) -> Result<(), Fault> {
        if sealed && self.personal && crate::fat_events::is_sealed(value) {
            return Ok(());
        }
        let fault = |why: String| Err(Fault { field: place.to_owned(), why });
        let kind = Kind::of(value);
        if !self.allows(kind) {
            let wanted = self.kinds_text();
            return fault(format!("expected {wanted}, found {}", kind.name()));
        }
        if let Some(only) = self.only.as_ref().filter(|only| !only.contains(value)) {
            let only: Vec<String> = only.iter().map(Value::to_string).collect();
            return fault(format!("expected one of {}, found {value}", only.join(", ")));
        }
        match value {
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                within(&self.number, number, "value").or_else(fault)
            }
            Value::String(text) => {
                within(&self.length, text.chars().count() as u64, "length").or_else(fault)
            }
            Value::Array(list) => {
                within(&self.count, list.len() as u64, "number of items").or_else(fault)?;
                let Some(items) = &self.items else { return Ok(()) };
                (0..).zip(list).try_for_each(|(index, item): (usize, _)| {
                    items.check_as(&format!("{place}[{index}]"), item, sealed)
                })
            }
            Value::Object(fields) => {
                for name in &self.required {
                    if !fields.contains_key(name) {
                        let why = "required field is missing".to_owned();
                        return Err(Fault { field: below(place, name), why });
                    }
                }
                for (name, value) in fields {
                    match self.properties.get(name) {
                        Some(shape) => shape.check_as(&below(place, name), value, sealed)?,
                        None if self.closed => {
                            let why = "field is not declared".to_owned();
                            return Err(Fault { field: below(place, name), why });
                        }
                        None => {}
                    }
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    /// Puts in what is absent and has a default.
    pub(super) fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, shape) in &self.properties {
                    match (fields.get_mut(name), &shape.default) {
                        (Some(field), _) => shape.fill(field),
                        (None, Some(default)) => drop(fields.insert(name.clone(), default.clone())),
                        (None, None) => {}
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    list.iter_mut().for_each(|item| items.fill(item));
                }
            }
            _ => {}
        }
    }

    pub(super) fn kinds_text(&self) -> String {
        let Some(kinds) = &self.kinds else { return "any value".to_owned() };
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        names.join(" or ")
    }
}

fn within<N>(bounds: &Bounds<N>, found: N, what: &str) -> Result<(), String>
where
    N: PartialOrd + Copy + std::fmt::Display,
{
    match (bounds.least, bounds.most) {
        (Some(least), _) if found < least => {
            Err(format!("{what} {found} is below the least, {least}"))
        }
        (_, Some(most)) if found > most => Err(format!("{what} {found} is above the most, {most}")),
        _ => Ok(()),
    }
}
