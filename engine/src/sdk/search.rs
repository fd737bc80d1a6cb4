//! Search attributes and the memo: typed constants, and their changes by the code.
//!
//! Invariant: an attribute that a worker declares has its type in every run that the worker
//! serves. One that nobody declares is whatever JSON says that it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use serde::Serialize;

use super::core::Asked;
use super::worker::Registry;
use super::{StartBuilder, Worker, WorkflowContext};
use crate::{ListFilter, Payload, Rejection, Timestamp};

/// A search attribute that holds a `T`: what runs are found and sorted by.
///
/// ```
/// use everstep_engine::SearchAttribute;
///
/// const CUSTOMER: SearchAttribute<String> = SearchAttribute::new("customer");
/// const CENTS: SearchAttribute<i64> = SearchAttribute::new("cents");
/// # assert_eq!((CUSTOMER.name(), CENTS.name()), ("customer", "cents"));
/// ```
pub struct SearchAttribute<T> {
    name: &'static str,
    types: PhantomData<fn(T)>,
}

impl<T> Clone for SearchAttribute<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SearchAttribute<T> {}

impl<T> SearchAttribute<T> {
    /// The attribute `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// What a search attribute can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// A text, compared as a whole or by its beginning.
    Keyword,
    /// A whole number of 64 bits.
    Int,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// An instant.
    Datetime,
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keyword => "keyword",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Datetime => "datetime",
        })
    }
}

/// A Rust type that a search attribute can hold.
pub trait AttributeValue: Serialize {
    /// What it is called.
    const TYPE: AttributeType;
}

impl AttributeValue for String {
    const TYPE: AttributeType = AttributeType::Keyword;
}
impl AttributeValue for i64 {
    const TYPE: AttributeType = AttributeType::Int;
}
impl AttributeValue for f64 {
    const TYPE: AttributeType = AttributeType::Float;
}
impl AttributeValue for bool {
    const TYPE: AttributeType = AttributeType::Bool;
}
impl AttributeValue for Timestamp {
    const TYPE: AttributeType = AttributeType::Datetime;
}

impl AttributeType {
    /// The value as it is stored; none if it is of another type. Instants are brought to one form,
    /// so that their texts sort like them.
    fn read(self, value: &Payload) -> Option<Cow<'_, Payload>> {
        let fits = match self {
            Self::Keyword => value.to::<String>().is_ok(),
            Self::Int => value.to::<i64>().is_ok(),
            Self::Float => value.to::<f64>().is_ok(),
            Self::Bool => value.to::<bool>().is_ok(),
            Self::Datetime => {
                let at = value.to::<Timestamp>().ok()?;
                return Payload::from_value(&at).ok().map(Cow::Owned);
            }
        };
        fits.then_some(Cow::Borrowed(value))
    }

    /// A value as it stands in a filter.
    fn read_text(self, text: &str) -> Option<Cow<'_, str>> {
        let fits = match self {
            Self::Keyword => true,
            Self::Int => text.parse::<i64>().is_ok(),
            Self::Float => text.parse::<f64>().is_ok(),
            Self::Bool => text.parse::<bool>().is_ok(),
            Self::Datetime => {
                return text.parse::<Timestamp>().ok().map(|at| Cow::Owned(at.to_string()));
            }
        };
        fits.then_some(Cow::Borrowed(text))
    }
}

impl Registry {
    /// Refuses values of another type than a worker declares, and brings instants to one form.
    pub(crate) fn check_attributes(
        &self,
        attributes: &mut BTreeMap<String, Payload>,
    ) -> Result<(), Rejection> {
        if self.attributes.is_empty() {
            return Ok(());
        }
        for (name, value) in attributes {
            let Some(&wanted) = self.attributes.get(name.as_str()) else { continue };
            match wanted.read(value) {
                Some(Cow::Borrowed(_)) => {}
                Some(Cow::Owned(read)) => *value = read,
                None => {
                    return Err(Rejection::SearchAttributeType {
                        name: name.clone(),
                        wanted: wanted.to_string(),
                        found: value.to_string(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The same for the values in a filter.
    pub(crate) fn check_filter<'a>(
        &self,
        filter: &'a ListFilter,
    ) -> Result<Cow<'a, ListFilter>, Rejection> {
        let mut filter = Cow::Borrowed(filter);
        if self.attributes.is_empty() || (filter.attributes.is_empty() && filter.ranges.is_empty())
        {
            return Ok(filter);
        }
        let read = |name: &str, text: &mut String| -> Result<(), Rejection> {
            let Some(&wanted) = self.attributes.get(name) else { return Ok(()) };
            match wanted.read_text(text) {
                Some(Cow::Borrowed(_)) => {}
                Some(Cow::Owned(read)) => *text = read,
                None => {
                    return Err(Rejection::InvalidRequest(format!(
                        "search attribute `{name}` is of type {wanted}, and `{text}` is none"
                    )));
                }
            }
            Ok(())
        };
        let ListFilter { attributes, ranges, .. } = filter.to_mut();
        for (name, text) in attributes {
            read(name, text)?;
        }
        for (name, range) in ranges {
            for end in [&mut range.min, &mut range.max].into_iter().flatten() {
                read(name, end)?;
            }
        }
        Ok(filter)
    }
}

impl Worker {
    /// Declares a search attribute: a start that gives it a value of another type is refused.
    #[must_use]
    pub fn search_attribute<T: AttributeValue>(mut self, attribute: SearchAttribute<T>) -> Self {
        let registry = self.registry_mut();
        match registry.attributes.insert(attribute.name, T::TYPE) {
            Some(before) if before != T::TYPE => registry.mistakes.push(format!(
                "search attribute `{}` is declared as {before} and as {}",
                attribute.name,
                T::TYPE
            )),
            _ => {}
        }
        self
    }
}

impl<O> StartBuilder<O> {
    /// What the run is found by.
    pub fn search_attribute<T: AttributeValue>(
        mut self,
        attribute: SearchAttribute<T>,
        value: impl Into<T>,
    ) -> Self {
        if let Ok(value) = Payload::from_value(&value.into()) {
            self.request_mut().search_attributes.insert(attribute.name.to_owned(), value);
        }
        self
    }

    /// A JSON object that is shown and returned, not searched.
    pub fn memo(mut self, memo: Payload) -> Self {
        self.request_mut().memo = Some(memo);
        self
    }
}

impl WorkflowContext {
    /// Changes what the run is found by, from this commit on. Goes into the history, so it costs
    /// an event.
    #[track_caller]
    pub fn upsert_search_attribute<T: AttributeValue>(
        &self,
        attribute: SearchAttribute<T>,
        value: impl Into<T>,
    ) {
        // Only what is no number has no value, and that is no value here either.
        let value = Payload::from_value(&value.into()).unwrap_or_default();
        self.upsert_attribute(attribute.name, value, Location::caller());
    }

    /// Takes a search attribute away.
    #[track_caller]
    pub fn remove_search_attribute<T>(&self, attribute: SearchAttribute<T>) {
        self.upsert_attribute(attribute.name, Payload::null(), Location::caller());
    }

    fn upsert_attribute(&self, name: &str, value: Payload, location: &'static Location<'static>) {
        let attributes = BTreeMap::from([(name.to_owned(), value)]);
        let asked = Asked::UpsertSearchAttributes { attributes, location };
        self.core().with(|state| state.asked.push_back(asked));
    }

    /// Changes a field of the memo; a value that is JSON `null` takes it away.
    #[track_caller]
    pub fn upsert_memo<T: Serialize>(&self, field: &str, value: T) {
        let location = Location::caller();
        match Payload::from_value(&value) {
            Ok(value) => {
                let memo = BTreeMap::from([(field.to_owned(), value)]);
                let asked = Asked::UpsertMemo { memo, location };
                self.core().with(|state| state.asked.push_back(asked));
            }
            Err(error) => {
                tracing::error!(field, %error, "a memo that has no JSON form");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_must_have_the_declared_type_and_instants_one_form() {
        let json = |text: &str| Payload::parse(text.to_owned()).unwrap();
        for (kind, good, bad) in [
            (AttributeType::Keyword, "\"a\"", "7"),
            (AttributeType::Int, "7", "7.5"),
            (AttributeType::Float, "7", "\"7\""),
            (AttributeType::Bool, "true", "null"),
            (AttributeType::Datetime, "\"2026-01-01T01:00:00+01:00\"", "\"soon\""),
        ] {
            assert!(kind.read(&json(good)).is_some(), "{kind}");
            assert!(kind.read(&json(bad)).is_none(), "{kind}");
        }
        let at = json("\"2026-01-01T01:00:00+01:00\"");
        let read = AttributeType::Datetime.read(&at).unwrap();
        assert_eq!(read.as_str(), "\"2026-01-01T00:00:00.000Z\"");
        let text = AttributeType::Datetime.read_text("2026-01-01T00:00:00Z").unwrap();
        assert_eq!(text, "2026-01-01T00:00:00.000Z");
    }
}
