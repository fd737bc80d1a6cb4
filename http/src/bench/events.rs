//! E1 to E6: the event log. Conditional appends by few and many clients, reads by tag and in
//! full, the same with many events stored and on names that very many events have, and how long a
//! subscriber waits for what was acknowledged.
//!
//! An event has 256 bytes of data and three tags: one that no other event has, which is also what
//! its append's condition asks for, one that a hundred events have, and one that a third of all
//! have.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::args::Workload;
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::load::{Load, Samples, closed_loops};
use super::run::progress;
use super::subject::Subject;
use crate::log::{Append, Condition, Direction, NewEvent, Query, QueryItem};
use crate::{DEFAULT_NAMESPACE, Engine, EngineConfig, Rejection};

/// Events of a group that share a tag: what E4 reads at once.
const GROUP: u64 = 100;
/// Events of one append of E3.
const EVENTS_AN_APPEND: u64 = 100;
/// Clients that load a store before it is read.
const LOADERS: u64 = 16;
/// A page of a full read.
const PAGE: usize = 1_000;
/// How often a read is made.
const READS: u64 = 2_000;
/// Events whose way to the subscribers is measured.
const DELIVERED: u64 = 300;

/// The events of a run of the benchmark, each with a number of its own.
#[derive(Clone)]
struct Source {
    engine: Engine,
    next: Arc<AtomicU64>,
    data: bytes::Bytes,
}

fn group(number: u64) -> Box<str> {
    format!("group:{}", number / GROUP).into()
}

fn hot(number: u64) -> Box<str> {
    format!("hot:{}", number % 3).into()
}

impl Source {
    fn new(engine: &Engine) -> Self {
        let data = format!("\"{}\"", "x".repeat(254)).into();
        Self { engine: engine.clone(), next: Arc::default(), data }
    }

    fn take(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    fn event(&self, number: u64) -> NewEvent {
        NewEvent::new("Measured", self.data.clone())
            .tag(format!("item:{number}"))
            .tag(group(number))
            .tag(hot(number))
    }

    /// One event, unless its own tag is taken.
    async fn conditional(&self) -> Result<Duration, BenchError> {
        let number = self.take(1);
        let fail_if_events_match = Query::tags([format!("item:{number}")]);
        let condition = Condition { fail_if_events_match, after: None };
        self.timed(Append::under(condition, vec![self.event(number)])).await
    }

    /// Many events at once.
    async fn batch(&self) -> Result<Duration, BenchError> {
        let first = self.take(EVENTS_AN_APPEND);
        let events = (first..first + EVENTS_AN_APPEND).map(|number| self.event(number)).collect();
        let fail_if_events_match = Query::tags([format!("item:{first}")]);
        let condition = Condition { fail_if_events_match, after: None };
        self.timed(Append::under(condition, events)).await
    }

    async fn timed(&self, append: Append) -> Result<Duration, BenchError> {
        let from = Instant::now();
        self.engine.append(DEFAULT_NAMESPACE, append).await?;
        Ok(from.elapsed())
    }

    /// One event under a condition on names that other events have.
    async fn under(&self, item: QueryItem) -> Result<Duration, BenchError> {
        let fail_if_events_match = Query { items: vec![item] };
        let condition = Condition { fail_if_events_match, after: None };
        let number = self.take(1);
        self.timed(Append::under(condition, vec![self.event(number)])).await
    }
}

/// Measures one of the event log's workloads in this process.
pub(super) async fn in_process(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    (workload, concurrency): (Workload, usize),
    (length, stored): (Duration, u64),
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let mut measured = Measured::new(workload, concurrency, false, disk);
    let subject = Subject::open(dir, runtime, EngineConfig::default().memory_budget_bytes)?;
    let Subject::Engine(engine) = &subject else {
        return Err(BenchError::Failed("the event log is measured in process".into()));
    };
    let source = Source::new(engine);
    match workload {
        Workload::E3 => {
            let own = source.clone();
            let load = closed_loops(concurrency, length, move || {
                let own = own.clone();
                async move { own.batch().await }
            });
            let mut load = load.await?;
            let rate = load.rate() * EVENTS_AN_APPEND as f64;
            measured.add("events_per_s", rate, "in appends of 100, each append durable");
            add_latency(&mut measured, &mut load);
        }
        Workload::E4 => {
            fill(&source, stored).await?;
            subject.drained().await?;
            read(engine, stored, &mut measured)?;
        }
        Workload::E5 => {
            let mut before = append_for(&source, 1, length).await?;
            fill(&source, stored).await?;
            subject.drained().await?;
            grown(&source, &mut before, length, &mut measured).await?;
        }
        Workload::E6 => delivered(&source, concurrency, &mut measured).await?,
        _ => {
            let mut load = append_for(&source, concurrency, length).await?;
            measured.add("appends_per_s", load.rate(), "one event under a condition, durable");
            measured.add(
                "cpu_us_per_append",
                load.cpu_us(),
                "processor time of all for each append",
            );
            add_latency(&mut measured, &mut load);
        }
    }
    subject.close().await;
    Ok(measured)
}

fn add_latency(measured: &mut Measured, load: &mut Load) {
    measured.add("p50_ms", load.latencies.percentile_ms(0.5), "half of them took at most this");
    measured.add("p99_ms", load.latencies.percentile_ms(0.99), "99 of 100 took at most this");
}

async fn append_for(source: &Source, clients: usize, length: Duration) -> Result<Load, BenchError> {
    let own = source.clone();
    closed_loops(clients, length, move || {
        let own = own.clone();
        async move { own.conditional().await }
    })
    .await
}

/// Stores so many events.
async fn fill(source: &Source, stored: u64) -> Result<(), BenchError> {
    let from = Instant::now();
    let mut loaders = JoinSet::new();
    for _ in 0..LOADERS {
        let source = source.clone();
        loaders.spawn(async move {
            while source.next.load(Ordering::Relaxed) < stored {
                source.batch().await?;
            }
            Ok::<(), BenchError>(())
        });
    }
    while let Some(ended) = loaders.join_next().await {
        ended.map_err(|error| BenchError::Failed(error.to_string()))??;
    }
    let rate = stored as f64 / from.elapsed().as_secs_f64();
    progress(&format!("      {stored} events stored, {rate:.0} a second"));
    Ok(())
}

/// E4: by tag, and everything.
fn read(engine: &Engine, stored: u64, measured: &mut Measured) -> Result<(), BenchError> {
    let mut by_tag = Samples::default();
    let groups = (stored / GROUP).max(1);
    let from = Instant::now();
    for number in 0..READS {
        let query = Query::tags([group(number * 7_919 % groups * GROUP)]);
        let began = Instant::now();
        let log = engine.log(DEFAULT_NAMESPACE)?;
        let events = read_page(log.reader().matching(&query, 1, Direction::Forwards, 100))?;
        by_tag.add(began.elapsed());
        if events as u64 != GROUP {
            return Err(BenchError::Failed(format!("a group has {events} events")));
        }
    }
    let rate = READS as f64 / from.elapsed().as_secs_f64();
    measured.add("tag_reads_per_s", rate, "100 events of one tag, by one reader");
    measured.add("tag_read_p99_ms", by_tag.percentile_ms(0.99), "99 of 100 took at most this");
    let (began, mut position, mut bytes) = (Instant::now(), 1, 0);
    loop {
        let log = engine.log(DEFAULT_NAMESPACE)?;
        let page = log.reader().events(position, Direction::Forwards, PAGE);
        let page = page.map_err(Rejection::from)?;
        let Some(last) = page.last() else { break };
        position = last.position() + 1;
        bytes += page.iter().map(|event| event.data().len()).sum::<usize>();
    }
    let rate = (position - 1) as f64 / began.elapsed().as_secs_f64();
    measured.add("full_read_events_per_s", rate, "every event, in pages of 1,000");
    measured.add("full_read_mb_per_s", bytes as f64 / 1e6 / began.elapsed().as_secs_f64(), "data");
    Ok(())
}

fn read_page(
    page: Result<Vec<crate::log::RecordedEvent>, everstep_storage::StoreError>,
) -> Result<usize, BenchError> {
    Ok(page.map_err(Rejection::from)?.len())
}

/// E5: appends by one client as at the start, and under conditions on names that many events have.
async fn grown(
    source: &Source,
    before: &mut Load,
    length: Duration,
    measured: &mut Measured,
) -> Result<(), BenchError> {
    let stored = source.next.load(Ordering::Relaxed);
    let after = append_for(source, 1, length).await?;
    measured.add("events", stored as f64, "stored before");
    measured.add("empty_appends_per_s", before.rate(), "E1 on the empty store, in the same run");
    measured.add("appends_per_s", after.rate(), "E1 on the full one");
    let mut fresh = Samples::default();
    let (from, mut appends) = (Instant::now(), 0.0);
    while from.elapsed() < length {
        let number = source.next.load(Ordering::Relaxed);
        let tags = vec![hot(0), format!("fresh:{number}").into()];
        fresh.add(source.under(QueryItem { types: Vec::new(), tags }).await?);
        appends += 1.0;
    }
    let rate = appends / from.elapsed().as_secs_f64();
    measured.add("hot_and_fresh_per_s", rate, "a tag of a third of all events, and an unused one");
    measured.add("hot_and_fresh_p99_ms", fresh.percentile_ms(0.99), "99 of 100 took at most this");
    let mut unseen = Samples::default();
    for _ in 0..200 {
        let item = QueryItem { types: vec!["Unseen".into()], tags: vec![hot(0)] };
        unseen.add(source.under(item).await?);
    }
    let p99 = unseen.percentile_ms(0.99);
    measured.add("unseen_type_p99_ms", p99, "a hot tag and a type that no event has");
    let (from, mut refused) = (Instant::now(), 0.0);
    while from.elapsed() < length {
        let item = QueryItem { types: Vec::new(), tags: vec![hot(0)] };
        match source.under(item).await {
            Err(BenchError::Rejected(Rejection::AppendConditionFailed(_))) => refused += 1.0,
            other => return Err(BenchError::Failed(format!("it should be refused: {other:?}"))),
        }
    }
    let rate = refused / from.elapsed().as_secs_f64();
    measured.add("refused_per_s", rate, "conditions that do not hold, refused without a sync");
    Ok(())
}

/// E6: from the acknowledgement of an append to each subscriber's reading of it.
async fn delivered(
    source: &Source,
    subscribers: usize,
    measured: &mut Measured,
) -> Result<(), BenchError> {
    let mut following = JoinSet::new();
    let ready = Arc::new(tokio::sync::Barrier::new(subscribers + 1));
    for _ in 0..subscribers {
        let (engine, ready) = (source.engine.clone(), Arc::clone(&ready));
        following.spawn(async move {
            let mut news = engine.follow_log(DEFAULT_NAMESPACE)?;
            ready.wait().await;
            let (mut position, mut times) = (0, Vec::new());
            while position < DELIVERED {
                news.mark_unchanged();
                let log = engine.log(DEFAULT_NAMESPACE)?;
                let page = log.reader().events(position + 1, Direction::Forwards, 100)?;
                for event in &page {
                    position = event.position();
                    times.push(Instant::now());
                }
                if page.is_empty() && news.changed().await.is_err() {
                    break;
                }
            }
            Ok::<_, Rejection>(times)
        });
    }
    ready.wait().await;
    let mut acknowledged = Vec::new();
    for _ in 0..DELIVERED {
        source.conditional().await?;
        acknowledged.push(Instant::now());
        // One at a time: the way of each event is measured, not a queue.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut samples = Samples::default();
    while let Some(times) = following.join_next().await {
        let times = times.map_err(|error| BenchError::Failed(error.to_string()))??;
        for (seen, known) in times.iter().zip(&acknowledged) {
            samples.add(seen.saturating_duration_since(*known));
        }
    }
    let meaning = "acknowledged to delivered: half of them took at most this";
    measured.add("delivered_p50_ms", samples.percentile_ms(0.5), meaning);
    measured.add("delivered_p99_ms", samples.percentile_ms(0.99), "99 of 100 took at most this");
    Ok(())
}
