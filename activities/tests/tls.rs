//! Activities that call out over TLS, against a real server whose certificate a test's own authority
//! has signed: who trusts it is answered, who does not sends nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everstep_activities::HttpCall;
use everstep_activities::llm::{
    ASK_LLM, LlmErrorCode, LlmMessage, LlmProvider, LlmRequest, LlmRole, WorkerLlm,
};
use everstep_engine::{
    Activity, Engine, EngineConfig, Failure, Payload, Retry, RunStatus, Selector, StartRequest,
    Worker, Workflow, WorkflowContext,
};
use everstep_storage::MemoryStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const CALL: Activity<Value, Value> = Activity::new("call").retry(Retry::NEVER);
const CALLS: Workflow<Value, Value> = Workflow::new("calls");
const ASKS: Workflow<LlmRequest, Value> = Workflow::new("asks");
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that speaks TLS only, and says one thing.
struct Secure {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
    dir: TempDir,
}

impl Secure {
    /// Its certificate is for `localhost`.
    async fn start(body: Value) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&key, &authority).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            body,
            Arc::clone(&heard),
        ));
        Self { address, heard, dir }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/v1", self.address.port())
    }

    fn authority(&self) -> std::path::PathBuf {
        self.dir.path().join("ca.pem")
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, body: Value, heard: Arc<AtomicUsize>) {
    let body = body.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    while let Ok((socket, _)) = listener.accept().await {
        // Who does not trust it hangs up here.
        let Ok(mut socket) = tls.accept(socket).await else { continue };
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while !is_whole(&seen) {
            match socket.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => seen.extend_from_slice(&buffer[..read]),
            }
        }
        if is_whole(&seen) {
            heard.fetch_add(1, Ordering::SeqCst);
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    }
}

fn is_whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
    });
    length.is_some_and(|length| body.len() >= length)
}

/// Runs one workflow of the worker to its end.
async fn run(worker: Worker, name: &str, input: Payload) -> Result<Value, Failure> {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store, worker, EngineConfig::default(), Handle::current()).unwrap();
    let started = engine.start(StartRequest::new(name, input)).await.unwrap();
    let ended = engine.result(&Selector::newest(started.workflow_id), PATIENCE).await.unwrap();
    engine.drain(Duration::ZERO).await;
    match ended.status {
        RunStatus::Completed => Ok(ended.result.unwrap().to().unwrap()),
        _ => Err(ended.failure.unwrap()),
    }
}

async fn call(call: HttpCall<Value, Value>) -> Result<Value, Failure> {
    let worker = Worker::new()
        .activity(CALL, call.into_activity())
        .workflow(CALLS, async |ctx: &WorkflowContext, input| {
            Ok(ctx.activity(CALL, input).await?)
        });
    run(worker, CALLS.name(), Payload::from_value(&json!({})).unwrap()).await
}

async fn ask(provider: LlmProvider) -> Result<Value, Failure> {
    let worker =
        Worker::new().llm(provider).workflow(ASKS, async |ctx: &WorkflowContext, question| {
            Ok(ctx.activity(ASK_LLM, question).await?.content)
        });
    let question = LlmRequest {
        model: None,
        messages: vec![LlmMessage::new(LlmRole::User, "well?")],
        schema: json!({ "type": "object", "required": ["sure"] }),
        max_tokens: 10,
        idempotency_key: None,
    };
    run(worker, ASKS.name(), Payload::from_value(&question).unwrap()).await
}

fn said(content: &Value) -> Value {
    json!({
        "choices": [{ "message": { "content": content.to_string() } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1 },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_by_a_server_whose_authority_is_trusted() {
    let server = Secure::start(json!({ "id": "r-1" })).await;
    let trusting = HttpCall::post(&server.url("localhost")).unwrap();
    let answer = call(trusting.ca_file(server.authority()).unwrap()).await.unwrap();
    assert_eq!((answer, server.heard()), (json!({ "id": "r-1" }), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_server_whose_authority_nobody_knows() {
    let server = Secure::start(json!({})).await;
    let failure = call(HttpCall::post(&server.url("localhost")).unwrap()).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), server.heard()), ("http_unreachable", 0));
    assert!(failure.message.contains("UnknownIssuer"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_server_of_another_name() {
    let server = Secure::start(json!({})).await;
    let other = HttpCall::post(&server.url("127.0.0.1")).unwrap();
    let failure = call(other.ca_file(server.authority()).unwrap()).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), server.heard()), ("http_unreachable", 0));
    assert!(failure.message.contains("not valid for name"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_asked_over_tls() {
    let server = Secure::start(said(&json!({ "sure": true }))).await;
    let provider = || LlmProvider::openai_compatible(&server.url("localhost")).unwrap();
    let answer = ask(provider().ca_file(server.authority()).unwrap()).await.unwrap();
    assert_eq!((answer, server.heard()), (json!({ "sure": true }), 1));
    let failure = ask(provider()).await.unwrap_err();
    assert_eq!(LlmErrorCode::of(&failure), Some(LlmErrorCode::Unavailable));
    assert!(failure.message.contains("UnknownIssuer"), "{failure:?}");
    assert_eq!(server.heard(), 1);
}

#[test]
fn a_file_without_a_certificate_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        let call = HttpCall::<Value, Value>::post("https://localhost/").unwrap();
        call.ca_file(path).err().unwrap().to_string()
    };
    let (absent, empty) = (dir.path().join("absent.pem"), dir.path().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    assert!(refused(&absent).contains("absent.pem"));
    assert!(refused(&empty).contains("holds no certificate"));
}
