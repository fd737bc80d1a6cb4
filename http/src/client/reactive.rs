//! A row of a view in front of what the server has made durable: folded here, by the projection's
//! own code, and shown before the server has said yes.
//!
//! Invariant: what is shown is the server's durable row, the events after it in the order of their
//! positions, each once, and nothing else but what [`expect`](ReactiveProjection::expect) has put in
//! front; over any number of connections.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};
use tokio::time::{Instant, sleep_until};

use super::commands::CommandInput;
use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::sse::{Frame, Frames};
use super::workflows::{Client, millis};
use crate::commands::CommandRequest;
use crate::log::{NewEvent, RecordedEvent, Told};
use crate::projections::{Projection, ProjectionCode};
use crate::reactive::{Durable, Happened, Notice, PATIENCE_MS, Reactive};
use crate::{LoggedEvent, Payload};

/// What is shown of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct ReactiveView<S> {
    /// What it holds; none where there is no row.
    pub state: Option<S>,
    /// Whether there is more in it than in the durable row.
    pub is_optimistic: bool,
    /// Every event up to here is in the durable row.
    pub durable_position: u64,
    /// Events in the state that are not in the durable row yet, and those that are expected.
    pub pending_events: usize,
}

/// A row that follows its events, and runs ahead of them.
///
/// ```no_run
/// use everstep::client::{Client, CommandInput};
/// use everstep::log::NewEvent;
/// use everstep::projections::{Category, Projection, ProjectionCode};
/// use everstep::Payload;
///
/// const ORDERS: Projection<u64> = Projection::new("customerOrders", Category::View);
///
/// /// What the server's worker registers, and what the client folds with.
/// fn orders() -> ProjectionCode {
///     ORDERS
///         .row(
///             |event| event.tags().map(str::to_owned).collect::<Vec<_>>(),
///             |orders, _event| Ok(Some(orders.unwrap_or(0) + 1)),
///         )
///         .events(["OrderSubmitted"])
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new("http://127.0.0.1:3837")?;
/// let mut row = client.reactive_projection(ORDERS, orders(), "customer:ada").await?;
/// let submit = CommandInput::new(Payload::parse(r#"{"orderId": "o-1"}"#)?);
/// let expected = NewEvent::new("OrderSubmitted", "{}").tag("customer:ada");
/// let sending = row.send("SubmitOrder", submit, &expected);
/// println!("shown before it is answered: {:?}", row.view()?);
/// row.settle(sending.await)?; // a refusal takes it back
/// loop {
///     let notices = row.changed().await?;
///     println!("{:?} {notices:?}", row.view()?);
/// }
/// # }
/// ```
pub struct ReactiveProjection<S> {
    client: Client,
    code: Arc<ProjectionCode>,
    key: String,
    row: Reactive<Payload, RecordedEvent>,
    stream: Option<Frames>,
    /// The server has said that what was told is not all: the row has to be read again.
    is_stale: bool,
    patience: Duration,
    /// Times are counted from here.
    begun: Instant,
    states: PhantomData<fn() -> S>,
}

/// What became of a command that was sent with an expectation.
#[derive(Debug)]
pub struct Sent {
    /// The command's id.
    pub id: String,
    /// Its record, or why there is none.
    pub outcome: Result<serde_json::Value, ClientError>,
}

/// What the server says of a durable row.
#[derive(Deserialize)]
struct Recent {
    state: Option<Payload>,
    position: u64,
    durable_position: u64,
    last_position: u64,
    events: Vec<LoggedEvent>,
}

#[derive(Deserialize)]
struct Row {
    durable_position: u64,
    #[serde(default)]
    events: Vec<LoggedEvent>,
}

#[derive(Deserialize)]
struct Position {
    durable_position: u64,
}

impl Client {
    /// A row of a view, folded here by `code`, which is what the server's worker registers.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way. A row that is not there is none.
    pub async fn reactive_projection<S: DeserializeOwned>(
        &self,
        _projection: Projection<S>,
        code: ProjectionCode,
        key: impl Into<String>,
    ) -> Result<ReactiveProjection<S>, ClientError> {
        let (code, key) = (Arc::new(code), key.into());
        let (own, of) = (Arc::clone(&code), key.clone());
        let evolve = move |row: Option<Payload>, event: &RecordedEvent| {
            match own.keys_of(event).contains(&of) {
                true => own.evolve(&of, row.as_ref(), event),
                // It says nothing to this row.
                false => Ok(row),
            }
        };
        let mut reactive = ReactiveProjection {
            client: self.clone(),
            code,
            key,
            row: Reactive::new(Durable::default(), evolve),
            stream: None,
            is_stale: false,
            patience: Duration::from_millis(PATIENCE_MS),
            begun: Instant::now(),
            states: PhantomData,
        };
        reactive.begin_again().await?;
        Ok(reactive)
    }
}

impl<S: DeserializeOwned> ReactiveProjection<S> {
    /// How long an expectation is shown of which nothing is heard; 30 s unless it is set.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The row's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The row as of now.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn view(&self) -> Result<ReactiveView<S>, ClientError> {
        let row = self.row.merged();
        let what = || format!("row `{}` of projection `{}`", self.key, self.code.name());
        Ok(ReactiveView {
            is_optimistic: row.is_optimistic(),
            durable_position: row.durable_position,
            pending_events: row.pending_events(),
            state: row
                .state
                .map(|state| state.to().map_err(ClientError::shape(what())))
                .transpose()?,
        })
    }

    /// Shows an event before it has happened. `id` is that of the command that is to lead to it.
    /// One that says nothing to the row, or is no event, leaves it as it is.
    pub fn expect(&mut self, id: impl Into<String>, event: &NewEvent) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let place = Told {
            stream: None,
            position: self.row.next_position(),
            version: 0,
            recorded_at_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
            hash: &[0; 32],
        };
        if let Some(event) = RecordedEvent::told(event, &place) {
            let now_ms = self.now_ms();
            self.row.expect(id, event, now_ms);
        }
    }

    /// Shows at once what is expected to come of a command, and sends it: hand the outcome to
    /// [`settle`](Self::settle).
    pub fn send(
        &mut self,
        command_type: &str,
        mut input: CommandInput,
        expected: &NewEvent,
    ) -> impl Future<Output = Sent> + use<S> {
        let id = input.command_id.get_or_insert_with(CommandRequest::fresh_id).clone();
        self.expect(id.clone(), expected);
        let (client, command_type) = (self.client.clone(), command_type.to_owned());
        async move {
            let outcome = client.send_command(&command_type, &input).await;
            Sent { id, outcome }
        }
    }

    /// What a command's outcome means for what was expected of it: a refusal takes it back. Where
    /// nobody can say whether the command arrived, it stays for as long as any expectation.
    ///
    /// # Errors
    /// That of the command.
    pub fn settle(&mut self, sent: Sent) -> Result<Option<Notice>, ClientError> {
        let Sent { id, outcome } = sent;
        match outcome {
            Ok(answer) => {
                let position = answer["first_position"].as_u64();
                Ok(position.and_then(|position| self.row.answered(&id, position)))
            }
            Err(error) => {
                if matches!(error, ClientError::Refused(_)) {
                    self.row.refused(&id);
                }
                Err(error)
            }
        }
    }

    /// What was to lead to an expected event was refused: it is not shown any more.
    pub fn refused(&mut self, id: &str) -> Option<Notice> {
        self.row.refused(id)
    }

    /// Waits until something is heard of the row, or an expectation has become too old, and says
    /// what became of expectations. After an error, ask again: it goes on where it was. It may be
    /// dropped and asked again.
    ///
    /// # Errors
    /// When the server cannot be reached, or has cut the reader off.
    pub async fn changed(&mut self) -> Result<Vec<Notice>, ClientError> {
        if self.is_stale {
            return self.begin_again().await;
        }
        let expires = self.expires();
        let Some(stream) = &mut self.stream else {
            let path = self.path().segment("events").parameter("events", Some("true"));
            let from = self.row.newest_position();
            let opened = tokio::select! {
                opened = self.client.connection.follow(path, from) => opened,
                () = until(expires) => return Ok(self.expire()),
            };
            self.stream = Some(opened?);
            return Ok(self.expire());
        };
        let frame = tokio::select! {
            frame = stream.next() => frame,
            () = until(expires) => return Ok(self.expire()),
        };
        match frame {
            Ok(Some(frame)) => self.told(&frame).await,
            Ok(None) => {
                self.stream = None;
                Ok(self.expire())
            }
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    async fn told(&mut self, frame: &Frame) -> Result<Vec<Notice>, ClientError> {
        let shape = || ClientError::shape("a frame of a projection");
        match frame.name.as_str() {
            "row" => {
                let row: Row = serde_json::from_str(&frame.data).map_err(shape())?;
                let last = row.events.last().map_or(0, |event| event.position);
                let mut notices = Vec::new();
                for event in &row.events {
                    notices.extend(self.row.happened(happened(event)?));
                }
                notices.extend(self.row.is_durable(row.durable_position.min(last)));
                Ok(notices)
            }
            "durable" => {
                let told: Position = serde_json::from_str(&frame.data).map_err(shape())?;
                Ok(self.row.is_durable(told.durable_position))
            }
            "resync" => {
                self.is_stale = true;
                self.begin_again().await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Reads the durable row and what comes after it.
    async fn begin_again(&mut self) -> Result<Vec<Notice>, ClientError> {
        let path = self.path().segment("recent");
        let recent: Recent = self.client.connection.send(Call::get(path)).await?.to()?;
        let Recent { state, position, durable_position, last_position, events } = recent;
        let durable = Durable { state, changed_at: position, position: durable_position };
        let events: Vec<_> = events.iter().map(happened).collect::<Result<_, _>>()?;
        self.is_stale = false;
        Ok(self.row.begin_again(durable, events, last_position))
    }

    fn path(&self) -> Path {
        let path = Path::new("/api/v1/projections").segment(self.code.name());
        path.segment("rows").segment(&self.key)
    }

    fn now_ms(&self) -> u64 {
        millis(self.begun.elapsed())
    }

    /// When the oldest expectation becomes too old.
    fn expires(&self) -> Option<Instant> {
        let since = Duration::from_millis(self.row.expects_since()?);
        Some(self.begun + since + self.patience + Duration::from_millis(1))
    }

    fn expire(&mut self) -> Vec<Notice> {
        let (now_ms, patience_ms) = (self.now_ms(), millis(self.patience));
        self.row.expire(now_ms, patience_ms)
    }
}

/// For ever where there is no such instant.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn happened(event: &LoggedEvent) -> Result<Happened<RecordedEvent>, ClientError> {
    let recorded = event.to_recorded();
    let recorded = recorded.ok_or_else(|| {
        let reason = serde_json::Error::custom("it is no event of a log");
        ClientError::shape(format!("the event at {}", event.position))(reason)
    })?;
    Ok(Happened {
        position: event.position,
        id: event.event_id.clone(),
        cause: event.causation_id.clone(),
        event: recorded,
    })
}

impl<S> fmt::Debug for ReactiveProjection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactiveProjection")
            .field("projection", &self.code.name())
            .field("key", &self.key)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}
