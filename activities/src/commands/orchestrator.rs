//! The seven steps of every command, in one transaction on the newest state.
//!
//! Invariant: whatever is answered stands in the commit that is waited for; a command that broke
//! off leaves nothing, so that sending it again runs it for the first time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use everstep_decider::{Context as Details, Moment, Rejection};
use everstep_engine::log::{Append, Appended, Expected, NewEvent, StreamAppend, StreamId};
use everstep_engine::{ActivityError, EventLinks, Payload, TransactionContext};

use super::contexts;
use super::decision::{Decision, Handled, json};
use super::middleware::{Received, Verdict};
use super::personal::PersonalFields;
use super::record::{CommandRecord, CommandStatus, Step, record};
use super::registry::{Commands, Registered};
use super::request::{CommandOutcome, CommandRequest};
use super::retention;
use super::scopes;
use crate::contexts::{ContextError, Contexts};

/// The code of a command that failed.
pub(super) const FAILED: &str = "command_failed";
/// The event that tells of a failure which the domain has no event for.
const FAILED_EVENT: &str = "$CommandFailed";
/// The stream type of such events; their streams are the commands' ids.
const FAILED_STREAM: &str = "$command";

/// The kind of the error for a command that nothing handles.
pub(super) const UNKNOWN: &str = "UNKNOWN_COMMAND_TYPE";
/// The kind of the error for an id that was used for something else.
pub(super) const CONFLICT: &str = "idempotency_conflict";
/// The kind of the error for an id that cannot be one.
pub(super) const INVALID: &str = "invalid_request";

/// What is to be written for a command that did not simply end.
enum Ended {
    Executed(Decision),
    Rejected(Rejection, Option<&'static str>),
    Failed { message: String, context: Details, audit: Option<StreamAppend> },
}

/// Runs a command, or answers what became of it before.
///
/// # Errors
/// [`UNKNOWN`], [`CONFLICT`], [`INVALID`], or a store that cannot be read. Nothing is kept then.
pub(super) fn run(
    tx: &mut TransactionContext<'_>,
    commands: &Commands,
    request: &CommandRequest,
) -> Result<CommandOutcome, ActivityError> {
    request.check().map_err(|what| refused(INVALID, what))?;
    let handler = resolve(tx, commands, &request.command_type)?;

    // 1: it is recorded, or known already.
    if let Some(known) = known(tx, commands, handler, request)? {
        return Ok(CommandOutcome { record: known, is_new: false });
    }
    scopes::check(tx, handler.decides_in(), request)?;
    let payload = match handler.personal() {
        Some(personal) => personal.sealed(tx, &request.command_type, &request.payload)?,
        None => request.payload.clone(),
    };
    let mut record = CommandRecord::begin(request, payload, tx.now());
    let span = record.span();
    let _within = span.enter();
    record.pass(Step::Record);
    record.keep(tx)?;
    let links_before = tx.link_events(Some(links(request)));
    let ended = take_steps(tx, commands, handler, request, &mut record);
    tx.link_events(links_before);
    ended?;

    // 7: status and answer stand with what they tell of.
    record.pass(Step::Status);
    record.keep(tx)?;
    for middleware in commands.around(&request.command_type) {
        middleware.after(&record);
    }
    retention::sweep(tx, commands, &request.command_id)?;
    Ok(CommandOutcome { record, is_new: true })
}

/// Who decides a command.
#[derive(Clone, Copy)]
enum Handler<'c> {
    Registered(&'c Registered),
    /// A bounded context, by name.
    Context(&'c Contexts, &'c str),
}

impl Handler<'_> {
    /// The bounded context whose decider it is; none for a handler that is no decider.
    fn decides_in(&self) -> Option<&'static str> {
        match self {
            Self::Registered(own) => own.place.map(|place| place.context),
            Self::Context(..) => None,
        }
    }

    fn personal(self) -> Option<PersonalFields> {
        match self {
            Self::Registered(own) => own.personal,
            Self::Context(..) => None,
        }
    }
}

fn resolve<'c>(
    tx: &TransactionContext<'c>,
    commands: &'c Commands,
    name: &str,
) -> Result<Handler<'c>, ActivityError> {
    let contexts = tx.extension::<Contexts>();
    if let Some(registered) = commands.get(name) {
        return match contexts::contract_of(contexts, registered.place)
            .map(|it| it.check_command(name))
        {
            Some(Err(undeclared)) => Err(undeclared.into_failure()),
            _ => Ok(Handler::Registered(registered)),
        };
    }
    if let Some(contexts) = contexts
        && let Some(context) = contexts::owner(contexts, name)
    {
        return Ok(Handler::Context(contexts, context));
    }
    let of_contexts = contexts.into_iter().flat_map(Contexts::contracts);
    let of_contexts = of_contexts.flat_map(|contract| &contract.command_types);
    let mut known: Vec<&str> = of_contexts.map(String::as_str).collect();
    known.extend(commands.list().iter().map(|info| info.command_type));
    // What a contract declares is registered as well, as a rule.
    known.sort_unstable();
    known.dedup();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(refused(UNKNOWN, format!("no handler for command `{name}`; known: {known}")))
}

/// Steps 2 to 6.
fn take_steps(
    tx: &mut TransactionContext<'_>,
    commands: &Commands,
    handler: Handler<'_>,
    request: &CommandRequest,
    record: &mut CommandRecord,
) -> Result<(), ActivityError> {
    let before = tx.last_position();

    // 2: what stands around it looks at it.
    record.pass(Step::Middleware);
    let ended = match turned_away(tx, commands, request)? {
        Some((rejection, by)) => Ended::Rejected(rejection, Some(by)),
        // 3: the handler decides.
        None => {
            record.pass(Step::Handler);
            decide(tx, handler, request)?
        }
    };

    // 4: a rejection, a failure or neither.
    record.pass(Step::Rejection);
    let ended = match ended {
        Ended::Executed(decision) => execute(tx, request, record, decision)?,
        ended => Some(ended),
    };
    if let Some(ended) = ended {
        end(tx, request, record, ended)?;
    }
    let events = tx.last_position() - before;
    (record.events, record.first_position) = (events, (events > 0).then_some(before + 1));
    Ok(())
}

fn refused(kind: &str, what: String) -> ActivityError {
    ActivityError::new(kind, what).non_retryable()
}

/// The record of an earlier request under the same id, unless it has had its time.
fn known(
    tx: &mut TransactionContext<'_>,
    commands: &Commands,
    handler: Handler<'_>,
    request: &CommandRequest,
) -> Result<Option<CommandRecord>, ActivityError> {
    let Some(known) = record(tx, &request.command_id)? else { return Ok(None) };
    if retention::is_over(&known, tx.now(), commands.kept_for_ms()) {
        known.forget(tx)?;
        return Ok(None);
    }
    let payloads = (&known.payload, &request.payload);
    let is_same = match handler.personal() {
        Some(personal) if known.command_type == request.command_type => {
            personal.says_the_same(tx, &request.command_type, payloads)
        }
        _ => known.is_of(request),
    };
    if is_same {
        return Ok(Some(known));
    }
    let id = &request.command_id;
    Err(refused(CONFLICT, format!("command id `{id}` was used before for another command")))
}

fn turned_away(
    tx: &mut TransactionContext<'_>,
    commands: &Commands,
    request: &CommandRequest,
) -> Result<Option<(Rejection, &'static str)>, ActivityError> {
    for middleware in commands.around(&request.command_type) {
        match middleware.before(tx, Received { request, commands })? {
            Verdict::Pass => {}
            Verdict::Refuse(rejection) => return Ok(Some((rejection, middleware.name()))),
        }
    }
    Ok(None)
}

/// Calls the handler. What it wrote itself is undone unless the command is executed; a panic or an
/// error of its own is a failure of the command.
fn decide(
    tx: &mut TransactionContext<'_>,
    handler: Handler<'_>,
    request: &CommandRequest,
) -> Result<Ended, ActivityError> {
    let mut moment = Moment::new(tx.now().as_millis(), request.command_id.as_str());
    let mut ended = None;
    let kept = tx.nested(|tx| {
        let call = AssertUnwindSafe(|| match handler {
            Handler::Registered(own) => (own.handle)(tx, &request.payload, &mut moment),
            Handler::Context(contexts, name) => contexts::handle(tx, contexts, name, request),
        });
        let handled = match catch_unwind(call) {
            Ok(Ok(handled)) => match held_to_contract(tx, handler, &handled) {
                Ok(()) => handled,
                Err(broken) => failed(broken.to_string(), "error", broken.code()),
            },
            Ok(Err(error)) if is_ours(&error) => return Err(error),
            Ok(Err(error)) => failed(error.to_string(), "error", error.kind()),
            Err(panic) => failed(words(panic.as_ref()), "panic", &request.command_type),
        };
        let executed = matches!(handled, Handled::Executed(_));
        ended = Some(match handled {
            Handled::Executed(decision) => Ended::Executed(decision),
            Handled::Rejected(rejection) => Ended::Rejected(rejection, None),
            Handled::Failed { message, context, audit } => {
                Ended::Failed { message, context, audit }
            }
        });
        if executed { Ok(()) } else { Err(ActivityError::new("undone", "not executed")) }
    });
    match (ended, kept) {
        (Some(ended), _) => Ok(ended),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(ActivityError::new("undone", "the handler said nothing")),
    }
}

/// A decider's outcome must be in its context's contract, as a handler's of the context itself.
fn held_to_contract(
    tx: &TransactionContext<'_>,
    handler: Handler<'_>,
    handled: &Handled,
) -> Result<(), ContextError> {
    let Handler::Registered(own) = handler else { return Ok(()) };
    let contexts = tx.extension::<Contexts>();
    let Some(contract) = contexts::contract_of(contexts, own.place) else { return Ok(()) };
    if let Some(table) = own.place.and_then(|place| place.table) {
        contract.check_table(table)?;
    }
    let streams = match handled {
        Handled::Executed(decision) => decision.streams.as_slice(),
        Handled::Rejected(rejection) => return contract.check_error_code(&rejection.code),
        Handled::Failed { audit, .. } => audit.as_slice(),
    };
    for stream in streams {
        let stream_type = stream.stream.as_ref().map(|stream| &*stream.stream_type);
        for event in &stream.events {
            contract.check_event(&event.event_type, stream_type)?;
        }
    }
    Ok(())
}

/// Whether the store is at fault, and the command worth sending again.
pub(super) fn is_ours(error: &ActivityError) -> bool {
    matches!(error.kind(), "unavailable" | "corrupt" | "outcome_unknown" | "projection_behind")
}

fn failed(message: String, what: &'static str, detail: &str) -> Handled {
    let context = Details::from([(what.into(), detail.into())]);
    Handled::Failed { message, context, audit: None }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the handler panicked: {}", text.unwrap_or_else(|| "without a text".to_owned()))
}

/// 5 and 6: events and state are written, and projections that are never behind see them. One that
/// objects makes the command fail, with nothing of it kept.
fn execute(
    tx: &mut TransactionContext<'_>,
    request: &CommandRequest,
    record: &mut CommandRecord,
    decision: Decision,
) -> Result<Option<Ended>, ActivityError> {
    let Decision { streams, scopes, writes, result, entity } = scopes::add(decision, request);
    record.pass(Step::Append);
    let done = tx.nested(|tx| {
        if !streams.is_empty() {
            let key = format!("{}:{entity}:{}", request.command_type, request.command_id);
            let append = Append {
                streams,
                scopes,
                idempotency_key: (key.len() <= 512).then(|| key.into()),
                ..Append::default()
            };
            if matches!(tx.append(append)?, Appended::Duplicate(_)) {
                // The record had had its time, the events have not: they stand already.
                return Ok(());
            }
        }
        writes.into_iter().try_for_each(|write| write(tx))
    });
    match done {
        Ok(()) => {
            record.pass(Step::Projections);
            (record.status, record.result) = (CommandStatus::Executed, Some(result));
            Ok(None)
        }
        Err(error) if is_ours(&error) => Err(error),
        Err(error) => {
            let context = Details::from([("error".into(), error.kind().into())]);
            Ok(Some(Ended::Failed { message: error.to_string(), context, audit: None }))
        }
    }
}

/// Writes why a command was not executed.
fn end(
    tx: &mut TransactionContext<'_>,
    request: &CommandRequest,
    record: &mut CommandRecord,
    ended: Ended,
) -> Result<(), ActivityError> {
    let (status, code, message, context, audit) = match ended {
        Ended::Executed(_) => return Ok(()),
        Ended::Rejected(rejection, by) => {
            record.refused_by = by.map(str::to_owned);
            let Rejection { code, message, context } = rejection;
            (CommandStatus::Rejected, code.into_owned(), message, context, None)
        }
        Ended::Failed { message, context, audit } => {
            let audit = audit.unwrap_or_else(|| told_of(request, &message, &context));
            (CommandStatus::Failed, FAILED.to_owned(), message, context, Some(audit))
        }
    };
    if let Some(audit) = audit {
        record.pass(Step::Append);
        let append = Append { streams: vec![audit], reserved_names: true, ..Append::default() };
        tx.append(append)?;
        record.pass(Step::Projections);
    }
    (record.status, record.code, record.message) = (status, Some(code), Some(message));
    record.context =
        context.iter().map(|(name, detail)| (name.to_string(), json(detail))).collect();
    Ok(())
}

/// The event of a failure that the domain has none for.
fn told_of(request: &CommandRequest, message: &str, context: &Details) -> StreamAppend {
    let context: serde_json::Map<_, _> =
        context.iter().map(|(name, detail)| (name.to_string(), json(detail))).collect();
    let data = serde_json::json!({
        "command_type": request.command_type,
        "command_id": request.command_id,
        "message": message,
        "context": context,
    });
    let stream = StreamId::new(FAILED_STREAM, request.command_id.as_str());
    let event = NewEvent::new(FAILED_EVENT, data.to_string());
    StreamAppend { stream: Some(stream), expected: Expected::Any, events: vec![event] }
}

/// What every event of the command is linked by.
fn links(request: &CommandRequest) -> EventLinks {
    EventLinks {
        correlation_id: Some(request.correlation_id.as_str().into()),
        causation_id: Some(request.command_id.as_str().into()),
        actor: Some(request.user_id.as_str().into()),
        trace: request.trace.as_deref().map(Into::into),
    }
}

/// The answer of an executed command.
pub(super) fn answer(outcome: &CommandOutcome) -> Payload {
    outcome.record.result.clone().unwrap_or_default()
}
