//! What is shown to those who must not see the values in it.
//!
//! An export keeps the shape of its values, so that code which only passes them on still replays.
//! Who looks at runs without being allowed to read them sees of each value what kind it is and how
//! large.
//!
//! Invariant: where an event carries values is said once, in `HistoryEvent::visit_values`; every
//! read of a handle that hides values goes through here (`Engine::hiding_values`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    BatchDescription, ExportedRun, HistoryPage, LogPage, LoggedEvent, RunCounts, RunDescription,
    RunPage, RunResult, RunSummary, ScheduleDescription, UpdateState,
};
use crate::kernel::{HistoryEvent, ValueMut, visit_failure};
use crate::{Failure, Payload, PayloadKind};

/// What stands in the place of every text of an export.
const REDACTED: &str = "redacted";

/// Takes the values out of an event; their shape stays.
pub(super) fn redact(event: &mut HistoryEvent) {
    event.visit_values(&mut |value| match value {
        ValueMut::Payload(payload) | ValueMut::Listed(payload) => keep_shape(payload),
        ValueMut::Text(text) => text.replace_range(.., REDACTED),
    });
}

fn keep_shape(payload: &mut Payload) {
    let redacted = payload.to::<Value>().map(shape).and_then(|value| Payload::from_value(&value));
    *payload = redacted.unwrap_or_default();
}

/// The same keys and lengths; texts say nothing, numbers are 0, flags are kept.
fn shape(value: Value) -> Value {
    match value {
        Value::String(_) => Value::String(REDACTED.to_owned()),
        Value::Number(_) => Value::from(0),
        Value::Array(items) => Value::Array(items.into_iter().map(shape).collect()),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, shape(value))).collect()
        }
        other => other,
    }
}

/// Something that is shown and whose values can be hidden: what is left of each is its kind and
/// its size.
pub trait HideValues {
    /// Hides them.
    fn hide_values(&mut self);

    /// The same, with nothing to see.
    #[must_use]
    fn hidden(mut self) -> Self
    where
        Self: Sized,
    {
        self.hide_values();
        self
    }
}

impl HideValues for Payload {
    fn hide_values(&mut self) {
        let bytes = match self.reference() {
            Some(reference) => reference.bytes,
            None => self.as_bytes().len() as u64,
        };
        let kind = match PayloadKind::of(self) {
            // There is nothing to hide, and much that is waited for has no more to say.
            PayloadKind::Null => return,
            kind => kind.name(),
        };
        *self = Self::from_value(&format!("‹{kind}, {bytes} bytes›")).unwrap_or_default();
    }
}

impl HideValues for String {
    fn hide_values(&mut self) {
        if !self.is_empty() {
            *self = format!("‹text, {} bytes›", self.len());
        }
    }
}

impl HideValues for Failure {
    fn hide_values(&mut self) {
        visit_failure(self, &mut hide);
        // Details stand beside the message as fields of their own.
        if let Some(details) = self.details.take() {
            let fields = [("details", details)];
            let fields: BTreeMap<_, _> = fields.into_iter().collect();
            self.details = Payload::from_value(&fields).ok();
        }
    }
}

impl HideValues for HistoryEvent {
    fn hide_values(&mut self) {
        self.visit_values(&mut hide);
    }
}

fn hide(value: ValueMut<'_>) {
    match value {
        ValueMut::Payload(payload) | ValueMut::Listed(payload) => payload.hide_values(),
        ValueMut::Text(text) => text.hide_values(),
    }
}

impl<T: HideValues> HideValues for Option<T> {
    fn hide_values(&mut self) {
        self.iter_mut().for_each(T::hide_values);
    }
}

impl<T: HideValues> HideValues for Vec<T> {
    fn hide_values(&mut self) {
        self.iter_mut().for_each(T::hide_values);
    }
}

/// The attribute that ties a run to its schedule is a name of the engine's own.
fn hide_attributes(attributes: &mut BTreeMap<String, Payload>) {
    let given = attributes.iter_mut().filter(|(name, _)| *name != "schedule_id");
    given.for_each(|(_, value)| value.hide_values());
}

impl HideValues for RunDescription {
    fn hide_values(&mut self) {
        self.input.hide_values();
        self.result.hide_values();
        self.failure.hide_values();
        self.memo.hide_values();
        hide_attributes(&mut self.search_attributes);
        for activity in &mut self.pending_activities {
            activity.last_failure.hide_values();
            activity.last_heartbeat.hide_values();
        }
        if let Some(failure) = &mut self.task_failure {
            failure.message.hide_values();
        }
    }
}

impl HideValues for RunSummary {
    fn hide_values(&mut self) {
        self.memo.hide_values();
        hide_attributes(&mut self.search_attributes);
    }
}

impl HideValues for RunPage {
    fn hide_values(&mut self) {
        self.workflows.hide_values();
    }
}

impl HideValues for RunResult {
    fn hide_values(&mut self) {
        self.result.hide_values();
        self.failure.hide_values();
    }
}

impl HideValues for UpdateState {
    fn hide_values(&mut self) {
        self.result.hide_values();
        self.failure.hide_values();
    }
}

impl HideValues for HistoryPage {
    fn hide_values(&mut self) {
        self.events.iter_mut().for_each(|view| view.recorded.event.hide_values());
    }
}

impl HideValues for RunCounts {
    fn hide_values(&mut self) {
        for group in self.groups.iter_mut().flatten() {
            group.failure.hide_values();
        }
    }
}

impl HideValues for ScheduleDescription {
    fn hide_values(&mut self) {
        self.action.input.hide_values();
        self.action.memo.hide_values();
        // The sentence about its health repeats them.
        for said in [&mut self.note, &mut self.health.last_refusal].into_iter().flatten() {
            let shown = said.clone().hidden();
            self.health.message = self.health.message.replace(said.as_str(), &shown);
            *said = shown;
        }
    }
}

impl HideValues for BatchDescription {
    fn hide_values(&mut self) {
        self.failures.iter_mut().for_each(|failure| failure.message.hide_values());
    }
}

impl HideValues for LoggedEvent {
    fn hide_values(&mut self) {
        self.data.hide_values();
        self.metadata.hide_values();
    }
}

impl HideValues for LogPage {
    fn hide_values(&mut self) {
        self.events.hide_values();
    }
}

/// An export of a reader who sees no values has their shape: it is still to be replayed.
impl HideValues for ExportedRun {
    fn hide_values(&mut self) {
        self.redact();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_and_their_shape_stays() {
        let mut found =
            Payload::parse(r#"{"card":"4111","cents":990,"tags":["a",null],"ok":true}"#).unwrap();
        keep_shape(&mut found);
        let shown = r#"{"card":"redacted","cents":0,"ok":true,"tags":["redacted",null]}"#;
        assert_eq!(found.as_str(), shown);
    }

    #[test]
    fn kinds_and_sizes_are_what_is_left_to_see() {
        for (value, shown) in [
            (r#"{"card":"4111"}"#, "\"‹object, 15 bytes›\""),
            ("[1]", "\"‹array, 3 bytes›\""),
            ("\"4111\"", "\"‹text, 6 bytes›\""),
            ("4111", "\"‹number, 4 bytes›\""),
            ("true", "\"‹flag, 4 bytes›\""),
            ("null", "null"),
        ] {
            assert_eq!(Payload::parse(value).unwrap().hidden().as_str(), shown);
        }
        let failure = Failure::new("declined", "card 4111")
            .with_details(Payload::parse(r#"{"card":"4111"}"#).unwrap())
            .hidden();
        let shown = serde_json::to_string(&failure).unwrap();
        assert!(shown.contains("declined") && !shown.contains("4111"), "{shown}");
    }
}
