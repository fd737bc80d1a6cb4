//! What the desk refuses with. Each kind is a code of the HTTP API.

use everstep_decider::fsm::TransitionRefused;
use everstep_engine::{ActivityError, Payload};

pub(super) fn not_found(id: &str) -> ActivityError {
    let what = format!("dead letter `{id}` does not exist");
    ActivityError::new("DEAD_LETTER_NOT_FOUND", what).non_retryable()
}

pub(super) fn unknown_kind(id: &str, kind: &str) -> ActivityError {
    let what = format!("dead letter `{id}` is of kind `{kind}`, which this worker cannot retry");
    ActivityError::new("UNKNOWN_DEAD_LETTER_KIND", what).non_retryable()
}

pub(super) fn refused(id: &str, why: &TransitionRefused) -> ActivityError {
    let what = format!("dead letter `{id}` is {}: it cannot become {}", why.from, why.to);
    let error = ActivityError::new("DEAD_LETTER_NOT_PENDING", what).non_retryable();
    let details = serde_json::json!({ "from": why.from, "to": why.to, "allowed": why.allowed });
    match Payload::from_value(&details) {
        Ok(details) => error.with_details(details),
        Err(_) => error,
    }
}

pub(super) fn reason_required(id: &str) -> ActivityError {
    let what = format!("say why dead letter `{id}` need not be done");
    ActivityError::new("REASON_REQUIRED", what).non_retryable()
}
