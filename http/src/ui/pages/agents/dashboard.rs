//! `GET /ui/agents`: what needs somebody first, then each agent.

use axum::extract::Extension;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_workflows::agent::{AgentStatus, AgentView};
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};

use super::{Tab, page as tab_page, part, refused, service, status_pill};
use crate::ui::inspector::Inspector;
use crate::ui::pages::run_actions::buttons;
use crate::ui::url;

/// Answers the dashboard.
pub(in crate::ui) async fn page(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    headers: HeaderMap,
) -> Response {
    let agents = match service(&inspector, &subscriptions).list(&inspector.namespace).await {
        Ok(agents) => agents,
        Err(error) => return refused(&inspector, &headers, &error),
    };
    let body = html! {
        (part("agents-need", &needs(&agents)))
        (part("agents", &table(&agents)))
    };
    tab_page(&inspector, &headers, Tab::Dashboard, &body)
}

fn needs(agents: &[AgentView]) -> Markup {
    let approvals: usize = agents.iter().map(|agent| agent.pending_approvals).sum();
    let letters: u64 = agents.iter().map(|agent| agent.pending_dead_letters).sum();
    let resting = agents.iter().filter(|it| it.checkpoint.status != AgentStatus::Active).count();
    html! {
        p #agents-summary {
            strong { "Needs you: " }
            a href=(url::AGENT_APPROVALS) { (approvals) " pending approvals" } ", "
            a href=(url::with_query(url::AGENT_DEAD_LETTERS, [("status", "pending")])) {
                (letters) " dead letters"
            } ", "
            a href=(url::AGENT_MONITORING) { (resting) " agents that take no events" }
        }
    }
}

fn table(agents: &[AgentView]) -> Markup {
    if agents.is_empty() {
        return html! {
            div.empty { strong { "No agents" } p { "The worker registers none." } }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Agent" }
                    th scope="col" { "Status" }
                    th.grow scope="col" { "What for" }
                    th.num scope="col" { "Events" }
                    th.num scope="col" { "Approvals" }
                    th.num scope="col" { "Dead letters" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody {
                @for agent in agents {
                    tr data-key=(agent.agent_id) data-agent=(agent.agent_id) {
                        th scope="row" {
                            a href=(url::with_query(
                                url::AGENT_DECISIONS, [("agent", agent.agent_id.as_str())],
                            )) { (agent.agent_id) }
                        }
                        td { (status_pill(agent.checkpoint.status)) }
                        td.grow {
                            (agent.description)
                            @if let Some(reason) = &agent.checkpoint.reason {
                                " " span.muted { (reason) }
                            }
                        }
                        td.num { (agent.checkpoint.events_processed) }
                        td.num { (agent.pending_approvals) }
                        td.num { (agent.pending_dead_letters) }
                        td { (steering(agent)) }
                    }
                }
            }
        }
    }
}

/// What the agent's status allows.
fn steering(agent: &AgentView) -> Markup {
    let verbs: &[(&str, &str)] = match agent.checkpoint.status {
        AgentStatus::Active => &[("pause", "Pause"), ("stop", "Stop")],
        AgentStatus::Paused => &[("resume", "Resume"), ("stop", "Stop")],
        AgentStatus::ErrorRecovery => &[("resume", "Resume"), ("stop", "Stop")],
        AgentStatus::Stopped => &[("start", "Start")],
    };
    html! {
        div.actions data-hold {
            @for (verb, word) in verbs {
                @let address = format!("{}/{verb}", url::agent(&agent.agent_id));
                @let id = format!("{verb}-{}", agent.agent_id);
                details.action id=(id) name="action" data-key=(id) {
                    summary.button.small { (word) }
                    form method="post" action=(address) data-live {
                        h2 { (word) " " (agent.agent_id) "?" }
                        label.field {
                            span { "Reason, kept in the audit" }
                            input type="text" name="reason" maxlength="500" autocomplete="off";
                        }
                        (buttons(&html! { button.button.primary type="submit" { (word) } }))
                    }
                }
            }
        }
    }
}
