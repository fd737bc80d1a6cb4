//! What a step does to the indexes.

use super::terms::Found;
use crate::RunStatus;
use crate::find::STUCK_ATTEMPTS;
use crate::kernel::HistoryEvent;
use crate::runtime::RunRecord;
use crate::runtime::step::Step;

impl Step<'_> {
    /// The run has begun.
    pub(in crate::runtime) fn tally_start(&mut self) {
        let resident = &*self.resident;
        let (shape, run) = (resident.shape, &resident.run);
        self.turn.tally.started(shape, &resident.namespace, &run.started, run.status);
    }

    /// The run may have changed its status.
    pub(in crate::runtime) fn tally_status(&mut self, before: RunStatus) {
        let resident = &*self.resident;
        let after = resident.run.status;
        if before == after {
            return;
        }
        self.turn.tally.moved(resident.shape, &resident.namespace, before, after);
        if let (true, Some(at)) = (after.is_closed(), resident.run.closed_at) {
            self.turn.tally.closed(&resident.namespace, at, resident.run_id);
        }
    }

    /// Whether the event changes what the run is found by; the run's row is written anyway when it
    /// closes and when its task fails or recovers.
    pub(in crate::runtime) fn note_outdated(&mut self, event: &HistoryEvent) {
        self.outdated |= match event {
            HistoryEvent::ActivityScheduled { options: Some(options), .. } => {
                options.dispatch.is_some()
            }
            HistoryEvent::ActivityFailed { attempt, .. } => *attempt >= STUCK_ATTEMPTS,
            HistoryEvent::ActivityCompleted { .. } | HistoryEvent::ActivityCancelled { .. } => {
                self.resident.found.as_ref().is_some_and(|found| found.is_stuck())
            }
            HistoryEvent::SearchAttributesUpserted { .. } | HistoryEvent::MemoUpserted { .. } => {
                true
            }
            _ => false,
        };
    }

    /// Brings the index rows to what the run's row says now.
    pub(in crate::runtime) fn put_found(&mut self, record: &RunRecord) {
        let found = Found::of(record);
        if found.is_empty() && self.resident.found.is_none() {
            return;
        }
        let before = self.resident.found.take().unwrap_or_default();
        let (namespace, run_id) = (&*self.resident.namespace, self.resident.run_id);
        found.replace(&before, &mut self.turn.batch, namespace, run_id);
        self.resident.found = (!found.is_empty()).then(|| Box::new(found));
    }
}
