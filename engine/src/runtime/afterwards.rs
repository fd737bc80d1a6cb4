//! What can be done to a run only when its history on disk is whole.
//!
//! Invariant: whatever waits here waits for the open batch or the one in flight, so it is done or
//! refused as soon as that is durable or has failed.

use std::sync::Arc;

use super::message::Reply;
use super::shard::Shard;
use crate::batch::Targets;
use crate::{Rejection, ResetRequest, RunId, Selector, Started, TaskToken};

/// Something that waits for a commit.
pub(super) enum Afterwards {
    /// Try the code of a run again whose task failed.
    RetryTask { namespace: Arc<str>, run_id: RunId },
    /// Delete a run that has only just closed.
    Delete { selector: Box<Selector>, reply: Reply<()> },
    /// Reset a run whose history is to be read.
    Reset { selector: Box<Selector>, request: Box<ResetRequest>, reply: Reply<Started> },
    /// Act on a batch's page whose runs' histories are to be read.
    BatchPage { token: Box<TaskToken>, targets: Targets, reply: Reply<()> },
}

impl Shard {
    /// Whether everything that happened to the run is on disk.
    pub(super) fn is_whole(&self, run_id: RunId) -> bool {
        self.residents.get(run_id).is_none_or(|resident| resident.changed_in <= self.durable)
    }

    /// Called after each commit.
    pub(super) fn do_afterwards(&mut self) {
        for waiting in std::mem::take(&mut self.afterwards) {
            match waiting {
                Afterwards::RetryTask { namespace, run_id } => {
                    if let Err(rejection) = self.retry_task(&namespace, run_id) {
                        tracing::error!(%rejection, %run_id, "a task could not be tried again");
                    }
                }
                Afterwards::Delete { selector, reply } => self.delete(selector, reply),
                Afterwards::Reset { selector, request, reply } => {
                    self.reset(selector, request, reply);
                }
                Afterwards::BatchPage { token, targets, reply } => {
                    self.act_on_page(token, targets, reply);
                }
            }
        }
    }

    /// The commit that all of it waited for has failed.
    pub(super) fn refuse_afterwards(&mut self, rejection: &Rejection) {
        for waiting in std::mem::take(&mut self.afterwards) {
            match waiting {
                // The run is brought back from the store, and its task is tried then.
                Afterwards::RetryTask { .. } => {}
                // Who no longer waits need not be told.
                Afterwards::Delete { reply, .. } => drop(reply.send(Err(rejection.clone()))),
                Afterwards::Reset { reply, .. } => drop(reply.send(Err(rejection.clone()))),
                Afterwards::BatchPage { reply, .. } => drop(reply.send(Err(rejection.clone()))),
            }
        }
    }
}
