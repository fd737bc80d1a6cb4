//! One chunk of a rebuild: at most so many events, one transaction.
//!
//! Invariant: rows and progress stand in one transaction, and the one that finds no event beyond it
//! changes over: from then on the new rows are read, and kept.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use everstep_engine::{ActivityError, TransactError, TransactionContext};

use super::rebuild::{REBUILDS, Rebuild, ReplayStatus};
use super::workflow::Job;
use crate::projections::batch::{self, Page, fold_page};
use crate::projections::fold::StepError;
use crate::projections::rows::{CHECKPOINTS, Checkpoint, ROWS, StoredRow};
use crate::projections::{ProjectionCode, ProjectionService, index, quarantine};

/// How many chunks there were in this process, and how long they took.
#[derive(Debug, Default)]
pub(crate) struct ChunkTimes {
    chunks: AtomicU64,
    micros: AtomicU64,
}

impl ChunkTimes {
    fn add(&self, took: Duration) {
        self.chunks.fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// How many, and how long in all.
    pub(crate) fn sum(&self) -> (u64, Duration) {
        (self.chunks.load(Relaxed), Duration::from_micros(self.micros.load(Relaxed)))
    }
}

/// What a chunk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// There may be more.
    Taken,
    /// An event was refused: it is tried again after a pause.
    Refused,
    /// The rebuild waits.
    Halted,
    /// It is over.
    Ended,
}

/// Takes in the next events.
pub(super) async fn take(service: &ProjectionService, job: &Job) -> Result<Chunk, ActivityError> {
    let unknown = |error: crate::projections::ProjectionError| {
        ActivityError::new(error.code(), error).non_retryable()
    };
    let code = Arc::clone(service.code(&job.projection).map_err(unknown)?);
    let begun = Instant::now();
    let (engine, namespace) = (service.0.engine.clone(), job.namespace.clone());
    let (own, replay_id) = (Arc::clone(&code), job.replay_id.clone());
    let read = move || -> Result<_, StepError> {
        let rows = engine.rows(&namespace)?;
        let Some(rebuild) = rows.get(REBUILDS, own.name)? else { return Ok(None) };
        let is_running = rebuild.replay_id == replay_id && rebuild.status == ReplayStatus::Running;
        if !is_running || rebuild.build_id != *engine.build_id() {
            return Ok(Some((rebuild, None)));
        }
        let after = rebuild.last_position;
        let page = fold_page(&rows, (&own, rebuild.shelf()), after, rebuild.chunk_size);
        Ok(Some((rebuild, Some(page))))
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(ActivityError::from)?;
    let (rebuild, page) = match read.map_err(|error| failed(&error))? {
        None => return Ok(Chunk::Ended),
        Some((rebuild, _)) if rebuild.replay_id != job.replay_id => return Ok(Chunk::Ended),
        Some((rebuild, None)) if rebuild.status == ReplayStatus::Paused => {
            return Ok(Chunk::Halted);
        }
        Some((rebuild, None)) if rebuild.status == ReplayStatus::Running => {
            return begin_anew(service, job, rebuild).await;
        }
        Some((_, None)) => return Ok(Chunk::Ended),
        Some((rebuild, Some(page))) => (rebuild, page),
    };
    let page = match page {
        Ok(page) => page,
        Err(StepError::Event(refused)) => {
            let shelf = rebuild.shelf();
            let out = quarantine::refuse(&service.0.engine, &job.namespace, shelf, &refused);
            let is_out = out.await.map_err(|error| failed(&error))?;
            return Ok(if is_out { Chunk::Taken } else { Chunk::Refused });
        }
        Err(error) => return Err(failed(&error)),
    };
    let changed_over = matches!(page, Page::Empty(_));
    let name = code.name;
    let written = service.0.engine.transact(&job.namespace, move |tx| {
        let found = tx.get(REBUILDS, name)?;
        tx.assert(found.as_ref() == Some(&rebuild), "the rebuild is where it was read")?;
        match page {
            Page::Folded(folded) => write(tx, &code, rebuild, &folded).map(|()| Chunk::Taken),
            Page::Empty(_) => change_over(tx, &code, rebuild),
        }
    });
    let chunk = match written.await {
        Ok(chunk) => chunk,
        // Paused or cancelled meanwhile, or an event came that is refused: the next look tells.
        Err(TransactError::Failed(error)) if error.kind() == "assertion_failed" => Chunk::Taken,
        Err(error) => return Err(ActivityError::new("unavailable", error)),
    };
    service.0.replayed.add(begun.elapsed());
    if changed_over && chunk == Chunk::Ended {
        service.0.rows_changed(&job.namespace, name);
    }
    Ok(chunk)
}

/// A deploy came between: no shelf holds what two builds have made.
async fn begin_anew(
    service: &ProjectionService,
    job: &Job,
    seen: Rebuild,
) -> Result<Chunk, ActivityError> {
    let build_id = service.0.engine.build_id();
    tracing::info!(
        projection = seen.projection, from = seen.build_id, to = %build_id,
        "a rebuild begins anew: the build is another one"
    );
    let begun = service.0.engine.transact(&job.namespace, move |tx| {
        let found = tx.get(REBUILDS, &seen.projection)?;
        tx.assert(found.as_ref() == Some(&seen), "the rebuild is where it was read")?;
        let mut rebuild = seen;
        rebuild.begin_anew(&build_id, rebuild.generation + 1, tx.now());
        tx.put(REBUILDS, &rebuild.projection, &rebuild)
    });
    match begun.await {
        Ok(()) => Ok(Chunk::Taken),
        // Paused or cancelled meanwhile: the next look tells.
        Err(TransactError::Failed(error)) if error.kind() == "assertion_failed" => Ok(Chunk::Taken),
        Err(error) => Err(ActivityError::new("unavailable", error)),
    }
}

fn failed(error: &StepError) -> ActivityError {
    ActivityError::new("projection_replay", error)
}

fn write(
    tx: &mut TransactionContext<'_>,
    code: &ProjectionCode,
    mut rebuild: Rebuild,
    folded: &batch::Folded,
) -> Result<(), ActivityError> {
    batch::write(tx, (code, rebuild.shelf()), rebuild.last_position, folded)?;
    rebuild.last_position = folded.position;
    rebuild.events_processed += folded.events;
    rebuild.events_touched += folded.touched;
    rebuild.chunks_completed += 1;
    rebuild.pass(tx.now());
    tx.put(REBUILDS, code.name, &rebuild)
}

/// Takes in what came since the events were read, here on the loop, where none can come any more,
/// and has the new rows read from now on.
fn change_over(
    tx: &mut TransactionContext<'_>,
    code: &ProjectionCode,
    mut rebuild: Rebuild,
) -> Result<Chunk, ActivityError> {
    let more = tx.read_events(&code.query, rebuild.last_position, rebuild.chunk_size + 1)?;
    if more.len() > rebuild.chunk_size {
        return Ok(Chunk::Taken);
    }
    let own = rebuild.clone();
    let shelf = own.shelf();
    index::begin(tx, (code, shelf), rebuild.last_position)?;
    for event in &more {
        let keys = code.keys_of(event);
        rebuild.events_touched += u64::from(!keys.is_empty());
        for key in keys {
            if quarantine::is_blocked(tx, shelf, &key)? {
                quarantine::hold(tx, shelf, &key, event.position())?;
                continue;
            }
            let place = shelf.key(&key);
            let row = tx.get(ROWS, &place)?;
            let before = row.as_ref().map(|row| &row.state);
            let next = code.evolve(&key, before, event);
            // The next look finds it, and counts how often it is refused.
            tx.assert(next.is_ok(), "the projection's code takes the event")?;
            let next = next.unwrap_or_default();
            index::keep(tx, (code, shelf), &key, before, next.as_ref())?;
            match next {
                Some(state) => {
                    tx.put(ROWS, &place, &StoredRow { position: event.position(), state })?;
                }
                None => tx.delete(ROWS, &place)?,
            }
        }
    }
    let now = tx.now();
    rebuild.events_processed += more.len() as u64;
    rebuild.chunks_completed += u64::from(!more.is_empty());
    rebuild.last_position = tx.last_position();
    rebuild.turn(ReplayStatus::Completed, now);
    let checkpoint = Checkpoint {
        position: rebuild.last_position,
        events: rebuild.events_touched,
        at_ms: now.as_millis(),
        generation: rebuild.generation,
    };
    tx.put(CHECKPOINTS, code.name, &checkpoint)?;
    tx.put(REBUILDS, code.name, &rebuild)?;
    Ok(Chunk::Ended)
}
