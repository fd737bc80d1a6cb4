//! Appending to the event log, and reading it.
//!
//! An append is decided on the loop, on the newest state, so its positions are known at once and
//! have no gap; it is answered when the turn's batch is durable. What is slow about a condition,
//! looking through what the store holds, is done before, on the caller's thread: the loop looks
//! only at what came after.

use everstep_storage::log::{Append, AppendRefusal, Appended, Checked, LogReader};
use everstep_storage::{Snapshot, StoreError};
use tokio::sync::watch;

use super::effect::Effect;
use super::engine::Engine;
use super::message::{Message, Reply};
use super::shard::Shard;
use super::transactions::Refused;
use crate::sdk::idempotency_conflict;
use crate::{ActivityError, Rejection};

/// A moment of the store, to read a namespace's log from. Read a page and let it go.
pub struct LogSnapshot {
    snapshot: Box<dyn Snapshot>,
    namespace: String,
}

impl LogSnapshot {
    /// Reads the log at this moment.
    pub fn reader(&self) -> LogReader<'_> {
        LogReader::new(&*self.snapshot, &self.namespace)
    }
}

impl std::fmt::Debug for LogSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.snapshot.sequence();
        f.debug_struct("LogSnapshot").field("namespace", &self.namespace).field("at", &at).finish()
    }
}

impl Engine {
    /// Appends events to a namespace's log, under the conditions that come with them; durable
    /// when answered. Under an idempotency key that is known the answer is where the events stand
    /// already.
    ///
    /// # Errors
    /// [`Rejection::VersionConflict`], [`Rejection::ScopeVersionMismatch`],
    /// [`Rejection::AppendConditionFailed`], [`Rejection::IdempotencyConflict`], events that
    /// cannot be, [`Rejection::NamespaceNotFound`].
    pub async fn append(&self, namespace: &str, append: Append) -> Result<Appended, Rejection> {
        self.check_namespace(namespace)?;
        self.limits().check_events(&append)?;
        let checked = self.precheck(namespace, &append)?;
        let namespace = namespace.to_owned();
        let append = Box::new(append);
        self.ask(|reply| Message::Append { namespace, append, checked, reply }).await
    }

    /// Looks for a violation of the condition among what is durable. An append under a key may
    /// have been made before: then its own events match.
    fn precheck(&self, namespace: &str, append: &Append) -> Result<Checked, Rejection> {
        let keyed = append.idempotency_key.is_some()
            || append.events().any(|event| event.idempotency_key.is_some());
        let Some(condition) = append.condition.as_ref().filter(|_| !keyed) else {
            return Ok(Checked::NOTHING);
        };
        // Before the snapshot is taken, which so shows it.
        let newest = self.inner().positions.newest(namespace);
        let snapshot = self.store().snapshot()?;
        let reader = LogReader::new(&*snapshot, namespace);
        let newest = newest.map_or_else(|| reader.last_position(), Ok)?;
        reader.check(condition, newest)?.map_err(Rejection::AppendConditionFailed)
    }

    /// The log of a namespace as it is now.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`]; when the store has stopped.
    pub fn log(&self, namespace: &str) -> Result<LogSnapshot, Rejection> {
        self.check_namespace(namespace)?;
        let snapshot = self.store().snapshot()?;
        Ok(LogSnapshot { snapshot, namespace: namespace.to_owned() })
    }

    /// Wakes at each commit that holds events of the namespace; its value is the newest durable
    /// position, 0 until the first such commit: read first, then wait.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`].
    pub fn follow_log(&self, namespace: &str) -> Result<watch::Receiver<u64>, Rejection> {
        self.check_namespace(namespace)?;
        Ok(self.inner().positions.follow(namespace))
    }
}

impl Shard {
    pub(super) fn append(
        &mut self,
        namespace: &str,
        append: Append,
        checked: Checked,
        reply: Reply<Appended>,
    ) {
        let now = self.turn.now;
        let mut refusal = None;
        let mut appended = None;
        let code = |tx: &mut crate::TransactionContext<'_>| match tx.append_checked(append, checked)
        {
            Ok(done) => {
                appended = Some(done);
                Ok(())
            }
            Err(refused) => {
                let failure = ActivityError::new("refused", &refused).failure().clone();
                refusal = Some(refused);
                // A veto ends the transaction in the words of whoever had a say.
                match &refusal {
                    Some(AppendRefusal::Vetoed(_)) => Ok(()),
                    _ => Err(failure),
                }
            }
        };
        let answer = match self.check_namespace(namespace).map_err(Refused::ByEngine) {
            Ok(()) => self.transact(namespace, code),
            Err(refused) => Err(refused),
        };
        let answer = match (answer, appended, refusal) {
            (Ok(()), Some(appended), _) => Ok(appended),
            (Err(Refused::ByEngine(rejection)), ..) => Err(rejection),
            (Err(Refused::Vetoed(failure)), ..) => Err(Rejection::Vetoed(failure.into())),
            (_, _, Some(AppendRefusal::IdempotencyConflict { key })) => {
                // The one refusal that leaves a trace: somebody should look at it.
                let audit = |tx: &mut crate::TransactionContext<'_>| {
                    idempotency_conflict(tx, &key, now).map_err(|error| error.failure().clone())
                };
                match self.transact(namespace, audit) {
                    Ok(()) => Err(Rejection::IdempotencyConflict(key.into())),
                    Err(Refused::ByEngine(rejection)) => Err(rejection),
                    Err(Refused::ByItself(failure) | Refused::Vetoed(failure)) => {
                        Err(Rejection::Unavailable(failure.message))
                    }
                }
            }
            (_, _, Some(refusal)) => Err(refusal.into()),
            (Err(Refused::ByItself(failure)), ..) => Err(Rejection::Unprocessable(failure.message)),
            (Ok(()), None, None) => Err(Rejection::Unavailable("nothing was appended".into())),
        };
        self.turn.effects.push(Effect::AnswerAppend(reply, answer));
        self.turn.steps += 1;
        self.deliver_letters();
    }
}

impl From<AppendRefusal> for Rejection {
    fn from(refusal: AppendRefusal) -> Self {
        match refusal {
            AppendRefusal::VersionConflict { stream, expected, current } => {
                Self::VersionConflict { stream: stream.to_string(), expected, current }
            }
            AppendRefusal::ScopeConflict { scope, expected, current } => {
                Self::ScopeVersionMismatch { scope: scope.into(), expected, current }
            }
            AppendRefusal::ConditionFailed { position } => Self::AppendConditionFailed(position),
            AppendRefusal::IdempotencyConflict { key } => Self::IdempotencyConflict(key.into()),
            AppendRefusal::Store(error) => StoreError::into(error),
            other => Self::Unprocessable(other.to_string()),
        }
    }
}
