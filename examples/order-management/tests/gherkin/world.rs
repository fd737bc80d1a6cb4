//! What one scenario has: a shop, a namespace of its own, the last answer, what it remembers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use everstep::Role;
use everstep::access::{Token, TokenEntry, Tokens};
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::page::Page;
use crate::selling::{BINARY, QUIET};
use crate::support::api::Answer;
use crate::support::{Api, Server};

static SHARED: OnceLock<(String, String)> = OnceLock::new();
static SCENARIOS: AtomicU64 = AtomicU64::new(0);

/// Names the shop that scenarios use which start none of their own.
pub(crate) fn share(url: &str, model: &str) {
    SHARED.get_or_init(|| (url.to_owned(), format!("http://{model}")));
}

/// An address for a model: free now, and taken by nobody else on purpose.
pub(crate) fn model_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
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
    /// What the scenario's own shop is started with.
    args: Vec<String>,
    /// The scripted model.
    pub(crate) model: Api,
    /// Whom the last steps were about.
    pub(crate) subject: String,
    /// Orders of that customer so far.
    pub(crate) orders: usize,
    /// The last cancellation's place in the log.
    pub(crate) position: u64,
    /// A browser window, where a scenario looks at pages.
    pub(crate) window: Option<Page>,
}

/// A shop whose process was killed.
pub(crate) struct Killed {
    dir: TempDir,
    address: String,
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
            api: Api::new(&SHARED.get().unwrap().0),
            namespace: format!("shop-{number}"),
            answer: Answer { status: 0, body: Value::Null },
            remembered: BTreeMap::new(),
            lucky: 0,
            own: None,
            args: Vec::new(),
            model: Api::new(&SHARED.get().unwrap().1),
            subject: String::new(),
            orders: 0,
            position: 0,
            window: None,
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
        self.own_shop_with(&[]).await;
    }

    /// The same, started with more arguments.
    pub(crate) async fn own_shop_with(&mut self, args: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        let model = model_address();
        let model_args = ["--scripted-llm", model.as_str()];
        let own = QUIET.iter().chain(args).chain(&model_args);
        self.args = own.map(|arg| (*arg).to_owned()).collect();
        self.model = Api::new(&format!("http://{model}"));
        self.start_own(dir).await;
        self.make_namespace().await;
    }

    /// Moves the scenario to a shop of its own that asks for tokens: an operator's and an
    /// application's of each tenant.
    pub(crate) async fn own_shop_of(&mut self, tenants: [&str; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens.json");
        let mut add = |name: &str, role: Role, reaches: Option<&str>| {
            let token = Token::random();
            let namespaces = reaches.map(|tenant| [tenant.to_owned()].into());
            let (name, role) = (name.to_owned(), role.to_string());
            let key = format!("token-{name}");
            let sha256 = token.hash().to_string();
            Tokens::add(&file, TokenEntry { name, role, namespaces, sha256 }).unwrap();
            self.remembered.insert(key, token.text().into());
        };
        add("admin", Role::Admin, None);
        for tenant in tenants {
            add(tenant, Role::Operator, Some(tenant));
            add(&format!("{tenant}-app"), Role::App, Some(tenant));
        }
        let model = model_address();
        let tokens = file.display().to_string();
        let own = ["--tokens", tokens.as_str(), "--scripted-llm", model.as_str()];
        self.args = QUIET.iter().chain(&own).map(|arg| (*arg).to_owned()).collect();
        self.model = Api::new(&format!("http://{model}"));
        self.start_own(dir).await;
        for tenant in tenants {
            self.act_as("admin");
            tenant.clone_into(&mut self.namespace);
            self.make_namespace().await;
        }
    }

    /// Calls from here on carry the token of that name, in the tenant's namespace.
    pub(crate) fn act_as(&mut self, name: &str) {
        let token = self.remembered[&format!("token-{name}")].as_str().expect("a token's text");
        self.api = self.api.clone().with_token(token);
        name.trim_end_matches("-app").clone_into(&mut self.namespace);
    }

    async fn start_own(&mut self, dir: TempDir) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let server = Server::start(BINARY, &dir.path().join("data"), &args).await;
        self.api = server.api();
        self.own = Some((dir, server));
    }

    /// `kill -9` of the scenario's own shop, and a new process on the same data.
    pub(crate) async fn kill_and_start(&mut self) {
        let (dir, server) = self.own.take().expect("a shop of its own");
        server.kill().await;
        self.start_own(dir).await;
    }

    /// `kill -9` alone; what starts it again serves at
    /// the address of the one before, where pages look for it.
    pub(crate) async fn kill(&mut self) -> Killed {
        let (dir, server) = self.own.take().expect("a shop of its own");
        let address = server.url().trim_start_matches("http://").to_owned();
        server.kill().await;
        Killed { dir, address }
    }

    /// Starts what was killed.
    pub(crate) async fn start_again(&mut self, killed: Killed) {
        if !self.args.iter().any(|arg| arg == "--listen") {
            self.args.extend(["--listen".to_owned(), killed.address]);
        }
        self.start_own(killed.dir).await;
    }

    /// The scenario's namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where the scenario's shop serves.
    pub(crate) fn url(&self) -> String {
        let shared = || SHARED.get().unwrap().0.clone();
        self.own.as_ref().map_or_else(shared, |(_, server)| server.url().to_owned())
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
