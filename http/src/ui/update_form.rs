//! The form that asks something of a run, and what its sender is told.

use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{Rejection, UpdateInput, UpdateState, UpdateStatus};
use maud::{Markup, html};
use serde::Deserialize;

use super::actions::{Target, Which, malformed, payload};
use super::inspector::Inspector;
use super::pages::run_actions::buttons;
use super::payload::one_line;

/// How long the form waits for the workflow's answer.
const WAIT: Duration = Duration::from_secs(10);
const ANSWER_CHARS: usize = 200;

/// The form's fields.
#[derive(Debug, Deserialize)]
pub(super) struct UpdateForm {
    name: String,
    #[serde(default)]
    payload: String,
}

/// The form; `names` are the updates that the code listens for.
pub(super) fn draw(address: &str, names: &[&str]) -> Markup {
    html! {
        details.action #action-update name="action" {
            summary.button { "Update" }
            form method="post" action=(address) data-live {
                h2 { "Ask something of the workflow" }
                label.field {
                    span { "Name" }
                    input type="text" name="name" required maxlength="512" list="updates"
                        autocomplete="off" spellcheck="false"
                        value=(names.first().copied().unwrap_or(""));
                }
                datalist #updates { @for name in names { option value=(name) {} } }
                label.field {
                    span { "Argument (JSON; empty is null)" }
                    textarea name="payload" rows="5" spellcheck="false" {}
                }
                p { "The workflow's code validates it, takes it and answers. What it turns down leaves no trace." }
                (buttons(&html! { button.button.primary type="submit" { "Send update" } }))
            }
        }
    }
}

/// `POST /ui/workflows/{id}/update`.
pub(super) async fn send(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    form: Result<Form<UpdateForm>, FormRejection>,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let name = form.name.trim();
        if name.is_empty() {
            return Err(Rejection::InvalidRequest("an update needs a name".into()));
        }
        let payload = payload(&form.payload)?;
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        let update = UpdateInput { name: name.into(), payload, update_id: None };
        Ok(words(&inspector.engine.update(&selector, update, WAIT).await?))
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

fn words(state: &UpdateState) -> String {
    let name = &state.name;
    match (&state.result, &state.failure) {
        (Some(result), _) => {
            format!("Update `{name}` answered: {}", one_line(result.as_str(), ANSWER_CHARS))
        }
        (None, Some(failure)) => {
            let why = format!("{}: {}", failure.kind, failure.message);
            format!("Update `{name}` failed: {}", one_line(&why, ANSWER_CHARS))
        }
        (None, None) if state.status == UpdateStatus::Accepted => {
            format!("Update `{name}` was taken and is not answered yet")
        }
        (None, None) => format!("Update `{name}` is kept until the workflow listens for it"),
    }
}
