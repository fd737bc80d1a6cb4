//! Sagas as they are asked for, read off the loop.

use everstep_activities::decider::fsm::State;
use everstep_engine::{Engine, Rejection, RowSnapshot, Selector};
use serde::{Deserialize, Serialize};

use super::progress::{PROGRESS, SagaProgress};
use super::rows::{PLACES, SAGAS};
use super::status::{SagaRecord, SagaStatus};

/// Which sagas.
#[derive(Clone, Debug, Default)]
pub struct SagaFilter {
    /// With this status.
    pub status: Option<SagaStatus>,
    /// Of this type.
    pub saga_type: Option<String>,
    /// Stuck, or not.
    pub stuck: Option<bool>,
}

/// A page of sagas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SagaPage {
    /// The newest first.
    pub sagas: Vec<SagaRecord>,
    /// Asks for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A saga by its id.
///
/// # Errors
/// When the store cannot be read.
pub fn show(rows: &RowSnapshot, saga_id: &str) -> Result<Option<SagaRecord>, Rejection> {
    rows.get(SAGAS, saga_id)
}

/// A saga's steps and compensations; none before its run has begun, and of a run that is gone.
///
/// # Errors
/// When the store cannot be read.
pub fn progress(
    engine: &Engine,
    namespace: &str,
    saga_id: &str,
) -> Result<Option<SagaProgress>, Rejection> {
    let (namespace, workflow_id) = (namespace.to_owned(), saga_id.to_owned());
    let selector = Selector { namespace, workflow_id, run_id: None };
    match engine.query(&selector, PROGRESS.name()) {
        Ok(found) => Ok(found.to().ok()),
        Err(Rejection::QueryNotFound(..) | Rejection::WorkflowNotFound(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// A page of at most `size` sagas after a page's token.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    rows: &RowSnapshot,
    filter: &SagaFilter,
    after: Option<&str>,
    size: usize,
) -> Result<SagaPage, Rejection> {
    // What is stuck is being undone.
    let status = match filter.stuck {
        Some(true) => filter.status.or(Some(SagaStatus::Compensating)),
        _ => filter.status,
    };
    let prefix = format!("{}/", status.map_or("all", State::name));
    let takes = |saga: &SagaRecord| {
        filter.status.is_none_or(|status| status == saga.status)
            && filter.saga_type.as_ref().is_none_or(|wanted| *wanted == saga.saga_type)
            && filter.stuck.is_none_or(|stuck| stuck == saga.stuck.is_some())
    };
    let pick = |id: String| Ok(rows.get(SAGAS, &id)?.filter(&takes));
    let page = rows.page(PLACES, &prefix, after, size, pick)?;
    Ok(SagaPage { sagas: page.items, next_page_token: page.next })
}
