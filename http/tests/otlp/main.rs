//! Traces as a collector receives them: a real one over HTTP, that reads protobuf.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod protobuf;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use everstep::server::{OtlpError, OtlpExporter, Server, ServerConfig};
use everstep::{
    Activity, ActivityContext, ActivityError, Engine, Payload, Retry, RunStatus, Selector, Signal,
    SignalInput, StartRequest, Worker, Workflow, WorkflowContext, WorkflowError,
};
use everstep_activities::HttpCall;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use protobuf::Span;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const ORDER: Workflow<String, String> = Workflow::new("order");
const SHIPMENT: Workflow<String, String> = Workflow::new("shipment");
const CHARGE: Activity<String, String> = Activity::new("charge");
const PACK: Activity<String, String> =
    Activity::new("pack").retry(Retry::DEFAULT.initial_interval(Duration::from_millis(1)));
const GO: Signal<()> = Signal::new("go");

/// A collector and a payment service on one address: what they have received.
#[derive(Clone, Default)]
struct World {
    spans: Arc<Mutex<Vec<Span>>>,
    charged_in: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl World {
    async fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Self { url, ..Self::default() };
        let routes = Router::new()
            .route("/v1/traces", post(collect))
            .route("/charge", post(charge))
            .with_state(world.clone());
        tokio::spawn(async { axum::serve(listener, routes).await });
        world
    }

    fn worker(&self) -> Worker {
        let call = HttpCall::post(&format!("{}/charge", self.url)).unwrap();
        Worker::new()
            .workflow(ORDER, order)
            .workflow(SHIPMENT, async |ctx: &WorkflowContext, what: String| {
                Ok(ctx.activity(PACK, what).await?)
            })
            .activity(CHARGE, call.into_activity())
            .activity(PACK, async |ctx: ActivityContext, what: String| match ctx.attempt() {
                1 => Err(ActivityError::new("no_box", "none left")),
                _ => Ok(what),
            })
    }

    /// A server over `data` until `code` is through, and its spans with it.
    async fn serve<F: Future<Output = ()>>(
        &self,
        data: &std::path::Path,
        code: impl FnOnce(String, Engine) -> F,
    ) -> Vec<Span> {
        let exporter = OtlpExporter::open(&self.url, Handle::current()).unwrap();
        let mut config = ServerConfig::new(data);
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.engine.spans = Some(Arc::new(exporter.clone()));
        let server = Server::open(self.worker(), config).await.unwrap();
        let (url, engine) = (server.url(), server.engine().clone());
        server.run(code(url, engine)).await.unwrap();
        tokio::task::spawn_blocking(move || exporter.close()).await.unwrap();
        std::mem::take(&mut *self.spans.lock().unwrap())
    }
}

async fn collect(State(world): State<World>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    world.spans.lock().unwrap().extend(protobuf::spans(&body));
}

async fn charge(State(world): State<World>, headers: HeaderMap) -> String {
    let parent = headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(headers["tracestate"], "vendor=1");
    world.charged_in.lock().unwrap().push(parent);
    "\"charged\"".to_owned()
}

async fn order(ctx: &WorkflowContext, what: String) -> Result<String, WorkflowError> {
    ctx.activity(CHARGE, what.clone()).await?;
    let packed = ctx.child(SHIPMENT, what).await?;
    ctx.signal(GO).await;
    Ok(packed)
}

async fn start(url: &str, id: &str) {
    let body = format!(r#"{{"type":"order","id":"{id}","input":"a book"}}"#);
    call(&format!("{url}/api/v1/workflows"), body, 201).await;
}

/// A request as some other service makes it, within a trace.
async fn call(url: &str, body: String, expected: u16) {
    let request = Request::post(url)
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", "vendor=1")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.unwrap();
    let status = answer.status();
    assert_eq!(status, expected, "{:?}", answer.into_body().collect().await.unwrap().to_bytes());
}

async fn go(engine: &Engine, id: &str) {
    let signal = SignalInput { name: "go".into(), payload: Payload::null() };
    engine.signal(&Selector::newest(id), signal, None).await.unwrap();
    let result = engine.result(&Selector::newest(id), Duration::from_secs(20)).await.unwrap();
    assert_eq!(result.status, RunStatus::Completed, "{result:?}");
}

/// Waits until the code of a run awaits its signal.
async fn until_waiting(engine: &Engine, id: &str) {
    let mut changes = engine.changes();
    let waiting = async {
        while engine
            .describe(&Selector::newest(id))
            .unwrap()
            .awaiting
            .iter()
            .all(|one| one.kind != "signal")
        {
            let _ = changes.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
}

#[track_caller]
fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let first = found.next();
    assert!(first.is_some() && found.next().is_none(), "{name}: {spans:#?}");
    first.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_its_activities_its_child_and_its_calls_are_one_trace() {
    let world = World::begin().await;
    let data = tempfile::tempdir().unwrap();
    let spans = world
        .serve(data.path(), async |url, engine| {
            start(&url, "one").await;
            let signals = format!("{url}/api/v1/workflows/one/signals");
            call(&format!("{signals}/unheard"), "1".into(), 202).await;
            go(&engine, "one").await;
            let described = engine.describe(&Selector::newest("one")).unwrap();
            assert_eq!(described.trace_id, TRACE);
        })
        .await;
    assert!(spans.iter().all(|span| span.trace_id == TRACE), "{spans:#?}");
    assert!(spans.iter().all(|span| span.service == "everstep"));
    let order = one(&spans, "run order");
    assert_eq!(order.parent_id, CALLER);
    assert_eq!(order.attributes["everstep.workflow_id"], "one");
    assert_eq!(order.attributes["everstep.status"], "completed");
    assert_eq!(one(&spans, "signal unheard").parent_id, CALLER);
    let charge = one(&spans, "activity charge");
    assert_eq!(charge.parent_id, order.span_id);
    // What the payment service was called with is that attempt's place.
    let called = world.charged_in.lock().unwrap().clone();
    assert_eq!(called, [format!("00-{TRACE}-{}-01", charge.span_id)]);
    let shipment = one(&spans, "run shipment");
    assert_eq!(shipment.parent_id, order.span_id);
    let packs: Vec<_> = spans.iter().filter(|span| span.name == "activity pack").collect();
    assert_eq!(packs.len(), 2);
    assert!(packs.iter().all(|span| span.parent_id == shipment.span_id));
    let attempts = |pack: &&Span| (pack.attributes["everstep.attempt"].clone(), pack.failed);
    let mut tried: Vec<_> = packs.iter().map(attempts).collect();
    tried.sort();
    assert_eq!(tried, [("1".to_owned(), true), ("2".to_owned(), false)]);
    let turns = spans.iter().filter(|span| span.name == "turn order").collect::<Vec<_>>();
    assert!(turns.len() >= 4, "{turns:#?}");
    assert!(turns.iter().all(|turn| turn.parent_id == order.span_id));
    assert!(spans.iter().all(|span| span.started_ns <= span.ended_ns));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_on_after_a_restart() {
    let world = World::begin().await;
    let data = tempfile::tempdir().unwrap();
    let before = world
        .serve(data.path(), async |url, engine| {
            start(&url, "two").await;
            until_waiting(&engine, "two").await;
        })
        .await;
    assert!(before.iter().all(|span| span.name != "run order"), "{before:#?}");
    let after = world.serve(data.path(), async |_, engine| go(&engine, "two").await).await;
    // A replay is not told again.
    let names: Vec<_> = after.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("activity")).count(), 0, "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "turn order").count(), 1, "{names:?}");
    let order = one(&after, "run order");
    assert_eq!(one(&before, "activity charge").parent_id, order.span_id);
    assert!(order.started_ns <= one(&before, "activity charge").started_ns);
    assert_eq!(order.trace_id, TRACE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_a_caller_is_a_trace_of_its_own_and_one_not_sampled_is_not_sent() {
    let world = World::begin().await;
    let data = tempfile::tempdir().unwrap();
    let spans = world
        .serve(data.path(), async |_, engine| {
            for (id, parent) in
                [("alone", None), ("quiet", Some(format!("00-{TRACE}-{CALLER}-00")))]
            {
                let mut request =
                    StartRequest::new("shipment", Payload::parse("\"a book\"").unwrap());
                request.workflow_id = Some(id.to_owned());
                request.trace = parent.map(|parent| Box::new(parent.parse().unwrap()));
                engine.start(request).await.unwrap();
                engine.result(&Selector::newest(id), Duration::from_secs(20)).await.unwrap();
            }
            let described = engine.describe(&Selector::newest("alone")).unwrap();
            assert_eq!(described.trace_id, described.run_id.to_string().replace('-', ""));
        })
        .await;
    let shipment = one(&spans, "run shipment");
    assert_eq!(shipment.attributes["everstep.workflow_id"], "alone");
    assert_eq!(shipment.parent_id, "");
    assert!(spans.iter().all(|span| span.trace_id == shipment.trace_id));
}

#[tokio::test]
async fn what_cannot_be_reached_is_refused_at_once() {
    let refused = OtlpExporter::open("https://collector:4318", Handle::current());
    assert!(matches!(refused, Err(OtlpError::Endpoint(_))), "{refused:?}");
}
