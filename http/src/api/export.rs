//! `GET /api/v1/workflows/{id}/export` and `GET /api/v1/export`: runs as files, for tests that
//! replay them and for preflights.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::ExportQuery;

use super::json::{Answer, json};
use super::parameters::Parameters;
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, Problem, blocking};

const DEFAULT_PAGE_SIZE: usize = 200;
const MAX_PAGE_SIZE: usize = 1_000;

/// Export a run
///
/// The run and its whole history as one document, which the test kit replays. A history that is
/// larger than 4 MiB comes in parts: `next_event_id` says where the next begins.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/export",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
        ("from" = Option<u64>, Query, description = "the first event, inclusive; 1 when absent", minimum = 1),
        ("redact" = Option<bool>, Query, description = "take the values out and keep their shape; a server may do that to every export"),
    ),
    responses(
        (status = 200, description = "the run", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn export(State(api): State<Api>, uri: Uri) -> Answer {
    let selector = selector(&uri)?;
    let parameters = Parameters::of(&uri);
    let from = parameters.number("from")?.unwrap_or(1);
    let redact = flag(parameters, "redact")? || api.redacts_exports();
    let run = blocking::read(&api, move |engine| {
        let mut run = engine.export(&selector, from)?;
        if redact {
            run.redact();
        }
        Ok(run)
    });
    json(StatusCode::OK, &run.await?)
}

/// Export many runs
///
/// Open runs, or closed ones, newest first, each with its history: what a preflight replays.
/// Histories over 4 MiB are cut: `next_event_id` says where the rest begins.
#[utoipa::path(
    get,
    path = "/api/v1/export",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        ("state" = Option<String>, Query, description = "`open` (the default) or `closed`"),
        ("type" = Option<String>, Query, description = "only runs of this workflow type"),
        ("redact" = Option<bool>, Query, description = "take the values out and keep their shape; a server may do that to every export"),
        ("page_size" = Option<u64>, Query, description = "runs a page; 200 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; a page may be empty and not the last"),
    ),
    responses((status = 200, description = "a page", body = serde_json::Value)),
)]
pub(super) async fn export_page(State(api): State<Api>, uri: Uri) -> Answer {
    let parameters = Parameters::of(&uri);
    let open = match parameters.text("state")?.as_deref() {
        None | Some("open") => true,
        Some("closed") => false,
        Some(other) => {
            let why = format!("parameter `state` must be `open` or `closed`, found `{other}`");
            return Err(Problem::invalid(why));
        }
    };
    let redact = flag(parameters, "redact")? || api.redacts_exports();
    let query = ExportQuery {
        open,
        workflow_type: parameters.text("type")?.map(String::from),
        page_size: parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?,
        page_token: parameters.page_token()?.map(String::from),
    };
    let page = blocking::read(&api, move |engine| {
        let mut page = engine.export_page(&query)?;
        if redact {
            page.runs.iter_mut().for_each(everstep_engine::ExportedRun::redact);
        }
        Ok(page)
    });
    json(StatusCode::OK, &page.await?)
}

fn flag(parameters: Parameters<'_>, name: &str) -> Result<bool, Problem> {
    match parameters.text(name)?.as_deref() {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => Err(Problem::invalid(format!(
            "parameter `{name}` must be `true` or `false`, found `{other}`"
        ))),
    }
}
