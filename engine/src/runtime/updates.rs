//! Updates: admitted by the loop, offered to the code, accepted or turned down, answered.
//!
//! Invariant: an update is offered between two events, when the code has seen everything that was
//! recorded, so its acceptance is one event like any other: live exactly as in replay. Its caller
//! is told nothing before the commit that holds the cause.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::effect::Effect;
use super::history_log::read_run;
use super::message::Reply;
use super::requests::Target;
use super::shard::Shard;
use super::step::Step;
use super::update_record::{MOST_PENDING, RunUpdates, Stage, UpdateRecord};
use super::{keys, panics};
use crate::kernel::{Command, HistoryEvent, PendingUpdate, Run, UpdateAccepted};
use crate::sdk::{Offered, OfferedUpdate};
use crate::view::{RunResult, UpdateState, UpdateStatus};
use crate::{Failure, Rejection, RunId, RunStatus, Selector, UpdateInput};

/// Told once: the update's end, or that the run closed before.
pub(super) type UpdateWatch = oneshot::Sender<Result<UpdateState, Rejection>>;

/// Who waits for which update of a run.
pub(super) type UpdateWatchers = BTreeMap<Arc<str>, Vec<UpdateWatch>>;

impl Shard {
    pub(super) fn update(
        &mut self,
        selector: &Selector,
        update: UpdateInput,
        watch: UpdateWatch,
        reply: Reply<UpdateState>,
    ) {
        let answer = self.try_update(selector, update, watch);
        self.turn.effects.push(Effect::AnswerUpdate(reply, Box::new(answer)));
    }

    fn try_update(
        &mut self,
        selector: &Selector,
        update: UpdateInput,
        watch: UpdateWatch,
    ) -> Result<UpdateState, Rejection> {
        let target = self.target(selector)?;
        let (namespace, run_id) = (selector.namespace.as_str(), target.run_id);
        if let Some(update_id) = &update.update_id
            && let Some(record) = self.kept_update(namespace, &target, update_id)?
        {
            // A retry is harmless, even after the run has closed.
            if *record.name != *update.name || record.payload != update.payload {
                return Err(Rejection::IdempotencyConflict(update_id.clone()));
            }
            let state = record.state(update_id);
            return self.known_update(selector, run_id, state, watch);
        }
        if target.status.is_closed() || !self.ensure_resident(namespace, run_id)? {
            return Err(closed(selector, &target.status.to_string()));
        }
        self.check_update(run_id, &update)?;
        let state = self.admit(run_id, update, false)?;
        self.known_update(selector, run_id, state, watch)
    }

    /// The update that comes with a start, for a run that is open already; none when the run knows
    /// it from before.
    pub(super) fn update_of_start(
        &mut self,
        selector: &Selector,
        update: UpdateInput,
    ) -> Result<Option<UpdateInput>, Rejection> {
        let target = self.target(selector)?;
        let (namespace, run_id) = (selector.namespace.as_str(), target.run_id);
        if let Some(update_id) = &update.update_id
            && let Some(record) = self.kept_update(namespace, &target, update_id)?
        {
            return match *record.name == *update.name && record.payload == update.payload {
                true => Ok(None),
                false => Err(Rejection::IdempotencyConflict(update_id.clone())),
            };
        }
        self.ensure_resident(namespace, run_id)?;
        self.check_update(run_id, &update)?;
        Ok(Some(update))
    }

    /// Answers from what is known, and keeps the watch of whoever has to wait.
    fn known_update(
        &mut self,
        selector: &Selector,
        run_id: RunId,
        state: UpdateState,
        watch: UpdateWatch,
    ) -> Result<UpdateState, Rejection> {
        match state.status {
            UpdateStatus::Rejected => Err(rejected(&selector.workflow_id, &state)),
            UpdateStatus::Completed | UpdateStatus::Failed => Ok(state),
            UpdateStatus::Admitted | UpdateStatus::Accepted => {
                let mut target =
                    self.target(&Selector { run_id: Some(run_id), ..selector.clone() })?;
                if target.status == RunStatus::ContinuedAsNew {
                    // It goes along with the chain, in this very turn.
                    target = self.target(&Selector { run_id: None, ..selector.clone() })?;
                }
                let (run_id, status) = (target.run_id, target.status);
                if status.is_closed() {
                    return Err(closed(selector, &status.to_string()));
                }
                let watchers = self.update_watchers.entry(run_id).or_default();
                let watchers = watchers.entry(state.update_id.as_str().into()).or_default();
                watchers.retain(|known| !known.is_closed());
                watchers.push(watch);
                Ok(state)
            }
        }
    }

    /// Answers an update's state; keeps `watch` where it has not come to its end.
    pub(super) fn watch_update(
        &mut self,
        selector: &Selector,
        update_id: &str,
        watch: UpdateWatch,
        reply: Reply<UpdateState>,
    ) {
        let answer = self.target(selector).and_then(|target| {
            let run_id = target.run_id;
            let record = self.kept_update(&selector.namespace, &target, update_id)?;
            let unknown = || {
                Rejection::UpdateNotFound(format!(
                    "workflow `{}` knows no update under id `{update_id}`",
                    selector.workflow_id
                ))
            };
            let state = record.ok_or_else(unknown)?.state(update_id);
            self.known_update(selector, run_id, state, watch)
        });
        self.turn.effects.push(Effect::AnswerUpdate(reply, Box::new(answer)));
    }

    /// Lets an open run in memory have an update; what became of it in this turn.
    pub(super) fn admit(
        &mut self,
        run_id: RunId,
        update: UpdateInput,
        keep_rejection: bool,
    ) -> Result<UpdateState, Rejection> {
        let missing = || Rejection::WorkflowNotFound(run_id.to_string());
        self.step(run_id, |step| step.admit(update, keep_rejection)).ok_or_else(missing)
    }

    /// What is known of an update, in memory or in the store.
    fn kept_update(
        &mut self,
        namespace: &str,
        target: &Target,
        update_id: &str,
    ) -> Result<Option<UpdateRecord>, Rejection> {
        let durable = self.durable;
        if let Some(resident) = self.residents.get_mut(target.run_id)
            && let Some(updates) = &mut resident.updates
        {
            updates.prune(durable);
            if let Some(record) = updates.get(update_id) {
                return Ok(Some(record.clone()));
            }
        }
        let key = keys::update(namespace, target.first_run_id, update_id);
        let stored = self.snapshot()?.get(keys::UPDATES, &key)?;
        stored.map(|stored| UpdateRecord::read(&stored)).transpose()
    }

    /// Refuses an update that the run's type does not declare, an argument that it cannot take, and
    /// one too many.
    pub(super) fn check_update(
        &mut self,
        run_id: RunId,
        update: &UpdateInput,
    ) -> Result<(), Rejection> {
        let Some(resident) = self.residents.get(run_id) else { return Ok(()) };
        let waiting = resident.updates.as_ref().map_or(0, |updates| updates.waiting.len());
        let pending = waiting + resident.run.updates.len();
        if pending >= MOST_PENDING {
            let workflow_id = resident.workflow_id.to_string();
            return Err(Rejection::TooManyUpdates(workflow_id, pending));
        }
        let workflow_type = &*resident.run.started.workflow_type;
        // A type that no worker registers now keeps what comes for a build that knows it.
        let Ok(entry) = self.inner.registry.code_of(&resident.run.started) else { return Ok(()) };
        entry.check_update(workflow_type, update, |check, payload| {
            // The payload's type may have code of its own.
            let checked = panics::catch(AssertUnwindSafe(|| check(payload)));
            checked.unwrap_or_else(|panic| Err(panic.message))
        })
    }

    /// The run's update has come to its end, durably.
    pub(super) fn tell_update(&mut self, run_id: RunId, workflow_id: &str, state: &UpdateState) {
        let Some(watchers) = self.update_watchers.get_mut(&run_id) else { return };
        for watch in watchers.remove(state.update_id.as_str()).unwrap_or_default() {
            let answer = match state.status {
                UpdateStatus::Rejected => Err(rejected(workflow_id, state)),
                _ => Ok(state.clone()),
            };
            // Who stopped waiting is no concern.
            let _ = watch.send(answer);
        }
        if watchers.is_empty() {
            self.update_watchers.remove(&run_id);
        }
    }

    /// The run has closed, durably: no update of it will be answered any more, but by the run that
    /// it continued as.
    pub(super) fn end_updates(&mut self, run_id: RunId, result: &RunResult) {
        let Some(watchers) = self.update_watchers.remove(&run_id) else { return };
        let status = result.status;
        if let Some(next) = result.new_run_id {
            let known = self.update_watchers.entry(next).or_default();
            for (update_id, watchers) in watchers {
                known.entry(update_id).or_default().extend(watchers);
            }
            return;
        }
        for watch in watchers.into_values().flatten() {
            let closed = Rejection::WorkflowClosed(run_id.to_string(), status.to_string());
            let _ = watch.send(Err(closed));
        }
    }
}

fn closed(selector: &Selector, status: &str) -> Rejection {
    Rejection::WorkflowClosed(selector.workflow_id.clone(), status.to_owned())
}

fn rejected(workflow_id: &str, state: &UpdateState) -> Rejection {
    let why = state.failure.as_ref().map_or_else(String::new, |failure| failure.message.clone());
    Rejection::UpdateRejected { workflow_id: workflow_id.to_owned(), name: state.name.clone(), why }
}

impl Step<'_> {
    /// Keeps the update and shows it to the code; what became of it.
    fn admit(&mut self, update: UpdateInput, keep_rejection: bool) -> UpdateState {
        let UpdateInput { name, payload, update_id } = update;
        let update_id: Arc<str> = update_id.unwrap_or_else(UpdateInput::fresh_id).into();
        let updates = self.resident.updates.get_or_insert_default();
        updates.admit(Arc::clone(&update_id), name.into(), payload, self.turn.now);
        self.counters.updates.add(1);
        self.show_code();
        let status = self.resident.run.status;
        // What a chain has not looked at goes along with it.
        let closed = status.is_closed() && status != RunStatus::ContinuedAsNew;
        let Some(updates) = &mut self.resident.updates else { return gone(&update_id) };
        let Some(state) = updates.get(&update_id).map(|record| record.state(&update_id)) else {
            return gone(&update_id);
        };
        match state.status {
            UpdateStatus::Rejected if keep_rejection => updates.keep(&update_id),
            UpdateStatus::Rejected => updates.forget_new(&update_id),
            UpdateStatus::Admitted if closed => updates.forget_new(&update_id),
            _ => {}
        }
        state
    }

    /// Offers what waits to code that waits for it; whether something was recorded.
    pub(super) fn offer_updates(&mut self) -> bool {
        // A paused run dispatches nothing; what comes meanwhile waits.
        if self.resident.run.status != RunStatus::Running {
            return false;
        }
        let mut place = 0;
        loop {
            let Some(updates) = &mut self.resident.updates else { return false };
            let Some(update_id) = updates.waiting.get(place).cloned() else { return false };
            let Some(record) = updates.get(&update_id) else {
                updates.waiting.remove(place);
                continue;
            };
            let Some(task) = &mut self.resident.task else { return false };
            if !task.awaits_update(&record.name) {
                place += 1;
                continue;
            }
            let (name, payload) = (Arc::clone(&record.name), record.payload.clone());
            let offer = OfferedUpdate { update_id: Arc::clone(&update_id), name, payload };
            let (offered, polled) = task.offer(offer.clone(), self.turn.now);
            let rejected = match offered {
                Offered::Accepted => {
                    updates.waiting.remove(place);
                    let OfferedUpdate { update_id, name, payload } = offer;
                    let update = Box::new(UpdateAccepted { update_id, name, payload });
                    self.execute_own(Command::AcceptUpdate(update));
                    None
                }
                Offered::Rejected(failure) => {
                    updates.waiting.remove(place);
                    Some(failure)
                }
                Offered::Left => {
                    place += 1;
                    continue;
                }
            };
            if let Some(failure) = rejected {
                self.reject_update(&update_id, *failure);
                if polled.is_ok() {
                    continue;
                }
            }
            match polled {
                Ok(()) => self.record_asked(),
                Err(failure) => self.fail_task(failure),
            }
            return true;
        }
    }

    fn reject_update(&mut self, update_id: &Arc<str>, failure: Failure) {
        let Some(updates) = &mut self.resident.updates else { return };
        updates.reject(update_id, self.turn.limits.cut(failure));
        self.tell_update(update_id);
    }

    /// Keeps the rows in step with an event that is about to be applied.
    pub(super) fn update_rows(&mut self, event: &HistoryEvent) {
        let now = self.turn.now;
        match event {
            HistoryEvent::UpdateAccepted(update) => {
                let updates = self.resident.updates.get_or_insert_default();
                updates.advance(&update.update_id, Stage::Accepted, || UpdateRecord {
                    name: Arc::clone(&update.name),
                    payload: update.payload.clone(),
                    order: 0,
                    admitted_at: now,
                    stage: Stage::Accepted,
                });
            }
            HistoryEvent::UpdateCompleted(update) => {
                let Some(pending) = self.resident.run.updates.get(&update.update_id) else {
                    return;
                };
                let stage = match &update.outcome {
                    Ok(result) => Stage::Completed(result.clone()),
                    Err(failure) => Stage::Failed(failure.clone()),
                };
                let updates = self.resident.updates.get_or_insert_default();
                let PendingUpdate { name, payload, accepted_at } = pending.clone();
                updates.advance(&update.update_id, stage, || UpdateRecord {
                    name,
                    payload,
                    order: 0,
                    admitted_at: accepted_at,
                    stage: Stage::Accepted,
                });
                self.tell_update(&update.update_id);
            }
            _ => {}
        }
    }

    /// The run continues as another, which cannot answer what this one's code has taken: the
    /// callers are told.
    pub(super) fn fail_taken_updates(&mut self) {
        for (update_id, pending) in self.resident.run.updates.clone() {
            let why = "the workflow continued as a new run before it answered the update";
            let stage = Stage::Failed(Failure::new("continued_as_new", why));
            let updates = self.resident.updates.get_or_insert_default();
            let PendingUpdate { name, payload, accepted_at } = pending;
            updates.advance(&update_id, stage, || UpdateRecord {
                name,
                payload,
                order: 0,
                admitted_at: accepted_at,
                stage: Stage::Accepted,
            });
            self.tell_update(&update_id);
        }
    }

    pub(super) fn tell_update(&mut self, update_id: &Arc<str>) {
        let resident = &*self.resident;
        let record = resident.updates.as_ref().and_then(|updates| updates.get(update_id));
        let Some(record) = record else { return };
        self.turn.effects.push(Effect::UpdateEnded {
            run_id: resident.run_id,
            workflow_id: Arc::clone(&resident.workflow_id),
            state: Box::new(record.state(update_id)),
        });
    }

    /// Puts changed rows into the batch; whether there may be some.
    pub(super) fn write_updates(&mut self) -> bool {
        let resident = &mut *self.resident;
        let Some(updates) = &mut resident.updates else { return false };
        let (namespace, turn) = (&*resident.namespace, self.turn.number);
        let Run { started, status, .. } = &resident.run;
        let ended = status.is_closed() && *status != RunStatus::ContinuedAsNew;
        let first_run_id = started.first_run_id();
        updates.write(&mut self.turn.batch, namespace, first_run_id, turn, ended)
    }
}

fn gone(update_id: &str) -> UpdateState {
    UpdateState {
        update_id: update_id.to_owned(),
        name: String::new(),
        status: UpdateStatus::Admitted,
        result: None,
        failure: None,
    }
}

/// What an earlier process admitted and the code has not looked at.
pub(super) fn restore(
    snapshot: &dyn everstep_storage::Snapshot,
    namespace: &str,
    run_id: RunId,
) -> Result<Option<Box<RunUpdates>>, Rejection> {
    Ok(RunUpdates::restore(super::update_record::read_admitted(snapshot, namespace, run_id)?))
}

/// The run's row of a selector and its update's record, from the store alone.
pub(super) fn read_update(
    snapshot: &dyn everstep_storage::Snapshot,
    selector: &Selector,
    update_id: &str,
) -> Result<Option<UpdateState>, Rejection> {
    let run = read_run(snapshot, selector)?;
    let key = keys::update(&run.namespace, run.first_run_id(), update_id);
    let stored = snapshot.get(keys::UPDATES, &key)?;
    let record = stored.map(|stored| UpdateRecord::read(&stored)).transpose()?;
    Ok(record.map(|record| record.state(update_id)))
}
