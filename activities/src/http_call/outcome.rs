//! What an answer means: a result, a failure that another attempt may mend, or one that it cannot.

use everstep_engine::{ActivityError, Payload};
use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What is read of a problem document (RFC 9457); all of it may be absent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

/// Reads an answer. A 2xx without a body reads as JSON `null`.
pub(super) fn read<O: DeserializeOwned>(
    status: StatusCode,
    body: &[u8],
) -> Result<O, ActivityError> {
    if !status.is_success() {
        return Err(refused(status, body));
    }
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        ActivityError::new("invalid_response", format!("the answer has another shape: {error}"))
            .non_retryable()
    })
}

fn refused(status: StatusCode, body: &[u8]) -> ActivityError {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let message = match problem.detail.or(problem.title) {
        Some(detail) => format!("{status}: {detail}"),
        None => status.to_string(),
    };
    let kind = problem.code.unwrap_or_else(|| "http_status".to_owned());
    let mut error = ActivityError::new(kind, message);
    if let Ok(details) = Payload::parse(format!(r#"{{"status":{}}}"#, status.as_u16())) {
        error = error.with_details(details);
    }
    if is_retryable(status) { error } else { error.non_retryable() }
}

/// Whether the same request may be answered otherwise later (RFC 9110, section 15; 425 is RFC
/// 8470, 429 RFC 6585).
fn is_retryable(status: StatusCode) -> bool {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
        other => other.is_server_error(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> (String, String, bool) {
        let error =
            read::<u32>(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap_err();
        let failure = error.failure();
        (failure.kind.clone(), failure.message.clone(), failure.non_retryable)
    }

    #[test]
    fn a_status_decides_whether_another_attempt_can_help() {
        let final_ones: Vec<u16> =
            (300..600).filter(|&status| failure(status, "").2).filter(|s| *s >= 408).collect();
        assert!(!final_ones.contains(&408) && !final_ones.contains(&429));
        assert!(!final_ones.contains(&500) && !final_ones.contains(&503));
        assert!(final_ones.contains(&409) && final_ones.contains(&501));
        assert!(failure(302, "").2 && failure(400, "").2 && failure(404, "").2);
    }

    #[test]
    fn a_problem_names_the_failure() {
        let body = r#"{"code":"card_declined","detail":"no funds"}"#;
        assert_eq!(
            failure(402, body),
            ("card_declined".into(), "402 Payment Required: no funds".into(), true)
        );
        assert_eq!(failure(503, "busy").0, "http_status");
        let error = read::<u32>(StatusCode::BAD_GATEWAY, b"").unwrap_err();
        assert_eq!(error.failure().details, Some(Payload::parse(r#"{"status":502}"#).unwrap()));
    }

    #[test]
    fn an_answer_of_another_shape_is_final() {
        assert_eq!(read::<u32>(StatusCode::OK, b"7").unwrap(), 7);
        assert_eq!(read::<()>(StatusCode::NO_CONTENT, b"").unwrap(), ());
        let (kind, _, is_final) = failure(200, "\"seven\"");
        assert_eq!((kind.as_str(), is_final), ("invalid_response", true));
    }
}
