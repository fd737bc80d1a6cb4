//! `GET /ui/agents/monitoring`: how far agents are, what they have used, what they last wrote down.

use axum::extract::Extension;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_workflows::agent::{AgentView, AuditEvent};
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};

use super::{HIDDEN, Tab, page as tab_page, part, refused, service, status_pill};
use crate::ui::inspector::Inspector;
use crate::ui::layout::Viewer;
use crate::ui::{payload, times, url};

/// Records of the audit that are shown.
const RECORDS: usize = 50;

/// Answers the page.
pub(in crate::ui) async fn page(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    headers: HeaderMap,
) -> Response {
    let service = service(&inspector, &subscriptions);
    let found = async {
        let agents = service.list(&inspector.namespace).await?;
        let audit = service.audit(&inspector.namespace, None, None, None, RECORDS).await?;
        Ok((agents, audit))
    };
    let (agents, audit) = match found.await {
        Ok(found) => found,
        Err(error) => return refused(&inspector, &headers, &error),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (part("agents-usage", &usage(&agents)))
        h2 { "Audit" }
        (part("agents-audit", &records(&inspector, &audit.items, &viewer)))
    };
    tab_page(&inspector, &headers, Tab::Monitoring, &body)
}

/// Dollars, in cents of cents.
fn usd(micro: u64) -> String {
    format!("${}.{:04}", micro / 1_000_000, (micro % 1_000_000) / 100)
}

fn usage(agents: &[AgentView]) -> Markup {
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Agent" }
                    th scope="col" { "Status" }
                    th scope="col" { "Subscription" }
                    th.num scope="col" { "Checkpoint" }
                    th scope="col" { "Model" }
                    th.num scope="col" { "Questions a minute" }
                    th.num scope="col" { "Queue" }
                    th.num scope="col" { "Spent today" }
                }
            }
            tbody {
                @for agent in agents {
                    @let limits = &agent.settings.limits;
                    tr data-key=(agent.agent_id) data-agent=(agent.agent_id) {
                        th scope="row" { (agent.agent_id) }
                        td { (status_pill(agent.checkpoint.status)) }
                        td {
                            a href=(url::subscription(&agent.subscription_id)) {
                                (agent.subscription_id)
                            }
                        }
                        td.num { (agent.checkpoint.last_processed_position) }
                        td {
                            @match (&agent.settings.model, agent.asks_model) {
                                (Some(model), true) => { (model) },
                                (None, true) => { "default" },
                                (_, false) => { span.muted { "rules" } },
                            }
                        }
                        td.num {
                            (agent.usage.requests_in_the_last_minute) " / "
                            (limits.max_requests_per_minute)
                        }
                        td.num { (agent.usage.queue_depth) " / " (limits.queue_depth) }
                        td.num {
                            (usd(agent.usage.spent_micro_usd)) " / "
                            (usd(limits.daily_budget_micro_usd))
                            @if agent.usage.budget_alert { " " strong { "nearly spent" } }
                        }
                    }
                }
            }
        }
    }
}

fn records(inspector: &Inspector, audit: &[AuditEvent], viewer: &Viewer) -> Markup {
    if audit.is_empty() {
        return html! { div.empty { p { "Nothing was written down yet." } } };
    }
    let hides = inspector.engine.hides_values();
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "When" }
                    th scope="col" { "Agent" }
                    th scope="col" { "Record" }
                    th.grow scope="col" { "Details" }
                }
            }
            tbody {
                @for record in audit {
                    tr data-key={ (record.agent_id) "-" (record.audit_id) } {
                        td { (times::ago(record.at, viewer.now)) }
                        td { (record.agent_id) }
                        td { (record.audit_type.name()) }
                        td.grow.mono {
                            @if hides { (HIDDEN) }
                            @else { (payload::one_line(&record.data.to_string(), 160)) }
                        }
                    }
                }
            }
        }
    }
}
