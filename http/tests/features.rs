//! Runs `tests/features` of this crate: the client against a server in this process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

#[path = "steps/reactive.rs"]
mod reactive;

use std::net::SocketAddr;
use std::time::Duration;

use cucumber::{World as _, then, when};
use everstep::client::{Client, ClientError, StartAnswer};
use everstep::server::{Server, ServerConfig};
use everstep::{Payload, StartRequest, Worker, Workflow, WorkflowContext};
use tempfile::TempDir;
use tokio::sync::oneshot;

const GREET: Workflow<String, String> = Workflow::new("greet");
/// More than anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(cucumber::World)]
#[world(init = Self::begin)]
struct World {
    client: Client,
    answers: Vec<Result<StartAnswer, ClientError>>,
    reactive: reactive::Followed,
    server: Running,
    data: TempDir,
}

/// A server; dropping it stops it.
struct Running {
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
    listen: SocketAddr,
}

impl Running {
    async fn begin(data: &TempDir, listen: SocketAddr) -> Self {
        let config = ServerConfig { listen, ..ServerConfig::new(data.path()) };
        let worker = Worker::new()
            .workflow(GREET, async |_: &WorkflowContext, name| Ok(format!("Hello, {name}")));
        let server = Server::open(reactive::register(worker), config).await.unwrap();
        let listen = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(async {
            let stopped = async {
                let _ = stopped.await;
            };
            server.run(stopped).await.unwrap();
        });
        Self { stop, ended, listen }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("answers", &self.answers).finish_non_exhaustive()
    }
}

impl World {
    async fn begin() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Running::begin(&data, ([127, 0, 0, 1], 0).into()).await;
        let client = Client::new(&format!("http://{}", server.listen)).unwrap();
        let (answers, reactive) = (Vec::new(), reactive::Followed::default());
        Self { client, answers, reactive, server, data }
    }

    fn last(&self) -> &Result<StartAnswer, ClientError> {
        self.answers.last().unwrap()
    }
}

fn request(kind: &str, input: &str) -> StartRequest {
    StartRequest::new(kind, Payload::from_value(&input).unwrap())
}

#[when(expr = "a client starts {string} as {string} with {string} and waits")]
async fn starts_and_waits(world: &mut World, kind: String, id: String, input: String) {
    let request = StartRequest { workflow_id: Some(id), ..request(&kind, &input) };
    let answer = world.client.start_and_wait(&request, PATIENCE).await;
    world.answers.push(answer);
}

#[when(expr = "a client starts {string} as {string} with {string}")]
async fn starts(world: &mut World, kind: String, id: String, input: String) {
    let request = StartRequest { workflow_id: Some(id), ..request(&kind, &input) };
    let answer = world.client.start_and_wait(&request, Duration::ZERO).await;
    world.answers.push(answer);
}

#[when(expr = "a client starts {string} under key {string} twice")]
async fn starts_twice(world: &mut World, kind: String, key: String) {
    let request = StartRequest { idempotency_key: Some(key), ..request(&kind, "Ada") };
    for _ in 0..2 {
        let answer = world.client.start_and_wait(&request, Duration::ZERO).await;
        world.answers.push(answer);
    }
}

#[then(expr = "its result is {string}")]
fn result(world: &mut World, expected: String) {
    let answer = world.last().as_ref().unwrap();
    assert_eq!(answer.result.as_ref().unwrap().to::<String>().unwrap(), expected);
}

#[then(expr = "it is refused with {int} {string}")]
fn refused(world: &mut World, status: u16, code: String) {
    let Err(ClientError::Refused(problem)) = world.last() else { panic!("{:?}", world.answers) };
    assert_eq!((problem.status, &problem.code), (status, &code));
}

#[then(expr = "the refusal names {string}")]
fn names(world: &mut World, what: String) {
    let refusal = world.last().as_ref().unwrap_err().to_string();
    assert!(refusal.contains(&what), "{refusal}");
}

#[then("both answers name one run")]
fn one_run(world: &mut World) {
    let runs: Vec<_> = world.answers.iter().map(|answer| answer.as_ref().unwrap().run_id).collect();
    assert_eq!((runs.len(), runs[0]), (2, runs[1]));
}

#[tokio::main]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
