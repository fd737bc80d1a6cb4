//! R1: a projection is rebuilt over very many events while orders flow; how fast, how long orders
//! take meanwhile, and how far behind its events the projection that is read is.
//!
//! An event is one step behind from its acknowledgement, which is when the log's news tell of it,
//! until a snapshot shows the checkpoint past it; readers, who fold what is missing onto the rows,
//! see it before.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use everstep_workflows::projection_replay::ReplayStatus;
use everstep_workflows::projections::{
    Category, Projection, ProjectionError, ProjectionService, ProjectionWorker, RowQuery,
};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::super::args::Workload;
use super::super::disk::SyncRate;
use super::super::error::BenchError;
use super::super::figure::Measured;
use super::super::load::Samples;
use super::super::run::progress;
use super::super::subject::Subject;
use super::fill;
use super::orders::{self, EVENTS_AN_ORDER, Orders, Times};
use super::source::Source;
use crate::log::RecordedEvent;
use crate::{DEFAULT_NAMESPACE, Engine, EngineConfig, Worker};

/// Counts the events of each group.
const COUNTS: Projection<u64> = Projection::new("bench_counts", Category::View);
/// Between two orders, whose events come at 250 a second then: the way of each is measured, not a
/// queue.
const PAUSE: Duration = Duration::from_millis(16);
/// How often the checkpoint is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// How long the projection may take to catch up, and a rebuild to end.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// Rows that are read at a time.
const PAGE: usize = 1_000;

fn failed(error: &ProjectionError) -> BenchError {
    BenchError::Failed(error.to_string())
}

/// Ticks that keep to their times; one that comes too late is left out.
fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// What is measured.
struct Live {
    orders: Orders,
    projections: ProjectionService,
    /// The newest acknowledged position, and the news of it.
    acknowledged: u64,
    news: watch::Receiver<u64>,
    /// What is acknowledged and not in the rows yet.
    behind: VecDeque<(u64, Instant)>,
    lag: Samples,
}

/// What a while of orders was like.
struct Flow {
    lag: Samples,
    times: Times,
    orders_per_s: f64,
}

impl Live {
    fn checkpoint(&self) -> Result<u64, BenchError> {
        let status = self.projections.status(DEFAULT_NAMESPACE, COUNTS.name());
        Ok(status.map_err(|error| failed(&error))?.position)
    }

    /// Waits until so many events are in the rows, and begins to follow what comes after them.
    async fn caught_up(&mut self, events: u64) -> Result<(), BenchError> {
        let (begun, mut look) = (Instant::now(), every(LOOK));
        while self.checkpoint()? < events {
            self.is_patient(begun)?;
            look.tick().await;
        }
        self.acknowledged = *self.news.borrow_and_update();
        Ok(())
    }

    fn is_patient(&self, since: Instant) -> Result<(), BenchError> {
        if since.elapsed() <= PATIENCE {
            return Ok(());
        }
        let checkpoint = self.checkpoint()?;
        let what = format!("the projection did not come to its end: it is at {checkpoint}");
        Err(BenchError::Failed(what))
    }

    fn acknowledge(&mut self) {
        let (newest, now) = (*self.news.borrow_and_update(), Instant::now());
        self.behind.extend((self.acknowledged + 1..=newest).map(|position| (position, now)));
        self.acknowledged = newest;
    }

    fn look(&mut self) -> Result<(), BenchError> {
        let (checkpoint, now) = (self.checkpoint()?, Instant::now());
        while let Some((_, since)) = self.behind.pop_front_if(|(at, _)| *at <= checkpoint) {
            self.lag.add(now - since);
        }
        Ok(())
    }

    /// Orders flow until it is over, until the last of them is done, and its events are in the rows.
    async fn until(
        &mut self,
        mut is_over: impl FnMut(&Self) -> Result<bool, BenchError>,
    ) -> Result<Flow, BenchError> {
        let (begun, before) = (Instant::now(), self.orders.begun());
        let (mut pace, mut look) = (every(PAUSE), every(LOOK));
        let (mut over, mut shipped) = (false, begun);
        while !over || !self.orders.are_done() || !self.behind.is_empty() {
            tokio::select! {
                // An acknowledgement is timed first.
                biased;
                news = self.news.changed() => {
                    news.map_err(|_| BenchError::Failed("the engine has stopped".to_owned()))?;
                    self.acknowledge();
                }
                done = self.orders.next_done(), if !self.orders.are_done() => {
                    done?;
                    shipped = Instant::now();
                }
                _ = pace.tick(), if !over && self.orders.have_room() => self.orders.begin(),
                _ = look.tick() => {
                    self.is_patient(begun)?;
                    self.look()?;
                    over = over || is_over(self)?;
                }
            }
        }
        let orders = (self.orders.begun() - before) as f64;
        let orders_per_s = orders / (shipped - begun).as_secs_f64();
        let lag = std::mem::take(&mut self.lag);
        Ok(Flow { lag, times: self.orders.take_times(), orders_per_s })
    }

    /// Every event is counted, and none of them twice.
    fn check_counts(&self, stored: u64) -> Result<(), BenchError> {
        let events = stored + EVENTS_AN_ORDER * self.orders.begun();
        let mut counted = 0;
        let mut query = RowQuery { limit: PAGE, ..RowQuery::default() };
        loop {
            let page = self.projections.rows(DEFAULT_NAMESPACE, COUNTS.name(), &query);
            let page = page.map_err(|error| failed(&error))?;
            for count in page.rows.iter().filter_map(|row| row.state.as_ref()) {
                let count = count.to::<u64>();
                counted += count.map_err(|error| BenchError::Failed(error.to_string()))?;
            }
            query.after = page.next_page_token;
            if query.after.is_none() {
                break;
            }
        }
        if (counted, self.acknowledged) == (events, events) {
            return Ok(());
        }
        Err(BenchError::Failed(format!(
            "{events} events were appended, {} acknowledged, and {counted} are counted",
            self.acknowledged
        )))
    }
}

/// Measures it in this process, with so many events stored before.
pub(in super::super) async fn in_process(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    (length, stored): (Duration, u64),
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let keys = |event: &RecordedEvent| event.tags().nth(1).map(str::to_owned);
    let counts = COUNTS.row(keys, |count: Option<u64>, _| Ok(Some(count.unwrap_or(0) + 1)));
    let worker = orders::register(Worker::new().projection(counts));
    let store = EmbeddedStore::open(dir, EmbeddedConfig::default())?;
    let engine = Engine::open(Arc::new(store), worker, EngineConfig::default(), runtime.clone())?;
    let projections = {
        let _inside = runtime.enter();
        ProjectionService::start(&engine)
    };
    let (orders, news) = (Orders::new(&engine), engine.follow_log(DEFAULT_NAMESPACE)?);
    let (acknowledged, behind, lag) = (0, VecDeque::new(), Samples::default());
    let mut live = Live { orders, projections, acknowledged, news, behind, lag };
    let subject = Subject::Engine(engine);
    let measured = measure(&mut live, &subject, (length, stored), disk).await;
    live.projections.stop();
    drop(live);
    subject.close().await;
    measured
}

async fn measure(
    live: &mut Live,
    subject: &Subject,
    (length, stored): (Duration, u64),
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let mut measured = Measured::new(Workload::R1, 1, false, disk);
    fill(&Source::new(subject)?, stored).await?;
    live.caught_up(stored).await?;
    subject.drained().await?;
    measured.add("events", stored as f64, "stored before");

    let begun = Instant::now();
    let mut flow = live.until(|_| Ok(begun.elapsed() >= length)).await?;
    let meaning = "acknowledged to checkpoint: half of them took at most this";
    measured.add("lag_p50_ms", flow.lag.percentile_ms(0.5), meaning);
    measured.add("lag_p99_ms", flow.lag.percentile_ms(0.99), "99 of 100 took at most this");
    let meaning = "an order each 16 ms, whose steps are 250 events a second";
    measured.add("orders_per_s", flow.orders_per_s, meaning);
    let meaning = "submitted to shipped: half of them took at most this";
    measured.add("order_p50_ms", flow.times.shipped.percentile_ms(0.5), meaning);
    let p99 = flow.times.shipped.percentile_ms(0.99);
    measured.add("order_p99_ms", p99, "99 of 100 took at most this");
    let p99 = flow.times.submitted.percentile_ms(0.99);
    measured.add("append_p99_ms", p99, "to the acknowledgement of what submits an order");

    progress("      rebuilding …");
    let (took, events, mut flow) = rebuild(live).await?;
    let rate = events as f64 / took.as_secs_f64();
    measured.add("rebuilt_events_per_s", rate, "of the rebuild, beside the orders");
    measured.add("rebuild_s", took.as_secs_f64(), "from its trigger to the change-over");
    let meaning = "as before, beside the rebuild";
    measured.add("lag_beside_p50_ms", flow.lag.percentile_ms(0.5), meaning);
    measured.add("lag_beside_p99_ms", flow.lag.percentile_ms(0.99), meaning);
    measured.add("orders_beside_per_s", flow.orders_per_s, meaning);
    let shipped = &mut flow.times.shipped;
    measured.add("order_beside_p50_ms", shipped.percentile_ms(0.5), meaning);
    measured.add("order_beside_p99_ms", shipped.percentile_ms(0.99), meaning);
    let p99 = flow.times.submitted.percentile_ms(0.99);
    measured.add("append_beside_p99_ms", p99, meaning);
    live.check_counts(stored)?;
    Ok(measured)
}

/// Rebuilds beside the orders: what that took, its events, and how the orders went.
async fn rebuild(live: &mut Live) -> Result<(Duration, u64, Flow), BenchError> {
    let begun = Instant::now();
    let triggered = live.projections.rebuild(DEFAULT_NAMESPACE, COUNTS.name()).await;
    triggered.map_err(|error| failed(&error))?;
    let (mut took, mut events) = (Duration::ZERO, 0);
    let is_over = |live: &Live| {
        let rebuild = live.projections.rebuild_status(DEFAULT_NAMESPACE, COUNTS.name());
        let rebuild = rebuild.map_err(|error| failed(&error))?;
        match rebuild.status {
            ReplayStatus::Completed => {
                (took, events) = (begun.elapsed(), rebuild.events_processed);
                Ok(true)
            }
            status if status.is_active() => Ok(false),
            status => {
                let why = rebuild.error.unwrap_or_default();
                Err(BenchError::Failed(format!("the rebuild is {}: {why}", status.name())))
            }
        }
    };
    let flow = live.until(is_over).await?;
    Ok((took, events, flow))
}
