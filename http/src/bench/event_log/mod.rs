//! E1 to E6, R1: the event log. Conditional appends by few and many clients, reads by tag and in
//! full, the same with many events stored and on names that very many events have, and how long a
//! subscriber waits for what was acknowledged; a rebuild while orders flow.

mod delivery;
mod followers;
mod grown;
mod orders;
mod reads;
mod rebuild;
mod source;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::args::Workload;
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::load::{Load, loops_of};
use super::run::progress;
use super::subject::Subject;
use crate::EngineConfig;
use source::{Source, Work, Writer, group, half};

pub(super) use delivery::over_http as delivered_over_http;
pub(super) use rebuild::in_process as rebuilt_in_process;

/// Events of one append of E3.
const EVENTS_AN_APPEND: usize = 100;
/// Clients that load a store before it is read, and events of one of their appends.
const LOADERS: u64 = 8;
const LOADED_AT_ONCE: u64 = 500;

/// Measures one of the event log's workloads in this process.
pub(super) async fn in_process(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    (workload, concurrency): (Workload, usize),
    lengths: (Duration, u64),
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let subject = Subject::open(dir, runtime, EngineConfig::default().memory_budget_bytes)?;
    let measured = measure(&subject, (workload, concurrency), lengths, disk).await;
    subject.close().await;
    measured
}

/// Measures one of the event log's workloads; `stored` are the events that E4 and E5 find.
pub(super) async fn measure(
    subject: &Subject,
    (workload, concurrency): (Workload, usize),
    (length, stored): (Duration, u64),
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let over_http = matches!(subject, Subject::Server(_));
    let mut measured = Measured::new(workload, concurrency, over_http, disk);
    let source = Source::new(subject)?;
    match workload {
        Workload::E3 => {
            let mut load = append_for(&source, concurrency, EVENTS_AN_APPEND, length).await?;
            let rate = load.rate() * EVENTS_AN_APPEND as f64;
            measured.add("events_per_s", rate, "in appends of 100, each append durable");
            add_sustained(subject, &load, EVENTS_AN_APPEND, &mut measured).await?;
            add_latency(&mut measured, &mut load);
        }
        Workload::E4 => {
            fill(&source, stored).await?;
            subject.drained().await?;
            reads::measure(subject, length, &mut measured).await?;
        }
        Workload::E5 => {
            let before = append_for(&source, 1, 1, length).await?;
            fill(&source, stored).await?;
            subject.drained().await?;
            measured.add("events", stored as f64, "stored before");
            measured.add("empty_appends_per_s", before.rate(), "E1 on the empty store, before");
            grown::measure(&source, length, &mut measured).await?;
        }
        Workload::E6 => followers::measure(&source, concurrency, &mut measured).await?,
        _ => {
            let mut load = append_for(&source, concurrency, 1, length).await?;
            measured.add("appends_per_s", load.rate(), "one event under a condition, durable");
            add_sustained(subject, &load, 1, &mut measured).await?;
            if !over_http {
                let meaning = "processor time of all for each append";
                measured.add("cpu_us_per_append", load.cpu_us(), meaning);
            }
            add_latency(&mut measured, &mut load);
        }
    }
    Ok(measured)
}

/// The rate with the time that the store then needs to catch up.
async fn add_sustained(
    subject: &Subject,
    load: &Load,
    events: usize,
    measured: &mut Measured,
) -> Result<(), BenchError> {
    if let Some(drained) = subject.drained().await? {
        let stored = (load.latencies.len() * events) as f64;
        let rate = stored / (load.elapsed + drained).as_secs_f64();
        let meaning = "the same in events, with the time the store then needed to catch up";
        measured.add("sustained_per_s", rate, meaning);
    }
    Ok(())
}

fn add_latency(measured: &mut Measured, load: &mut Load) {
    measured.add("p50_ms", load.latencies.percentile_ms(0.5), "half of them took at most this");
    measured.add("p99_ms", load.latencies.percentile_ms(0.99), "99 of 100 took at most this");
}

/// Appends of so many events by so many clients.
async fn append_for(
    source: &Source,
    clients: usize,
    events: usize,
    length: Duration,
) -> Result<Load, BenchError> {
    loops_of(clients, length, || {
        let writer = Arc::new(Mutex::new(Writer::new(source, events)));
        move || {
            let writer = Arc::clone(&writer);
            // A client's appends come one after the other: nobody ever waits here.
            async move { writer.lock().await.append().await }
        }
    })
    .await
}

/// Stores so many events: ten of each entity, a ten thousandth of them in each group.
async fn fill(source: &Source, stored: u64) -> Result<(), BenchError> {
    let from = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut loaders = JoinSet::new();
    for _ in 0..LOADERS {
        let (source, next) = (source.clone(), Arc::clone(&next));
        loaders.spawn(async move {
            loop {
                let first = next.fetch_add(LOADED_AT_ONCE, Ordering::Relaxed);
                if first >= stored {
                    return Ok::<(), BenchError>(());
                }
                let numbers = first..stored.min(first + LOADED_AT_ONCE);
                let events = numbers.map(|at| [format!("stored:{}", at / 10), group(at), half(at)]);
                source.append(&Work { events: events.collect(), condition: None }).await?;
            }
        });
    }
    while let Some(ended) = loaders.join_next().await {
        ended.map_err(|error| BenchError::Failed(error.to_string()))??;
    }
    let rate = stored as f64 / from.elapsed().as_secs_f64();
    progress(&format!("      {stored} events stored, {rate:.0} a second"));
    Ok(())
}
