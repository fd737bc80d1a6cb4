//! The workflow routes, untyped: payloads are JSON texts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::connection::{Call, Connection};
use super::error::ClientError;
use super::event::{Event, EventPage};
use super::path::Path;
use super::sse::EventStream;
use super::typed::Start;
use crate::{
    Failure, IdReuse, ListFilter, ListOrder, OnConflict, Payload, Query, RunCounts, RunDescription,
    RunId, RunPage, RunResult, RunStatus, Selector, Signal, SignalInput, StartRequest, Started,
    UpdateInput, UpdateState, Workflow,
};

/// The longest wait that the server grants one request.
pub(super) const LONGEST_POLL: Duration = Duration::from_secs(60);

/// A client of one server. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) connection: Connection,
    /// Descriptions and histories refer to large payloads.
    pub(super) refers: bool,
}

/// The body of a start.
#[derive(Serialize)]
struct StartBody<'a> {
    #[serde(rename = "type")]
    workflow_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    input: &'a Payload,
    #[serde(skip_serializing_if = "is_default")]
    id_reuse: IdReuse,
    #[serde(skip_serializing_if = "is_default")]
    on_conflict: OnConflict,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memo: Option<&'a Payload>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    search_attributes: &'a BTreeMap<String, Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a SignalInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'a UpdateInput>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a start answered, and how the run ended if it did within the wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartAnswer {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run that was started or found.
    pub run_id: RunId,
    /// Whether this request started it.
    pub started: bool,
    /// Where it stands, when the start waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// What it returned, when `completed`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub result: Option<Payload>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What became of the update that came with the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateState>,
}

/// A `null` that is there is a result, not its absence.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:3837`. Connects at the first
    /// call.
    ///
    /// # Errors
    /// [`ClientError::Address`] when that is no address.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Ok(Self { refers: false, connection: Connection::new(url)? })
    }

    /// The same client with the token that says who asks.
    ///
    /// # Errors
    /// [`ClientError::Address`] when a header cannot hold it.
    pub fn with_token(mut self, token: &str) -> Result<Self, ClientError> {
        self.connection.set_token(token)?;
        Ok(self)
    }

    /// The same client, for the runs of another namespace: calls whose selector names no
    /// namespace of its own go there.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.connection.set_namespace(namespace);
        self
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        self.connection.url()
    }

    /// Prepares a typed start; it happens at [`Start::start`].
    ///
    /// # Errors
    /// [`ClientError::Shape`] when the input has no JSON form.
    pub fn workflow<I: Serialize, O>(
        &self,
        workflow: Workflow<I, O>,
        input: &I,
    ) -> Result<Start<O>, ClientError> {
        Start::new(self.clone(), workflow, input)
    }

    /// Starts a workflow; durable when answered.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn start(&self, request: &StartRequest) -> Result<Started, ClientError> {
        let answer = self.start_and_wait(request, Duration::ZERO).await?;
        let StartAnswer { workflow_id, run_id, started, .. } = answer;
        Ok(Started { workflow_id, run_id, started })
    }

    /// Starts a workflow and waits for its end, at most `wait` and at most a minute.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn start_and_wait(
        &self,
        request: &StartRequest,
        wait: Duration,
    ) -> Result<StartAnswer, ClientError> {
        let body = StartBody {
            workflow_type: &request.workflow_type,
            id: request.workflow_id.as_deref(),
            input: &request.input,
            id_reuse: request.id_reuse,
            on_conflict: request.on_conflict,
            start_delay_ms: request.start_delay_ms,
            execution_timeout_ms: request.execution_timeout_ms,
            run_timeout_ms: request.run_timeout_ms,
            memo: request.memo.as_ref(),
            search_attributes: &request.search_attributes,
            signal: request.signal.as_ref(),
            update: request.update.as_deref(),
        };
        let body = serde_json::to_vec(&body).map_err(ClientError::shape("the start"))?;
        let wait = wait.min(LONGEST_POLL);
        let path = Path::new("/api/v1/workflows")
            .in_namespace(&request.namespace)
            .parameter("wait_ms", (!wait.is_zero()).then(|| millis(wait)));
        let call =
            Call::post(path, body).idempotency_key(request.idempotency_key.clone()).waiting(wait);
        self.connection.send(call).await?.to()
    }

    /// The run's result, waiting for it at most `wait`, however long that is; `running` or
    /// `paused` when it is still open then.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn result(
        &self,
        selector: &Selector,
        wait: Duration,
    ) -> Result<RunResult, ClientError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            let left = deadline.map_or(LONGEST_POLL, |at| at.duration_since(Instant::now()));
            let poll = left.min(LONGEST_POLL);
            let path = Path::of_workflow(selector, &["result"])
                .parameter("wait_ms", (!poll.is_zero()).then(|| millis(poll)));
            let answer = self.connection.send(Call::get(path).waiting(poll)).await?;
            let result: RunResult = answer.to()?;
            if result.status.is_closed() || left <= poll {
                return Ok(result);
            }
        }
    }

    /// Sends a signal; durable when answered. With a key, a repeated send does nothing more.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn signal(
        &self,
        selector: &Selector,
        signal: &SignalInput,
        idempotency_key: Option<String>,
    ) -> Result<(), ClientError> {
        let path = Path::of_workflow(selector, &["signals", &signal.name]);
        let body = signal.payload.as_bytes().to_vec();
        self.connection.send(Call::post(path, body).idempotency_key(idempotency_key)).await?;
        Ok(())
    }

    /// Sends a signal by its constant.
    ///
    /// # Errors
    /// As [`Client::signal`].
    pub async fn send_signal<T: Serialize>(
        &self,
        selector: &Selector,
        signal: Signal<T>,
        payload: &T,
    ) -> Result<(), ClientError> {
        let payload = Payload::from_value(payload)
            .map_err(ClientError::shape(format!("the payload of signal `{}`", signal.name())))?;
        self.signal(selector, &SignalInput { name: signal.name().to_owned(), payload }, None).await
    }

    /// Asks for what a workflow published under a name; works on closed runs too.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn query(
        &self,
        selector: &Selector,
        name: &str,
        argument: &Payload,
    ) -> Result<Payload, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            result: Payload,
        }
        let path = Path::of_workflow(selector, &["queries", name]);
        let call = Call::post(path, argument.as_bytes().to_vec());
        let answered: Answered = self.connection.send(call).await?.to()?;
        Ok(answered.result)
    }

    /// Asks a query by its constant.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub async fn ask<A: Serialize, T: serde::de::DeserializeOwned>(
        &self,
        selector: &Selector,
        query: Query<A, T>,
        argument: &A,
    ) -> Result<T, ClientError> {
        let what = format!("query `{}`", query.name());
        let argument = Payload::from_value(argument)
            .map_err(ClientError::shape(format!("the argument of {what}")))?;
        let result = self.query(selector, query.name(), &argument).await?;
        result.to().map_err(ClientError::shape(format!("the result of {what}")))
    }

    /// Asks a run to end in its own way.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn cancel(&self, selector: &Selector) -> Result<(), ClientError> {
        let call = Call::post(Path::of_workflow(selector, &["cancel"]), "{}");
        self.connection.send(call).await.map(drop)
    }

    /// Ends a run at once.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn terminate(&self, selector: &Selector, reason: &str) -> Result<(), ClientError> {
        let body = serde_json::json!({ "reason": reason }).to_string();
        let call = Call::post(Path::of_workflow(selector, &["terminate"]), body);
        self.connection.send(call).await.map(drop)
    }

    /// Everything about one run but its events.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn describe(&self, selector: &Selector) -> Result<RunDescription, ClientError> {
        let path = Path::of_workflow(selector, &[]).parameter("payloads", self.payloads());
        self.connection.send(Call::get(path)).await?.to()
    }

    /// A page of the list, newest first.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn list(
        &self,
        filter: &ListFilter,
        page_size: Option<usize>,
        page_token: Option<&str>,
    ) -> Result<RunPage, ClientError> {
        self.list_in_order(filter, &ListOrder::default(), page_size, page_token).await
    }

    /// A page of the list in another order. A page that is `partial` is not full, and goes on with
    /// its token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn list_in_order(
        &self,
        filter: &ListFilter,
        order: &ListOrder,
        page_size: Option<usize>,
        page_token: Option<&str>,
    ) -> Result<RunPage, ClientError> {
        let sort = (*order != ListOrder::default()).then(|| order.to_string());
        let path = filtered("/api/v1/workflows", filter)
            .parameter("sort", sort)
            .parameter("page_size", page_size)
            .parameter("page_token", page_token);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// How many runs pass a filter, and how many of them are in each group: `status`, `type`,
    /// `queue`, `build`, `version`, `fingerprint` or `attr.NAME`.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn count(
        &self,
        filter: &ListFilter,
        group_by: Option<&str>,
    ) -> Result<RunCounts, ClientError> {
        let path = filtered("/api/v1/workflow-counts", filter).parameter("group_by", group_by);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// A page of a run's history from event `from` (from 1); with `follow`, waits that long (at
    /// most a minute) for an event that is not there yet.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn history(
        &self,
        selector: &Selector,
        from: u64,
        page_size: Option<usize>,
        follow: Duration,
    ) -> Result<EventPage, ClientError> {
        let follow = follow.min(LONGEST_POLL);
        let path = Path::of_workflow(selector, &["history"])
            .parameter("from", Some(from))
            .parameter("page_size", page_size)
            .parameter("follow_ms", (!follow.is_zero()).then(|| millis(follow)))
            .parameter("payloads", self.payloads());
        self.connection.send(Call::get(path).waiting(follow)).await?.to()
    }

    /// The same client, whose descriptions and histories hold a
    /// [`PayloadReference`](crate::PayloadReference) in the place of each large payload.
    #[must_use]
    pub fn referring(&self) -> Self {
        Self { refers: true, ..self.clone() }
    }

    fn payloads(&self) -> Option<&'static str> {
        self.refers.then_some("reference")
    }

    /// One payload of an event of a run's history, by its place in the event (from 0): what stands
    /// behind a [`PayloadReference`](crate::PayloadReference).
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn payload(
        &self,
        selector: &Selector,
        event_id: u64,
        index: u16,
    ) -> Result<Payload, ClientError> {
        let (event_id, index) = (event_id.to_string(), index.to_string());
        let path = Path::of_workflow(selector, &["history", &event_id, "payloads", &index]);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// The whole history as it is now, page by page. For histories that fit in memory.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn whole_history(&self, selector: &Selector) -> Result<Vec<Event>, ClientError> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let from = events.last().map_or(1, |event| event.event_id + 1);
            let page = self.history(selector, from, Some(1000), Duration::ZERO).await?;
            let ended = page.next_page_token.is_none() || page.events.is_empty();
            events.extend(page.events);
            if ended {
                return Ok(events);
            }
        }
    }

    /// A run's events from the one after `after` (0 for all), and then live.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn events(
        &self,
        selector: &Selector,
        after: u64,
    ) -> Result<EventStream, ClientError> {
        let path = Path::of_workflow(selector, &["events"]);
        self.connection.follow(path, after).await.map(EventStream::new)
    }

    /// The server's metrics: each sample's name, with its labels as they are written, and value.
    ///
    /// # Errors
    /// What went wrong on the way.
    pub async fn metrics(&self) -> Result<BTreeMap<String, f64>, ClientError> {
        let answer = self.connection.send(Call::get(Path::new("/metrics"))).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(samples.collect())
    }
}

/// A path with a filter's parameters.
fn filtered(path: &str, filter: &ListFilter) -> Path {
    let path = Path::new(path).in_namespace(&filter.namespace);
    filter
        .parameters()
        .into_iter()
        .fold(path, |path, (name, value)| path.parameter(&name, Some(value)))
}
