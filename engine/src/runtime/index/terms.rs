//! A run's terms, and their rows.

use everstep_storage::Batch;

use crate::find::term::Term;
use crate::runtime::RunRecord;
use crate::runtime::keys::{self, FOUND_BY, TERM_COUNTS, UNTIDY};
use crate::{RunId, RunStatus};

/// What a run is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::runtime) struct Found {
    status: RunStatus,
    terms: Vec<Term>,
}

impl Default for Found {
    fn default() -> Self {
        Self { status: RunStatus::Running, terms: Vec::new() }
    }
}

impl Found {
    /// The terms of a run's row.
    pub(in crate::runtime) fn of(record: &RunRecord) -> Self {
        let mut terms = Vec::new();
        if !matches!(record.status, RunStatus::Running | RunStatus::Completed) {
            terms.push(Term::status(record.status));
        }
        if let Some(parent) = &record.parent {
            terms.push(Term::parent(&parent.workflow_id));
        }
        if record.stuck {
            terms.push(Term::stuck());
        }
        terms.extend(record.fingerprint.map(Term::fingerprint));
        terms.extend(record.queues.iter().map(|queue| Term::queue(queue)));
        let attributes = record.search_attributes.iter();
        terms.extend(attributes.map(|(name, value)| Term::attribute(name, value)));
        Self { status: record.status, terms }
    }

    /// Whether the run's row says that it is stuck.
    pub(super) fn is_stuck(&self) -> bool {
        self.terms.contains(&Term::stuck())
    }

    /// Most runs are found by nothing.
    pub(in crate::runtime) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Brings the rows from what they were to this.
    pub(in crate::runtime) fn replace(
        &self,
        before: &Self,
        batch: &mut Batch,
        namespace: &str,
        run_id: RunId,
    ) {
        for term in &before.terms {
            let kept = self.terms.contains(term);
            if !kept {
                batch.delete(FOUND_BY, &keys::found_by(namespace, &term.0, run_id));
            }
            if term.is_counted() && !(kept && before.status == self.status) {
                count(batch, namespace, term, before.status, -1);
                if !kept {
                    untidy(batch, namespace, term);
                }
            }
        }
        for term in &self.terms {
            let kept = before.terms.contains(term);
            if !kept {
                batch.put(FOUND_BY, &keys::found_by(namespace, &term.0, run_id), b"");
            }
            if term.is_counted() && !(kept && before.status == self.status) {
                count(batch, namespace, term, self.status, 1);
            }
        }
    }

    /// Deletes the rows.
    pub(super) fn erase(&self, batch: &mut Batch, namespace: &str, run_id: RunId) {
        Self { status: self.status, terms: Vec::new() }.replace(self, batch, namespace, run_id);
    }
}

fn count(batch: &mut Batch, namespace: &str, term: &Term, status: RunStatus, delta: i64) {
    batch.add(TERM_COUNTS, &keys::term_count(namespace, &term.0, status.number()), delta);
}

fn untidy(batch: &mut Batch, namespace: &str, term: &Term) {
    let key = keys::term(namespace, &term.0);
    batch.put(UNTIDY, &keys::untidy(TERM_COUNTS, &key), b"");
}
