//! The language of a namespace: what the worker declares, and what was registered at run time.
//!
//! Invariant: a schema that is stored has kept its promise towards what was known when it came.

use everstep_engine::{
    ActivityError, Extension, Keys, Payload, Table, Timestamp, TransactionContext, Worker,
};
use serde::{Deserialize, Serialize};

use super::enforced::with_published_language;
use super::{
    Compatibility, ContractViolation, EventSchema, Language, LanguageError, Schema, SchemaVersion,
};

const SCHEMAS: Table<StoredSchema> = Table::new("everstep", "schemas");
const VIOLATIONS: Table<ContractViolation> = Table::new("everstep", "contract_violations");
/// Event types with as many versions as one namespace may register at run time.
const MOST_SCHEMAS: usize = 10_000;
/// Violations that are kept; the oldest go first.
const MOST_VIOLATIONS: usize = 1_000;
/// The longest event type, in bytes.
const LONGEST_TYPE: usize = 256;

/// A schema that was registered at run time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredSchema {
    /// The event type.
    pub event_type: String,
    /// The version.
    pub version: SchemaVersion,
    /// What it promises.
    pub compatibility: Compatibility,
    /// The schema.
    pub schema: Schema,
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// The language that a worker declares.
#[derive(Default)]
pub struct DeclaredLanguage {
    language: Language,
    mistakes: Vec<String>,
}

impl Extension for DeclaredLanguage {
    fn check(&self) -> Result<(), String> {
        self.mistakes.first().map_or(Ok(()), |mistake| Err(mistake.clone()))
    }
}

impl DeclaredLanguage {
    /// What is declared.
    pub const fn language(&self) -> &Language {
        &self.language
    }
}

/// Schemas of a worker.
pub trait WorkerLanguage: Sized {
    /// Declares a version of an event's schema. Every event of the type that is appended from then
    /// on, by whomever, is one of a declared version or is refused.
    #[must_use]
    fn event_schema(self, event: Result<EventSchema, LanguageError>) -> Self;
}

impl WorkerLanguage for Worker {
    fn event_schema(self, event: Result<EventSchema, LanguageError>) -> Self {
        let worker = self.extend(|declared: &mut DeclaredLanguage| {
            let registered = event.and_then(|event| declared.language.register(event));
            if let Err(error) = registered {
                declared.mistakes.push(format!("{}: {error}", error.code()));
            }
        });
        with_published_language(worker)
    }
}

/// All that a namespace's events may look like.
///
/// # Errors
/// When the store cannot be read.
pub fn language(tx: &TransactionContext<'_>) -> Result<Language, ActivityError> {
    Ok(joined(tx, stored_schemas(tx)?))
}

/// What is declared, with what was registered.
pub(super) fn joined(tx: &TransactionContext<'_>, stored: Vec<StoredSchema>) -> Language {
    let declared = tx.extension::<DeclaredLanguage>();
    let mut language = declared.map(|declared| declared.language.clone()).unwrap_or_default();
    for stored in stored {
        language.restore(stored.event_type, stored.version, stored.schema, stored.compatibility);
    }
    language
}

/// Registers a schema in a namespace, for as long as the namespace exists: events of the type that
/// are appended from then on are held against it by a worker [`with_published_language`], as every
/// server's is.
///
/// # Errors
/// `BREAKING_CHANGE`, `SCHEMA_CONFLICT`, `INVALID_SCHEMA`.
pub fn register_schema(
    tx: &mut TransactionContext<'_>,
    event: EventSchema,
) -> Result<StoredSchema, ActivityError> {
    let fits = (1..=LONGEST_TYPE).contains(&event.event_type.len());
    if !fits || event.event_type.chars().any(char::is_control) {
        let what =
            format!("event type is not 1 to {LONGEST_TYPE} bytes without control characters");
        return Err(ActivityError::new("invalid_request", what).non_retryable());
    }
    let mut language = language(tx)?;
    let stored = StoredSchema {
        event_type: event.event_type.clone(),
        version: event.version,
        compatibility: event.compatibility,
        schema: event.schema.clone(),
        registered_at: tx.now(),
    };
    language.register(event).map_err(LanguageError::into_failure)?;
    let row = format!("{}@{}", stored.event_type, stored.version);
    match tx.get(SCHEMAS, &row)? {
        Some(before) => Ok(before),
        None => {
            super::enforced::changes(tx);
            tx.put(SCHEMAS, &row, &stored)?;
            Ok(stored)
        }
    }
}

pub(super) fn stored_schemas(
    tx: &TransactionContext<'_>,
) -> Result<Vec<StoredSchema>, ActivityError> {
    let mut found: Vec<StoredSchema> = Vec::new();
    let mut after: Option<String> = None;
    while found.len() < MOST_SCHEMAS {
        let keys = Keys::all();
        let keys = match after.take() {
            Some(key) => keys.after(key),
            None => keys,
        };
        let page = tx.range(SCHEMAS, &keys)?;
        let full = page.len() == Keys::MOST;
        after = page.last().map(|(key, _)| key.clone());
        found.extend(page.into_iter().map(|(_, schema)| schema));
        if !full {
            break;
        }
    }
    Ok(found)
}

/// Records contracts that do not hold.
///
/// # Errors
/// When the store cannot be read or the transaction writes too much.
pub fn record_violations(
    tx: &mut TransactionContext<'_>,
    violations: &[ContractViolation],
) -> Result<(), ActivityError> {
    let kept = tx.range(VIOLATIONS, &Keys::all())?;
    let beyond = (kept.len() + violations.len()).saturating_sub(MOST_VIOLATIONS);
    for (key, _) in kept.iter().take(beyond) {
        tx.delete(VIOLATIONS, key)?;
    }
    let now_ms = tx.now().as_millis();
    let before = kept.iter().filter(|(key, _)| key.starts_with(&format!("{now_ms:015}"))).count();
    for (number, violation) in (before..).zip(violations) {
        tx.put(VIOLATIONS, &format!("{now_ms:015}:{number:06}"), violation)?;
    }
    Ok(())
}

/// The recorded violations since a time, the newest first.
///
/// # Errors
/// When the store cannot be read.
pub fn violations(
    tx: &TransactionContext<'_>,
    since: Option<Timestamp>,
) -> Result<Vec<ContractViolation>, ActivityError> {
    let since = since.map_or(0, Timestamp::as_millis);
    let found = tx.range(VIOLATIONS, &Keys::all())?;
    let found = found.into_iter().map(|(_, violation)| violation);
    let mut found: Vec<_> = found.filter(|one| one.timestamp.as_millis() >= since).collect();
    found.reverse();
    Ok(found)
}

impl LanguageError {
    /// The refusal as a transaction returns it: final, with the field beside the message where one
    /// is at fault.
    pub fn into_failure(self) -> ActivityError {
        let failure = ActivityError::new(self.code(), &self).non_retryable();
        let Self::SchemaValidationFailed { field, .. } = self else { return failure };
        match Payload::from_value(&serde_json::json!({ "field": field })) {
            Ok(details) => failure.with_details(details),
            Err(_) => failure,
        }
    }
}
