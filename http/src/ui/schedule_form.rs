//! What is typed to make or change a schedule.
//!
//! Invariant: a form that was filled from a schedule and is sent back unchanged changes nothing.

use everstep_engine::{
    Backfill, DEFAULT_CATCHUP_WINDOW_MS, Overlap, Payload, Rejection, ScheduleAction,
    ScheduleDefinition, ScheduleDescription, ScheduleInput, ScheduleSpec, Timestamp,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::duration;

/// Every field as text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScheduleForm {
    /// Read when a schedule is made; later its address says it.
    pub(super) id: String,
    /// An expression a line.
    pub(super) cron: String,
    pub(super) interval: String,
    pub(super) interval_offset: String,
    /// JSON.
    pub(super) calendars: String,
    pub(super) timezone: String,
    pub(super) jitter: String,
    pub(super) start_at: String,
    pub(super) end_at: String,
    pub(super) overlap: String,
    pub(super) catchup_window: String,
    pub(super) limit: String,
    pub(super) workflow_type: String,
    /// JSON.
    pub(super) input: String,
    pub(super) id_prefix: String,
    pub(super) execution_timeout: String,
    /// JSON.
    pub(super) memo: String,
    /// JSON.
    pub(super) search_attributes: String,
    pub(super) note: String,
}

impl ScheduleForm {
    /// A form for a schedule that does not exist.
    pub(super) fn empty() -> Self {
        Self {
            overlap: Overlap::default().name().to_owned(),
            catchup_window: duration::text(DEFAULT_CATCHUP_WINDOW_MS),
            ..Self::default()
        }
    }

    /// A form that shows what the schedule is.
    pub(super) fn of(schedule: &ScheduleDescription) -> Self {
        let (spec, action) = (&schedule.spec, &schedule.action);
        let span = |ms: Option<u64>| ms.map(duration::text).unwrap_or_default();
        let instant = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        Self {
            id: schedule.id.clone(),
            cron: spec.cron.join("\n"),
            interval: span(spec.interval_ms),
            interval_offset: span(spec.interval_offset_ms),
            calendars: json_unless(spec.calendars.is_empty(), &spec.calendars),
            timezone: spec.timezone.clone().unwrap_or_default(),
            jitter: span(spec.jitter_ms),
            start_at: instant(spec.start_at),
            end_at: instant(spec.end_at),
            overlap: schedule.overlap.name().to_owned(),
            catchup_window: duration::text(schedule.catchup_window_ms),
            limit: schedule.limit.map(|limit| limit.to_string()).unwrap_or_default(),
            workflow_type: action.workflow_type.clone(),
            input: json_unless(action.input == Payload::null(), &action.input),
            id_prefix: action.id_prefix.clone().unwrap_or_default(),
            execution_timeout: span(action.execution_timeout_ms),
            memo: action.memo.as_ref().map(|memo| memo.as_str().to_owned()).unwrap_or_default(),
            search_attributes: json_unless(
                action.search_attributes.is_empty(),
                &action.search_attributes,
            ),
            note: schedule.note.clone().unwrap_or_default(),
        }
    }

    /// When it would fire.
    pub(super) fn spec(&self) -> Result<ScheduleSpec, Rejection> {
        let cron = self.cron.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(ScheduleSpec {
            cron: cron.map(str::to_owned).collect(),
            interval_ms: span("Every", &self.interval)?,
            interval_offset_ms: span("Offset", &self.interval_offset)?,
            calendars: json("Calendars", &self.calendars)?.unwrap_or_default(),
            timezone: some(&self.timezone),
            jitter_ms: span("Jitter", &self.jitter)?,
            start_at: instant("Not before", &self.start_at)?,
            end_at: instant("Not after", &self.end_at)?,
        })
    }

    /// The schedule that was typed.
    pub(super) fn input(&self) -> Result<ScheduleInput, Rejection> {
        let workflow_type = some(&self.workflow_type)
            .ok_or_else(|| wrong("Workflow type", "is missing: what shall it start?"))?;
        let limit = match self.limit.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                wrong("Runs in all", &format!("is `{text}`: a number is expected"))
            })?),
        };
        let memo: Option<Payload> = json("Memo", &self.memo)?;
        if memo.as_ref().is_some_and(|memo| !memo.as_str().starts_with('{')) {
            return Err(wrong("Memo", "is no JSON object"));
        }
        let catchup_window_ms = span("Catch-up window", &self.catchup_window)?;
        Ok(ScheduleInput {
            definition: ScheduleDefinition {
                spec: self.spec()?,
                overlap: overlap(&self.overlap)?.unwrap_or_default(),
                catchup_window_ms: catchup_window_ms.unwrap_or(DEFAULT_CATCHUP_WINDOW_MS),
                action: ScheduleAction {
                    workflow_type,
                    input: json("Input", &self.input)?.unwrap_or_default(),
                    id_prefix: some(&self.id_prefix),
                    execution_timeout_ms: span("Execution timeout", &self.execution_timeout)?,
                    memo,
                    search_attributes: json("Search attributes", &self.search_attributes)?
                        .unwrap_or_default(),
                },
                limit,
            },
            paused: None,
            note: some(&self.note),
        })
    }
}

/// What is typed to make up the past.
#[derive(Debug, Deserialize)]
pub(super) struct BackfillForm {
    from: String,
    to: String,
    #[serde(default)]
    overlap: String,
}

impl BackfillForm {
    pub(super) fn backfill(&self) -> Result<Backfill, Rejection> {
        let missing = |field| move || wrong(field, "is missing");
        Ok(Backfill {
            from: instant("From", &self.from)?.ok_or_else(missing("From"))?,
            to: instant("To", &self.to)?.ok_or_else(missing("To"))?,
            overlap: overlap(&self.overlap)?,
        })
    }
}

/// Every overlap policy, with what it does.
pub(super) const OVERLAPS: [(Overlap, &str); 6] = [
    (Overlap::Skip, "Skip: it is counted and shown"),
    (Overlap::BufferOne, "Buffer one: it starts when the open run has closed"),
    (Overlap::BufferAll, "Buffer all: one after the other"),
    (Overlap::CancelOther, "Cancel the open run, then start"),
    (Overlap::TerminateOther, "Terminate the open run and start"),
    (Overlap::AllowAll, "Allow all: they run side by side"),
];

fn wrong(field: &str, what: &str) -> Rejection {
    Rejection::Unprocessable(format!("“{field}” {what}"))
}

fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn json_unless(absent: bool, value: &impl Serialize) -> String {
    match absent {
        true => String::new(),
        // These types all have a JSON form.
        false => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn json<T: DeserializeOwned>(field: &str, text: &str) -> Result<Option<T>, Rejection> {
    some(text)
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| wrong(field, &format!("cannot be read: {error}")))
}

fn span(field: &str, text: &str) -> Result<Option<u64>, Rejection> {
    let Some(text) = some(text) else { return Ok(None) };
    let span = duration::parse(&text).map_err(|what| wrong(field, &format!("is wrong: {what}")))?;
    let ms = u64::try_from(span.as_millis()).map_err(|_| wrong(field, "is too long"))?;
    Ok(Some(ms))
}

fn instant(field: &str, text: &str) -> Result<Option<Timestamp>, Rejection> {
    let parse = |text: String| {
        text.parse().map_err(|_| {
            wrong(field, &format!("is `{text}`: a time as 2026-01-31T12:00:00Z is expected"))
        })
    };
    some(text).map(parse).transpose()
}

fn overlap(text: &str) -> Result<Option<Overlap>, Rejection> {
    let Some(name) = some(text) else { return Ok(None) };
    let known = OVERLAPS.iter().find(|(overlap, _)| overlap.name() == name);
    known
        .map(|(overlap, _)| Some(*overlap))
        .ok_or_else(|| wrong("Overlap", &format!("is `{name}`, which is no policy")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_arrives_and_wrong_ones_are_named() {
        let form = ScheduleForm {
            cron: " 0 3 * * * \n\n30 4 * * 1".into(),
            interval: "15m".into(),
            interval_offset: "90s".into(),
            calendars: r#"[{"hour":"3"}]"#.into(),
            timezone: "Europe/Berlin".into(),
            jitter: "10s".into(),
            start_at: "2026-01-01T00:00:00Z".into(),
            overlap: "buffer_one".into(),
            limit: "7".into(),
            workflow_type: " echo ".into(),
            input: r#"{"a":1}"#.into(),
            search_attributes: r#"{"city":"Köln"}"#.into(),
            ..ScheduleForm::empty()
        };
        let definition = form.input().unwrap().definition;
        assert_eq!(definition.spec.cron, ["0 3 * * *", "30 4 * * 1"]);
        let spec = &definition.spec;
        assert_eq!((spec.interval_ms, spec.interval_offset_ms), (Some(900_000), Some(90_000)));
        assert_eq!((spec.calendars[0].hour.as_str(), spec.jitter_ms), ("3", Some(10_000)));
        assert_eq!((definition.overlap, definition.limit), (Overlap::BufferOne, Some(7)));
        assert_eq!(definition.action.workflow_type, "echo");
        assert_eq!(definition.action.input.as_str(), r#"{"a":1}"#);
        assert_eq!(definition.catchup_window_ms, DEFAULT_CATCHUP_WINDOW_MS);

        for (wrong, field) in [
            (ScheduleForm { workflow_type: String::new(), ..form.clone() }, "Workflow type"),
            (ScheduleForm { interval: "15".into(), ..form.clone() }, "Every"),
            (ScheduleForm { input: "{".into(), ..form.clone() }, "Input"),
            (ScheduleForm { memo: "3".into(), ..form.clone() }, "Memo"),
            (ScheduleForm { end_at: "tomorrow".into(), ..form.clone() }, "Not after"),
            (ScheduleForm { limit: "many".into(), ..form.clone() }, "Runs in all"),
            (ScheduleForm { overlap: "both".into(), ..form }, "Overlap"),
        ] {
            let said = wrong.input().unwrap_err().to_string();
            assert!(said.contains(&format!("“{field}”")), "{said}");
        }
    }
}
