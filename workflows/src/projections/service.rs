//! The projections of a running engine: who keeps them, how far they are, what they answer.
//!
//! Invariant: all handles of an engine's service share what is known in this process; what is
//! durable is read anew each time.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstep_engine::{ActivityError, Engine, Rejection, TransactError, TransactionContext};
use tokio::sync::{Notify, watch};

use super::feed::{Feeds, Following, Subscription};
use super::keeper::supervise;
use super::quarantine::{self, Quarantined, Release};
use super::recent::{self, RecentRow};
use super::rows::{self, PAUSES};
use super::status::ProjectionStatus;
use super::view::{self, RowQuery, RowView, RowsPage};
use super::{Category, Delivery, ProjectionCode, ProjectionError, Projections};
use crate::projection_replay::ChunkTimes;

/// What is known of a projection of a namespace in this process.
pub(super) struct Live {
    pub(super) seen: AtomicU64,
    failure: Mutex<Option<String>>,
    pub(super) wake: Notify,
    /// How far the durable rows are; 0 until something was written.
    pub(super) durable: watch::Sender<u64>,
}

impl Live {
    fn new() -> Self {
        let (durable, _) = watch::channel(0);
        let (seen, failure) = (AtomicU64::new(0), Mutex::default());
        Self { seen, failure, wake: Notify::new(), durable }
    }

    /// Why it fails, if it does.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn fail(&self, why: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

type Key = (String, &'static str);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    lives: Mutex<HashMap<Key, Arc<Live>>>,
    feeds: Feeds,
    /// The chunks of rebuilds.
    pub(crate) replayed: ChunkTimes,
    stop: watch::Sender<bool>,
}

/// The projections of an engine. Clones are the same; when the last is dropped they rest.
#[derive(Clone)]
pub struct ProjectionService(pub(crate) Arc<Inner>);

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
        let inner = Arc::new(Inner::new(engine, stop));
        if let Some(projections) = inner.engine.extension::<Projections>() {
            projections.host().serve(&inner);
            tokio::spawn(supervise(Arc::downgrade(&inner), stopped));
        }
        Self(inner)
    }

    /// Reads what another service of the engine keeps.
    pub fn reader(engine: &Engine) -> Self {
        let (stop, _) = watch::channel(true);
        Self(Arc::new(Inner::new(engine, stop)))
    }

    /// Keeps nothing any more; what is open comes to its end.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    pub(crate) fn code(&self, name: &str) -> Result<&Arc<ProjectionCode>, ProjectionError> {
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

    /// A durable row and the events that are not in it yet, for whoever folds them with the same
    /// code. No row is no error.
    ///
    /// # Errors
    /// When there is no such projection or namespace, or more events wait than are folded.
    pub fn recent(
        &self,
        namespace: &str,
        name: &str,
        key: &str,
    ) -> Result<RecentRow, ProjectionError> {
        let code = self.code(name)?;
        let recent = recent::read(&self.0.engine.rows(namespace)?, code, key)?;
        recent.ok_or_else(|| {
            let what = format!("projection `{name}` is too far behind the events: ask again later");
            Rejection::Unavailable(what).into()
        })
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
        following: Following,
    ) -> Result<Subscription, ProjectionError> {
        let code = self.code(name)?;
        code.category.check_follower(name)?;
        let live = self.0.live(namespace, code.name);
        self.0.feeds.follow(&self.0.engine, namespace, code, &live, following)
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

    /// The events of a projection that were set aside, with the rows that wait for them.
    ///
    /// # Errors
    /// When there is no such projection or namespace.
    pub fn quarantined(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Quarantined>, ProjectionError> {
        let name = self.code(name)?.name;
        let snapshot = self.0.engine.rows(namespace)?;
        let shelf = rows::checkpoint(&snapshot, name)?.shelf(name);
        Ok(quarantine::list(&snapshot, shelf)?)
    }

    /// Takes a quarantined event in, or leaves it out, and then what waits behind it, in order. How
    /// many events were taken care of.
    ///
    /// # Errors
    /// [`ProjectionError::NotQuarantined`], [`ProjectionError::StillRefused`]; when there is no such
    /// projection or namespace.
    pub async fn release(
        &self,
        namespace: &str,
        name: &str,
        position: u64,
        release: Release,
    ) -> Result<u64, ProjectionError> {
        let code = self.code(name)?;
        let released =
            quarantine::release(&self.0.engine, namespace, code, position, release).await;
        self.0.rows_changed(namespace, code.name);
        released
    }

    /// Runs a transaction that is refused by the engine alone.
    pub(crate) async fn transact<O: Send + 'static>(
        &self,
        namespace: &str,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<O, ActivityError> + Send + 'static,
    ) -> Result<O, ProjectionError> {
        self.0.engine.check_namespace(namespace)?;
        let done = self.0.engine.transact(namespace, code).await;
        done.map_err(|error| match error {
            TransactError::Rejected(rejection) => rejection.into(),
            error => Rejection::Unavailable(error.to_string()).into(),
        })
    }

    async fn set_pause(
        &self,
        namespace: &str,
        name: &'static str,
        reason: Option<String>,
    ) -> Result<(), ProjectionError> {
        let set = move |tx: &mut TransactionContext<'_>| match &reason {
            Some(reason) => tx.put(PAUSES, name, reason),
            None => tx.delete(PAUSES, name),
        };
        self.transact(namespace, set).await?;
        self.0.live(namespace, name).wake.notify_one();
        Ok(())
    }
}

impl Inner {
    fn new(engine: &Engine, stop: watch::Sender<bool>) -> Self {
        for code in engine.extension::<Projections>().into_iter().flat_map(Projections::all) {
            code.read_in(engine.extension());
        }
        let (engine, lives, feeds) = (engine.clone(), Mutex::default(), Feeds::default());
        Self { engine, lives, feeds, replayed: ChunkTimes::default(), stop }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Live>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows are other ones than before, without an event: who keeps them and who follows look again.
    pub(crate) fn rows_changed(&self, namespace: &str, name: &'static str) {
        let live = self.live(namespace, name);
        live.wake.notify_one();
        live.durable.send_modify(|_| {});
    }

    /// What is known of a projection, from now on.
    pub(super) fn live(&self, namespace: &str, name: &'static str) -> Arc<Live> {
        let mut lives = self.lock();
        Arc::clone(lives.entry((namespace.to_owned(), name)).or_insert_with(|| Live::new().into()))
    }
}
