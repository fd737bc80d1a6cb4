//! What one scenario has: a server, a namespace of its own, the last answer, what it remembers.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use conformance::AccountSummary;
use everstep::Role;
use everstep::access::{Token, TokenEntry, Tokens};
use everstep::client::ReactiveProjection;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::api::Answer;
use crate::support::{Api, Server};

/// The server that the features drive.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_conformance");

static SHARED: OnceLock<String> = OnceLock::new();
static SCENARIOS: AtomicU64 = AtomicU64::new(0);

/// Names the server that scenarios use which start none of their own.
pub(crate) fn share(url: &str) {
    SHARED.get_or_init(|| url.to_owned());
}

/// The state of one scenario.
#[derive(cucumber::World)]
#[world(init = Self::begin)]
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) namespace: String,
    /// The last answer.
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The answers of callers that called at once.
    pub(crate) answers: Vec<Answer>,
    /// What `$name` stands for in paths, bodies and expected values.
    pub(crate) remembered: BTreeMap<String, String>,
    /// What came of what is followed.
    pub(crate) frames: Option<tokio::sync::mpsc::UnboundedReceiver<String>>,
    /// Keys that stood in the key file.
    pub(crate) keys: Vec<[u8; 32]>,
    /// A row that a client follows and folds itself.
    pub(crate) followed: Option<ReactiveProjection<AccountSummary>>,
    own: Option<OwnServer>,
}

struct OwnServer {
    dir: TempDir,
    args: Vec<String>,
    server: Server,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "namespace {}, last answer {} {}", self.namespace, self.status, self.body)
    }
}

impl World {
    async fn begin() -> Self {
        let api = Api::new(SHARED.get().unwrap());
        let number = SCENARIOS.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("scenario-{number}");
        let world = Self {
            api,
            namespace: namespace.clone(),
            status: 0,
            body: Value::Null,
            answers: Vec::new(),
            remembered: BTreeMap::from([("tenant".to_owned(), namespace)]),
            frames: None,
            keys: Vec::new(),
            followed: None,
            own: None,
        };
        world.make_namespace().await;
        world
    }

    async fn make_namespace(&self) {
        let body = json!({ "name": self.namespace });
        self.api.post("/api/v1/namespaces", &body).await.expect(201);
    }

    /// Moves the scenario to a server of its own.
    pub(crate) async fn own_server(&mut self, args: Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let server = start(&dir, &args).await;
        self.api = server.api();
        self.own = Some(OwnServer { dir, args, server });
        self.make_namespace().await;
    }

    /// The same at an address that a later process takes again.
    pub(crate) async fn own_server_at_one_address(&mut self) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        self.own_server(vec!["--listen".to_owned(), address]).await;
    }

    /// Where the scenario's own server serves.
    pub(crate) fn url(&self) -> &str {
        self.own.as_ref().expect("a server of its own").server.url()
    }

    /// Moves the scenario to a server of its own, over a data directory that is made for it.
    pub(crate) async fn own_server_on(&mut self, make: impl FnOnce(&std::path::Path)) {
        let dir = tempfile::tempdir().unwrap();
        make(&dir.path().join("data"));
        let server = start(&dir, &[]).await;
        self.api = server.api();
        self.own = Some(OwnServer { dir, args: Vec::new(), server });
    }

    /// Moves the scenario to a server of its own that asks for tokens: of an app, an operator and
    /// an admin.
    pub(crate) async fn own_server_with_tokens(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens.json");
        for role in [Role::App, Role::Operator, Role::Admin] {
            let token = Token::random();
            let (name, sha256) = (role.to_string(), token.hash().to_string());
            let entry = TokenEntry { name, role: role.to_string(), namespaces: None, sha256 };
            Tokens::add(&file, entry).unwrap();
            self.remembered.insert(format!("token-{role}"), token.text().to_owned());
        }
        let args = vec!["--tokens".to_owned(), file.display().to_string()];
        let server = start(&dir, &args).await;
        self.api = server.api();
        self.own = Some(OwnServer { dir, args, server });
        self.become_caller("admin");
        self.make_namespace().await;
    }

    /// Calls from here on carry the token of that role.
    pub(crate) fn become_caller(&mut self, role: &str) {
        let token = self.remembered.get(&format!("token-{role}")).expect("a token of that role");
        self.api = self.api.clone().with_token(token);
    }

    /// `kill -9` of the scenario's own server, and a new process on the same data.
    pub(crate) async fn kill_and_start(&mut self) {
        let OwnServer { dir, args, server } = self.own.take().expect("a server of its own");
        server.kill().await;
        let server = start(&dir, &args).await;
        self.api = server.api();
        self.own = Some(OwnServer { dir, args, server });
    }

    /// Its own server ends as it is meant to, and a new process begins on the same data.
    pub(crate) async fn stop_and_start(&mut self) {
        let OwnServer { dir, args, server } = self.own.take().expect("a server of its own");
        assert!(server.stop().await.success());
        let server = start(&dir, &args).await;
        self.api = server.api();
        self.own = Some(OwnServer { dir, args, server });
    }

    /// The directory of the scenario's own server, with all that it has written.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.own.as_ref().expect("a server of its own").dir.path()
    }

    /// The data directory of the scenario's own server.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.home().join("data")
    }

    /// `text` with what is remembered in the place of each `$name`.
    pub(crate) fn fill(&self, text: &str) -> String {
        // The longest name first, so that `$id2` is not `$id` and a 2.
        let mut names: Vec<_> = self.remembered.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
            .into_iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }

    /// One call in the scenario's namespace, whose answer becomes the last one.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Option<&str>) {
        let answer = self.ask(method, path, body).await;
        (self.status, self.body) = (answer.status, answer.body);
    }

    /// One call in the scenario's namespace.
    pub(crate) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let asked = self.try_ask(method, path, body);
        async move { asked.await.unwrap() }
    }

    /// The same; an error when there was no answer.
    pub(crate) fn try_ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> impl Future<Output = Result<Answer, String>> + Send + use<> {
        let path = self.scoped(&self.fill(path));
        let body: Option<Value> = body.map(|text| {
            let text = self.fill(text);
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        });
        let api = self.api.clone();
        async move { api.call(method, &path, body.as_ref(), None).await }
    }

    pub(crate) fn scoped(&self, path: &str) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}namespace={}", self.namespace)
    }

    /// The part of the last answer at a path such as `events.0.type`; the whole for an empty one.
    #[track_caller]
    pub(crate) fn at(&self, path: &str) -> &Value {
        self.find(path).unwrap_or_else(|| panic!("no `{path}` in {}", self.body))
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.').filter(|part| !part.is_empty());
        parts.try_fold(&self.body, |value, part| match part.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(part),
        })
    }
}

async fn start(dir: &TempDir, args: &[String]) -> Server {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Server::start(BINARY, &dir.path().join("data"), &args).await
}
