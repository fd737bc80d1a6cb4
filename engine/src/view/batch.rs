//! Batches as they are shown.

use everstep_storage::Store;
use serde::{Deserialize, Serialize};

use super::list;
use crate::batch::{BATCH, BatchFailure, BatchInput, BatchProgress, PROGRESS};
use crate::kernel::HistoryEvent;
use crate::runtime::{HistoryReader, RunRecord, published, read_run};
use crate::{ListFilter, Rejection, RunStatus, Selector, Timestamp};

/// A batch, and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchDescription {
    /// Its id; it is also the id of the workflow that it runs as.
    pub batch_id: String,
    /// `signal`, `cancel`, `terminate` or `reset`.
    pub operation: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Runs that the filter names: counted when the batch began, exact when it has ended.
    pub total: u64,
    /// Runs that it has acted on, or that needed nothing any more.
    pub done: u64,
    /// Runs that refused.
    pub failed: u64,
    /// The first of those that refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<BatchFailure>,
    /// The filter: an object of the list's parameters.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub filter: ListFilter,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub closed_at: Option<Timestamp>,
    /// The namespace whose runs it acts on.
    pub namespace: String,
}

/// A page of batches.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchPage {
    /// The batches, newest first.
    pub batches: Vec<BatchDescription>,
    /// Pass as `page_token` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

pub(crate) fn describe_batch(
    store: &dyn Store,
    namespace: &str,
    batch_id: &str,
) -> Result<BatchDescription, Rejection> {
    let selector = Selector {
        namespace: namespace.to_owned(),
        workflow_id: batch_id.to_owned(),
        run_id: None,
    };
    let snapshot = store.snapshot()?;
    let missing = || Rejection::BatchNotFound(batch_id.to_owned());
    let record = read_run(&*snapshot, &selector).map_err(|rejection| match rejection {
        Rejection::WorkflowNotFound(_) => missing(),
        other => other,
    })?;
    if *record.workflow_type != *BATCH.name() {
        return Err(missing());
    }
    let mut reader = HistoryReader::new(&*snapshot, namespace, record.run_id);
    let corrupt = |what: String| Rejection::Corrupt(format!("batch {batch_id}: {what}"));
    let first = reader.next()?.map(|recorded| recorded.event);
    let Some(HistoryEvent::WorkflowStarted(started)) = first else {
        return Err(corrupt("no start".into()));
    };
    let input: BatchInput = started.input.to().map_err(|error| corrupt(error.to_string()))?;
    let published = published::read(&*snapshot, namespace, record.run_id, PROGRESS.name())?;
    let published = published.and_then(|stored| stored.to::<BatchProgress>().ok());
    let carried = input.so_far.map(|so_far| so_far.progress);
    let BatchProgress { total, done, failed, failures } = published.or(carried).unwrap_or_default();
    let RunRecord { status, started_at, closed_at, .. } = record;
    // What it continues as keeps the time of the first.
    let started_at = started.continued.as_ref().map_or(started_at, |given| given.chain_started_at);
    Ok(BatchDescription {
        batch_id: batch_id.to_owned(),
        operation: input.operation.name().to_owned(),
        status,
        total,
        done,
        failed,
        failures,
        filter: input.filter,
        started_at,
        closed_at,
        namespace: namespace.to_owned(),
    })
}

pub(crate) fn list_batches(
    store: &dyn Store,
    namespace: &str,
    page_size: usize,
    page_token: Option<&str>,
) -> Result<BatchPage, Rejection> {
    let workflow_type = Some(BATCH.name().to_owned());
    let filter = ListFilter { workflow_type, ..ListFilter::of(namespace) };
    let page = list(store, &filter, page_size, page_token)?;
    let mut batches = Vec::new();
    for run in page.workflows {
        // The newest run of a batch stands for it.
        if run.status != RunStatus::ContinuedAsNew {
            match describe_batch(store, namespace, &run.workflow_id) {
                Ok(batch) => batches.push(batch),
                // Deleted in between.
                Err(Rejection::BatchNotFound(_)) => {}
                Err(other) => return Err(other),
            }
        }
    }
    Ok(BatchPage { batches, next_page_token: page.next_page_token })
}
