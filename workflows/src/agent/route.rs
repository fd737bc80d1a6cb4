//! Hands an agent's command to the domain: through the orchestrator, like everybody's.
//!
//! Invariant: the command, what it did and what is known of it stand in one commit. One that failed
//! is a dead letter, and is sent again under an id of its own.

use everstep_activities::commands::{CommandRequest, CommandStatus, Entry, send_within};
use everstep_engine::{
    ActivityError, Payload, Role, Transaction, TransactionContext, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use serde_json::{Value, json};

use super::audit::AuditType;
use super::books;
use super::dead_letters;
use super::records::{AgentCommand, AgentCommandStatus, RecordedError};

/// Sends a command again.
pub(super) const AGENT_COMMAND: Workflow<String, ()> = Workflow::new("agent_command");
const ROUTE: Transaction<String, AgentCommandStatus> = Transaction::new("agents.route_command");

pub(super) fn register(worker: Worker) -> Worker {
    worker
        .transaction(ROUTE, |tx, id: String| route(tx, &id))
        .workflow(AGENT_COMMAND, async |ctx: &WorkflowContext, id: String| {
            hand_over(ctx, &id).await
        })
}

/// Sends the command; what became of it is in its row.
pub(super) async fn hand_over(ctx: &WorkflowContext, id: &str) -> Result<(), WorkflowError> {
    ctx.transaction(ROUTE, id.to_owned()).await?;
    Ok(())
}

fn route(tx: &mut TransactionContext<'_>, id: &str) -> Result<AgentCommandStatus, ActivityError> {
    let mut books = books::open(tx)?;
    let command = books::command(&books, id)?;
    if command.status != AgentCommandStatus::Pending {
        return Ok(command.status);
    }
    books::keep_command(&mut books, command.clone(), AgentCommandStatus::Processing)?;
    drop(books);
    let request = request(&command)?;
    // What cannot be sent at all leaves nothing; what was refused leaves its record.
    let sent = tx.nested(|tx| send_within(tx, &request));
    let outcome = match sent {
        Ok(outcome) => outcome,
        Err(error) if error.kind() == "unavailable" || error.kind() == "corrupt" => {
            return Err(error);
        }
        Err(error) => {
            let message = error.failure().message.clone();
            let error = RecordedError { code: error.kind().to_owned(), message };
            return fail(tx, id, AuditType::AgentCommandRoutingFailed, &error);
        }
    };
    let record = outcome.record;
    if record.status != CommandStatus::Executed {
        let error = RecordedError {
            code: record.code.unwrap_or_else(|| "command_failed".to_owned()),
            message: record.message.unwrap_or_default(),
        };
        return fail(tx, id, AuditType::AgentCommandFailed, &error);
    }
    dead_letters::dealt_with(tx, &dead_letters::of_command(id))?;
    let mut books = books::open(tx)?;
    let mut command = books::command(&books, id)?;
    command.error = None;
    let told = json!({
        "commandId": id, "type": command.command_type, "sentAs": record.command_id,
        "firstPosition": record.first_position, "events": record.events,
    });
    let agent_id = command.agent_id.clone();
    books::keep_command(&mut books, command, AgentCommandStatus::Completed)?;
    books::note(&mut books, &agent_id, AuditType::AgentCommandRouted, Some(id), told)?;
    Ok(AgentCommandStatus::Completed)
}

fn request(command: &AgentCommand) -> Result<CommandRequest, ActivityError> {
    let failed = |step: &&super::records::CommandStep| step.status == AgentCommandStatus::Failed;
    let failures = command.steps.iter().filter(failed).count();
    let id = &command.command_id;
    let sent_as = if failures == 0 { id.clone() } else { format!("{id}~{failures}") };
    let payload = Payload::from_value(&command.payload)?;
    let mut request = CommandRequest::new(&command.command_type, sent_as, payload, Entry::Agent);
    request.correlation_id = format!("agent:{id}");
    request.causation_id = command.metadata.event_ids.last().cloned();
    request.user_id = format!("agent:{}", command.agent_id);
    Role::App.name().clone_into(&mut request.role);
    Ok(request)
}

fn fail(
    tx: &mut TransactionContext<'_>,
    id: &str,
    told_as: AuditType,
    error: &RecordedError,
) -> Result<AgentCommandStatus, ActivityError> {
    let mut books = books::open(tx)?;
    let mut command = books::command(&books, id)?;
    command.error = Some(error.clone());
    books::keep_command(&mut books, command.clone(), AgentCommandStatus::Failed)?;
    drop(books);
    let letter = dead_letters::give_up_command(tx, &command, error)?;
    let mut books = books::open(tx)?;
    let told: Value = json!({
        "commandId": id, "type": command.command_type, "code": error.code,
        "message": error.message, "deadLetterId": letter,
    });
    let agent_id = &command.agent_id;
    let is_routing = told_as == AuditType::AgentCommandRoutingFailed;
    books::note(&mut books, agent_id, told_as, Some(id), told.clone())?;
    if is_routing {
        let kind = AuditType::AgentCommandFailed;
        books::note(&mut books, agent_id, kind, Some(id), told.clone())?;
    }
    books::note(&mut books, agent_id, AuditType::DeadLetterRecorded, Some(id), told)?;
    Ok(AgentCommandStatus::Failed)
}
