//! The HTTP API as a caller without our client sees it: methods, paths, JSON.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The longest that one request waits on the server, as `wait_ms` or `follow_ms`.
const WAIT_MS: u64 = 30_000;
/// The longest that a caller waits for any answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One server.
#[derive(Clone)]
pub(crate) struct Api {
    url: String,
    http: Client<HttpConnector, Full<Bytes>>,
    token: Option<String>,
}

/// A status and a JSON body (`null` for an empty one).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// A refusal: problem+json with this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
    }
}

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Self { url: url.to_owned(), http, token: None }
    }

    /// The same server, as whoever has the token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// A stream of server-sent events.
    pub(crate) async fn stream(&self, path: &str) -> hyper::body::Incoming {
        let request = Request::get(format!("{}{path}", self.url)).body(Full::default()).unwrap();
        let response = self.http.request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body()
    }

    /// Notices that something in a namespace has changed, from the first one on: what happened
    /// before that can be seen.
    pub(crate) async fn notices(&self, namespace: &str) -> hyper::body::Incoming {
        let mut request = Request::get(format!("{}/ui/live?topics=runs,log,commands", self.url))
            .header("cookie", format!("everstep_namespace={namespace}"));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::default()).unwrap();
        let response = self.http.request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut notices = response.into_body();
        notices.frame().await.unwrap().unwrap();
        notices
    }

    /// One call; an error when there was no answer.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).unwrap();
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
            let body = match body.to_bytes() {
                empty if empty.is_empty() => Value::Null,
                text => serde_json::from_slice(&text).map_err(|error| error.to_string())?,
            };
            Ok(Answer { status, body })
        };
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| "no answer".to_owned())?
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body), None).await.unwrap()
    }

    pub(crate) async fn post_with_key(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.call(Method::POST, path, Some(body), Some(key)).await.unwrap()
    }

    /// Starts a workflow under an id.
    pub(crate) async fn start(&self, workflow_type: &str, id: &str, input: Value) -> Value {
        let body = json!({ "type": workflow_type, "id": id, "input": input });
        self.post("/api/v1/workflows", &body).await.expect(201)
    }

    /// Starts a workflow, waits, and answers `{"status", "result"?, "failure"?, …}`.
    pub(crate) async fn run(&self, workflow_type: &str, id: &str, input: Value) -> Value {
        self.start(workflow_type, id, input).await;
        self.result(id).await
    }

    /// Waits for a run's end.
    pub(crate) async fn result(&self, id: &str) -> Value {
        self.poll(&format!("/api/v1/workflows/{id}/result?wait_ms={WAIT_MS}")).await
    }

    /// A long poll. One that is answered only at the end of its wait was not woken.
    async fn poll(&self, path: &str) -> Value {
        let asked = Instant::now();
        let answer = self.get(path).await.expect(200);
        let waited = asked.elapsed();
        assert!(waited < Duration::from_millis(WAIT_MS), "{path} was not woken: {answer}");
        answer
    }

    /// Waits for a run's result.
    pub(crate) async fn completed(&self, id: &str) -> Value {
        let mut ended = self.result(id).await;
        assert_eq!(ended["status"], "completed", "{id}: {ended}");
        ended["result"].take()
    }

    pub(crate) async fn describe(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/workflows/{id}")).await.expect(200)
    }

    pub(crate) async fn signal(&self, id: &str, name: &str, payload: Value) -> Answer {
        self.post(&format!("/api/v1/workflows/{id}/signals/{name}"), &payload).await
    }

    pub(crate) async fn update(&self, id: &str, name: &str, argument: Value) -> Answer {
        self.post(&format!("/api/v1/workflows/{id}/updates/{name}"), &argument).await
    }

    pub(crate) async fn query(&self, id: &str, name: &str) -> Value {
        let path = format!("/api/v1/workflows/{id}/queries/{name}");
        self.post(&path, &Value::Null).await.expect(200)["result"].take()
    }

    /// The whole history as it is now.
    pub(crate) async fn history(&self, id: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let from = events.len() + 1;
            let path = format!("/api/v1/workflows/{id}/history?from={from}&page_size=1000");
            let mut page = self.get(&path).await.expect(200);
            let more = page["events"].as_array_mut().map(std::mem::take).unwrap();
            let is_last = more.is_empty() || page["next_page_token"].is_null();
            events.extend(more);
            if is_last {
                return events;
            }
        }
    }

    /// The types of the events of a history.
    pub(crate) async fn event_types(&self, id: &str) -> Vec<String> {
        let events = self.history(id).await;
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a history has an event of that type after event `after`.
    pub(crate) async fn event(&self, id: &str, event_type: &str, after: u64) -> Value {
        let mut from = after + 1;
        loop {
            let path = format!("/api/v1/workflows/{id}/history?from={from}&follow_ms={WAIT_MS}");
            let page = self.poll(&path).await;
            let events = page["events"].as_array().unwrap();
            assert!(!events.is_empty(), "{id} has no {event_type} after event {after}");
            if let Some(event) = events.iter().find(|event| event["type"] == event_type) {
                return event.clone();
            }
            from = events.last().unwrap()["event_id"].as_u64().unwrap() + 1;
        }
    }

    /// Moves a manual clock.
    pub(crate) async fn advance(&self, ms: u64) -> Value {
        self.post("/test/clock/advance", &json!({ "ms": ms })).await.expect(200)
    }
}
