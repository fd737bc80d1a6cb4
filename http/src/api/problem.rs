//! A refusal as RFC 9457 `application/problem+json`.
//!
//! Invariant: every answer from 400 up that this server writes is one of these.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use everstep_engine::{ActivityError, Failure, Rejection};
use serde::Serialize;
use utoipa::ToSchema;

use super::domain::of_failure;
use super::error_code::{self as codes, ErrorCode};

/// Details longer than this are cut, in bytes: they may quote what the client sent.
const MAX_DETAIL_BYTES: usize = 2_048;

/// A refusal on its way out.
#[derive(Debug)]
pub struct Problem {
    code: &'static ErrorCode,
    status: StatusCode,
    detail: Cow<'static, str>,
    /// What stands beside the fields that every problem has.
    fields: serde_json::Map<String, serde_json::Value>,
    /// The application's own word for what the code stands for.
    domain_code: Option<String>,
}

/// The body of every refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Where the error is explained: `/errors/<code>`.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means, in one line.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What exactly was refused, for people.
    detail: String,
    /// Stable name to decide by.
    code: Cow<'static, str>,
    /// What belongs to the code.
    #[serde(flatten)]
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem with the code's first status.
    pub(crate) fn new(code: &'static ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = code.statuses.first().copied().unwrap_or(500);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            code,
            status,
            detail: detail.into(),
            fields: serde_json::Map::new(),
            domain_code: None,
        }
    }

    /// The request makes no sense: 400.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(codes::INVALID_REQUEST, detail)
    }

    /// The same code with another of its statuses.
    pub(crate) const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with one more field, for programs.
    pub(crate) fn with_field(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The same under the code that the application has for it; its page stays the same.
    pub(crate) fn with_domain_code(mut self, code: String) -> Self {
        self.domain_code = Some(code);
        self
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.code.name
    }

    /// What exactly was refused, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match &rejection {
            Rejection::InvalidRequest(_) | Rejection::Unprocessable(_) => codes::INVALID_REQUEST,
            Rejection::UnknownWorkflowType(..) => codes::UNKNOWN_WORKFLOW_TYPE,
            Rejection::WorkflowNotFound(_) => codes::WORKFLOW_NOT_FOUND,
            Rejection::WorkflowAlreadyRunning(..) => codes::WORKFLOW_ALREADY_RUNNING,
            Rejection::WorkflowAlreadyExists(..) => codes::WORKFLOW_ALREADY_EXISTS,
            Rejection::WorkflowClosed(..) => codes::WORKFLOW_CLOSED,
            Rejection::ActivityNotFound(_) | Rejection::NoSuchActivity(..) => {
                codes::ACTIVITY_NOT_FOUND
            }
            Rejection::ActivityNotPending { .. } => codes::ACTIVITY_NOT_PENDING,
            Rejection::QueryNotFound(..) => codes::QUERY_NOT_FOUND,
            Rejection::PayloadNotFound { .. } => codes::PAYLOAD_NOT_FOUND,
            Rejection::UpdateNotFound(_) => codes::UPDATE_NOT_FOUND,
            Rejection::UpdateRejected { .. } => codes::UPDATE_REJECTED,
            Rejection::TooManyUpdates(..) => codes::TOO_MANY_UPDATES,
            Rejection::BatchNotFound(_) => codes::BATCH_NOT_FOUND,
            Rejection::ScheduleNotFound(_) => codes::SCHEDULE_NOT_FOUND,
            Rejection::ScheduleAlreadyExists(_) => codes::SCHEDULE_ALREADY_EXISTS,
            Rejection::IdempotencyConflict(_) => codes::IDEMPOTENCY_CONFLICT,
            Rejection::VersionConflict { .. } => codes::VERSION_CONFLICT,
            Rejection::ScopeVersionMismatch { .. } => codes::SCOPE_VERSION_MISMATCH,
            Rejection::AppendConditionFailed(_) => codes::APPEND_CONDITION_FAILED,
            Rejection::InvalidScopeKey(_) => codes::INVALID_SCOPE_KEY_FORMAT,
            Rejection::PayloadTooLarge { .. } => codes::PAYLOAD_TOO_LARGE,
            Rejection::WorkflowOpen(..) => codes::WORKFLOW_OPEN,
            Rejection::ActivityNotWaiting(..) => codes::ACTIVITY_NOT_WAITING,
            Rejection::TaskNotFailed(_) => codes::TASK_NOT_FAILED,
            Rejection::NamespaceNotFound(_) => codes::NAMESPACE_NOT_FOUND,
            Rejection::NamespaceAlreadyExists(_) => codes::NAMESPACE_ALREADY_EXISTS,
            Rejection::NamespaceNotEmpty(..) => codes::NAMESPACE_NOT_EMPTY,
            Rejection::SearchAttributeType { .. } => codes::SEARCH_ATTRIBUTE_TYPE,
            Rejection::UnsupportedSort(_) => codes::UNSUPPORTED_SORT,
            Rejection::Unavailable(_) => codes::UNAVAILABLE,
            Rejection::OutcomeUnknown(_) => codes::OUTCOME_UNKNOWN,
            Rejection::Corrupt(_) => codes::CORRUPT,
            _ => codes::INTERNAL_ERROR,
        };
        let problem = Self::new(code, rejection.to_string());
        match rejection {
            Rejection::Vetoed(failure) => vetoed(*failure),
            Rejection::Unprocessable(_) => problem.with_status(StatusCode::UNPROCESSABLE_ENTITY),
            Rejection::VersionConflict { stream, expected, current } => problem
                .with_field("stream", stream)
                .with_field("expected_version", expected)
                .with_field("current_version", current),
            Rejection::ScopeVersionMismatch { scope, expected, current } => problem
                .with_field("scope", scope)
                .with_field("expected_version", expected)
                .with_field("current_version", current),
            Rejection::AppendConditionFailed(position) => problem.with_field("position", position),
            _ => problem,
        }
    }
}

/// What somebody who has a say in it did not let in: its kind is the code, where a page explains it.
fn vetoed(failure: Failure) -> Problem {
    let failure = ActivityError::from(failure);
    match codes::find(failure.kind()).is_some() {
        true => of_failure(&failure),
        false => Problem::new(codes::INVALID_REQUEST, failure.failure().message.clone())
            .with_status(StatusCode::UNPROCESSABLE_ENTITY),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = self.code.name, detail = %self.detail, "failed to answer");
        }
        let mut detail = self.detail.into_owned();
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
        let body = ProblemBody {
            kind: format!("/errors/{}", self.code.name),
            title: self.code.title,
            status: self.status.as_u16(),
            detail,
            code: self.domain_code.map_or(Cow::Borrowed(self.code.name), Cow::Owned),
            fields: self.fields,
        };
        // Strings and a number always have a JSON form.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let later = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        if later.contains(&self.status) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
