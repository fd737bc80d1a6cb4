//! What one scenario has: a shop, a namespace of its own, the last answer, what it remembers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::selling::{BINARY, QUIET};
use crate::support::api::Answer;
use crate::support::{Api, Server};

static SHARED: OnceLock<String> = OnceLock::new();
static SCENARIOS: AtomicU64 = AtomicU64::new(0);

/// Names the shop that scenarios use which start none of their own.
pub(crate) fn share(url: &str) {
    SHARED.get_or_init(|| url.to_owned());
}

/// The state of one scenario.
#[derive(cucumber::World)]
#[world(init = Self::begin)]
pub(crate) struct World {
    pub(crate) api: Api,
    namespace: String,
    /// The last answer.
    pub(crate) answer: Answer,
    /// What is compared later.
    pub(crate) remembered: BTreeMap<String, Value>,
    /// How many of those who tried at once got what they wanted.
    pub(crate) lucky: usize,
    own: Option<(TempDir, Server)>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "namespace {}, last answer {:?}", self.namespace, self.answer)
    }
}

impl World {
    async fn begin() -> Self {
        let number = SCENARIOS.fetch_add(1, Ordering::Relaxed);
        let world = Self {
            api: Api::new(SHARED.get().unwrap()),
            namespace: format!("shop-{number}"),
            answer: Answer { status: 0, body: Value::Null },
            remembered: BTreeMap::new(),
            lucky: 0,
            own: None,
        };
        world.make_namespace().await;
        world
    }

    async fn make_namespace(&self) {
        let body = json!({ "name": self.namespace });
        self.api.post("/api/v1/namespaces", &body).await.expect(201);
    }

    /// Moves the scenario to a shop of its own.
    pub(crate) async fn own_shop(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(BINARY, &dir.path().join("data"), &QUIET).await;
        self.api = server.api();
        self.own = Some((dir, server));
        self.make_namespace().await;
    }

    /// `kill -9` of the scenario's own shop, and a new process on the same data.
    pub(crate) async fn kill_and_start(&mut self) {
        let (dir, server) = self.own.take().expect("a shop of its own");
        server.kill().await;
        let server = Server::start(BINARY, &dir.path().join("data"), &QUIET).await;
        self.api = server.api();
        self.own = Some((dir, server));
    }

    /// The data directory of the scenario's own shop.
    pub(crate) fn data(&self) -> PathBuf {
        self.own.as_ref().expect("a shop of its own").0.path().join("data")
    }

    /// One call in the scenario's namespace.
    pub(crate) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{joint}namespace={}", self.namespace);
        let api = self.api.clone();
        async move { api.call(method, &path, body.as_ref(), None).await.unwrap() }
    }

    /// What a call answers that succeeds.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.expect(200)
    }

    /// Sends a command, whose answer becomes the last one.
    pub(crate) async fn send(&mut self, name: &str, payload: Value) {
        self.answer = self.command(name, payload).await;
    }

    /// Sends a command.
    pub(crate) fn command(
        &self,
        name: &str,
        payload: Value,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let path = format!("/api/v1/commands/{name}");
        self.ask(Method::POST, &path, Some(json!({ "payload": payload })))
    }

    /// A row of a view, after every event that is durable now.
    pub(crate) async fn row(&self, view: &str, key: &str) -> Value {
        self.get(&format!("/api/v1/projections/{view}/rows/{key}")).await["state"].take()
    }

    /// Waits for the end of an order's workflow.
    pub(crate) async fn fulfilled(&self, order: &str) -> Value {
        let ended = self.get(&format!("/api/v1/workflows/{order}/result?wait_ms=30000")).await;
        assert_ne!(ended["status"], "running", "{ended}");
        ended
    }
}
