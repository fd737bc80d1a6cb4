//! A scope that the workflow's own code cancels.
//!
//! Invariant: cancelling is the code's own act, so it needs no event: a replay does it at the same
//! place. What it withdraws is in the history.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::task::Waker;

use super::cancel::{self, Cancelled};
use super::core::Core;

/// A part of the workflow that another part can cancel; made by
/// [`WorkflowContext::scope`](super::WorkflowContext::scope). Clones are the same scope.
///
/// ```
/// use everstep_engine::{Activity, Either, Signal, WorkflowContext, WorkflowError, race};
///
/// const ENCODE: Activity<String, String> = Activity::new("encode");
/// const SKIP: Signal<()> = Signal::new("skip");
///
/// async fn encode(ctx: &WorkflowContext, film: String) -> Result<String, WorkflowError> {
///     let scope = ctx.scope();
///     let skipping = async {
///         ctx.signal(SKIP).await;
///         scope.cancel();
///         std::future::pending::<()>().await
///     };
///     match race(scope.run(ctx.activity(ENCODE, film)), skipping).await {
///         Either::First(Ok(encoded)) => Ok(encoded?),
///         _ => Ok("skipped".to_owned()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct CancelScope {
    core: Rc<Core>,
    cancelled: Rc<Cell<bool>>,
}

impl CancelScope {
    pub(super) fn new(core: &Rc<Core>) -> Self {
        Self { core: Rc::clone(core), cancelled: Rc::default() }
    }

    /// Runs `body` until it ends, the scope is cancelled or the workflow is asked to end; then
    /// drops it, waits until the activities that it waited for have ended, and returns
    /// [`Cancelled`]. In a scope that is cancelled already nothing of it runs. A scope may run
    /// several bodies, one beside the other.
    ///
    /// # Errors
    /// [`Cancelled`] when the body was dropped.
    pub async fn run<F: Future>(&self, body: F) -> Result<F::Output, Cancelled> {
        cancel::cancellable_by(&self.core, body, Some(Rc::clone(&self.cancelled))).await
    }

    /// Cancels what runs in the scope, the scopes within it first; those that are shielded end
    /// before it does. Cancelling twice is the same as once.
    pub fn cancel(&self) {
        if !self.cancelled.replace(true) {
            let wakers = self.core.with(|state| state.scopes.cancel_by_hand());
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether it was cancelled by [`CancelScope::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope").field("cancelled", &self.cancelled).finish_non_exhaustive()
    }
}
