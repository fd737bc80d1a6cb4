//! `GET /ui/dead-letters`: work that was given up on, and the forms of who decides.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::dead_letters::{
    self, DeadLetter, DeadLetterFigure, DeadLetterFilter, DeadLetterPage, DeadLetterStatus,
};
use everstep_activities::decider::fsm::State;
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{desk, icons, refusal, times, url};

/// Letters that a page shows.
const SHOWN: usize = 100;

/// Which letters; what waits for somebody where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    kind: Option<String>,
    status: Option<String>,
    after: Option<String>,
}

impl Asked {
    fn status(&self) -> Option<DeadLetterStatus> {
        match self.status.as_deref() {
            None | Some("") => Some(DeadLetterStatus::Pending),
            Some(name) => DeadLetterStatus::named(name),
        }
    }

    fn kind(&self) -> Option<String> {
        self.kind.clone().filter(|kind| !kind.is_empty())
    }
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let filter =
        DeadLetterFilter { kind: asked.kind(), status: asked.status(), ..Default::default() };
    let after = asked.after.clone();
    let found = inspector.read(move |inspector| {
        let rows = inspector.engine.rows(&inspector.namespace)?;
        let page = dead_letters::list(&rows, &filter, after.as_deref(), SHOWN)?;
        Ok((page, dead_letters::stats(&rows)?))
    });
    let (page, figures) = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Dead letters"))
        (region("dead-letters", &html! {
            (filters(&asked, &figures))
            (table(&asked, &page, &viewer))
        }))
    };
    let topics = Some("runs".to_owned());
    Page { title: "Dead letters", section: Section::DeadLetters, topics, body }.render(&viewer)
}

fn address(kind: Option<&str>, status: &str) -> String {
    let kind = kind.map(|kind| ("kind", kind));
    url::with_query(url::DEAD_LETTERS, kind.into_iter().chain([("status", status)]))
}

/// Links to each kind and state, with how many there are.
fn filters(asked: &Asked, figures: &[DeadLetterFigure]) -> Markup {
    let count = |kind: Option<&str>, status: Option<DeadLetterStatus>| -> u64 {
        let wanted = figures.iter().filter(|one| kind.is_none_or(|kind| one.kind == kind));
        wanted.filter(|one| status.is_none_or(|it| one.status == it)).map(|one| one.count).sum()
    };
    let mut kinds: Vec<&str> = figures.iter().map(|one| one.kind.as_str()).collect();
    kinds.dedup();
    let (kind, status) = (asked.kind(), asked.status());
    let kind = kind.as_deref();
    let word = status.map_or("any", State::name);
    html! {
        nav.chips aria-label="State" {
            @for one in DeadLetterStatus::ALL {
                a class={ "chip " (tone(*one).class()) } data-nav data-key=(one.name())
                    href=(address(kind, one.name())) aria-current=(desk::current(status == Some(*one))) {
                    (icons::glyph(tone(*one))) (one.name()) " "
                    span.count { (count(kind, Some(*one))) }
                }
            }
        }
        @if kinds.len() > 1 || kind.is_some() {
            nav.chips aria-label="Kind" {
                a.chip data-nav data-key="every-kind" href=(address(None, word))
                    aria-current=(desk::current(kind.is_none())) { "Every kind" }
                @for one in kinds {
                    a.chip data-nav data-key={ "kind-" (one) } href=(address(Some(one), word))
                        aria-current=(desk::current(kind == Some(one))) {
                        (one) " " span.count { (count(Some(one), status)) }
                    }
                }
            }
        }
    }
}

const fn tone(status: DeadLetterStatus) -> Tone {
    match status {
        DeadLetterStatus::Pending => Tone::Stuck,
        DeadLetterStatus::Retrying => Tone::Retrying,
        DeadLetterStatus::Resolved => Tone::Completed,
        DeadLetterStatus::Ignored => Tone::Cancelled,
    }
}

fn table(asked: &Asked, page: &DeadLetterPage, viewer: &Viewer) -> Markup {
    if page.dead_letters.is_empty() && page.next_page_token.is_none() {
        return html! { p.empty { "None: nothing here was given up on." } };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Work" }
                    th scope="col" { "Kind" }
                    th scope="col" { "Target" }
                    th scope="col" { "State" }
                    th.num scope="col" { "Attempts" }
                    th.grow scope="col" { "Last error" }
                    th scope="col" { "Since" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody { @for letter in &page.dead_letters { (line(letter, viewer)) } }
        }
        @if let Some(after) = &page.next_page_token {
            @let more = address(asked.kind().as_deref(), asked.status().map_or("any", State::name));
            (desk::more(&format!("{more}&after={}", url::encode(after))))
        }
    }
}

fn line(letter: &DeadLetter, viewer: &Viewer) -> Markup {
    let action = |verb: &str| format!("{}/{}/{verb}", url::DEAD_LETTERS, url::encode(&letter.id));
    let payload = serde_json::to_string_pretty(&letter.payload).unwrap_or_default();
    html! {
        tr data-dead-letter=(letter.id) {
            th scope="row" {
                details {
                    summary { (letter.source) }
                    pre { code { (payload) } }
                    @if let Some(correlation) = &letter.correlation_id {
                        p.muted { "belongs to " (correlation) }
                    }
                }
            }
            td { (letter.kind) }
            td { (letter.target) }
            td { (desk::state(tone(letter.status), letter.status.name())) }
            td.num title={ (letter.retries) " of them from here" } { (letter.attempts) }
            td.grow {
                @match &letter.reason {
                    Some(reason) => { (reason) },
                    None => { code { (letter.error_type) } " " (letter.last_error) },
                }
                @if let Some(by) = &letter.decided_by { " " span.muted { "(" (by) ")" } }
            }
            td { (times::ago(letter.recorded_at, viewer.now)) }
            td {
                @if letter.status == DeadLetterStatus::Pending {
                    form.inline method="post" action=(action("retry")) {
                        button.button { "Retry" }
                    }
                    (desk::reason(&action("ignore"), "Ignore"))
                }
            }
        }
    }
}

/// What somebody decides.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Retry,
    Ignore,
}

/// Why.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Decision {
    reason: String,
}

/// `POST /ui/dead-letters/{id}/{verb}`.
pub(crate) async fn act(
    inspector: Inspector,
    Path((id, verb)): Path<(String, Verb)>,
    axum::Form(Decision { reason }): axum::Form<Decision>,
) -> Response {
    let (engine, by) = (inspector.engine.clone(), inspector.caller.name().to_owned());
    let done = engine.transact(&inspector.namespace, move |tx| match verb {
        Verb::Retry => dead_letters::retry(tx, &id, &by),
        Verb::Ignore => dead_letters::ignore(tx, &id, &by, &reason),
    });
    let said = |letter: DeadLetter| match letter.status {
        DeadLetterStatus::Pending => {
            let text = format!("{} failed again: {}", letter.source, letter.last_error);
            Flash { text, is_error: true }
        }
        status => {
            let text = format!("{} is {}", letter.source, status.name());
            Flash { text, is_error: false }
        }
    };
    desk::decided(done.await.map(said), url::DEAD_LETTERS)
}
