//! `POST /api/v1/contexts/{name}/functions/{function}`: what a context does for whoever asks it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_activities::contexts::{Caller as Asking, ContextError, Contexts};
use everstep_engine::{Payload, TransactError};

use super::refusal::of_failure;
use crate::access::Caller;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace, segment};
use crate::api::{Api, Problem, body, error_code as codes};

/// Place of the context in `/api/v1/contexts/{name}/functions/{function}`.
const NAME: usize = 4;
/// Place of the function.
const FUNCTION: usize = 6;

/// Call a function of a context
///
/// The body is what the function takes, as JSON; the answer is what it returns. It is one
/// transaction: what it writes stands, or it is refused. Commands are sent instead.
#[utoipa::path(
    post,
    path = "/api/v1/contexts/{name}/functions/{function}",
    security(("token" = ["operator"])),
    tag = "contexts",
    params(
        ("name" = String, Path, description = "the context's name"),
        ("function" = String, Path, description = "the function, as the contract names it"),
        InNamespace,
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "what it returns", body = serde_json::Value),
        (status = 400, description = "a body that the function cannot take"),
        (status = 404, description = "no such context or namespace"),
        (status = 422, description = "no such function, one of another context (`CONTEXT_ISOLATED`), or why it refuses"),
    ),
)]
pub(super) async fn call(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let input: Payload = body::parse(&body)?;
    let namespace = namespace(&head.uri)?;
    let context = segment(&head.uri, NAME, "context")?.into_owned();
    let function = segment(&head.uri, FUNCTION, "function")?.into_owned();
    let asking = Asking::new(caller.0.name(), namespace.as_str());
    let called = api.engine().transact(&namespace, move |tx| match tx.extension::<Contexts>() {
        Some(contexts) => contexts.call_function(tx, (&context, &function), &asking, &input),
        None => Err(ContextError::NotFound(context, "none".to_owned()).into_failure()),
    });
    match called.await {
        Ok(answer) => json(StatusCode::OK, &answer),
        // A code of the context's own contract is a refusal, and nothing that went wrong here.
        Err(TransactError::Failed(error)) if codes::find(error.kind()).is_none() => {
            let failure = error.failure();
            let what = format!("{}: {}", failure.kind, failure.message);
            Err(Problem::new(codes::COMMAND_FAILED, what))
        }
        Err(TransactError::Failed(error)) => Err(of_failure(&error)),
        Err(error) => Err(error.into()),
    }
}
