//! `GET /ui/live?topics=runs,run:ID,log`: notices that something changed, as server-sent events.
//!
//! Invariants: a notice carries no state, so a lost one costs a late refresh and nothing else;
//! a topic is announced at most four times a second, and the last change is always announced.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Query;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use everstep_activities::commands;
use everstep_engine::{Change, ChangeKind, Engine};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use super::inspector::Inspector;
use super::refusal;
use crate::server::Draining;

/// Between two notices of one topic.
const QUIET: Duration = Duration::from_millis(250);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(1);
const MAX_STREAMS: usize = 512;
const MAX_TOPICS: usize = 16;

/// The open streams: how many more there may be, and the number of the last notice.
#[derive(Debug)]
pub(super) struct Streams {
    free: Arc<Semaphore>,
    sequence: AtomicU64,
}

impl Default for Streams {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(MAX_STREAMS)), sequence: AtomicU64::new(0) }
    }
}

/// The topic of all schedules, as pages ask for it.
pub(super) const SCHEDULES: &str = "schedules";
/// The topic of the event log.
pub(super) const LOG: &str = "log";
/// The topic of the commands.
pub(super) const COMMANDS: &str = "commands";
/// The topic of what the worker declares, which another process may declare otherwise.
pub(super) const WORKER: &str = "worker";

/// What a page wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Topic {
    /// The list.
    Runs,
    /// Every run of one workflow.
    Run(String),
    /// The schedules.
    Schedules,
    /// The event log.
    Log,
    /// The commands.
    Commands,
    /// What the worker declares.
    Worker,
}

impl Topic {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "runs" => Some(Self::Runs),
            None if text == SCHEDULES => Some(Self::Schedules),
            None if text == LOG => Some(Self::Log),
            None if text == COMMANDS => Some(Self::Commands),
            None if text == WORKER => Some(Self::Worker),
            Some(("run", id)) if !id.is_empty() => Some(Self::Run(unescape(id))),
            _ => None,
        }
    }

    fn matches(&self, namespace: &str, change: &Change) -> bool {
        &*change.namespace == namespace
            && match self {
                Self::Schedules => change.kind == ChangeKind::Schedule,
                _ if change.kind == ChangeKind::Schedule => false,
                // A workflow may have sent one.
                Self::Runs | Self::Commands => true,
                Self::Run(id) => **id == *change.workflow_id,
                Self::Log | Self::Worker => false,
            }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Run(_) => "run",
            Self::Schedules => SCHEDULES,
            Self::Log => LOG,
            Self::Commands => COMMANDS,
            Self::Worker => WORKER,
        }
    }
}

/// The topic of one workflow's runs, as the page asks for it.
pub(super) fn topic_of(workflow_id: &str) -> String {
    format!("run:{}", workflow_id.replace('%', "%25").replace(',', "%2C"))
}

/// Topics are separated by commas; an id may hold one.
fn unescape(id: &str) -> String {
    id.replace("%2C", ",").replace("%25", "%")
}

/// The parameters of the stream.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    topics: String,
}

/// Opens a stream.
pub(super) async fn stream(inspector: Inspector, Query(asked): Query<Asked>) -> Response {
    let texts: Vec<&str> = asked.topics.split(',').collect();
    let topics: Option<Vec<_>> = texts.iter().map(|text| Topic::parse(text)).collect();
    let Some(topics) = topics.filter(|topics| topics.len() <= MAX_TOPICS) else {
        let detail = "topics are `runs`, `schedules`, `log`, `commands`, `worker` and `run:ID`, at \
                      most 16, separated by commas";
        return refusal::problem(StatusCode::BAD_REQUEST, "invalid_request", detail);
    };
    let Ok(permit) = Arc::clone(&inspector.streams.free).try_acquire_owned() else {
        let mut response = refusal::problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            &format!("{MAX_STREAMS} live pages are open"),
        );
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let (notices, receiver) = mpsc::channel(16);
    let watch = Watch {
        namespace: inspector.namespace,
        topics,
        notices,
        streams: Arc::clone(&inspector.streams),
        draining: inspector.draining,
        _permit: permit,
    };
    tokio::spawn(watch.run(inspector.engine));
    let stream = Sse::new(ReceiverStream::new(receiver));
    stream.keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// One page's stream.
struct Watch {
    namespace: String,
    topics: Vec<Topic>,
    notices: mpsc::Sender<Result<Event, Infallible>>,
    streams: Arc<Streams>,
    draining: Option<Draining>,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    /// Until the page goes or the engine stops.
    async fn run(self, engine: Engine) {
        let mut changes = engine.changes();
        let wants = |wanted: &[Topic]| self.topics.iter().any(|topic| wanted.contains(topic));
        let follows_log = wants(&[Topic::Log, Topic::Commands]);
        let mut log = follows_log.then(|| engine.follow_log(&self.namespace).ok()).flatten();
        let follows_commands = wants(&[Topic::Commands]);
        let mut sent = follows_commands.then(|| commands::sent(&engine)).flatten();
        // Subscribed first, announced second: what happened while the page was on its way or away
        // is read now, what happens from here on is announced.
        if !self.send("resync", "all").await {
            return;
        }
        let mut ready_at = vec![Instant::now(); self.topics.len()];
        let mut dirty = vec![false; self.topics.len()];
        loop {
            let due =
                ready_at.iter().zip(&dirty).filter_map(|(at, dirty)| dirty.then_some(*at)).min();
            let due_in = due.unwrap_or_else(|| Instant::now() + KEEP_ALIVE);
            tokio::select! {
                () = self.notices.closed() => return,
                _ = engine.stopped() => return,
                () = ending(self.draining.as_ref()) => return,
                () = sleep_until(due_in), if due.is_some() => {
                    let now = Instant::now();
                    for (at, topic) in self.topics.iter().enumerate() {
                        if !dirty[at] || ready_at[at] > now {
                            continue;
                        }
                        (dirty[at], ready_at[at]) = (false, now + QUIET);
                        if !self.send("changed", topic.name()).await {
                            return;
                        }
                    }
                }
                () = moved(&mut log) => for (topic, dirty) in self.topics.iter().zip(&mut dirty) {
                    *dirty = *dirty || matches!(topic, Topic::Log | Topic::Commands);
                },
                () = moved(&mut sent) => for (topic, dirty) in self.topics.iter().zip(&mut dirty) {
                    *dirty = *dirty || matches!(topic, Topic::Commands);
                },
                news = changes.recv() => match news {
                    Ok(batch) => for (topic, dirty) in self.topics.iter().zip(&mut dirty) {
                        *dirty = *dirty || batch.iter().any(|change| topic.matches(&self.namespace, change));
                    },
                    Err(RecvError::Lagged(_)) => if !self.send("resync", "all").await {
                        return;
                    },
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    /// False when nobody listens any more.
    async fn send(&self, kind: &str, data: &str) -> bool {
        let sequence = self.streams.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let event = Event::default().id(sequence.to_string()).event(kind).data(data).retry(RETRY);
        self.notices.send(Ok(event)).await.is_ok()
    }
}

/// When the number moves; never where nobody moves it any more.
async fn moved(number: &mut Option<watch::Receiver<u64>>) {
    let moves = match number {
        Some(number) => number.changed().await.is_ok(),
        None => std::future::pending().await,
    };
    if !moves {
        *number = None;
    }
}

/// When the server takes no more requests.
async fn ending(draining: Option<&Draining>) {
    match draining {
        Some(draining) => draining.begun().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_survive_odd_ids() {
        for id in ["order-1", "a,b", "100%", "%2C", "a:b"] {
            assert_eq!(Topic::parse(&topic_of(id)), Some(Topic::Run(id.into())), "{id}");
        }
        for topic in [Topic::Runs, Topic::Schedules, Topic::Log, Topic::Commands, Topic::Worker] {
            assert_eq!(Topic::parse(topic.name()), Some(topic));
        }
        for text in ["", "run:", "other", "run"] {
            assert_eq!(Topic::parse(text), None, "{text}");
        }
    }
}
