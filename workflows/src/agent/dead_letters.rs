//! Events and commands that an agent gave up on.
//!
//! Invariant: the letter of an event holds all that its handling needs, so that it is handled again
//! from there; while it is pending, the event's lane waits.

use everstep_activities::dead_letters::{
    DeadLetter, DeadLetterKind, NewDeadLetter, Retried, record, resolved,
};
use everstep_engine::log::{Query, RecordedEvent};
use everstep_engine::{ActivityError, IdReuse, Payload, StartRequest, TransactionContext};
use serde_json::json;

use super::AgentEvent;
use super::admit::agent;
use super::books;
use super::error::{RECORD_NOT_FOUND, refused};
use super::flow::AGENT_EVENT;
use super::job::{AgentJob, Completion, workflow_id};
use super::records::{AgentCommand, AgentCommandStatus, LetterOf, RecordedError};
use super::route::AGENT_COMMAND;

/// Letters of events.
pub const EVENTS: DeadLetterKind = DeadLetterKind::new("agentEvent").calls_resolved("replayed");
/// Letters of commands.
pub const COMMANDS: DeadLetterKind = DeadLetterKind::new("agentCommand").calls_resolved("replayed");

/// Under what a command's letter is known, beside an event's.
pub(super) fn of_command(id: &str) -> String {
    format!("{id}:command")
}

/// Writes down that the handling of an event was given up. Answers the letter's id.
pub(super) fn give_up_event(
    tx: &mut TransactionContext<'_>,
    completion: &Completion,
    error: &RecordedError,
) -> Result<String, ActivityError> {
    let source = completion.decision_id();
    let payload = match &completion.job {
        Some(job) => serde_json::to_value(job)?,
        None => json!({ "event": {
            "eventId": completion.event_id, "position": completion.position,
            "type": completion.event_type,
        } }),
    };
    let new = NewDeadLetter::new(EVENTS, &source, &completion.agent_id)
        .failure(&ActivityError::new(error.code.clone(), &error.message))
        .partition(&completion.lane)
        .payload(payload)
        .correlation_id(format!("agent:{source}"));
    keep(tx, new, &source, &completion.event_id)
}

/// Writes down that a command was given up. Answers the letter's id.
pub(super) fn give_up_command(
    tx: &mut TransactionContext<'_>,
    command: &AgentCommand,
    error: &RecordedError,
) -> Result<String, ActivityError> {
    let source = of_command(&command.command_id);
    let event_id = command.metadata.event_ids.last().cloned().unwrap_or_default();
    let payload = json!({
        "commandId": command.command_id, "commandType": command.command_type,
        "payload": command.payload, "event": { "eventId": event_id },
    });
    let new = NewDeadLetter::new(COMMANDS, &source, &command.agent_id)
        .failure(&ActivityError::new(error.code.clone(), &error.message))
        .payload(payload)
        .correlation_id(format!("agent:{}", command.command_id));
    keep(tx, new, &source, &event_id)
}

/// Writes a letter and whose it is.
pub(super) fn keep(
    tx: &mut TransactionContext<'_>,
    new: NewDeadLetter,
    source: &str,
    event_id: &str,
) -> Result<String, ActivityError> {
    let dead_letter_id = record(tx, new)?.id;
    let letter = LetterOf { dead_letter_id: dead_letter_id.clone(), event_id: event_id.to_owned() };
    books::keep_letter(&mut books::open(tx)?, source, &letter)?;
    Ok(dead_letter_id)
}

/// What was being tried again has worked.
pub(super) fn dealt_with(
    tx: &mut TransactionContext<'_>,
    source: &str,
) -> Result<(), ActivityError> {
    let letter = books::letter_of(&books::open(tx)?, source)?;
    letter.map_or(Ok(()), |letter| resolved(tx, &letter.dead_letter_id))
}

/// Handles the event again.
pub(super) fn retry_event(
    tx: &mut TransactionContext<'_>,
    letter: &DeadLetter,
) -> Result<Retried, ActivityError> {
    let gone = |position: Option<u64>| {
        let which = position.map_or_else(String::new, |position| format!(" evt_{position}"));
        refused("EVENT_NOT_FOUND", format!("the original event{which} does not exist any more"))
    };
    let position = letter.payload["event"]["position"].as_u64();
    let at = position.filter(|position| *position > 0).ok_or_else(|| gone(position))?;
    let found = tx.read_events(&Query::all(), at - 1, 1)?;
    if found.first().map(|event| event.position()) != Some(at) {
        return Err(gone(position));
    }
    let event = found.into_iter().next().ok_or_else(|| gone(position))?;
    let job = match serde_json::from_value::<AgentJob>(letter.payload.clone()) {
        Ok(job) => job,
        // Recorded by hand: the log says what the event was, and nobody what happened before.
        Err(_) => from_the_log(tx, &letter.target, &event)?,
    };
    let mut request = StartRequest::new(AGENT_EVENT.name(), Payload::from_value(&job)?);
    request.workflow_id = Some(workflow_id(&job.agent_id, at));
    request.id_reuse = IdReuse::AllowIfFailed;
    tx.start_with(request)?;
    Ok(Retried::UnderWay)
}

fn from_the_log(
    tx: &TransactionContext<'_>,
    agent_id: &str,
    event: &RecordedEvent,
) -> Result<AgentJob, ActivityError> {
    let agent = agent(tx, agent_id)?;
    let event = AgentEvent::recorded(event, serde_json::from_slice(event.data())?);
    let subject = agent.subject_of(&event);
    let arguments = agent.arguments_for(&event);
    let (agent_id, lane) = (agent_id.to_owned(), event.stream_id.clone());
    Ok(AgentJob { agent_id, subject, lane, event, history: Vec::new(), arguments })
}

/// Sends the command again.
pub(super) fn retry_command(
    tx: &mut TransactionContext<'_>,
    letter: &DeadLetter,
) -> Result<Retried, ActivityError> {
    let id = letter.payload["commandId"].as_str().ok_or_else(|| {
        refused(RECORD_NOT_FOUND, format!("dead letter `{}` names no command", letter.id))
    })?;
    let mut books = books::open(tx)?;
    let command = books::command(&books, id)?;
    if command.status != AgentCommandStatus::Failed {
        let what = format!("agent command `{id}` has not failed");
        return Err(refused("invalid_request", what));
    }
    let steps = command.steps.len();
    books::keep_command(&mut books, command, AgentCommandStatus::Pending)?;
    drop(books);
    tx.start(AGENT_COMMAND, format!("agent-command:{id}:{steps}"), &id.to_owned())?;
    Ok(Retried::UnderWay)
}

/// The event that a letter is about, and its type, or the command's.
pub(super) fn about(letter: &DeadLetter) -> (Option<&str>, Option<&str>) {
    let payload = &letter.payload;
    let event_type = payload["event"]["type"].as_str().or_else(|| payload["commandType"].as_str());
    (payload["event"]["eventId"].as_str(), event_type)
}
