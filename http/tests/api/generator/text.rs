//! Texts that exist, and texts that nobody expects.

use std::fmt::Write;

use rand::RngExt;
use rand::rngs::StdRng;

const ODD: [&str; 32] = [
    "",
    " ",
    ".",
    "..",
    "/",
    "\\",
    "%",
    "%2F",
    "%00",
    "\0",
    "\n",
    "\u{7f}",
    "ä",
    "日本",
    "🦀",
    "\u{202e}",
    "\u{feff}",
    "'; drop table runs; --",
    "<b>",
    "{id}",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "NaN",
    "order-7",
    "a b",
    "\"",
    "a&b=c",
    "completed",
    "2024-02-30T00:00:00Z",
];

/// A text that is seldom typed.
pub(super) fn odd(rng: &mut StdRng) -> String {
    match rng.random_range(0..20) {
        0 => "x".repeat(rng.random_range(0..700)),
        1 => (0..rng.random_range(0..8)).map(|_| rng.random::<char>()).collect(),
        _ => ODD[rng.random_range(0..ODD.len())].to_owned(),
    }
}

/// Mostly a text that exists under that name.
pub(super) fn known(name: &str, rng: &mut StdRng) -> String {
    let texts: &[&str] = match name {
        "id" => &["open", "öp/en %", "closed", "failed", "asleep", "none"],
        "name" => &["open", "add", "status", "other"],
        "type" => &["echo", "chain", "fail", "gate", "sleep", "none"],
        "code" => &["workflow_not_found", "invalid_request", "none"],
        _ => &["none"],
    };
    match rng.random_bool(0.85) {
        true => texts[rng.random_range(0..texts.len())].to_owned(),
        false => odd(rng),
    }
}

/// Percent-encodes what must be, and now and then what need not be.
pub(super) fn encoded(text: &str, rng: &mut StdRng) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) && rng.random_bool(0.9) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02x}").unwrap();
        }
        encoded
    })
}
