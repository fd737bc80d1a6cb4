//! As much of protobuf as a collector of spans needs.

use std::collections::BTreeMap;

/// A span as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: String,
    pub(crate) name: String,
    pub(crate) started_ns: u64,
    pub(crate) ended_ns: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) failed: bool,
    pub(crate) service: String,
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => panic!("{number} has no bytes"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }

    fn hex(&self) -> String {
        self.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Bytes(bytes) => panic!("{bytes:?} is no number"),
        }
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return number;
        }
    }
    panic!("an endless number");
}

/// The fields of a message, in order.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                fields.push((tag >> 3, Value::Number(varint(&mut bytes))));
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        bytes = rest;
        fields.push((
            tag >> 3,
            match tag & 7 {
                2 => Value::Bytes(value),
                _ => Value::Number(
                    value.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
                ),
            },
        ));
    }
    fields
}

fn attribute(bytes: &[u8]) -> (String, String) {
    let (mut key, mut text) = (String::new(), String::new());
    for (field, value) in fields(bytes) {
        match field {
            1 => key = value.text(),
            2 => {
                for (kind, value) in fields(value.bytes()) {
                    text = if kind == 1 { value.text() } else { value.number().to_string() };
                }
            }
            _ => {}
        }
    }
    (key, text)
}

fn span(bytes: &[u8], service: &str) -> Span {
    let mut span = Span { service: service.to_owned(), ..Span::default() };
    for (field, value) in fields(bytes) {
        match field {
            1 => span.trace_id = value.hex(),
            2 => span.span_id = value.hex(),
            4 => span.parent_id = value.hex(),
            5 => span.name = value.text(),
            7 => span.started_ns = value.number(),
            8 => span.ended_ns = value.number(),
            9 => span.attributes.extend([attribute(value.bytes())]),
            15 => {
                let status = fields(value.bytes());
                span.failed = status.iter().any(|(field, code)| *field == 3 && code.number() == 2);
            }
            _ => {}
        }
    }
    span
}

/// The spans of an `ExportTraceServiceRequest`.
pub(crate) fn spans(request: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for (_, resource_spans) in fields(request) {
        let mut service = String::new();
        for (field, value) in fields(resource_spans.bytes()) {
            match field {
                1 => {
                    let attributes = fields(value.bytes());
                    let known = attributes.iter().filter(|(field, _)| *field == 1);
                    let mut known = known.map(|(_, value)| attribute(value.bytes()));
                    service = known.find(|(key, _)| key == "service.name").unwrap().1;
                }
                2 => {
                    let scope = fields(value.bytes());
                    let sent = scope.iter().filter(|(field, _)| *field == 2);
                    spans.extend(sent.map(|(_, value)| span(value.bytes(), &service)));
                }
                _ => {}
            }
        }
    }
    spans
}
