//! An engine with a few workflows, on a manual clock.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use everstep_engine::{
    Activity, ActivityContext, ActivityError, Clock, Either, Engine, EngineConfig, EngineStats,
    Payload, PayloadLimits, Retry, RunDescription, RunResult, Schedule, Selector, Signal,
    SignalInput, StartRequest, Started, Worker, Workflow, WorkflowContext, WorkflowError, join_all,
    race,
};
use everstep_storage::{MemoryStore, Range, Store, Table};

pub(crate) fn json(text: &str) -> Payload {
    Payload::parse(text.to_owned()).unwrap()
}

pub(crate) struct Fixture {
    store: Arc<dyn Store>,
    engine: Option<Engine>,
    runtime: tokio::runtime::Runtime,
    budget: u64,
    limits: PayloadLimits,
    right: Arc<AtomicBool>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_budget(1 << 30)
    }

    pub(crate) fn with_budget(budget: u64) -> Self {
        Self::over(Arc::new(MemoryStore::new()), budget)
    }

    pub(crate) fn over(store: Arc<dyn Store>, budget: u64) -> Self {
        let mut fixture = Self {
            store,
            engine: None,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            budget,
            limits: PayloadLimits::DEFAULT,
            right: Arc::default(),
        };
        fixture.restart();
        fixture
    }

    /// Ends the engine and opens another on the same store.
    pub(crate) fn restart(&mut self) {
        self.restart_with(worker(Arc::clone(&self.right)));
    }

    /// As `restart`, with another build.
    pub(crate) fn restart_with(&mut self, worker: Worker) {
        // The old loop is fenced off: whatever it still does is refused by the store.
        let config = EngineConfig {
            clock: Clock::manual(),
            memory_budget_bytes: self.budget,
            limits: self.limits,
            ..EngineConfig::default()
        };
        let handle = self.runtime.handle().clone();
        self.engine = Some(Engine::open(Arc::clone(&self.store), worker, config, handle).unwrap());
    }

    /// What an engine takes that is opened from now on.
    pub(crate) fn limit(&mut self, limits: PayloadLimits) {
        self.limits = limits;
    }

    /// As `restart`, with a build that declares a schedule.
    pub(crate) fn restart_declaring(&mut self, schedule: Schedule) {
        self.restart_with(worker(Arc::clone(&self.right)).schedule(schedule));
    }

    pub(crate) fn take_right(&self, right: bool) {
        self.right.store(right, Ordering::SeqCst);
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn start(&self, kind: &str, input: Payload) -> Started {
        self.wait(self.engine().start(StartRequest::new(kind, input))).unwrap()
    }

    pub(crate) fn run(&self, kind: &str, input: Payload) -> RunResult {
        let started = self.start(kind, input);
        self.result(&Selector::newest(started.workflow_id))
    }

    pub(crate) fn result(&self, selector: &Selector) -> RunResult {
        self.wait(self.engine().result(selector, Duration::from_secs(20))).unwrap()
    }

    pub(crate) fn signal(&self, selector: &Selector, name: &str, payload: &str) {
        let signal = SignalInput { name: name.into(), payload: json(payload) };
        self.wait(self.engine().signal(selector, signal, None)).unwrap();
    }

    pub(crate) fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap();
        self.wait(self.engine().advance_clock(ms)).unwrap();
    }

    /// Follows commits until the run looks as wanted.
    pub(crate) fn until(&self, selector: &Selector, wanted: impl Fn(&RunDescription) -> bool) {
        let mut changes = self.engine().changes();
        let looks = || wanted(&self.engine().describe(selector).unwrap());
        let followed = async {
            while !looks() {
                // A commit that was missed is seen all the same: what counts is the store.
                let _ = changes.recv().await;
            }
        };
        self.wait(async { tokio::time::timeout(Duration::from_secs(20), followed).await }).unwrap();
    }

    /// Asks until the counters look as wanted.
    pub(crate) fn until_counted(&self, wanted: impl Fn(&EngineStats) -> bool) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !wanted(&self.engine().stats()) {
            assert!(std::time::Instant::now() < deadline, "{:?}", self.engine().stats());
            std::thread::yield_now();
        }
    }

    /// All rows of a table.
    pub(crate) fn table(&self, table: Table) -> Vec<Bytes> {
        let rows = self.store.snapshot().unwrap().range(Range::all(table)).unwrap();
        rows.into_iter().map(|(key, _)| key).collect()
    }

    /// How many rows there are of runs, by table.
    pub(crate) fn rows(&self) -> Vec<(u8, usize)> {
        let tables = (1..=9).chain(41..=60).map(|id| Table::new(id, "some"));
        tables.map(|table| (table.id(), self.table(table).len())).collect()
    }

    pub(crate) fn event_names(&self, selector: &Selector) -> Vec<&'static str> {
        let page = self.engine().history(selector, 1, 10_000).unwrap();
        page.events.iter().map(|event| event.recorded.event.name()).collect()
    }
}

const IDENTITY: Activity<u64, u64> = Activity::new("identity");
const FLAKY: Activity<u32, u32> = Activity::new("flaky").retry(Retry::DEFAULT.max_attempts(4));
const HANG: Activity<(), ()> = Activity::new("hang");
const LEFT: Activity<(), ()> = Activity::new("left");
const RIGHT: Activity<(), ()> = Activity::new("right");
const ADD: Signal<u64> = Signal::new("add");
const FINISH: Signal<()> = Signal::new("finish");
const GO: Signal<()> = Signal::new("go");
const APPROVE: Signal<String> = Signal::new("approve");

fn worker(right: Arc<AtomicBool>) -> Worker {
    let trips = Arc::clone(&right);
    Worker::new()
        .workflow(Workflow::new("chain"), chain)
        .workflow(Workflow::new("fan_out"), fan_out)
        .workflow(Workflow::new("inline"), inline)
        .workflow(Workflow::new("sum"), sum)
        .workflow(Workflow::new("steps"), steps)
        .workflow(Workflow::new("approval"), approval)
        .workflow(Workflow::new("flaky"), async |ctx: &WorkflowContext, failures: u32| {
            Ok(ctx.activity(FLAKY, failures).await?)
        })
        .workflow(Workflow::new("cancellable"), cancellable)
        .workflow(Workflow::new("panics"), panics)
        .workflow(Workflow::new("blocked"), async |_: &WorkflowContext, (): ()| {
            std::future::pending::<Result<(), WorkflowError>>().await
        })
        .workflow(Workflow::new("trips"), async move |ctx: &WorkflowContext, (): ()| {
            race(ctx.signal(GO), ctx.sleep(Duration::from_secs(10))).await;
            assert!(trips.load(Ordering::SeqCst), "on purpose");
            ctx.signal(FINISH).await;
            Ok(ctx.activity(IDENTITY, 5).await?)
        })
        .workflow(Workflow::new("fork"), async move |ctx: &WorkflowContext, (): ()| {
            let took = if right.load(Ordering::SeqCst) { "right" } else { "left" };
            ctx.activity(if took == "left" { LEFT } else { RIGHT }, ()).await?;
            ctx.signal(GO).await;
            Ok(took.to_owned())
        })
        .activity(IDENTITY, async |_, n| Ok(n))
        .activity(FLAKY, async |ctx: ActivityContext, failures| match ctx.attempt() {
            attempt if attempt > failures => Ok(attempt),
            attempt => Err(ActivityError::new("flaky", attempt)),
        })
        .activity(HANG, async |ctx: ActivityContext, ()| {
            ctx.cancelled().await;
            Err(ActivityError::cancelled())
        })
        .activity(LEFT, async |_, ()| Ok(()))
        .activity(RIGHT, async |_, ()| Ok(()))
}

async fn chain(ctx: &WorkflowContext, steps: u64) -> Result<u64, WorkflowError> {
    let mut done = 0;
    for _ in 0..steps {
        done = ctx.activity(IDENTITY, done + 1).await?;
    }
    Ok(done)
}

async fn fan_out(ctx: &WorkflowContext, width: u64) -> Result<u64, WorkflowError> {
    let outcomes = join_all((0..width).map(|n| ctx.activity(IDENTITY, n))).await;
    let numbers: Result<Vec<u64>, ActivityError> = outcomes.into_iter().collect();
    Ok(numbers?.into_iter().sum())
}

async fn inline(ctx: &WorkflowContext, steps: u64) -> Result<u64, WorkflowError> {
    let mut done = 0;
    for _ in 0..steps {
        done = ctx
            .run("step", async move || {
                tokio::task::yield_now().await;
                Ok(done + 1)
            })
            .await?;
    }
    Ok(done)
}

async fn sum(ctx: &WorkflowContext, (): ()) -> Result<Vec<u64>, WorkflowError> {
    let mut order = Vec::new();
    while let Either::First(number) = race(ctx.signal(ADD), ctx.signal(FINISH)).await {
        order.push(number);
    }
    Ok(order)
}

/// As `sum`, with an activity for each number.
async fn steps(ctx: &WorkflowContext, (): ()) -> Result<Vec<u64>, WorkflowError> {
    let mut order = Vec::new();
    while let Either::First(number) = race(ctx.signal(ADD), ctx.signal(FINISH)).await {
        order.push(ctx.activity(IDENTITY, number).await?);
    }
    Ok(order)
}

async fn approval(ctx: &WorkflowContext, timeout_ms: u64) -> Result<String, WorkflowError> {
    let deadline = ctx.now() + Duration::from_millis(timeout_ms);
    Ok(match race(ctx.signal(APPROVE), ctx.sleep_until(deadline)).await {
        Either::First(by) => by,
        Either::Second(()) => "expired".into(),
    })
}

async fn cancellable(ctx: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
    let ended = ctx.cancellable(ctx.activity(HANG, ())).await;
    ctx.activity(IDENTITY, 1).await?;
    Ok(ended??)
}

#[expect(clippy::panic, reason = "it is what the workflow is for")]
async fn panics(_ctx: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
    panic!("on purpose");
}
