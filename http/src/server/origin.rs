//! Who may speak to a server that listens on loopback only: programs of this machine, and pages
//! that it served itself.
//!
//! A web page can rebind its DNS name to 127.0.0.1 and then read answers as its own (so the `Host`
//! header must name loopback), and it can send simple requests to any address without reading the
//! answer (so a request that changes something must not come from another origin).
//!
//! Invariant: programs that send neither header strangely never notice.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Request, Version};

use crate::api::{Problem, error_code as codes};

/// What is checked of every request's headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct OriginPolicy {
    /// Whether the server is reachable from this machine only.
    pub(super) loopback_only: bool,
}

impl OriginPolicy {
    pub(super) fn check<B>(self, request: &Request<B>) -> Result<(), Problem> {
        let host = host(request)?;
        if self.loopback_only
            && let Some(host) = &host
            && !is_loopback(host.host())
        {
            return Err(Problem::new(
                codes::HOST_NOT_ALLOWED,
                format!("this server does not answer for host `{host}`"),
            ));
        }
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        same_origin(request.headers(), host.as_ref())
    }
}

/// The host that the request names; only HTTP/1.0 may name none.
fn host<B>(request: &Request<B>) -> Result<Option<Authority>, Problem> {
    let mut headers = request.headers().get_all(HOST).iter();
    let host = match (headers.next(), headers.next()) {
        (Some(host), None) => host,
        (None, _) => {
            return match request.uri().authority() {
                Some(authority) => Ok(Some(authority.clone())),
                None if request.version() <= Version::HTTP_10 => Ok(None),
                None => Err(Problem::invalid("header `Host` is missing")),
            };
        }
        (Some(_), Some(_)) => return Err(Problem::invalid("header `Host` is given twice")),
    };
    Authority::try_from(host.as_bytes())
        .map(Some)
        .map_err(|_| Problem::invalid(format!("header `Host` is no host and port: {host:?}")))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A browser names the page's origin on every request that is not a plain read.
fn same_origin(headers: &HeaderMap, host: Option<&Authority>) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .and_then(|(_, authority)| authority.parse::<Authority>().ok());
    if authority.is_some() && authority.as_ref() == host {
        return Ok(());
    }
    Err(Problem::new(
        codes::ORIGIN_NOT_ALLOWED,
        format!("a page of origin {origin:?} may not change anything here"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        OriginPolicy { loopback_only: true }
            .check(&request.body(()).unwrap())
            .map_err(|problem| problem.code())
    }

    #[test]
    fn hosts() {
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:3837", "127.0.0.2", "[::1]:80", "[::1]"]
        {
            assert_eq!(check(Method::GET, &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:3837", "10.0.0.1", "[::2]"] {
            assert_eq!(check(Method::GET, &[("host", host)]), Err("host_not_allowed"), "{host}");
        }
        assert_eq!(check(Method::GET, &[]), Err("invalid_request"));
        assert_eq!(check(Method::GET, &[("host", "a b")]), Err("invalid_request"));
        assert_eq!(
            check(Method::GET, &[("host", "localhost"), ("host", "localhost")]),
            Err("invalid_request")
        );
    }

    #[test]
    fn origins() {
        let host = ("host", "localhost:3837");
        let mine = ("origin", "http://localhost:3837");
        assert_eq!(check(Method::POST, &[host, mine]), Ok(()));
        assert_eq!(check(Method::POST, &[host]), Ok(()));
        for origin in ["null", "http://localhost:3000", "https://evil.example", "?"] {
            let headers = [host, ("origin", origin)];
            assert_eq!(check(Method::POST, &headers), Err("origin_not_allowed"), "{origin}");
            assert_eq!(check(Method::GET, &headers), Ok(()), "{origin}");
        }
    }
}
