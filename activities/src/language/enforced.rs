//! Events are held against the schemas of their types in the transaction that appends them.
//!
//! Invariant: what is remembered of a namespace's schemas is what its rows say. A transaction that
//! registers one forgets it, and whoever looks while that transaction is under way remembers
//! nothing: it may never happen.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Extension, TransactionContext, Worker};

use super::stored::{DeclaredLanguage, stored_schemas};
use super::{Language, LanguageError};

/// What is registered in each namespace that somebody has appended to.
#[derive(Default)]
pub(super) struct Registered(RwLock<HashMap<Box<str>, Known>>);

#[derive(Clone)]
enum Known {
    /// All that its events may look like; nothing where nothing was registered.
    Stands(Option<Arc<Language>>),
    /// A transaction of this number registers.
    Changes(u64),
}

impl Extension for Registered {
    fn forget(&self, namespace: Option<&str>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match namespace {
            Some(namespace) => drop(known.remove(namespace)),
            None => known.clear(),
        }
    }
}

impl Registered {
    fn known(&self, namespace: &str) -> Option<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    fn know(&self, namespace: &str, known: Known) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(namespace.into(), known);
    }
}

/// Holds every event that is appended against the schemas that are declared or registered for its
/// type. A server does so anyhow.
#[must_use]
pub fn with_published_language(worker: Worker) -> Worker {
    if worker.extension::<Registered>().is_some() {
        return worker;
    }
    worker.extend(|_: &mut Registered| {}).on_append_where(applies, check)
}

/// The transaction registers a schema.
pub(super) fn changes(tx: &TransactionContext<'_>) {
    if let Some(registered) = tx.extension::<Registered>() {
        registered.know(tx.namespace(), Known::Changes(tx.serial()));
    }
}

/// Whether any event of the namespace may have a schema.
fn applies(tx: &TransactionContext<'_>) -> bool {
    tx.extension::<DeclaredLanguage>().is_some()
        || tx.extension::<Registered>().is_some_and(|registered| {
            !matches!(registered.known(tx.namespace()), Some(Known::Stands(None)))
        })
}

fn check(tx: &mut TransactionContext<'_>, events: &[RecordedEvent]) -> Result<(), ActivityError> {
    let registered = registered(tx)?;
    let declared = tx.extension::<DeclaredLanguage>().map(DeclaredLanguage::language);
    let Some(language) = registered.as_deref().or(declared) else { return Ok(()) };
    for event in events {
        check_appended(language, event).map_err(LanguageError::into_failure)?;
    }
    Ok(())
}

/// What is declared and registered; nothing where nothing was registered.
fn registered(tx: &TransactionContext<'_>) -> Result<Option<Arc<Language>>, ActivityError> {
    let Some(all) = tx.extension::<Registered>() else { return Ok(None) };
    let known = all.known(tx.namespace());
    if let Some(Known::Stands(language)) = known {
        return Ok(language);
    }
    let stored = stored_schemas(tx)?;
    let language = match stored.is_empty() {
        true => None,
        false => Some(Arc::new(super::stored::joined(tx, stored))),
    };
    if !matches!(known, Some(Known::Changes(serial)) if serial == tx.serial()) {
        all.know(tx.namespace(), Known::Stands(language.clone()));
    }
    Ok(language)
}

/// An event's number of its schema is the major version of it.
fn check_appended(language: &Language, event: &RecordedEvent) -> Result<(), LanguageError> {
    let event_type = event.event_type();
    if language.current(event_type).is_err() {
        return Ok(());
    }
    let major = event.schema_version();
    let version = language.newest_of(event_type, major)?;
    let payload = serde_json::from_slice(event.data()).map_err(|error| {
        LanguageError::SchemaValidationFailed {
            event_type: event_type.to_owned(),
            version,
            field: String::new(),
            why: error.to_string(),
        }
    })?;
    language.validate_sealed(event_type, version, &payload)
}
