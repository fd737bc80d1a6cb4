//! What a transaction reads and writes.
//!
//! Invariant: it sees every transaction before it and its own writes, and nobody sees its writes
//! before it has returned `Ok`: until then they are only collected here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use everstep_storage::log::{Draft, Origin};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::ending::EndHooks;
use super::nested::Undo;
use super::tables::{Counters, Keys, OWNED, Table, prefix};
use super::transaction_log::{AppendHook, EventLinks};
use super::transaction_schedules::ScheduleAsk;
use super::{ActivityError, Extension, Extensions, Owners, Signal, Workflow};
use crate::{Failure, Payload, PayloadLimits, Rejection, SignalInput, StartRequest, Timestamp};

/// The most rows that one transaction may write.
const MOST_WRITES: usize = 10_000;

/// The failure type of a transaction whose assertion did not hold.
pub(crate) const ASSERTION_FAILED: &str = "assertion_failed";

/// The state that a transaction is made on.
pub(crate) trait Rows {
    /// The row's value.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Rejection>;
    /// Rows whose key begins with `prefix` and comes after `after`, at most `limit`.
    fn range(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Rejection>;
}

/// What becomes of one row.
#[derive(Clone, Debug)]
pub(crate) enum RowChange {
    Put(Bytes),
    Delete,
    Add(i64),
}

impl RowChange {
    const fn bytes(&self) -> usize {
        match self {
            Self::Put(value) => value.len(),
            Self::Delete | Self::Add(_) => 8,
        }
    }
}

/// What becomes of other workflows.
#[derive(Debug)]
pub(crate) enum Ask {
    Start(Box<StartRequest>),
    Signal {
        workflow_id: String,
        signal: SignalInput,
    },
    Schedule(ScheduleAsk),
    /// Wakes those who wait for what the transaction changes.
    Announce(watch::Sender<()>),
}

/// Given to the code of a transaction: the application's tables as they are now, and what is to
/// become of them.
pub struct TransactionContext<'a> {
    rows: &'a dyn Rows,
    namespace: &'a str,
    pub(super) limits: PayloadLimits,
    /// Of everything that it writes and asks for.
    pub(super) bytes: usize,
    pub(crate) changes: BTreeMap<Vec<u8>, RowChange>,
    pub(crate) asks: Vec<Ask>,
    /// The event log, with what was appended so far.
    pub(crate) log: Draft<'a>,
    pub(super) hooks: &'a [AppendHook],
    pub(super) now: Timestamp,
    /// The workflow's step that runs the transaction.
    pub(super) origin: Option<Origin>,
    /// What links appended events to what led to them.
    pub(super) links: Option<Box<EventLinks>>,
    /// How many hooks are under way within each other.
    pub(super) depth: u8,
    /// What rows were before a part that may be undone.
    pub(super) undo: Undo,
    /// The contexts that the worker declares.
    pub(super) owners: &'a Owners,
    extensions: &'a Extensions,
    /// What is written with the ends of runs.
    pub(super) end_hooks: &'a EndHooks,
    serial: u64,
    /// Why the transaction cannot end well, whatever its code returns.
    pub(crate) vetoed: Option<Failure>,
}

/// What a transaction is given beside rows and log.
pub(crate) struct Circumstances<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) origin: Option<Origin>,
    pub(crate) hooks: &'a [AppendHook],
    pub(crate) limits: PayloadLimits,
    pub(crate) owners: &'a Owners,
    pub(crate) extensions: &'a Extensions,
    pub(crate) end_hooks: &'a EndHooks,
}

impl<'a> TransactionContext<'a> {
    pub(crate) fn new(rows: &'a dyn Rows, log: Draft<'a>, of: Circumstances<'a>) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let Circumstances { namespace, now, origin, hooks, limits, owners, extensions, end_hooks } =
            of;
        Self {
            rows,
            namespace,
            limits,
            bytes: 0,
            changes: BTreeMap::new(),
            asks: Vec::new(),
            log,
            hooks,
            now,
            origin,
            links: None,
            depth: 0,
            undo: Undo::default(),
            owners,
            extensions,
            end_hooks,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            vetoed: None,
        }
    }

    /// Wakes whoever watches `news` in this process once the transaction is durable; nobody when it is
    /// refused, undone, or the process dies. Who waits reads the rows first, and again when woken.
    pub fn announce(&mut self, news: &watch::Sender<()>) {
        self.asks.push(Ask::Announce(news.clone()));
    }

    /// A number that no other transaction of this process has.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// What a domain module keeps with the worker.
    pub fn extension<E: Extension>(&self) -> Option<&'a E> {
        self.extensions.get()
    }

    /// The namespace that everything here belongs to.
    pub const fn namespace(&self) -> &str {
        self.namespace
    }

    fn key(prefix: Vec<u8>, key: &str) -> Vec<u8> {
        let mut whole = prefix;
        whole.extend_from_slice(key.as_bytes());
        whole
    }

    fn value(&self, key: &[u8]) -> Result<Option<Bytes>, ActivityError> {
        Ok(match self.changes.get(key) {
            Some(RowChange::Put(value)) => Some(value.clone()),
            Some(RowChange::Delete) => None,
            Some(RowChange::Add(_)) | None => found(self.rows.get(key))?,
        })
    }

    /// The row under `key`.
    ///
    /// # Errors
    /// When the stored value has another shape, or the store cannot be read.
    pub fn get<V: DeserializeOwned>(
        &self,
        table: Table<V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError> {
        let stored = self.value(&Self::key(table.prefix(self.namespace), key))?;
        stored.map(|stored| read(&table.name(), key, &stored)).transpose()
    }

    /// Rows in the order of their keys.
    ///
    /// # Errors
    /// As [`TransactionContext::get`].
    pub fn range<V: DeserializeOwned>(
        &self,
        table: Table<V>,
        keys: &Keys,
    ) -> Result<Vec<(String, V)>, ActivityError> {
        let own = table.prefix(self.namespace);
        let prefix = Self::key(own.clone(), &keys.prefix);
        let after = keys.after.as_ref().map(|after| Self::key(own.clone(), after));
        // Rows that this transaction deletes must not make the page shorter than it is.
        let changed = self.changes.range(prefix.clone()..);
        let changed: Vec<_> = changed
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
            .collect();
        let asked = keys.limit + changed.len();
        let found = found(self.rows.range(&prefix, after.as_deref(), asked))?;
        let last = (found.len() == asked).then(|| found.last().map(|(key, _)| key.clone()));
        let mut rows: BTreeMap<Vec<u8>, Bytes> = found.into_iter().collect();
        for (key, change) in changed {
            match change {
                RowChange::Put(value) => drop(rows.insert(key.clone(), value.clone())),
                RowChange::Delete => drop(rows.remove(key)),
                RowChange::Add(_) => {}
            }
        }
        let within = |key: &Vec<u8>| last.as_ref().is_none_or(|last| Some(key) <= last.as_ref());
        let rows = rows.into_iter().filter(|(key, _)| within(key)).take(keys.limit);
        rows.map(|(key, stored)| {
            let key = String::from_utf8_lossy(&key[own.len()..]).into_owned();
            let value = read(&table.name(), &key, &stored)?;
            Ok((key, value))
        })
        .collect()
    }

    /// The row under `key` becomes `value`.
    ///
    /// # Errors
    /// When the value has no JSON form or is too large, or the transaction writes too much.
    pub fn put<V: Serialize>(
        &mut self,
        table: Table<V>,
        key: &str,
        value: &V,
    ) -> Result<(), ActivityError> {
        let row = Payload::from_value(value)?;
        let what = || format!("row `{key}` of table `{}`", table.name());
        if row.as_bytes().len() > self.limits.payload_bytes {
            found(self.limits.check(&what(), &row))?;
        }
        let stored = RowChange::Put(row.into_bytes());
        self.change(Self::key(table.prefix(self.namespace), key), stored)
    }

    /// The row under `key` ends to exist, if it did.
    ///
    /// # Errors
    /// When the transaction writes too much.
    pub fn delete<V>(&mut self, table: Table<V>, key: &str) -> Result<(), ActivityError> {
        self.change(Self::key(table.prefix(self.namespace), key), RowChange::Delete)
    }

    /// The counter grows by `delta`; answers what it is then.
    ///
    /// # Errors
    /// When the store cannot be read, or the transaction writes too much.
    pub fn add(&mut self, counters: Counters, key: &str, delta: i64) -> Result<i64, ActivityError> {
        let row = Self::key(counters.prefix(self.namespace), key);
        let grown = match self.changes.get(&row) {
            Some(RowChange::Add(before)) => before.wrapping_add(delta),
            _ => delta,
        };
        self.change(row, RowChange::Add(grown))?;
        self.count(counters, key)
    }

    /// What a counter is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count(&self, counters: Counters, key: &str) -> Result<i64, ActivityError> {
        let row = Self::key(counters.prefix(self.namespace), key);
        let before = found(self.rows.get(&row))?.map_or(0, |stored| counter(&stored));
        Ok(match self.changes.get(&row) {
            Some(RowChange::Add(delta)) => before.wrapping_add(*delta),
            _ => before,
        })
    }

    /// Refuses the transaction unless `holds`: nothing is written, and it runs again a little
    /// later, on what is there then; after a few attempts it fails with `assertion_failed`.
    ///
    /// # Errors
    /// When it does not hold; pass it on with `?`.
    pub fn assert(&self, holds: bool, what: &str) -> Result<(), ActivityError> {
        match holds {
            true => Ok(()),
            false => Err(ActivityError::new(ASSERTION_FAILED, what)),
        }
    }

    /// Starts a workflow in the commit that makes the writes durable. A transaction that starts
    /// one whose id is taken fails as a whole.
    ///
    /// # Errors
    /// When the input has no JSON form.
    pub fn start<I: Serialize, O>(
        &mut self,
        workflow: Workflow<I, O>,
        workflow_id: impl Into<String>,
        input: &I,
    ) -> Result<(), ActivityError> {
        let mut request = StartRequest::new(workflow.name(), Payload::from_value(input)?);
        request.workflow_id = Some(workflow_id.into());
        self.start_with(request)
    }

    /// As [`TransactionContext::start`], with every option of a start. It needs an id.
    ///
    /// # Errors
    /// When it has none.
    pub fn start_with(&mut self, mut request: StartRequest) -> Result<(), ActivityError> {
        if request.workflow_id.is_none() {
            let what = "a start within a transaction needs a workflow id";
            return Err(ActivityError::new("invalid_request", what).non_retryable());
        }
        request.namespace = self.namespace.to_owned();
        found(self.limits.check_start(&request))?;
        self.bytes += request.input.as_bytes().len();
        self.asks.push(Ask::Start(Box::new(request)));
        self.check_size()
    }

    /// Starts a workflow of the engine's own, whose input holds what the limits have let in before.
    pub(crate) fn start_own(&mut self, mut request: StartRequest) {
        request.namespace = self.namespace.to_owned();
        self.asks.push(Ask::Start(Box::new(request)));
    }

    /// Signals a workflow in the commit that makes the writes durable. A transaction that signals
    /// a workflow which is closed or does not exist fails as a whole.
    ///
    /// # Errors
    /// When the payload has no JSON form.
    pub fn signal<T: Serialize>(
        &mut self,
        workflow_id: impl Into<String>,
        signal: Signal<T>,
        payload: &T,
    ) -> Result<(), ActivityError> {
        let payload = Payload::from_value(payload)?;
        found(self.limits.check("signal payload", &payload))?;
        self.bytes += payload.as_bytes().len();
        let signal = SignalInput { name: signal.name().to_owned(), payload };
        self.asks.push(Ask::Signal { workflow_id: workflow_id.into(), signal });
        self.check_size()
    }

    /// A row of a context's table that is named by text.
    pub(super) fn owned_row(
        &self,
        context: &str,
        table: &str,
        key: &str,
    ) -> Result<Option<serde_json::Value>, ActivityError> {
        let prefix = prefix(self.namespace, context, table, OWNED);
        let stored = self.value(&Self::key(prefix, key))?;
        stored.map(|stored| read(table, key, &stored)).transpose()
    }

    fn change(&mut self, key: Vec<u8>, change: RowChange) -> Result<(), ActivityError> {
        let before = self.changes.get(&key).map_or(0, RowChange::bytes);
        self.bytes = self.bytes - before + change.bytes();
        if self.undo.is_open() {
            let before = self.changes.insert(key.clone(), change);
            self.undo.remember(key, before);
        } else {
            self.changes.insert(key, change);
        }
        self.check_size()
    }

    /// Counts what is written elsewhere than in rows.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), ActivityError> {
        self.bytes += bytes;
        self.check_size()
    }

    fn check_size(&self) -> Result<(), ActivityError> {
        let writes = self.changes.len() + self.asks.len();
        let (bytes, limit) = (self.bytes, self.limits.transaction_bytes);
        let what = match (writes <= MOST_WRITES, bytes <= limit) {
            (true, true) => return Ok(()),
            (false, _) => format!("a transaction writes at most {MOST_WRITES} rows; split it"),
            (_, false) => {
                format!("a transaction writes at most {limit} bytes, and this is {bytes}; split it")
            }
        };
        Err(ActivityError::new("transaction_too_large", what).non_retryable())
    }
}

fn found<T>(read: Result<T, Rejection>) -> Result<T, ActivityError> {
    read.map_err(|rejection| {
        let error = ActivityError::new(rejection.code(), &rejection);
        match rejection {
            // Trying again cannot help.
            Rejection::PayloadTooLarge { .. } => error.non_retryable(),
            _ => error,
        }
    })
}

/// A counter as the store keeps it.
pub(crate) fn counter(stored: &[u8]) -> i64 {
    stored.try_into().map_or(0, i64::from_le_bytes)
}

fn read<V: DeserializeOwned>(table: &str, key: &str, stored: &[u8]) -> Result<V, ActivityError> {
    serde_json::from_slice(stored).map_err(|error| {
        let what = format!("row `{key}` of table `{table}` has another shape: {error}");
        ActivityError::new("invalid_row", what).non_retryable()
    })
}
