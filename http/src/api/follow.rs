//! One run's history, page by page, and waiting for what comes next.
//!
//! Invariant: no event is missed between a read and the wait after it: news are subscribed to
//! before the store is read again.

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{Change, Engine, HistoryPage, RunId, Selector};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::{Api, Problem, blocking};

/// Pages up to so many events are read in place.
const SMALL_PAGE: usize = 100;

/// Follows one run.
pub(super) struct Follower {
    api: Api,
    engine: Engine,
    selector: Selector,
    run_id: RunId,
    news: Option<Receiver<Arc<[Change]>>>,
}

impl Follower {
    /// Of the run that the selector names now; one that takes its id later is not followed.
    pub(super) fn of(api: &Api, engine: Engine, mut selector: Selector) -> Result<Self, Problem> {
        let run_id = engine.referring().describe(&selector)?.run_id;
        selector.run_id = Some(run_id);
        Ok(Self { api: api.clone(), engine, selector, run_id, news: None })
    }

    /// The events from `from` on; when there are none yet and the run is open, the first that
    /// come within `wait`. An empty page says that the run is closed, the wait is over or the
    /// server is draining.
    pub(super) async fn next(
        &mut self,
        from: u64,
        limit: usize,
        wait: Duration,
    ) -> Result<HistoryPage, Problem> {
        let deadline = Instant::now() + wait;
        loop {
            let page = page(&self.engine, &self.selector, from, limit).await?;
            let over = page.closed || Instant::now() >= deadline;
            if over || !page.events.is_empty() || self.api.draining().has_begun() {
                return Ok(page);
            }
            let Some(news) = &mut self.news else {
                self.news = Some(self.api.engine().changes());
                continue;
            };
            tokio::select! {
                () = changed(news, self.run_id) => {}
                () = sleep_until(deadline) => {}
                () = self.api.draining().begun() => {}
            }
        }
    }
}

/// Returns when the run may have changed.
async fn changed(news: &mut Receiver<Arc<[Change]>>, run_id: RunId) {
    loop {
        match news.recv().await {
            Ok(changes)
                if !changes.is_empty() && changes.iter().all(|change| change.run_id != run_id) => {}
            // What was missed, or made before anyone watched, may have been about this run.
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // No more news; the deadline decides.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A page of a history.
pub(super) async fn page(
    engine: &Engine,
    selector: &Selector,
    from: u64,
    limit: usize,
) -> Result<HistoryPage, Problem> {
    if limit <= SMALL_PAGE {
        return Ok(engine.history(selector, from, limit)?);
    }
    let (engine, selector) = (engine.clone(), selector.clone());
    blocking::run(move || engine.history(&selector, from, limit)).await
}
