//! A server in this process, over a store in a directory of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use everstep::client::Client;
use everstep::server::{Server, ServerConfig, ServerError};
use everstep::{
    Activity, ActivityContext, ActivityError, Either, Payload, Query, Retry, Signal, Update,
    Worker, Workflow, WorkflowContext, WorkflowError, race,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const GREET: Workflow<String, String> = Workflow::new("greet");
pub(crate) const SUM: Workflow<(), i64> = Workflow::new("sum");
pub(crate) const ADD: Signal<i64> = Signal::new("add");
pub(crate) const FINISH: Signal<Payload> = Signal::new("finish");
pub(crate) const TOTAL: Query<(), i64> = Query::new("sum");
pub(crate) const TAKE: Update<i64, i64> = Update::new("take");
pub(crate) const ABOVE: Query<i64, bool> = Query::new("above");
const SPELL: Activity<String, String> = Activity::new("spell");
const SIGN: Workflow<(), String> = Workflow::new("sign");
const SIGNATURE: Activity<(), String> =
    Activity::new("signature").retry(Retry::DEFAULT.initial_interval(Duration::from_millis(1)));
const DECLINE: Workflow<(), ()> = Workflow::new("decline");

async fn greet(ctx: &WorkflowContext, name: String) -> Result<String, WorkflowError> {
    Ok(ctx.activity(SPELL, name).await?)
}

async fn spell(_ctx: ActivityContext, name: String) -> Result<String, ActivityError> {
    Ok(format!("Hello, {name}"))
}

async fn sum(ctx: &WorkflowContext, (): ()) -> Result<i64, WorkflowError> {
    let mut sum = 0;
    loop {
        ctx.publish(TOTAL, sum);
        let take = ctx.update(TAKE).validate(|wanted| match *wanted <= sum {
            true => Ok(()),
            false => Err(format!("only {sum} left")),
        });
        match race(race(ctx.signal(ADD), ctx.signal(FINISH)), take).await {
            Either::First(Either::First(number)) => sum += number,
            Either::First(Either::Second(_)) => return Ok(sum),
            Either::Second((taken, reply)) => {
                sum -= taken;
                reply.answer(sum);
            }
        }
    }
}

async fn decline(_ctx: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
    Err(WorkflowError::new("declined", "no funds"))
}

fn worker() -> Worker {
    crate::verbs::register(Worker::new())
        .workflow(GREET, greet)
        .workflow(SUM, sum)
        .workflow(DECLINE, decline)
        .workflow(SIGN, async |ctx: &WorkflowContext, (): ()| {
            Ok(ctx.activity(SIGNATURE, ()).await?)
        })
        .activity(SIGNATURE, async |_, ()| Err(ActivityError::completed_from_outside()))
        .signal(SUM, ADD)
        .update(SUM, TAKE)
        .query(SUM, ABOVE, TOTAL, |sum, limit| *sum > limit)
        .activity(SPELL, spell)
}

pub(crate) struct TestServer {
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServerError>>,
    data: PathBuf,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_as(worker(), change).await
    }

    /// With another worker than the tests share.
    pub(crate) async fn start_as(worker: Worker, change: impl FnOnce(&mut ServerConfig)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("everstep-client-{}-{number}", std::process::id());
        let data = std::env::temp_dir().join(name);
        let mut config = ServerConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            drain_grace: Duration::from_secs(2),
            ..ServerConfig::new(&data)
        };
        change(&mut config);
        let server = Server::open(worker, config).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { client, stop, running, data }
    }

    /// Stops it and leaves its data.
    pub(crate) async fn stop_keeping(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
        std::fs::remove_dir_all(&self.data).unwrap();
    }
}
