//! The forms about agents: approve, reject, replay, ignore, and what steers an agent. Whoever is
//! logged in is the reviewer.

use axum::Json;
use axum::extract::{Extension, Path};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_activities::commands::{CommandClient, CommandStatus, Entry};
use everstep_workflows::agent::{AgentError, LIFECYCLE, LifecycleVerb, Steer};
use everstep_workflows::subscriptions::SubscriptionService;
use serde::Deserialize;
use serde_json::json;

use super::service;
use crate::api::Problem;
use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::url;

/// What is done to an approval.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::ui) enum Decide {
    Approve,
    Reject,
}

/// What is done to a dead letter.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::ui) enum Settle {
    Replay,
    Ignore,
}

/// Why.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct Said {
    reason: String,
}

/// A toast for scripts, a redirect with the same words for plain forms.
fn answer(headers: &HeaderMap, back: &str, done: Result<String, AgentError>) -> Response {
    let (status, flash) = match done {
        Ok(text) => (StatusCode::OK, Flash { text, is_error: false }),
        Err(error) => {
            let text = error.to_string();
            (Problem::from(error).status(), Flash { text, is_error: true })
        }
    };
    if headers.contains_key("x-live") {
        let kind = if flash.is_error { "error" } else { "done" };
        return (status, Json(json!({ "toast": flash.text, "kind": kind }))).into_response();
    }
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(back)).into_response()
}

/// `POST /ui/agents/approvals/{id}/{verb}`.
pub(in crate::ui) async fn decide(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    Path((id, verb)): Path<(String, Decide)>,
    headers: HeaderMap,
    axum::Form(said): axum::Form<Said>,
) -> Response {
    let service = service(&inspector, &subscriptions);
    let (namespace, reviewer) = (&inspector.namespace, inspector.caller.name());
    let done = match verb {
        Decide::Approve => service
            .approve(namespace, &id, reviewer, &said.reason)
            .await
            .map(|approval| format!("Approval recorded for {}", approval.agent_id)),
        Decide::Reject => service
            .reject(namespace, &id, reviewer, &said.reason)
            .await
            .map(|_| "Action rejected".to_owned()),
    };
    answer(&headers, url::AGENT_APPROVALS, done)
}

/// `POST /ui/agents/dead-letters/{id}/{verb}`.
pub(in crate::ui) async fn settle(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    Path((id, verb)): Path<(String, Settle)>,
    headers: HeaderMap,
    axum::Form(said): axum::Form<Said>,
) -> Response {
    let service = service(&inspector, &subscriptions);
    let (namespace, by) = (&inspector.namespace, inspector.caller.name());
    let done = match verb {
        Settle::Replay => service.replay(namespace, &id, by).await.map(|letter| {
            let over = letter.status == "replayed";
            if over { "Dead letter replayed successfully" } else { "Dead letter is being replayed" }
                .to_owned()
        }),
        Settle::Ignore => service
            .ignore(namespace, &id, by, &said.reason)
            .await
            .map(|_| "Dead letter ignored".to_owned()),
    };
    answer(&headers, url::AGENT_DEAD_LETTERS, done)
}

/// `POST /ui/agents/{agent}/{verb}`.
pub(in crate::ui) async fn steer(
    inspector: Inspector,
    Path((agent_id, verb)): Path<(String, LifecycleVerb)>,
    headers: HeaderMap,
    axum::Form(said): axum::Form<Said>,
) -> Response {
    let reason = Some(said.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let steer = Steer { agent_id: agent_id.clone(), reason, config_overrides: None };
    let command = LIFECYCLE.into_iter().find(|(known, _)| *known == verb).map(|(_, it)| it);
    let done = match command.filter(|_| verb != LifecycleVerb::Reconfigure) {
        None => Err(AgentError::Invalid("settings are changed over the API".to_owned())),
        Some(command) => {
            let client = CommandClient::new(inspector.engine.clone(), &inspector.namespace);
            let client = client.sent_by(inspector.caller.clone(), Entry::Http);
            let user = inspector.caller.name().to_owned();
            match client.command(command, &steer).map(|sending| sending.user_id(user)) {
                Err(error) => Err(AgentError::Invalid(error.to_string())),
                Ok(sending) => match sending.send().await {
                    Ok(answer) => {
                        let status = answer["status"].as_str().unwrap_or_default().to_owned();
                        Ok(format!("{agent_id} is {status}"))
                    }
                    Err(error) => Err(refused(error)),
                },
            }
        }
    };
    answer(&headers, url::AGENTS, done)
}

fn refused(error: everstep_activities::commands::CommandError) -> AgentError {
    use everstep_activities::commands::CommandError;
    match error {
        CommandError::Rejected(record) if record.status == CommandStatus::Rejected => {
            AgentError::InvalidLifecycleTransition(record.message.unwrap_or_default())
        }
        other => AgentError::Invalid(other.to_string()),
    }
}
