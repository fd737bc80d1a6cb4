//! W6: many schedules, a thousand of them due at the same second. How late a firing is: from the
//! instant that its schedule names to the commit of the run that it starts.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::args::Workload;
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::load::Samples;
use super::subject::Subject;
use super::workflows::Job;
use crate::{
    ChangeKind, DEFAULT_NAMESPACE, Engine, EngineConfig, Overlap, ScheduleAction,
    ScheduleDefinition, ScheduleInput, ScheduleSpec, Timestamp,
};

/// So many are due each second.
const DUE_A_SECOND: u64 = 1_000;
/// Schedules that are created at a time.
const CREATED_AT_ONCE: u64 = 512;

/// Creates `count` schedules and measures how late they fire for `length`.
pub(super) async fn in_process(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    count: u64,
    length: Duration,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let mut measured = Measured::new(Workload::W6, 1, false, disk);
    let subject = Subject::open(dir, runtime, EngineConfig::default().memory_budget_bytes)?;
    let Subject::Engine(engine) = &subject else {
        return Err(BenchError::Failed("w6 measures in process only".into()));
    };
    let from = Instant::now();
    create(engine, count).await?;
    let created = count as f64 / from.elapsed().as_secs_f64();
    measured.add("schedules_per_s", created, "created, each durable");
    let (mut lateness, due) = watch(engine, length).await?;
    measured.add("firings", lateness.len() as f64, "runs started by schedules");
    measured.add("firings_per_s", lateness.len() as f64 / length.as_secs_f64(), "of them");
    measured.add("unseen", due.saturating_sub(lateness.len() as u64) as f64, "due and not started");
    let p50 = lateness.percentile_ms(0.5);
    measured.add("lateness_p50_ms", p50, "half of the runs were durable at most this late");
    let p99 = lateness.percentile_ms(0.99);
    measured.add("lateness_p99_ms", p99, "99 of 100");
    subject.close().await;
    Ok(measured)
}

async fn create(engine: &Engine, count: u64) -> Result<(), BenchError> {
    let period_s = (count / DUE_A_SECOND).max(1);
    let job = Job::chain(0);
    let action = ScheduleAction {
        workflow_type: job.workflow_type.to_owned(),
        input: job.input,
        ..ScheduleAction::default()
    };
    let action = Arc::new(action);
    let mut creators = JoinSet::new();
    for first in 0..CREATED_AT_ONCE {
        let (engine, action) = (engine.clone(), Arc::clone(&action));
        creators.spawn(async move {
            for number in (first..count).step_by(usize::try_from(CREATED_AT_ONCE).unwrap_or(1)) {
                let spec = ScheduleSpec {
                    interval_ms: Some(period_s * 1_000),
                    interval_offset_ms: Some(number % period_s * 1_000),
                    ..ScheduleSpec::default()
                };
                let mut definition = ScheduleDefinition::new(spec, (*action).clone());
                definition.overlap = Overlap::AllowAll;
                let input = ScheduleInput { definition, ..ScheduleInput::default() };
                engine.create_schedule(DEFAULT_NAMESPACE, &format!("s{number}"), input).await?;
            }
            Ok::<(), crate::Rejection>(())
        });
    }
    while let Some(created) = creators.join_next().await {
        created.map_err(|error| BenchError::Failed(error.to_string()))??;
    }
    Ok(())
}

/// How late each run is durable whose instant lies within the next `length`, and how many are due.
async fn watch(engine: &Engine, length: Duration) -> Result<(Samples, u64), BenchError> {
    let mut changes = engine.changes();
    // Whole seconds, with time for the last of them to be seen.
    let begin = wall_ms().div_euclid(1_000) * 1_000 + 2_000;
    let seconds = i64::try_from(length.as_secs().max(1)).unwrap_or(1);
    let end = begin + seconds * 1_000;
    let deadline = tokio::time::Instant::now()
        + Duration::from_millis(u64::try_from(end - wall_ms()).unwrap_or(0) + 1_500);
    let mut samples = Samples::default();
    loop {
        let news = match tokio::time::timeout_at(deadline, changes.recv()).await {
            Err(_) => break,
            Ok(Ok(news)) => news,
            Ok(Err(RecvError::Lagged(count))) => {
                return Err(BenchError::Failed(format!("{count} commits were not seen")));
            }
            Ok(Err(RecvError::Closed)) => break,
        };
        let now = wall_ms();
        for change in news.iter().filter(|change| change.kind == ChangeKind::Closed) {
            let Some((_, at)) = change.workflow_id.split_once('-') else { continue };
            let Ok(at) = at.parse::<Timestamp>() else { continue };
            if (begin..end).contains(&at.as_millis()) {
                let late = u64::try_from(now - at.as_millis()).unwrap_or(0);
                samples.add(Duration::from_millis(late));
            }
        }
    }
    Ok((samples, DUE_A_SECOND * u64::try_from(seconds).unwrap_or(0)))
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
