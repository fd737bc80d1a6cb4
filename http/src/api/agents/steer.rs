//! `POST /api/v1/agents/{agent}/start`, `/pause`, `/resume`, `/stop`, `/reconfigure`: the commands
//! `StartAgent` and so on, sent as any other.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_activities::commands::{CommandClient, CommandRequest, CommandStatus, Entry};
use everstep_engine::Payload;
use everstep_workflows::agent::Steer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AGENT;
use crate::access::Caller;
use crate::api::commands::not_taken;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace, segment};
use crate::api::{Api, Problem, body, error_code as codes};

/// Why, and what is to be otherwise.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = SteerAgent)]
pub(super) struct SteerBody {
    /// What whoever looks at it is told.
    reason: Option<String>,
    /// For `reconfigure`: what takes the place of the program's settings, any JSON object; `null`
    /// puts them back.
    #[serde(rename = "configOverrides")]
    #[schema(value_type = Object)]
    config_overrides: Option<serde_json::Value>,
}

async fn steer(api: Api, caller: Caller, request: Request, command: &str) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let agent_id = segment(&head.uri, AGENT, "agent")?.into_owned();
    let SteerBody { reason, config_overrides } = body::parse_or_default(&body)?;
    let steer = Steer { agent_id, reason, config_overrides };
    let payload =
        Payload::from_value(&steer).map_err(|error| Problem::invalid(error.to_string()))?;
    let id = CommandRequest::fresh_id();
    let mut request = CommandRequest::new(command, id, payload, Entry::Http);
    request.user_id = caller.0.name().to_owned();
    let client = CommandClient::new(api.engine().clone(), namespace);
    let sent = client.sent_by(caller.0, Entry::Http).send(request).await.map_err(not_taken)?;
    let record = sent.record;
    if record.status == CommandStatus::Executed {
        return json(StatusCode::OK, &record.result.unwrap_or_default());
    }
    let detail = record.message.unwrap_or_default();
    Err(match record.code.as_deref() {
        Some("AGENT_NOT_FOUND") => Problem::new(codes::AGENT_NOT_FOUND, detail),
        Some("INVALID_LIFECYCLE_TRANSITION") => {
            Problem::new(codes::INVALID_LIFECYCLE_TRANSITION, detail)
        }
        Some(code) if record.refused_by.is_none() => Problem::new(codes::INVALID_REQUEST, detail)
            .with_status(StatusCode::UNPROCESSABLE_ENTITY)
            .with_domain_code(code.to_owned()),
        _ => Problem::new(codes::COMMAND_REJECTED, detail),
    })
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident = $path:tt sends $command:tt;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            security(("token" = ["operator"])),
            tag = "agents",
            params(
                ("agent" = String, Path, description = "the agent's id"),
                InNamespace,
            ),
            request_body = SteerBody,
            responses(
                (status = 200, description = "its id and its status", body = serde_json::Value),
                (status = 404, description = "no such agent or namespace"),
                (status = 409, description = "its status does not allow it"),
                (status = 422, description = "settings that cannot be"),
            ),
        )]
        pub(super) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            request: Request,
        ) -> Answer {
            steer(api, caller, request, $command).await
        }
    )*};
}

verbs! {
    /// Start an agent
    ///
    /// A stopped one takes events again, from where it was.
    start = "/api/v1/agents/{agent}/start" sends "StartAgent";
    /// Pause an agent
    ///
    /// Its events wait; its checkpoint stays where it is.
    pause = "/api/v1/agents/{agent}/pause" sends "PauseAgent";
    /// Resume an agent
    ///
    /// A paused one, or one that rests, takes events again, from where it was.
    resume = "/api/v1/agents/{agent}/resume" sends "ResumeAgent";
    /// Stop an agent
    ///
    /// Its events wait until it is started.
    stop = "/api/v1/agents/{agent}/stop" sends "StopAgent";
    /// Reconfigure an agent
    ///
    /// `{"configOverrides": {…}}` takes the place of what the program says: `confidenceThreshold`,
    /// `fallbackThreshold`, `requiresApproval`, `autoApprove`, `approvalTimeout`,
    /// `maxRequestsPerMinute`, `queueDepth`, `dailyBudgetUsd`, `estimatedCostUsd`, `alertThreshold`,
    /// `model`. Other names are kept and mean nothing.
    reconfigure = "/api/v1/agents/{agent}/reconfigure" sends "ReconfigureAgent";
}
