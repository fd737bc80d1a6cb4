//! One request to the provider. It knows no store: all that it learns comes in, all that it finds
//! out goes back to the workflow.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use everstep_engine::{Activity, ActivityContext, ActivityError, Retry};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use serde_json::json;

use super::answer;
use super::error::{Details, failed};
use super::{LlmAnswer, LlmErrorCode, LlmPrice, LlmProvider, LlmRequest};
use crate::http_client::{HttpClient, chain, client};

/// Asks the worker's provider once. Whoever calls it decides whether to ask again: each request is
/// counted, limited and paid for.
pub const ASK_LLM: Activity<LlmRequest, LlmAnswer> =
    Activity::new("ask_llm").retry(Retry::NEVER).timeout(Duration::from_secs(10 * 60));

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// The longest that a provider may ask to be left alone.
const LONGEST_RETRY_AFTER_S: u64 = 3_600;

/// Where requests go.
pub(super) struct Target {
    uri: Uri,
    key: Option<HeaderValue>,
    model: String,
    price: LlmPrice,
    timeout: Duration,
    can_ask: bool,
    client: HttpClient,
}

/// Who asks, as the request's headers say it.
struct Asker {
    idempotency_key: String,
    traceparent: String,
}

type Asking = Pin<Box<dyn Future<Output = Result<LlmAnswer, ActivityError>> + Send>>;

impl Target {
    pub(super) fn new(provider: &LlmProvider) -> Self {
        let key = provider.key.as_ref().and_then(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self {
            uri: provider.uri.clone(),
            can_ask: provider.has_what_it_needs() && provider.key.is_some() == key.is_some(),
            key,
            model: provider.model.clone(),
            price: provider.its_price(),
            timeout: provider.timeout,
            client: client(&provider.trust),
        }
    }

    pub(super) fn into_activity(
        self,
    ) -> impl Fn(ActivityContext, LlmRequest) -> Asking + Send + Sync + 'static {
        let target = Arc::new(self);
        move |ctx, request| {
            let target = Arc::clone(&target);
            Box::pin(async move {
                let asker = Asker {
                    idempotency_key: request
                        .idempotency_key
                        .clone()
                        .unwrap_or_else(|| ctx.idempotency_key()),
                    traceparent: ctx.trace_context().to_string(),
                };
                tokio::select! {
                    answered = target.ask(&asker, &request) => answered,
                    () = ctx.cancelled() => Err(ActivityError::cancelled()),
                }
            })
        }
    }

    /// Asks once. It is handed names and nothing else, so there is no store that it could reach.
    async fn ask(&self, asker: &Asker, request: &LlmRequest) -> Result<LlmAnswer, ActivityError> {
        if !self.can_ask {
            let what = "no key for the model's provider is set, or it is no header's value";
            return Err(failed(LlmErrorCode::AuthFailed, what, &Details::default()));
        }
        let began = Instant::now();
        let exchanged = tokio::time::timeout(self.timeout, self.exchange(asker, request)).await;
        let (status, headers, body) = exchanged.map_err(|_| {
            let what = format!("{}: no answer in {} ms", self.uri, self.timeout.as_millis());
            failed(LlmErrorCode::Timeout, what, &Details::default())
        })??;
        if !status.is_success() {
            return Err(refused(status, &headers, &body));
        }
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        answer::read(&body, request, self.price, duration_ms)
    }

    async fn exchange(
        &self,
        asker: &Asker,
        asked: &LlmRequest,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ActivityError> {
        let body = json!({
            "model": asked.model.as_ref().unwrap_or(&self.model),
            "messages": asked.messages,
            "max_tokens": asked.max_tokens,
            "temperature": 0,
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": asked.schema },
            },
        });
        let mut request = Request::post(&self.uri)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header("idempotency-key", &asker.idempotency_key)
            .header("traceparent", &asker.traceparent);
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key);
        }
        let request = request
            .body(Full::from(body.to_string()))
            .map_err(|error| ActivityError::new("invalid_input", error).non_retryable())?;
        let unreachable = |error: &dyn std::error::Error| {
            let what = format!("{}: {}", self.uri, chain(error));
            failed(LlmErrorCode::Unavailable, what, &Details::default())
        };
        let answer = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| unreachable(&*error))?;
        Ok((head.status, head.headers, body.to_bytes()))
    }
}

fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ActivityError {
    let code = match status {
        StatusCode::TOO_MANY_REQUESTS => LlmErrorCode::RateLimited,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PAYMENT_REQUIRED => {
            LlmErrorCode::AuthFailed
        }
        StatusCode::REQUEST_TIMEOUT => LlmErrorCode::Unavailable,
        status if status.is_server_error() => LlmErrorCode::Unavailable,
        // It does not understand the question, so it will not the next time either.
        _ => LlmErrorCode::InvalidResponse,
    };
    let retry_after_ms = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
        .map(|seconds| seconds.min(LONGEST_RETRY_AFTER_S) * 1_000);
    let details = Details { status: Some(status.as_u16()), retry_after_ms, usage: None };
    failed(code, format!("{status}: {}", answer::excerpt(body)), &details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_code() {
        let code = |status: u16| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
            let error = refused(StatusCode::from_u16(status).unwrap(), &headers, b"{}");
            let after = LlmErrorCode::retry_after(error.failure());
            assert_eq!(after, Some(Duration::from_secs(7)));
            (LlmErrorCode::of(error.failure()).unwrap(), error.failure().non_retryable)
        };
        assert_eq!(code(429), (LlmErrorCode::RateLimited, false));
        assert_eq!(code(500), (LlmErrorCode::Unavailable, false));
        assert_eq!(code(503), (LlmErrorCode::Unavailable, false));
        assert_eq!(code(401), (LlmErrorCode::AuthFailed, true));
        assert_eq!(code(400), (LlmErrorCode::InvalidResponse, true));
    }
}
