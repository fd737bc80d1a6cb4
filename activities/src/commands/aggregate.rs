//! Entities that commands change: their streams, and the snapshot of their state beside them.
//!
//! Invariant: state and events are written in one commit. A snapshot names the version that it is
//! of, so that one that lags behind its stream (somebody appended without a command) is brought up
//! by the events it misses and never believed.

use everstep_decider::Decider;
use everstep_engine::log::{Category, Expected, NewEvent, RecordedEvent, StreamAppend, StreamId};
use everstep_engine::{ActivityError, Table, TransactionContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Events that are read at once.
const PAGE: usize = 500;

/// A decider whose events stand in streams of one type, one an entity.
///
/// The JSON form of an event is `{"type": NAME, "data": …}`: derive it with
/// `#[serde(tag = "type", content = "data")]`.
pub trait Aggregate:
    Decider<
        State: Default + Serialize + DeserializeOwned + Send + Sync + 'static,
        Event: Serialize + DeserializeOwned + 'static,
    > + 'static
{
    /// The bounded context that it belongs to.
    const CONTEXT: &'static str;
    /// The type of its streams, and the name of the table of its states.
    const STREAM_TYPE: &'static str;
    /// The code of a command for an entity that does not exist.
    const NOT_FOUND: &'static str = "NOT_FOUND";
    /// The code of a command that creates an entity which exists.
    const ALREADY_EXISTS: &'static str = "ALREADY_EXISTS";
    /// The version of its events' shape.
    const SCHEMA_VERSION: u32 = 1;

    /// What an event is found by, beside its stream.
    fn tags(_id: &str, _event: &Self::Event) -> Vec<String> {
        Vec::new()
    }

    /// What an event is meant for.
    fn category(_event: &Self::Event) -> Category {
        Category::Domain
    }
}

/// The state of an entity with its version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Loaded<S> {
    /// How many events the state is made of.
    pub version: u64,
    /// The state.
    pub state: S,
}

pub(super) const fn states<A: Aggregate>() -> Table<Loaded<A::State>> {
    Table::new(A::CONTEXT, A::STREAM_TYPE)
}

pub(super) fn stream<A: Aggregate>(id: &str) -> StreamId {
    StreamId::new(A::STREAM_TYPE, id)
}

/// The newest state of an entity, if it exists.
///
/// # Errors
/// When the store cannot be read, or holds a state or an event of another shape.
pub fn load<A: Aggregate>(
    tx: &TransactionContext<'_>,
    id: &str,
) -> Result<Option<Loaded<A::State>>, ActivityError> {
    let stream = stream::<A>(id);
    let snapshot: Option<Loaded<A::State>> = tx.get(states::<A>(), id)?;
    let events = tx.stream_head(&stream)?.events;
    let first = || Loaded { version: 0, state: A::State::default() };
    let mut loaded = match snapshot {
        None if events == 0 => return Ok(None),
        snapshot => snapshot.unwrap_or_else(first),
    };
    while loaded.version < events {
        let page = tx.read_stream(&stream, loaded.version, PAGE)?;
        let Some(last) = page.last() else { break };
        let version = last.version();
        for event in &page {
            if let Some(event) = decode::<A::Event>(event)? {
                loaded.state = A::evolve(loaded.state, &event);
            }
        }
        loaded.version = version;
    }
    Ok(Some(loaded))
}

/// The domain's event; none for one of a type that this code does not know.
pub(super) fn decode<E: DeserializeOwned>(
    event: &RecordedEvent,
) -> Result<Option<E>, ActivityError> {
    let data: Value = serde_json::from_slice(event.data())?;
    let tagged = serde_json::json!({ "type": event.event_type(), "data": data });
    match serde_json::from_value(tagged) {
        Ok(event) => Ok(Some(event)),
        // Serde names this case by its message alone.
        Err(error) if error.to_string().starts_with("unknown variant") => Ok(None),
        Err(error) => {
            let (of, at) = (event.event_type(), event.position());
            let what = format!("event `{of}` at position {at} has another shape: {error}");
            Err(ActivityError::new("invalid_event", what).non_retryable())
        }
    }
}

fn encode<A: Aggregate>(id: &str, event: &A::Event) -> Result<NewEvent, ActivityError> {
    let Value::Object(mut tagged) = serde_json::to_value(event)? else {
        return Err(untagged::<A>());
    };
    let Some(Value::String(name)) = tagged.remove("type") else { return Err(untagged::<A>()) };
    let data = tagged.remove("data").unwrap_or(Value::Null);
    let mut new = NewEvent::new(name, serde_json::to_vec(&data)?);
    new.tags = A::tags(id, event).into_iter().map(Into::into).collect();
    new.category = A::category(event);
    new.schema_version = A::SCHEMA_VERSION;
    new.context = Some(A::CONTEXT.into());
    Ok(new)
}

fn untagged<A: Aggregate>() -> ActivityError {
    let of = A::STREAM_TYPE;
    let what = format!(
        "events of `{of}` have no name in JSON: derive them with `tag = \"type\", content = \"data\"`"
    );
    ActivityError::new("invalid_event", what).non_retryable()
}

/// The events of a decision about one entity, which is at `version`.
pub(super) fn append<'e, A: Aggregate>(
    id: &str,
    version: u64,
    events: impl IntoIterator<Item = &'e A::Event>,
) -> Result<StreamAppend, ActivityError> {
    let events: Result<Vec<_>, _> =
        events.into_iter().map(|event| encode::<A>(id, event)).collect();
    let expected = Expected::Version(version);
    Ok(StreamAppend { stream: Some(stream::<A>(id)), expected, events: events? })
}
