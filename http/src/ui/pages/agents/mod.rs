//! `/ui/agents…`: what agents do, what they would do and somebody has to decide, what they gave up.
//!
//! Every filter is a parameter of the address; every form is a plain form that scripts answer with a
//! toast.

pub(in crate::ui) mod act;
pub(in crate::ui) mod approval;
pub(in crate::ui) mod approvals;
pub(in crate::ui) mod dashboard;
pub(in crate::ui) mod dead_letters;
pub(in crate::ui) mod decisions;
pub(in crate::ui) mod monitoring;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use everstep_engine::Rejection;
use everstep_workflows::agent::{
    AgentError, AgentService, AgentStatus, AgentView, ApprovalStatus, confidence_in_words,
};
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{desk, icons, live, payload, refusal, url};

/// Shown instead of a value, where the server hides them.
const HIDDEN: &str = "hidden";

/// The pages, as the tabs name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Dashboard,
    Approvals,
    Monitoring,
    Decisions,
    DeadLetters,
}

impl Tab {
    const ALL: [Self; 5] =
        [Self::Dashboard, Self::Approvals, Self::Monitoring, Self::Decisions, Self::DeadLetters];

    const fn title(self) -> &'static str {
        match self {
            Self::Dashboard => "Dashboard",
            Self::Approvals => "Pending Approvals",
            Self::Monitoring => "Monitoring",
            Self::Decisions => "Decision History",
            Self::DeadLetters => "Dead Letters",
        }
    }

    const fn address(self) -> &'static str {
        match self {
            Self::Dashboard => url::AGENTS,
            Self::Approvals => url::AGENT_APPROVALS,
            Self::Monitoring => url::AGENT_MONITORING,
            Self::Decisions => url::AGENT_DECISIONS,
            Self::DeadLetters => url::AGENT_DEAD_LETTERS,
        }
    }
}

fn service(inspector: &Inspector, subscriptions: &SubscriptionService) -> AgentService {
    AgentService::new(&inspector.engine, subscriptions)
}

/// A tab's page.
fn page(inspector: &Inspector, headers: &HeaderMap, tab: Tab, body: &Markup) -> Response {
    let viewer = Viewer::new(inspector, headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Agents" }
            span.push {}
            (layout::live_badge())
        }
        nav.chips aria-label="Agents" {
            @for one in Tab::ALL {
                a.chip href=(one.address()) aria-current=[(one == tab).then_some("true")] {
                    (one.title())
                }
            }
        }
        (body)
    };
    Page { title: tab.title(), section: Section::Agents, topics: Some(topics()), body }
        .render(&viewer)
}

fn topics() -> String {
    format!("runs,{}", live::COMMANDS)
}

/// A part that the page keeps up to date.
fn part(id: &str, body: &Markup) -> Markup {
    region(id, &html! { div.table-wrap { (body) } })
}

fn refused(inspector: &Inspector, headers: &HeaderMap, error: &AgentError) -> Response {
    match error {
        AgentError::Engine(rejection) => refusal::page(inspector, headers, rejection),
        AgentError::NotFound(_) | AgentError::RecordNotFound(_) => {
            let mut response =
                refusal::page(inspector, headers, &Rejection::InvalidRequest(error.to_string()))
                    .into_response();
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
        other => refusal::page(inspector, headers, &Rejection::InvalidRequest(other.to_string())),
    }
}

fn pill(tone: Tone, word: &str) -> Markup {
    html! { span class={ "pill " (tone.class()) } { (icons::glyph(tone)) (word) } }
}

fn status_pill(status: AgentStatus) -> Markup {
    match status {
        AgentStatus::Active => pill(Tone::Running, "active"),
        AgentStatus::Paused => pill(Tone::Paused, "paused"),
        AgentStatus::Stopped => pill(Tone::Terminated, "stopped"),
        AgentStatus::ErrorRecovery => pill(Tone::Retrying, "error recovery"),
    }
}

fn approval_pill(status: ApprovalStatus) -> Markup {
    let tone = match status {
        ApprovalStatus::Pending => Tone::Waiting,
        ApprovalStatus::Approved => Tone::Completed,
        ApprovalStatus::Rejected => Tone::Cancelled,
        ApprovalStatus::Expired => Tone::TimedOut,
    };
    pill(tone, status.name())
}

/// A word and a number: never colour alone.
fn confidence(sure: f64) -> Markup {
    html! { span.num title="How sure the agent is" { (confidence_in_words(sure)) } }
}

/// Text that an agent or a model wrote.
fn said(inspector: &Inspector, text: &str, most: usize) -> String {
    match inspector.engine.hides_values() {
        true => HIDDEN.to_owned(),
        false => payload::one_line(text, most),
    }
}

/// Which records a list shows, as the address says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct Wanted {
    agent: String,
    status: String,
    after: String,
}

impl Wanted {
    /// Where the page begins.
    fn after(&self) -> Option<&str> {
        Some(self.after.as_str()).filter(|after| !after.is_empty())
    }

    /// The way to what follows, with the filters as they are.
    fn more(&self, tab: Tab, next: Option<&str>) -> Markup {
        let Some(next) = next else { return html! {} };
        let all = [("agent", self.agent.as_str()), ("status", self.status.as_str())];
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        desk::more(&url::with_query(tab.address(), given.chain([("after", next)])))
    }

    fn agent(&self) -> Option<&str> {
        Some(self.agent.as_str()).filter(|agent| !agent.is_empty())
    }

    /// The form above a list of records that have a status: the address without one shows `unsaid`.
    fn filters(
        &self,
        agents: &[AgentView],
        tab: Tab,
        unsaid: &str,
        statuses: &[&'static str],
    ) -> Markup {
        html! {
            form.filters #filters data-region method="get" action=(tab.address()) {
                (agent_choice(agents, self.agent()))
                label.field {
                    span { "Status" }
                    select name="status" {
                        option value="" { (unsaid) }
                        @for one in statuses.iter().filter(|one| **one != unsaid) {
                            option value=(one) selected[*one == self.status] { (one) }
                        }
                    }
                }
                noscript { button.button type="submit" { "Filter" } }
            }
        }
    }
}

/// The agents to choose from.
fn agent_choice(agents: &[AgentView], chosen: Option<&str>) -> Markup {
    html! {
        label.field {
            span { "Agent" }
            select name="agent" {
                option value="" { "All agents" }
                @for agent in agents {
                    option value=(agent.agent_id)
                        selected[chosen == Some(agent.agent_id.as_str())] { (agent.agent_id) }
                }
            }
        }
    }
}
