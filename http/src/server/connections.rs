//! Accepting connections and serving them, and letting them go.
//!
//! Invariants: never more than the bound are served at once; a connection that says nothing, or
//! takes too long to say it, is closed; once draining, no new one is accepted and the open ones
//! end after the answer that they are at.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::{Draining, HttpMetrics};

/// A pause after the operating system had no connection to give, so that trying again does not
/// burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) metrics: Arc<HttpMetrics>,
    pub(super) draining: Draining,
    pub(super) header_timeout: Duration,
    pub(super) most: usize,
}

impl Connections {
    /// Serves until draining begins, then closes the listener and waits at most `grace` for the
    /// requests that are being answered.
    pub(super) async fn serve(self, listener: TcpListener, grace: Duration) {
        let slots = Arc::new(Semaphore::new(self.most));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener, &slots) => accepted,
                () = self.draining.begun() => break,
            };
            match accepted {
                Ok((stream, slot)) => self.spawn(stream, slot),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        if timeout(grace, slots.acquire_many(all)).await.is_err() {
            let open = self.metrics.connections.load(Ordering::Relaxed);
            tracing::warn!(open, "closing connections that did not end in time");
        }
    }

    async fn accept(
        &self,
        listener: &TcpListener,
        slots: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        Ok((stream, slot))
    }

    fn spawn(&self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        // An answer is written in one piece: waiting for more of it only adds delay.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "failed to set TCP_NODELAY");
        }
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router.clone()));
        let draining = self.draining.clone();
        let metrics = Arc::clone(&self.metrics);
        tokio::spawn(async move {
            metrics.connections.fetch_add(1, Ordering::Relaxed);
            let mut serving = std::pin::pin!(serving);
            let ended = tokio::select! {
                biased;
                ended = serving.as_mut() => ended,
                () = draining.begun() => {
                    serving.as_mut().graceful_shutdown();
                    serving.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
            metrics.connections.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
}
