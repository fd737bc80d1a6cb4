//! Which runs a batch acts on, read from the list a page at a time.
//!
//! Invariant: selecting changes nothing, holds no snapshot for longer than a page of rows, and
//! keeps no more than one page in memory.

use everstep_storage::Store;
use serde::{Deserialize, Serialize};

use super::BatchOperation;
use crate::runtime::newest_run;
use crate::view::{list, run_before, token_before};
use crate::{ListFilter, Rejection, RunId};

/// Rows of the list that are read at once when they are only counted.
const COUNTED_AT_ONCE: usize = 1_000;

/// What a batch's operation asks of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Selection {
    pub(crate) filter: ListFilter,
    /// Open runs only; else the newest run of each id.
    open_runs: bool,
}

/// A run that is acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) workflow_id: String,
    pub(crate) run_id: RunId,
}

/// Some targets, newest first.
pub(crate) struct Targets {
    pub(crate) targets: Vec<Target>,
    /// Where the next page begins; none when there is nothing more.
    pub(crate) next: Option<RunId>,
    /// Their histories will be read.
    pub(crate) are_read: bool,
}

impl Selection {
    pub(crate) fn new(filter: ListFilter, operation: &BatchOperation) -> Self {
        Self { filter, open_runs: operation.is_for_open_runs() }
    }

    /// Up to `size` targets that started before the run `before`.
    pub(crate) fn page(
        &self,
        store: &dyn Store,
        mut before: Option<RunId>,
        size: usize,
        wanted: impl Fn() -> bool,
    ) -> Result<Targets, Rejection> {
        let mut targets = Vec::new();
        while targets.len() < size {
            if !wanted() {
                return Err(Rejection::Unavailable("nobody waits for the selection".into()));
            }
            let token = before.map(token_before);
            let page = list(store, &self.filter, size - targets.len(), token.as_deref())?;
            for run in page.workflows {
                let takes = match self.open_runs {
                    true => !run.status.is_closed(),
                    false => {
                        let namespace = &self.filter.namespace;
                        let newest = newest_run(&*store.snapshot()?, namespace, &run.workflow_id)?;
                        newest == Some(run.run_id)
                    }
                };
                if takes {
                    targets.push(Target { workflow_id: run.workflow_id, run_id: run.run_id });
                }
            }
            // A page may be partial, and even empty, and still go on.
            before = match page.next_page_token.as_deref().and_then(run_before) {
                Some(last) => Some(last),
                None => return Ok(self.targets(targets, None)),
            };
        }
        Ok(self.targets(targets, before))
    }

    const fn targets(&self, targets: Vec<Target>, next: Option<RunId>) -> Targets {
        Targets { targets, next, are_read: !self.open_runs }
    }

    /// How many targets started before the run `before`.
    pub(crate) fn count(
        &self,
        store: &dyn Store,
        mut before: Option<RunId>,
        wanted: impl Fn() -> bool,
    ) -> Result<u64, Rejection> {
        let mut total = 0;
        loop {
            let page = self.page(store, before, COUNTED_AT_ONCE, &wanted)?;
            total += page.targets.len() as u64;
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok(total),
            }
        }
    }
}
