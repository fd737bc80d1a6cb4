//! `/api/v1/agents`: agents, what they would do, what they did, what they gave up on.

mod approvals;
mod dead_letters;
mod list;
mod records;
mod steer;

use axum::http::{StatusCode, Uri};
use everstep_workflows::agent::{AgentError, AgentPage, AgentService};
use serde::Serialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, json as json_answer};
use super::parameters::Parameters;
use super::{Api, Problem, error_code as codes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::expire))
        .routes(routes!(approvals::show))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::reject))
        .routes(routes!(records::decisions))
        .routes(routes!(records::audit))
        .routes(routes!(records::commands))
        .routes(routes!(dead_letters::list, dead_letters::record))
        .routes(routes!(dead_letters::show))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(dead_letters::ignore))
        .routes(routes!(list::describe))
        .routes(routes!(list::lanes))
        .routes(routes!(list::thread))
        .routes(routes!(steer::start))
        .routes(routes!(steer::pause))
        .routes(routes!(steer::resume))
        .routes(routes!(steer::stop))
        .routes(routes!(steer::reconfigure))
}

/// Place of the agent among the segments of `/api/v1/agents/{agent}/…`.
const AGENT: usize = 4;
/// Place of the id in `/api/v1/agents/approvals/{id}/…`.
const RECORD: usize = 5;
/// Place of the subject in `/api/v1/agents/{agent}/threads/{subject}`.
const SUBJECT: usize = 6;

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 200;

fn service(api: &Api) -> AgentService {
    AgentService::new(api.engine(), api.subscriptions())
}

/// A filter of a list; an empty one says nothing.
fn filter(uri: &Uri, name: &str) -> Result<Option<String>, Problem> {
    let text = Parameters::of(uri).text(name)?.filter(|text| !text.is_empty());
    Ok(text.map(Into::into))
}

fn agent_of(uri: &Uri) -> Result<Option<String>, Problem> {
    filter(uri, "agent")
}

/// The status that a list is of, one of those that there are.
fn status_of(uri: &Uri, known: &[&str]) -> Result<Option<String>, Problem> {
    let status = filter(uri, "status")?;
    match status.as_deref().filter(|status| !known.contains(status)) {
        Some(unknown) => {
            Err(Problem::invalid(format!("parameter `status` is no status: `{unknown}`")))
        }
        None => Ok(status),
    }
}

/// Where a page begins.
fn after(uri: &Uri) -> Result<Option<String>, Problem> {
    Ok(Parameters::of(uri).page_token()?.map(Into::into))
}

/// A page of a list under its name.
fn page<T: Serialize>(name: &str, page: &AgentPage<T>) -> Answer {
    let mut body = json!({ name: page.items });
    if let Some(next) = &page.next_page_token {
        body["next_page_token"] = json!(next);
    }
    json_answer(StatusCode::OK, &body)
}

fn size(uri: &Uri) -> Result<usize, Problem> {
    Parameters::of(uri).page_size(DEFAULT_SIZE, MAX_SIZE)
}

impl From<AgentError> for Problem {
    fn from(error: AgentError) -> Self {
        let code = match &error {
            AgentError::Engine(rejection) => return rejection.clone().into(),
            AgentError::NotFound(_) => codes::AGENT_NOT_FOUND,
            AgentError::RecordNotFound(_) => codes::AGENT_RECORD_NOT_FOUND,
            AgentError::ApprovalExpired => codes::APPROVAL_EXPIRED,
            AgentError::AlreadyDecided(_) => codes::APPROVAL_ALREADY_DECIDED,
            AgentError::InvalidLifecycleTransition(_) => codes::INVALID_LIFECYCLE_TRANSITION,
            AgentError::DeadLetter(_) => codes::AGENT_DEAD_LETTER_REFUSED,
            _ => codes::INVALID_REQUEST,
        };
        Self::new(code, error.to_string())
    }
}
