//! What makes two events the same: SHA-256 over what they say and where they belong, and nothing
//! of when and how often they were sent.

use sha2::{Digest, Sha256};

use super::append::{NewEvent, StreamAppend};

/// Enough of SHA-256 that two requests never share it by chance.
pub(super) type Fingerprint = [u8; 16];

fn part(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn add(hasher: &mut Sha256, stream: &StreamAppend, event: &NewEvent) {
    let (kind, id) =
        stream.stream.as_ref().map_or(("", ""), |stream| (&*stream.stream_type, &*stream.id));
    for text in [kind, id, event.context.as_deref().unwrap_or_default(), &event.event_type] {
        part(hasher, text.as_bytes());
    }
    hasher.update([event.category.number()]);
    hasher.update(event.schema_version.max(1).to_be_bytes());
    part(hasher, &event.data);
}

fn short(hasher: Sha256) -> Fingerprint {
    let whole: [u8; 32] = hasher.finalize().into();
    let [short @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = whole;
    short
}

/// Of one event.
pub(super) fn of_event(stream: &StreamAppend, event: &NewEvent) -> Fingerprint {
    let mut hasher = Sha256::new();
    add(&mut hasher, stream, event);
    short(hasher)
}

/// Of everything that is appended together.
pub(super) fn of_all(streams: &[StreamAppend]) -> Fingerprint {
    let mut hasher = Sha256::new();
    for stream in streams {
        stream.events.iter().for_each(|event| add(&mut hasher, stream, event));
    }
    short(hasher)
}
