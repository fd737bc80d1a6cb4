//! The principal of a request, as handlers take it: an argument.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use everstep_engine::{Denied, Principal, Role};

use crate::api::{Problem, error_code as codes};

/// Who sent the request. The gate puts it there; a request without one came past the gate and is
/// refused.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Principal);

impl Caller {
    /// One that reaches nothing, for a page that was served without a gate.
    pub(crate) fn nobody() -> Self {
        Self(Principal::new("nobody", Role::Viewer).only([]))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(codes::INTERNAL_ERROR, "the request has no caller"))
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::new(codes::UNAUTHORIZED, denied.to_string())
    }
}
