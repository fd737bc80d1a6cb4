//! The body of a saga, and the way back.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

use everstep_engine::{Activity, ActivityError, Transaction, WorkflowContext, WorkflowError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::progress::{PROGRESS, Rung, RungState, SagaProgress};
use super::rows::{BEGIN, COMPENSATE, Decision, GO_ON, GOT_STUCK, StuckAt, UNDO};

type Undo = Pin<Box<dyn Future<Output = Result<(), ActivityError>>>>;

/// Given to the body of a [`saga`]: registers what undoes its steps, and shows how far it is.
pub struct SagaRun {
    ctx: WorkflowContext,
    progress: RefCell<SagaProgress>,
    compensations: RefCell<Vec<Box<dyn Fn() -> Undo>>>,
}

impl SagaRun {
    /// Takes a step under a name that is shown.
    ///
    /// # Errors
    /// What the step failed with.
    pub async fn step<T, E>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let at = {
            let mut progress = self.progress.borrow_mut();
            let after_steps = progress.steps.len();
            let rung = Rung { name: name.to_owned(), state: RungState::Running, after_steps };
            progress.steps.push(rung);
            after_steps
        };
        self.publish();
        let ended = work.await;
        let state = if ended.is_ok() { RungState::Done } else { RungState::Failed };
        if let Some(rung) = self.progress.borrow_mut().steps.get_mut(at) {
            rung.state = state;
        }
        self.publish();
        ended
    }

    /// Registers the activity that undoes the step which comes next. Register it *before* what
    /// happens outside: that may happen and yet report failure, so undoing must be harmless where
    /// there is nothing to undo.
    pub fn compensate<I, O>(&self, activity: Activity<I, O>, input: I)
    where
        I: Serialize + Clone + 'static,
        O: DeserializeOwned + 'static,
    {
        let ctx = self.ctx.clone();
        self.compensate_with(activity.name(), move || {
            let (ctx, input) = (ctx.clone(), input.clone());
            async move { ctx.activity(activity, input).await }
        });
    }

    /// The same, where more than an activity undoes the step: durable steps of any kind. Where it
    /// fails for good and somebody has it tried again, `undo` is called again.
    pub fn compensate_with<T, F>(&self, name: &str, undo: impl Fn() -> F + 'static)
    where
        F: Future<Output = Result<T, ActivityError>> + 'static,
    {
        {
            let mut progress = self.progress.borrow_mut();
            let after_steps = progress.steps.len();
            let rung = Rung { name: name.to_owned(), state: RungState::Ready, after_steps };
            progress.compensations.push(rung);
        }
        self.publish();
        let undo = move || -> Undo {
            let undone = undo();
            Box::pin(async { undone.await.map(drop) })
        };
        self.compensations.borrow_mut().push(Box::new(undo));
    }

    /// The workflow whose steps these are.
    pub const fn context(&self) -> &WorkflowContext {
        &self.ctx
    }

    fn publish(&self) {
        self.ctx.publish(PROGRESS, self.progress.borrow().clone());
    }

    fn set(&self, at: usize, state: RungState) {
        if let Some(rung) = self.progress.borrow_mut().compensations.get_mut(at) {
            rung.state = state;
        }
        self.publish();
    }

    fn name(&self, at: usize) -> String {
        let progress = self.progress.borrow();
        progress.compensations.get(at).map(|rung| rung.name.clone()).unwrap_or_default()
    }

    /// Undoes one step, however often that takes.
    async fn undo(&self, at: usize, undo: &dyn Fn() -> Undo) -> Result<(), WorkflowError> {
        let mut was_stuck = false;
        loop {
            self.set(at, RungState::Running);
            let Err(error) = undo().await else {
                self.set(at, RungState::Done);
                if was_stuck {
                    self.note(GO_ON, self.name(at)).await?;
                }
                return Ok(());
            };
            was_stuck = true;
            self.set(at, RungState::Failed);
            let compensation = self.name(at);
            let stuck = StuckAt { compensation, error: error.failure().clone() };
            self.ctx.transaction(GOT_STUCK, (self.ctx.workflow_id().to_owned(), stuck)).await?;
            let decision = self.ctx.signal(UNDO).await;
            if decision == Decision::Skip {
                self.set(at, RungState::Skipped);
                self.note(GO_ON, self.name(at)).await?;
                return Ok(());
            }
        }
    }

    async fn note(
        &self,
        note: Transaction<(String, String), ()>,
        what: String,
    ) -> Result<(), WorkflowError> {
        let id = self.ctx.workflow_id().to_owned();
        Ok(self.ctx.transaction(note, (id, what)).await?)
    }
}

/// Runs `body`; when it fails or is cancelled, what it registered is done in reverse, each as a
/// durable step, and shielded from cancellation. A workflow with a saga has one, and its type is
/// declared with [`WorkerSagas::saga`](super::WorkerSagas::saga).
///
/// # Errors
/// What the body failed with, once everything is undone.
pub async fn saga<T>(
    ctx: &WorkflowContext,
    body: impl AsyncFnOnce(&SagaRun) -> Result<T, WorkflowError>,
) -> Result<T, WorkflowError> {
    let (progress, compensations) = (RefCell::default(), RefCell::default());
    let saga = SagaRun { ctx: ctx.clone(), progress, compensations };
    let names = (ctx.workflow_type().to_owned(), ctx.run_id().to_string());
    ctx.shield(ctx.transaction(BEGIN, (ctx.workflow_id().to_owned(), names))).await?;
    let ended = ctx.cancellable(body(&saga)).await;
    let error = match ended {
        Ok(Ok(output)) => return Ok(output),
        // The steps stand; the next run goes on from them.
        Ok(Err(error @ WorkflowError::ContinueAsNew(_))) => return Err(error),
        Ok(Err(error)) => error,
        Err(cancelled) => cancelled.into(),
    };
    let compensations = saga.compensations.take();
    ctx.shield(async {
        saga.note(COMPENSATE, error.to_string()).await?;
        for (at, undo) in compensations.iter().enumerate().rev() {
            saga.undo(at, &**undo).await?;
        }
        Err(error)
    })
    .await
}
