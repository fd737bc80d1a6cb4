//! The journals of runs that someone looks at, so that a live page folds only what is new.
//!
//! Invariant: a bounded number of events is kept; what is dropped is folded again when asked for.

use std::sync::{Arc, Mutex, PoisonError};

use everstep_engine::{Engine, Rejection, RunId, Selector};

use super::journal::Journal;

/// Events that all kept journals together may have folded; the newest is kept whatever its size.
const MAX_EVENTS: u64 = 500_000;
const MAX_JOURNALS: usize = 32;
/// Events that are read at once.
const EVENTS_A_READ: usize = 20_000;

type Shared = Arc<Mutex<Journal>>;

/// The kept journals, the one used last at the end.
#[derive(Debug, Default)]
pub(super) struct Journals(Mutex<Vec<(RunId, u64, Shared)>>);

impl Journals {
    /// Brings a run's journal up to date and shows it. Reads the store, so it may block.
    pub(super) fn with<T>(
        &self,
        engine: &Engine,
        selector: &Selector,
        run_id: RunId,
        show: impl FnOnce(&Journal) -> T,
    ) -> Result<T, Rejection> {
        let shared = self.of(run_id);
        let mut journal = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let selector = Selector { run_id: Some(run_id), ..selector.clone() };
        while journal.closed_at().is_none() {
            let page = engine.history(&selector, journal.seen() + 1, EVENTS_A_READ)?;
            for event in &page.events {
                journal.take(event);
            }
            if page.next_event_id.is_none() {
                break;
            }
        }
        self.keep(run_id, journal.seen(), &shared);
        Ok(show(&journal))
    }

    fn of(&self, run_id: RunId) -> Shared {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(id, ..)| *id == run_id);
        found.map(|(.., shared)| Arc::clone(shared)).unwrap_or_default()
    }

    fn keep(&self, run_id: RunId, seen: u64, shared: &Shared) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(id, ..)| *id != run_id);
        kept.push((run_id, seen, Arc::clone(shared)));
        let mut events: u64 = kept.iter().map(|(_, seen, _)| seen).sum();
        while kept.len() > 1 && (kept.len() > MAX_JOURNALS || events > MAX_EVENTS) {
            let (_, seen, _) = kept.remove(0);
            events -= seen;
        }
    }
}
