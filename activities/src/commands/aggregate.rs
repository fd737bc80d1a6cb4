//! Entities that commands change: their streams, and the snapshot of their state beside them.
//!
//! The newest state is written with every command, in its own commit: it is at hand then, the row is
//! overwritten where it stands, and the next command decides without reading an event. Every
//! [`SNAPSHOT_EVERY`]th version is kept beside it for good, so that an old state costs as many
//! events at most.
//!
//! Invariant: state and events are written in one commit. A snapshot names the version that it is
//! of, so that one that lags behind its stream (somebody appended without a command) is brought up
//! by the events it misses and never believed; one of another schema is not there at all.

use everstep_decider::Decider;
use everstep_engine::log::{Category, Expected, NewEvent, RecordedEvent, StreamAppend, StreamId};
use everstep_engine::{ActivityError, TransactionContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Commands;
use super::entity_rows::{self, SNAPSHOTS, kept, states};
use crate::fat_events::FatEvent;
use crate::language::{DeclaredLanguage, LanguageError};

/// Events that are read at once.
pub(super) const PAGE: usize = 500;
/// How many versions lie between two snapshots that are kept.
pub const SNAPSHOT_EVERY: u64 = 256;

/// Where a decider belongs whose events stand in streams of one type, one an entity.
///
/// The JSON form of an event is `{"type": NAME, "data": …}`: derive it with
/// `#[serde(tag = "type", content = "data")]`.
pub trait Aggregate: 'static {
    /// Who decides: `Self`, or a type of another crate which depends on nothing but deciders.
    type Decider: Decider<
            State: Default + Serialize + DeserializeOwned + Send + Sync + 'static,
            Event: Serialize + DeserializeOwned + 'static,
        >;
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
    /// Raise it when states that are kept are to be made anew from their events: when `evolve` does
    /// something else than before, or a field means something else. Fields that come, go or get
    /// another default are noticed without.
    const STATE_VERSION: u32 = 1;

    /// What an event is found by, beside its stream.
    fn tags(_id: &str, _event: &EventOf<Self>) -> Vec<String> {
        Vec::new()
    }

    /// What an event is meant for. A fat one is checked against the newest version of its schema,
    /// carries it, and has its personal fields sealed: the state must not keep what they say, and
    /// what is read of them later is a sealed value and no text.
    fn category(_event: &EventOf<Self>) -> Category {
        Category::Domain
    }
}

/// The state of an aggregate's entities.
pub type StateOf<A> = <<A as Aggregate>::Decider as Decider>::State;
/// What may be wished for of an aggregate's entities.
pub type CommandOf<A> = <<A as Aggregate>::Decider as Decider>::Command;
/// What happens to an aggregate's entities.
pub type EventOf<A> = <<A as Aggregate>::Decider as Decider>::Event;

/// The state of an entity with its version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Loaded<S> {
    /// How many events the state is made of.
    pub version: u64,
    /// The state.
    pub state: S,
    /// Which shape of state it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) schema: String,
}

/// A kept state before it is known whether it is of today's shape.
#[derive(Deserialize)]
pub(super) struct Kept {
    version: u64,
    state: Value,
    #[serde(default)]
    schema: String,
}

impl Kept {
    /// The state, unless it is one of another schema.
    pub(super) fn today<A: Aggregate>(self) -> Option<Loaded<StateOf<A>>> {
        if self.schema != schema::<A>() {
            return None;
        }
        let state = serde_json::from_value(self.state).ok()?;
        Some(Loaded { version: self.version, state, schema: self.schema })
    }
}

/// Names the shape of an aggregate's state: the JSON of the first one, and the version that its
/// code declares.
fn schema<A: Aggregate>() -> String {
    let first = serde_json::to_vec(&StateOf::<A>::default()).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(A::STATE_VERSION.to_be_bytes());
    hash.update(first);
    hash.finalize()[..8].iter().fold(String::with_capacity(16), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    })
}

impl<S: Default> Loaded<S> {
    /// Before the first event.
    pub(super) fn first() -> Self {
        Self { version: 0, state: S::default(), schema: String::new() }
    }
}

/// The key of a snapshot; those of one entity lie together in the order of their versions. The id's
/// length first, so that no id is a prefix of another one's keys.
pub(super) fn snapshot_key<A: Aggregate>(id: &str, version: u64) -> String {
    format!("{}/{version:020}", snapshots_of::<A>(id))
}

pub(super) fn snapshots_of<A: Aggregate>(id: &str) -> String {
    format!("{}/{}/{id}", A::STREAM_TYPE, id.len())
}

/// Keeps the state of an entity with the events that led to it; `before` is the version that those
/// were decided on.
pub(super) fn keep<A: Aggregate>(
    tx: &mut TransactionContext<'_>,
    id: &str,
    before: u64,
    version: u64,
    state: StateOf<A>,
) -> Result<(), ActivityError> {
    let loaded = Loaded { version, state, schema: schema::<A>() };
    let own = entity_rows::of::<A>(tx.extension::<Commands>())?;
    let mut rows = tx.enter(&own)?;
    if before / SNAPSHOT_EVERY != version / SNAPSHOT_EVERY {
        rows.put(SNAPSHOTS, &snapshot_key::<A>(id, version), &serde_json::to_value(&loaded)?)?;
    }
    rows.put(states::<A>(), id, &loaded)
}

pub(super) fn stream<A: Aggregate>(id: &str) -> StreamId {
    StreamId::new(A::STREAM_TYPE, id)
}

/// The newest state of an entity, if it exists: for who has its type. A domain keeps that to itself,
/// and so the table of its states:
///
/// ```compile_fail,E0603
/// mod orders {
///     use everstep_activities::commands::Aggregate;
///     use everstep_activities::decider::{Decider, Moment, Output};
///
///     struct Orders;
///     impl Decider for Orders {
///         type State = u64;
///         type Command = ();
///         type Event = ();
///         fn decide(state: &u64, _: &(), _: &mut Moment) -> Output<Self> {
///             Output::success(state, Vec::new())
///         }
///         fn evolve(state: u64, _: &()) -> u64 {
///             state
///         }
///     }
///     impl Aggregate for Orders {
///         type Decider = Self;
///         const CONTEXT: &'static str = "orders";
///         const STREAM_TYPE: &'static str = "Order";
///     }
/// }
///
/// // A handler of another context.
/// fn intrude(tx: &everstep_engine::TransactionContext<'_>) {
///     let _ = everstep_activities::commands::load::<orders::Orders>(tx, "order-1");
/// }
/// ```
///
/// With a type of its own making for the same streams it is told `CONTEXT_ISOLATED`, and no
/// [`Table`](everstep_engine::Table) names these rows.
///
/// # Errors
/// `CONTEXT_ISOLATED` for a type that the worker does not declare for these streams; when the store cannot be read, or holds a state or an event of another shape.
pub fn load<A: Aggregate>(
    tx: &TransactionContext<'_>,
    id: &str,
) -> Result<Option<Loaded<StateOf<A>>>, ActivityError> {
    let stream = stream::<A>(id);
    let events = tx.stream_head(&stream)?.events;
    let own = entity_rows::of::<A>(tx.extension::<Commands>())?;
    let snapshot = tx.peek(&own, kept::<A>(), id)?.and_then(Kept::today::<A>);
    let mut loaded = match snapshot {
        None if events == 0 => return Ok(None),
        snapshot => snapshot.unwrap_or_else(Loaded::first),
    };
    let language = tx.extension::<DeclaredLanguage>();
    while loaded.version < events {
        let page = tx.read_stream(&stream, loaded.version, PAGE)?;
        let Some(last) = page.last() else { break };
        let version = last.version();
        for event in &page {
            if let Some(event) = decode_as_today::<EventOf<A>>(language, event)? {
                loaded.state = A::Decider::evolve(loaded.state, &event);
            }
        }
        loaded.version = version;
    }
    Ok(Some(loaded))
}

/// The domain's event, as deciders and projections take it; none for one of a type that this code
/// does not know. Personal fields are as they stand: sealed, or shredded.
///
/// # Errors
/// `invalid_event` when it has another shape.
pub fn decode<E: DeserializeOwned>(event: &RecordedEvent) -> Result<Option<E>, ActivityError> {
    decoded(event, &serde_json::from_slice(event.data())?)
}

/// The same, migrated to today's version of its schema where the worker declares how.
///
/// # Errors
/// As [`decode`]; `NO_MIGRATION_PATH`.
pub(super) fn decode_as_today<E: DeserializeOwned>(
    language: Option<&DeclaredLanguage>,
    event: &RecordedEvent,
) -> Result<Option<E>, ActivityError> {
    let Some(language) = language else { return decode(event) };
    decoded(event, &language.read(event).map_err(LanguageError::into_failure)?.data)
}

fn decoded<E: DeserializeOwned>(
    event: &RecordedEvent,
    data: &Value,
) -> Result<Option<E>, ActivityError> {
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

/// What a domain's event becomes, beside what it says.
pub(super) struct Encoding {
    pub(super) context: &'static str,
    pub(super) category: Category,
    pub(super) schema_version: u32,
    pub(super) tags: Vec<String>,
}

/// A domain's event as it is appended. A fat one is held against its schema and sealed.
pub(super) fn encode<E: Serialize>(
    tx: &mut TransactionContext<'_>,
    event: &E,
    encoding: Encoding,
) -> Result<NewEvent, ActivityError> {
    let Encoding { context, category, schema_version, tags } = encoding;
    let Value::Object(mut tagged) = serde_json::to_value(event)? else {
        return Err(untagged(context));
    };
    let Some(Value::String(name)) = tagged.remove("type") else { return Err(untagged(context)) };
    let data = tagged.remove("data").unwrap_or(Value::Null);
    let mut new = match (category, data) {
        (Category::Fat, Value::Object(fields)) => {
            let fat = FatEvent::of_fields(name, fields);
            tags.into_iter().fold(fat, FatEvent::tag).build(tx)?
        }
        (_, data) => {
            let mut new = NewEvent::new(name, serde_json::to_vec(&data)?);
            new.tags = tags.into_iter().map(Into::into).collect();
            (new.category, new.schema_version) = (category, schema_version);
            new
        }
    };
    new.context = Some(context.into());
    Ok(new)
}

fn untagged(context: &str) -> ActivityError {
    let what = format!(
        "an event of context `{context}` has no name in JSON: derive it with `tag = \"type\", content = \"data\"`"
    );
    ActivityError::new("invalid_event", what).non_retryable()
}

/// The events of a decision about one entity, which is at `version`.
pub(super) fn append<'e, A: Aggregate>(
    tx: &mut TransactionContext<'_>,
    id: &str,
    version: u64,
    events: impl IntoIterator<Item = &'e EventOf<A>>,
) -> Result<StreamAppend, ActivityError> {
    let encoding = |event: &EventOf<A>| Encoding {
        context: A::CONTEXT,
        category: A::category(event),
        schema_version: A::SCHEMA_VERSION,
        tags: A::tags(id, event),
    };
    let events: Result<Vec<_>, _> =
        events.into_iter().map(|event| encode(tx, event, encoding(event))).collect();
    let expected = Expected::Version(version);
    Ok(StreamAppend { stream: Some(stream::<A>(id)), expected, events: events? })
}
