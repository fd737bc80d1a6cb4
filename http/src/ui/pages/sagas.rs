//! `GET /ui/sagas` and `/ui/sagas/{id}`: how far sagas are, their steps and what undoes them.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::decider::fsm::State;
use everstep_engine::Rejection;
use everstep_workflows::saga::{
    self, Rung, RungState, SagaFilter, SagaPage, SagaProgress, SagaRecord, SagaStatus,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{desk, icons, refusal, times, url};

/// Sagas that a page shows.
const SHOWN: usize = 100;

/// Which sagas.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    status: Option<String>,
    stuck: Option<bool>,
    after: Option<String>,
}

/// Answers the list; what is stuck stands on top of it.
pub(crate) async fn page(
    inspector: Inspector,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let status = asked.status.as_deref().and_then(SagaStatus::named);
    let filter = SagaFilter { status, stuck: asked.stuck, saga_type: None };
    let after = asked.after.clone();
    let found = inspector.read(move |inspector| {
        let rows = inspector.engine.rows(&inspector.namespace)?;
        let stuck = SagaFilter { stuck: Some(true), ..SagaFilter::default() };
        let stuck = saga::list(&rows, &stuck, None, SHOWN)?;
        Ok((stuck, saga::list(&rows, &filter, after.as_deref(), SHOWN)?))
    });
    let (stuck, sagas) = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Sagas"))
        (region("sagas", &html! {
            (filters(status, asked.stuck == Some(true), stuck.sagas.len()))
            (table(&sagas, status, &viewer))
        }))
    };
    let topics = Some("runs".to_owned());
    Page { title: "Sagas", section: Section::Sagas, topics, body }.render(&viewer)
}

fn filters(status: Option<SagaStatus>, is_stuck: bool, stuck: usize) -> Markup {
    html! {
        nav.chips aria-label="Status" {
            a.chip data-nav data-key="all" href=(url::SAGAS)
                aria-current=(desk::current(status.is_none() && !is_stuck)) { "All" }
            @for one in SagaStatus::ALL {
                a class={ "chip " (tone(*one).class()) } data-nav data-key=(one.name())
                    href=(url::with_query(url::SAGAS, [("status", one.name())]))
                    aria-current=(desk::current(status == Some(*one))) {
                    (icons::glyph(tone(*one))) (one.name())
                }
            }
            @if stuck > 0 || is_stuck {
                a class={ "chip " (Tone::Stuck.class()) } data-nav data-key="stuck"
                    href=(url::with_query(url::SAGAS, [("stuck", "true")]))
                    aria-current=(desk::current(is_stuck)) {
                    (icons::glyph(Tone::Stuck)) "stuck " span.count { (stuck) }
                }
            }
        }
    }
}

const fn tone(status: SagaStatus) -> Tone {
    match status {
        SagaStatus::Pending => Tone::Waiting,
        SagaStatus::Running => Tone::Running,
        SagaStatus::Compensating => Tone::Retrying,
        SagaStatus::Completed => Tone::Completed,
        SagaStatus::Compensated => Tone::Cancelled,
        SagaStatus::Failed => Tone::Failed,
    }
}

fn state(saga: &SagaRecord) -> Markup {
    let (tone, word) = match saga.stuck {
        Some(_) => (Tone::Stuck, "stuck"),
        None => (tone(saga.status), saga.status.name()),
    };
    desk::state(tone, word)
}

fn table(page: &SagaPage, status: Option<SagaStatus>, viewer: &Viewer) -> Markup {
    if page.sagas.is_empty() && page.next_page_token.is_none() {
        return html! {
            p.empty { "None. A worker says with " code { "Worker::saga" } " which types are sagas." }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Saga" }
                    th scope="col" { "Type" }
                    th scope="col" { "Status" }
                    th.grow scope="col" { "Why" }
                    th scope="col" { "Started" }
                }
            }
            tbody {
                @for saga in &page.sagas {
                    tr data-saga=(saga.saga_id) {
                        th scope="row" { a href=(url::saga(&saga.saga_id)) { (saga.saga_id) } }
                        td { (saga.saga_type) }
                        td { (state(saga)) }
                        td.grow {
                            @if let Some(stuck) = &saga.stuck {
                                code { (stuck.compensation) } " " (stuck.error)
                            } @else if let Some(error) = &saga.error { (error) }
                        }
                        td { (times::ago(saga.started_at, viewer.now)) }
                    }
                }
            }
        }
        @if let Some(after) = &page.next_page_token {
            @let status = status.map(|status| ("status", status.name()));
            @let more = status.into_iter().chain([("after", after.as_str())]);
            (desk::more(&url::with_query(url::SAGAS, more)))
        }
    }
}

/// Answers one saga's page.
pub(crate) async fn one(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let wanted = id.clone();
    let found = inspector.read(move |inspector| {
        let namespace = &inspector.namespace;
        let none = || Rejection::InvalidRequest(format!("saga `{wanted}` does not exist"));
        let saga = saga::show(&inspector.engine.rows(namespace)?, &wanted)?.ok_or_else(none)?;
        Ok((saga, saga::progress(&inspector.engine, namespace, &wanted)?))
    });
    let (saga, progress) = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head(&id))
        (region("saga", &html! {
            p {
                (state(&saga)) " " (saga.saga_type) ", started " (times::ago(saga.started_at, viewer.now))
                " · " a href=(url::workflow(&saga.saga_id)) { "its workflow" }
            }
            @if let Some(error) = &saga.error { p.muted { (error) } }
            (decision(&saga))
            (ladder(&progress.unwrap_or_default()))
        }))
    };
    let topics = Some("runs".to_owned());
    Page { title: &id, section: Section::Sagas, topics, body }.render(&viewer)
}

/// What somebody has to decide.
fn decision(saga: &SagaRecord) -> Markup {
    let Some(stuck) = &saga.stuck else { return html! {} };
    let action = |verb: &str| format!("{}/{verb}", url::saga(&saga.saga_id));
    html! {
        div.stuck role="alert" {
            p {
                "It cannot undo " code { (stuck.compensation) } ": " (stuck.error) ". "
                "It waits until somebody decides."
            }
            form.inline method="post" action=(action("retry")) {
                button.button { "Try again" }
            }
            " "
            (desk::reason(&action("skip"), "Skip it"))
        }
    }
}

/// Steps from top to bottom, and beside each what undoes it.
fn ladder(progress: &SagaProgress) -> Markup {
    let SagaProgress { steps, compensations } = progress;
    if steps.is_empty() && compensations.is_empty() {
        return html! { p.empty { "No steps yet." } };
    }
    let undone_by = |at: usize| compensations.iter().filter(move |rung| rung.after_steps == at);
    html! {
        table.list.ladder {
            thead {
                tr { th scope="col" { "Step" } th scope="col" { "Undone by" } }
            }
            tbody {
                @for at in 0..=steps.len() {
                    @let step = steps.get(at);
                    @if step.is_some() || undone_by(at).next().is_some() {
                        tr {
                            th scope="row" { @if let Some(step) = step { (rung(step)) } }
                            td { @for one in undone_by(at) { div { (rung(one)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn rung(rung: &Rung) -> Markup {
    let (tone, word) = match rung.state {
        RungState::Ready => (Tone::Waiting, "not needed so far"),
        RungState::Running => (Tone::Running, "under way"),
        RungState::Done => (Tone::Completed, "done"),
        RungState::Failed => (Tone::Failed, "failed"),
        RungState::Skipped => (Tone::Cancelled, "skipped"),
    };
    html! {
        span class={ "status " (tone.class()) } data-rung=(rung.name) title=(word) {
            (icons::glyph(tone)) " " (rung.name) " " span.muted { (word) }
        }
    }
}

/// What somebody decides.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Retry,
    Skip,
}

/// Why.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Decision {
    reason: String,
}

/// `POST /ui/sagas/{id}/{verb}`.
pub(crate) async fn act(
    inspector: Inspector,
    Path((id, verb)): Path<(String, Verb)>,
    axum::Form(Decision { reason }): axum::Form<Decision>,
) -> Response {
    let (own, by) = (id.clone(), inspector.caller.name().to_owned());
    let done = inspector.engine.transact(&inspector.namespace, move |tx| match verb {
        Verb::Retry => saga::retry(tx, &own, &by),
        Verb::Skip => saga::skip(tx, &own, &by, &reason),
    });
    let word = match verb {
        Verb::Retry => "tries again",
        Verb::Skip => "goes on without it",
    };
    let said = |()| Flash { text: format!("Saga {id} {word}"), is_error: false };
    desk::decided(done.await.map(said), &url::saga(&id))
}
