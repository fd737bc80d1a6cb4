//! A server of one's own, and what it answers.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request};
use everstep::access::AccessRule;
use everstep::server::{Server, ServerConfig, ServerError};
use everstep::{Clock, Engine, Worker};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::wire::Wire;
use crate::worker::worker;

/// Longer than anything here takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and a client of it.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) rules: Vec<AccessRule>,
    client: Client<HttpConnector, Full<Bytes>>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), ServerError>>,
    data: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl TestServer {
    /// With the defaults, but on a free port.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With a clock that is moved by hand.
    pub(crate) async fn start_with_manual_clock() -> Self {
        Self::start_with(|config| config.engine.clock = Clock::manual()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::open(tempfile::tempdir().unwrap(), change).await
    }

    /// With another worker than the tests share.
    pub(crate) async fn start_as(worker: Worker, change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::open_as(worker, tempfile::tempdir().unwrap(), change).await
    }

    async fn open(data: TempDir, change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::open_as(worker(), data, change).await
    }

    async fn open_as(
        worker: Worker,
        data: TempDir,
        change: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut config = ServerConfig::new(data.path());
        config.listen = "127.0.0.1:0".parse().unwrap();
        change(&mut config);
        let server = Server::open(worker, config).await.unwrap();
        let (address, engine) = (server.address(), server.engine().clone());
        let rules = server.access_rules();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async {
            // A test that is over drops the sender, which is as good as a message.
            let _ = stopped.await;
        }));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, engine, rules, client, stop: Some(stop), running, data }
    }

    /// Asks it to end, without waiting for it.
    pub(crate) fn ask_to_stop(&mut self) {
        self.stop = None;
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(self) -> Result<(), ServerError> {
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap()
    }

    /// Drains it and gives back its data.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.ask_to_stop();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
        self.data
    }

    /// Stops it and opens another one over the same data.
    pub(crate) async fn restart(self) -> Self {
        Self::open(self.stop().await, |_| {}).await
    }

    /// The same, with another worker.
    pub(crate) async fn restart_as(self, worker: Worker) -> Self {
        Self::open_as(worker, self.stop().await, |_| {}).await
    }

    /// Sends a request; `path` is as it goes over the wire.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response =
            tokio::time::timeout(PATIENCE, self.client.request(request)).await.unwrap().unwrap();
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap().unwrap();
        Reply { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.send(Method::POST, path, &[("content-type", "application/json")], body).await
    }

    /// Where it keeps its data.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// How many connections it serves, by its own count.
    pub(crate) async fn open_connections(&self) -> u64 {
        let text = self.get("/metrics").await.text();
        let count = text.lines().find_map(|line| line.strip_prefix("everstep_http_connections "));
        count.unwrap().parse().unwrap()
    }

    /// Opens a stream; its body is read by the test.
    pub(crate) async fn open_stream(&self, path: &str, headers: &[(&str, &str)]) -> Body {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let response = self.client.request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Body::new(response.into_body())
    }

    /// Starts a workflow and expects that it was started.
    pub(crate) async fn begin(&self, body: Value) -> Value {
        self.post("/api/v1/workflows", body.to_string()).await.json(201)
    }

    /// Waits until the run is closed.
    pub(crate) async fn result(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/workflows/{id}/result?wait_ms=30000")).await.json(200)
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let wire = Wire::connect(self.address).await.unwrap();
        wire.send(bytes).await;
        wire.read_to_end().await
    }
}

impl Reply {
    /// The body, which must be JSON and come with this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body must be a problem with this status and code; gives back its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("/errors/{code}"), "{problem}");
        assert!(!problem["title"].as_str().unwrap().is_empty(), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
