//! Terms: what a run is found by beyond its type, build and time, as bytes that sort like the
//! values that they stand for.
//!
//! Invariant: no term is a prefix of another one of its kind, and the order of an attribute's
//! terms is: null, false, true, numbers, texts, everything else. Texts are cut after
//! [`LONGEST_TEXT`] bytes, so whoever finds a run by a term compares its record, too.

use crate::{Payload, RunStatus};

/// Texts are told apart by so many bytes.
pub(crate) const LONGEST_TEXT: usize = 255;

/// What kinds of terms there are; the first byte of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TermKind {
    Status = 1,
    Parent = 2,
    Queue = 3,
    Stuck = 4,
    Fingerprint = 5,
    Attribute = 6,
}

/// One term of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term(pub(crate) Vec<u8>);

const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const NUMBER: u8 = 4;
const TEXT: u8 = 5;
const OTHER: u8 = 6;

impl Term {
    /// A status that few runs have.
    pub(crate) fn status(status: RunStatus) -> Self {
        Self(vec![TermKind::Status as u8, status.number()])
    }

    /// Children of a workflow id.
    pub(crate) fn parent(workflow_id: &str) -> Self {
        Self::text(TermKind::Parent, workflow_id)
    }

    /// Runs that used a task queue.
    pub(crate) fn queue(name: &str) -> Self {
        Self::text(TermKind::Queue, name)
    }

    /// Runs that are stuck.
    pub(crate) fn stuck() -> Self {
        Self(vec![TermKind::Stuck as u8])
    }

    /// Runs whose failure has this fingerprint.
    pub(crate) fn fingerprint(fingerprint: u64) -> Self {
        let mut term = vec![TermKind::Fingerprint as u8];
        term.extend_from_slice(&fingerprint.to_be_bytes());
        Self(term)
    }

    /// A search attribute with a value.
    pub(crate) fn attribute(name: &str, value: &Payload) -> Self {
        let mut term = Self::attribute_name(name);
        push_value(&mut term, value);
        Self(term)
    }

    /// The prefix of all terms of a search attribute.
    pub(crate) fn attribute_name(name: &str) -> Vec<u8> {
        let mut term = vec![TermKind::Attribute as u8];
        push_text(&mut term, name);
        term
    }

    fn text(kind: TermKind, text: &str) -> Self {
        let mut term = vec![kind as u8];
        push_text(&mut term, text);
        Self(term)
    }

    pub(crate) fn kind(&self) -> Option<TermKind> {
        use TermKind::{Attribute, Fingerprint, Parent, Queue, Status, Stuck};
        let kinds = [Status, Parent, Queue, Stuck, Fingerprint, Attribute];
        kinds.into_iter().find(|&kind| self.0.first() == Some(&(kind as u8)))
    }

    /// Whether runs are counted by it. Statuses are by their shape, and of some there would be
    /// nearly as many counters as runs.
    pub(crate) fn is_counted(&self) -> bool {
        match self.kind() {
            Some(TermKind::Queue | TermKind::Stuck | TermKind::Fingerprint) => true,
            Some(TermKind::Attribute) => !self.0.starts_with(SCHEDULED_AT),
            _ => false,
        }
    }
}

/// The beginning of the terms of `scheduled_at`, of which each run of a schedule has its own.
const SCHEDULED_AT: &[u8] = b"\x06scheduled_at\0\x01";

/// The terms that a text in a filter may mean: it is compared with the text of any value.
pub(crate) fn terms_of_text(name: &str, text: &str) -> Vec<Term> {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let mut values = vec![quoted];
    if Payload::parse(text.to_owned()).is_ok() {
        values.push(text.to_owned());
    }
    let payloads = values.into_iter().filter_map(|value| Payload::parse(value).ok());
    payloads.map(|value| Term::attribute(name, &value)).collect()
}

/// One end of a range of an attribute's values: a number if it reads like one, else a text.
pub(crate) fn value_of_text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => push_number(&mut bytes, text.trim(), number),
        _ => {
            bytes.push(TEXT);
            push_text(&mut bytes, text);
        }
    }
    bytes
}

/// What values a range means: all between these two, both ends with them, that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueRange {
    pub(crate) min: Vec<u8>,
    pub(crate) max: Vec<u8>,
    pub(crate) prefix: Vec<u8>,
}

impl ValueRange {
    /// Reads the ends; a range lies within the numbers or within the texts. None if no value can
    /// lie in it.
    pub(crate) fn of(range: &super::AttributeRange) -> Option<Self> {
        let prefix = range.prefix.as_deref().map(text_prefix);
        let mut ends = range.min.iter().chain(&range.max).map(|text| value_of_text(text));
        let first = ends.next();
        // A prefix is of texts, and so is what it is combined with.
        let tag = match (&prefix, &first) {
            (Some(_), _) | (None, None) => TEXT,
            (None, Some(end)) => end.first().copied().unwrap_or(TEXT),
        };
        let as_tagged = |text: &String| match tag {
            TEXT => {
                let mut bytes = vec![TEXT];
                push_text(&mut bytes, text);
                Some(bytes)
            }
            _ => Some(value_of_text(text)).filter(|bytes| bytes.first() == Some(&tag)),
        };
        let min = match &range.min {
            Some(text) => as_tagged(text)?,
            None => vec![tag],
        };
        let max = match &range.max {
            Some(text) => as_tagged(text)?,
            None => vec![tag + 1],
        };
        Some(Self { min, max, prefix: prefix.unwrap_or_else(|| vec![tag]) })
    }

    pub(crate) fn contains(&self, value: &[u8]) -> bool {
        *self.min <= *value && *value <= *self.max && value.starts_with(&self.prefix)
    }
}

/// The beginning of the terms of texts that begin so.
fn text_prefix(prefix: &str) -> Vec<u8> {
    let mut bytes = vec![TEXT];
    escape(&mut bytes, cut(prefix));
    bytes
}

fn push_value(bytes: &mut Vec<u8>, value: &Payload) {
    let text = value.as_str().trim();
    match text.as_bytes().first() {
        Some(b'n') => bytes.push(NULL),
        Some(b'f') => bytes.push(FALSE),
        Some(b't') => bytes.push(TRUE),
        Some(b'"') => {
            bytes.push(TEXT);
            let text = value.to::<String>().unwrap_or_default();
            push_text(bytes, &text);
        }
        Some(b'{' | b'[') | None => {
            bytes.push(OTHER);
            push_text(bytes, text);
        }
        Some(_) => push_number(bytes, text, text.parse().unwrap_or(0.0)),
    }
}

/// Eight bytes that sort like the number as a float, and eight that tell whole numbers apart which
/// are the same float.
fn push_number(bytes: &mut Vec<u8>, text: &str, number: f64) {
    // Minus zero is zero.
    let float = (number + 0.0).to_bits();
    let ordered = if float >> 63 == 1 { !float } else { float | 1 << 63 };
    #[expect(clippy::cast_possible_truncation, reason = "saturates, which keeps the order")]
    let whole = text.parse::<i64>().unwrap_or(number as i64);
    bytes.push(NUMBER);
    bytes.extend_from_slice(&ordered.to_be_bytes());
    bytes.extend_from_slice(&(whole.cast_unsigned() ^ 1 << 63).to_be_bytes());
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    escape(bytes, cut(text));
    bytes.extend_from_slice(&[0, 1]);
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}

/// A zero byte would end the text: it is followed by 255.
fn escape(bytes: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        bytes.push(byte);
        if byte == 0 {
            bytes.push(0xff);
        }
    }
}

/// Reads a text that [`push_text`] wrote, and gives what follows it.
fn take_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut text = Vec::new();
    let mut rest = bytes;
    loop {
        match rest {
            [0, 0xff, after @ ..] => {
                text.push(0);
                rest = after;
            }
            [0, 1, after @ ..] => {
                return Some((String::from_utf8_lossy(&text).into_owned(), after));
            }
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// Splits a term of the kind off a key and gives its value as text, and what follows it.
pub(crate) fn shown(kind: TermKind, bytes: &[u8]) -> Option<(String, &[u8])> {
    match kind {
        TermKind::Parent | TermKind::Queue => take_text(bytes),
        TermKind::Fingerprint => {
            let (number, rest) = bytes.split_first_chunk::<8>()?;
            Some((fingerprint_text(u64::from_be_bytes(*number)), rest))
        }
        TermKind::Stuck => Some(("true".into(), bytes)),
        TermKind::Status => None,
        TermKind::Attribute => shown_value(bytes),
    }
}

fn shown_value(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    match *tag {
        NULL => Some(("null".into(), rest)),
        FALSE => Some(("false".into(), rest)),
        TRUE => Some(("true".into(), rest)),
        NUMBER => {
            let (ordered, rest) = rest.split_first_chunk::<8>()?;
            let (whole, rest) = rest.split_first_chunk::<8>()?;
            let ordered = u64::from_be_bytes(*ordered);
            let float = if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered };
            let number = f64::from_bits(float);
            let whole = (u64::from_be_bytes(*whole) ^ 1 << 63).cast_signed();
            #[expect(clippy::cast_precision_loss, reason = "that is what it was written from")]
            let is_whole = whole as f64 == number;
            let text = if is_whole { whole.to_string() } else { number.to_string() };
            Some((text, rest))
        }
        TEXT | OTHER => take_text(rest),
        _ => None,
    }
}

/// A fingerprint as it is written.
pub(crate) fn fingerprint_text(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

/// Reads a fingerprint.
pub(crate) fn parse_fingerprint(text: &str) -> Option<u64> {
    (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(json: &str) -> Vec<u8> {
        Term::attribute("a", &Payload::parse(json.to_owned()).unwrap()).0
    }

    #[test]
    fn terms_sort_like_their_values() {
        let ordered = [
            "null",
            "false",
            "true",
            "-1e300",
            "-9223372036854775808",
            "-9007199254740993",
            "-9007199254740992",
            "-1.5",
            "-1",
            "0",
            "0.1",
            "7",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "1e300",
            "\"\"",
            "\"a\"",
            "\"a\\u0000\"",
            "\"a\\u0000b\"",
            "\"aa\"",
            "\"b\"",
            "[1]",
        ];
        for pair in ordered.windows(2) {
            assert!(term(pair[0]) < term(pair[1]), "{} < {}", pair[0], pair[1]);
            assert!(!term(pair[1]).starts_with(&term(pair[0])), "{pair:?}");
        }
        assert_eq!(term("-0.0"), term("0"));
        assert_eq!(term("7.0"), term("7"));
    }

    #[test]
    fn values_come_back_as_texts() {
        for (json, text) in [
            ("true", "true"),
            ("-1.5", "-1.5"),
            ("9007199254740993", "9007199254740993"),
            ("\"ä\\u0000b\"", "ä\0b"),
        ] {
            let term = term(json);
            let value = &term[Term::attribute_name("a").len()..];
            assert_eq!(shown(TermKind::Attribute, value).unwrap(), (text.to_owned(), &b""[..]));
        }
        assert!(terms_of_text("a", "7").contains(&Term(term("7.0"))));
        assert!(terms_of_text("a", "7").contains(&Term(term("\"7\""))));
        assert_eq!(terms_of_text("a", "ada").len(), 1);
        assert_eq!(value_of_text("1.5"), term("1.5")[Term::attribute_name("a").len()..]);
        assert!(Term::attribute("scheduled_at", &Payload::null()).0.starts_with(SCHEDULED_AT));
        assert_eq!(parse_fingerprint(&fingerprint_text(7)), Some(7));
    }
}
