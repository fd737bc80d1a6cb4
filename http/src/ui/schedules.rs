//! Forms that act on a schedule: trigger, pause, resume, backfill, delete.

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::{Rejection, Triggered};
use serde::Deserialize;

use super::actions::malformed;
use super::flash::Flash;
use super::inspector::Inspector;
use super::schedule_form::BackfillForm;
use super::{refusal, url};

/// A form that takes a note.
#[derive(Debug, Deserialize)]
pub(super) struct NoteForm {
    #[serde(default)]
    note: String,
}

type NoteInput = Result<Form<NoteForm>, FormRejection>;

/// `POST /ui/schedules/{id}/trigger`.
pub(super) async fn trigger(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let outcome = inspector.engine.trigger_schedule(&inspector.namespace, &id, None).await;
    let other = |run: Option<String>| run.unwrap_or_else(|| "another run".to_owned());
    let said = outcome.map(|outcome| match outcome {
        Triggered::Started { workflow_id, .. } => format!("Started {workflow_id}"),
        Triggered::Buffered { waits_for } => format!("Starts when {} has closed", other(waits_for)),
        Triggered::Skipped { waits_for } => {
            format!("Skipped, because {} is still running", other(waits_for))
        }
    });
    answer(&id, &headers, said)
}

/// `POST /ui/schedules/{id}/pause`.
pub(super) async fn pause(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: NoteInput,
) -> Response {
    let outcome = async {
        let note = read(form)?;
        inspector.engine.pause_schedule(&inspector.namespace, &id, note).await?;
        Ok("Schedule paused".to_owned())
    };
    let outcome = outcome.await;
    answer(&id, &headers, outcome)
}

/// `POST /ui/schedules/{id}/resume`.
pub(super) async fn resume(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: NoteInput,
) -> Response {
    let outcome = async {
        let note = read(form)?;
        inspector.engine.resume_schedule(&inspector.namespace, &id, note).await?;
        Ok("Schedule resumed".to_owned())
    };
    let outcome = outcome.await;
    answer(&id, &headers, outcome)
}

/// `POST /ui/schedules/{id}/backfill`.
pub(super) async fn backfill(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<BackfillForm>, FormRejection>,
) -> Response {
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let backfill = form.backfill()?;
        let firings =
            inspector.engine.backfill_schedule(&inspector.namespace, &id, backfill).await?;
        Ok(match firings {
            0 => "No firing lies between these times".to_owned(),
            1 => "1 firing is made up".to_owned(),
            firings => format!("{firings} firings are made up"),
        })
    };
    let outcome = outcome.await;
    answer(&id, &headers, outcome)
}

/// `POST /ui/schedules/{id}/delete`; its page is gone, so the list is what follows.
pub(super) async fn delete(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match inspector.engine.delete_schedule(&inspector.namespace, &id).await {
        Ok(()) => {
            let flash = Flash { text: format!("Schedule {id} deleted"), is_error: false };
            let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
            (cookie, Redirect::to(url::SCHEDULES)).into_response()
        }
        Err(rejection) => refusal::page(&inspector, &headers, &rejection),
    }
}

/// What was typed; nothing leaves the note as it is.
fn read(form: NoteInput) -> Result<Option<String>, Rejection> {
    let Form(NoteForm { note }) = form.map_err(|rejection| malformed(&rejection))?;
    let note = note.trim();
    Ok((!note.is_empty()).then(|| note.to_owned()))
}

fn answer(id: &str, headers: &HeaderMap, outcome: Result<String, Rejection>) -> Response {
    let (status, flash) = match outcome {
        Ok(text) => (StatusCode::OK, Flash { text, is_error: false }),
        Err(rejection) => {
            (refusal::status(&rejection), Flash { text: rejection.to_string(), is_error: true })
        }
    };
    if headers.contains_key("x-live") {
        let kind = if flash.is_error { "error" } else { "done" };
        return (status, Json(serde_json::json!({ "toast": flash.text, "kind": kind })))
            .into_response();
    }
    let back = Redirect::to(&url::schedule(id));
    (AppendHeaders([(header::SET_COOKIE, flash.cookie())]), back).into_response()
}
