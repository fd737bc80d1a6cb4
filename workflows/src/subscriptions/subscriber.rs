//! Consumers in the process: a function that is called with each event of a subscription.
//!
//! The subscription is made in every namespace, if it is not there, and has the settings of the code
//! from then on; which events it is about and their lanes stay what they were. As long as a call of the
//! function runs, its event stays handed out to it; what it returns settles the event: `Ok`
//! acknowledges, an error has it tried again, one that is not retryable parks it.
//!
//! Invariant: at most as many calls run at once as were declared, each for another lane; what has
//! ended together is settled in one commit.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use everstep_activities::language::read_newest;
use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Engine, Extension, Worker};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use super::settings::{NamedStart, Partition, StartFrom};
use super::{
    Delivery, DeliveryToken, OnPark, PollRequest, SubscriptionError, SubscriptionService,
    SubscriptionSettings, life,
};

/// How often it is looked whether there are other namespaces than before.
const NAMESPACES_EVERY: Duration = Duration::from_millis(250);
/// How long one poll waits.
const POLL_WAIT: Duration = Duration::from_secs(30);
/// How long a consumer rests that was refused.
const PAUSE: Duration = Duration::from_secs(1);

type Handling = Pin<Box<dyn Future<Output = Result<(), ActivityError>> + Send>>;
type Handler = dyn Fn(Incoming) -> Handling + Send + Sync;

/// An event that a function is called with.
#[derive(Clone, Debug)]
pub struct Incoming {
    engine: Engine,
    namespace: String,
    delivery: Delivery,
}

impl Incoming {
    /// The engine, to act in.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The namespace that the event belongs to.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The event as it was written.
    pub const fn event(&self) -> &RecordedEvent {
        &self.delivery.event
    }

    /// The event's position: the same each time that it comes again.
    pub const fn position(&self) -> u64 {
        self.delivery.token.position
    }

    /// The event's lane.
    pub fn key(&self) -> &str {
        &self.delivery.key
    }

    /// How often it was handed out, this time included.
    pub const fn attempt(&self) -> u32 {
        self.delivery.attempt
    }

    /// What the event says, in the newest version of its schema.
    ///
    /// # Errors
    /// When it is not what `T` expects; not retryable.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ActivityError> {
        let read = read_newest(&self.engine, self.event());
        let read = read.map_err(everstep_activities::language::LanguageError::into_failure)?;
        serde_json::from_value(read.data)
            .map_err(|error| ActivityError::new("invalid_event", error).non_retryable())
    }
}

/// A subscription with the function that takes its events.
///
/// ```
/// use everstep_engine::Worker;
/// use everstep_workflows::subscriptions::{Subscriber, SubscriberWorker};
///
/// let worker = Worker::new().subscriber(
///     Subscriber::new("mailing")
///         .types(["OrderSubmitted"])
///         .at_once(8)
///         .handle(async |incoming| {
///             println!("{} at {}", incoming.event().event_type(), incoming.position());
///             Ok(())
///         }),
/// );
/// # drop(worker);
/// ```
#[derive(Clone)]
pub struct Subscriber {
    name: &'static str,
    settings: SubscriptionSettings,
    at_once: usize,
    handler: Option<Arc<Handler>>,
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Subscriber {
    /// A subscription of this name to every event from the first one on, in lanes of streams.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, settings: SubscriptionSettings::default(), at_once: 4, handler: None }
    }

    /// Only events of these types.
    #[must_use]
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.settings.filter.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Only events with all of these tags.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.settings.filter.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Lanes of the first tag `PREFIX:…` instead of streams.
    #[must_use]
    pub fn by_tag(mut self, prefix: impl Into<String>) -> Self {
        self.settings.partition_by = Partition::Tag(prefix.into());
        self
    }

    /// Begins behind the newest event instead of with the first.
    #[must_use]
    pub fn from_now(mut self) -> Self {
        self.settings.start = StartFrom::Named(NamedStart::Now);
        self
    }

    /// A lane goes on behind a parked event.
    #[must_use]
    pub fn continue_behind_parked(mut self) -> Self {
        self.settings.on_park = OnPark::Continue;
        self
    }

    /// Every other setting.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut SubscriptionSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// How many calls may run at once; 4 when nothing is said.
    #[must_use]
    pub const fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls;
        self
    }

    /// The function that takes the events.
    #[must_use]
    pub fn handle<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(Incoming) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), ActivityError>> + Send + 'static,
    {
        self.handler = Some(Arc::new(move |incoming| Box::pin(handler(incoming))));
        self
    }

    fn check(&self) -> Result<(), String> {
        self.settings.check(self.name).map_err(|error| error.to_string())?;
        if self.handler.is_none() {
            return Err(format!("subscriber `{}` has no function: add `handle`", self.name));
        }
        if !(1..=super::MOST_A_POLL).contains(&self.at_once) {
            return Err(format!("subscriber `{}` handles 1 to 500 events at once", self.name));
        }
        Ok(())
    }
}

/// A worker's subscribers, by name.
#[derive(Default)]
pub struct Subscribers {
    by_name: BTreeMap<&'static str, Subscriber>,
    mistakes: Vec<String>,
}

impl Extension for Subscribers {
    fn check(&self) -> Result<(), String> {
        self.mistakes.first().map_or(Ok(()), |mistake| Err(mistake.clone()))
    }
}

/// Registers subscribers with a worker.
pub trait SubscriberWorker {
    /// Calls the subscriber's function with the events of every namespace.
    #[must_use]
    fn subscriber(self, subscriber: Subscriber) -> Self;
}

impl SubscriberWorker for Worker {
    fn subscriber(self, subscriber: Subscriber) -> Self {
        self.extend(|all: &mut Subscribers| {
            all.mistakes.extend(subscriber.check().err());
            let name = subscriber.name;
            if all.by_name.insert(name, subscriber).is_some() {
                all.mistakes.push(format!("subscriber `{name}` is registered twice"));
            }
        })
    }
}

/// Ends the consumers when it is dropped.
#[derive(Debug)]
pub struct Consuming(watch::Sender<bool>);

impl Drop for Consuming {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl SubscriptionService {
    /// Begins to call the functions that the engine's worker registers, until what this answers is
    /// dropped. Call it inside a Tokio runtime, once an engine; a server does so by itself.
    #[must_use]
    pub fn consume(&self) -> Consuming {
        let (stop, stopped) = watch::channel(false);
        let service = self.clone();
        if self.engine().extension::<Subscribers>().is_some() {
            tokio::spawn(supervise(service, stopped));
        }
        Consuming(stop)
    }
}

/// Gives each subscriber of each namespace its task, and takes it away with the namespace.
async fn supervise(service: SubscriptionService, mut stop: watch::Receiver<bool>) {
    let mut consuming: HashMap<String, Vec<AbortHandle>> = HashMap::new();
    while !*stop.borrow() {
        let names: Vec<String> =
            service.engine().namespaces().into_iter().map(|namespace| namespace.name).collect();
        consuming.retain(|name, tasks| {
            let is_there = names.contains(name);
            if !is_there {
                tasks.iter().for_each(AbortHandle::abort);
            }
            is_there
        });
        for name in names {
            consuming.entry(name).or_insert_with_key(|name| {
                let all = service.engine().extension::<Subscribers>();
                let all = all.into_iter().flat_map(|all| all.by_name.values());
                let tasks = all.map(|subscriber| {
                    let consumer = Consumer {
                        service: service.clone(),
                        namespace: name.clone(),
                        subscriber: subscriber.clone(),
                        running: JoinSet::new(),
                        held: HashMap::new(),
                    };
                    tokio::spawn(consumer.run(stop.clone())).abort_handle()
                });
                tasks.collect()
            });
        }
        tokio::select! {
            () = tokio::time::sleep(NAMESPACES_EVERY) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// What became of a call.
type Ended = (DeliveryToken, Result<(), ActivityError>);

struct Consumer {
    service: SubscriptionService,
    namespace: String,
    subscriber: Subscriber,
    running: JoinSet<Ended>,
    /// What is handed out to calls that run, by task.
    held: HashMap<tokio::task::Id, DeliveryToken>,
}

impl Consumer {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while let Err(error) = self.make().await {
            let (subscription, namespace) = (self.subscriber.name, &self.namespace);
            tracing::warn!(subscription, namespace, %error, "failed to make a subscription");
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stop.changed() => return,
            }
        }
        let mut poll: Option<JoinHandle<Result<Vec<Delivery>, SubscriptionError>>> = None;
        let lease = Duration::from_millis(self.subscriber.settings.lease_ms);
        let mut renew = tokio::time::interval((lease / 3).max(Duration::from_millis(1)));
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !*stop.borrow() {
            let free = self.subscriber.at_once - self.running.len();
            if poll.is_none() && free > 0 {
                poll = Some(self.poll(free));
            }
            tokio::select! {
                polled = async { poll.as_mut()?.await.ok() }, if poll.is_some() => {
                    poll = None;
                    match polled {
                        Some(Ok(deliveries)) => self.begin(deliveries),
                        Some(Err(error)) => self.rest(&error).await,
                        None => {}
                    }
                }
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.settle(ended).await;
                }
                _ = renew.tick() => self.extend(lease).await,
                _ = stop.changed() => {}
            }
        }
    }

    async fn make(&self) -> Result<(), SubscriptionError> {
        let settings = self.subscriber.settings.clone();
        self.service.declare(&self.namespace, self.subscriber.name, settings).await
    }

    /// In a task of its own, so that what it is handed is never lost with it.
    fn poll(&self, most: usize) -> JoinHandle<Result<Vec<Delivery>, SubscriptionError>> {
        let (service, namespace) = (self.service.clone(), self.namespace.clone());
        let name = self.subscriber.name;
        let consumer = life::consumer(service.engine());
        let request = PollRequest { consumer, most, lease_ms: None, wait: POLL_WAIT };
        tokio::spawn(async move { service.poll(&namespace, name, request).await })
    }

    fn begin(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let Some(handler) = self.subscriber.handler.clone() else { return };
            let (engine, namespace) = (self.service.engine().clone(), self.namespace.clone());
            let token = delivery.token;
            let incoming = Incoming { engine, namespace, delivery };
            let call = async move {
                let calling = std::panic::catch_unwind(AssertUnwindSafe(|| handler(incoming)));
                match calling {
                    Ok(calling) => (token, calling.await),
                    Err(_) => (token, Err(panicked())),
                }
            };
            let task = self.running.spawn(call);
            self.held.insert(task.id(), token);
        }
    }

    /// Settles a call that has ended, and all others that have.
    async fn settle(&mut self, first: Result<(tokio::task::Id, Ended), tokio::task::JoinError>) {
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(ended) = next {
            match ended {
                Ok((id, (token, result))) => {
                    self.held.remove(&id);
                    match result {
                        Ok(()) => done.push(token),
                        Err(error) => refused.push((token, error)),
                    }
                }
                Err(error) => {
                    let token = self.held.remove(&error.id());
                    refused.extend(token.map(|token| (token, panicked())));
                }
            }
            next = self.running.try_join_next_with_id();
        }
        let (namespace, name) = (&self.namespace, self.subscriber.name);
        if !done.is_empty()
            && let Err(error) = self.service.ack(namespace, name, &done).await
        {
            tracing::warn!(name, namespace, %error, "failed to acknowledge events");
        }
        for (token, error) in refused {
            let reason = error.to_string();
            let told = match error.failure().non_retryable {
                true => self.service.park(namespace, name, &[token], &reason).await,
                false => self.service.nack(namespace, name, &[token], &reason, None).await,
            };
            if let Err(error) = told {
                tracing::warn!(name, namespace, %error, "failed to refuse an event");
            }
        }
    }

    async fn extend(&self, lease: Duration) {
        let held: Vec<_> = self.held.values().copied().collect();
        if held.is_empty() {
            return;
        }
        let (namespace, name) = (&self.namespace, self.subscriber.name);
        if let Err(error) = self.service.extend(namespace, name, &held, lease).await {
            tracing::warn!(name, namespace, %error, "failed to keep events that are being handled");
        }
    }

    /// What was deleted is made again; anything else has time.
    async fn rest(&self, error: &SubscriptionError) {
        let (name, namespace) = (self.subscriber.name, &self.namespace);
        tracing::warn!(name, namespace, %error, "failed to poll a subscription");
        tokio::time::sleep(PAUSE).await;
        if matches!(error, SubscriptionError::NotFound(_)) {
            drop(self.make().await);
        }
    }
}

fn panicked() -> ActivityError {
    ActivityError::new("panic", "the subscriber's code panicked")
}
