//! Steps that are undone in reverse when a later one fails.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;

use super::{Activity, ActivityError, WorkflowContext, WorkflowError};
use crate::Payload;

/// Collects what must be undone. Given to the body of
/// [`WorkflowContext::saga`].
pub struct Saga {
    ctx: WorkflowContext,
    compensations: RefCell<Vec<Compensation>>,
}

struct Compensation {
    name: &'static str,
    undo: Pin<Box<dyn Future<Output = Result<(), ActivityError>>>>,
}

impl Saga {
    /// Registers the activity that undoes the step which comes next. Register it *before* the
    /// step: a step may succeed and yet report failure, so undoing must be harmless when there is
    /// nothing to undo.
    pub fn compensate<I: Serialize, O>(&self, activity: Activity<I, O>, input: I) {
        let call = self.ctx.call(activity.name(), Payload::from_value(&input), activity.options());
        let undo = async { call.await.map(|_: serde::de::IgnoredAny| ()) };
        let compensation = Compensation { name: activity.name(), undo: Box::pin(undo) };
        self.compensations.borrow_mut().push(compensation);
    }

    /// The same, where more than an activity undoes the step: durable steps of any kind, which are
    /// first polled when they are needed.
    pub fn compensate_with<T>(
        &self,
        name: &'static str,
        undo: impl Future<Output = Result<T, ActivityError>> + 'static,
    ) {
        let undo = Box::pin(async { undo.await.map(drop) });
        self.compensations.borrow_mut().push(Compensation { name, undo });
    }

    /// The workflow whose steps these are.
    pub const fn context(&self) -> &WorkflowContext {
        &self.ctx
    }
}

/// Runs `body`; undoes in reverse when it fails or is cancelled.
pub(super) async fn saga<T>(
    ctx: &WorkflowContext,
    body: impl AsyncFnOnce(&Saga) -> Result<T, WorkflowError>,
) -> Result<T, WorkflowError> {
    let saga = Saga { ctx: ctx.clone(), compensations: RefCell::default() };
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
        let mut stuck = None;
        for Compensation { name, undo } in compensations.into_iter().rev() {
            // The others are undone all the same; the first that failed is told.
            if let Err(error) = undo.await {
                stuck.get_or_insert((name, error));
            }
        }
        match stuck {
            None => Err(error),
            Some((name, undo_error)) => Err(WorkflowError::new(
                "compensation_failed",
                format!("{error}; and then undoing by `{name}` failed: {undo_error}"),
            )),
        }
    })
    .await
}
