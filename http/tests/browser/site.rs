//! A server with a worker, on a free port and a directory of its own.

use std::net::SocketAddr;
use std::time::Duration;

use everstep::access::Tokens;
use everstep::server::{Server, ServerConfig};
use everstep::{Engine, Payload, RunResult, Selector, SignalInput, StartRequest, Worker};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server.
pub(crate) struct Site {
    data: TempDir,
    pub(crate) address: SocketAddr,
    running: Option<Running>,
    tokens: Option<Tokens>,
    worker: fn() -> Worker,
}

struct Running {
    engine: Engine,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::open_with(None).await
    }

    pub(crate) async fn open_with(tokens: Option<Tokens>) -> Self {
        Self::open_as(crate::worker::worker, tokens).await
    }

    pub(crate) async fn open_as(worker: fn() -> Worker, tokens: Option<Tokens>) -> Self {
        let data = TempDir::new().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let (address, running) = serve(&data, listen, tokens.clone(), worker()).await;
        Self { data, address, running: Some(running), tokens, worker }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.running.as_ref().unwrap().engine
    }

    /// Starts a workflow; durable when this returns.
    pub(crate) async fn start(&self, kind: &str, id: &str, input: &str) {
        self.start_for(kind, id, input, "ada").await;
    }

    /// Starts a workflow with a search attribute.
    pub(crate) async fn start_for(&self, kind: &str, id: &str, input: &str, customer: &str) {
        let mut request = StartRequest::new(kind, Payload::parse(input.to_owned()).unwrap());
        request.workflow_id = Some(id.into());
        let customer = Payload::from_value(customer).unwrap();
        request.search_attributes.insert("customer".into(), customer);
        self.engine().start(request).await.unwrap();
    }

    /// Waits for a run to close.
    pub(crate) async fn result(&self, id: &str) -> RunResult {
        let result = self.engine().result(&Selector::newest(id), PATIENCE).await.unwrap();
        assert!(result.status.is_closed(), "{id} is {}", result.status);
        result
    }

    pub(crate) async fn signal(&self, id: &str, name: &str, payload: &str) {
        let payload = Payload::parse(payload.to_owned()).unwrap();
        let signal = SignalInput { name: name.into(), payload };
        self.engine().signal(&Selector::newest(id), signal, None).await.unwrap();
    }

    /// Ends the server in order.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.stop.send(());
            drop(running.engine);
            running.ended.await.unwrap();
        }
    }

    /// Starts it again, over the same data and on the same port.
    pub(crate) async fn restart(&mut self) {
        self.restart_as(self.worker).await;
    }

    /// The same, with another worker.
    pub(crate) async fn restart_as(&mut self, worker: fn() -> Worker) {
        self.worker = worker;
        let (_, running) = serve(&self.data, self.address, self.tokens.clone(), worker()).await;
        self.running = Some(running);
    }

    pub(crate) async fn close(&mut self) {
        self.stop().await;
    }
}

async fn serve(
    data: &TempDir,
    listen: SocketAddr,
    tokens: Option<Tokens>,
    worker: Worker,
) -> (SocketAddr, Running) {
    let mut config = ServerConfig::new(data.path());
    config.listen = listen;
    config.tokens = tokens;
    config.drain_grace = Duration::from_secs(2);
    let server = Server::open(worker, config).await.unwrap();
    let (address, engine) = (server.address(), server.engine().clone());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let shutdown = async {
            // A dropped sender stops it too.
            let _ = stopped.await;
        };
        server.run(shutdown).await.unwrap();
    });
    (address, Running { engine, stop, ended })
}
