//! `GET /ui/workflows/{id}/spans?after=SEQ`: what the timeline draws, in columns. With `after` only
//! the spans that an event after it touched; they replace what the page had under their keys.

use axum::Json;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use everstep_engine::{Rejection, Timestamp};
use serde::{Deserialize, Serialize};

use super::inspector::Inspector;
use super::journal::{Group, Journal, Subject};
use super::payload;
use super::refusal;

/// Which run, and what the page has seen of it.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    run_id: Option<String>,
    #[serde(default)]
    after: u64,
}

/// The answer. Instants are milliseconds since 1970.
#[derive(Debug, Serialize)]
struct Answer {
    /// Pass as `after` the next time.
    seq: u64,
    from: i64,
    to: Option<i64>,
    closed: bool,
    spans: Columns,
}

/// One entry a span in each.
#[derive(Debug, Default, Serialize)]
struct Columns {
    keys: Vec<u64>,
    kinds: Vec<&'static str>,
    names: Vec<String>,
    starts: Vec<i64>,
    /// Null while open.
    ends: Vec<Option<i64>>,
    states: Vec<&'static str>,
    tries: Vec<Tries>,
    /// When a pending timer fires or the next attempt starts.
    due: Vec<Option<i64>>,
    notes: Vec<Option<String>>,
}

/// 0 when a single bar says it all; else start, end (null while it runs) and 1 for failed, attempt
/// by attempt.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Tries {
    One(u8),
    Many(Vec<Option<i64>>),
}

/// Attempts of one span; older ones are left to the history table.
const MAX_TRIES: usize = 60;
const NOTE_CHARS: usize = 48;

/// Answers the spans.
pub(super) async fn read(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let answer = inspector
        .read(move |inspector| {
            let selector = inspector.selector(&id, asked.run_id.as_deref())?;
            let run_id = match selector.run_id {
                Some(run_id) => run_id,
                None => inspector.engine.describe(&selector)?.run_id,
            };
            let journals = &inspector.journals;
            let answer = journals.with(&inspector.engine, &selector, run_id, |journal| {
                Answer::of(journal, asked.after)
            })?;
            answer.ok_or(Rejection::WorkflowNotFound(selector.workflow_id))
        })
        .await;
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(rejection) => refusal::rejected(&rejection),
    }
}

impl Answer {
    fn of(journal: &Journal, after: u64) -> Option<Self> {
        let from = journal.groups().first()?.started;
        let mut spans = Columns::default();
        let new = journal.groups().iter().filter(|group| group.last_event() > after);
        for group in new.filter(|group| group.subject != Subject::Mark) {
            spans.push(group);
        }
        Some(Self {
            seq: journal.seen(),
            from: from.as_millis(),
            to: journal.closed_at().map(Timestamp::as_millis),
            closed: journal.closed_at().is_some(),
            spans,
        })
    }
}

impl Columns {
    fn push(&mut self, group: &Group) {
        self.keys.push(group.key);
        self.kinds.push(group.subject.name());
        self.names.push(group.name.clone());
        self.starts.push(group.started.as_millis());
        self.ends.push(group.ended.map(Timestamp::as_millis));
        self.states.push(group.tone.name());
        self.tries.push(Tries::of(group));
        self.due.push(group.due.map(Timestamp::as_millis));
        self.notes.push(note(group));
    }
}

impl Tries {
    fn of(group: &Group) -> Self {
        if group.tries.len() < 2 && group.due.is_none() {
            return Self::One(0);
        }
        let skipped = group.tries.len().saturating_sub(MAX_TRIES);
        let flat = group.tries[skipped..].iter().flat_map(|attempt| {
            let failed = Some(i64::from(attempt.failed));
            [Some(attempt.from.as_millis()), attempt.to.map(Timestamp::as_millis), failed]
        });
        match group.subject {
            Subject::Timer => Self::One(0),
            _ => Self::Many(flat.collect()),
        }
    }
}

fn note(group: &Group) -> Option<String> {
    if group.subject == Subject::Run {
        return None;
    }
    if group.tries.len() > 1 {
        let count = group.tries.len();
        return Some(match group.tone {
            _ if group.ended.is_some() && !group.is_failure() => format!("{count} attempts"),
            _ => payload::one_line(&format!("{count} attempts · {}", group.preview), NOTE_CHARS),
        });
    }
    group.is_failure().then(|| payload::one_line(&group.preview, NOTE_CHARS))
}
