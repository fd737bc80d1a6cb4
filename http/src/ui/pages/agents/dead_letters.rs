//! `GET /ui/agents/dead-letters`: events and commands that agents gave up on.

use axum::extract::{Extension, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_workflows::agent::{AgentDeadLetter, AgentPage};
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};

use super::{Tab, Wanted, page as tab_page, part, pill, refused, said, service};
use crate::ui::inspector::Inspector;
use crate::ui::layout::Viewer;
use crate::ui::pages::run_actions::buttons;
use crate::ui::tone::Tone;
use crate::ui::{times, url};

/// Dead letters that a page shows.
const SHOWN: usize = 200;
/// What can be asked for.
const STATUSES: [&str; 4] = ["pending", "retrying", "replayed", "ignored"];

/// Answers the list.
pub(in crate::ui) async fn page(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let service = service(&inspector, &subscriptions);
    let agents = match service.list(&inspector.namespace).await {
        Ok(agents) => agents,
        Err(error) => return refused(&inspector, &headers, &error),
    };
    let agent = wanted.agent().map(str::to_owned);
    let status = Some(wanted.status.clone()).filter(|one| STATUSES.contains(&one.as_str()));
    let after = wanted.after().map(str::to_owned);
    let namespace = inspector.namespace.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let (agent, status) = (agent.as_deref(), status.as_deref());
        service.dead_letters(&namespace, agent, status, after.as_deref(), SHOWN)
    });
    let all = match reading.await {
        Ok(Ok(all)) => all,
        Ok(Err(error)) => return refused(&inspector, &headers, &error),
        Err(_) => AgentPage { items: Vec::new(), next_page_token: None },
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (wanted.filters(&agents, Tab::DeadLetters, "All", &STATUSES))
        (part("dead-letters", &html! {
            (table(&inspector, &all.items, &viewer))
            (wanted.more(Tab::DeadLetters, all.next_page_token.as_deref()))
        }))
    };
    tab_page(&inspector, &headers, Tab::DeadLetters, &body)
}

fn table(inspector: &Inspector, all: &[AgentDeadLetter], viewer: &Viewer) -> Markup {
    if all.is_empty() {
        return html! {
            div.empty { strong { "No dead letters" } p { "Nothing was given up." } }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Agent" }
                    th scope="col" { "Event Type" }
                    th.grow scope="col" { "Error" }
                    th scope="col" { "Status" }
                    th scope="col" { "Timestamp" }
                    th scope="col" { "Actions" }
                }
            }
            tbody {
                @for one in all {
                    tr data-key=(one.dead_letter_id) data-letter=(one.dead_letter_id)
                        data-event=(one.event_id) {
                        th scope="row" { (one.agent_id) }
                        td { (one.event_type) " " span.muted { (one.event_id) } }
                        td.grow {
                            span.mono { (one.reason) } " " (said(inspector, &one.error, 160))
                            @if let Some(why) = &one.ignored_because {
                                " " span.muted { "ignored: " (said(inspector, why, 160)) }
                            }
                        }
                        td.status { (status(&one.status)) }
                        td { (times::ago(one.recorded_at, viewer.now)) }
                        td { (deciding(one)) }
                    }
                }
            }
        }
    }
}

fn status(word: &str) -> Markup {
    let tone = match word {
        "pending" => Tone::Failed,
        "retrying" => Tone::Retrying,
        "replayed" => Tone::Completed,
        _ => Tone::Cancelled,
    };
    pill(tone, word)
}

fn deciding(one: &AgentDeadLetter) -> Markup {
    if one.status != "pending" {
        return html! {};
    }
    let address = |verb: &str| format!("{}/{verb}", url::agent_dead_letter(&one.dead_letter_id));
    let id = format!("ignore-{}", one.dead_letter_id);
    html! {
        div.actions data-hold {
            form.inline method="post" action=(address("replay")) data-live {
                button.button.small type="submit" { "Replay" }
            }
            details.action id=(id) name="action" data-key=(id) {
                summary.button.small.danger { "Ignore" }
                form method="post" action=(address("ignore")) data-live {
                    h2 { "Ignore " (one.event_type) "?" }
                    p { "It is not handled; later events of its lane go on." }
                    label.field {
                        span { "Reason" }
                        input type="text" name="reason" required maxlength="500" autocomplete="off";
                    }
                    (buttons(&html! {
                        button.button.danger.primary type="submit" { "Ignore it" }
                    }))
                }
            }
        }
    }
}
