//! The one client that activities call out with: HTTP and HTTPS, connections kept alive.
//!
//! Invariant: a server is spoken to over TLS only if its certificate is for the name that was asked
//! for, and leads to an authority that the machine or the extra file trusts.

mod trust;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub use trust::{Trust, TrustError};

/// A client; clones share their connections.
pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that trusts these authorities.
pub(crate) fn client(trust: &Trust) -> HttpClient {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(trust.config())
        .https_or_http()
        .enable_http1()
        .build();
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Whether it is an absolute address that a client can ask.
pub(crate) fn can_be_asked(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
