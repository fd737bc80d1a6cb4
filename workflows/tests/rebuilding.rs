//! Rebuilds with code that is another one than before: an index that is added, another fold, events
//! of an older schema.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use everstep_activities::language::{EventSchema, SchemaVersion, WorkerLanguage};
use everstep_engine::log::{Append, Expected, NewEvent, RecordedEvent, StreamId};
use everstep_engine::{Engine, EngineConfig, Worker};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use everstep_workflows::projection_replay::ReplayStatus;
use everstep_workflows::projections::{
    Category, Projection, ProjectionCode, ProjectionService, ProjectionWorker, RowQuery,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;

const SEEN: Projection<Value> = Projection::new("seen", Category::View);
const LOGIC: Projection<Value> = Projection::new("logic", Category::Logic);
const NAMESPACE: &str = "default";
/// More than any of it may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tag's row holds the sum of what its events say, times a factor.
fn sums(projection: Projection<Value>, factor: i64) -> ProjectionCode {
    let keys = |event: &RecordedEvent| event.tags().map(str::to_owned).collect::<Vec<_>>();
    projection.row(keys, move |row, event| {
        let data: Value =
            serde_json::from_slice(event.data()).map_err(|error| error.to_string())?;
        let said = data["amount"].as_i64().ok_or("no amount")?;
        let before = row.map_or(0, |row| row["sum"].as_i64().unwrap_or(0));
        Ok(Some(json!({ "sum": before + said * factor })))
    })
}

struct Open {
    engine: Engine,
    service: ProjectionService,
}

impl Open {
    fn new(data: &TempDir, worker: Worker) -> Self {
        let store = EmbeddedStore::open(data.path(), EmbeddedConfig::default()).unwrap();
        let config = EngineConfig::default();
        let engine = Engine::open(Arc::new(store), worker, config, Handle::current()).unwrap();
        let service = ProjectionService::start(&engine);
        Self { engine, service }
    }

    async fn append(&self, events: Vec<NewEvent>) {
        let stream = StreamId::new("Tap", "a");
        self.engine.append(NAMESPACE, Append::to(stream, Expected::Any, events)).await.unwrap();
    }

    async fn until_current(&self, name: &str) {
        let begun = Instant::now();
        loop {
            let status = self.service.status(NAMESPACE, name).unwrap();
            if status.status == "current" && status.lag == 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{status:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn rebuild(&self, name: &str) {
        self.service.rebuild(NAMESPACE, name).await.unwrap();
        let begun = Instant::now();
        loop {
            let rebuild = self.service.rebuild_status(NAMESPACE, name).unwrap();
            if rebuild.status == ReplayStatus::Completed {
                return;
            }
            assert!(rebuild.status.is_active() && begun.elapsed() < PATIENCE, "{rebuild:?}");
            tokio::task::yield_now().await;
        }
    }

    fn sum(&self, name: &str, key: &str) -> Value {
        let row = self.service.row(NAMESPACE, name, key).unwrap();
        row.state.unwrap().to::<Value>().unwrap()["sum"].clone()
    }

    async fn close(self) {
        self.service.stop();
        self.engine.drain(Duration::from_secs(10)).await;
    }
}

fn poured(amount: i64, tag: String) -> NewEvent {
    NewEvent::new("Poured", json!({ "amount": amount }).to_string()).tag(tag)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_added_later_is_built_by_a_rebuild() {
    // More rows than one request looks at.
    const ROWS: i64 = 10_500;
    let data = tempfile::tempdir().unwrap();
    let open = Open::new(&data, Worker::new().projection(sums(SEEN, 1)));
    for begin in (0..ROWS).step_by(1_500) {
        let events = (begin..begin + 1_500).map(|row| poured(row, format!("row:{row:06}")));
        open.append(events.collect()).await;
    }
    open.until_current(SEEN.name()).await;
    open.close().await;

    let open = Open::new(&data, Worker::new().projection(sums(SEEN, 1).index("sum")));
    let last = (ROWS - 1).to_string();
    let query = RowQuery { fields: vec![("sum".into(), last)], limit: 5, ..RowQuery::default() };
    let found = || open.service.rows(NAMESPACE, SEEN.name(), &query).unwrap();
    // The index has not been there from the first row on, so it is not believed.
    assert!(found().rows.is_empty() && found().next_page_token.is_some());
    open.rebuild(SEEN.name()).await;
    assert_eq!((found().rows.len(), found().next_page_token), (1, None));
    open.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_code_makes_new_rows_of_a_view_and_of_a_logic_projection_beside_live_work() {
    let data = tempfile::tempdir().unwrap();
    let worker =
        |factor| Worker::new().projection(sums(SEEN, factor)).projection(sums(LOGIC, factor));
    let open = Open::new(&data, worker(1));
    open.append((0..900).map(|number| poured(1, format!("row:{}", number % 3))).collect()).await;
    for name in [SEEN.name(), LOGIC.name()] {
        open.until_current(name).await;
        assert_eq!(open.sum(name, "row:0"), 300);
    }
    open.close().await;

    let open = Open::new(&data, worker(10));
    // What is there already stays as it was made.
    assert_eq!(open.sum(SEEN.name(), "row:0"), 300);
    let appending = {
        let engine = open.engine.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                let append = Append::to(
                    StreamId::new("Tap", "b"),
                    Expected::Any,
                    vec![poured(1, "row:0".to_owned())],
                );
                engine.append(NAMESPACE, append).await.unwrap();
            }
        })
    };
    for name in [SEEN.name(), LOGIC.name()] {
        open.rebuild(name).await;
    }
    appending.await.unwrap();
    for name in [SEEN.name(), LOGIC.name()] {
        open.until_current(name).await;
        assert_eq!(open.sum(name, "row:0"), 5_000, "{name}");
        assert_eq!(open.sum(name, "row:1"), 3_000, "{name}");
    }
    let logic = open.engine.transact(NAMESPACE, |tx| LOGIC.get(tx, "row:0")).await.unwrap();
    assert_eq!(logic.unwrap()["sum"], 5_000);
    // The rows of before are gone with their shelf, and another rebuild finds its own.
    open.rebuild(SEEN.name()).await;
    assert_eq!(open.sum(SEEN.name(), "row:0"), 5_000);
    open.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_older_schema_are_read_in_the_newest() {
    let litres = |version| {
        EventSchema::new(
            "Poured",
            version,
            json!({"type": "object", "properties": {"litres": {"type": "integer"}},
                   "required": ["litres"]}),
        )
    };
    let first = SchemaVersion::new(1, 0, 0);
    let data = tempfile::tempdir().unwrap();
    let open = Open::new(&data, Worker::new().event_schema(litres(first)));
    let old = || NewEvent::new("Poured", r#"{"litres":2}"#).tag("row:0");
    open.append(vec![old()]).await;
    open.close().await;

    let second = EventSchema::new(
        "Poured",
        SchemaVersion::new(2, 0, 0),
        json!({"type": "object", "properties": {"amount": {"type": "integer"}},
               "required": ["amount"]}),
    );
    let second = second.map(|schema| {
        schema.upcast_from(first, |old| {
            let litres = old["litres"].as_i64().ok_or("no litres")?;
            Ok(json!({ "amount": litres * 1_000 }))
        })
    });
    // In whichever order they are declared.
    let worker = Worker::new()
        .projection(sums(SEEN, 1))
        .event_schema(litres(first))
        .event_schema(second)
        .projection(sums(LOGIC, 1));
    let open = Open::new(&data, worker);
    for name in [SEEN.name(), LOGIC.name()] {
        open.until_current(name).await;
        assert_eq!(open.sum(name, "row:0"), 2_000, "{name}");
    }
    // One that is written in the old version now is no other.
    open.append(vec![old()]).await;
    for name in [SEEN.name(), LOGIC.name()] {
        open.until_current(name).await;
        assert_eq!(open.sum(name, "row:0"), 4_000, "{name}");
    }
    open.rebuild(SEEN.name()).await;
    assert_eq!(open.sum(SEEN.name(), "row:0"), 4_000);
    open.close().await;
}

/// Stops the fold of a rebuild before an event, until it is let go.
#[derive(Default)]
struct Gate {
    is_shut: AtomicBool,
    is_reached: AtomicBool,
}

impl Gate {
    fn pass(&self, event: &RecordedEvent) {
        if event.position() == 150 {
            self.is_reached.store(true, Ordering::SeqCst);
            let begun = Instant::now();
            while self.is_shut.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE {
                std::thread::yield_now();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_build_begins_a_rebuild_anew() {
    const EVENTS: i64 = 250;
    let data = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let seen = Arc::clone(&gate);
    let keys = |event: &RecordedEvent| event.tags().map(str::to_owned).collect::<Vec<_>>();
    let gated = SEEN.row(keys, move |row: Option<Value>, event| {
        seen.pass(event);
        let before = row.map_or(0, |row| row["sum"].as_i64().unwrap_or(0));
        Ok(Some(json!({ "sum": before + 1 })))
    });
    let open = Open::new(&data, Worker::new().build_id("one").projection(gated));
    open.append((0..EVENTS).map(|_| poured(1, "row:0".to_owned())).collect()).await;
    open.until_current(SEEN.name()).await;
    gate.is_shut.store(true, Ordering::SeqCst);
    gate.is_reached.store(false, Ordering::SeqCst);
    open.service.rebuild(NAMESPACE, SEEN.name()).await.unwrap();
    let begun = Instant::now();
    while !gate.is_reached.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < PATIENCE, "the second chunk is not folded");
        tokio::task::yield_now().await;
    }
    // The second chunk is being folded: it is not taken in any more.
    let paused = open.service.pause_rebuild(NAMESPACE, SEEN.name()).await.unwrap();
    assert_eq!(paused.events_processed, 100);
    gate.is_shut.store(false, Ordering::SeqCst);
    open.close().await;

    let open = Open::new(&data, Worker::new().build_id("two").projection(sums(SEEN, 10)));
    open.service.resume_rebuild(NAMESPACE, SEEN.name()).await.unwrap();
    let begun = Instant::now();
    let rebuild = loop {
        let rebuild = open.service.rebuild_status(NAMESPACE, SEEN.name()).unwrap();
        if !rebuild.status.is_active() {
            break rebuild;
        }
        assert!(begun.elapsed() < PATIENCE, "{rebuild:?}");
        tokio::task::yield_now().await;
    };
    assert_eq!((rebuild.status, rebuild.events_processed), (ReplayStatus::Completed, 250));
    // Nothing of what the first build made is in it.
    assert_eq!(open.sum(SEEN.name(), "row:0"), EVENTS * 10);
    open.close().await;
}
