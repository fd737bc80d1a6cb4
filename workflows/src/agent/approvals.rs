//! Approvals: somebody decides, or nobody does in time.
//!
//! Invariant: the row is decided once, by the first transaction that decides it. The workflow beside
//! it is a signal raced against the deadline; whichever comes, it does what the row says.

use everstep_engine::{
    ActivityError, Signal, Timestamp, Transaction, TransactionContext, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::audit::AuditType;
use super::books::{self, Books};
use super::error::{APPROVAL_ALREADY_DECIDED, APPROVAL_EXPIRED, refused};
use super::records::{AgentApproval, AgentCommand, AgentCommandStatus, ApprovalStatus};
use super::route;
use crate::approval;

/// Waits for a decision or its deadline.
pub const AGENT_APPROVAL: Workflow<Waits, ApprovalStatus> = Workflow::new("agent_approval");
const DECIDED: Signal<()> = Signal::new("decided");
const CONCLUDE: Transaction<String, ApprovalStatus> = Transaction::new("agents.conclude_approval");

/// What an approval's workflow begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// Which approval.
    pub approval_id: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl AgentApproval {
    pub(super) fn waits(&self) -> Waits {
        Waits { approval_id: self.approval_id.clone(), expires_at: self.expires_at }
    }
}

/// The id of an approval's workflow.
pub(super) fn workflow_id(approval_id: &str) -> String {
    format!("agent-approval:{approval_id}")
}

pub(super) fn register(worker: Worker) -> Worker {
    worker
        .workflow(AGENT_APPROVAL, wait)
        .signal(AGENT_APPROVAL, DECIDED)
        .transaction(CONCLUDE, |tx, id: String| conclude(tx, &id))
}

async fn wait(ctx: &WorkflowContext, waits: Waits) -> Result<ApprovalStatus, WorkflowError> {
    let Waits { approval_id, expires_at } = waits;
    // What was decided is in the row, whoever wins.
    approval(ctx, DECIDED, expires_at).await;
    let status = ctx.transaction(CONCLUDE, approval_id.clone()).await?;
    if status == ApprovalStatus::Approved {
        route::hand_over(ctx, &approval_id).await?;
    }
    Ok(status)
}

/// Expires the approval if its time has come and nobody has decided it.
fn conclude(tx: &mut TransactionContext<'_>, id: &str) -> Result<ApprovalStatus, ActivityError> {
    let mut books = books::open(tx)?;
    let mut approval = books::approval(&books, id)?;
    if approval.status == ApprovalStatus::Pending && books.now() >= approval.expires_at {
        approval.status = ApprovalStatus::Expired;
        books::keep_approval(&mut books, &approval, Some(ApprovalStatus::Pending))?;
        let told = json!({ "approvalId": id, "expiresAt": approval.expires_at });
        let (agent_id, kind) = (&approval.agent_id, AuditType::AgentApprovalExpired);
        books::note(&mut books, agent_id, kind, Some(id), told)?;
    }
    Ok(approval.status)
}

/// The approval, if it can still be decided.
fn open(books: &Books<'_, '_>, id: &str) -> Result<AgentApproval, ActivityError> {
    let approval = books::approval(books, id)?;
    match approval.status {
        ApprovalStatus::Pending if books.now() < approval.expires_at => Ok(approval),
        ApprovalStatus::Pending | ApprovalStatus::Expired => {
            Err(refused(APPROVAL_EXPIRED, "Approval has expired"))
        }
        decided => {
            let by = approval.reviewer_id.as_deref().unwrap_or("somebody");
            let what = format!("approval `{id}` was {} by {by} before", decided.name());
            Err(refused(APPROVAL_ALREADY_DECIDED, what))
        }
    }
}

/// Somebody says yes: the command is recorded, and its workflow sends it.
pub(super) fn approve(
    tx: &mut TransactionContext<'_>,
    id: &str,
    reviewer: &str,
    note: Option<&str>,
) -> Result<AgentApproval, ActivityError> {
    let mut books = books::open(tx)?;
    let mut approval = open(&books, id)?;
    approval.status = ApprovalStatus::Approved;
    approval.reviewer_id = Some(reviewer.to_owned());
    approval.reviewed_at = Some(books.now());
    approval.note = note.map(str::to_owned);
    books::keep_approval(&mut books, &approval, Some(ApprovalStatus::Pending))?;
    let command = AgentCommand {
        command_id: id.to_owned(),
        agent_id: approval.agent_id.clone(),
        subscription_id: approval.subscription_id.clone(),
        command_type: approval.command_type.clone(),
        payload: approval.payload.clone(),
        status: AgentCommandStatus::Pending,
        metadata: approval.metadata.clone(),
        steps: Vec::new(),
        reviewer_id: Some(reviewer.to_owned()),
        error: None,
    };
    books::keep_command(&mut books, command, AgentCommandStatus::Pending)?;
    let told = json!({ "approvalId": id, "reviewerId": reviewer, "note": note });
    let agent_id = &approval.agent_id;
    books::note(&mut books, agent_id, AuditType::ApprovalGranted, Some(id), told.clone())?;
    books::note(&mut books, agent_id, AuditType::CommandEmitted, Some(id), told)?;
    drop(books);
    tx.signal(workflow_id(id), DECIDED, &())?;
    Ok(approval)
}

/// Somebody says no.
pub(super) fn reject(
    tx: &mut TransactionContext<'_>,
    id: &str,
    reviewer: &str,
    reason: &str,
) -> Result<AgentApproval, ActivityError> {
    let mut books = books::open(tx)?;
    let mut approval = open(&books, id)?;
    if reason.trim().is_empty() {
        return Err(refused("invalid_request", "say why it is rejected: `reason` is empty"));
    }
    approval.status = ApprovalStatus::Rejected;
    approval.reviewer_id = Some(reviewer.to_owned());
    approval.reviewed_at = Some(books.now());
    approval.rejection_reason = Some(reason.trim().to_owned());
    books::keep_approval(&mut books, &approval, Some(ApprovalStatus::Pending))?;
    let told = json!({
        "approvalId": id, "reviewerId": reviewer, "rejectionReason": reason.trim(),
    });
    let agent_id = &approval.agent_id;
    books::note(&mut books, agent_id, AuditType::AgentActionRejected, Some(id), told)?;
    drop(books);
    tx.signal(workflow_id(id), DECIDED, &())?;
    Ok(approval)
}

/// Expires what should have been, should a deadline's workflow have been ended by somebody. Answers
/// how many.
pub(super) fn expire_pending(
    tx: &mut TransactionContext<'_>,
    agent_ids: &[&str],
) -> Result<usize, ActivityError> {
    /// Approvals of one agent that are looked at.
    const MOST: usize = 500;
    let mut expired = 0;
    for agent_id in agent_ids {
        let books = books::open(tx)?;
        let pending = ApprovalStatus::Pending.name();
        let ids = books::ids(&books, books::Kind::Approval, (agent_id, pending), None, MOST)?;
        drop(books);
        for id in ids {
            expired += usize::from(conclude(tx, &id)? == ApprovalStatus::Expired);
        }
    }
    Ok(expired)
}
