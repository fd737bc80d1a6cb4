//! `POST /api/v1/commands/{type}`.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_activities::DcbOutcome;
use everstep_activities::commands::{CommandClient, CommandRequest, CommandStatus, Entry};
use everstep_engine::Payload;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::{not_executed, not_taken};
use super::target::name;
use super::view::CommandView;
use crate::access::Caller;
use crate::api::idempotency::idempotency_key;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::trace::trace_context;
use crate::api::{Api, Problem, body};

/// A command to send.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SendCommand)]
pub(super) struct SendBody {
    /// What it takes, any JSON.
    #[schema(value_type = Object)]
    payload: Payload,
    /// Under this id it is executed once, however often it is sent; one is made when absent.
    command_id: Option<String>,
    /// What belongs together; the command's id when absent.
    correlation_id: Option<String>,
    /// What led to it.
    causation_id: Option<String>,
    /// Who wishes for it; the caller when absent.
    user_id: Option<String>,
    /// The scopes that it is decided in, by key, with the version that the sender knows of each.
    scopes: BTreeMap<String, u64>,
    /// Where one of the scopes has moved, the command is decided again later, and the answer is 202.
    retry_conflicts: bool,
}

/// An executed command.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandOutcome)]
struct Outcome {
    /// The command.
    #[serde(flatten)]
    command: CommandView,
    /// Whether this request executed it; false when an earlier one had.
    is_new: bool,
}

/// Send a command
///
/// It is executed once under its `command_id` (or the header `Idempotency-Key`), however often it
/// is sent: a repetition gets the first answer with `is_new` false. Its events, its state and its
/// record are durable together when it is answered.
#[utoipa::path(
    post,
    path = "/api/v1/commands/{command}",
    security(("token" = ["app"])),
    tag = "commands",
    params(
        ("command" = String, Path, description = "the command's type", min_length = 1, max_length = 512),
        InNamespace,
        ("Idempotency-Key" = Option<String>, Header, description = "the command's id, where the body has none"),
        ("traceparent" = Option<String>, Header, description = "the caller's place in a trace, which its events keep"),
    ),
    request_body(content = SendBody, content_type = "application/json", description = "the payload and what the command belongs to"),
    responses(
        (status = 200, description = "executed, now or before", body = Outcome),
        (status = 202, description = "a scope had moved, and the command is decided again: `status` is `deferred`, with `retry_key` and `scheduled_at`", body = serde_json::Value),
        (status = 403, description = "the sender's role is too small for the command"),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "the id was used for another command, or a scope has moved"),
        (status = 422, description = "no such command, or it was rejected (the domain's code) or failed (`command_failed`)"),
        (status = 429, description = "the sender sends it too often"),
    ),
)]
pub(super) async fn send(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let command_type = name(&head.uri, "command type")?.into_owned();
    let namespace = namespace(&head.uri)?;
    let key = idempotency_key(&head.headers)?;
    let sent: SendBody = body::parse_or_default(&body)?;
    let command_id = match (sent.command_id, key) {
        (Some(id), Some(key)) if id != key => {
            let what = "`command_id` and the header `Idempotency-Key` differ: send one of them";
            return Err(Problem::invalid(what));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => CommandRequest::fresh_id(),
    };
    let mut request = CommandRequest::new(command_type, command_id, sent.payload, Entry::Http);
    if let Some(correlation_id) = sent.correlation_id {
        request.correlation_id = correlation_id;
    }
    request.causation_id = sent.causation_id;
    request.scopes = sent.scopes;
    request.user_id = sent.user_id.unwrap_or_else(|| caller.0.name().to_owned());
    request.trace = trace_context(&head.headers).map(|trace| trace.to_string());
    let client = CommandClient::new(api.engine().clone(), namespace);
    let client = client.sent_by(caller.0, Entry::Http);
    let outcome = match sent.retry_conflicts {
        false => client.send(request).await.map_err(not_taken)?,
        true => match client.send_retrying(request).await.map_err(not_taken)? {
            DcbOutcome::Decided(outcome) => *outcome,
            deferred @ DcbOutcome::Deferred { .. } => return json(StatusCode::ACCEPTED, &deferred),
        },
    };
    match outcome.record.status {
        CommandStatus::Rejected | CommandStatus::Failed => {
            Err(not_executed(outcome.record, outcome.is_new))
        }
        _ => {
            let command = CommandView::from(outcome.record);
            json(StatusCode::OK, &Outcome { command, is_new: outcome.is_new })
        }
    }
}
