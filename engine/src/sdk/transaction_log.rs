//! The event log within a transaction: what is appended stands in the transaction's commit.

use std::sync::Arc;

use everstep_storage::log::{
    Append, AppendRefusal, Appended, Checked, Head, NewEvent, Origin, Query, RecordedEvent,
    StreamId,
};
use serde::{Deserialize, Serialize};

use super::{ActivityError, Table, TransactionContext};
use crate::{Payload, Rejection, Timestamp};

/// How deep what is done on an append may append itself.
const DEEPEST: u8 = 8;

/// What is done with events in the transaction that appends them: read models that are never
/// behind, and a say in whether they may be appended at all.
#[derive(Clone)]
pub(crate) struct AppendHook {
    /// Whether there is anything to do in this transaction; a look at memory at most.
    pub(crate) applies: fn(&TransactionContext<'_>) -> bool,
    pub(crate) code: Arc<AppendCode>,
}

type AppendCode = dyn Fn(&mut TransactionContext<'_>, &[RecordedEvent]) -> Result<(), ActivityError>
    + Send
    + Sync;

/// Idempotency keys that came with other content than before, by when.
pub const IDEMPOTENCY_CONFLICTS: Table<IdempotencyConflict> =
    Table::new("everstep", "idempotency_conflicts");

/// A key that was used again for something else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdempotencyConflict {
    /// The key.
    pub key: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Notes a conflict for whoever looks after the system.
pub(crate) fn idempotency_conflict(
    tx: &mut TransactionContext<'_>,
    key: &str,
    at: Timestamp,
) -> Result<(), ActivityError> {
    let at_ms = at.as_millis();
    let row = format!("{at_ms:015}:{key}");
    tx.put(IDEMPOTENCY_CONFLICTS, &row, &IdempotencyConflict { key: key.to_owned(), at_ms })
}

/// What links events to what led to them; an event's own words stand above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLinks {
    /// What belongs together.
    pub correlation_id: Option<Box<str>>,
    /// The id of what led to them.
    pub causation_id: Option<Box<str>>,
    /// Who asked for it.
    pub actor: Option<Box<str>>,
    /// The trace, as a W3C `traceparent`.
    pub trace: Option<Box<str>>,
}

impl EventLinks {
    fn fill_in(&self, event: &mut NewEvent) {
        let or = |own: &mut Option<Box<str>>, link: &Option<Box<str>>| {
            if own.is_none() {
                own.clone_from(link);
            }
        };
        or(&mut event.correlation_id, &self.correlation_id);
        or(&mut event.causation_id, &self.causation_id);
        or(&mut event.actor, &self.actor);
        or(&mut event.trace, &self.trace);
    }
}

impl TransactionContext<'_> {
    /// Every event that is appended from here on and does not say itself what led to it has these
    /// links; answers the ones that were in force before.
    pub fn link_events(&mut self, links: Option<EventLinks>) -> Option<EventLinks> {
        std::mem::replace(&mut self.links, links.map(Box::new)).map(|links| *links)
    }

    /// Appends events; their positions are known at once and durable with the transaction. An
    /// event that names no origin gets the workflow's step that runs the transaction.
    ///
    /// # Errors
    /// The kind is the refusal's code (`VERSION_CONFLICT`, `SCOPE_VERSION_MISMATCH`,
    /// `append_condition_failed`, `idempotency_conflict`), the details say what was found. Nothing
    /// of this append is kept then; what the transaction did before it is, if the transaction ends
    /// well.
    pub fn append(&mut self, append: Append) -> Result<Appended, ActivityError> {
        self.try_append(append).map_err(|refusal| match (&refusal, &self.vetoed) {
            // In the words of whoever had a say.
            (AppendRefusal::Vetoed(_), Some(failure)) => failure.clone().into(),
            _ => refused(refusal),
        })
    }

    /// As [`TransactionContext::append`], with a refusal to decide by.
    ///
    /// # Errors
    /// Why nothing was appended.
    pub fn try_append(&mut self, append: Append) -> Result<Appended, AppendRefusal> {
        self.append_checked(append, Checked::NOTHING)
    }

    pub(crate) fn append_checked(
        &mut self,
        mut append: Append,
        checked: Checked,
    ) -> Result<Appended, AppendRefusal> {
        let bytes = self.limits.check_events(&append);
        let bytes = bytes.map_err(|why| AppendRefusal::Invalid(why.to_string()))?;
        self.hold(bytes).map_err(|why| AppendRefusal::Invalid(why.to_string()))?;
        if let Some(links) = &self.links {
            let events = append.streams.iter_mut().flat_map(|stream| &mut stream.events);
            events.for_each(|event| links.fill_in(event));
        }
        if let Some(origin) = &self.origin {
            fill_in(&mut append, origin);
        }
        let before = self.log.appended().len();
        let appended = self.log.append(&append, checked)?;
        if let (Appended::New(_), false) = (&appended, self.hooks.is_empty()) {
            self.after_append(before)?;
        }
        Ok(appended)
    }

    fn after_append(&mut self, before: usize) -> Result<(), AppendRefusal> {
        let hooks = self.hooks;
        if !hooks.iter().any(|hook| (hook.applies)(self)) {
            return Ok(());
        }
        let fresh = self.log.appended().get(before..).unwrap_or_default().to_vec();
        self.depth += 1;
        let mut done = match self.depth > DEEPEST {
            true => Err(ActivityError::new("append_loop", "appends on appends go on without end")),
            false => Ok(()),
        };
        for hook in hooks {
            done = done.and_then(|()| match (hook.applies)(self) {
                true => (hook.code)(self, &fresh),
                false => Ok(()),
            });
        }
        self.depth -= 1;
        done.map_err(|error| {
            // The events are drafted: the transaction cannot end well any more.
            let refusal = AppendRefusal::Vetoed(error.to_string());
            self.vetoed.get_or_insert_with(|| error.failure().clone());
            refusal
        })
    }

    /// How many events a stream has, this transaction's included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stream_head(&self, stream: &StreamId) -> Result<Head, ActivityError> {
        read(self.log.stream_head(stream))
    }

    /// How many appends have touched a scope, this transaction's included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scope_head(&self, scope: &str) -> Result<Head, ActivityError> {
        read(self.log.scope_head(scope))
    }

    /// At most `limit` events of a stream after version `after`, this transaction's included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read_stream(
        &self,
        stream: &StreamId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ActivityError> {
        read(self.log.stream(stream, after, limit))
    }

    /// At most `limit` events that match, after position `after`, this transaction's included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read_events(
        &self,
        query: &Query,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ActivityError> {
        read(self.log.matching(query, after, limit))
    }

    /// The newest event's position, this transaction's included.
    pub const fn last_position(&self) -> u64 {
        self.log.last_position()
    }

    /// The engine's time: the same for everything that one transaction does.
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

fn fill_in(append: &mut Append, origin: &Origin) {
    for event in append.streams.iter_mut().flat_map(|stream| &mut stream.events) {
        event.origin.get_or_insert_with(|| origin.clone());
        event.correlation_id.get_or_insert_with(|| origin.workflow_id.clone());
    }
}

fn read<T>(found: Result<T, everstep_storage::StoreError>) -> Result<T, ActivityError> {
    found.map_err(|error| {
        let rejection = Rejection::from(error);
        ActivityError::new(rejection.code(), rejection)
    })
}

/// The refusal as a failure, with what was found in its details.
fn refused(refusal: AppendRefusal) -> ActivityError {
    let details = match &refusal {
        AppendRefusal::VersionConflict { stream, expected, current } => Some(serde_json::json!({
            "stream": stream.to_string(), "expected_version": expected, "current_version": current,
        })),
        AppendRefusal::ScopeConflict { scope, expected, current } => Some(serde_json::json!({
            "scope": scope, "expected_version": expected, "current_version": current,
        })),
        AppendRefusal::ConditionFailed { position } => {
            Some(serde_json::json!({ "position": position }))
        }
        _ => None,
    };
    let rejection = Rejection::from(refusal);
    let error = ActivityError::new(rejection.code(), &rejection);
    match details.map(|details| Payload::from_value(&details)) {
        Some(Ok(details)) => error.with_details(details),
        _ => error,
    }
}
