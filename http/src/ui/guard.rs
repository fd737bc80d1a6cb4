//! What keeps other sites out: the content policy of every answer, and the origin of every form.
//!
//! Invariant: a request that changes something and comes from a browser comes from our own page.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Refuses what another site sent, and marks every answer.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = match foreign(request.headers()).filter(|_| !safe) {
        Some(found) => refusal::problem(
            StatusCode::FORBIDDEN,
            "cross_site_request",
            &format!("a form of the inspector was sent from {found}"),
        ),
        None => next.run(request).await,
    };
    mark(&mut response);
    response
}

/// Marks the answers of pages that are not the inspector's and take no forms.
pub(crate) async fn marked(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    mark(&mut response);
    response
}

fn mark(response: &mut Response) {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Where the request came from, unless it came from our own page or from no browser at all.
/// Browsers send `Sec-Fetch-Site` to trustworthy addresses and `Origin` with every POST.
fn foreign(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return (site != "same-origin").then(|| format!("a {site} page"));
    }
    let origin = text(header::ORIGIN)?;
    let host = text(header::HOST).unwrap_or("");
    let own = origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    (!own).then(|| format!("`{origin}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for &(name, value) in pairs {
            headers.insert(name, HeaderValue::from_static(value));
        }
        foreign(&headers).is_none()
    }

    #[test]
    fn only_our_own_pages_and_programs_may_post() {
        assert!(check(&[]));
        assert!(check(&[("sec-fetch-site", "same-origin")]));
        assert!(check(&[("host", "127.0.0.1:3837"), ("origin", "http://127.0.0.1:3837")]));
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
        assert!(!check(&[("sec-fetch-site", "same-site")]));
        assert!(!check(&[("sec-fetch-site", "none")]));
        assert!(!check(&[("host", "127.0.0.1:3837"), ("origin", "http://evil.example")]));
        assert!(!check(&[("host", "127.0.0.1:3837"), ("origin", "http://127.0.0.1:9")]));
        assert!(!check(&[("host", "127.0.0.1:3837"), ("origin", "null")]));
    }
}
