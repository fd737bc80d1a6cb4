//! The list's filter: which runs are meant, wherever runs are named by what they have in common.
//!
//! Invariant: the parameters of the HTTP list, the stored form of a batch and the inspector's
//! address are one and the same set of names and texts, read here and written here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DEFAULT_NAMESPACE, RunStatus, Timestamp};

/// Filters of the list; all given ones must match.
///
/// Its serialized form is an object of the list's parameters, `{"status": "running",
/// "attr.customer": "ada"}`; a name that is none of them is refused there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, String>", try_from = "BTreeMap<String, Scalar>")]
pub struct ListFilter {
    /// The namespace to list.
    pub namespace: String,
    /// Only runs in this status.
    pub status: Option<RunStatus>,
    /// Only runs of this workflow type.
    pub workflow_type: Option<String>,
    /// Only workflows whose id begins so.
    pub id_prefix: Option<String>,
    /// Only runs that started at or after this instant.
    pub started_after: Option<Timestamp>,
    /// Only runs that started at or before this instant.
    pub started_before: Option<Timestamp>,
    /// Only runs that closed at or after this instant.
    pub closed_after: Option<Timestamp>,
    /// Only runs that closed at or before this instant.
    pub closed_before: Option<Timestamp>,
    /// Only children of this workflow id.
    pub parent: Option<String>,
    /// Only runs that this build started.
    pub build: Option<String>,
    /// Only runs that stay with this version of the code; empty for code without one.
    pub version: Option<String>,
    /// Only runs of which an activity went through this task queue.
    pub queue: Option<String>,
    /// Only runs that are stuck, or only runs that are not.
    pub stuck: Option<bool>,
    /// Only runs whose failure has this fingerprint.
    pub fingerprint: Option<String>,
    /// Search attributes by name, compared by their text (a string without its quotes).
    pub attributes: BTreeMap<String, String>,
    /// Search attributes by name, compared by their order.
    pub ranges: BTreeMap<String, AttributeRange>,
}

/// Which values of a search attribute are meant; both ends belong to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeRange {
    /// No value below this one: a number, or a text.
    pub min: Option<String>,
    /// No value above this one.
    pub max: Option<String>,
    /// Only texts that begin so.
    pub prefix: Option<String>,
}

/// A parameter of a filter that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Its value cannot be read.
    #[error("parameter `{name}`: {why}")]
    Value {
        /// Which parameter.
        name: String,
        /// What was found and what is expected.
        why: String,
    },
    /// It stands there twice.
    #[error("parameter `{0}` is given twice")]
    Twice(String),
    /// No filter has it.
    #[error("`{0}` is no parameter of the list")]
    Unknown(String),
}

impl ListFilter {
    /// A filter that lets every run of the namespace through.
    pub fn of(namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..Self::default() }
    }

    /// Reads a filter from parameters, as they stand in an address or in a stored batch.
    ///
    /// # Errors
    /// A parameter that makes no sense, stands there twice, or is none of a filter.
    pub fn from_parameters<N: AsRef<str>, V: AsRef<str>>(
        parameters: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, FilterError> {
        let mut filter = Self::of(DEFAULT_NAMESPACE);
        let mut named = false;
        for (name, value) in parameters {
            let (name, value) = (name.as_ref(), value.as_ref());
            if name == "namespace" {
                if std::mem::replace(&mut named, true) {
                    return Err(FilterError::Twice(name.into()));
                }
                filter.namespace = value.to_owned();
            } else if !filter.set(name, value)? {
                return Err(FilterError::Unknown(name.into()));
            }
        }
        Ok(filter)
    }

    /// Takes one parameter; false if no filter has it.
    ///
    /// # Errors
    /// A value that makes no sense, or a parameter that is set already.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, FilterError> {
        let text = || value.to_owned();
        match name {
            "status" => put(&mut self.status, name, parsed(name, value)?)?,
            "type" => put(&mut self.workflow_type, name, text())?,
            "id_prefix" => put(&mut self.id_prefix, name, text())?,
            "started_after" => put(&mut self.started_after, name, instant(name, value)?)?,
            "started_before" => put(&mut self.started_before, name, instant(name, value)?)?,
            "closed_after" => put(&mut self.closed_after, name, instant(name, value)?)?,
            "closed_before" => put(&mut self.closed_before, name, instant(name, value)?)?,
            "parent" => put(&mut self.parent, name, text())?,
            "build" => put(&mut self.build, name, text())?,
            "version" => put(&mut self.version, name, text())?,
            "queue" => put(&mut self.queue, name, text())?,
            "stuck" => put(&mut self.stuck, name, parsed(name, value)?)?,
            "fingerprint" => put(&mut self.fingerprint, name, text())?,
            _ => {
                let Some((kind, attribute)) = name.split_once('.') else { return Ok(false) };
                match kind {
                    "attr" => {
                        if self.attributes.insert(attribute.to_owned(), text()).is_some() {
                            return Err(FilterError::Twice(name.into()));
                        }
                    }
                    "attr_min" => put(&mut self.range(attribute).min, name, text())?,
                    "attr_max" => put(&mut self.range(attribute).max, name, text())?,
                    "attr_prefix" => put(&mut self.range(attribute).prefix, name, text())?,
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn range(&mut self, attribute: &str) -> &mut AttributeRange {
        self.ranges.entry(attribute.to_owned()).or_default()
    }

    /// The filter as parameters, without its namespace: what [`set`](Self::set) takes.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let mut all: Vec<(String, String)> = [
            ("status", self.status.map(|status| status.to_string())),
            ("type", self.workflow_type.clone()),
            ("id_prefix", self.id_prefix.clone()),
            ("started_after", time(self.started_after)),
            ("started_before", time(self.started_before)),
            ("closed_after", time(self.closed_after)),
            ("closed_before", time(self.closed_before)),
            ("parent", self.parent.clone()),
            ("build", self.build.clone()),
            ("version", self.version.clone()),
            ("queue", self.queue.clone()),
            ("stuck", self.stuck.map(|stuck| stuck.to_string())),
            ("fingerprint", self.fingerprint.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        for (name, value) in &self.attributes {
            all.push((format!("attr.{name}"), value.clone()));
        }
        for (name, range) in &self.ranges {
            let ends = [
                ("attr_min", &range.min),
                ("attr_max", &range.max),
                ("attr_prefix", &range.prefix),
            ];
            for (kind, value) in ends {
                all.extend(value.clone().map(|value| (format!("{kind}.{name}"), value)));
            }
        }
        all
    }

    /// Whether it lets every run of its namespace through.
    pub fn is_everything(&self) -> bool {
        *self == Self::of(self.namespace.clone())
    }
}

fn put<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), FilterError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(FilterError::Twice(name.to_owned())),
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    value: &str,
) -> Result<T, FilterError> {
    value.parse().map_err(|error: T::Err| FilterError::Value {
        name: name.to_owned(),
        why: error.to_string(),
    })
}

fn instant(name: &str, value: &str) -> Result<Timestamp, FilterError> {
    value.parse().map_err(|error| FilterError::Value {
        name: name.to_owned(),
        why: format!("`{value}` is no rfc 3339 time: {error}"),
    })
}

impl From<ListFilter> for BTreeMap<String, String> {
    fn from(filter: ListFilter) -> Self {
        let mut all: Self = filter.parameters().into_iter().collect();
        all.insert("namespace".into(), filter.namespace);
        all
    }
}

/// A parameter's value in JSON: its text, or a number or a truth value that is read as its text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

impl TryFrom<BTreeMap<String, Scalar>> for ListFilter {
    type Error = FilterError;

    fn try_from(parameters: BTreeMap<String, Scalar>) -> Result<Self, FilterError> {
        Self::from_parameters(parameters.into_iter().map(|(name, value)| {
            let text = match value {
                Scalar::Text(text) => text,
                Scalar::Number(number) => number.to_string(),
                Scalar::Truth(truth) => truth.to_string(),
            };
            (name, text)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_its_parameters_and_from_json() {
        let parameters = [
            ("status", "running"),
            ("type", "order"),
            ("closed_after", "2026-01-01T00:00:00.000Z"),
            ("stuck", "true"),
            ("attr.customer.name", "ada"),
            ("attr_min.amount", "10"),
            ("attr_prefix.city", "Mün"),
            ("namespace", "shop"),
        ];
        let filter = ListFilter::from_parameters(parameters).unwrap();
        assert_eq!(filter.attributes["customer.name"], "ada");
        assert_eq!(filter.ranges["amount"].min.as_deref(), Some("10"));
        assert_eq!(ListFilter::from_parameters(filter.parameters()).unwrap().namespace, "default");
        let json = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<ListFilter>(&json).unwrap(), filter);
        let typed: ListFilter = serde_json::from_str(r#"{"stuck":true,"attr.n":7}"#).unwrap();
        assert_eq!((typed.stuck, &*typed.attributes["n"]), (Some(true), "7"));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (parameters, expected) in [
            (vec![("status", "odd")], "parameter `status`: "),
            (vec![("started_after", "soon")], "parameter `started_after`: `soon` is no"),
            (vec![("type", "a"), ("type", "b")], "parameter `type` is given twice"),
            (vec![("attr.a", "1"), ("attr.a", "1")], "parameter `attr.a` is given twice"),
            (vec![("stauts", "running")], "`stauts` is no parameter of the list"),
        ] {
            let error = ListFilter::from_parameters(parameters).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
