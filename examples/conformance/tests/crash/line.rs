//! The line between callers and a server that comes and goes.
//!
//! Invariant: a caller repeats a call until it is answered, with the same idempotency key, and
//! never gives up because a process died.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::Method;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::support::Api;
use crate::support::api::Answer;

/// Longer than a caller waits for a server, or a killer for callers, unless something is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// So many connections in a row to one living server do not break.
const MOST_BROKEN: u32 = 5;

/// Shared by the callers and whoever kills.
pub(crate) struct Line {
    server: watch::Sender<Connected>,
    steps: AtomicU64,
    stepped: Notify,
    closed: AtomicBool,
}

/// The server that answers now, and how many there were before.
#[derive(Clone, Default)]
struct Connected {
    generation: u64,
    api: Option<Api>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            server: watch::Sender::default(),
            steps: AtomicU64::new(0),
            stepped: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }
}

impl Line {
    pub(crate) fn connect(&self, api: Api) {
        self.server.send_modify(|connected| {
            connected.generation += 1;
            connected.api = Some(api);
        });
    }

    pub(crate) fn disconnect(&self) {
        self.server.send_modify(|connected| connected.api = None);
    }

    /// No new stories.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were sent or answered.
    pub(crate) async fn steps(&self, steps: u64) {
        let goal = self.steps.load(Ordering::Relaxed) + steps;
        let reached = async {
            loop {
                let stepped = self.stepped.notified();
                if self.steps.load(Ordering::Relaxed) >= goal {
                    return;
                }
                stepped.await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("the callers are stuck");
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.stepped.notify_waiters();
    }

    /// The server that answers, once there is one; none when none comes.
    async fn connected(&self) -> Option<(u64, Api)> {
        let mut server = self.server.subscribe();
        let connected = server.wait_for(|now| now.api.is_some());
        let now = tokio::time::timeout(PATIENCE, connected).await.ok()?.ok()?;
        Some((now.generation, now.api.clone()?))
    }

    /// Waits a moment for the news that a server has died. A single connection may also have been
    /// closed by a server that lives.
    async fn gone(&self, generation: u64) {
        let mut server = self.server.subscribe();
        let gone = server.wait_for(|now| now.api.is_none() || now.generation > generation);
        drop(tokio::time::timeout(Duration::from_secs(1), gone).await);
    }

    /// Calls until it is answered by something else than "not now".
    pub(crate) async fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Answer {
        let mut broken = (0, 0);
        loop {
            let Some((generation, api)) = self.connected().await else {
                panic!("{method} {path} was not answered, and no server came back");
            };
            self.step();
            match api.call(method.clone(), path, body, key).await {
                Ok(answer) if answer.status != 503 => {
                    self.step();
                    return answer;
                }
                // Not ready, or it cannot say whether it happened: the same again.
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    let before = if broken.0 == generation { broken.1 } else { 0 };
                    broken = (generation, before + 1);
                    assert!(broken.1 < MOST_BROKEN, "{method} {path}: {error}; the server lives");
                    self.gone(generation).await;
                }
            }
        }
    }
}
