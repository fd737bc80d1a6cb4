//! One server's address and the pooled connections to it: HTTP/1.1 with keep-alive, no TLS.
//!
//! Invariant: every call has a deadline, and its error names the URL.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::error::{ClientError, Problem};
use super::path::Path;
use super::sse::Frames;

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for an answer, beyond what the call itself asks the server to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A call that has not been made yet.
pub(super) struct Call {
    method: Method,
    path: Path,
    body: Option<Bytes>,
    idempotency_key: Option<String>,
    accept: &'static str,
    last_event_id: Option<u64>,
    wait: Duration,
}

impl Call {
    pub(super) fn get(path: Path) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
            idempotency_key: None,
            accept: "application/json",
            last_event_id: None,
            wait: Duration::ZERO,
        }
    }

    pub(super) fn post(path: Path, body: impl Into<Bytes>) -> Self {
        let body = Some(body.into());
        Self { method: Method::POST, body, ..Self::get(path) }
    }

    pub(super) fn put(path: Path, body: impl Into<Bytes>) -> Self {
        Self { method: Method::PUT, ..Self::post(path, body) }
    }

    pub(super) fn delete(path: Path) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn idempotency_key(mut self, key: Option<String>) -> Self {
        self.idempotency_key = key;
        self
    }

    /// Asks for an answer of another media type than JSON.
    pub(super) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path.as_str())
    }

    /// How long the server is asked to wait before it answers.
    pub(super) fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// A successful answer.
pub(super) struct Answer {
    call: String,
    pub(super) body: Bytes,
}

impl Answer {
    /// Reads the body as a `T`.
    pub(super) fn to<T: serde::de::DeserializeOwned>(&self) -> Result<T, ClientError> {
        let shape = || ClientError::shape(format!("the answer to {}", self.call));
        // Looked at once as a whole: its strings need no second look each.
        let text = std::str::from_utf8(&self.body);
        let text = text.map_err(|error| shape()(serde::de::Error::custom(error)))?;
        serde_json::from_str(text).map_err(shape())
    }
}

/// Connections to one server. Clones share them.
#[derive(Clone)]
pub(super) struct Connection {
    url: String,
    /// Where calls go that name no namespace of their own.
    namespace: String,
    /// Who asks.
    authorization: Option<HeaderValue>,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Connection {
    pub(super) fn new(url: &str) -> Result<Self, ClientError> {
        let refuse =
            |reason: &str| ClientError::Address { url: url.to_owned(), reason: reason.to_owned() };
        let url = url.trim_end_matches('/');
        let parsed: Uri = url.parse().map_err(|error| refuse(&format!("{error}")))?;
        match (parsed.scheme_str(), parsed.authority()) {
            (Some("http"), Some(_)) => {}
            (Some("https"), _) => {
                return Err(refuse("this client speaks plain HTTP; put a TLS tunnel in front"));
            }
            _ => return Err(refuse("expected http://host:port")),
        }
        if parsed.query().is_some() {
            return Err(refuse("expected no query string"));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(Self { url: url.to_owned(), namespace: String::new(), authorization: None, http })
    }

    pub(super) fn set_token(&mut self, token: &str) -> Result<(), ClientError> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| ClientError::Address {
            url: self.url.clone(),
            reason: "the token holds characters that no token has".to_owned(),
        })?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(())
    }

    pub(super) fn set_namespace(&mut self, namespace: &str) {
        namespace.clone_into(&mut self.namespace);
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a call and reads the whole answer.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, ClientError> {
        self.exchange(call, async |name, response| {
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| self.broken(&name, &error))?.to_bytes();
            Ok(Answer { call: name, body })
        })
        .await
    }

    /// Makes a call and reads a successful answer in its own way; `read` is told the call's name.
    pub(super) async fn exchange<T>(
        &self,
        call: Call,
        read: impl AsyncFnOnce(String, Response<Incoming>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let waited = call.wait + ANSWER_TIMEOUT;
        let name = call.name();
        let answer = async {
            let response = self.open(call).await?;
            let status = response.status();
            if status.is_success() {
                return read(name.clone(), response).await;
            }
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| self.broken(&name, &error))?.to_bytes();
            Err(refusal(name.clone(), status, &body))
        };
        match tokio::time::timeout(waited, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::TimedOut { url: self.url.clone(), call: name, waited }),
        }
    }

    /// Makes a call and leaves the body to the caller.
    pub(super) async fn open(&self, mut call: Call) -> Result<Response<Incoming>, ClientError> {
        if call.path.as_str().starts_with("/api/") {
            call.path = call.path.in_namespace(&self.namespace);
        }
        let name = call.name();
        let bad = |reason: String| ClientError::Address { url: self.url.clone(), reason };
        let mut request = Request::builder().method(call.method).uri(format!(
            "{}{}",
            self.url,
            call.path.as_str()
        ));
        request = request.header(ACCEPT, call.accept);
        if let Some(last) = call.last_event_id {
            request = request.header("last-event-id", last);
        }
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(key) = call.idempotency_key {
            let value = HeaderValue::from_str(&key)
                .map_err(|_| bad(format!("`{key}` cannot be an idempotency key")))?;
            request = request.header("idempotency-key", value);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(call.body.unwrap_or_default());
        let request = request.body(body).map_err(|error| bad(error.to_string()))?;
        self.http.request(request).await.map_err(|error| {
            if error.is_connect() {
                let reason = root_cause(&error);
                ClientError::Unreachable { url: self.url.clone(), reason }
            } else {
                self.broken(&name, &error)
            }
        })
    }

    /// Server-sent events behind the one with this id.
    pub(super) async fn follow(&self, path: Path, last: u64) -> Result<Frames, ClientError> {
        let name = format!("GET {}", path.as_str());
        let mut call = Call::get(path).accept("text/event-stream");
        call.last_event_id = Some(last);
        let response = self.open(call).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Frames::new(self.clone(), name, response.into_body()));
        }
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| self.broken(&name, &error))?.to_bytes();
        Err(refusal(name, status, &body))
    }

    pub(super) fn broken(&self, call: &str, error: &dyn Error) -> ClientError {
        let reason = root_cause(error);
        ClientError::Broken { url: self.url.clone(), call: call.to_owned(), reason }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A refusal: the server's problem document, or what came in its place.
fn refusal(call: String, status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if !problem.code.is_empty() => ClientError::Refused(Box::new(problem)),
        _ => {
            let body: String = String::from_utf8_lossy(body).chars().take(200).collect();
            ClientError::Unexpected { call, status, body }
        }
    }
}

/// The innermost error says what happened; the outer ones say where in the library.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
