//! The call: where it goes, what it sends, how long it waits.

use std::future::Future;
use std::marker::PhantomData;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everstep_engine::{ActivityContext, ActivityError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome;
use crate::http_client::{HttpClient, Trust, TrustError, can_be_asked, chain, client};

/// The longest that one attempt waits for the whole answer where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read, in bytes: as much as a payload may have.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// Sends an `I` as JSON and reads an `O` from the answer. HTTP or HTTPS, connections kept
/// alive.
///
/// | answer | failure `type` | retried |
/// | --- | --- | --- |
/// | none within the timeout | `http_timeout` | yes |
/// | no connection, a broken one, a certificate that is not trusted | `http_unreachable` | yes |
/// | 408, 425, 429, 5xx but 501 and 505 | `http_status`, or the answer's own `code` | yes |
/// | any other but 2xx | the same | no |
/// | 2xx with a body of another shape | `invalid_response` | no |
///
/// A failure that rests on a status has the field `status` beside its type and message. The
/// answer's own `code` is that of a problem document (RFC 9457).
/// A request carries the attempt's idempotency key and its place in the run's trace
/// (`idempotency-key`, `traceparent`, `tracestate`).
/// The activity ends with `cancelled` as soon as its attempt is no longer wanted.
pub struct HttpCall<I, O> {
    target: Arc<Target>,
    types: PhantomData<fn(I) -> O>,
}

#[derive(Clone)]
struct Target {
    method: Method,
    uri: Uri,
    timeout: Duration,
    client: HttpClient,
}

/// Why a call cannot be made at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpCallError {
    /// The address is no URL.
    #[error("`{0}` is no URL: {1}")]
    Url(String, hyper::http::uri::InvalidUri),
    /// The URL is not absolute, or its scheme is neither `http` nor `https`.
    #[error("`{0}` is no absolute http:// or https:// URL")]
    Scheme(String),
    /// The authorities that it should trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

// Derives would ask `I: Clone` of types that are only named.
impl<I, O> Clone for HttpCall<I, O> {
    fn clone(&self) -> Self {
        Self { target: Arc::clone(&self.target), types: PhantomData }
    }
}

impl<I, O> HttpCall<I, O>
where
    I: Serialize + Send + 'static,
    O: DeserializeOwned + Send + 'static,
{
    /// A POST to `url`.
    ///
    /// # Errors
    /// When `url` is no absolute `http://` or `https://` URL.
    pub fn post(url: &str) -> Result<Self, HttpCallError> {
        Self::new(Method::POST, url)
    }

    /// A PUT to `url`.
    ///
    /// # Errors
    /// When `url` is no absolute `http://` or `https://` URL.
    pub fn put(url: &str) -> Result<Self, HttpCallError> {
        Self::new(Method::PUT, url)
    }

    fn new(method: Method, url: &str) -> Result<Self, HttpCallError> {
        let uri: Uri = url.parse().map_err(|error| HttpCallError::Url(url.to_owned(), error))?;
        if !can_be_asked(&uri) {
            return Err(HttpCallError::Scheme(url.to_owned()));
        }
        let client = client(&Trust::system());
        let target = Target { method, uri, timeout: DEFAULT_TIMEOUT, client };
        Ok(Self { target: Arc::new(target), types: PhantomData })
    }

    /// How long one attempt waits for the whole answer; 10 s where nothing is said. Keep it below
    /// the activity's start-to-close timeout, so that the failure says what was waited for.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.target).timeout = timeout;
        self
    }

    /// Trusts the authorities of a PEM file beside the machine's own.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, HttpCallError> {
        let trust = Trust::system().with_ca_file(path.as_ref())?;
        Arc::make_mut(&mut self.target).client = client(&trust);
        Ok(self)
    }

    /// The code to register for an activity: each attempt sends one request.
    pub fn into_activity(
        self,
    ) -> impl Fn(ActivityContext, I) -> Attempt<O> + Send + Sync + 'static {
        move |ctx, input| {
            let (target, body) = (Arc::clone(&self.target), serde_json::to_vec(&input));
            Box::pin(async move {
                let body = body
                    .map_err(|error| ActivityError::new("invalid_input", error).non_retryable())?;
                target.attempt(&ctx, body).await
            })
        }
    }
}

/// One attempt of a call.
pub type Attempt<O> = Pin<Box<dyn Future<Output = Result<O, ActivityError>> + Send>>;

impl Target {
    async fn attempt<O: DeserializeOwned>(
        &self,
        ctx: &ActivityContext,
        body: Vec<u8>,
    ) -> Result<O, ActivityError> {
        tokio::select! {
            answer = tokio::time::timeout(self.timeout, self.exchange(ctx, body)) => {
                let (status, body) = answer.map_err(|_| self.timed_out())??;
                outcome::read(status, &body)
            }
            () = ctx.cancelled() => Err(ActivityError::cancelled()),
        }
    }

    async fn exchange(
        &self,
        ctx: &ActivityContext,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ActivityError> {
        let trace = ctx.trace_context();
        let mut request = Request::builder()
            .method(&self.method)
            .uri(&self.uri)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, application/problem+json")
            .header("idempotency-key", ctx.idempotency_key())
            .header("traceparent", trace.to_string());
        if let Some(state) = trace.state() {
            request = request.header("tracestate", state);
        }
        let request = request
            .body(Full::from(body))
            .map_err(|error| ActivityError::new("invalid_input", error).non_retryable())?;
        let unreachable = |error: &dyn std::error::Error| {
            ActivityError::new("http_unreachable", format!("{}: {}", self.uri, chain(error)))
        };
        let answer = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| unreachable(&*error))?;
        Ok((status, body.to_bytes()))
    }

    fn timed_out(&self) -> ActivityError {
        let timeout_ms = self.timeout.as_millis();
        ActivityError::new("http_timeout", format!("{}: no answer in {timeout_ms} ms", self.uri))
    }
}
