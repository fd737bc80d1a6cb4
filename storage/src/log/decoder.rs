//! Events on their way to another process, one behind the other, as the log has them.
//!
//! An event: `varint position · varint schema version · varint length · record · hash`. Its schema
//! version stands in its record, too; the one before it is the one that its data are of, where a
//! reader asked for another than the stored one.
//!
//! Invariant: what was written is read again in whatever pieces it comes; anything else is read as
//! events, whose texts are texts, or as [`EventDecodeError`], never a panic.

use bytes::BytesMut;

use super::coding::decode;
use super::event::{Hash, RecordedEvent};
use crate::record::{push_varint, read_varint};

/// The name of this layout as a media type. It changes with the layout and with the record's: also
/// where a record may have what older readers take for none, such as another category.
pub const RECORDS: &str = "application/vnd.everstep.records.1";

/// The longest that three numbers are.
const NUMBERS: usize = 30;

/// Bytes that are not what [`encode_to`](RecordedEvent::encode_to) writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventDecodeError {
    /// They end in the middle of an event.
    #[error("the events end in the middle of one")]
    Cut,
    /// They are something else.
    #[error("the bytes are no event")]
    NoEvent,
}

impl RecordedEvent {
    /// Writes the event for [`EventDecoder`] to read.
    pub fn encode_to(&self, into: &mut Vec<u8>) {
        into.reserve(NUMBERS + self.body.len() + self.hash.len());
        push_varint(into, self.position);
        push_varint(into, u64::from(self.schema_version));
        push_varint(into, self.body.len() as u64);
        into.extend_from_slice(&self.body);
        into.extend_from_slice(&self.hash);
    }
}

/// Events that come in pieces.
#[derive(Debug, Default)]
pub struct EventDecoder {
    /// The beginning of an event whose end has not come.
    begun: BytesMut,
    /// There was something that was no event.
    failed: bool,
}

/// Where the next event lies.
struct Next {
    position: u64,
    schema_version: u32,
    body: std::ops::Range<usize>,
}

impl EventDecoder {
    /// The events whose last bytes are in the next piece. They share their memory: whoever keeps one
    /// keeps as much as the piece.
    ///
    /// # Errors
    /// [`EventDecodeError::NoEvent`] when it cannot be a piece of events; then nothing that comes after
    /// it is one either.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<RecordedEvent>, EventDecodeError> {
        let events = match self.failed {
            true => Err(EventDecodeError::NoEvent),
            false => self.read(piece),
        };
        self.failed = events.is_err();
        events
    }

    fn read(&mut self, piece: &[u8]) -> Result<Vec<RecordedEvent>, EventDecodeError> {
        self.begun.extend_from_slice(piece);
        let (mut at, mut found) = (0, Vec::new());
        while let Some(next) = next(&self.begun, at)? {
            at = next.body.end + size_of::<Hash>();
            found.push(next);
        }
        let whole = self.begun.split_to(at).freeze();
        let events = found.into_iter().map(|Next { position, schema_version, body }| {
            let hash = *whole[body.end..].first_chunk().ok_or(EventDecodeError::Cut)?;
            let event = decode(position, whole.slice(body), hash);
            let event = event.ok().filter(RecordedEvent::has_texts);
            Ok(RecordedEvent { schema_version, ..event.ok_or(EventDecodeError::NoEvent)? })
        });
        events.collect()
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// [`EventDecodeError::Cut`] when the last event is not whole, [`EventDecodeError::NoEvent`] when
    /// [`feed`](Self::feed) has said so.
    pub fn end(self) -> Result<(), EventDecodeError> {
        match (self.failed, self.begun.is_empty()) {
            (true, _) => Err(EventDecodeError::NoEvent),
            (false, false) => Err(EventDecodeError::Cut),
            (false, true) => Ok(()),
        }
    }
}

/// Where the event lies that begins at `begin`; none when its end has not come.
fn next(bytes: &[u8], begin: usize) -> Result<Option<Next>, EventDecodeError> {
    let mut at = begin;
    let mut number = || read_varint(bytes, &mut at).ok();
    let numbers = number().zip(number()).zip(number());
    let Some(((position, schema_version), length)) = numbers else {
        // Numbers that are this long and have no end are none.
        return match bytes.len() - begin {
            NUMBERS.. => Err(EventDecodeError::NoEvent),
            _ => Ok(None),
        };
    };
    // A record's parts are found by 32 bits.
    let length = u32::try_from(length).map_err(|_| EventDecodeError::NoEvent)? as usize;
    let end = at.checked_add(length).ok_or(EventDecodeError::NoEvent)?;
    let schema_version = u32::try_from(schema_version).map_err(|_| EventDecodeError::NoEvent)?;
    let is_whole = bytes.len() - at >= length.saturating_add(size_of::<Hash>());
    Ok(is_whole.then_some(Next { position, schema_version, body: at..end }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{NewEvent, StreamId, Told};
    use crate::testing::Random;

    fn events() -> Vec<RecordedEvent> {
        let told = |position: u64| {
            let data = vec![b'1'; (position as usize * 97) % 700];
            let event = NewEvent {
                tags: vec!["a".into(), format!("día:{position}").into()],
                correlation_id: position.is_multiple_of(2).then(|| "c".into()),
                metadata: b"{}".to_vec().into(),
                ..NewEvent::new("Counted", data)
            };
            let place = Told {
                stream: (!position.is_multiple_of(3)).then(|| StreamId::new("Counter", "1")),
                position,
                version: position,
                recorded_at_ms: 1_700_000_000_000,
                hash: &[position as u8; 32],
            };
            RecordedEvent::told(&event, &place).expect("an event")
        };
        let mut events: Vec<_> = (1..=40).map(told).collect();
        // Data in another version of their shape than the stored one, shorter and longer.
        events.push(events[6].read_as(2, b"7"));
        events.push(events[7].read_as(300, &[b'8'; 900]));
        events
    }

    fn written(events: &[RecordedEvent]) -> Vec<u8> {
        let mut bytes = Vec::new();
        events.iter().for_each(|event| event.encode_to(&mut bytes));
        bytes
    }

    fn read(
        pieces: impl Iterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Vec<RecordedEvent>, EventDecodeError> {
        let (mut decoder, mut events) = (EventDecoder::default(), Vec::new());
        for piece in pieces {
            events.extend(decoder.feed(piece.as_ref())?);
        }
        decoder.end().map(|()| events)
    }

    /// All that a reader sees.
    fn seen(event: &RecordedEvent) -> String {
        let tags: Vec<_> = event.tags().collect();
        let parts = (event.schema_version(), event.recorded_at_ms(), event.category(), tags);
        format!("{event:?} {parts:?} {:?} {:?}", event.metadata(), event.hash())
    }

    #[test]
    fn events_come_in_any_pieces() {
        let events = events();
        let bytes = written(&events);
        for piece in [1, 7, 100, 999, bytes.len()] {
            let read = read(bytes.chunks(piece)).expect("events");
            assert_eq!(read, events, "in pieces of {piece} bytes");
            assert!(read.iter().map(seen).eq(events.iter().map(seen)));
        }
    }

    #[test]
    fn what_is_cut_off_is_no_page() {
        let bytes = written(&events()[..3]);
        let ends: Vec<_> = (0..=3).map(|number| written(&events()[..number]).len()).collect();
        for length in 0..=bytes.len() {
            let events = read([&bytes[..length]].iter());
            let expected = ends.iter().position(|end| *end == length).ok_or(EventDecodeError::Cut);
            assert_eq!(events.map(|events| events.len()), expected, "{length} bytes");
        }
    }

    #[test]
    fn other_bytes_are_no_events_and_never_a_panic() {
        let bytes = written(&events());
        let mut random = Random::new(7);
        let mut refused = 0;
        for _ in 0..20_000 {
            let mut other = bytes.clone();
            let at = random.below(other.len() as u64) as usize;
            other[at] ^= 1 << random.below(8);
            let piece = 1 + random.below(2_000) as usize;
            match read(other.chunks(piece)) {
                Ok(events) => events.iter().for_each(|event| drop(seen(event))),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 300, "{refused}");
        assert_eq!(read([[0xff; NUMBERS]].iter()), Err(EventDecodeError::NoEvent));
        let text = bytes.windows(7).position(|text| text == b"Counted").unwrap();
        let mut no_text = bytes;
        no_text[text] = 0xff;
        assert_eq!(read([no_text].iter()), Err(EventDecodeError::NoEvent));
        let huge = [&[1, 1][..], &[0xff; 9], &[1]].concat();
        assert_eq!(read([huge].iter()), Err(EventDecodeError::NoEvent));
    }

    /// Who has another version of this crate reads these bytes: where they must change, so must
    /// [`RECORDS`].
    #[test]
    fn the_layout_is_what_its_name_says() {
        let event = NewEvent { tags: vec!["x".into()], ..NewEvent::new("Told", b"7".to_vec()) };
        let place = Told {
            stream: Some(StreamId::new("Order", "1")),
            position: 300,
            version: 2,
            recorded_at_ms: 1_000,
            hash: &[9; 32],
        };
        let event = RecordedEvent::told(&event, &place).expect("an event");
        let record = b"\xe8\x07\x02\x01\x00\x05Order\x011\x04Told\x02x\x00\0\0\0\0\0\0\0\0\0\x017";
        let numbers = [0xac, 0x02, 0x01, record.len() as u8];
        let expected = [&numbers[..], record, &[9; 32]].concat();
        assert_eq!((written(&[event]), RECORDS), (expected, "application/vnd.everstep.records.1"));
    }
}
