//! Runs `tests/features` of this crate: an engine over the real store, on a disk that outlives it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cucumber::{World as _, given, then, when};
use everstep_engine::{
    Activity, Clock, DEFAULT_NAMESPACE, Engine, EngineConfig, ListFilter, Payload, Rejection,
    RunDescription, RunStatus, Selector, Signal, SignalInput, StartRequest, Worker, Workflow,
    WorkflowContext,
};
use everstep_storage::testing::{FaultDisk, Honesty};
use everstep_storage::{EmbeddedConfig, EmbeddedStore, Threads};
use tokio::runtime::Handle;

const ORDER: Workflow<(), String> = Workflow::new("order");
const REMINDER: Workflow<(), String> = Workflow::new("reminder");
const CHARGE: Activity<(), ()> = Activity::new("charge");
const SHIP: Signal<()> = Signal::new("ship");
const RUN: &str = "run";
/// More than anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(cucumber::World)]
#[world(init = Self::begin)]
struct World {
    disk: FaultDisk,
    engine: Engine,
    charges: Arc<AtomicU32>,
    refused: Option<Rejection>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("charges", &self.charges).finish_non_exhaustive()
    }
}

fn worker(charges: Arc<AtomicU32>) -> Worker {
    Worker::new()
        .workflow(ORDER, async |ctx: &WorkflowContext, ()| {
            ctx.activity(CHARGE, ()).await?;
            ctx.signal(SHIP).await;
            Ok("shipped".to_owned())
        })
        .workflow(REMINDER, async |ctx: &WorkflowContext, ()| {
            ctx.sleep(Duration::from_secs(3600)).await;
            Ok("reminded".to_owned())
        })
        .signal(ORDER, SHIP)
        .activity(CHARGE, move |_, ()| {
            charges.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        })
}

fn open(disk: &FaultDisk, charges: &Arc<AtomicU32>) -> Engine {
    let config = EmbeddedConfig { min_free_bytes: 0, ..EmbeddedConfig::default() };
    let store = EmbeddedStore::open_with(disk.clone(), config, Threads::Own).unwrap();
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    let worker = worker(Arc::clone(charges));
    Engine::open(Arc::new(store), worker, config, Handle::current()).unwrap()
}

impl World {
    fn begin() -> Self {
        let (disk, charges) = (FaultDisk::new(Honesty::Honest), Arc::default());
        let engine = open(&disk, &charges);
        Self { disk, engine, charges, refused: None }
    }

    async fn start(&self, kind: &str) -> Result<(), Rejection> {
        let request = StartRequest::new(kind, Payload::default());
        let request = StartRequest { workflow_id: Some(RUN.to_owned()), ..request };
        self.engine.start(request).await.map(drop)
    }

    /// Follows commits until the run looks as wanted.
    async fn until(&self, wanted: impl Fn(&RunDescription) -> bool) {
        let mut changes = self.engine.changes();
        let followed = async {
            while !wanted(&self.engine.describe(&Selector::newest(RUN)).unwrap()) {
                // A commit that was missed is seen all the same: what counts is the store.
                let _ = changes.recv().await;
            }
        };
        tokio::time::timeout(PATIENCE, followed).await.unwrap();
    }

    async fn signal(&self, name: &str, key: Option<String>) {
        let signal = SignalInput { name: name.to_owned(), payload: Payload::default() };
        self.engine.signal(&Selector::newest(RUN), signal, key).await.unwrap();
    }
}

#[given("a run of \"order\" that has charged and waits for \"ship\"")]
async fn waiting_order(world: &mut World) {
    world.start(ORDER.name()).await.unwrap();
    world.until(|run| run.pending_activities.is_empty() && !run.awaiting.is_empty()).await;
}

#[given("a run of \"reminder\" that sleeps for an hour")]
async fn sleeping(world: &mut World) {
    world.start(REMINDER.name()).await.unwrap();
    world.until(|run| !run.pending_timers.is_empty()).await;
}

#[when("the process dies and another one opens the store")]
fn dies(world: &mut World) {
    // What the old process still writes goes to the disk that nobody sees any more.
    world.disk = world.disk.after_kill();
    world.engine = open(&world.disk, &world.charges);
}

#[when(expr = "signal {string} is sent")]
async fn signal(world: &mut World, name: String) {
    world.signal(&name, None).await;
}

#[when(expr = "signal {string} is sent under key {string}")]
async fn signal_once(world: &mut World, name: String, key: String) {
    world.signal(&name, Some(key)).await;
}

#[when("two hours pass")]
async fn pass(world: &mut World) {
    world.engine.advance_clock(2 * 3_600_000).await.unwrap();
}

#[when(expr = "{string} is started")]
async fn started(world: &mut World, kind: String) {
    world.refused = world.start(&kind).await.err();
}

#[then(expr = "the run has completed with {string}")]
async fn completed(world: &mut World, result: String) {
    let ended = world.engine.result(&Selector::newest(RUN), PATIENCE).await.unwrap();
    assert_eq!(ended.status, RunStatus::Completed);
    assert_eq!(ended.result.unwrap().to::<String>().unwrap(), result);
}

#[then("it was charged once")]
fn charged_once(world: &mut World) {
    assert_eq!(world.charges.load(Ordering::SeqCst), 1);
}

#[then(expr = "its history has {int} event(s) {string}")]
fn has_events(world: &mut World, count: usize, name: String) {
    let page = world.engine.history(&Selector::newest(RUN), 1, 1_000).unwrap();
    let names = page.events.iter().map(|event| event.recorded.event.name());
    assert_eq!(names.filter(|met| *met == name).count(), count);
}

#[then(expr = "that is refused with {string}")]
fn refused(world: &mut World, code: String) {
    assert_eq!(world.refused.as_ref().unwrap().code(), code);
}

#[then("there are no runs")]
fn no_runs(world: &mut World) {
    let namespace = DEFAULT_NAMESPACE.to_owned();
    let filter = ListFilter { namespace, ..ListFilter::default() };
    assert!(world.engine.list(&filter, 10, None).unwrap().workflows.is_empty());
}

#[tokio::main]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
