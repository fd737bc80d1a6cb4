//! Starting a saga once, however often that is asked for.

use everstep_engine::{ActivityError, Payload, StartRequest, TransactionContext, Workflow};
use serde::{Deserialize, Serialize};

use super::rows::{self, SAGAS};
use super::status::SagaRecord;

/// A saga, and whether it was this call that started it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SagaStart {
    /// Whether this call started it.
    pub is_new: bool,
    /// The saga.
    pub saga: SagaRecord,
}

/// Starts a saga under its id, or answers the one that there is. `change` adds what the start needs
/// beside its input: a memo, search attributes, a trace.
///
/// # Errors
/// When the input has no JSON form; when a workflow that is no saga has the id.
pub fn start_if_not_exists<I: Serialize, O>(
    tx: &mut TransactionContext<'_>,
    workflow: Workflow<I, O>,
    saga_id: &str,
    input: &I,
    change: impl FnOnce(&mut StartRequest),
) -> Result<SagaStart, ActivityError> {
    let mut request = StartRequest::new(workflow.name(), Payload::from_value(input)?);
    change(&mut request);
    request_if_not_exists(tx, saga_id, request)
}

/// As [`start_if_not_exists`], for a type that is known only when the code runs.
///
/// # Errors
/// As [`start_if_not_exists`].
pub fn request_if_not_exists(
    tx: &mut TransactionContext<'_>,
    saga_id: &str,
    mut request: StartRequest,
) -> Result<SagaStart, ActivityError> {
    if let Some(saga) = tx.get(SAGAS, saga_id)? {
        return Ok(SagaStart { is_new: false, saga });
    }
    let saga = rows::pending(saga_id, &request.workflow_type, tx.now());
    rows::put(tx, None, &saga)?;
    request.workflow_id = Some(saga_id.to_owned());
    tx.start_with(request)?;
    Ok(SagaStart { is_new: true, saga })
}
