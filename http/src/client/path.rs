//! Ids and parameters as parts of a URL.
//!
//! Invariant: whatever the text is, what comes out is one segment or one parameter and nothing
//! more: every byte outside RFC 3986's unreserved set is percent-encoded, `/` too.

use std::fmt::Write;

use crate::{DEFAULT_NAMESPACE, Selector};

/// Appends `text`, percent-encoded.
pub(super) fn encode_into(target: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                target.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(target, "%{byte:02X}")),
        }
    }
}

/// A path with its query string, built up piece by piece.
#[derive(Clone, Debug)]
pub(super) struct Path {
    text: String,
    has_query: bool,
}

impl Path {
    pub(super) fn new(path: &str) -> Self {
        Self { text: path.to_owned(), has_query: false }
    }

    /// `/api/v1/workflows/{id}{tail}`, with `?run_id=` where the selector names a run.
    pub(super) fn of_workflow(selector: &Selector, tail: &[&str]) -> Self {
        let mut path = Self::new("/api/v1/workflows");
        path = path.segment(&selector.workflow_id);
        for part in tail {
            path = path.segment(part);
        }
        path.in_namespace(&selector.namespace).parameter("run_id", selector.run_id)
    }

    /// Adds the namespace, unless it is the default one or is named already.
    pub(super) fn in_namespace(self, namespace: &str) -> Self {
        let plain = namespace.is_empty() || namespace == DEFAULT_NAMESPACE;
        let named = self.text.contains("?namespace=") || self.text.contains("&namespace=");
        self.parameter("namespace", (!plain && !named).then_some(namespace))
    }

    pub(super) fn segment(mut self, text: &str) -> Self {
        self.text.push('/');
        encode_into(&mut self.text, text);
        self
    }

    /// Adds a parameter where there is a value.
    pub(super) fn parameter(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.text.push(if self.has_query { '&' } else { '?' });
            self.has_query = true;
            encode_into(&mut self.text, name);
            self.text.push('=');
            encode_into(&mut self.text, &value.to_string());
        }
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_one_segment() {
        let selector = Selector::newest("a/b?c=d&e%20é ");
        let path = Path::of_workflow(&selector, &["signals", "x/y"])
            .parameter("wait_ms", Some(5))
            .parameter("none", None::<u64>)
            .parameter("attr.a=b", Some("c&d"));
        assert_eq!(
            path.as_str(),
            "/api/v1/workflows/a%2Fb%3Fc%3Dd%26e%2520%C3%A9%20/signals/x%2Fy?wait_ms=5&attr.a%3Db=c%26d"
        );
    }
}
