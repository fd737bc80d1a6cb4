//! Scripts and styles, compiled into the binary and served under a name that changes with them.

use std::hash::{DefaultHasher, Hasher};
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

/// The files; a debug build reads them from disk, so that an edit shows at once.
#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// Names all files' content together.
pub(super) fn hash() -> String {
    if cfg!(debug_assertions) {
        return compute();
    }
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(compute).clone()
}

fn compute() -> String {
    let mut names: Vec<_> = Assets::iter().collect();
    names.sort();
    let mut hasher = DefaultHasher::new();
    for name in names {
        hasher.write(name.as_bytes());
        if let Some(file) = Assets::get(&name) {
            hasher.write(&file.metadata.sha256_hash());
        }
    }
    format!("{:016x}", hasher.finish())
}

/// A file's address.
pub(super) fn address(hash: &str, file: &str) -> String {
    format!("/ui/a/{hash}/{file}")
}

/// `GET /ui/a/{hash}/{file}`.
pub(super) async fn serve(Path((asked, file)): Path<(String, String)>) -> Response {
    // A page of another build may still ask for the files that it knew.
    let cache = if asked == hash() { "public, max-age=31536000, immutable" } else { "no-store" };
    send(&file, cache)
}

/// `GET /favicon.ico`.
pub(super) async fn favicon() -> Response {
    send("icon.svg", "public, max-age=86400")
}

fn send(file: &str, cache: &'static str) -> Response {
    match Assets::get(file) {
        Some(found) => {
            let kind = found.metadata.mimetype().to_owned();
            let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache.to_owned())];
            (headers, found.data.into_owned()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests;
