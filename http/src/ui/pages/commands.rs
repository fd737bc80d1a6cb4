//! `GET /ui/commands`: commands, newest first, by status.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::commands::{CommandQuery, CommandReader, CommandRecord, CommandStatus};
use everstep_engine::{Rejection, Timestamp, TransactError};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{live, payload, refusal, times, url};

const PAGE_SIZE: usize = 50;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    status: String,
    page: Option<String>,
}

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let reader = reader(&inspector);
    let status = CommandStatus::named(&asked.status);
    let query = CommandQuery { status, limit: PAGE_SIZE, page_token: asked.page };
    let found = match reader.list(query).await {
        Ok(found) => found,
        Err(error) => return refusal::page(&inspector, &headers, &rejection(error)),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let shown = status.map_or("", CommandStatus::name);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Commands" }
            span.push {}
            a.button href=(url::EVENTS) { "Events" }
            (layout::live_badge())
        }
        form.filters method="get" action=(url::COMMANDS) {
            label { "Status "
                select name="status" {
                    option value="" selected[shown.is_empty()] { "all" }
                    @for status in CommandStatus::ALL.into_iter().skip(1) {
                        option value=(status.name()) selected[shown == status.name()] { (status.name()) }
                    }
                }
            }
            button.button type="submit" { "Show" }
        }
        (region("commands", &table(&found.commands, viewer.now)))
        @if let Some(next) = &found.next_page_token {
            nav.pager aria-label="Pages" {
                span.push {
                    a.button.small href=(url::with_query(url::COMMANDS, [("status", shown), ("page", next.as_str())])) { "Next" }
                }
            }
        }
    };
    let topics = Some(live::COMMANDS.to_owned());
    Page { title: "Commands", section: Section::Events, topics, body }.render(&viewer)
}

/// Who reads for this page.
pub(super) fn reader(inspector: &Inspector) -> CommandReader {
    CommandReader::new(inspector.engine.clone(), inspector.namespace.clone())
}

/// Why the store gave nothing.
pub(super) fn rejection(error: TransactError) -> Rejection {
    match error {
        TransactError::Rejected(rejection) => rejection,
        error => Rejection::InvalidRequest(error.to_string()),
    }
}

fn table(commands: &[CommandRecord], now: Timestamp) -> Markup {
    html! {
        div.table-wrap {
            @if commands.is_empty() {
                div.empty { strong { "No commands" } }
            } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "Command" }
                            th scope="col" { "Id" }
                            th scope="col" { "Status" }
                            th scope="col" { "By" }
                            th.end scope="col" { "Events" }
                            th scope="col" { "Received" }
                        }
                    }
                    tbody {
                        @for command in commands {
                            tr data-command=(command.command_id) data-key=(command.command_id) {
                                td { (command.command_type) }
                                td { a.row-link.mono href=(url::command(&command.command_id)) data-row { (payload::one_line(&command.command_id, 60)) } }
                                td { (command.status.name()) @if let Some(code) = &command.code { " " span.mono { (code) } } }
                                td { (payload::one_line(&command.user_id, 40)) }
                                td.end { (command.events) }
                                td { (times::ago(Timestamp::from_millis(command.received_at_ms), now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
