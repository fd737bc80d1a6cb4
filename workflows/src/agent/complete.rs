//! The transaction that ends the handling of an event: settlement, thread, audit, command or
//! approval, and the checkpoint last. All of it stands in one commit, or none.

use everstep_engine::Payload;
use everstep_engine::{ActivityError, StartRequest, TransactionContext, Worker};
use serde_json::{Value, json};

use super::admit::{agent, settings, settle};
use super::approval_rules::should_require_approval;
use super::approvals::AGENT_APPROVAL;
use super::audit::AuditType;
use super::books::{self, Books};
use super::definition::Agents;
use super::flow::completing;
use super::job::{AgentDecision, Closing, Completed, Completion, CompletionResult};
use super::records::{
    AgentApproval, AgentCommand, AgentCommandStatus, ApprovalStatus, CommandMetadata, RecordedError,
};
use super::recovery::AGENT_RECOVERY;
use super::settings::AgentSettings;
use super::{AgentStatus, analysis::Level, dead_letters, threads};

/// The transaction of the workflow's last step.
pub(super) const COMPLETE: everstep_engine::Transaction<Closing, Completed> = completing();

pub(super) fn register(worker: Worker) -> Worker {
    super::recovery::register(worker.transaction(COMPLETE, complete))
}

#[expect(clippy::needless_pass_by_value, reason = "a transaction is handed its input")]
fn complete(tx: &mut TransactionContext<'_>, closing: Closing) -> Result<Completed, ActivityError> {
    let completion = &closing.completion;
    let agent = agent(tx, &completion.agent_id)?;
    if let Some(settlement) = &closing.settlement {
        settle(tx, agent.id, settlement)?;
    }
    if let Some(turn) = &closing.turn {
        let thread = threads::thread_id(agent.id, &completion.subject);
        threads::append(tx, &thread, &turn.question, &turn.answer)?;
    }
    let default = tx.extension::<Agents>().and_then(|agents| agents.default_on_complete.as_ref());
    match agent.on_complete.as_ref().or(default).filter(|_| !closing.plainly) {
        Some(handler) => handler(tx, completion)?,
        None => completion.apply(tx)?,
    }
    let id = completion.decision_id();
    let books = books::open(tx)?;
    let is_open = |command: &AgentCommand| command.status == AgentCommandStatus::Pending;
    let command_id = books::find_command(&books, &id)?.filter(is_open).map(|it| it.command_id);
    let approval = books::find_approval(&books, &id)?;
    let approval = approval.filter(|approval| approval.status == ApprovalStatus::Pending);
    Ok(Completed { command_id, approval_id: approval.map(|approval| approval.approval_id) })
}

impl Completion {
    /// `success` or `failed`: how the handling ended.
    pub const fn kind(&self) -> &'static str {
        match self.result {
            CompletionResult::Failed { .. } => "failed",
            _ => "success",
        }
    }

    /// What the worker does with it by default. A success is audited, its command or its approval
    /// is recorded, and the checkpoint moves; a failure becomes a dead letter, and the checkpoint
    /// stays before it.
    ///
    /// # Errors
    /// When the store cannot be read or the transaction writes too much.
    pub fn apply(&self, tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
        match &self.result {
            CompletionResult::Quiet => self.advance(tx, false),
            CompletionResult::Success { decision } => {
                self.decided(tx, decision)?;
                self.advance(tx, true)
            }
            CompletionResult::Failed { error } => self.failed(tx, error),
        }
    }

    fn decided(
        &self,
        tx: &mut TransactionContext<'_>,
        decision: &AgentDecision,
    ) -> Result<(), ActivityError> {
        let agent = agent(tx, &self.agent_id)?;
        let settings = settings(tx, &agent)?;
        let (id, analysis) = (&decision.decision_id, &decision.analysis);
        let mut books = books::open(tx)?;
        let found = json!({ "pattern": decision.pattern, "eventIds": decision.event_ids });
        books::note(&mut books, agent.id, AuditType::PatternDetected, Some(id), found)?;
        let needs_approval = decision.command.as_ref().map(|command| {
            let name = &command.command_type;
            let (confidence, method) = (analysis.confidence, analysis.analysis_method);
            should_require_approval(&settings.approval, name, confidence, method)
        });
        let execution_mode = match needs_approval {
            Some(true) => "flag-for-review",
            Some(false) => "auto-execute",
            None => "none",
        };
        let made = self.told(decision, execution_mode);
        books::note(&mut books, agent.id, AuditType::AgentDecisionMade, Some(id), made)?;
        let mut approval = None;
        match needs_approval {
            Some(true) => approval = self.ask_for_approval(&mut books, decision, &settings)?,
            Some(false) => self.emit(&mut books, decision)?,
            None => {}
        }
        drop(books);
        if let Some(approval) = approval {
            let id = &approval.approval_id;
            let mut start =
                StartRequest::new(AGENT_APPROVAL.name(), Payload::from_value(&approval.waits())?);
            start.workflow_id = Some(super::approvals::workflow_id(id));
            tx.start_with(start)?;
        }
        Ok(())
    }

    /// The decision as it is written down.
    fn told(&self, decision: &AgentDecision, execution_mode: &str) -> Value {
        let analysis = &decision.analysis;
        let action = decision.command.as_ref().map(|command| &command.command_type);
        json!({
            "decisionId": decision.decision_id,
            "patternDetected": decision.pattern,
            "confidence": analysis.confidence,
            "reasoning": analysis.reasoning,
            "action": { "type": action, "executionMode": execution_mode },
            "triggeringEvents": decision.event_ids,
            "llmContext": analysis.llm_context,
            "analysisMethod": analysis.analysis_method,
            "suggestedAction": analysis.suggested_action,
            "fallbackReason": decision.fallback_reason,
            "circuitState": decision.circuit_state,
            "subject": self.subject,
        })
    }

    fn emit(
        &self,
        books: &mut Books<'_, '_>,
        decision: &AgentDecision,
    ) -> Result<(), ActivityError> {
        let Some(command) = self.command_of(decision) else { return Ok(()) };
        let told = json!({
            "commandId": command.command_id, "type": command.command_type,
            "metadata": command.metadata,
        });
        let id = decision.decision_id.as_str();
        books::keep_command(books, command, AgentCommandStatus::Pending)?;
        books::note(books, &self.agent_id, AuditType::CommandEmitted, Some(id), told).map(drop)
    }

    fn command_of(&self, decision: &AgentDecision) -> Option<AgentCommand> {
        let command = decision.command.as_ref()?;
        Some(AgentCommand {
            command_id: decision.decision_id.clone(),
            agent_id: self.agent_id.clone(),
            subscription_id: books::subscription_of(&self.agent_id),
            command_type: command.command_type.clone(),
            payload: command.payload.clone(),
            status: AgentCommandStatus::Pending,
            metadata: metadata(decision),
            steps: Vec::new(),
            reviewer_id: None,
            error: None,
        })
    }

    fn ask_for_approval(
        &self,
        books: &mut Books<'_, '_>,
        decision: &AgentDecision,
        settings: &AgentSettings,
    ) -> Result<Option<AgentApproval>, ActivityError> {
        let Some(command) = &decision.command else { return Ok(None) };
        let now = books.now();
        let id = decision.decision_id.as_str();
        let approval = AgentApproval {
            approval_id: id.to_owned(),
            agent_id: self.agent_id.clone(),
            subscription_id: books::subscription_of(&self.agent_id),
            status: ApprovalStatus::Pending,
            command_type: command.command_type.clone(),
            payload: command.payload.clone(),
            subject: self.subject.clone(),
            metadata: metadata(decision),
            risk_level: Level::of(decision.analysis.confidence),
            created_at: now,
            expires_at: now.plus_millis(settings.approval.timeout_ms()),
            reviewer_id: None,
            reviewed_at: None,
            note: None,
            rejection_reason: None,
        };
        books::keep_approval(books, &approval, None)?;
        let told = json!({
            "approvalId": id, "type": approval.command_type, "expiresAt": approval.expires_at,
            "confidence": decision.analysis.confidence, "reasoning": decision.analysis.reasoning,
        });
        for kind in [AuditType::ApprovalRequested, AuditType::AgentDecisionPending] {
            books::note(books, &self.agent_id, kind, Some(id), told.clone())?;
        }
        Ok(Some(approval))
    }

    /// Moves the checkpoint past the event: the last thing that is written.
    fn advance(&self, tx: &mut TransactionContext<'_>, told: bool) -> Result<(), ActivityError> {
        dead_letters::dealt_with(tx, &self.decision_id())?;
        let mut books = books::open(tx)?;
        books::keep_lane(&mut books, &self.agent_id, &self.lane, self.position)?;
        if told {
            let moved = json!({ "eventId": self.event_id, "position": self.position });
            let id = self.decision_id();
            let kind = AuditType::CheckpointUpdated;
            books::note(&mut books, &self.agent_id, kind, Some(&id), moved)?;
        }
        let mut checkpoint = books::load_checkpoint(&mut books, &self.agent_id)?;
        checkpoint.end(self.position);
        checkpoint.events_processed += 1;
        checkpoint.failures_in_a_row = 0;
        books::keep_checkpoint(&mut books, checkpoint)
    }

    fn failed(
        &self,
        tx: &mut TransactionContext<'_>,
        error: &RecordedError,
    ) -> Result<(), ActivityError> {
        let agent = agent(tx, &self.agent_id)?;
        let settings = settings(tx, &agent)?;
        let letter = dead_letters::give_up_event(tx, self, error)?;
        let id = self.decision_id();
        let mut books = books::open(tx)?;
        let told = json!({
            "code": error.code, "message": error.message, "eventId": self.event_id,
            "deadLetterId": letter,
        });
        for kind in [AuditType::AgentAnalysisFailed, AuditType::DeadLetterRecorded] {
            books::note(&mut books, agent.id, kind, Some(&id), told.clone())?;
        }
        let mut checkpoint = books::load_checkpoint(&mut books, agent.id)?;
        checkpoint.begin(self.position);
        checkpoint.failures_in_a_row += 1;
        let failures = checkpoint.failures_in_a_row;
        let rests =
            failures >= settings.limits.error_threshold && checkpoint.status == AgentStatus::Active;
        if rests {
            checkpoint.status = AgentStatus::ErrorRecovery;
            checkpoint.reason = Some(format!("{failures} dead letters in a row"));
        }
        let audit = checkpoint.last_audit_id;
        books::keep_checkpoint(&mut books, checkpoint)?;
        if rests {
            let cool_down_ms = settings.limits.cool_down_ms;
            let told = json!({ "deadLetters": failures, "coolDownMs": cool_down_ms });
            let kind = AuditType::AgentErrorRecoveryStarted;
            books::note(&mut books, agent.id, kind, None, told)?;
            drop(books);
            let id = format!("agent-recovery:{}:{audit}", agent.id);
            tx.start(AGENT_RECOVERY, id, &(agent.id.to_owned(), cool_down_ms))?;
        }
        Ok(())
    }
}

fn metadata(decision: &AgentDecision) -> CommandMetadata {
    CommandMetadata {
        pattern_id: decision.pattern.clone(),
        decision_id: decision.decision_id.clone(),
        confidence: decision.analysis.confidence,
        reason: decision.analysis.reasoning.clone(),
        analysis: decision.analysis.clone(),
        event_ids: decision.event_ids.clone(),
    }
}
