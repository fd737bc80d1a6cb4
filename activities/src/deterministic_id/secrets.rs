//! The secrets of a namespace, kept in its own rows.
//!
//! A namespace's first use makes its secret. Rotating puts a new one in front: ids that were given
//! out stay what they are, since events name them, so the older secrets are kept and an entity is
//! looked for under each of them before it is created. A secret is dropped only when no stream is
//! left whose id it made.
//!
//! Invariant: secrets are read and written inside transactions only, so two first uses at once
//! agree on one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use everstep_engine::{ActivityError, Table, TransactionContext};
use serde::{Deserialize, Serialize};

use super::{IdSecret, InvalidBusinessKey, deterministic_stream_id};

const SECRETS: Table<Stored> = Table::new("everstep", "id_secrets");
const STREAM_IDS: &str = "stream_ids";
/// Secrets of one namespace: each creation asks for an id under each.
const MOST_SECRETS: usize = 8;

/// Secrets as they rest in the store, the newest first.
#[derive(Default, Serialize, Deserialize)]
struct Stored {
    secrets: Vec<String>,
}

/// Makes the ids of one namespace.
#[derive(Clone, Debug)]
pub struct StreamIds {
    secrets: Vec<IdSecret>,
}

impl StreamIds {
    /// The id of an entity that is created now.
    ///
    /// # Errors
    /// [`InvalidBusinessKey`].
    pub fn id(&self, entity_type: &str, parts: &[&str]) -> Result<String, InvalidBusinessKey> {
        self.candidates(entity_type, parts).map(|mut ids| ids.swap_remove(0))
    }

    /// How many secrets there are.
    pub fn secrets(&self) -> usize {
        self.secrets.len()
    }

    /// The ids that an entity may have, under the newest secret first: where the secret was never
    /// rotated, one.
    ///
    /// # Errors
    /// [`InvalidBusinessKey`].
    pub fn candidates(
        &self,
        entity_type: &str,
        parts: &[&str],
    ) -> Result<Vec<String>, InvalidBusinessKey> {
        let ids = self.secrets.iter();
        ids.map(|secret| deterministic_stream_id(secret, entity_type, parts)).collect()
    }

    /// The keyed hashes of a text for a lookup that must not show it, the newest secret's first.
    pub(crate) fn blind(&self, purpose: &[u8], texts: &[&str]) -> Vec<String> {
        self.secrets.iter().map(|secret| secret.hash(purpose, texts)).collect()
    }
}

/// What makes this namespace's ids; its secret is made here when it has none yet.
///
/// # Errors
/// When the store cannot be read.
pub fn stream_ids(tx: &mut TransactionContext<'_>) -> Result<StreamIds, ActivityError> {
    let stored = tx.get(SECRETS, STREAM_IDS)?.unwrap_or_default();
    match stored.secrets.is_empty() {
        true => rotate_id_secret(tx),
        false => read(&stored),
    }
}

/// Puts a new secret in front of this namespace's secrets: entities that are created from now on
/// get their ids under it.
///
/// # Errors
/// When there are as many secrets as are kept, or the store cannot be read.
pub fn rotate_id_secret(tx: &mut TransactionContext<'_>) -> Result<StreamIds, ActivityError> {
    let mut stored = tx.get(SECRETS, STREAM_IDS)?.unwrap_or_default();
    if stored.secrets.len() >= MOST_SECRETS {
        let what = format!(
            "namespace has {MOST_SECRETS} id secrets already; streams keep the ids that older ones \
             made, so none can be dropped"
        );
        return Err(ActivityError::new("too_many_id_secrets", what).non_retryable());
    }
    stored.secrets.insert(0, STANDARD.encode(IdSecret::random().bytes()));
    tx.put(SECRETS, STREAM_IDS, &stored)?;
    read(&stored)
}

fn read(stored: &Stored) -> Result<StreamIds, ActivityError> {
    let secrets = stored.secrets.iter().map(|secret| {
        let bytes = STANDARD.decode(secret).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(IdSecret::new).ok_or_else(|| {
            let what = "an id secret of this namespace is not 32 bytes in base64";
            ActivityError::new("invalid_row", what).non_retryable()
        })
    });
    Ok(StreamIds { secrets: secrets.collect::<Result<_, _>>()? })
}
