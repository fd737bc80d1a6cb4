//! `GET /ui/agents/decisions`: what agents concluded. The address is the filter: `agent`, `action`,
//! `from` and `to`; the last seven days where no time is given.

use axum::extract::{Extension, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::Timestamp;
use everstep_workflows::agent::{AgentView, DecisionFilter, DecisionView};
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Tab, agent_choice, confidence, page as tab_page, part, pill, refused, said, service};
use crate::ui::inspector::Inspector;
use crate::ui::layout::Viewer;
use crate::ui::tone::Tone;
use crate::ui::{desk, times, url};

/// Decisions that a page shows.
const SHOWN: usize = 200;
/// How far back a page looks that is told no time.
const DEFAULT_SPAN_MS: u64 = 7 * 86_400_000;
const DAY_MS: i64 = 86_400_000;
/// What became of decisions, and how they were carried out.
const ACTIONS: [&str; 8] = [
    "auto-execute",
    "flag-for-review",
    "executed",
    "pending",
    "approved",
    "rejected",
    "expired",
    "failed",
];

/// The filter, as the address has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct Wanted {
    agent: String,
    action: String,
    from: String,
    to: String,
    after: String,
}

impl Wanted {
    /// The way to what follows, with the filters as they are.
    fn more(&self, next: Option<&str>) -> Markup {
        let Some(next) = next else { return html! {} };
        let Self { agent, action, from, to, .. } = self;
        let all = [("agent", agent), ("action", action), ("from", from), ("to", to)];
        let all = all.into_iter().map(|(name, value)| (name, value.as_str()));
        let given = all.filter(|(_, value)| !value.is_empty()).chain([("after", next)]);
        desk::more(&url::with_query(url::AGENT_DECISIONS, given))
    }
}

/// A time, or a day: its beginning, or its end.
fn time(text: &str, is_end: bool) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let day = format!("{text}T00:00:00Z").parse::<Timestamp>().ok()?;
    let end = if is_end { DAY_MS - 1 } else { 0 };
    Some(Timestamp::from_millis(day.as_millis() + end))
}

/// Answers the list.
pub(in crate::ui) async fn page(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let service = service(&inspector, &subscriptions);
    let viewer = Viewer::new(&inspector, &headers);
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let from = time(wanted.from.trim(), false);
    let back = i64::try_from(DEFAULT_SPAN_MS).unwrap_or_default();
    let week = Timestamp::from_millis(viewer.now.as_millis() - back);
    let to = time(wanted.to.trim(), true);
    let filter = DecisionFilter {
        agent: given(&wanted.agent),
        action: given(&wanted.action),
        from: from.or_else(|| to.is_none().then_some(week)),
        to,
    };
    let found = async {
        let agents = service.list(&inspector.namespace).await?;
        let all = service
            .decisions(&inspector.namespace, &filter, given(&wanted.after).as_deref(), SHOWN)
            .await?;
        Ok((agents, all))
    };
    let (agents, all) = match found.await {
        Ok(found) => found,
        Err(error) => return refused(&inspector, &headers, &error),
    };
    let body = html! {
        (filters(&agents, &wanted, &all.items))
        (part("decisions", &html! {
            (table(&inspector, &all.items, &viewer, &wanted))
            (wanted.more(all.next_page_token.as_deref()))
        }))
    };
    tab_page(&inspector, &headers, Tab::Decisions, &body)
}

fn filters(agents: &[AgentView], wanted: &Wanted, all: &[DecisionView]) -> Markup {
    let mut actions: Vec<String> = ACTIONS.map(str::to_owned).into();
    let types = all.iter().filter_map(|one| one.record["action"]["type"].as_str());
    let chosen = Some(wanted.action.as_str()).filter(|action| !action.is_empty());
    for name in types.chain(chosen) {
        if !actions.iter().any(|known| known == name) {
            actions.insert(0, name.to_owned());
        }
    }
    let agent = Some(wanted.agent.as_str()).filter(|agent| !agent.is_empty());
    html! {
        form.filters #filters data-region method="get" action=(url::AGENT_DECISIONS) {
            (agent_choice(agents, agent))
            label.field {
                span { "Action" }
                select name="action" {
                    option value="" { "All actions" }
                    @for action in &actions {
                        option value=(action) selected[*action == wanted.action] { (action) }
                    }
                }
            }
            label.field {
                span { "From" }
                input type="date" name="from" value=(wanted.from);
            }
            label.field {
                span { "To" }
                input type="date" name="to" value=(wanted.to);
            }
            a.button #clear-filters href=(url::AGENT_DECISIONS) data-nav { "Clear filters" }
            noscript { button.button type="submit" { "Filter" } }
        }
    }
}

fn table(inspector: &Inspector, all: &[DecisionView], viewer: &Viewer, wanted: &Wanted) -> Markup {
    let span = match (wanted.from.is_empty(), wanted.to.is_empty()) {
        (true, true) => "Last 7 days".to_owned(),
        (false, true) => format!("From {}", wanted.from),
        (true, false) => format!("Until {}", wanted.to),
        (false, false) => format!("{} to {}", wanted.from, wanted.to),
    };
    html! {
        p.muted #decisions-span { (span) ": " (all.len()) " decisions" }
        @if all.is_empty() {
            div.empty { strong { "No decisions" } p { "Nothing was concluded in this time." } }
        } @else {
            table.list {
                thead {
                    tr {
                        th scope="col" { "When" }
                        th scope="col" { "Agent" }
                        th scope="col" { "Pattern" }
                        th scope="col" { "Action" }
                        th scope="col" { "Outcome" }
                        th scope="col" { "Confidence" }
                        th scope="col" { "By" }
                        th.grow scope="col" { "Why" }
                    }
                }
                tbody { @for one in all { (line(inspector, one, viewer)) } }
            }
        }
    }
}

fn line(inspector: &Inspector, one: &DecisionView, viewer: &Viewer) -> Markup {
    let text = |field: &str| one.record[field].as_str().unwrap_or_default().to_owned();
    let id = text("decisionId");
    let tone = match one.outcome.as_str() {
        "executed" | "approved" => Tone::Completed,
        "pending" | "processing" => Tone::Waiting,
        "rejected" => Tone::Cancelled,
        "expired" => Tone::TimedOut,
        "failed" => Tone::Failed,
        _ => Tone::Continued,
    };
    html! {
        tr data-key=(id) data-decision=(id) data-agent=(one.agent_id) {
            td { (times::ago(one.at, viewer.now)) }
            td { (one.agent_id) }
            td { (text("patternDetected")) }
            td {
                a.row-link href=(url::workflow(&format!("agent:{id}"))) data-row {
                    (one.record["action"]["type"].as_str().unwrap_or("none"))
                }
            }
            td.status { (pill(tone, &one.outcome)) }
            td { (confidence(one.record["confidence"].as_f64().unwrap_or_default())) }
            td { (text("analysisMethod")) }
            td.grow { (said(inspector, &text("reasoning"), 120)) }
        }
    }
}
