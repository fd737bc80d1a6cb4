//! What may be appended at all.
//!
//! Invariant: names hold no control characters, which keys and records rely on.

use super::append::{Append, Expected, NewEvent, StreamAppend};
use super::refusal::AppendRefusal;

/// The most events that one append may have.
pub const MOST_EVENTS: usize = 10_000;
/// The most tags that one event may have.
pub const MOST_TAGS: usize = 64;
/// The longest name, in bytes.
const LONGEST: usize = 512;

fn invalid<T>(what: impl Into<String>) -> Result<T, AppendRefusal> {
    Err(AppendRefusal::Invalid(what.into()))
}

fn check_name(what: &str, name: &str, reserved_names: bool) -> Result<(), AppendRefusal> {
    if name.is_empty() || name.len() > LONGEST {
        return invalid(format!("{what} has {} bytes; it must have 1 to {LONGEST}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return invalid(format!("{what} `{}` has control characters", name.escape_debug()));
    }
    if !reserved_names && name.starts_with(['$', '_']) {
        return invalid(format!(
            "{what} `{name}` begins with a reserved letter: `$` and `_` are the engine's own"
        ));
    }
    Ok(())
}

fn check_event(event: &NewEvent, reserved_names: bool) -> Result<(), AppendRefusal> {
    check_name("event type", &event.event_type, reserved_names)?;
    if event.tags.len() > MOST_TAGS {
        let (tags, of) = (event.tags.len(), &event.event_type);
        return invalid(format!("event `{of}` has {tags} tags; it may have {MOST_TAGS}"));
    }
    for (at, tag) in event.tags.iter().enumerate() {
        check_name("tag", tag, reserved_names)?;
        if event.tags[..at].contains(tag) {
            return invalid(format!("event `{}` has tag `{tag}` twice", event.event_type));
        }
    }
    let optional = [
        ("correlation id", &event.correlation_id),
        ("causation id", &event.causation_id),
        ("context", &event.context),
        ("actor", &event.actor),
        ("trace", &event.trace),
        ("idempotency key", &event.idempotency_key),
    ];
    for (what, text) in optional {
        if let Some(text) = text {
            check_name(what, text, true)?;
        }
    }
    Ok(())
}

fn check_stream(stream: &StreamAppend, reserved_names: bool) -> Result<(), AppendRefusal> {
    if stream.events.is_empty() {
        return match &stream.stream {
            Some(id) => invalid(format!("stream `{id}` is given no events")),
            None => invalid("an append needs events"),
        };
    }
    if let Some(id) = &stream.stream {
        check_name("stream type", &id.stream_type, reserved_names)?;
        check_name("stream id", &id.id, true)?;
        if id.stream_type.contains(':') {
            let kind = &id.stream_type;
            return invalid(format!("stream type `{kind}` holds a `:`, which ends a type"));
        }
    }
    stream.events.iter().try_for_each(|event| check_event(event, reserved_names))
}

/// Refuses what can never be appended.
pub(super) fn check(append: &Append) -> Result<(), AppendRefusal> {
    let events = append.events().count();
    if events == 0 {
        return invalid("an append needs events");
    }
    if events > MOST_EVENTS {
        return invalid(format!("an append has {events} events; it may have {MOST_EVENTS}"));
    }
    if let Some(key) = &append.idempotency_key {
        check_name("idempotency key", key, true)?;
        if append.events().any(|event| event.idempotency_key.is_some()) {
            return invalid("an append has one idempotency key, or its events have, not both");
        }
    }
    for (at, stream) in append.streams.iter().enumerate() {
        let known = |other: &StreamAppend| stream.stream.is_some() && other.stream == stream.stream;
        if stream.expected != Expected::Any && append.streams[..at].iter().any(known) {
            return invalid("an append says twice which version a stream must have");
        }
        check_stream(stream, append.reserved_names)?;
    }
    Ok(())
}
