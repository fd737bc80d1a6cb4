//! What can go wrong between a client and a server, told apart by what the caller can do about it.

use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{Failure, RunStatus};

/// A refusal as the server wrote it: RFC 9457, and the stable `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The page that explains the code.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The code in words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What was refused and why.
    #[serde(default)]
    pub detail: String,
    /// Stable snake case, such as `workflow_not_found`.
    #[serde(default)]
    pub code: String,
    /// What else the server says about it.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Why a call gave no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address of the server cannot be used.
    #[error("`{url}` is not the address of a server: {reason}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers there.
    #[error(
        "no server answers at {url} ({reason}); start one with the `serve` command of a worker, \
         or name another with --url or EVERSTEP_URL"
    )]
    Unreachable {
        /// The server's address.
        url: String,
        /// What the operating system says.
        reason: String,
    },
    /// The connection broke before the answer was complete: it may have happened.
    #[error("connection to {url} broke during {call} ({reason}); it may have happened")]
    Broken {
        /// The server's address.
        url: String,
        /// Method and path.
        call: String,
        /// What broke.
        reason: String,
    },
    /// No answer in time: it may have happened.
    #[error("no answer from {url} to {call} within {} s; it may have happened", waited.as_secs())]
    TimedOut {
        /// The server's address.
        url: String,
        /// Method and path.
        call: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The server refused.
    #[error("{} ({})", .0.detail, .0.code)]
    Refused(Box<Problem>),
    /// The answer is none that an Everstep server gives.
    #[error("unexpected answer to {call}: {status}: {body}")]
    Unexpected {
        /// Method and URL.
        call: String,
        /// The HTTP status.
        status: StatusCode,
        /// The beginning of the body.
        body: String,
    },
    /// A value has another JSON shape than its type.
    #[error("{what} has another shape than expected: {source}")]
    Shape {
        /// Which value.
        what: String,
        /// Where they differ.
        source: serde_json::Error,
    },
    /// The workflow answered an update with a failure.
    #[error("update `{name}` failed: {}: {}", failure.kind, failure.message)]
    UpdateFailed {
        /// Which update.
        name: String,
        /// Why.
        failure: Box<Failure>,
    },
    /// The workflow ended without a result.
    #[error("workflow `{workflow_id}` {status}{}", Self::because(failure.as_deref()))]
    NotCompleted {
        /// Which workflow.
        workflow_id: String,
        /// How it ended.
        status: RunStatus,
        /// Why.
        failure: Option<Box<Failure>>,
    },
}

impl ClientError {
    fn because(failure: Option<&Failure>) -> String {
        failure.map_or(String::new(), |failure| format!(": {}: {}", failure.kind, failure.message))
    }

    pub(super) fn shape(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.into();
        move |source| Self::Shape { what, source }
    }

    /// The server's stable code, or this client's word for what happened on the way.
    pub fn code(&self) -> &str {
        match self {
            Self::Address { .. } => "bad_address",
            Self::Unreachable { .. } => "unreachable",
            Self::Broken { .. } => "connection_broken",
            Self::TimedOut { .. } => "timed_out",
            Self::Refused(problem) => &problem.code,
            Self::Unexpected { .. } => "unexpected_answer",
            Self::Shape { .. } => "unexpected_shape",
            Self::UpdateFailed { .. } => "update_failed",
            Self::NotCompleted { .. } => "not_completed",
        }
    }

    /// The same as a problem document; the server's own where there is one.
    pub fn to_problem(&self) -> Problem {
        if let Self::Refused(problem) = self {
            return (**problem).clone();
        }
        let status = match self {
            Self::Unexpected { status, .. } => status.as_u16(),
            _ => 0,
        };
        Problem {
            kind: "about:blank".to_owned(),
            title: self.code().replace('_', " "),
            status,
            detail: self.to_string(),
            code: self.code().to_owned(),
            more: serde_json::Map::new(),
        }
    }
}
