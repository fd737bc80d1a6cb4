//! R1: a projection is rebuilt over very many events while others are appended; how fast, and how far
//! behind its events the projection that is read is meanwhile.
//!
//! An event is one step behind from its acknowledgement until a snapshot shows the checkpoint past
//! it; readers, who fold what is missing onto the rows, see it before.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use everstep_workflows::projection_replay::ReplayStatus;
use everstep_workflows::projections::{
    Category, Projection, ProjectionError, ProjectionService, ProjectionWorker,
};

use super::super::args::Workload;
use super::super::disk::SyncRate;
use super::super::error::BenchError;
use super::super::figure::Measured;
use super::super::load::Samples;
use super::super::run::progress;
use super::super::subject::Subject;
use super::fill;
use super::source::{Outcome, Source, Work, group, half};
use crate::log::RecordedEvent;
use crate::{DEFAULT_NAMESPACE, Engine, EngineConfig, Worker};

/// Counts the events of each group.
const COUNTS: Projection<u64> = Projection::new("bench_counts", Category::View);
/// Between two appends: the way of each event is measured, not a queue.
const PAUSE: Duration = Duration::from_millis(4);
/// How often the checkpoint is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// How long the projection may take to catch up, and a rebuild to end.
const PATIENCE: Duration = Duration::from_secs(3_600);

fn failed(error: &ProjectionError) -> BenchError {
    BenchError::Failed(error.to_string())
}

/// What is measured.
struct Live {
    source: Source,
    projections: ProjectionService,
    /// What is acknowledged and not in the rows yet.
    behind: VecDeque<(u64, Instant)>,
    lag: Samples,
    appends: Samples,
}

impl Live {
    fn checkpoint(&self) -> Result<u64, BenchError> {
        let status = self.projections.status(DEFAULT_NAMESPACE, COUNTS.name());
        Ok(status.map_err(|error| failed(&error))?.position)
    }

    fn look(&mut self) -> Result<(), BenchError> {
        let (checkpoint, now) = (self.checkpoint()?, Instant::now());
        while let Some((_, since)) = self.behind.pop_front_if(|(at, _)| *at <= checkpoint) {
            self.lag.add(now - since);
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), BenchError> {
        let event = [self.source.unused(), group(rand::random()), half(rand::random())];
        let begun = Instant::now();
        match self.source.append(&Work { events: vec![event], condition: None }).await? {
            Outcome::Appended(position) => {
                self.appends.add(begun.elapsed());
                self.behind.push_back((position, Instant::now()));
                Ok(())
            }
            Outcome::Refused => Err(BenchError::Failed("an append was refused".to_owned())),
        }
    }

    /// Appends until it is over, and until what was appended is in the rows.
    async fn until(
        &mut self,
        mut is_over: impl FnMut(&Self) -> Result<bool, BenchError>,
    ) -> Result<(Samples, Samples), BenchError> {
        let (begun, mut next) = (Instant::now(), Instant::now());
        let mut over = false;
        while !over || !self.behind.is_empty() {
            if begun.elapsed() > PATIENCE {
                return Err(BenchError::Failed(
                    "the projection did not come to its end".to_owned(),
                ));
            }
            over = over || is_over(self)?;
            if !over && Instant::now() >= next {
                next = Instant::now() + PAUSE;
                self.append().await?;
            }
            tokio::time::sleep(LOOK).await;
            self.look()?;
        }
        Ok((std::mem::take(&mut self.lag), std::mem::take(&mut self.appends)))
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
    let worker = Worker::new().projection(counts);
    let store = EmbeddedStore::open(dir, EmbeddedConfig::default())?;
    let engine = Engine::open(Arc::new(store), worker, EngineConfig::default(), runtime.clone())?;
    let projections = {
        let _inside = runtime.enter();
        ProjectionService::start(&engine)
    };
    let subject = Subject::Engine(engine);
    let source = Source::new(&subject)?;
    let (behind, lag, appends) = (VecDeque::new(), Samples::default(), Samples::default());
    let mut live = Live { source, projections, behind, lag, appends };
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
    fill(&live.source, stored).await?;
    live.until(|live| Ok(live.checkpoint()? >= stored)).await?;
    subject.drained().await?;
    measured.add("events", stored as f64, "stored before");

    let begun = Instant::now();
    let (mut lag, mut appends) = live.until(|_| Ok(begun.elapsed() >= length)).await?;
    let meaning = "acknowledged to checkpoint: half of them took at most this";
    measured.add("lag_p50_ms", lag.percentile_ms(0.5), meaning);
    measured.add("lag_p99_ms", lag.percentile_ms(0.99), "99 of 100 took at most this");
    measured.add("append_p99_ms", appends.percentile_ms(0.99), "appended meanwhile, 250 a second");

    progress("      rebuilding …");
    let begun = Instant::now();
    let triggered = live.projections.rebuild(DEFAULT_NAMESPACE, COUNTS.name()).await;
    triggered.map_err(|error| failed(&error))?;
    let mut took = None;
    let (mut lag, mut appends) = live
        .until(|live| {
            let rebuild = live.projections.rebuild_status(DEFAULT_NAMESPACE, COUNTS.name());
            let rebuild = rebuild.map_err(|error| failed(&error))?;
            match rebuild.status {
                ReplayStatus::Completed => {
                    took = Some((begun.elapsed(), rebuild.events_processed));
                    Ok(true)
                }
                status if status.is_active() => Ok(false),
                status => {
                    let why = rebuild.error.unwrap_or_default();
                    Err(BenchError::Failed(format!("the rebuild is {}: {why}", status.name())))
                }
            }
        })
        .await?;
    if let Some((took, events)) = took {
        let rate = events as f64 / took.as_secs_f64();
        measured.add("rebuilt_events_per_s", rate, "of the rebuild, beside the appends");
        measured.add("rebuild_s", took.as_secs_f64(), "from its trigger to the change-over");
    }
    measured.add("lag_beside_p50_ms", lag.percentile_ms(0.5), "as before, beside the rebuild");
    measured.add("lag_beside_p99_ms", lag.percentile_ms(0.99), "as before, beside the rebuild");
    let meaning = "appended beside the rebuild, 250 a second";
    measured.add("append_beside_p99_ms", appends.percentile_ms(0.99), meaning);
    Ok(measured)
}
