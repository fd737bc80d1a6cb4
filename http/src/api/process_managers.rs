//! `/api/v1/process-managers`: what there is, and events handed to one again.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::TransactError;
use everstep_workflows::process_manager::{self, ProcessManagerInfo, ProcessManagers};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, json};
use super::target::{InNamespace, check_text, namespace, segment};
use super::{Api, body};

/// Place of the name in `/api/v1/process-managers/{name}/…`.
const NAME: usize = 4;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(redeliver))
}

#[derive(Serialize)]
struct List {
    process_managers: Vec<ProcessManagerInfo>,
}

/// Which event.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Redelivery)]
pub(super) struct RedeliveryBody {
    /// Its position.
    position: u64,
}

/// List process managers
///
/// How far each is, and what it could not deal with, is told by the subscription of its name.
#[utoipa::path(
    get,
    path = "/api/v1/process-managers",
    security(("token" = ["viewer"])),
    tag = "process managers",
    responses((status = 200, description = "by name: `event_subscriptions`, `emits_commands`, `correlation_strategy`, `context`", body = serde_json::Value)),
)]
async fn list(State(api): State<Api>) -> Answer {
    let all = api.engine().extension::<ProcessManagers>();
    let process_managers = all.map(ProcessManagers::list).unwrap_or_default();
    json(StatusCode::OK, &List { process_managers })
}

/// Hand an event to a process manager again
///
/// As if it had come twice: `sent` says how many commands were sent that had not been sent before,
/// which is 0 for an event that was dealt with.
#[utoipa::path(
    post,
    path = "/api/v1/process-managers/{name}/redeliver",
    security(("token" = ["admin"])),
    tag = "process managers",
    params(
        ("name" = String, Path, description = "the process manager's name"),
        InNamespace,
    ),
    request_body = RedeliveryBody,
    responses(
        (status = 200, description = "`sent`", body = serde_json::Value),
        (status = 404, description = "no such process manager, or no such event for it"),
        (status = 409, description = "it cannot be dealt with now; `detail` says why"),
    ),
)]
async fn redeliver(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    api.engine().check_namespace(&namespace)?;
    let name = segment(&head.uri, NAME, "process manager")?.into_owned();
    check_text("process manager", &name)?;
    let RedeliveryBody { position } = body::parse(&body)?;
    let sent = process_manager::redeliver(api.engine(), &namespace, &name, position).await;
    let sent = sent.map_err(|error| match error.kind() {
        "PROCESS_MANAGER_NOT_FOUND" | "event_not_found" | "unavailable" => {
            TransactError::Failed(error)
        }
        // The process manager's own word for it.
        kind => {
            let what = format!("{kind}: {}", error.failure().message);
            TransactError::Failed(everstep_engine::ActivityError::new("EVENT_NOT_HANDLED", what))
        }
    })?;
    json(StatusCode::OK, &serde_json::json!({ "sent": sent }))
}
