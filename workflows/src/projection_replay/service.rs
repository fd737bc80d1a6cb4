//! What is asked of rebuilds.

use std::time::Duration;

use everstep_engine::log::Query;
use everstep_engine::{Keys, Rejection, RowSnapshot, Selector};

use super::rebuild::{self, REBUILDS, Rebuild, RebuildStatus, ReplayStatus};
use super::workflow::{Job, LOOK, REPLAY};
use crate::projections::rows::CHECKPOINTS;
use crate::projections::{ProjectionError, ProjectionService};

/// What is done to a rebuild.
#[derive(Clone, Copy)]
enum Steer {
    Pause,
    Resume,
    Cancel,
}

/// A refusal on its way out of a transaction.
type Answer = Result<RebuildStatus, ProjectionError>;

impl ProjectionService {
    /// Begins to make a projection's rows anew. Durable when answered; the rows that are there are
    /// read until all of the new ones are.
    ///
    /// # Errors
    /// [`ProjectionError::ReplayAlreadyActive`]; when there is no such projection or namespace.
    pub async fn rebuild(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<RebuildStatus, ProjectionError> {
        let code = self.code(name)?;
        let (name, chunk_size) = (code.name, code.complexity.chunk_size());
        let (total_events, target_position, lost) = {
            let rows = self.0.engine.rows(namespace)?;
            let log = rows.log();
            let newest = log.last_position().map_err(Rejection::from)?;
            (count(&rows, &code.query, newest)?, newest, self.lost(namespace, &rows, name)?)
        };
        let (own, build_id) = (namespace.to_owned(), self.0.engine.build_id().to_string());
        let triggered = self.transact(namespace, move |tx| {
            let before = tx.get(REBUILDS, name)?;
            let active = before.as_ref().filter(|before| before.status.is_active());
            if let Some(active) = active.filter(|active| lost.as_ref() != Some(&active.replay_id)) {
                let (name, replay_id) = (name.to_owned(), active.replay_id.clone());
                return Ok(Err(ProjectionError::ReplayAlreadyActive { name, replay_id }));
            }
            let read = tx.get(CHECKPOINTS, name)?.unwrap_or_default().generation;
            let generation = before.map_or(read, |before| before.generation.max(read)) + 1;
            let replay_id = format!("everstep.replay/{name}/{generation}");
            let now = tx.now();
            let rebuild = Rebuild {
                replay_id: replay_id.clone(),
                projection: name.to_owned(),
                status: ReplayStatus::Running,
                build_id,
                generation,
                last_position: 0,
                target_position,
                events_processed: 0,
                events_touched: 0,
                total_events,
                chunks_completed: 0,
                chunk_size,
                error: None,
                started_at: now,
                updated_at: now,
                completed_at: None,
                active_ms: 0,
            };
            tx.put(REBUILDS, name, &rebuild)?;
            let job = Job { namespace: own, projection: name.to_owned(), replay_id };
            tx.start(REPLAY, job.replay_id.clone(), &job)?;
            Ok(Ok(RebuildStatus::from(rebuild)))
        });
        triggered.await?
    }

    /// Where the last rebuild of a projection stands.
    ///
    /// # Errors
    /// [`ProjectionError::ReplayNotFound`]; when there is no such projection or namespace.
    pub fn rebuild_status(&self, namespace: &str, name: &str) -> Answer {
        let name = self.code(name)?.name;
        let found = rebuild::of(&self.0.engine.rows(namespace)?, name)?;
        found.ok_or_else(|| ProjectionError::ReplayNotFound(name.to_owned()))
    }

    /// The last rebuilds of all projections of a namespace, by name; those that go on alone, where
    /// that is asked.
    ///
    /// # Errors
    /// When there is no such namespace.
    pub fn rebuilds(
        &self,
        namespace: &str,
        only_active: bool,
    ) -> Result<Vec<RebuildStatus>, ProjectionError> {
        let found = self.0.engine.rows(namespace)?.range(REBUILDS, &Keys::all())?;
        let found = found.into_iter().map(|(_, rebuild)| rebuild);
        let found = found.filter(|rebuild| !only_active || rebuild.status.is_active());
        Ok(found.map(RebuildStatus::from).collect())
    }

    /// Keeps a rebuild waiting until it is resumed, over restarts.
    ///
    /// # Errors
    /// [`ProjectionError::ReplayNotFound`], [`ProjectionError::ReplayNotRunning`]; when there is no
    /// such projection or namespace.
    pub async fn pause_rebuild(&self, namespace: &str, name: &str) -> Answer {
        self.steer(namespace, name, Steer::Pause).await
    }

    /// Lets a rebuild go on behind its last chunk. One that runs already goes on.
    ///
    /// # Errors
    /// As [`ProjectionService::pause_rebuild`].
    pub async fn resume_rebuild(&self, namespace: &str, name: &str) -> Answer {
        self.steer(namespace, name, Steer::Resume).await
    }

    /// Ends a rebuild; the rows of before are read on, and what it has made goes.
    ///
    /// # Errors
    /// As [`ProjectionService::pause_rebuild`].
    pub async fn cancel_rebuild(&self, namespace: &str, name: &str) -> Answer {
        self.steer(namespace, name, Steer::Cancel).await
    }

    /// How many chunks of rebuilds were taken in by this process, and how long that took.
    pub fn replay_chunks(&self) -> (u64, Duration) {
        self.0.replayed.sum()
    }

    async fn steer(&self, namespace: &str, name: &str, steer: Steer) -> Answer {
        let name = self.code(name)?.name;
        let lost = {
            let rows = self.0.engine.rows(namespace)?;
            self.lost(namespace, &rows, name)?
        };
        self.transact(namespace, move |tx| {
            let Some(mut rebuild) = tx.get(REBUILDS, name)? else {
                return Ok(Err(ProjectionError::ReplayNotFound(name.to_owned())));
            };
            let to = match (steer, rebuild.status) {
                (Steer::Pause, ReplayStatus::Running) => ReplayStatus::Paused,
                (Steer::Resume, ReplayStatus::Running | ReplayStatus::Paused) => {
                    ReplayStatus::Running
                }
                (Steer::Cancel, status) if status.is_active() => ReplayStatus::Cancelled,
                (_, status) => {
                    let (name, status) = (name.to_owned(), status.name());
                    return Ok(Err(ProjectionError::ReplayNotRunning { name, status }));
                }
            };
            rebuild.turn(to, tx.now());
            tx.put(REBUILDS, name, &rebuild)?;
            // Somebody may have ended its workflow by hand.
            if lost.as_ref() != Some(&rebuild.replay_id) {
                tx.signal(rebuild.replay_id.clone(), LOOK, &())?;
            }
            Ok(Ok(RebuildStatus::from(rebuild)))
        })
        .await?
    }

    /// The id of an active rebuild whose workflow somebody has ended.
    fn lost(
        &self,
        namespace: &str,
        rows: &RowSnapshot,
        name: &str,
    ) -> Result<Option<String>, ProjectionError> {
        let active = rows.get(REBUILDS, name)?.filter(|rebuild| rebuild.status.is_active());
        let Some(Rebuild { replay_id, .. }) = active else { return Ok(None) };
        let selector = Selector { namespace: namespace.to_owned(), ..Selector::newest(&replay_id) };
        Ok(match self.0.engine.describe(&selector) {
            Ok(run) if !run.status.is_closed() => None,
            Ok(_) | Err(Rejection::WorkflowNotFound(_)) => Some(replay_id),
            Err(rejection) => return Err(rejection.into()),
        })
    }
}

/// How many events a projection has up to the newest position; none where only looking at each of
/// them would tell.
fn count(rows: &RowSnapshot, query: &Query, newest: u64) -> Result<Option<u64>, ProjectionError> {
    if query.items.is_empty() {
        return Ok(Some(newest));
    }
    let [item] = query.items.as_slice() else { return Ok(None) };
    if !item.tags.is_empty() || item.types.is_empty() {
        return Ok(None);
    }
    let log = rows.log();
    let mut types: Vec<&str> = item.types.iter().map(|name| &**name).collect();
    types.sort_unstable();
    types.dedup();
    let mut total = 0;
    for name in types {
        total += log.type_head(name).map_err(Rejection::from)?.events;
    }
    Ok(Some(total))
}
