//! Values of flags: sizes, durations, instants, JSON, attributes.
//!
//! Invariant: a value that is not understood is refused before anything is sent, with the forms
//! that are.

use std::io::Read;

use everstep_activities::decider::fsm::State;

pub(crate) use crate::duration::parse as duration;
use crate::{Payload, Timestamp};

/// `268435456`, `256MiB`, `64MB`, `1GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is no size; write 268435456, 64MB, 256MiB or 1GiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(expected()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(expected)
}

/// An RFC 3339 time, or a duration before now.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let Ok(ago) = duration(text) else {
        return Err(format!(
            "`{text}` is no time; write 2026-01-31T12:00:00Z, or 2h for two hours ago"
        ));
    };
    let now = super::span::now();
    Ok(Timestamp::from_millis(
        now.as_millis().saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
    ))
}

/// JSON text, `@file`, or `-` for standard input.
pub(super) fn json(text: &str) -> Result<Payload, String> {
    let content = if text == "-" {
        let mut content = String::new();
        std::io::stdin().read_to_string(&mut content).map_err(|error| format!("stdin: {error}"))?;
        content
    } else if let Some(file) = text.strip_prefix('@') {
        std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?
    } else {
        text.to_owned()
    };
    Payload::parse(content.trim().to_owned())
        .map_err(|error| format!("not JSON: {error}; a string needs its quotes, as in '\"text\"'"))
}

/// `NAME=VALUE`, the value being JSON or else a plain string.
pub(super) fn attribute(text: &str) -> Result<(String, Payload), String> {
    let (name, value) = plain_attribute(text)?;
    let value = match Payload::parse(value.clone()) {
        Ok(value) => value,
        Err(_) => Payload::from_value(&value).map_err(|error| error.to_string())?,
    };
    Ok((name, value))
}

/// `NAME=VALUE`, the value being text.
pub(super) fn plain_attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is no attribute; write NAME=VALUE")),
    }
}

/// A state by its name.
pub(super) fn state<S: State>(text: &str) -> Result<S, String> {
    let known: Vec<&str> = S::ALL.iter().map(|one| one.name()).collect();
    S::named(text).ok_or_else(|| format!("one of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_suffixes() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("256MiB"), Ok(256 << 20));
        assert_eq!(bytes("1 GB"), Ok(1_000_000_000));
        for wrong in ["", "MiB", "1TBq", "-1", "99999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn attributes_are_json_or_text() {
        let value = |text| attribute(text).unwrap().1.as_str().to_owned();
        assert_eq!(value("n=7"), "7");
        assert_eq!(value("city=Köln"), "\"Köln\"");
        assert_eq!(value("q=\"7\""), "\"7\"");
        assert_eq!(value("e="), "\"\"");
        assert!(attribute("none").is_err());
    }

    #[test]
    fn instants_are_absolute_or_ago() {
        assert_eq!(instant("1970-01-01T00:00:01Z").unwrap().as_millis(), 1000);
        assert!(instant("1h").unwrap() < super::super::span::now());
        assert!(instant("yesterday").is_err());
    }
}
