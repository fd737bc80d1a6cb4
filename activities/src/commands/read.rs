//! What is shown of commands: one of them, lists by status, what belongs to a correlation.

use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Engine, Payload, TransactError};
use serde::Serialize;

use super::orchestrator::INVALID;
use super::record::{self, CommandRecord, CommandStatus};

/// The most that one page holds.
const MOST: usize = 200;
/// Events of a correlation that are shown.
const MOST_EVENTS: usize = 1_000;

/// Which commands.
#[derive(Clone, Debug, Default)]
pub struct CommandQuery {
    /// Only those; every status otherwise.
    pub status: Option<CommandStatus>,
    /// At most so many; 0 for 50.
    pub limit: usize,
    /// Where the last page ended.
    pub page_token: Option<String>,
}

/// Some commands, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct CommandPage {
    /// The commands.
    pub commands: Vec<CommandRecord>,
    /// Asks for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What belongs to a correlation.
#[derive(Clone, Debug, Serialize)]
pub struct CorrelatedCommands {
    /// The correlation's id.
    pub correlation_id: String,
    /// Its commands.
    pub commands: Vec<CommandRecord>,
    /// Its events, in order.
    pub events: Vec<CommandEvent>,
}

/// An event that a command led to.
#[derive(Clone, Debug, Serialize)]
pub struct CommandEvent {
    /// Its place in the log.
    pub position: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The type of its stream.
    pub stream_type: String,
    /// Its stream.
    pub stream_id: String,
    /// Its place in the stream.
    pub version: u64,
    /// What it says.
    pub data: Payload,
    /// What belongs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// When it was appended, in milliseconds since 1970.
    pub recorded_at_ms: i64,
}

impl CommandEvent {
    fn of(event: &RecordedEvent) -> Self {
        Self {
            position: event.position(),
            event_type: event.event_type().to_owned(),
            stream_type: event.stream_type().to_owned(),
            stream_id: event.stream_id().to_owned(),
            version: event.version(),
            data: Payload::parse(event.data_bytes()).unwrap_or_default(),
            correlation_id: event.correlation_id().map(str::to_owned),
            causation_id: event.causation_id().map(str::to_owned),
            recorded_at_ms: event.recorded_at_ms(),
        }
    }
}

/// Reads the commands of a namespace.
#[derive(Clone)]
pub struct CommandReader {
    engine: Engine,
    namespace: String,
}

impl CommandReader {
    /// Of this engine and namespace.
    pub fn new(engine: Engine, namespace: impl Into<String>) -> Self {
        Self { engine, namespace: namespace.into() }
    }

    /// The command under an id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, command_id: &str) -> Result<Option<CommandRecord>, TransactError> {
        let id = command_id.to_owned();
        let found =
            self.engine.transact(&self.namespace, move |tx| record::record(tx, &id)).await?;
        Ok(self.engine.shown(found))
    }

    /// The events that a command led to, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn events(&self, record: &CommandRecord) -> Result<Vec<CommandEvent>, TransactError> {
        let Some(first) = record.first_position else { return Ok(Vec::new()) };
        let snapshot = self.engine.log(&self.namespace)?;
        let events = snapshot.reader().events(
            first,
            everstep_engine::log::Direction::Forwards,
            usize::try_from(record.events).unwrap_or(MOST_EVENTS).min(MOST_EVENTS),
        );
        let events = events.map_err(everstep_engine::Rejection::from)?;
        Ok(self.engine.shown(events.iter().map(CommandEvent::of).collect::<Vec<_>>()))
    }

    /// A page of commands.
    ///
    /// # Errors
    /// When the page token is none of ours, or the store cannot be read.
    pub async fn list(&self, query: CommandQuery) -> Result<CommandPage, TransactError> {
        let found = self.engine.transact(&self.namespace, move |tx| page(tx, &query)).await?;
        Ok(self.engine.shown(found))
    }

    /// Everything that belongs to a correlation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn correlation(&self, id: &str) -> Result<CorrelatedCommands, TransactError> {
        let wanted = id.to_owned();
        let commands = self.engine.transact(&self.namespace, move |tx| {
            let ids = record::correlated(tx, &wanted, MOST)?;
            let mut commands = Vec::with_capacity(ids.len());
            for id in ids {
                commands.extend(record::record(tx, &id)?);
            }
            commands.sort_by_key(|command| command.received_at_ms);
            Ok(commands)
        });
        let commands = commands.await?;
        let snapshot = self.engine.log(&self.namespace)?;
        let events = snapshot.reader().correlated(id, 0, MOST_EVENTS);
        let events = events.map_err(everstep_engine::Rejection::from)?;
        let events = events.iter().map(CommandEvent::of).collect();
        let found = CorrelatedCommands { correlation_id: id.to_owned(), commands, events };
        Ok(self.engine.shown(found))
    }
}

fn page(
    tx: &everstep_engine::TransactionContext<'_>,
    query: &CommandQuery,
) -> Result<CommandPage, ActivityError> {
    let limit = if query.limit == 0 { 50 } else { query.limit.min(MOST) };
    let statuses = match query.status {
        Some(status) => vec![status],
        None => CommandStatus::ALL.to_vec(),
    };
    // A token is the time and id after the status, which are in the same order in each list.
    let after = query.page_token.as_deref().map(place_of).transpose()?;
    let mut found = Vec::new();
    for status in statuses {
        let after = after.as_ref().map(|rest| format!("{}\u{1}{rest}", status.name()));
        for (key, id) in record::ids_of(tx, status, after.as_deref(), limit + 1)? {
            let rest = key.split_once('\u{1}').map_or("", |(_, rest)| rest).to_owned();
            found.push((rest, id));
        }
    }
    found.sort();
    let more = found.len() > limit;
    found.truncate(limit);
    let next_page_token = found.last().filter(|_| more).map(|(rest, _)| token_of(rest));
    let mut commands = Vec::with_capacity(found.len());
    for (_, id) in found {
        commands.extend(record::record(tx, &id)?);
    }
    Ok(CommandPage { commands, next_page_token })
}

/// The place in the lists, without letters that an address cannot hold.
fn token_of(place: &str) -> String {
    place.bytes().fold(String::new(), |token, byte| token + &format!("{byte:02x}"))
}

fn place_of(token: &str) -> Result<String, ActivityError> {
    let pairs = token.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|place| place.contains('\u{1}'))
        .ok_or_else(|| {
            ActivityError::new(INVALID, "the page token is none of ours").non_retryable()
        })
}
