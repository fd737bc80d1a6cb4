//! Whose data it is: a subject's row names its key.
//!
//! Invariant: a row is found by a keyed hash of the subject's id, so the store's keys do not show it.
//! A subject that was shredded stays so: data that comes later is sealed under a new key only when it
//! is a new subject.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use everstep_engine::log::RecordedEvent;
use everstep_engine::{
    ActivityError, Engine, Extension, Table, Timestamp, TransactionContext, Worker,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SubjectKeys;
use super::key_file::KeyId;
use super::personal::open_personal;
use super::shred;
use crate::deterministic_id::stream_ids;

const SUBJECTS: Table<Stored> = Table::new("everstep", "subjects");
const SUBJECT: &[u8] = b"everstep subject 1";

/// How far the shredding of a subject has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectStatus {
    /// Its data can be read.
    Active,
    /// Its key is about to be overwritten; nothing can be sealed for it any more.
    Shredding,
    /// Its key is gone.
    Shredded,
}

/// What is known of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The keyed hash of its id: what events about it are found by.
    pub subject_hash: String,
    /// Whether its data can be read.
    pub status: SubjectStatus,
    /// Since when its data is kept.
    pub since: Timestamp,
    /// When its key was overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shredded_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    subject: Subject,
    key_id: String,
}

/// The keys, as the worker's transactions reach them.
#[derive(Default)]
pub(super) struct Keeper {
    pub(super) keys: Option<Arc<SubjectKeys>>,
    /// Keys that were given out, for subjects whose transaction was refused in the end.
    given: Mutex<HashMap<(String, String), KeyId>>,
}

impl Extension for Keeper {}

/// Personal data of a worker.
pub trait WorkerSubjects: Sized {
    /// Keeps the keys of subjects in this key file. A server has one beside its store.
    #[must_use]
    fn subject_keys(self, keys: Arc<SubjectKeys>) -> Self;
}

impl WorkerSubjects for Worker {
    fn subject_keys(self, keys: Arc<SubjectKeys>) -> Self {
        let worker = self.extend(|keeper: &mut Keeper| keeper.keys = Some(Arc::clone(&keys)));
        shred::register(worker, keys)
    }
}

pub(super) fn keys(tx: &TransactionContext<'_>) -> Result<Arc<SubjectKeys>, ActivityError> {
    let keys = tx.extension::<Keeper>().and_then(|keeper| keeper.keys.clone());
    keys.ok_or_else(|| {
        let what = "the worker has no key file for personal data: give it one with `subject_keys`";
        ActivityError::new("personal_data", what).non_retryable()
    })
}

/// What an event says, with its personal fields opened; those of a subject that was shredded are
/// `{"shredded": true}`. Without a key file they stay sealed.
///
/// # Errors
/// When the event's data is no JSON.
pub fn open_event(
    engine: &Engine,
    namespace: &str,
    event: &RecordedEvent,
) -> Result<Value, serde_json::Error> {
    opened(engine.extension::<Keeper>(), namespace, event)
}

/// The same within a transaction, for projections and deciders.
///
/// # Errors
/// When the event's data is no JSON.
pub fn open_event_in(
    tx: &TransactionContext<'_>,
    event: &RecordedEvent,
) -> Result<Value, serde_json::Error> {
    opened(tx.extension::<Keeper>(), tx.namespace(), event)
}

/// Opens the sealed fields of a part of an event, such as a projection keeps, within a transaction.
/// `event_type` is the type of the event that they were sealed in.
pub fn open_fields_in(tx: &TransactionContext<'_>, event_type: &str, fields: &mut Value) {
    if let Some(keys) = tx.extension::<Keeper>().and_then(|keeper| keeper.keys.as_deref()) {
        open_personal(keys, tx.namespace(), event_type, fields);
    }
}

fn opened(
    keeper: Option<&Keeper>,
    namespace: &str,
    event: &RecordedEvent,
) -> Result<Value, serde_json::Error> {
    let mut data = serde_json::from_slice(event.data())?;
    if let Some(keys) = keeper.and_then(|keeper| keeper.keys.as_deref()) {
        open_personal(keys, namespace, event.event_type(), &mut data);
    }
    Ok(data)
}

/// The hash under which a subject is known. Ids of subjects are hashed under the oldest secret, which
/// never changes.
pub(super) fn subject_hash(
    tx: &mut TransactionContext<'_>,
    id: &str,
) -> Result<String, ActivityError> {
    let hashes = stream_ids(tx)?.blind(SUBJECT, &[id]);
    Ok(hashes.into_iter().next_back().unwrap_or_default())
}

/// What is known of a subject.
///
/// # Errors
/// When the store cannot be read.
pub fn subject(
    tx: &mut TransactionContext<'_>,
    id: &str,
) -> Result<Option<Subject>, ActivityError> {
    let hash = subject_hash(tx, id)?;
    Ok(tx.get(SUBJECTS, &hash)?.map(|stored| stored.subject))
}

/// The key of a subject, which gets one here when it has none yet.
pub(super) fn key_of(tx: &mut TransactionContext<'_>, id: &str) -> Result<KeyId, ActivityError> {
    let hash = subject_hash(tx, id)?;
    if let Some(stored) = tx.get(SUBJECTS, &hash)? {
        return match stored.subject.status {
            SubjectStatus::Active => parse(&stored.key_id),
            SubjectStatus::Shredding | SubjectStatus::Shredded => {
                let what = format!("subject `{hash}` was shredded: nothing more is kept about it");
                Err(ActivityError::new("SUBJECT_SHREDDED", what).non_retryable())
            }
        };
    }
    let keys = keys(tx)?;
    let name = (tx.namespace().to_owned(), hash.clone());
    let Some(keeper) = tx.extension::<Keeper>() else { return Err(no_key()) };
    let key = {
        let mut given = keeper.given.lock().unwrap_or_else(PoisonError::into_inner);
        match given.get(&name) {
            Some(key) if keys.key(*key).is_some() => *key,
            _ => {
                let key =
                    keys.give_out().map_err(|error| ActivityError::new("unavailable", error))?;
                given.insert(name, key);
                key
            }
        }
    };
    let subject = Subject {
        subject_hash: hash.clone(),
        status: SubjectStatus::Active,
        since: tx.now(),
        shredded_at: None,
    };
    tx.put(SUBJECTS, &hash, &Stored { subject, key_id: key.text() })?;
    Ok(key)
}

/// Writes down how far a shredding has come; answers the key's id.
pub(super) fn mark(
    tx: &mut TransactionContext<'_>,
    hash: &str,
    status: SubjectStatus,
) -> Result<Option<String>, ActivityError> {
    let Some(mut stored) = tx.get(SUBJECTS, hash)? else { return Ok(None) };
    if stored.subject.status != SubjectStatus::Shredded {
        stored.subject.status = status;
        if status == SubjectStatus::Shredded {
            stored.subject.shredded_at = Some(tx.now());
        }
        tx.put(SUBJECTS, hash, &stored)?;
    }
    Ok(Some(stored.key_id))
}

pub(super) fn by_hash(
    tx: &TransactionContext<'_>,
    hash: &str,
) -> Result<Option<Subject>, ActivityError> {
    Ok(tx.get(SUBJECTS, hash)?.map(|stored| stored.subject))
}

fn parse(text: &str) -> Result<KeyId, ActivityError> {
    KeyId::parse(text).ok_or_else(no_key)
}

fn no_key() -> ActivityError {
    ActivityError::new("personal_data", "the subject's row names no key").non_retryable()
}
