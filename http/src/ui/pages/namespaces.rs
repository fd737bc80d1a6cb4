//! `GET /ui/namespaces`: the namespaces, which one is looked at, and the form for another.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::{DEFAULT_NAMESPACE, NamespaceInfo, NamespaceSettings, Rejection};
use maud::{Markup, html};
use serde::Deserialize;

use super::run_actions::buttons;
use crate::duration;
use crate::ui::actions::malformed;
use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::{times, url};

/// Answers the page.
pub(crate) async fn page(inspector: Inspector, headers: HeaderMap) -> Response {
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Namespaces" }
            span.push {}
            (creating())
        }
        div.table-wrap {
            table #namespaces {
                thead {
                    tr {
                        th scope="col" { "Namespace" }
                        th.grow scope="col" { "What it is for" }
                        th scope="col" { "Closed runs are kept" }
                        th scope="col" { "Created" }
                        th scope="col" { span.visually-hidden { "Actions" } }
                    }
                }
                tbody {
                    @for namespace in inspector.engine.namespaces() {
                        @if inspector.caller.reaches(&namespace.name) {
                            (line(&namespace, &inspector.namespace, &viewer))
                        }
                    }
                }
            }
        }
    };
    Page { title: "Namespaces", section: Section::Namespaces, topics: None, body }.render(&viewer)
}

fn line(namespace: &NamespaceInfo, current: &str, viewer: &Viewer) -> Markup {
    let kept = namespace.retention_ms.map_or_else(|| "for ever".to_owned(), times::duration);
    html! {
        tr data-namespace=(namespace.name) {
            th scope="row" { (namespace.name) }
            td.grow { (namespace.description) }
            td { (kept) }
            td {
                @match namespace.created_at {
                    Some(at) => (times::ago(at, viewer.now)),
                    None => "with the server",
                }
            }
            td {
                @if namespace.name == current {
                    span.chip { "shown" }
                } @else {
                    form.inline method="post" action="/ui/preferences" {
                        button.button.small name="namespace" value=(namespace.name) { "Show" }
                    }
                }
                @if namespace.name != DEFAULT_NAMESPACE {
                    " "
                    form.inline method="post"
                        action={ (url::NAMESPACES) "/" (url::encode(&namespace.name)) "/delete" } {
                        button.button.small.danger title="Only one without runs is deleted" { "Delete" }
                    }
                }
            }
        }
    }
}

fn creating() -> Markup {
    html! {
        details.action #action-create name="action" {
            summary.button { "New namespace" }
            form method="post" action=(url::NAMESPACES) {
                h2 { "A world of runs of its own" }
                label.field {
                    span { "Name: letters, digits, “.”, “_” and “-”" }
                    input type="text" name="name" required maxlength="64" autocomplete="off"
                        spellcheck="false";
                }
                label.field {
                    span { "What it is for" }
                    input type="text" name="description" autocomplete="off";
                }
                label.field {
                    span { "How long closed runs are kept (empty: for ever)" }
                    input type="text" name="retention" placeholder="30d" autocomplete="off";
                }
                (buttons(&html! { button.button.primary type="submit" { "Create" } }))
            }
        }
    }
}

/// A namespace to create.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    retention: String,
}

/// `POST /ui/namespaces`.
pub(crate) async fn create(
    inspector: Inspector,
    typed: Result<Form<Typed>, FormRejection>,
) -> Response {
    let created = async {
        let Form(Typed { name, description, retention }) =
            typed.map_err(|rejection| malformed(&rejection))?;
        let (name, retention) = (name.trim(), retention.trim());
        let retention_ms = match retention {
            "" => None,
            text => Some(whole_ms(text)?),
        };
        let settings = NamespaceSettings { description: description.trim().into(), retention_ms };
        inspector.engine.create_namespace(name, settings).await?;
        Ok(format!("Namespace {name} created"))
    };
    answer(created.await)
}

/// `POST /ui/namespaces/{name}/delete`.
pub(crate) async fn delete(inspector: Inspector, Path(name): Path<String>) -> Response {
    let deleted = inspector.engine.delete_namespace(&name).await;
    answer(deleted.map(|()| format!("Namespace {name} deleted")))
}

fn whole_ms(text: &str) -> Result<u64, Rejection> {
    let span = duration::parse(text).map_err(Rejection::InvalidRequest)?;
    u64::try_from(span.as_millis())
        .map_err(|_| Rejection::InvalidRequest(format!("`{text}` is too long")))
}

/// Back to the list, which says what became of it.
fn answer(outcome: Result<String, Rejection>) -> Response {
    let flash = match outcome {
        Ok(text) => Flash { text, is_error: false },
        Err(rejection) => Flash { text: rejection.to_string(), is_error: true },
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(url::NAMESPACES)).into_response()
}
