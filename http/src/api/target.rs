//! What a request's path names: a workflow, one of its runs, a signal or a query.
//!
//! Invariant: an id that leaves here obeys the rules of ids, so no key in the store can be made
//! from any other.

use std::borrow::Cow;

use axum::http::{StatusCode, Uri};
use everstep_engine::{DEFAULT_NAMESPACE, RunId, Selector};
use utoipa::IntoParams;

use super::Problem;
use super::parameters::Parameters;
use super::percent::decode_segment;

/// Longest workflow id and longest name of a signal or query, in bytes.
const MAX_ID_BYTES: usize = 512;

/// Place of the workflow id among the segments of `/api/v1/workflows/{id}/…`.
const ID: usize = 4;
/// Place of the name in `/api/v1/workflows/{id}/signals/{name}`.
const NAME: usize = 6;

/// The workflow, as the description of a route has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the description is made from it; `selector` reads the path")]
pub(super) struct WorkflowPath {
    /// the workflow's id
    #[param(min_length = 1, max_length = 512)]
    id: String,
}

/// One run of a workflow, as the description of a route has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description is made from it; `selector` reads the address")]
pub(super) struct OneRun {
    /// one run; the newest when absent
    run_id: Option<String>,
}

/// The namespace, as the description of a route has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description is made from it; `namespace` reads the address")]
pub(super) struct InNamespace {
    /// the namespace; `default` when absent
    namespace: Option<String>,
}

/// The workflow of the path and the run of the parameter `run_id`.
pub(super) fn selector(uri: &Uri) -> Result<Selector, Problem> {
    let workflow_id = segment(uri, ID, "workflow id")?;
    check_workflow_id(&workflow_id)?;
    let run_id = match Parameters::of(uri).text("run_id")? {
        None => None,
        Some(text) => Some(text.parse::<RunId>().map_err(|error| {
            Problem::invalid(format!("parameter `run_id` is no run id (`{text}`): {error}"))
        })?),
    };
    Ok(Selector { namespace: namespace(uri)?, workflow_id: workflow_id.into_owned(), run_id })
}

/// The namespace of the parameter `namespace`; whether it exists is the engine's to say.
pub(super) fn namespace(uri: &Uri) -> Result<String, Problem> {
    match Parameters::of(uri).text("namespace")? {
        None => Ok(DEFAULT_NAMESPACE.to_owned()),
        Some(name) => {
            check_text("parameter `namespace`", &name)?;
            Ok(name.into_owned())
        }
    }
}

/// The segment of the path after the workflow's call, such as the id of an activity.
pub(super) fn number(uri: &Uri, what: &str) -> Result<u32, Problem> {
    let text = segment(uri, NAME, what)?;
    text.parse().map_err(|_| Problem::invalid(format!("{what} `{text}` is no whole number")))
}

/// The name of the signal or query.
pub(super) fn name<'a>(uri: &'a Uri, what: &str) -> Result<Cow<'a, str>, Problem> {
    let name = segment(uri, NAME, what)?;
    check_text(what, &name)?;
    Ok(name)
}

/// The rules of workflow ids, wherever one comes from.
pub(super) fn check_workflow_id(id: &str) -> Result<(), Problem> {
    check_text("workflow id", id)?;
    if id == "." || id == ".." {
        // Clients resolve them as relative paths, so such a workflow could not be asked for.
        return Err(Problem::invalid(format!("workflow id `{id}` cannot stand in a path"))
            .with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    Ok(())
}

/// 1 to 512 bytes without control characters.
pub(super) fn check_text(what: &str, text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::invalid(format!("{what} is empty")));
    }
    if text.len() > MAX_ID_BYTES {
        let bytes = text.len();
        return Err(Problem::invalid(format!(
            "{what} has {bytes} bytes; the limit is {MAX_ID_BYTES}"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("{what} {text:?} contains a control character")));
    }
    Ok(())
}

pub(super) fn segment<'a>(uri: &'a Uri, place: usize, what: &str) -> Result<Cow<'a, str>, Problem> {
    let raw = uri.path().split('/').nth(place).unwrap_or_default();
    decode_segment(raw)
        .map_err(|_| Problem::invalid(format!("{what} `{raw}` is not percent-encoded utf-8")))
}
