//! What an entity is and was: its state now, at a version or at a time, made from its events.
//!
//! Invariant: a state is the fold of the events up to its version, whichever snapshot it began
//! with. It is read from one moment of the store, off the loop.

use everstep_decider::Decider;
use everstep_engine::log::{Direction, LogReader, RecordedEvent, StreamId};
use everstep_engine::{
    ActivityError, ContextReads, ContextRows, Engine, Keys, Payload, Rejection, RowSnapshot,
    Timestamp,
};
use serde::Serialize;

use super::Commands;
use super::aggregate::{
    Aggregate, EventOf, Kept, Loaded, PAGE, SNAPSHOT_EVERY, StateOf, decode_as_today, snapshot_key,
    snapshots_of, stream,
};
use super::entity_rows::{self, Entities, SNAPSHOTS, kept};
use crate::language::DeclaredLanguage;

/// Snapshots that are read at once.
const SNAPSHOTS_AT_ONCE: usize = 16;

/// Which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// After the newest event.
    #[default]
    Now,
    /// After so many events.
    Version(u64),
    /// After the last event that was appended by then.
    Time(Timestamp),
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The worker declares no entities in streams of this type.
    #[error("streams of type `{stream_type}` are no entities of this worker; known: {known}")]
    UnknownAggregate {
        /// The type of the stream.
        stream_type: String,
        /// Those that there are.
        known: String,
    },
    /// There is no such stream, or it was not there yet.
    #[error("stream `{0}` does not exist")]
    NotFound(StreamId),
    /// It was not there yet.
    #[error("stream `{stream}` did not exist at {at}")]
    NotYet {
        /// Which one.
        stream: StreamId,
        /// When.
        at: Timestamp,
    },
    /// It has fewer events.
    #[error("stream `{stream}` has {newest} events: it has no version {version}")]
    NoVersion {
        /// Which one.
        stream: StreamId,
        /// The version that was asked for.
        version: u64,
        /// The one that it has.
        newest: u64,
    },
    /// An event, or the state, is not what today's code expects.
    #[error("{0}")]
    Unreadable(ActivityError),
    /// The store cannot be read, or the namespace does not exist.
    #[error(transparent)]
    Engine(#[from] Rejection),
}

/// An entity at a version.
#[derive(Clone, Debug, Serialize)]
pub struct StateView {
    /// Its stream.
    pub stream: String,
    /// The stream's type.
    pub stream_type: String,
    /// The stream's id within the type.
    pub stream_id: String,
    /// How many events the state is made of.
    pub version: u64,
    /// How many there are.
    pub newest_version: u64,
    /// The position of the last of them; 0 before the first.
    pub position: u64,
    /// When that was appended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// The version of the snapshot that it was made from; 0 for the events alone.
    pub snapshot_version: u64,
    /// The state.
    pub state: Payload,
}

/// Reads entities of a namespace.
#[derive(Clone, Debug)]
pub struct AggregateReader {
    engine: Engine,
    namespace: String,
}

impl AggregateReader {
    /// Of a namespace.
    pub fn new(engine: Engine, namespace: impl Into<String>) -> Self {
        Self { engine, namespace: namespace.into() }
    }

    /// An entity as it is, or was; none where it has, or had, no event. Blocks while it reads.
    ///
    /// # Errors
    /// [`StateError::NoVersion`], [`StateError::Unreadable`]; when the store cannot be read.
    pub fn state<A: Aggregate>(
        &self,
        id: &str,
        at: At,
    ) -> Result<Option<Loaded<StateOf<A>>>, StateError> {
        let rows = self.engine.rows(&self.namespace)?;
        let known = Known::of(&self.engine);
        let head = rows.log().stream_head(&stream::<A>(id)).map_err(Rejection::from)?;
        if head.events == 0 {
            return Ok(None);
        }
        match version_at(&rows.log(), &stream::<A>(id), head.events, at) {
            Ok(version) => Ok(Some(fold::<A>(&rows, known, id, version)?.0)),
            Err(StateError::NotYet { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same for a stream of any type whose entities the worker knows, as JSON.
    ///
    /// # Errors
    /// [`StateError::UnknownAggregate`], [`StateError::NotFound`], [`StateError::NotYet`], and as
    /// [`AggregateReader::state`].
    pub fn view(&self, stream: &StreamId, at: At) -> Result<StateView, StateError> {
        let commands = self.engine.extension::<Commands>();
        let Some(by) = commands.and_then(|commands| commands.fold(&stream.stream_type)) else {
            let known: Vec<_> = commands.into_iter().flat_map(Commands::aggregates).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let stream_type = stream.stream_type.to_string();
            return Err(StateError::UnknownAggregate { stream_type, known });
        };
        let rows = self.engine.rows(&self.namespace)?;
        let known = Known::of(&self.engine);
        let log = rows.log();
        let newest_version = log.stream_head(stream).map_err(Rejection::from)?.events;
        if newest_version == 0 {
            return Err(StateError::NotFound(stream.clone()));
        }
        let version = version_at(&log, stream, newest_version, at)?;
        let (state, snapshot_version) = (by.json)(&rows, known, &stream.id, version)?;
        let last = event_of(&log, stream, version)?;
        Ok(StateView {
            stream: stream.to_string(),
            stream_type: stream.stream_type.to_string(),
            stream_id: stream.id.to_string(),
            version,
            newest_version,
            position: last.as_ref().map_or(0, RecordedEvent::position),
            recorded_at: last.map(|last| Timestamp::from_millis(last.recorded_at_ms())),
            snapshot_version,
            state,
        })
    }
}

/// What a worker declares, as far as states are made with it.
#[derive(Clone, Copy)]
struct Known<'e> {
    language: Option<&'e DeclaredLanguage>,
    commands: Option<&'e Commands>,
}

impl<'e> Known<'e> {
    fn of(engine: &'e Engine) -> Self {
        Self { language: engine.extension(), commands: engine.extension() }
    }
}

type FoldJson = fn(&RowSnapshot, Known<'_>, &str, u64) -> Result<(Payload, u64), StateError>;

/// How the state of entities of one type is made.
#[derive(Clone, Copy)]
pub(super) struct Fold {
    json: FoldJson,
}

impl Fold {
    pub(super) fn of<A: Aggregate>() -> Self {
        Self {
            json: |rows, known, id, version| {
                let (loaded, from) = fold::<A>(rows, known, id, version)?;
                let state = Payload::from_value(&loaded.state)
                    .map_err(|error| StateError::Unreadable(error.into()))?;
                Ok((state, from))
            },
        }
    }
}

fn event_of(
    log: &LogReader<'_>,
    stream: &StreamId,
    version: u64,
) -> Result<Option<RecordedEvent>, StateError> {
    if version == 0 {
        return Ok(None);
    }
    let found = log.stream(stream, version, Direction::Forwards, 1).map_err(Rejection::from)?;
    Ok(found.into_iter().next())
}

/// The version that is asked for, of a stream with `newest` events.
fn version_at(
    log: &LogReader<'_>,
    stream: &StreamId,
    newest: u64,
    at: At,
) -> Result<u64, StateError> {
    let at = match at {
        At::Now => return Ok(newest),
        At::Version(version) if version <= newest => return Ok(version),
        At::Version(version) => {
            return Err(StateError::NoVersion { stream: stream.clone(), version, newest });
        }
        At::Time(at) => at,
    };
    // The last one that was appended by then is in `low..=high`.
    let (mut low, mut high) = (0, newest);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let event = event_of(log, stream, middle)?;
        match event.is_some_and(|event| event.recorded_at_ms() <= at.as_millis()) {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    match low {
        0 => Err(StateError::NotYet { stream: stream.clone(), at }),
        version => Ok(version),
    }
}

/// The state after `version` events, and the version of the snapshot that it began with.
fn fold<A: Aggregate>(
    rows: &RowSnapshot,
    Known { language, commands }: Known<'_>,
    id: &str,
    version: u64,
) -> Result<(Loaded<StateOf<A>>, u64), StateError> {
    let own = entity_rows::of::<A>(commands).map_err(StateError::Unreadable)?;
    let states = rows.enter(&own).map_err(StateError::Unreadable)?;
    let newest = states.get(kept::<A>(), id).map_err(StateError::Unreadable)?;
    let newest = newest.and_then(Kept::today::<A>);
    let newest = newest.filter(|newest| newest.version <= version);
    let begin = match newest {
        Some(newest) => Some(newest),
        None => snapshot_before::<A>(&states, id, version)?,
    };
    let mut loaded = begin.unwrap_or_else(Loaded::first);
    let from = loaded.version;
    let (log, stream) = (rows.log(), stream::<A>(id));
    while loaded.version < version {
        let left = usize::try_from(version - loaded.version).unwrap_or(PAGE).min(PAGE);
        let page = log.stream(&stream, loaded.version + 1, Direction::Forwards, left);
        let page = page.map_err(Rejection::from)?;
        let Some(last) = page.last() else { break };
        let reached = last.version();
        for event in &page {
            if let Some(event) =
                decode_as_today::<EventOf<A>>(language, event).map_err(StateError::Unreadable)?
            {
                loaded.state = A::Decider::evolve(loaded.state, &event);
            }
        }
        loaded.version = reached;
    }
    Ok((loaded, from))
}

/// The last snapshot of today's shape up to a version. As a rule it lies close before; where states
/// were kept in another shape meanwhile, further back.
fn snapshot_before<A: Aggregate>(
    states: &ContextRows<'_, Entities>,
    id: &str,
    version: u64,
) -> Result<Option<Loaded<StateOf<A>>>, StateError> {
    let near = version.saturating_sub(2 * SNAPSHOT_EVERY);
    for first in [near, 0] {
        let mut found = None;
        let mut after = Some(snapshot_key::<A>(id, first));
        let end = snapshot_key::<A>(id, version);
        while let Some(last) = after.take() {
            let keys = Keys::prefix(format!("{}/", snapshots_of::<A>(id))).after(last);
            let page = states.range(SNAPSHOTS, &keys.limit(SNAPSHOTS_AT_ONCE));
            let page = page.map_err(StateError::Unreadable)?;
            let has_more = page.len() == SNAPSHOTS_AT_ONCE;
            after =
                page.last().filter(|(key, _)| has_more && *key < end).map(|(key, _)| key.clone());
            for (_, kept) in page.into_iter().filter(|(key, _)| *key <= end) {
                let kept: Option<Kept> = serde_json::from_value(kept).ok();
                found = kept.and_then(Kept::today::<A>).or(found);
            }
        }
        if found.is_some() || first == 0 {
            return Ok(found);
        }
    }
    Ok(None)
}
