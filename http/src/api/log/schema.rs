//! `?schema=`: events as they were written, or as today's code reads them.
//!
//! Invariant: what is stored is what a reader gets that says nothing, so that hashes can be checked;
//! an event that cannot be migrated is shown as it was written, and its `schema_version` says so.

use std::borrow::Cow;

use axum::http::Uri;
use everstep_activities::language::DeclaredLanguage;
use everstep_engine::Engine;
use everstep_engine::log::RecordedEvent;

use crate::api::Problem;
use crate::api::parameters::Parameters;

/// Which version of its schema an event is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Schema {
    /// The one that it was written in.
    Stored,
    /// The newest one that the worker declares.
    Latest,
}

impl Schema {
    /// Of the parameter `schema`.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        match Parameters::of(uri).text("schema")?.as_deref() {
            None | Some("stored") => Ok(Self::Stored),
            Some("latest") => Ok(Self::Latest),
            Some(other) => Err(Problem::invalid(format!(
                "parameter `schema` must be `stored` or `latest`, found `{other}`"
            ))),
        }
    }

    /// The event in this version.
    pub(in crate::api) fn read<'e>(
        self,
        engine: &Engine,
        event: &'e RecordedEvent,
    ) -> Cow<'e, RecordedEvent> {
        match (self, engine.extension::<DeclaredLanguage>()) {
            (Self::Latest, Some(declared)) => {
                declared.language().in_newest(event).unwrap_or(Cow::Borrowed(event))
            }
            _ => Cow::Borrowed(event),
        }
    }

    /// The events in this version.
    pub(super) fn read_all(
        self,
        engine: &Engine,
        mut events: Vec<RecordedEvent>,
    ) -> Vec<RecordedEvent> {
        if self == Self::Latest {
            for event in &mut events {
                if let Cow::Owned(read) = self.read(engine, event) {
                    *event = read;
                }
            }
        }
        events
    }
}
