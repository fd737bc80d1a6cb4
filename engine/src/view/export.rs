//! Runs as files: a run and its whole history as one JSON document that the test kit replays.
//!
//! Invariant: an export is complete, or says with `next_event_id` where the rest begins.

use serde::{Deserialize, Serialize};

use everstep_storage::{Range, Snapshot, Store};

use super::hex::{from_hex, to_hex};
use super::redaction::redact;
use crate::batch::is_built_in;
use crate::kernel::Recorded;
use crate::runtime::{HistoryReader, RunRecord, keys, read_run};
use crate::{Rejection, RunId, RunStatus, Selector};

/// A run and its history. As JSON it is the file that `export` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportedRun {
    /// The version of this form.
    pub everstep_export: u32,
    /// The namespace that held the run.
    pub namespace: String,
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    pub run_id: RunId,
    /// The registered type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// Where it stood.
    pub status: RunStatus,
    /// Whether the values were taken out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Number of events in the whole history.
    pub history_length: u64,
    /// The events in order.
    pub events: Vec<Recorded>,
    /// The event that follows, where the history did not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_event_id: Option<u64>,
}

/// What [`ExportedRun::parse`] found wrong.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Not the JSON of an export.
    #[error("failed to read an exported run: {0}")]
    Shape(#[from] serde_json::Error),
    /// Written by a newer version.
    #[error("exported run of form {0}; this version reads form {FORM}")]
    Form(u32),
    /// The history is cut.
    #[error("exported run ends before event {0}; export it whole")]
    Cut(u64),
}

/// Which runs to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportQuery {
    /// Open runs, or closed ones, newest first.
    pub open: bool,
    /// Only runs of this type.
    pub workflow_type: Option<String>,
    /// At most so many a page.
    pub page_size: usize,
    /// `next_page_token` of the page before.
    pub page_token: Option<String>,
}

/// A page of exported runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExportPage {
    /// The runs, newest first. A page may be empty and not the last.
    pub runs: Vec<ExportedRun>,
    /// Pass as `page_token` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The form that is written.
const FORM: u32 = 1;
/// Bytes of stored events after which an export or a page of them ends.
pub(crate) const PAGE_BYTES: usize = 4 << 20;
/// Rows of runs that are read at once, and in all for one page.
const ROWS_A_READ: usize = 512;
const ROWS_A_PAGE: usize = 20_000;

impl ExportedRun {
    /// Reads a file that `export` wrote.
    ///
    /// # Errors
    /// When it is none, of a newer form, or not whole.
    pub fn parse(json: &[u8]) -> Result<Self, ExportError> {
        #[derive(Deserialize)]
        struct Form {
            everstep_export: u32,
        }
        let Form { everstep_export } = serde_json::from_slice(json)?;
        if everstep_export > FORM {
            return Err(ExportError::Form(everstep_export));
        }
        let run: Self = serde_json::from_slice(json)?;
        match run.next_event_id {
            Some(next) => Err(ExportError::Cut(next)),
            None => Ok(run),
        }
    }

    /// Takes the values out.
    pub fn redact(&mut self) {
        self.events.iter_mut().for_each(|recorded| redact(&mut recorded.event));
        self.redacted = true;
    }
}

/// Exports the run that a selector names, from event `from` (from 1).
pub(crate) fn export(
    snapshot: &dyn Snapshot,
    selector: &Selector,
    from: u64,
) -> Result<ExportedRun, Rejection> {
    export_run(snapshot, read_run(snapshot, selector)?, from, PAGE_BYTES).map(|(run, _)| run)
}

/// A page of runs with their histories. Every few hundred rows are a snapshot of their own, so
/// that none is held for long; each run is one snapshot's. A history ends after `cut` bytes.
pub(crate) fn export_page(
    store: &dyn Store,
    query: &ExportQuery,
    cut: usize,
) -> Result<ExportPage, Rejection> {
    let mut page = ExportPage::default();
    let mut after = query.page_token.as_deref().map(parse_token).transpose()?;
    let (mut bytes, mut rows_read) = (0, 0);
    let table = if query.open { keys::OPEN_RUNS } else { keys::RUNS };
    loop {
        let snapshot = store.snapshot()?;
        let mut range = Range::all(table).reversed().limit(ROWS_A_READ);
        if let Some(after) = &after {
            range = range.after(after);
        }
        let rows = snapshot.range(range)?;
        rows_read += rows.len();
        for (key, stored) in &rows {
            if page.runs.len() >= query.page_size || bytes >= PAGE_BYTES {
                page.next_page_token = after.as_deref().map(to_hex);
                return Ok(page);
            }
            let record = RunRecord::read(stored)?;
            let of_type = |wanted: &String| **wanted == *record.workflow_type;
            if record.status.is_closed() != query.open
                && !is_built_in(&record.workflow_type)
                && query.workflow_type.as_ref().is_none_or(of_type)
            {
                let (run, size) = export_run(&*snapshot, record, 1, cut)?;
                bytes += size;
                page.runs.push(run);
            }
            after = Some(key.to_vec());
        }
        if rows.len() < ROWS_A_READ {
            return Ok(page);
        }
        if rows_read >= ROWS_A_PAGE {
            page.next_page_token = after.as_deref().map(to_hex);
            return Ok(page);
        }
    }
}

fn export_run(
    snapshot: &dyn Snapshot,
    record: RunRecord,
    from: u64,
    cut: usize,
) -> Result<(ExportedRun, usize), Rejection> {
    let mut reader = HistoryReader::new(snapshot, &record.namespace, record.run_id);
    let (mut events, mut event_id, mut bytes, mut next_event_id) = (Vec::new(), 0, 0, None);
    while let Some(recorded) = reader.next()? {
        event_id += 1;
        if bytes >= cut {
            next_event_id.get_or_insert(event_id);
        } else if event_id >= from {
            bytes += reader.event_bytes();
            events.push(recorded);
        }
    }
    let run = ExportedRun {
        everstep_export: FORM,
        namespace: record.namespace,
        workflow_id: record.workflow_id,
        run_id: record.run_id,
        workflow_type: record.workflow_type.to_string(),
        status: record.status,
        redacted: false,
        history_length: event_id,
        events,
        next_event_id,
    };
    Ok((run, bytes))
}

fn parse_token(token: &str) -> Result<Vec<u8>, Rejection> {
    from_hex(token).ok_or_else(|| {
        Rejection::InvalidRequest(format!("page token `{token}` is not one of this list"))
    })
}
