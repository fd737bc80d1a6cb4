//! A projection that is made anew with other code, while events come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstep_engine::log::{Append, Expected, NewEvent, RecordedEvent, StreamId};
use everstep_engine::testing::{Story, Told, explore_story};
use everstep_engine::{DEFAULT_NAMESPACE, Engine, Worker};
use everstep_workflows::projection_replay::ReplayStatus;
use everstep_workflows::projections::{
    Category, Complexity, Projection, ProjectionError, ProjectionService, ProjectionWorker,
};
use serde_json::{Value, json};

const SUMS: Projection<Value> = Projection::new("sums", Category::View);
const EVENTS: u64 = 60;

/// What runs in a process.
struct Open {
    engine: Engine,
    projections: ProjectionService,
}

impl Open {
    fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), projections: ProjectionService::start(engine) }
    }

    async fn append(&self, key: &str, count: u64) -> Told<()> {
        let poured =
            |number| NewEvent::new("Poured", "{}".to_owned()).tag(format!("row:{}", number % 3));
        let events = (0..count).map(poured).collect();
        let stream = Append::to(StreamId::new("Tap", "a"), Expected::Any, events);
        let append = Append { idempotency_key: Some(key.into()), ..stream };
        self.engine.append(DEFAULT_NAMESPACE, append).await?;
        Ok(())
    }

    fn is_current(&self) -> Told<bool> {
        let status = self.projections.status(DEFAULT_NAMESPACE, SUMS.name())?;
        Ok(status.status == "current" && status.lag == 0)
    }

    fn outcome(&self) -> Told<String> {
        let rebuild = self.projections.rebuild_status(DEFAULT_NAMESPACE, SUMS.name())?;
        // How many of those beside it came in time is the clock's to say.
        assert!((EVENTS..=EVENTS + 3).contains(&rebuild.events_processed), "{rebuild:?}");
        let mut words = vec![format!("{:?}", rebuild.status)];
        for row in 0..3 {
            let key = format!("row:{row}");
            let found = self.projections.row(DEFAULT_NAMESPACE, SUMS.name(), &key)?;
            words.push(format!("{:?}", found.state));
        }
        Ok(words.join(", "))
    }
}

/// Triggers a projection's rebuild, unless it was.
pub(crate) async fn rebuild(projections: &ProjectionService, name: &str) -> Told<()> {
    match projections.rebuild_status(DEFAULT_NAMESPACE, name) {
        Err(ProjectionError::ReplayNotFound(_)) => {
            projections.rebuild(DEFAULT_NAMESPACE, name).await?;
        }
        known => drop(known?),
    }
    Ok(())
}

/// Whether that has come to its end.
pub(crate) fn is_rebuilt(projections: &ProjectionService, name: &str) -> Told<bool> {
    let rebuild = projections.rebuild_status(DEFAULT_NAMESPACE, name)?;
    Ok(rebuild.status == ReplayStatus::Completed)
}

/// The tag's row holds how many there were, times what the code says now.
fn worker(factor: &Arc<AtomicU64>) -> Worker {
    let factor = Arc::clone(factor);
    let keys = |event: &RecordedEvent| event.tags().map(str::to_owned).collect::<Vec<_>>();
    let sums = SUMS.row(keys, move |row: Option<Value>, _: &RecordedEvent| {
        let before = row.map_or(0, |row| row["sum"].as_u64().unwrap_or(0));
        Ok(Some(json!({ "sum": before + factor.load(Ordering::SeqCst) })))
    });
    Worker::new().projection(sums.complexity(Complexity::VeryComplex))
}

#[test]
fn every_event_counts_once_in_a_rebuild_wherever_it_crashes() {
    let report = explore_story(|| {
        let factor = Arc::new(AtomicU64::new(1));
        let newer = Arc::clone(&factor);
        Story::new(move || worker(&factor))
            .beside(Open::new)
            .act(|open| async move { open.append("before", EVENTS).await })
            .until(|open| async move { open.is_current() })
            .act(move |_| {
                newer.store(10, Ordering::SeqCst);
                std::future::ready(Ok(()))
            })
            .act(|open| async move { rebuild(&open.projections, SUMS.name()).await })
            .act(|open| async move { open.append("beside", 3).await })
            .until(|open| async move { is_rebuilt(&open.projections, SUMS.name()) })
            .act(|open| async move { open.append("after", 3).await })
            .until(|open| async move { open.is_current() })
            .outcome(|open| async move { open.outcome() })
    });
    let report = report.unwrap();
    // Commits that come together are one.
    assert!(report.crashes >= 6, "{report:?}");
    let sum = (EVENTS / 3 + 2) * 10;
    let outcome = report.outcomes.keys().next().unwrap();
    assert_eq!(outcome.matches(&sum.to_string()).count(), 3, "{outcome}");
}
