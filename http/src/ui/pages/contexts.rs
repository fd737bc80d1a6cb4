//! `GET /ui/contexts`: bounded contexts, their contracts, the map of how they relate, and how far
//! their rows of an older shape are taken along.

use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::contexts::{self, Contexts, Contract, Direction, Neighbour};
use maud::{Markup, html};

use super::migrations;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{live, refusal};

/// Answers the page.
pub(crate) async fn page(inspector: Inspector, headers: HeaderMap) -> Response {
    let found =
        inspector.read(|inspector| contexts::migrations(&inspector.engine, &inspector.namespace));
    let migrations = match found.await {
        Ok(migrations) => migrations,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let contexts = inspector.engine.extension::<Contexts>();
    let body = html! {
        (layout::head("Contexts"))
        (region("declared", &html! {
            @match contexts {
                Some(contexts) => (declared(contexts)),
                None => p.empty {
                    "No bounded contexts: the worker declares none."
                },
            }
        }))
        (region("migrations", &migrations::table(&migrations, &viewer)))
    };
    // What takes rows along is a workflow.
    let topics = Some(format!("{},runs", live::WORKER));
    Page { title: "Contexts", section: Section::Contexts, topics, body }.render(&viewer)
}

fn declared(contexts: &Contexts) -> Markup {
    let map = contexts.map();
    html! {
        div.table-wrap {
            table #contexts {
                thead {
                    tr {
                        th scope="col" { "Context" }
                        th.grow scope="col" { "What it is for" }
                        th scope="col" { "Takes" }
                        th scope="col" { "Emits" }
                        th scope="col" { "Keeps" }
                        th scope="col" { "Relates with" }
                    }
                }
                tbody {
                    @for contract in contexts.contracts() {
                        (line(contract, &map.neighbours(contract.name())))
                    }
                }
            }
        }
        @if !map.relationships().is_empty() {
            h2 { "Context map" }
            div.table-wrap {
                table #context-map {
                    thead {
                        tr {
                            th scope="col" { "Upstream" }
                            th scope="col" { "Relationship" }
                            th scope="col" { "Downstream" }
                            th.grow scope="col" { "What it is for" }
                        }
                    }
                    tbody {
                        @for one in map.relationships() {
                            tr {
                                th scope="row" { (one.upstream) }
                                td { (one.kind) @if one.kind.is_mutual() { " ↔" } @else { " →" } }
                                td { (one.downstream) }
                                td.grow { (one.description) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn line(contract: &Contract, neighbours: &[Neighbour]) -> Markup {
    let tables = contract.cms_types.iter().map(|(name, version)| format!("{name} {version}"));
    html! {
        tr data-context=(contract.name()) {
            th scope="row" { (contract.name()) " " span.chip { (contract.identity.version) } }
            td.grow { (contract.identity.description) }
            td { (names(contract.command_types.iter().cloned())) }
            td { (names(contract.event_types.iter().cloned())) }
            td { (names(tables)) }
            td {
                (names(neighbours.iter().map(|one| match one.direction {
                    Direction::Upstream => format!("→ {}", one.context),
                    Direction::Downstream => format!("← {}", one.context),
                    Direction::Mutual => format!("↔ {}", one.context),
                })))
            }
        }
    }
}

fn names(names: impl Iterator<Item = String>) -> Markup {
    html! { @for name in names { div { (name) } } }
}
