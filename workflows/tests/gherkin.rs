//! Runs `tests/features` of this crate: its processes on an engine over the real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use cucumber::{World as _, given, then, when};
use everstep_engine::{
    Clock, Engine, EngineConfig, Payload, Selector, Signal, SignalInput, StartRequest, Worker,
    Workflow, WorkflowContext,
};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use everstep_workflows::{Approval, approval};
use tempfile::TempDir;
use tokio::runtime::Handle;

const EXPENSE: Workflow<u64, String> = Workflow::new("expense");
const APPROVED: Signal<String> = Signal::new("approved");
const RUN: &str = "expense-1";
const HOUR_MS: u64 = 3_600_000;
/// More than anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(cucumber::World)]
#[world(init = Self::begin)]
struct World {
    data: TempDir,
    engine: Option<Engine>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("data", &self.data).finish_non_exhaustive()
    }
}

impl World {
    fn begin() -> Self {
        let mut world = Self { data: tempfile::tempdir().unwrap(), engine: None };
        world.open();
        world
    }

    fn open(&mut self) {
        let store = EmbeddedStore::open(self.data.path(), EmbeddedConfig::default()).unwrap();
        let worker = Worker::new().signal(EXPENSE, APPROVED).workflow(
            EXPENSE,
            async |ctx: &WorkflowContext, hours| {
                let deadline = ctx.now() + Duration::from_secs(hours * 3600);
                Ok(match approval(ctx, APPROVED, deadline).await {
                    Approval::Approved(by) => format!("approved by {by}"),
                    Approval::Expired => "expired".to_owned(),
                })
            },
        );
        let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
        let engine = Engine::open(Arc::new(store), worker, config, Handle::current());
        self.engine = Some(engine.unwrap());
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }
}

#[given(expr = "an expense that waits for its approval until {int} hours have passed")]
async fn waits(world: &mut World, hours: u64) {
    let request = StartRequest::new(EXPENSE.name(), Payload::from_value(&hours).unwrap());
    let request = StartRequest { workflow_id: Some(RUN.to_owned()), ..request };
    let engine = world.engine();
    let mut changes = engine.changes();
    engine.start(request).await.unwrap();
    let waits = async {
        while engine.describe(&Selector::newest(RUN)).unwrap().pending_timers.is_empty() {
            // A commit that was missed is seen all the same: what counts is the store.
            let _ = changes.recv().await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.unwrap();
}

#[when(expr = "{int} hours pass")]
async fn pass(world: &mut World, hours: u64) {
    world.engine().advance_clock(hours * HOUR_MS).await.unwrap();
}

#[when(expr = "{string} approves it")]
async fn approves(world: &mut World, who: String) {
    let payload = Payload::from_value(&who).unwrap();
    let signal = SignalInput { name: APPROVED.name().to_owned(), payload };
    world.engine().signal(&Selector::newest(RUN), signal, None).await.unwrap();
}

#[when("the process stops")]
async fn stops(world: &mut World) {
    world.engine.take().unwrap().drain(Duration::ZERO).await;
}

#[when("another one opens the store")]
fn opens(world: &mut World) {
    world.open();
}

#[then(expr = "the expense is {string}")]
async fn is(world: &mut World, expected: String) {
    let ended = world.engine().result(&Selector::newest(RUN), PATIENCE).await.unwrap();
    assert_eq!(ended.result.unwrap().to::<String>().unwrap(), expected);
}

#[tokio::main]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
