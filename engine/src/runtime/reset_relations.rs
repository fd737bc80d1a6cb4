//! What a reset owes to others: callers whose updates the old run had taken, and children for
//! which the copied history still waits.
//!
//! Invariant: no caller waits for a run that is gone, and no run waits for a child that has
//! nothing more to say. What was accepted after the cut is asked again of the new run, under the
//! same id; where it is left out, whoever asked is told so.

use std::sync::Arc;

use super::resident::Resident;
use super::shard::Shard;
use super::step::Step;
use super::update_record::{MOST_PENDING, Stage, UpdateRecord};
use crate::kernel::{Answer, Command, PendingChild, PendingUpdate, UpdateAccepted};
use crate::{Failure, Rejection, RunId, RunStatus, Selector};

/// The old run's updates that its copied history does not have.
#[derive(Default)]
pub(super) struct CarriedUpdates {
    /// Admitted, and not looked at by its code.
    pub(super) waiting: Vec<UpdateAccepted>,
    /// Not asked again.
    pub(super) left_out: Vec<UpdateAccepted>,
}

impl CarriedUpdates {
    /// What the old run still has; it is about to be terminated.
    pub(super) fn take_from(&mut self, resident: &Resident, asked_again: bool) {
        let Some(updates) = &resident.updates else { return };
        let waiting = updates.waiting.iter().filter_map(|update_id| {
            let UpdateRecord { name, payload, .. } = updates.get(update_id)?.clone();
            Some(UpdateAccepted { update_id: Arc::clone(update_id), name, payload })
        });
        match asked_again {
            true => self.waiting.extend(waiting),
            false => self.left_out.extend(waiting),
        }
    }
}

impl Step<'_> {
    /// Lets the new run have an update of the old one, under its id.
    pub(super) fn ask_again(&mut self, update: UpdateAccepted) {
        let waiting = self.resident.updates.as_ref().map_or(0, |updates| updates.waiting.len());
        if self.resident.run.status.is_closed() || waiting >= MOST_PENDING {
            return self.give_up_update(update, "the run was reset and cannot take it again");
        }
        let UpdateAccepted { update_id, name, payload } = update;
        let updates = self.resident.updates.get_or_insert_default();
        updates.admit(Arc::clone(&update_id), name, payload, self.turn.now);
        // It has a row from before.
        updates.keep(&update_id);
        self.show_code();
    }

    /// After the copy has begun: what the old run had not taken is asked of the new one, and what
    /// it had taken before the cut is open again.
    pub(super) fn carry_updates(&mut self, carried: CarriedUpdates) {
        let CarriedUpdates { waiting, left_out } = carried;
        for (update_id, pending) in self.resident.run.updates.clone() {
            let PendingUpdate { name, payload, accepted_at } = pending;
            let updates = self.resident.updates.get_or_insert_default();
            let stage = Stage::Accepted;
            updates.advance(&update_id, Stage::Accepted, || UpdateRecord {
                name,
                payload,
                order: 0,
                admitted_at: accepted_at,
                stage,
            });
        }
        for update in left_out {
            self.give_up_update(update, "the run was reset to an event before it took the update");
        }
        for update in waiting {
            self.ask_again(update);
        }
    }

    fn give_up_update(&mut self, update: UpdateAccepted, why: &str) {
        let UpdateAccepted { update_id, name, payload } = update;
        let now = self.turn.now;
        let stage = Stage::Failed(Failure::new("reset", why));
        let updates = self.resident.updates.get_or_insert_default();
        let kept = stage.clone();
        updates.advance(&update_id, stage, || UpdateRecord {
            name,
            payload,
            order: 0,
            admitted_at: now,
            stage: kept,
        });
        self.tell_update(&update_id);
    }
}

impl Shard {
    /// Children that closed while no run of the chain was there to hear it have said all that they
    /// will say: it is read from their rows.
    pub(super) fn catch_up_with_children(&mut self, run_id: RunId) {
        let Some(resident) = self.residents.get(run_id) else { return };
        if resident.run.children.is_empty() {
            return;
        }
        let namespace = resident.namespace.to_string();
        let first_run_id = resident.run.started.first_run_id();
        let children: Vec<(u32, PendingChild)> =
            resident.run.children.iter().map(|(&id, child)| (id, (**child).clone())).collect();
        for (child_id, child) in children {
            match self.said_by_child(&namespace, first_run_id, child_id, &child) {
                Ok(answers) => {
                    for answer in answers {
                        let answer = Box::new(answer);
                        let command = Command::TakeAnswer { answer, asked_by: None };
                        self.step(run_id, |step| {
                            step.execute_own(command);
                            step.show_code();
                        });
                    }
                }
                Err(rejection) => {
                    tracing::error!(%rejection, %run_id, child_id, "a child cannot be looked up");
                }
            }
        }
    }

    fn said_by_child(
        &mut self,
        namespace: &str,
        first_run_id: RunId,
        child_id: u32,
        child: &PendingChild,
    ) -> Result<Vec<Answer>, Rejection> {
        let selector = Selector {
            namespace: namespace.to_owned(),
            workflow_id: child.workflow_id.clone(),
            run_id: None,
        };
        let lost = |what: &str| Answer::Closed {
            child_id,
            run_id: child.run_id.unwrap_or(first_run_id),
            status: RunStatus::Terminated,
            result: None,
            failure: Some(Failure::new("child_lost", what)),
        };
        let found = match self.target(&selector) {
            Ok(found) => found,
            // Its start is on its way, or was never made.
            Err(Rejection::WorkflowNotFound(_)) if child.run_id.is_none() => return Ok(Vec::new()),
            Err(Rejection::WorkflowNotFound(_)) => {
                return Ok(vec![lost("the child's runs were deleted before the reset")]);
            }
            Err(other) => return Err(other),
        };
        let is_ours = self.is_child(&selector, first_run_id, child_id)?;
        if !is_ours {
            return Ok(match child.run_id {
                Some(_) => vec![lost("another workflow has the child's id by now")],
                None => Vec::new(),
            });
        }
        let mut answers = Vec::new();
        if child.run_id.is_none() {
            answers.push(Answer::Started { child_id, run_id: found.first_run_id });
        }
        if found.status.is_closed()
            && let Some(ended) = self.closed_result(&selector, found.run_id)?
        {
            answers.push(Answer::Closed {
                child_id,
                run_id: found.first_run_id,
                status: ended.status,
                result: ended.result,
                failure: ended.failure,
            });
        }
        Ok(answers)
    }
}
