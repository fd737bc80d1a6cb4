//! `GET /ui/agents/approvals/{id}`: one approval, with what led to it.

use axum::extract::{Extension, Path};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::Payload;
use everstep_workflows::agent::{AgentApproval, confidence_in_words};
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};

use super::approvals::deciding;
use super::{HIDDEN, Tab, approval_pill, page as tab_page, part, refused, said, service};
use crate::ui::inspector::Inspector;
use crate::ui::layout::Viewer;
use crate::ui::{payload, times, url};

/// Answers the page.
pub(in crate::ui) async fn page(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = service(&inspector, &subscriptions).approval(&inspector.namespace, &id).await;
    let approval = match found {
        Ok(approval) => approval,
        Err(error) => return refused(&inspector, &headers, &error),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        p { a href=(url::AGENT_APPROVALS) { "Pending Approvals" } " / " (approval.approval_id) }
        (part("approval", &detail(&inspector, &approval, &viewer)))
    };
    tab_page(&inspector, &headers, Tab::Approvals, &body)
}

fn detail(inspector: &Inspector, one: &AgentApproval, viewer: &Viewer) -> Markup {
    let (metadata, analysis) = (&one.metadata, &one.metadata.analysis);
    let row =
        |what: &str, value: Markup| html! { tr { th scope="row" { (what) } td.grow { (value) } } };
    let command = Payload::from_value(&one.payload).unwrap_or_default();
    html! {
        div.row { (approval_pill(one.status)) " " strong { (one.command_type) } (deciding(one)) }
        table.list {
            tbody {
                (row("Agent", html! { (one.agent_id) }))
                (row("About", html! { (said(inspector, &one.subject, 200)) }))
                (row("Confidence", html! { (confidence_in_words(metadata.confidence)) }))
                (row("Risk", html! { (one.risk_level.word()) }))
                (row("Why", html! { (said(inspector, &metadata.reason, 2_000)) }))
                (row("Concluded by", html! { (analysis.analysis_method.name()) }))
                @if let Some(llm) = &analysis.llm_context {
                    (row("Model", html! {
                        (llm.model) ", " (llm.tokens) " tokens, " (llm.duration_ms) " ms"
                    }))
                }
                (row("Pattern", html! { (metadata.pattern_id) }))
                (row("Events", html! {
                    @for id in &metadata.event_ids {
                        @match id.strip_prefix("evt_").and_then(|at| at.parse::<u64>().ok()) {
                            Some(position) => a href=(url::event(position)) { (id) },
                            None => (id),
                        }
                        " "
                    }
                }))
                (row("Asked", times::full(one.created_at)))
                (row("Expires", html! {
                    (times::full(one.expires_at)) " (" (times::until(one.expires_at, viewer.now)) ")"
                }))
                @if let Some(reviewer) = &one.reviewer_id {
                    (row("Decided by", html! {
                        (reviewer)
                        @if let Some(at) = one.reviewed_at { ", " (times::full(at)) }
                    }))
                }
                @if let Some(reason) = one.rejection_reason.as_ref().or(one.note.as_ref()) {
                    (row("Said", html! { (said(inspector, reason, 500)) }))
                }
                (row("Run", html! {
                    a href=(url::workflow(&format!("agent:{}", one.approval_id))) {
                        "agent:" (one.approval_id)
                    }
                }))
            }
        }
        h2 { "Command" }
        @if inspector.engine.hides_values() { p.muted { (HIDDEN) } }
        @else { (payload::draw_inline(&command)) }
    }
}
