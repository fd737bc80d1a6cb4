//! W7: one run with a long history. What it costs to bring it back into memory by replay, and to
//! read a page of its history at either end.

use std::path::Path;
use std::time::{Duration, Instant};

use super::args::Workload;
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::subject::Subject;
use super::workflows::Job;
use crate::{Engine, EngineConfig, RunStatus, Selector, SignalInput, StartRequest};

/// Events of a step: scheduled, started, completed.
const EVENTS_A_STEP: u64 = 3;
/// As many as the inspector asks for at once.
const PAGE: usize = 200;
/// A page is read so many times; the median counts, the first one apart.
const READS: usize = 21;
const PATIENCE: Duration = Duration::from_secs(600);

/// Builds a run of `events` events, opens the engine anew over the same store, and measures.
pub(super) async fn in_process(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    events: u64,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let budget = EngineConfig::default().memory_budget_bytes;
    let mut measured = Measured::new(Workload::W7, 1, false, disk);
    let job = Job::long_run(u32::try_from(events / EVENTS_A_STEP).unwrap_or(u32::MAX));

    let subject = Subject::open(dir, runtime, budget)?;
    let engine = engine_of(&subject)?;
    let started = engine.start(StartRequest::new(job.workflow_type, job.input.clone())).await?;
    let selector = Selector::newest(started.workflow_id);
    let length = wait_until_idle(&engine, &selector).await?;
    drop(engine);
    subject.close().await;

    let subject = Subject::open(dir, runtime, budget)?;
    let engine = engine_of(&subject)?;
    measured.add("events", length as f64, "events in its history");
    let description = timed(|| engine.describe(&selector))?;
    measured.add("describe_ms", description, "the whole description, read from the history");
    for (name, cold_name, from) in [
        ("first_page_ms", "first_page_cold_ms", 1),
        ("middle_page_ms", "middle_page_cold_ms", length / 2),
        ("last_page_ms", "last_page_cold_ms", length + 1 - PAGE as u64),
    ] {
        let cold = timed(|| engine.history(&selector, from, PAGE))?;
        let mut reads = (0..READS)
            .map(|_| timed(|| engine.history(&selector, from, PAGE)))
            .collect::<Result<Vec<f64>, _>>()?;
        reads.sort_by(f64::total_cmp);
        measured.add(name, reads[READS / 2], "200 events: half of the reads took at most this");
        measured.add(cold_name, cold, "the same, read for the first time");
    }
    let from = Instant::now();
    let (name, payload) = &job.signal;
    let signal = SignalInput { name: (*name).to_owned(), payload: payload.clone() };
    engine.signal(&selector, signal, None).await?;
    let resume_ms = from.elapsed().as_secs_f64() * 1e3;
    measured.add("resume_ms", resume_ms, "a signal to the run that is not in memory, acknowledged");
    let result = engine.result(&selector, PATIENCE).await?;
    drop(engine);
    subject.close().await;
    match result.status {
        RunStatus::Completed => Ok(measured),
        status => Err(BenchError::Failed(format!("the long run is {status} after its resume"))),
    }
}

fn engine_of(subject: &Subject) -> Result<Engine, BenchError> {
    match subject {
        Subject::Engine(engine) => Ok(engine.clone()),
        Subject::Server(_) => Err(BenchError::Failed("w7 measures in process only".into())),
    }
}

/// Waits until the run waits for its signal; the length of its history.
async fn wait_until_idle(engine: &Engine, selector: &Selector) -> Result<u64, BenchError> {
    let from = Instant::now();
    loop {
        let description = engine.describe(selector)?;
        if description.pending_activities.is_empty() && !description.awaiting.is_empty() {
            return Ok(description.history_length);
        }
        if from.elapsed() > PATIENCE {
            return Err(BenchError::Failed("the long run did not come to its wait".into()));
        }
        // A describe reads the whole history, so that looking often would slow the run down.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Milliseconds that a read takes.
fn timed<T>(read: impl FnOnce() -> Result<T, crate::Rejection>) -> Result<f64, BenchError> {
    let from = Instant::now();
    read()?;
    Ok(from.elapsed().as_secs_f64() * 1e3)
}
