//! A JSON value as nested `<details>`, up to a size; the rest is behind the raw link.
//!
//! Invariant: scalars are shown as their sender wrote them, digit by digit.

use std::fmt;

use everstep_engine::{Failure, Payload, PayloadReference};
use maud::{Markup, html};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Values that one payload may show.
const MAX_VALUES: usize = 400;
/// Members of one array or object.
const MAX_MEMBERS: usize = 100;
/// Bytes of one string.
const MAX_TEXT: usize = 2_000;
/// Nesting; deeper values are shown as text.
const MAX_DEPTH: usize = 16;
/// An object up to this size is open at first.
const OPEN_MEMBERS: usize = 12;

/// One level of a value, in its own order.
enum Node<'a> {
    Object(Vec<(String, &'a RawValue)>),
    Array(Vec<&'a RawValue>),
    Scalar,
}

/// An object's members as written: a map would sort them and drop repeated names.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl<'a> Node<'a> {
    fn parse(text: &'a str) -> Self {
        match text.trim_start().as_bytes().first() {
            Some(b'{') => {
                serde_json::from_str(text).map_or(Self::Scalar, |Members(all)| Self::Object(all))
            }
            Some(b'[') => serde_json::from_str(text).map_or(Self::Scalar, Self::Array),
            _ => Self::Scalar,
        }
    }
}

/// Draws values until the budget is spent.
struct Drawing {
    values_left: usize,
}

/// The value, and where all of it can be had.
pub(super) fn draw(payload: &Payload, raw: &str) -> Markup {
    if let Some(reference) = payload.reference() {
        return html! {
            (draw_inline(payload))
            div.payload-foot { span { (bytes(reference)) } a href=(raw) { "Raw" } }
        };
    }
    let mut drawing = Drawing { values_left: MAX_VALUES };
    let text = payload.as_str();
    let body = drawing.value(None, text, 0);
    html! {
        div.json { (body) }
        @if text.len() > 200 || drawing.values_left == 0 {
            div.payload-foot { span { (size(text.len())) } a href=(raw) { "Raw" } }
        }
    }
}

/// The value alone, without a link: for payloads that have no address.
pub(super) fn draw_inline(payload: &Payload) -> Markup {
    if payload.reference().is_some() {
        return html! { div.json { div.entry { span.lit { (preview(payload, MAX_TEXT)) } } } };
    }
    let body = Drawing { values_left: MAX_VALUES }.value(None, payload.as_str(), 0);
    html! { div.json { (body) } }
}

/// Why something failed.
pub(super) fn failure(failure: &Failure, raw: &str) -> Markup {
    html! {
        div.failure {
            div {
                span.kind { (failure.kind) }
                @if let Some(timeout) = &failure.timeout { " " span.muted { "(" (timeout) ")" } }
                @if let Some(attempts) = failure.attempts {
                    " " span.muted { "after " (attempts) @if attempts == 1 { " attempt" } @else { " attempts" } }
                }
                @if failure.non_retryable { " " span.muted { "· not retryable" } }
            }
            div { (cut(&failure.message)) }
            @if let Some(details) = &failure.details { (draw(details, raw)) }
        }
    }
}

/// The first characters of a value, on one line.
pub(super) fn preview(payload: &Payload, max_chars: usize) -> String {
    match payload.reference() {
        Some(reference) => format!("‹{}, {}›", reference.kind.name(), bytes(reference)),
        None => one_line(payload.as_str(), max_chars),
    }
}

fn bytes(reference: PayloadReference) -> String {
    size(usize::try_from(reference.bytes).unwrap_or(usize::MAX))
}

/// The first characters of a text, on one line.
pub(super) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    for (at, letter) in text.chars().enumerate() {
        if at == max_chars {
            line.push('…');
            break;
        }
        line.push(if letter.is_control() { ' ' } else { letter });
    }
    line
}

/// `12.3 kB`.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() }
}

impl Drawing {
    fn value(&mut self, name: Option<&str>, text: &str, depth: usize) -> Markup {
        let Some(left) = self.values_left.checked_sub(1) else {
            return html! {};
        };
        self.values_left = left;
        let node = if depth < MAX_DEPTH { Node::parse(text) } else { Node::Scalar };
        match node {
            Node::Object(members) if !members.is_empty() => {
                let count = members.len();
                let members = members.into_iter().map(|(name, value)| (Some(name), value));
                self.group(name, ("{", "}"), count, depth, members)
            }
            Node::Array(members) if !members.is_empty() => {
                let count = members.len();
                let members = members.into_iter().map(|value| (None, value));
                self.group(name, ("[", "]"), count, depth, members)
            }
            _ => html! { div.entry { (key(name)) (scalar(text)) } },
        }
    }

    fn group<'a>(
        &mut self,
        name: Option<&str>,
        (open, close): (&str, &str),
        count: usize,
        depth: usize,
        members: impl Iterator<Item = (Option<String>, &'a RawValue)>,
    ) -> Markup {
        let shown: Vec<_> = members
            .take(MAX_MEMBERS.min(self.values_left))
            .map(|(name, value)| self.value(name.as_deref(), value.get(), depth + 1))
            .collect();
        let rest = count.saturating_sub(shown.len());
        html! {
            details open[depth == 0 || (depth < 3 && count <= OPEN_MEMBERS)] {
                summary { (key(name)) (open) span.size { " " (count) " " } (close) }
                div.members {
                    @for member in &shown { (member) }
                    @if rest > 0 { div.entry.size { "… " (rest) " more" } }
                }
            }
        }
    }
}

fn key(name: Option<&str>) -> Markup {
    html! { @if let Some(name) = name { span.key { (cut(name)) ": " } } }
}

fn scalar(text: &str) -> Markup {
    let text = text.trim();
    let class = if text.starts_with('"') { "str" } else { "lit" };
    html! { span class=(class) { (cut(text)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> String {
        draw(&Payload::parse(text.to_owned()).unwrap(), "/raw").into_string()
    }

    #[test]
    fn keeps_order_digits_and_repeated_names() {
        let html = drawn(r#"{"z":12345678901234567890.10,"a":1e400,"z":null}"#);
        let order: Vec<_> = ["12345678901234567890.10", "1e400", "null"]
            .iter()
            .map(|digits| html.find(digits).unwrap())
            .collect();
        assert!(order.is_sorted());
        assert_eq!(html.matches("z: ").count(), 2);
    }

    #[test]
    fn escapes_what_people_send() {
        let html = drawn(r#"{"<script>":"</span><script>alert(1)</script>"}"#);
        assert!(!html.contains("<script>"), "{html}");
    }

    #[test]
    fn big_values_are_cut_and_say_so() {
        let many = format!("[{}]", vec!["[1,2,3]"; 5_000].join(","));
        let html = drawn(&many);
        assert!(html.len() < 60_000, "{}", html.len());
        assert!(html.contains("more") && html.contains("href=\"/raw\""));
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(drawn(&deep).matches("<details").count() <= MAX_DEPTH);
        let long = format!("\"{}\"", "é".repeat(10_000));
        assert!(drawn(&long).len() < 5_000);
    }

    #[test]
    fn previews_are_one_line() {
        let payload = Payload::parse("{\n\"a\": 1}").unwrap();
        assert_eq!(preview(&payload, 80), "{ \"a\": 1}");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }
}
