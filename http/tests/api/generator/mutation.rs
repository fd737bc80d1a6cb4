//! Ways to break a request.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

use super::document::any;
use super::request::RawRequest;
use super::text;

/// Breaks the request in one to three ways.
pub(super) fn mutate(request: &mut RawRequest, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..4) {
        match rng.random_range(0..10) {
            0 => break_path(request, rng),
            1 | 2 => break_query(request, rng),
            3 => add_header(request, rng),
            4..=6 => break_value(request, rng),
            7 => break_json(request, rng),
            8 => break_bytes(request, rng),
            _ => request.body = Some(odd_body(rng)),
        }
    }
}

fn break_path(request: &mut RawRequest, rng: &mut StdRng) {
    let broken = ["%", "%z", "%ff", "%C3%28", "%00", "%0a", "%2e%2e", "..", "//", "*", "%2F"];
    let mut segments: Vec<_> = request.path.split('/').map(str::to_owned).collect();
    let place = rng.random_range(1..segments.len());
    segments[place] = match rng.random_bool(0.8) {
        true => broken[rng.random_range(0..broken.len())].to_owned(),
        false => "x".repeat(rng.random_range(0..4_000)),
    };
    request.path = segments.join("/");
}

fn break_query(request: &mut RawRequest, rng: &mut StdRng) {
    let names = [
        "wait_ms",
        "follow_ms",
        "from",
        "page_size",
        "page_token",
        "run_id",
        "status",
        "attr.a",
        "started_after",
        "attr.",
        "",
        "%",
        "a%ff",
    ];
    let values = [
        "",
        "-1",
        "x",
        "1.5",
        "%",
        "%ff",
        "%zz",
        "0x1",
        "1e3",
        "+1",
        "null",
        "-99999999999999999999",
        "00",
        "0192f0c1-2345-7abc-8def-0123456789ab",
        "%F0%9F%A6%80",
        "1&from=2",
    ];
    let value = values[rng.random_range(0..values.len())].to_owned();
    if !request.query.is_empty() && rng.random_bool(0.5) {
        let place = rng.random_range(0..request.query.len());
        request.query[place].1 = value;
    } else {
        request.query.push((names[rng.random_range(0..names.len())].to_owned(), value));
    }
}

fn add_header(request: &mut RawRequest, rng: &mut StdRng) {
    let headers = [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "\u{fc}"),
        ("content-encoding", "gzip"),
        ("accept", "application/xml"),
        ("accept-encoding", "br;q=x"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
        ("idempotency-key", ""),
        ("idempotency-key", "k"),
        ("idempotency-key", "\u{e4}\u{f6}"),
        ("last-event-id", "-1"),
        ("last-event-id", "99999999999999999999999"),
        ("range", "bytes=0-0"),
        ("if-none-match", "*"),
        ("if-modified-since", "never"),
        ("authorization", "Bearer x"),
        ("cookie", "a=b; c"),
        ("x-forwarded-host", "evil.example"),
        ("x-http-method-override", "DELETE"),
        ("upgrade", "websocket"),
        ("te", "trailers"),
    ];
    let (name, value) = headers[rng.random_range(0..headers.len())];
    request.headers.push((name.to_owned(), value.to_owned()));
}

/// Keeps the body JSON, but makes some value of it another one.
fn break_value(request: &mut RawRequest, rng: &mut StdRng) {
    let Some(body) = &request.body else {
        return;
    };
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let fields: Vec<_> =
        body.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    if fields.is_empty() {
        body = any(rng, 0);
    } else {
        let field = &fields[rng.random_range(0..fields.len())];
        match rng.random_range(0..4) {
            0 => drop(body.as_object_mut().unwrap().remove(field)),
            1 => body[text::odd(rng)] = any(rng, 0),
            2 => body[field] = json!(-1),
            _ => body[field] = any(rng, 0),
        }
    }
    request.body = Some(body.to_string().into_bytes());
}

/// Makes the body something that is almost JSON.
fn break_json(request: &mut RawRequest, rng: &mut StdRng) {
    let Some(body) = &mut request.body else {
        return;
    };
    let text = String::from_utf8_lossy(body).into_owned();
    *body = match rng.random_range(0..6) {
        0 => text.replacen('"', "'", 2),
        1 => format!("{text}{text}"),
        2 => text.replacen(':', ":1e400,\"again\":", 1),
        3 => text.replacen('}', ",}", 1),
        4 => text.replacen('{', r#"{"type":"echo","type":"gate","#, 1),
        _ => text.replacen(':', ":99999999999999999999999999999999999999,\"x\":", 1),
    }
    .into_bytes();
}

fn break_bytes(request: &mut RawRequest, rng: &mut StdRng) {
    let Some(body) = request.body.as_mut().filter(|body| !body.is_empty()) else {
        return;
    };
    let place = rng.random_range(0..body.len());
    match rng.random_range(0..3) {
        0 => body.truncate(place),
        1 => body[place] = rng.random(),
        _ => body.insert(place, rng.random()),
    }
}

fn odd_body(rng: &mut StdRng) -> Vec<u8> {
    match rng.random_range(0..6) {
        0 => Vec::new(),
        1 => "[".repeat(rng.random_range(1..50_000)).into_bytes(),
        2 => r#"{"type":"#.repeat(rng.random_range(1..10_000)).into_bytes(),
        3 => b"\xff\xfe\x00".to_vec(),
        4 => {
            let mut bytes = vec![0; rng.random_range(0..500)];
            rng.fill_bytes(&mut bytes);
            bytes
        }
        _ => any(rng, 0).to_string().into_bytes(),
    }
}
