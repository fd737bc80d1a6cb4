//! An integration projection that tells its rows to another context, and tells them anew when they
//! are made with other code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstep_engine::log::{Append, Direction, Expected, NewEvent, RecordedEvent, StreamId};
use everstep_engine::testing::{Story, Told, explore_story};
use everstep_engine::{DEFAULT_NAMESPACE, Engine, Table, Worker};
use everstep_workflows::projections::{Category, Projection, ProjectionService, ProjectionWorker};
use everstep_workflows::publication::{PublicationTarget, WorkerPublications};
use serde_json::{Value, json};

use crate::rebuilds::{is_rebuilt, rebuild};

const SUMS: Projection<Value> = Projection::new("sumsForTax", Category::Integration);
/// How many events the other context has heard of.
const HEARD: Table<u64> = Table::new("tax", "heard");
const ROWS: [&str; 2] = ["ann", "bob"];

/// What runs in a process.
struct Open {
    engine: Engine,
    projections: ProjectionService,
}

impl Open {
    fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), projections: ProjectionService::start(engine) }
    }

    /// One event for each row.
    async fn pour(&self, key: &str) -> Told<()> {
        let events = ROWS.map(|row| NewEvent::new("Poured", "{}".to_owned()).tag(row));
        let append = Append::to(StreamId::new("Tap", "a"), Expected::Any, events.into());
        let append = Append { idempotency_key: Some(key.into()), ..append };
        self.engine.append(DEFAULT_NAMESPACE, append).await?;
        Ok(())
    }

    /// What was told of each row, and how much the other context has heard of it.
    fn told(&self) -> Told<String> {
        let rows = self.engine.rows(DEFAULT_NAMESPACE)?;
        let log = rows.log();
        let mut words = Vec::new();
        for row in ROWS {
            let stream = StreamId::new(SUMS.name(), row);
            let events = log.stream(&stream, 1, Direction::Forwards, 10);
            let events = events.map_err(everstep_engine::Rejection::from)?;
            let said = |event: &RecordedEvent| String::from_utf8_lossy(event.data()).into_owned();
            let said: Vec<_> = events.iter().map(said).collect();
            let heard = rows.get(HEARD, row)?.unwrap_or_default();
            words.push(format!("{row} {} heard {heard}", said.join(" ")));
        }
        Ok(words.join(", "))
    }
}

/// The tag's row holds how many there were, times what the code says now.
fn worker(factor: &Arc<AtomicU64>) -> Worker {
    let factor = Arc::clone(factor);
    let keys = |event: &RecordedEvent| event.tags().map(str::to_owned).collect::<Vec<_>>();
    let sums = SUMS.row(keys, move |row: Option<Value>, _: &RecordedEvent| {
        let before = row.map_or(0, |row| row["sum"].as_u64().unwrap_or(0));
        Ok(Some(json!({ "sum": before + factor.load(Ordering::SeqCst) })))
    });
    Worker::new().projection(sums.contract("sumsForTax v1").publishes("SumChanged")).publish_to(
        PublicationTarget::new("tax").events(["SumChanged"]),
        |tx, event| {
            let heard = tx.get(HEARD, event.stream_id())?.unwrap_or_default();
            tx.put(HEARD, event.stream_id(), &(heard + 1))
        },
    )
}

#[test]
fn every_row_is_told_once_a_change_wherever_it_crashes() {
    const FIRST: &str = "ann {\"sum\":1} heard 1, bob {\"sum\":1} heard 1";
    const SECOND: &str = "ann {\"sum\":1} {\"sum\":2} heard 2, bob {\"sum\":1} {\"sum\":2} heard 2";
    const LAST: &str = "ann {\"sum\":1} {\"sum\":2} {\"sum\":20} heard 3, \
                        bob {\"sum\":1} {\"sum\":2} {\"sum\":20} heard 3";
    let report = explore_story(|| {
        let factor = Arc::new(AtomicU64::new(1));
        let newer = Arc::clone(&factor);
        Story::new(move || worker(&factor))
            .beside(Open::new)
            .act(|open| async move { open.pour("first").await })
            .until(|open| async move { Ok(open.told()? == FIRST) })
            .act(|open| async move { open.pour("second").await })
            .until(|open| async move { Ok(open.told()? == SECOND) })
            .act(move |_| {
                newer.store(10, Ordering::SeqCst);
                std::future::ready(Ok(()))
            })
            .act(|open| async move { rebuild(&open.projections, SUMS.name()).await })
            .until(|open| async move { is_rebuilt(&open.projections, SUMS.name()) })
            .until(|open| async move { Ok(open.told()? == LAST) })
            .outcome(|open| async move { open.told() })
    });
    let report = report.unwrap();
    assert!(report.crashes >= 6, "{report:?}");
    assert_eq!(report.outcomes.keys().collect::<Vec<_>>(), [LAST]);
}
