//! The namespaces of a server: worlds of runs that share nothing.
//!
//! Invariant: `default` always exists. The loop decides by its own copy; everyone else sees a
//! change when it is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use everstep_storage::{Range, Snapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::effect::Effect;
use super::keys::{self, NAMESPACES, OPEN_RUNS};
use super::message::Reply;
use super::record::RunRecord;
use super::shard::Shard;
use crate::{DEFAULT_NAMESPACE, ListFilter, Rejection, Timestamp, view};

/// Timers that end with a namespace, in the batch of its deletion.
const MOST_TIMERS: usize = 10_000;

/// What is set for a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceSettings {
    /// What it is for.
    pub description: String,
    /// Milliseconds for which closed runs are kept; none keeps them for ever.
    pub retention_ms: Option<u64>,
}

/// A namespace as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceInfo {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Milliseconds for which closed runs are kept; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
    /// When it was created; absent for `default`, which has always been there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub created_at: Option<Timestamp>,
}

/// A namespace's row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamespaceRecord {
    pub(crate) settings: NamespaceSettings,
    pub(crate) created_at: Option<Timestamp>,
}

pub(super) type NamespaceMap = BTreeMap<String, NamespaceRecord>;

/// What everyone but the loop sees.
#[derive(Debug, Default)]
pub(super) struct Namespaces(RwLock<NamespaceMap>, watch::Sender<()>);

/// What is asked of the loop.
pub(super) enum NamespaceChange {
    Create(NamespaceSettings),
    Update(NamespaceSettings),
    Delete,
}

/// Reads all namespaces; `default` is always among them.
pub(super) fn read_all(snapshot: &dyn Snapshot) -> Result<NamespaceMap, Rejection> {
    let mut map = NamespaceMap::new();
    map.insert(DEFAULT_NAMESPACE.to_owned(), NamespaceRecord::default());
    for (name, stored) in snapshot.range(Range::all(NAMESPACES))? {
        let corrupt = |what: String| Rejection::Corrupt(format!("a namespace: {what}"));
        let name = std::str::from_utf8(&name).map_err(|error| corrupt(error.to_string()))?;
        let record =
            postcard::from_bytes(&stored).map_err(|error| corrupt(format!("{name}: {error}")))?;
        map.insert(name.to_owned(), record);
    }
    Ok(map)
}

impl Namespaces {
    pub(super) fn set_all(&self, map: NamespaceMap) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = map;
    }

    pub(super) fn all(&self) -> NamespaceMap {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A change is durable.
    pub(super) fn apply(&self, name: String, record: Option<NamespaceRecord>) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match record {
            Some(record) => drop(map.insert(name, record)),
            None => drop(map.remove(&name)),
        }
        drop(map);
        self.1.send_replace(());
    }

    /// Returns when the namespace that has the name now is gone, if another one was made or not.
    pub(super) async fn gone(&self, name: &str) {
        let made = |all: &NamespaceMap| all.get(name).map(|record| record.created_at);
        let mut changes = self.1.subscribe();
        let known = made(&self.all());
        while known.is_some() && made(&self.all()) == known {
            // The sender lives as long as what it tells of.
            let _ = changes.changed().await;
        }
    }

    pub(super) fn check(&self, name: &str) -> Result<(), Rejection> {
        let exists = name == DEFAULT_NAMESPACE
            || self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(name);
        if exists { Ok(()) } else { Err(Rejection::NamespaceNotFound(name.to_owned())) }
    }

    pub(super) fn infos(&self) -> Vec<NamespaceInfo> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.iter()
            .map(|(name, record)| NamespaceInfo {
                name: name.clone(),
                description: record.settings.description.clone(),
                retention_ms: record.settings.retention_ms,
                created_at: record.created_at,
            })
            .collect()
    }
}

/// 1 to 64 letters, digits, `.`, `_` and `-`.
pub(super) fn check_name(name: &str) -> Result<(), Rejection> {
    let fits = !name.is_empty() && name.len() <= 64 && name != "." && name != "..";
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if fits && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Rejection::InvalidRequest(format!(
        "`{name}` is no name for a namespace: 1 to 64 ascii letters, digits, `.`, `_` and `-`"
    )))
}

impl Shard {
    /// Refuses what names no namespace.
    pub(super) fn check_namespace(&self, name: &str) -> Result<(), Rejection> {
        match name == DEFAULT_NAMESPACE || self.namespaces.contains_key(name) {
            true => Ok(()),
            false => Err(Rejection::NamespaceNotFound(name.to_owned())),
        }
    }

    pub(super) fn change_namespace(
        &mut self,
        name: String,
        change: NamespaceChange,
        reply: Reply<()>,
    ) {
        let effect = match self.try_change_namespace(&name, change) {
            Ok(record) => Effect::Namespace { reply, name, record: record.map(Box::new) },
            Err(rejection) => Effect::Answer(reply, Err(rejection)),
        };
        self.turn.effects.push(effect);
    }

    fn try_change_namespace(
        &mut self,
        name: &str,
        change: NamespaceChange,
    ) -> Result<Option<NamespaceRecord>, Rejection> {
        let known = self.namespaces.get(name).cloned();
        let missing = || Rejection::NamespaceNotFound(name.to_owned());
        let record = match change {
            NamespaceChange::Create(_) if known.is_some() => {
                return Err(Rejection::NamespaceAlreadyExists(name.to_owned()));
            }
            NamespaceChange::Create(settings) => {
                self.check_not_deleting(name)?;
                Some(NamespaceRecord { settings, created_at: Some(self.turn.now) })
            }
            NamespaceChange::Update(settings) => {
                let created_at = known.ok_or_else(missing)?.created_at;
                Some(NamespaceRecord { settings, created_at })
            }
            NamespaceChange::Delete => {
                known.ok_or_else(missing)?;
                self.empty_namespace(name)?;
                None
            }
        };
        match &record {
            Some(record) => {
                let stored = postcard::to_stdvec(record)
                    .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
                self.turn.batch.put(NAMESPACES, name.as_bytes(), &stored);
                self.namespaces.insert(name.to_owned(), record.clone());
            }
            None => {
                self.turn.batch.delete(NAMESPACES, name.as_bytes());
                self.namespaces.remove(name);
            }
        }
        self.retention.wake();
        Ok(record)
    }

    /// Sees to it that nothing of a namespace is left. Runs of the engine's own, which no list
    /// shows, go with it when they are closed, and timers of what goes with it end.
    fn empty_namespace(&mut self, name: &str) -> Result<(), Rejection> {
        // What it holds is looked up off the loop.
        let refused = || Rejection::NamespaceNotEmpty(name.to_owned(), "it holds runs".to_owned());
        let registry = std::sync::Arc::clone(&self.inner.registry);
        if name == DEFAULT_NAMESPACE {
            let why = "it is always there".to_owned();
            return Err(Rejection::NamespaceNotEmpty(name.to_owned(), why));
        }
        let prefix = keys::namespace(name);
        let filter = ListFilter { namespace: name.to_owned(), ..ListFilter::default() };
        let snapshot = self.snapshot()?;
        let open = snapshot.range(Range::prefix(OPEN_RUNS, &prefix).limit(MOST_TIMERS + 1))?;
        if view::count(snapshot, &filter, None)?.count > 0 {
            return Err(refused());
        }
        let mut timers = BTreeSet::new();
        for (_, stored) in &open {
            let run = RunRecord::read(stored)?;
            if !registry.timers.contains(&*run.workflow_type) {
                return Err(refused());
            }
            timers.insert(run.run_id);
        }
        for resident in self.residents.of_namespace(name) {
            if !registry.timers.contains(&*resident.run.started.workflow_type) {
                return Err(refused());
            }
            timers.insert(resident.run_id);
        }
        if timers.len() > MOST_TIMERS {
            let why =
                format!("it holds more than {MOST_TIMERS} timers: let some of them end first");
            return Err(Rejection::NamespaceNotEmpty(name.to_owned(), why));
        }
        self.delete_namespace_rows(name, &timers)
    }
}
