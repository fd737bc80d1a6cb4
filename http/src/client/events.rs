//! The event log: appending, reading, following.

use std::time::Duration;

use super::connection::Call;
use super::error::ClientError;
use super::event_page::Page;
use super::path::Path;
use super::sse::LogStream;
use super::workflows::Client;
use crate::{AppendReceipt, AppendRequest, LogPage, LoggedEvent, RecordedPage, StreamDescription};

/// Which events are read.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// One of these types; none: any.
    pub types: Vec<String>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// Only events after this position; of a stream, after this version.
    pub after: Option<u64>,
    /// From the newest.
    pub backwards: bool,
    /// Events a page.
    pub page_size: Option<usize>,
    /// Data in the newest version that the worker declares a schema of, not as they were written.
    pub latest_schema: bool,
}

impl EventFilter {
    fn path(&self, path: Path) -> Path {
        let list = |names: &[String]| (!names.is_empty()).then(|| names.join(","));
        path.parameter("types", list(&self.types))
            .parameter("tags", list(&self.tags))
            .parameter("after", self.after)
            .parameter("direction", self.backwards.then_some("backwards"))
            .parameter("page_size", self.page_size)
            .parameter("schema", self.latest_schema.then_some("latest"))
    }
}

fn events() -> Path {
    Path::new("/api/v1/events")
}

fn stream_path(stream: &str) -> Path {
    Path::new("/api/v1/streams").segment(stream)
}

impl Client {
    /// Appends events, to `stream` where they name none of their own. Durable when answered; the
    /// same events under the same key are appended once.
    ///
    /// # Errors
    /// The server's refusal (`VERSION_CONFLICT`, `append_condition_failed` …), or what went wrong
    /// on the way.
    pub async fn append(
        &self,
        stream: Option<&str>,
        append: &AppendRequest,
        idempotency_key: Option<String>,
    ) -> Result<AppendReceipt, ClientError> {
        let body = serde_json::to_vec(append).map_err(ClientError::shape("the events"))?;
        let path = stream.map_or_else(events, |stream| stream_path(stream).segment("events"));
        self.connection.send(Call::post(path, body).idempotency_key(idempotency_key)).await?.to()
    }

    /// A page of events by position, waiting at most `wait` for the first.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn log_events(
        &self,
        filter: &EventFilter,
        wait: Duration,
    ) -> Result<LogPage, ClientError> {
        self.page(filter, wait).await?.shown()
    }

    /// The same as the log has them: of the type that projections and deciders are written against,
    /// and in the newest version of their data's shape, as those see them, only where the filter says
    /// so. Much faster: they come in the log's own bytes, and what they say is not parsed. Whoever
    /// keeps one keeps some more of the page in memory.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn recorded_events(
        &self,
        filter: &EventFilter,
        wait: Duration,
    ) -> Result<RecordedPage, ClientError> {
        self.page(filter, wait).await?.recorded()
    }

    async fn page(&self, filter: &EventFilter, wait: Duration) -> Result<Page, ClientError> {
        let ms = (!wait.is_zero()).then_some(wait.as_millis());
        let path = filter.path(events()).parameter("follow_ms", ms);
        Page::read(&self.connection, path, wait).await
    }

    /// What an entity is, or was after so many events, or at a time; as the server says it.
    ///
    /// # Errors
    /// The server's refusal (`stream_not_found`, `aggregate_not_found`, `version_not_found`), or
    /// what went wrong on the way.
    pub async fn stream_state(
        &self,
        stream: &str,
        version: Option<u64>,
        at: Option<&str>,
    ) -> Result<serde_json::Value, ClientError> {
        let path = stream_path(stream).segment("state");
        let path = path.parameter("version", version).parameter("at", at);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// Events as they come, live, behind the filter's position (or all of them). A reader that takes
    /// nothing for a while is cut off: it goes on with another stream after the last position that
    /// it saw, and misses nothing.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn follow_events(&self, filter: &EventFilter) -> Result<LogStream, ClientError> {
        let filter = EventFilter { backwards: false, page_size: None, ..filter.clone() };
        let path = filter.path(events());
        self.connection.follow(path, filter.after.unwrap_or_default()).await.map(LogStream::new)
    }

    /// The event at a position.
    ///
    /// # Errors
    /// The server's refusal (`event_not_found`), or what went wrong on the way.
    pub async fn log_event(&self, position: u64) -> Result<LoggedEvent, ClientError> {
        self.connection.send(Call::get(events().segment(&position.to_string()))).await?.to()
    }

    /// A page of a stream's events by version.
    ///
    /// # Errors
    /// The server's refusal (`stream_not_found`), or what went wrong on the way.
    pub async fn stream_events(
        &self,
        stream: &str,
        filter: &EventFilter,
    ) -> Result<LogPage, ClientError> {
        let path = filter.path(stream_path(stream).segment("events"));
        Page::read(&self.connection, path, Duration::ZERO).await?.shown()
    }

    /// What there is of a stream.
    ///
    /// # Errors
    /// The server's refusal (`stream_not_found`), or what went wrong on the way.
    pub async fn stream(&self, stream: &str) -> Result<StreamDescription, ClientError> {
        self.connection.send(Call::get(stream_path(stream))).await?.to()
    }
}
