//! The one layer around every route: who may come in, what was answered and how fast, and what
//! happens when a handler panics.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::HttpMetrics;
use super::origin::OriginPolicy;
use crate::access::{Access, Refused};
use crate::api::{Problem, error_code as codes};
use crate::ui;

/// What the layer needs.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) policy: OriginPolicy,
    pub(super) access: Arc<Access>,
    pub(super) metrics: Arc<HttpMetrics>,
}

pub(super) async fn gate(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let response = match gate.admit(route, &mut request) {
        Ok(()) => unwound(next.run(request)).await,
        Err(refusal) => *refusal,
    };
    let status = response.status();
    gate.metrics.record(route, &method, status.as_u16(), begun.elapsed());
    tracing::debug!(%method, route, %status, "answered");
    response
}

impl Gate {
    /// Lets the request in, with its caller, or answers it.
    fn admit(&self, route: Option<&str>, request: &mut Request) -> Result<(), Box<Response>> {
        self.policy.check(request).map_err(|problem| Box::new(problem.into_response()))?;
        match self.access.admit(route, request) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Ok(())
            }
            Err(Refused::Unknown(problem)) => Err(Box::new(ui::log_in_first(request, problem))),
            Err(Refused::Denied(problem)) => Err(Box::new(ui::denied(request, problem))),
        }
    }
}

/// Polls on, and answers in place of a handler that panics.
async fn unwound(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
    std::future::poll_fn(move |cx| {
        // After a panic the future is never polled again.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => {
                let detail = format!("a handler panicked: {}", message(&*panic));
                Poll::Ready(Problem::new(codes::INTERNAL_ERROR, detail).into_response())
            }
        }
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Answers for paths that no route has.
pub(super) async fn route_not_found(uri: Uri) -> Problem {
    Problem::new(codes::ROUTE_NOT_FOUND, format!("nothing is served at `{}`", uri.path()))
}

/// Answers for methods that the route does not take; the router adds `Allow`.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let path = uri.path();
    Problem::new(codes::METHOD_NOT_ALLOWED, format!("`{path}` does not take {method}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered() {
        let response = unwound(async { panic!("on purpose") }).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}
