//! The projections of a running engine: who keeps them, how far they are, what they answer.
//!
//! Invariants: one task keeps one projection of one namespace; a projection that fails holds up
//! nobody else and tries again for ever, with a pause of up to a minute; everything ends when the
//! last handle is dropped, when it is told to, or when the engine stops.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use everstep_engine::log::Direction;
use everstep_engine::{Engine, Rejection, RowSnapshot, Timestamp, TransactError};
use serde::Serialize;
use tokio::sync::{Notify, watch};

use super::batch::{Stepped, step};
use super::feed::{Feeds, Subscription};
use super::rows::{self, PAUSES};
use super::view::{self, RowQuery, RowView, RowsPage};
use super::{Category, Delivery, ProjectionCode, ProjectionError, Projections, inline};

/// How often it is looked whether there are other namespaces than before.
const NAMESPACES_EVERY: Duration = Duration::from_millis(250);
/// How long a projection without events waits before it looks by itself.
const LONGEST_REST: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Without a step for so long, a projection that has something to do is stalled.
const STALLED_AFTER_MS: i64 = 60_000;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a projection of a namespace is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub category: Category,
    /// How it is kept.
    pub delivery: Delivery,
    /// Who asks it and how: `internal`, `client`, `admin` or `events`.
    pub query_pattern: &'static str,
    /// Whether clients may follow it.
    pub reactive: bool,
    /// What defines an integration projection's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<&'static str>,
    /// `current`, `catching_up`, `paused`, `failing`, or `stalled`: there is something to do, and
    /// for a minute nothing was.
    pub status: &'static str,
    /// Every event up to here is in its rows.
    pub position: u64,
    /// The newest event.
    pub last_position: u64,
    /// How many events it is behind.
    pub lag: u64,
    /// Events that have touched a row.
    pub events: u64,
    /// When its checkpoint was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Why it waits, or fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is known of a projection of a namespace in this process.
pub(super) struct Live {
    seen: AtomicU64,
    failure: Mutex<Option<String>>,
    wake: Notify,
    /// How far the durable rows are; 0 until something was written.
    pub(super) durable: watch::Sender<u64>,
}

impl Live {
    fn new() -> Self {
        let (durable, _) = watch::channel(0);
        let (seen, failure) = (AtomicU64::new(0), Mutex::default());
        Self { seen, failure, wake: Notify::new(), durable }
    }

    fn fail(&self, why: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

type Key = (String, &'static str);

struct Inner {
    engine: Engine,
    lives: Mutex<HashMap<Key, Arc<Live>>>,
    feeds: Feeds,
    stop: watch::Sender<bool>,
}

/// The projections of an engine. Clones are the same; when the last is dropped they rest.
#[derive(Clone)]
pub struct ProjectionService(Arc<Inner>);

impl std::fmt::Debug for ProjectionService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProjectionService").finish_non_exhaustive()
    }
}

impl ProjectionService {
    /// Begins to keep the projections that the engine's worker registers. Call it inside a Tokio
    /// runtime, once an engine.
    pub fn start(engine: &Engine) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (engine, lives) = (engine.clone(), Mutex::default());
        let inner = Arc::new(Inner { engine, lives, feeds: Feeds::default(), stop });
        if inner.engine.extension::<Projections>().is_some() {
            tokio::spawn(supervise(Arc::downgrade(&inner), stopped));
        }
        Self(inner)
    }

    /// Reads what another service of the engine keeps.
    pub fn reader(engine: &Engine) -> Self {
        let (stop, _) = watch::channel(true);
        let (engine, lives) = (engine.clone(), Mutex::default());
        Self(Arc::new(Inner { engine, lives, feeds: Feeds::default(), stop }))
    }

    /// Keeps nothing any more; what is open comes to its end.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    fn code(&self, name: &str) -> Result<&Arc<ProjectionCode>, ProjectionError> {
        let all = self.0.engine.extension::<Projections>();
        let found = all.and_then(|projections| projections.find(name));
        found.ok_or_else(|| ProjectionError::NotFound(name.to_owned()))
    }

    /// What the projection is for.
    ///
    /// # Errors
    /// [`ProjectionError::NotFound`].
    pub fn category(&self, name: &str) -> Result<Category, ProjectionError> {
        Ok(self.code(name)?.category)
    }

    /// How all projections of a namespace are, by name.
    ///
    /// # Errors
    /// When the namespace does not exist, or the store cannot be read.
    pub fn statuses(&self, namespace: &str) -> Result<Vec<ProjectionStatus>, ProjectionError> {
        let snapshot = self.0.engine.rows(namespace)?;
        let all = self.0.engine.extension::<Projections>();
        let all = all.into_iter().flat_map(Projections::all);
        all.map(|code| self.status_of(code, namespace, &snapshot)).collect()
    }

    /// How one is.
    ///
    /// # Errors
    /// As [`ProjectionService::statuses`]; when there is no such projection.
    pub fn status(&self, namespace: &str, name: &str) -> Result<ProjectionStatus, ProjectionError> {
        let snapshot = self.0.engine.rows(namespace)?;
        self.status_of(self.code(name)?, namespace, &snapshot)
    }

    fn status_of(
        &self,
        code: &ProjectionCode,
        namespace: &str,
        snapshot: &RowSnapshot,
    ) -> Result<ProjectionStatus, ProjectionError> {
        let checkpoint = rows::checkpoint(snapshot, code.name)?;
        let last_position = snapshot.log().last_position().map_err(Rejection::from)?;
        let paused: Option<String> = snapshot.get(PAUSES, code.name)?;
        let live = self.0.lock().get(&(namespace.to_owned(), code.name)).cloned();
        let seen = live.as_ref().map_or(0, |live| live.seen.load(Ordering::Relaxed));
        let failure = live
            .and_then(|live| live.failure.lock().unwrap_or_else(PoisonError::into_inner).clone());
        // What was seen may be newer than the snapshot.
        let position = checkpoint.position.max(seen).min(last_position);
        let lag = last_position - position;
        let status = match (&paused, &failure) {
            (Some(_), _) => "paused",
            (None, Some(_)) => "failing",
            (None, None) if lag == 0 => "current",
            (None, None) if self.stands_still(code, snapshot, checkpoint, position)? => "stalled",
            (None, None) => "catching_up",
        };
        Ok(ProjectionStatus {
            name: code.name.to_owned(),
            category: code.category,
            delivery: code.delivery,
            query_pattern: code.category.query_pattern(),
            reactive: code.category.is_reactive(),
            contract: code.contract,
            status,
            position,
            last_position,
            lag,
            events: checkpoint.events,
            updated_at: (checkpoint.at_ms != 0).then(|| Timestamp::from_millis(checkpoint.at_ms)),
            reason: paused.or(failure),
        })
    }

    /// The watchdog: whether an event of the projection waits, and neither it nor the last step is
    /// young.
    fn stands_still(
        &self,
        code: &ProjectionCode,
        snapshot: &RowSnapshot,
        checkpoint: rows::Checkpoint,
        position: u64,
    ) -> Result<bool, ProjectionError> {
        let stalled_at = self.0.engine.now().as_millis() - STALLED_AFTER_MS;
        if checkpoint.at_ms > stalled_at {
            return Ok(false);
        }
        let next = snapshot.log().matching(&code.query, position + 1, Direction::Forwards, 1);
        let next = next.map_err(Rejection::from)?;
        Ok(next.first().is_some_and(|event| event.recorded_at_ms() <= stalled_at))
    }

    /// A row, with the events that are not in the durable one yet. Whether the caller may read it
    /// is its [category](Category::check_reader)'s to say.
    ///
    /// # Errors
    /// [`ProjectionError::RowNotFound`]; when there is no such projection or namespace.
    pub fn row(&self, namespace: &str, name: &str, key: &str) -> Result<RowView, ProjectionError> {
        let code = self.code(name)?;
        let view = view::read(&self.0.engine.rows(namespace)?, code, key)?;
        match view.state {
            Some(_) => Ok(view),
            None => {
                let (name, key) = (name.to_owned(), key.to_owned());
                Err(ProjectionError::RowNotFound { name, key })
            }
        }
    }

    /// Rows in the order of their keys.
    ///
    /// # Errors
    /// When there is no such projection or namespace.
    pub fn rows(
        &self,
        namespace: &str,
        name: &str,
        query: &RowQuery,
    ) -> Result<RowsPage, ProjectionError> {
        let code = self.code(name)?;
        Ok(view::page(&self.0.engine.rows(namespace)?, code, query)?)
    }

    /// Follows a row, or all of them, from where a client was before, or from now on.
    ///
    /// # Errors
    /// [`ProjectionError::SubscriptionsNotSupported`]; when there is no such projection or
    /// namespace.
    pub fn follow(
        &self,
        namespace: &str,
        name: &str,
        key: Option<String>,
        after: Option<u64>,
    ) -> Result<Subscription, ProjectionError> {
        let code = self.code(name)?;
        code.category.check_follower(name)?;
        let live = self.0.live(namespace, code.name);
        self.0.feeds.follow(&self.0.engine, namespace, code, &live, key, after)
    }

    /// Keeps a projection of a namespace waiting until it is resumed, over restarts.
    ///
    /// # Errors
    /// [`ProjectionError::NotPausable`]; when there is no such projection or namespace.
    pub async fn pause(
        &self,
        namespace: &str,
        name: &str,
        reason: &str,
    ) -> Result<(), ProjectionError> {
        let code = self.code(name)?;
        if code.delivery == Delivery::Inline {
            return Err(ProjectionError::NotPausable(name.to_owned()));
        }
        self.set_pause(namespace, code.name, Some(reason.to_owned())).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When there is no such projection or namespace.
    pub async fn resume(&self, namespace: &str, name: &str) -> Result<(), ProjectionError> {
        let name = self.code(name)?.name;
        self.set_pause(namespace, name, None).await
    }

    async fn set_pause(
        &self,
        namespace: &str,
        name: &'static str,
        reason: Option<String>,
    ) -> Result<(), ProjectionError> {
        self.0.engine.check_namespace(namespace)?;
        let set = self.0.engine.transact(namespace, move |tx| match &reason {
            Some(reason) => tx.put(PAUSES, name, reason),
            None => tx.delete(PAUSES, name),
        });
        set.await.map_err(|error| match error {
            TransactError::Rejected(rejection) => rejection,
            error => Rejection::Unavailable(error.to_string()),
        })?;
        self.0.live(namespace, name).wake.notify_one();
        Ok(())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Live>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, namespace: &str, name: &'static str) -> Arc<Live> {
        let mut lives = self.lock();
        Arc::clone(lives.entry((namespace.to_owned(), name)).or_insert_with(|| Live::new().into()))
    }
}

/// Gives each projection of each namespace its task, and takes it away with the namespace.
async fn supervise(inner: Weak<Inner>, stop: watch::Receiver<bool>) {
    let mut keeping: HashMap<String, Vec<tokio::task::AbortHandle>> = HashMap::new();
    loop {
        {
            let Some(inner) = inner.upgrade() else { break };
            if *stop.borrow() {
                break;
            }
            let names: Vec<String> =
                inner.engine.namespaces().into_iter().map(|namespace| namespace.name).collect();
            keeping.retain(|name, tasks| {
                let there = names.contains(name);
                if !there {
                    tasks.iter().for_each(tokio::task::AbortHandle::abort);
                    inner.lock().retain(|(namespace, _), _| namespace != name);
                }
                there
            });
            for name in names {
                if keeping.contains_key(&name) {
                    continue;
                }
                let all = inner.engine.extension::<Projections>();
                let tasks = all.into_iter().flat_map(Projections::all).map(|code| {
                    let keeper = Keeper {
                        engine: inner.engine.clone(),
                        namespace: name.clone(),
                        code: Arc::clone(code),
                        live: inner.live(&name, code.name),
                    };
                    tokio::spawn(keeper.run(stop.clone())).abort_handle()
                });
                let tasks = tasks.collect();
                keeping.insert(name, tasks);
            }
        }
        let mut stop = stop.clone();
        tokio::select! {
            () = tokio::time::sleep(NAMESPACES_EVERY) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
}

/// Keeps one projection of one namespace.
struct Keeper {
    engine: Engine,
    namespace: String,
    code: Arc<ProjectionCode>,
    live: Arc<Live>,
}

/// What a keeper waits for next.
enum Rest {
    Nothing,
    Events,
    Word,
    Time,
    End,
}

impl Keeper {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let Ok(mut events) = self.engine.follow_log(&self.namespace) else { return };
        let mut pause = FIRST_PAUSE;
        loop {
            events.borrow_and_update();
            let rest = match self.code.delivery {
                Delivery::Async => self.step().await,
                Delivery::Inline => self.catch_up().await,
            };
            let rest_for = match rest {
                Rest::Nothing => {
                    pause = FIRST_PAUSE;
                    if *stop.borrow() {
                        return;
                    }
                    continue;
                }
                Rest::End => return,
                Rest::Events | Rest::Word => LONGEST_REST,
                Rest::Time => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    pause
                }
            };
            tokio::select! {
                moved = events.changed(), if matches!(rest, Rest::Events) => {
                    if moved.is_err() { return }
                }
                () = self.live.wake.notified() => {}
                () = tokio::time::sleep(rest_for) => {}
                _ = self.engine.stopped() => return,
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
            }
        }
    }

    async fn step(&self) -> Rest {
        let seen = self.live.seen.load(Ordering::Relaxed);
        match step(&self.engine, &self.namespace, &self.code, seen).await {
            Ok(Stepped::Moved(checkpoint)) => {
                self.live.fail(None);
                self.live.seen.store(checkpoint.position, Ordering::Relaxed);
                self.live.durable.send_replace(checkpoint.position);
                Rest::Nothing
            }
            Ok(Stepped::Idle(position)) => {
                self.live.fail(None);
                self.live.seen.store(position, Ordering::Relaxed);
                Rest::Events
            }
            Ok(Stepped::Paused) => Rest::Word,
            Err(error) => {
                let (projection, namespace) = (self.code.name, &self.namespace);
                tracing::warn!(projection, namespace, %error, "failed to keep a projection");
                self.live.fail(Some(error.to_string()));
                Rest::Time
            }
        }
    }

    async fn catch_up(&self) -> Rest {
        match inline::catch_up(&self.code, &self.engine, &self.namespace).await {
            Ok(true) => {
                self.live.fail(None);
                Rest::End
            }
            Ok(false) => Rest::Nothing,
            Err(error) => {
                let projection = self.code.name;
                tracing::warn!(projection, %error, "failed to bring a projection up to date");
                self.live.fail(Some(error.to_string()));
                Rest::Time
            }
        }
    }
}
