//! Commands that were not executed, as problems.

use axum::http::StatusCode;
use everstep_activities::commands::{CommandError, CommandRecord, CommandStatus};
use everstep_engine::{Failure, Rejection, TransactError};
use serde_json::{Map, Value};

use crate::api::Problem;
use crate::api::error_code as codes;

/// Why nothing of a command was kept.
pub(in crate::api) fn not_taken(error: CommandError) -> Problem {
    match error {
        CommandError::Unknown(what) => Problem::new(codes::UNKNOWN_COMMAND_TYPE, what),
        CommandError::IdempotencyConflict(what) => Problem::new(codes::IDEMPOTENCY_CONFLICT, what),
        CommandError::Invalid(what) => Problem::invalid(what),
        CommandError::Scope(refusal) => out_of_scope(&refusal),
        CommandError::Rejected(record) | CommandError::Failed(record) => {
            not_executed(*record, true)
        }
        CommandError::Engine(error) => unreadable(error),
        _ => Problem::new(codes::INTERNAL_ERROR, "the command was refused"),
    }
}

fn out_of_scope(refusal: &Failure) -> Problem {
    let code = match refusal.kind.as_str() {
        "TENANT_ID_REQUIRED" => codes::TENANT_ID_REQUIRED,
        "DECIDER_REQUIRED" => codes::DECIDER_REQUIRED,
        "CROSS_BC_NOT_ALLOWED" => codes::CROSS_BC_NOT_ALLOWED,
        "SCOPE_VERSION_MISMATCH" => codes::SCOPE_VERSION_MISMATCH,
        _ => codes::INVALID_SCOPE_KEY_FORMAT,
    };
    let problem = Problem::new(code, refusal.message.clone());
    let details =
        refusal.details.as_ref().and_then(|details| details.to::<Map<String, Value>>().ok());
    details
        .into_iter()
        .flatten()
        .fold(problem, |problem, (name, value)| problem.with_field(&name, value))
}

/// What the store or the engine says.
pub(in crate::api) fn unreadable(error: TransactError) -> Problem {
    match error {
        TransactError::Rejected(rejection) => rejection.into(),
        TransactError::Failed(failure) if failure.kind() == "invalid_request" => {
            Problem::invalid(failure.failure().message.clone())
        }
        TransactError::Failed(failure) if failure.kind() == "unavailable" => {
            Rejection::Unavailable(failure.failure().message.clone()).into()
        }
        error => Problem::new(codes::INTERNAL_ERROR, error.to_string()),
    }
}

/// A command that is recorded as rejected or failed.
pub(super) fn not_executed(record: CommandRecord, is_new: bool) -> Problem {
    let detail = record.message.unwrap_or_default();
    let problem = if record.status == CommandStatus::Failed {
        Problem::new(codes::COMMAND_FAILED, detail)
    } else {
        let status = match record.refused_by.as_deref() {
            Some("authorization") => StatusCode::FORBIDDEN,
            Some("rate_limit") => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let problem = Problem::new(codes::COMMAND_REJECTED, detail).with_status(status);
        match record.code {
            Some(code) => problem.with_domain_code(code),
            None => problem,
        }
    };
    problem
        .with_field("command_id", record.command_id)
        .with_field("command_type", record.command_type)
        .with_field("command_status", record.status.name())
        .with_field("correlation_id", record.correlation_id)
        .with_field("is_new", is_new)
        .with_field("context", Value::from_iter(record.context))
}
