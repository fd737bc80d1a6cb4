//! `GET /ui/publications`: what contexts tell each other, and how far each delivery is.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::decider::fsm::State;
use everstep_workflows::publication::{
    self, Publication, PublicationFilter, PublicationPage, PublicationStatus,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{desk, icons, live, refusal, times, url};

/// Publications that a page shows.
const SHOWN: usize = 100;
/// The kind of dead letter that one becomes which was given up on.
const KIND: &str = "publication";

/// Which publications.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    status: Option<String>,
    target: Option<String>,
    event: Option<u64>,
    after: Option<String>,
}

impl Asked {
    fn status(&self) -> Option<PublicationStatus> {
        PublicationStatus::named(self.status.as_deref()?)
    }

    fn target(&self) -> Option<&str> {
        self.target.as_deref().filter(|target| !target.is_empty())
    }

    /// The same list with another status.
    fn address(&self, status: Option<&str>) -> String {
        let event = self.event.map(|event| event.to_string());
        let status = status.map(|status| ("status", status));
        let target = self.target().map(|target| ("target", target));
        let event = event.as_deref().map(|event| ("event", event));
        url::with_query(url::PUBLICATIONS, status.into_iter().chain(target).chain(event))
    }
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let (status, target) = (asked.status(), asked.target().map(str::to_owned));
    let filter = PublicationFilter { position: asked.event, status, target };
    let after = asked.after.clone();
    let found = inspector.read(move |inspector| {
        let rows = inspector.engine.rows(&inspector.namespace)?;
        publication::list(&rows, &filter, after.as_deref(), SHOWN)
    });
    let page = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Publications"))
        (tabs(url::PUBLICATIONS))
        (region("publications", &html! {
            (filters(&asked))
            (table(&asked, &page, &viewer))
        }))
    };
    let topics = Some(format!("{},runs", live::LOG));
    Page { title: "Publications", section: Section::Publications, topics, body }.render(&viewer)
}

/// What is told, and what is waited for.
pub(super) fn tabs(at: &str) -> Markup {
    html! {
        nav.chips aria-label="Part" {
            @for (address, word) in [(url::PUBLICATIONS, "Publications"), (url::INTENTS, "Open intents")] {
                a.chip data-key=(word) href=(address)
                    aria-current=(desk::current(address == at)) { (word) }
            }
        }
    }
}

fn filters(asked: &Asked) -> Markup {
    let status = asked.status();
    html! {
        nav.chips aria-label="Status" {
            a.chip data-nav data-key="all" href=(asked.address(None))
                aria-current=(desk::current(status.is_none())) { "All" }
            @for one in PublicationStatus::ALL {
                a class={ "chip " (tone(*one).class()) } data-nav data-key=(one.name())
                    href=(asked.address(Some(one.name())))
                    aria-current=(desk::current(status == Some(*one))) {
                    (icons::glyph(tone(*one))) (word(*one))
                }
            }
        }
    }
}

const fn tone(status: PublicationStatus) -> Tone {
    match status {
        PublicationStatus::Pending => Tone::Waiting,
        PublicationStatus::Delivered => Tone::Completed,
        PublicationStatus::Failed => Tone::Retrying,
        PublicationStatus::DeadLetter => Tone::Failed,
    }
}

fn word(status: PublicationStatus) -> String {
    status.name().replace('_', " ")
}

fn table(asked: &Asked, page: &PublicationPage, viewer: &Viewer) -> Markup {
    if page.publications.is_empty() && page.next_page_token.is_none() {
        return html! {
            p.empty { "None. A worker says with " code { "Worker::publish_to" } " who is told what." }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th.num scope="col" { "Event" }
                    th scope="col" { "Type" }
                    th scope="col" { "From" }
                    th scope="col" { "To" }
                    th scope="col" { "Status" }
                    th.num scope="col" { "Attempts" }
                    th.grow scope="col" { "Last error" }
                    th scope="col" { "Since" }
                }
            }
            tbody { @for one in &page.publications { (line(one, viewer)) } }
        }
        @if let Some(after) = &page.next_page_token {
            @let address = asked.address(asked.status().map(State::name));
            @let joint = if address.contains('?') { '&' } else { '?' };
            (desk::more(&format!("{address}{joint}after={}", url::encode(after))))
        }
    }
}

fn line(one: &Publication, viewer: &Viewer) -> Markup {
    let letters = url::with_query(url::DEAD_LETTERS, [("kind", KIND), ("status", "pending")]);
    html! {
        tr data-publication={ (one.position) "/" (one.target_context) }
            data-key={ (one.position) "/" (one.target_context) } {
            th.num scope="row" { a href=(url::event(one.position)) { (one.position) } }
            td { (one.event_type) }
            td { (one.source_context.as_deref().unwrap_or("–")) }
            td { (one.target_context) }
            td {
                (desk::state(tone(one.status), &word(one.status)))
                @if one.status == PublicationStatus::DeadLetter {
                    " " a href=(letters) { "decide" }
                }
            }
            td.num { (one.attempt_count) }
            td.grow { (one.last_error.as_deref().unwrap_or_default()) }
            td { (times::ago(one.updated_at, viewer.now)) }
        }
    }
}
