//! Pages of a program's own, served beside the API and the inspector.
//!
//! Invariant: they are files, the same for everybody, so they are open to everybody; what they show
//! they read from the API, which asks who is there.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::{Method, header};
use axum::middleware::from_fn;
use axum::routing::get;
use everstep_engine::{Engine, Extension, Worker};

use crate::access::{Doors, Pages, open};
use crate::ui::marked;

/// What the server itself answers.
const TAKEN: [&str; 6] = ["/api", "/ui", "/health", "/metrics", "/test", "/favicon.ico"];

/// The files of a worker, by path.
#[derive(Default)]
struct OwnPages {
    files: BTreeMap<&'static str, (&'static str, &'static [u8])>,
    mistake: Option<String>,
}

impl Extension for OwnPages {
    fn check(&self) -> Result<(), String> {
        self.mistake.clone().map_or(Ok(()), Err)
    }
}

/// Pages of a program's own.
///
/// ```
/// use everstep::Worker;
/// use everstep::server::WorkerPages;
///
/// let worker = Worker::new()
///     .page("/shop", "text/html", b"<!doctype html><title>Shop</title><script src=/shop.js></script>")
///     .page("/shop.js", "text/javascript", b"document.body.textContent = 'Hello'");
/// # drop(worker);
/// ```
pub trait WorkerPages: Sized {
    /// Serves a file under a path, to everybody. Nothing that it loads may come from anywhere else,
    /// and no script or style in it is inline.
    #[must_use]
    fn page(self, path: &'static str, content_type: &'static str, content: &'static [u8]) -> Self;
}

impl WorkerPages for Worker {
    fn page(self, path: &'static str, content_type: &'static str, content: &'static [u8]) -> Self {
        self.extend(|own: &mut OwnPages| {
            let below = |taken: &&str| {
                path.strip_prefix(*taken)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
            let wrong = match path {
                "/" => Some("is the inspector's"),
                path if !path.starts_with('/') || !path.bytes().all(plain) => {
                    Some("must begin with / and hold letters, digits, `-`, `_`, `.` and `/` only")
                }
                _ if TAKEN.iter().any(below) => Some("is the server's"),
                _ => None,
            };
            if let Some(wrong) = wrong {
                own.mistake = Some(format!("page `{path}` {wrong}"));
            } else if own.files.insert(path, (content_type, content)).is_some() {
                own.mistake = Some(format!("page `{path}` is declared twice"));
            }
        })
    }
}

/// The routes of the worker's files.
pub(super) fn routes(engine: &Engine) -> (Router, Doors) {
    let mut pages = Pages::new();
    for (path, (content_type, content)) in
        engine.extension::<OwnPages>().into_iter().flat_map(|own| &own.files)
    {
        let headers = [(header::CONTENT_TYPE, *content_type), (header::CACHE_CONTROL, "no-cache")];
        let content = *content;
        let file = async move || (headers, content);
        pages = pages.route(path, open([Method::GET], get(file)));
    }
    let (router, doors) = pages.split();
    (router.layer(from_fn(marked)), doors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(path: &'static str) -> Option<String> {
        let worker = Worker::new().page("/own", "text/plain", b"").page(path, "text/plain", b"");
        worker.extension::<OwnPages>().and_then(|own| own.check().err())
    }

    #[test]
    fn pages_take_no_place_of_the_servers() {
        for path in ["/shop", "/shop/shop.js", "/uid", "/apis/x"] {
            assert_eq!(mistake(path), None, "{path}");
        }
        for path in [
            "/",
            "/ui",
            "/ui/x",
            "/api/v1/events",
            "/health/live",
            "/metrics",
            "x",
            "/a/{b}",
            "/own",
        ] {
            assert!(mistake(path).is_some(), "{path}");
        }
    }
}
