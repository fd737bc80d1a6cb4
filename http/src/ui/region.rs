//! Parts of a page that are brought up to date while someone looks at them.
//!
//! Invariant: equal versions mean equal content but for times, which the page itself moves on; a
//! script may skip a part whose version it already shows.

use std::hash::{DefaultHasher, Hasher};

use maud::{Markup, html};
use serde::Serialize;

/// A short name of what `value` says.
pub(super) fn version<T: Serialize + ?Sized>(value: &T) -> String {
    let mut hasher = DefaultHasher::new();
    match serde_json::to_vec(value) {
        Ok(text) => hasher.write(&text),
        // Without a version the part is compared node by node.
        Err(_) => return String::new(),
    }
    format!("{:x}", hasher.finish())
}

/// A part with a version: skipped by the script when the version has not changed.
pub(super) fn versioned<T: Serialize + ?Sized>(id: &str, value: &T, body: &Markup) -> Markup {
    html! { div id=(id) data-region data-v=(version(value)) { (body) } }
}

/// A part that is compared node by node.
pub(super) fn region(id: &str, body: &Markup) -> Markup {
    html! { div id=(id) data-region { (body) } }
}
