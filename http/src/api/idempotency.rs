//! The header `Idempotency-Key`.

use axum::http::HeaderMap;

use super::Problem;
use super::target::check_text;

/// The request's key, when it has one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    if keys.next().is_some() {
        return Err(Problem::invalid("header `Idempotency-Key` is given twice"));
    }
    let key = std::str::from_utf8(key.as_bytes())
        .map_err(|_| Problem::invalid("header `Idempotency-Key` is not utf-8"))?;
    check_text("header `Idempotency-Key`", key)?;
    Ok(Some(key.to_owned()))
}
