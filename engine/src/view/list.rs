//! Runs as rows of a list, newest first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use everstep_storage::{Range, Store};

use crate::batch::is_built_in;
use crate::runtime::{RunRecord, keys};
use crate::{ListFilter, Payload, Rejection, RunId, RunStatus, Timestamp};

/// One row of the list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSummary {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run_id: RunId,
    /// The registered type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub closed_at: Option<Timestamp>,
    /// The workflow that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The starter's memo.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub memo: Payload,
    /// Attributes that the list can filter by.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub search_attributes: BTreeMap<String, Payload>,
    /// The build that started it.
    pub build_id: String,
    /// The namespace that holds it.
    pub namespace: String,
    /// Whether its code cannot go on (panic, non-determinism, nothing durable awaited).
    pub stuck: bool,
    /// The version of the code that it stays with; none for code without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The patches that its code has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<String>,
}

/// A page of the list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// The rows, newest first.
    pub workflows: Vec<RunSummary>,
    /// Pass as `page_token` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Rows that are read at once.
const ROWS_A_READ: usize = 512;

/// Reads a page of the list. Runs of built-in types are there only when their type is asked for. Run ids are ordered by start time, so the newest rows come last in
/// the table and first here. Every page of rows is a snapshot of its own: none is held for long.
pub(crate) fn list(
    store: &dyn Store,
    filter: &ListFilter,
    page_size: usize,
    page_token: Option<&str>,
) -> Result<RunPage, Rejection> {
    let mut page = RunPage::default();
    let mut before = match page_token {
        None => None,
        Some(token) => {
            let run_id: RunId = token.parse().map_err(|_| {
                Rejection::InvalidRequest(format!("page token `{token}` is not one of this list"))
            })?;
            Some(keys::run(&filter.namespace, run_id))
        }
    };
    let prefix = keys::namespace(&filter.namespace);
    loop {
        let mut range = Range::prefix(keys::RUNS, &prefix).reversed().limit(ROWS_A_READ);
        if let Some(before) = &before {
            range = range.after(before);
        }
        let rows = store.snapshot()?.range(range)?;
        for (_, stored) in &rows {
            let record = RunRecord::read(stored)?;
            // Ids follow the start time, so nothing further down can be new enough.
            if filter.started_after.is_some_and(|after| record.started_at < after) {
                return Ok(page);
            }
            if !matches(filter, &record) {
                continue;
            }
            if page.workflows.len() == page_size {
                page.next_page_token = page.workflows.last().map(|last| token_before(last.run_id));
                return Ok(page);
            }
            page.workflows.push(record.summary());
        }
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_A_READ => before = Some(last.to_vec()),
            _ => return Ok(page),
        }
    }
}

/// The page token that begins with the runs before this one, whatever the filter is.
pub(crate) fn token_before(run_id: RunId) -> String {
    run_id.to_string()
}

fn matches(filter: &ListFilter, record: &RunRecord) -> bool {
    let built_in = is_built_in(&record.workflow_type) && filter.workflow_type.is_none();
    !built_in
        && filter.status.is_none_or(|status| record.status == status)
        && filter.workflow_type.as_ref().is_none_or(|wanted| **wanted == *record.workflow_type)
        && filter.id_prefix.as_ref().is_none_or(|prefix| record.workflow_id.starts_with(prefix))
        && filter.started_before.is_none_or(|before| record.started_at <= before)
        && filter.parent.as_ref().is_none_or(|parent| {
            record.parent.as_ref().is_some_and(|link| link.workflow_id == *parent)
        })
        && filter.closed_after.is_none_or(|after| record.closed_at.is_some_and(|at| at >= after))
        && filter.closed_before.is_none_or(|before| record.closed_at.is_some_and(|at| at <= before))
        && filter.build.as_ref().is_none_or(|build| **build == *record.build_id)
        && filter.version.as_ref().is_none_or(|version| **version == *record.version)
        && filter.stuck.is_none_or(|stuck| stuck == record.stuck)
        && filter.attributes.iter().all(|(name, wanted)| {
            record.search_attributes.get(name).is_some_and(|value| text_of(value) == *wanted)
        })
}

/// A string without its quotes, anything else as it is written.
fn text_of(value: &Payload) -> String {
    value.to::<String>().unwrap_or_else(|_| value.as_str().trim().to_owned())
}
