//! The subscriptions of a running engine: made, described, deleted, polled and answered.
//!
//! Invariant: whatever is answered is durable. Who asks while a keeper ends is heard by the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use everstep_engine::{ActivityError, Engine, Keys, Rejection};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::asks::{Ask, Handle, Handles, Poll, Reply};
use super::keeper::{self, blocking, delete, refused};
use super::reading::find;
use super::rows::{PARKED, STATES, SUBSCRIPTIONS, Stored, StoredState, delete_some, row_key};
use super::settings::{NamedStart, StartFrom};
use super::status::{SubscriptionStatus, status};
use super::window::Verdict;
use super::{
    Delivery, DeliveryToken, ParkedEvent, Settled, SubscriptionError, SubscriptionSettings,
};

/// Subscriptions of one namespace.
const MOST_SUBSCRIPTIONS: usize = 500;
/// The most events that one poll hands out.
pub const MOST_A_POLL: usize = 500;
/// How often somebody asks again whose keeper ended as it asked.
const TRIES: u32 = 5;

/// What a consumer asks for.
#[derive(Clone, Debug)]
pub struct PollRequest {
    /// Who it is.
    pub consumer: String,
    /// At most so many events, each of another lane.
    pub most: usize,
    /// For how long; the subscription's own time when absent.
    pub lease_ms: Option<u64>,
    /// How long to wait for the first one.
    pub wait: Duration,
}

/// The subscriptions of an engine. Clones are the same.
#[derive(Clone)]
pub struct SubscriptionService {
    engine: Engine,
    handles: Handles,
}

impl std::fmt::Debug for SubscriptionService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubscriptionService").finish_non_exhaustive()
    }
}

impl SubscriptionService {
    /// The engine's subscriptions. Make one an engine and share it: two of them are right, too,
    /// but get in each other's way.
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), handles: Handles::default() }
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes a subscription; whether there was none. One that exists with the same settings stays
    /// as it is.
    ///
    /// # Errors
    /// [`SubscriptionError::Invalid`], [`SubscriptionError::AlreadyExists`],
    /// [`SubscriptionError::TooMany`]; when the namespace does not exist.
    pub async fn create(
        &self,
        namespace: &str,
        name: &str,
        settings: SubscriptionSettings,
    ) -> Result<bool, SubscriptionError> {
        settings.check(name)?;
        let own = name.to_owned();
        loop {
            let (own, settings) = (own.clone(), settings.clone());
            let made = self.engine.transact(namespace, move |tx| {
                match tx.get(SUBSCRIPTIONS, &own)? {
                    // The rest of one that goes.
                    Some(stored) if stored.is_deleted => {
                        delete_some(tx, &own)?;
                        return Ok(None);
                    }
                    Some(stored) if stored.settings == settings => return Ok(Some(false)),
                    Some(_) => return Err(ActivityError::new(EXISTS, &own)),
                    None => {}
                }
                let limit = Keys::all().limit(MOST_SUBSCRIPTIONS);
                if tx.range(SUBSCRIPTIONS, &limit)?.len() == MOST_SUBSCRIPTIONS {
                    return Err(ActivityError::new(TOO_MANY, &own));
                }
                let checkpoint = match settings.start {
                    StartFrom::Named(NamedStart::Beginning) | StartFrom::Absent => 0,
                    StartFrom::Named(NamedStart::Now) => tx.last_position(),
                    StartFrom::After(position) => position.min(tx.last_position()),
                };
                let created_at_ms = tx.now().as_millis();
                let state = StoredState { checkpoint, ..StoredState::default() };
                tx.put(
                    SUBSCRIPTIONS,
                    &own,
                    &Stored { settings, created_at_ms, is_deleted: false },
                )?;
                tx.put(STATES, &own, &state)?;
                Ok(Some(true))
            });
            let made = made.await.map_err(|error| match error {
                everstep_engine::TransactError::Failed(error) if error.kind() == EXISTS => {
                    SubscriptionError::AlreadyExists(name.to_owned())
                }
                everstep_engine::TransactError::Failed(error) if error.kind() == TOO_MANY => {
                    SubscriptionError::TooMany(MOST_SUBSCRIPTIONS)
                }
                error => refused(name, error),
            })?;
            if let Some(made) = made {
                return Ok(made);
            }
        }
    }

    /// Makes a subscription, or gives the one that is there other settings: every one but which
    /// events it is about and which of them keep their order. Where it began stays as it was.
    ///
    /// # Errors
    /// [`SubscriptionError::AlreadyExists`] when it is about other events, or other lanes; and as
    /// [`SubscriptionService::create`].
    pub async fn declare(
        &self,
        namespace: &str,
        name: &str,
        settings: SubscriptionSettings,
    ) -> Result<(), SubscriptionError> {
        match self.create(namespace, name, settings.clone()).await {
            Err(SubscriptionError::AlreadyExists(_)) => {}
            other => return other.map(drop),
        }
        let before = find(&self.engine.rows(namespace)?, name)?.settings;
        if (&before.filter, &before.partition_by) != (&settings.filter, &settings.partition_by) {
            return Err(SubscriptionError::AlreadyExists(name.to_owned()));
        }
        let settings = SubscriptionSettings { start: before.start, ..settings };
        if settings == before {
            return Ok(());
        }
        self.ask(namespace, name, |reply| Ask::Configure {
            settings: Box::new(settings.clone()),
            reply,
        })
        .await
    }

    /// Deletes a subscription with everything that is known of it, parked events among it. The
    /// events stay in the log.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn delete(&self, namespace: &str, name: &str) -> Result<(), SubscriptionError> {
        find(&self.engine.rows(namespace)?, name)?;
        match self.ask(namespace, name, |reply| Ask::Delete { reply }).await {
            // Its keeper could not begin, or somebody else was quicker.
            Err(SubscriptionError::NotFound(_)) => delete(&self.engine, namespace, name).await,
            other => other,
        }
    }

    /// How all subscriptions of a namespace are, by name. Reads the store.
    ///
    /// # Errors
    /// When the namespace does not exist, or the store cannot be read.
    pub fn list(&self, namespace: &str) -> Result<Vec<SubscriptionStatus>, SubscriptionError> {
        let rows = self.engine.rows(namespace)?;
        let all = rows.range(SUBSCRIPTIONS, &Keys::all())?;
        let all = all.into_iter().filter(|(_, stored)| !stored.is_deleted);
        all.map(|(name, stored)| {
            let polling = self.polling(namespace, &name);
            status(&rows, &name, &stored, polling, self.engine.now())
        })
        .collect()
    }

    /// How one is. Reads the store.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub fn describe(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<SubscriptionStatus, SubscriptionError> {
        let rows = self.engine.rows(namespace)?;
        let stored = find(&rows, name)?;
        status(&rows, name, &stored, self.polling(namespace, name), self.engine.now())
    }

    fn polling(&self, namespace: &str, name: &str) -> usize {
        let handles = self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let handle = handles.get(&(namespace.to_owned(), name.to_owned()));
        handle.map_or(0, |handle| handle.polling.load(Ordering::Relaxed))
    }

    /// Hands out events: the oldest of lanes of which nothing is handed out. Waits for the first
    /// one.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`]; when the server stops.
    pub async fn poll(
        &self,
        namespace: &str,
        name: &str,
        request: PollRequest,
    ) -> Result<Vec<Delivery>, SubscriptionError> {
        let until = Instant::now() + request.wait;
        let consumer: Arc<str> = request.consumer.into();
        let most = request.most.clamp(1, MOST_A_POLL);
        let handed = self.ask(namespace, name, |reply| {
            let (consumer, lease_ms) = (Arc::clone(&consumer), request.lease_ms);
            Ask::Poll(Poll { consumer, most, lease_ms, until, reply })
        });
        let handed = handed.await?;
        if handed.is_empty() {
            return Ok(Vec::new());
        }
        let (engine, namespace) = (self.engine.clone(), namespace.to_owned());
        blocking(move || {
            let log = engine.log(&namespace)?;
            let log = log.reader();
            handed.into_iter().map(|one| Delivery::of(&log, one)).collect()
        })
        .await
    }

    /// The events are done.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn ack(
        &self,
        namespace: &str,
        name: &str,
        tokens: &[DeliveryToken],
    ) -> Result<Settled, SubscriptionError> {
        self.judge(namespace, name, tokens, &Verdict::Ack).await
    }

    /// The events are to be tried again, after `after` or the subscription's own pause.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn nack(
        &self,
        namespace: &str,
        name: &str,
        tokens: &[DeliveryToken],
        reason: &str,
        after: Option<Duration>,
    ) -> Result<Settled, SubscriptionError> {
        let after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        let verdict = Verdict::Retry { after_ms, reason: reason.to_owned() };
        self.judge(namespace, name, tokens, &verdict).await
    }

    /// The events are given up until somebody replays them.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn park(
        &self,
        namespace: &str,
        name: &str,
        tokens: &[DeliveryToken],
        reason: &str,
    ) -> Result<Settled, SubscriptionError> {
        let verdict = Verdict::Park { reason: reason.to_owned() };
        self.judge(namespace, name, tokens, &verdict).await
    }

    /// The events take longer: they are the consumer's for so long from now on.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn extend(
        &self,
        namespace: &str,
        name: &str,
        tokens: &[DeliveryToken],
        lease: Duration,
    ) -> Result<Settled, SubscriptionError> {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        self.judge(namespace, name, tokens, &Verdict::Extend { lease_ms }).await
    }

    async fn judge(
        &self,
        namespace: &str,
        name: &str,
        tokens: &[DeliveryToken],
        verdict: &Verdict,
    ) -> Result<Settled, SubscriptionError> {
        let taken = self.ask(namespace, name, |reply| {
            let verdicts =
                tokens.iter().map(|token| (token.position, token.attempt, verdict.clone()));
            Ask::Judge { verdicts: verdicts.collect(), reply }
        });
        Ok(Settled::of(tokens, &taken.await?))
    }

    /// Parked events in their order, after a position.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub fn parked(
        &self,
        namespace: &str,
        name: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ParkedEvent>, SubscriptionError> {
        let rows = self.engine.rows(namespace)?;
        find(&rows, name)?;
        let keys = Keys::prefix(format!("{name}/")).after(row_key(name, after)).limit(limit);
        let found = rows.range(PARKED, &keys)?;
        Ok(found.into_iter().map(|(key, row)| ParkedEvent::of(&key, row)).collect())
    }

    /// Gives parked events another go: those positions, or all. Answers how many.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn replay(
        &self,
        namespace: &str,
        name: &str,
        positions: Option<Vec<u64>>,
    ) -> Result<usize, SubscriptionError> {
        self.ask(namespace, name, |reply| Ask::Replay { positions: positions.clone(), reply }).await
    }

    /// Settles parked events without another try: those positions, or all. Answers how many.
    ///
    /// # Errors
    /// [`SubscriptionError::NotFound`].
    pub async fn discard(
        &self,
        namespace: &str,
        name: &str,
        positions: Option<Vec<u64>>,
    ) -> Result<usize, SubscriptionError> {
        self.ask(namespace, name, |reply| Ask::Discard { positions: positions.clone(), reply })
            .await
    }

    async fn ask<T>(
        &self,
        namespace: &str,
        name: &str,
        ask: impl Fn(Reply<T>) -> Ask,
    ) -> Result<T, SubscriptionError> {
        // A keeper costs a task: nobody gets one for a name that does not exist.
        if !self.is_kept(namespace, name) {
            find(&self.engine.rows(namespace)?, name)?;
        }
        for _ in 0..TRIES {
            let handle = keeper::reach(&self.engine, &self.handles, namespace, name);
            let (reply, answer) = oneshot::channel();
            if handle.asks.send(ask(reply)).await.is_err() {
                continue;
            }
            // One that ended as it was asked has not heard it.
            if let Ok(answered) = answer.await {
                return answered;
            }
        }
        let what = format!("subscription `{name}` does not answer");
        Err(Rejection::Unavailable(what).into())
    }

    fn is_kept(&self, namespace: &str, name: &str) -> bool {
        let handles = self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let handle: Option<&Handle> = handles.get(&(namespace.to_owned(), name.to_owned()));
        handle.is_some_and(|handle| !handle.asks.is_closed())
    }
}

const EXISTS: &str = "exists";
const TOO_MANY: &str = "too_many";
