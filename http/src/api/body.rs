//! Request bodies: read within a size and a time, parsed as JSON whatever the content type says.
//!
//! Invariant: never more than the limit is held in memory, and a body that is too large is read to
//! its end (within bounds) before it is refused, or the client would see a broken connection
//! instead of the answer.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use everstep_engine::Payload;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::error_code as codes;
use super::{Api, Problem};

/// How much of a body that is too large is read and thrown away, in bytes.
const MAX_DISCARDED_BYTES: usize = 64 << 20;

/// The whole body.
pub(super) async fn read(api: &Api, headers: &HeaderMap, mut body: Body) -> Result<Bytes, Problem> {
    let limit = api.limits().body_bytes;
    let reading = async {
        if announced(headers).is_some_and(|length| length > limit as u64) {
            return Err(too_large(headers, body, limit).await);
        }
        match Limited::new(&mut body, limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(too_large(headers, body, limit).await)
            }
            Err(error) => Err(Problem::invalid(format!("failed to read the body: {error}"))),
        }
    };
    match timeout(api.limits().body_timeout, reading).await {
        Ok(read) => read,
        Err(_) => {
            let ms = api.limits().body_timeout.as_millis();
            Err(Problem::new(
                codes::REQUEST_TIMEOUT,
                format!("the body did not arrive within {ms} ms"),
            ))
        }
    }
}

/// The body as a `T`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| refuse::<T>(body, &error))
}

/// The body as a `T`; an empty one says nothing.
pub(super) fn parse_or_default<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii().is_empty() { Ok(T::default()) } else { parse(body) }
}

/// The body as a payload; an empty one is `null`.
pub(super) fn payload(body: &Bytes) -> Result<Payload, Problem> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return Ok(Payload::null());
    }
    Payload::parse(body.slice_ref(text)).map_err(|error| malformed(&error))
}

/// Says which field is at fault, which the first pass does not know: the good path pays nothing.
fn refuse<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Problem {
    // Some wrong types are told as wrong syntax; what can be read as JSON is not malformed.
    if !error.is_data() && serde_json::from_slice::<&RawValue>(body).is_err() {
        return malformed(error);
    }
    let mut again = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut again) {
        Err(located) if located.path().iter().next().is_some() => {
            Problem::invalid(format!("field `{}` of the body: {}", located.path(), located.inner()))
        }
        _ => Problem::invalid(format!("the body: {error}")),
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(codes::MALFORMED_JSON, format!("the body is not json: {error}"))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn too_large(headers: &HeaderMap, mut body: Body, limit: usize) -> Problem {
    // Whoever expects `100 Continue` has not sent the body yet and need not.
    if !headers.contains_key(EXPECT) {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > MAX_DISCARDED_BYTES {
                break;
            }
        }
    }
    let detail = match announced(headers) {
        Some(length) => format!("the body has {length} bytes; the limit is {limit}"),
        None => format!("the body has more than {limit} bytes, which is the limit"),
    };
    Problem::new(codes::PAYLOAD_TOO_LARGE, detail)
}
