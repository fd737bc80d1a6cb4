//! `GET /ui/agents/approvals`: what agents would do, and somebody has to decide.

use axum::extract::{Extension, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_workflows::agent::AgentApproval;
use everstep_workflows::subscriptions::SubscriptionService;
use maud::{Markup, html};

use super::{
    Tab, Wanted, approval_pill, confidence, page as tab_page, part, refused, said, service,
};
use crate::ui::inspector::Inspector;
use crate::ui::layout::Viewer;
use crate::ui::pages::run_actions::buttons;
use crate::ui::{times, url};

/// Approvals that a page shows.
const SHOWN: usize = 50;
/// What can be asked for.
const STATUSES: [&str; 4] = ["pending", "approved", "rejected", "expired"];

/// Answers the list.
pub(in crate::ui) async fn page(
    inspector: Inspector,
    Extension(subscriptions): Extension<SubscriptionService>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let service = service(&inspector, &subscriptions);
    let status = STATUSES.into_iter().find(|known| *known == wanted.status).unwrap_or("pending");
    let found = async {
        let agents = service.list(&inspector.namespace).await?;
        let all = service
            .approvals(&inspector.namespace, wanted.agent(), status, wanted.after(), SHOWN)
            .await?;
        Ok((agents, all))
    };
    let (agents, all) = match found.await {
        Ok(found) => found,
        Err(error) => return refused(&inspector, &headers, &error),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (wanted.filters(&agents, Tab::Approvals, STATUSES[0], &STATUSES))
        (part("approvals", &html! {
            (table(&inspector, &all.items, &viewer))
            (wanted.more(Tab::Approvals, all.next_page_token.as_deref()))
        }))
    };
    tab_page(&inspector, &headers, Tab::Approvals, &body)
}

fn table(inspector: &Inspector, all: &[AgentApproval], viewer: &Viewer) -> Markup {
    if all.is_empty() {
        return html! {
            div.empty { strong { "Nothing to decide" } p { "No approval has this status." } }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Status" }
                    th scope="col" { "Agent" }
                    th scope="col" { "Action" }
                    th scope="col" { "About" }
                    th scope="col" { "Confidence" }
                    th.grow scope="col" { "Why" }
                    th scope="col" { "Asked" }
                    th scope="col" { "Expires" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody {
                @for one in all {
                    tr data-key=(one.approval_id) data-approval=(one.approval_id) {
                        td.status { (approval_pill(one.status)) }
                        td { (one.agent_id) }
                        td {
                            a.row-link href=(url::agent_approval(&one.approval_id)) data-row {
                                (one.command_type)
                            }
                        }
                        td { (said(inspector, &one.subject, 40)) }
                        td { (confidence(one.metadata.confidence)) }
                        td.grow { (said(inspector, &one.metadata.reason, 120)) }
                        td { (times::ago(one.created_at, viewer.now)) }
                        td { (times::until(one.expires_at, viewer.now)) }
                        td { (deciding(one)) }
                    }
                }
            }
        }
    }
}

/// Yes, or no with a reason.
pub(super) fn deciding(one: &AgentApproval) -> Markup {
    if one.status != everstep_workflows::agent::ApprovalStatus::Pending {
        return html! {};
    }
    let address = |verb: &str| format!("{}/{verb}", url::agent_approval(&one.approval_id));
    let id = format!("reject-{}", one.approval_id);
    html! {
        div.actions data-hold {
            form.inline method="post" action=(address("approve")) data-live {
                button.button.small.primary type="submit" { "Approve" }
            }
            details.action id=(id) name="action" data-key=(id) {
                summary.button.small.danger { "Reject" }
                form method="post" action=(address("reject")) data-live {
                    h2 { "Reject " (one.command_type) "?" }
                    p { "The agent sends no command. Its decision and your reason stay in the audit." }
                    label.field {
                        span { "Reason" }
                        input type="text" name="reason" required maxlength="500" autocomplete="off";
                    }
                    (buttons(&html! {
                        button.button.danger.primary type="submit" { "Reject the action" }
                    }))
                }
            }
        }
    }
}
