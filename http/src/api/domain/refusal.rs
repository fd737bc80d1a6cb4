//! What a transaction was refused with, as a problem: its kind is the problem's code.

use everstep_engine::{ActivityError, Rejection, TransactError};
use serde_json::Value;

use crate::api::Problem;
use crate::api::error_code as codes;

impl From<TransactError> for Problem {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Rejected(rejection) => rejection.into(),
            TransactError::Failed(failure) => of_failure(&failure),
            other => Self::new(codes::INTERNAL_ERROR, other.to_string()),
        }
    }
}

/// The failure's kind is its code; a kind that no page explains is ours, and no client's fault.
pub(in crate::api) fn of_failure(error: &ActivityError) -> Problem {
    let failure = error.failure();
    if failure.kind == "unavailable" {
        return Rejection::Unavailable(failure.message.clone()).into();
    }
    let code = codes::find(&failure.kind).unwrap_or(codes::INTERNAL_ERROR);
    let problem = Problem::new(code, failure.message.clone());
    let details = failure.details.as_ref().and_then(|details| details.to::<Value>().ok());
    let fields = details.as_ref().and_then(Value::as_object).into_iter().flatten();
    fields.fold(problem, |problem, (name, value)| problem.with_field(name, value.clone()))
}
