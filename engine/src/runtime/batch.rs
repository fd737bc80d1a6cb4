//! Batch operations: started, looked at, and their pages acted on.
//!
//! Invariant: what a page does to its targets and the completion of the activity that selected it
//! stand in one batch of the store, so that a page acts once or has not acted.

use super::effect::Effect;
use super::engine::Engine;
use super::message::{Message, Reply};
use super::requests::Target as Found;
use super::shard::Shard;
use crate::batch::{
    BATCH, BatchFailure, BatchInput, BatchOperation, BatchRequest, PageOutcome, Selection, Target,
    Targets,
};
use crate::kernel::Command;
use crate::view::{self, BatchDescription, BatchPage};
use crate::{Payload, Rejection, RunId, RunStatus, Selector, StartRequest, TaskToken};

impl Engine {
    /// Starts a batch; answers its id, durably.
    ///
    /// # Errors
    /// [`Rejection::Unprocessable`] for a filter or an operation that cannot be meant,
    /// [`Rejection::NamespaceNotFound`], [`Rejection::PayloadTooLarge`],
    /// [`Rejection::IdempotencyConflict`].
    pub async fn start_batch(&self, request: BatchRequest) -> Result<String, Rejection> {
        self.check_batch(&request)?;
        let BatchRequest { filter, operation, idempotency_key } = request;
        let namespace = filter.namespace.clone();
        let input = BatchInput { operation, filter, so_far: None };
        let input = Payload::from_value(&input)
            .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
        let start =
            StartRequest { namespace, idempotency_key, ..StartRequest::new(BATCH.name(), input) };
        let request = Box::new(start);
        let started = self.ask(|reply| Message::Start { request, watch: None, reply }).await?;
        Ok(started.workflow_id)
    }

    /// How many runs a batch would act on now. Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// As [`Engine::start_batch`].
    pub fn count_batch(&self, request: &BatchRequest) -> Result<u64, Rejection> {
        self.check_batch(request)?;
        let selection = Selection::new(request.filter.clone(), &request.operation);
        selection.count(&**self.store(), None, || true)
    }

    /// How far a batch has come. Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::BatchNotFound`].
    pub fn batch(&self, namespace: &str, batch_id: &str) -> Result<BatchDescription, Rejection> {
        view::describe_batch(&**self.store(), namespace, batch_id).map(|batch| self.shown(batch))
    }

    /// A page of the batches of a namespace, newest first. Reads the store, so it may block for a
    /// moment.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] when the page token is not one of ours.
    pub fn batches(
        &self,
        namespace: &str,
        page_size: usize,
        page_token: Option<&str>,
    ) -> Result<BatchPage, Rejection> {
        let page = view::list_batches(&**self.store(), namespace, page_size, page_token)?;
        let batches = self.shown(page.batches);
        Ok(BatchPage { batches, ..page })
    }

    /// Acts on a page's targets and completes the activity that selected them.
    pub(crate) async fn act_on_page(
        &self,
        token: TaskToken,
        targets: Targets,
    ) -> Result<(), Rejection> {
        let token = Box::new(token);
        self.ask(|reply| Message::BatchPage { token, targets, reply }).await
    }

    fn check_batch(&self, request: &BatchRequest) -> Result<(), Rejection> {
        self.check_namespace(&request.filter.namespace)?;
        request.check()?;
        match &request.operation {
            BatchOperation::Signal(signal) => {
                self.limits().check("signal payload", &signal.payload)
            }
            BatchOperation::Reset(reset) => match &reset.input {
                Some(input) => self.limits().check("input", input),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Shard {
    pub(super) fn act_on_page(
        &mut self,
        token: Box<TaskToken>,
        targets: Targets,
        reply: Reply<()>,
    ) {
        // Histories that are to be read must be on disk whole.
        if self.any_unwritten(&targets) && self.in_flight.is_none() {
            self.commit_now();
        }
        if self.any_unwritten(&targets) && self.in_flight.is_some() {
            self.afterwards.push(super::afterwards::Afterwards::BatchPage {
                token,
                targets,
                reply,
            });
            return;
        }
        let answer = self.try_act_on_page(&token, &targets);
        self.turn.effects.push(Effect::Answer(reply, answer));
        self.deliver_letters();
    }

    fn any_unwritten(&self, targets: &Targets) -> bool {
        let unwritten = |target: &Target| !self.is_whole(target.run_id);
        targets.are_read && targets.targets.iter().any(unwritten)
    }

    fn try_act_on_page(&mut self, token: &TaskToken, targets: &Targets) -> Result<(), Rejection> {
        let TaskToken { run_id, activity_id, attempt, .. } = *token;
        let open = self.ensure_resident(&token.namespace, run_id)?;
        let ended = || Rejection::ActivityNotPending {
            workflow_id: run_id.to_string(),
            activity_id,
            attempt,
        };
        let resident = self.residents.get(run_id).filter(|_| open).ok_or_else(ended)?;
        let pending = resident.run.running_attempt(activity_id, attempt);
        if pending.is_none_or(|activity| activity.cancel_requested_at.is_some()) {
            return Err(ended());
        }
        let batch_id = resident.workflow_id.to_string();
        let input: BatchInput = (resident.run.started.input)
            .to()
            .map_err(|error| Rejection::Corrupt(format!("batch {batch_id}: {error}")))?;
        let outcome = self.act_on_targets(&batch_id, &input, targets);
        let result = Payload::from_value(&outcome)
            .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
        self.forget_attempt(run_id, activity_id, attempt);
        let complete = Command::CompleteActivity { activity_id, attempt, result };
        self.step(run_id, |step| step.execute_own(complete));
        Ok(())
    }

    fn act_on_targets(
        &mut self,
        batch_id: &str,
        input: &BatchInput,
        targets: &Targets,
    ) -> PageOutcome {
        let mut outcome = PageOutcome { next: targets.next, ..PageOutcome::default() };
        for target in &targets.targets {
            self.progress.step();
            let selector = Selector {
                namespace: input.filter.namespace.clone(),
                workflow_id: target.workflow_id.clone(),
                run_id: Some(target.run_id),
            };
            match self.act_on_target(batch_id, &input.operation, &selector) {
                Ok(()) => outcome.done += 1,
                Err(rejection) => {
                    outcome.failed += 1;
                    outcome.failures.push(BatchFailure {
                        workflow_id: target.workflow_id.clone(),
                        run_id: target.run_id,
                        code: rejection.code().to_owned(),
                        message: rejection.to_string(),
                    });
                }
            }
        }
        outcome
    }

    fn act_on_target(
        &mut self,
        batch_id: &str,
        operation: &BatchOperation,
        selector: &Selector,
    ) -> Result<(), Rejection> {
        match operation {
            BatchOperation::Signal(signal) => {
                let selector = self.where_it_goes_on(selector)?;
                self.try_signal(&selector, signal.clone(), None)
            }
            BatchOperation::Cancel => self.unless_closed(selector, Command::RequestCancel),
            BatchOperation::Terminate { reason } => {
                let reason = match reason.as_str() {
                    "" => format!("by batch {batch_id}"),
                    reason => reason.to_owned(),
                };
                self.unless_closed(selector, Command::Terminate { reason })
            }
            BatchOperation::Reset(request) => {
                let found = self.target(selector)?;
                let newest = self.target(&Selector { run_id: None, ..selector.clone() })?;
                if newest.run_id != found.run_id {
                    return Err(Rejection::Unprocessable(format!(
                        "run {} is the newest of workflow `{}` by now",
                        newest.run_id, selector.workflow_id
                    )));
                }
                if !self.is_whole(found.run_id) {
                    return Err(Rejection::Unavailable(format!(
                        "run {} was changed by the same page; reset it by itself",
                        found.run_id
                    )));
                }
                self.try_reset(selector, &found, (**request).clone()).map(drop)
            }
        }
    }

    /// Carries out a command that is about ending: a run that is closed or gone needs it no more.
    fn unless_closed(&mut self, selector: &Selector, command: Command) -> Result<(), Rejection> {
        let done = self
            .where_it_goes_on(selector)
            .and_then(|selector| self.try_command(&selector, command).map(drop));
        match done {
            Err(Rejection::WorkflowClosed(..) | Rejection::WorkflowNotFound(_)) => Ok(()),
            other => other,
        }
    }

    /// The run itself, or the newest of its chain when it has continued as new since it was
    /// selected.
    fn where_it_goes_on(&mut self, selector: &Selector) -> Result<Selector, Rejection> {
        let Found { status, first_run_id, .. } = self.target(selector)?;
        if status != RunStatus::ContinuedAsNew {
            return Ok(selector.clone());
        }
        let newest = self.target(&Selector { run_id: None, ..selector.clone() })?;
        let goes_on: Option<RunId> = (newest.first_run_id == first_run_id).then_some(newest.run_id);
        Ok(Selector { run_id: goes_on.or(selector.run_id), ..selector.clone() })
    }
}
