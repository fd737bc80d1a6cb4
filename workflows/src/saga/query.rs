//! Sagas as they are asked for, read off the loop.

use everstep_activities::decider::fsm::State;
use everstep_engine::{Engine, Keys, Rejection, RowSnapshot, Selector};
use serde::{Deserialize, Serialize};

use super::progress::{PROGRESS, SagaProgress};
use super::rows::{PLACES, SAGAS};
use super::status::{SagaRecord, SagaStatus};

/// How many sagas one page looks at; where a filter leaves most of them out, the page is short and
/// says where to go on.
const MOST_EXAMINED: usize = 2_000;

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
    let size = size.max(1);
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
    let (mut sagas, mut examined) = (Vec::new(), 0);
    let mut after = after.map(str::to_owned);
    loop {
        let keys = Keys::prefix(prefix.as_str()).limit(size);
        let keys = match &after {
            Some(after) => keys.after(after.as_str()),
            None => keys,
        };
        let page = rows.range(PLACES, &keys)?;
        let is_last = page.len() < size;
        for (key, id) in page {
            examined += 1;
            sagas.extend(rows.get(SAGAS, &id)?.filter(&takes));
            after = Some(key);
            if sagas.len() == size {
                return Ok(SagaPage { sagas, next_page_token: after });
            }
        }
        let next = after.clone().filter(|_| !is_last);
        if next.is_none() || examined >= MOST_EXAMINED {
            return Ok(SagaPage { sagas, next_page_token: next });
        }
    }
}
