//! A history with the events that belong together folded into one row: an activity with all its
//! attempts, a timer with its end.
//!
//! Invariant: every event is in exactly one group, and groups stand in the order of their first
//! event. An event that this version does not know is a group of its own with its attributes.

use std::collections::HashMap;

use super::look::{self, Look};
use super::payload;
use super::span::instant_text;
use crate::client::Event;
use crate::{Failure, Timestamp};

/// One row of the history.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) at: Timestamp,
    /// When it ended; only for what takes time.
    pub(super) ended_at: Option<Timestamp>,
    pub(super) subject: String,
    pub(super) attempts: Option<u32>,
    pub(super) look: Look,
    pub(super) outcome: String,
}

/// A history that grows event by event.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    open: HashMap<(&'static str, String), usize>,
}

impl Groups {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut groups = Self::default();
        for event in events {
            groups.push(event);
        }
        groups
    }

    pub(super) fn rows(&self) -> &[Group] {
        &self.groups
    }

    /// Adds an event and says which group it went to.
    pub(super) fn push(&mut self, event: &Event) -> usize {
        let kind = event.event_type.as_str();
        let key = if kind.starts_with("activity_") {
            event.text("activity_id").map(|id| ("activity", id))
        } else if kind.starts_with("timer_") {
            event.text("timer_id").map(|id| ("timer", id))
        } else if kind.starts_with("update_") {
            event.text("update_id").map(|id| ("update", id))
        } else if kind.starts_with("child_workflow_") {
            event.text("child_id").map(|id| ("child", id))
        } else if kind.starts_with("external_") {
            event.text("request_id").map(|id| ("request", id))
        } else {
            None
        };
        let index = key.as_ref().and_then(|key| self.open.get(key)).copied();
        let index = index.unwrap_or_else(|| {
            self.groups.push(Group {
                first: event.event_id,
                last: event.event_id,
                at: event.at,
                ended_at: None,
                subject: kind.replace('_', " "),
                attempts: None,
                look: look::NOTED,
                outcome: String::new(),
            });
            self.groups.len() - 1
        });
        self.open.extend(key.map(|key| (key, index)));
        if let Some(group) = self.groups.get_mut(index) {
            group.last = event.event_id;
            group.take(event);
        }
        index
    }
}

impl Group {
    fn take(&mut self, event: &Event) {
        match event.event_type.as_str() {
            "activity_scheduled" => {
                let inline = event.text("inline").is_some_and(|inline| inline == "true");
                let transaction = event.attribute("transaction").is_some();
                let name = event.text("activity_type").unwrap_or_default();
                let what = match (inline, transaction) {
                    (true, _) => "step",
                    (false, true) => "transaction",
                    (false, false) => "activity",
                };
                self.subject = format!("{what} {name}");
                self.state(look::RUNNING, format!("with {}", shown(event, "input")));
            }
            "activity_started" => {
                self.attempts = number(event, "attempt");
                self.look = look::RUNNING;
            }
            "activity_completed" => self.end(event, look::COMPLETED, shown(event, "result")),
            "activity_failed" => {
                self.attempts = number(event, "attempt").or(self.attempts);
                let failure = failure_text(event);
                match event.text("next_attempt_at").and_then(|at| at.parse().ok()) {
                    Some(at) => {
                        let next = format!("{failure} (next try {})", instant_text(at));
                        self.state(look::RETRYING, next);
                    }
                    None => self.end(event, look::FAILED, failure),
                }
            }
            "activity_cancel_requested" => self.outcome = "asked to cancel".to_owned(),
            "activity_cancelled" => {
                let abandoned = event.text("abandoned").is_some_and(|text| text == "true");
                let how =
                    if abandoned { "cancelled; its attempt did not end" } else { "cancelled" };
                self.end(event, look::CANCELLED, how.to_owned());
            }
            "activity_handed_over" => {
                self.state(look::WAITING, "waits to be completed from outside".to_owned());
            }
            "activity_result_late" => {
                let attempt = event.text("attempt").unwrap_or_default();
                let came = match event.attribute("result") {
                    Some(result) => payload::shown(result),
                    None => failure_text(event),
                };
                let late = format!("(attempt {attempt} came late: {came})");
                self.outcome = format!("{} {late}", self.outcome).trim().to_owned();
            }
            "timer_started" => {
                self.subject = "timer".to_owned();
                let fires_at = event.text("fires_at").and_then(|at| at.parse().ok());
                let fires_at = fires_at.map_or(String::new(), instant_text);
                self.state(look::WAITING, format!("fires {fires_at}"));
            }
            "timer_fired" => self.end(event, look::COMPLETED, "fired".to_owned()),
            "timer_cancelled" => self.end(event, look::CANCELLED, "cancelled".to_owned()),
            "signal_received" => {
                self.subject = format!("signal {}", event.text("name").unwrap_or_default());
                self.state(look::NOTED, shown(event, "payload"));
            }
            "update_accepted" => {
                self.subject = format!("update {}", event.text("name").unwrap_or_default());
                self.state(look::RUNNING, format!("with {}", shown(event, "payload")));
            }
            "update_completed" if event.attribute("failure").is_some() => {
                self.end(event, look::FAILED, failure_text(event));
            }
            "update_completed" => self.end(event, look::COMPLETED, shown(event, "result")),
            "patch_marked" => {
                self.subject = format!("patch {}", event.text("patch_id").unwrap_or_default());
                let deprecated = event.text("deprecated").is_some_and(|flag| flag == "true");
                self.state(look::NOTED, if deprecated { "deprecated" } else { "" }.to_owned());
            }
            kind if kind.starts_with("child_workflow_") => self.take_child(event, kind),
            kind if kind.starts_with("external_") => self.take_request(event, kind),
            "workflow_continued_as_new" => {
                let next = event.text("new_run_id").unwrap_or_default();
                self.state(look::COMPLETED, format!("as run {next}"));
            }
            "workflow_started" => self.state(look::NOTED, shown(event, "input")),
            "workflow_completed" => self.state(look::COMPLETED, shown(event, "result")),
            "workflow_failed" => self.state(look::FAILED, failure_text(event)),
            "workflow_cancelled" => self.state(look::CANCELLED, String::new()),
            "workflow_terminated" => {
                let reason = event.text("reason").unwrap_or_default();
                self.state(look::FAILED, reason);
            }
            "workflow_paused" | "workflow_reset" => {
                let reason = event.text("reason").unwrap_or_default();
                self.state(look::WAITING, reason);
            }
            "workflow_timed_out" => self.state(look::FAILED, String::new()),
            "workflow_task_failed" => self.state(look::FAILED, task_failure_text(event)),
            _ => self.state(look::NOTED, rest(event)),
        }
    }

    fn take_child(&mut self, event: &Event, kind: &str) {
        match kind {
            "child_workflow_start_initiated" => {
                let detached = event.text("detached").is_some_and(|detached| detached == "true");
                let what = if detached { "start" } else { "child" };
                let id = event.text("workflow_id").unwrap_or_default();
                let workflow_type = event.text("workflow_type").unwrap_or_default();
                self.subject = format!("{what} {workflow_type} {id}");
                self.state(look::RUNNING, format!("with {}", shown(event, "input")));
            }
            "child_workflow_started" => {}
            "child_workflow_cancel_requested" => self.outcome = "asked to cancel".to_owned(),
            "child_workflow_completed" => self.end(event, look::COMPLETED, shown(event, "result")),
            "child_workflow_cancelled" => self.end(event, look::CANCELLED, "cancelled".to_owned()),
            _ => self.end(event, look::FAILED, failure_text(event)),
        }
    }

    fn take_request(&mut self, event: &Event, kind: &str) {
        let ask = kind.split('_').nth(1).unwrap_or_default();
        if kind.ends_with("_requested") {
            let name = event.text("name").map_or(String::new(), |name| format!(" {name}"));
            let id = event.text("workflow_id").unwrap_or_default();
            self.subject = format!("{ask}{name} to {id}");
            self.state(look::RUNNING, shown(event, "payload"));
        } else if kind.ends_with("_delivered") {
            self.end(event, look::COMPLETED, "delivered".to_owned());
        } else {
            self.end(event, look::FAILED, failure_text(event));
        }
    }

    fn state(&mut self, look: Look, outcome: String) {
        (self.look, self.outcome) = (look, outcome);
    }

    fn end(&mut self, event: &Event, look: Look, outcome: String) {
        self.ended_at = Some(event.at);
        self.state(look, outcome);
    }
}

fn shown(event: &Event, name: &str) -> String {
    event.attribute(name).map_or(String::new(), payload::shown)
}

fn number(event: &Event, name: &str) -> Option<u32> {
    event.attribute(name)?.to().ok()
}

fn failure_text(event: &Event) -> String {
    let failure = event.attribute("failure").and_then(|failure| failure.to::<Failure>().ok());
    failure.map_or_else(|| rest(event), |failure| format!("{}: {}", failure.kind, failure.message))
}

fn task_failure_text(event: &Event) -> String {
    let text = |name| event.text(name).unwrap_or_default();
    match event.text("location") {
        Some(location) => format!("{}: {} at {location}", text("kind"), text("message")),
        None => format!("{}: {}", text("kind"), text("message")),
    }
}

/// Everything but what every event has.
fn rest(event: &Event) -> String {
    match event.attributes() {
        none if none.is_empty() => String::new(),
        // A map of JSON values has a JSON form.
        some => serde_json::to_string(some).unwrap_or_default(),
    }
}
