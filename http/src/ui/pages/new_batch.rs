//! `GET /ui/batches/new`: what is to be done to every run that a filter names, and how many those
//! are.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{BatchOperation, BatchRequest, ListFilter, Rejection, ResetRequest};
use maud::{Markup, html};

use crate::ui::batches::FILTER;
use crate::ui::filter::Filter;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::{refusal, url};

/// How many runs each act would be for.
struct Counts {
    /// Open runs; none when the filter asks for closed ones.
    open: Option<u64>,
    /// The newest run of each id.
    newest: u64,
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asked = Filter::parse(pairs).first_page();
    let (filter, problems) = asked.to_list(&inspector.namespace, inspector.engine.now());
    let wanted = filter.clone();
    let counts = match inspector.read(move |inspector| count(inspector, &wanted)).await {
        Ok(counts) => counts,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Act on all matching" }
            span.push {}
            a.button.small href=(asked.address()) { "Back to the list" }
        }
        @for problem in &problems { p.problem role="alert" { (problem) } }
        // A filter that was not understood would name more runs than were meant.
        @if problems.is_empty() {
            (sentence(&filter, &counts))
            (forms(&filter, &counts))
        }
    };
    Page { title: "Act on all matching", section: Section::Batches, topics: None, body }
        .render(&viewer)
}

fn count(inspector: &Inspector, filter: &ListFilter) -> Result<Counts, Rejection> {
    let count =
        |operation| inspector.engine.count_batch(&BatchRequest::new(filter.clone(), operation));
    let closed = filter.status.is_some_and(|status| status.is_closed());
    let open = if closed { None } else { Some(count(BatchOperation::Cancel)?) };
    let reset = BatchOperation::Reset(Box::new(ResetRequest::new(1, "")));
    Ok(Counts { open, newest: count(reset)? })
}

fn runs(count: u64) -> String {
    match count {
        1 => "1 run".to_owned(),
        count => format!("{count} runs"),
    }
}

/// The filter in words.
pub(super) fn words(filter: &ListFilter) -> Markup {
    let parameters = filter.parameters();
    html! {
        @if parameters.is_empty() { "every run" }
        @for (index, (name, value)) in parameters.iter().enumerate() {
            @if index > 0 { " and " }
            span.mono { (name) "=" (value) }
        }
    }
}

fn sentence(filter: &ListFilter, counts: &Counts) -> Markup {
    html! {
        section.card aria-label="Which runs" {
            div.card-body {
                p #matching {
                    "The filter " (words(filter)) " names "
                    @if let Some(open) = counts.open { strong { (runs(open)) } " that are open, and " }
                    strong { (runs(counts.newest)) } " that can be reset (the newest of each id)."
                }
                p.muted {
                    "The batch runs as a workflow of its own: other work goes on beside it, it survives a "
                    "restart, and it can be paused and cancelled. Runs that start after it are not hit."
                }
            }
        }
    }
}

fn forms(filter: &ListFilter, counts: &Counts) -> Markup {
    let reason = html! {
        label.field {
            span { "Reason, kept in the histories" }
            input type="text" name="reason" required maxlength="500" autocomplete="off";
        }
    };
    html! {
        div.batch-forms {
            @if let Some(open) = counts.open {
                (form(filter, "terminate", "Terminate", open, &html! {
                    p { "They end at once: no clean-up and no compensation runs." }
                    (reason)
                }))
                (form(filter, "cancel", "Cancel", open, &html! {
                    p { "Each is asked to end in its own way, with its clean-up." }
                }))
                (form(filter, "signal", "Signal", open, &html! {
                    label.field {
                        span { "Name" }
                        input type="text" name="name" required maxlength="512" autocomplete="off"
                            spellcheck="false";
                    }
                    label.field {
                        span { "Payload (JSON; empty is null)" }
                        textarea name="payload" rows="3" spellcheck="false" {}
                    }
                }))
            }
            (form(filter, "reset", "Reset", counts.newest, &html! {
                p { "A new run of each id takes over the history up to the event. Open ones are terminated." }
                label.field {
                    span { "Last event that is taken over" }
                    input type="number" name="to_event_id" min="1" required value="1";
                }
                (reason)
                label.row {
                    input type="checkbox" name="reapply_signals" value="true" checked;
                    span { "Receive later signals again" }
                }
            }))
        }
    }
}

/// A form whose button says how many runs it is about.
fn form(filter: &ListFilter, operation: &str, verb: &str, count: u64, body: &Markup) -> Markup {
    let danger = operation == "terminate";
    html! {
        section.card {
            div.card-head { h2 { (verb) } }
            form.card-body method="post" action=(url::BATCHES) id={ "batch-" (operation) } {
                input type="hidden" name="operation" value=(operation);
                @for (name, value) in filter.parameters() {
                    input type="hidden" name={ (FILTER) (name) } value=(value);
                }
                (body)
                div.row {
                    button.button.primary.danger[danger] type="submit" disabled[count == 0] {
                        (verb) " " (runs(count))
                    }
                }
            }
        }
    }
}
