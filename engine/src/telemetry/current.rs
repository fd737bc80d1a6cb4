//! Whose code runs on this thread: what log lines say of it, and whether they are repeated.
//!
//! Invariant: what is entered is left in reverse, so that a thread that polls one thing within
//! another knows both.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::span::EnteredSpan;
use tracing::{Span, debug_span};

use crate::RunId;
use crate::kernel::WorkflowStarted;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Workflow code, or an attempt of an activity.
#[derive(Clone)]
pub(crate) struct Current {
    run: Arc<WorkflowStarted>,
    attempt: Option<(Arc<str>, u32, u32)>,
}

/// The run whose code writes a log line.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunFields<'a> {
    /// The workflow's id.
    pub workflow_id: &'a str,
    /// The run.
    pub run_id: RunId,
    /// The registered type.
    pub workflow_type: &'a str,
    /// Type, id and attempt of the activity, when it is one's code.
    pub activity: Option<(&'a str, u32, u32)>,
}

impl Current {
    pub(crate) fn workflow(run: &Arc<WorkflowStarted>) -> Self {
        Self { run: Arc::clone(run), attempt: None }
    }

    pub(crate) fn attempt(
        run: &Arc<WorkflowStarted>,
        activity_type: &Arc<str>,
        activity_id: u32,
        attempt: u32,
    ) -> Self {
        let attempt = Some((Arc::clone(activity_type), activity_id, attempt));
        Self { run: Arc::clone(run), attempt }
    }

    /// Its span, for whoever asks for such detail; else one that costs nothing.
    fn span(&self) -> Span {
        let WorkflowStarted { workflow_id, run_id, workflow_type, .. } = &*self.run;
        match &self.attempt {
            None => debug_span!(
                target: "everstep::span", "turn", workflow_id, %run_id, workflow_type = &**workflow_type
            ),
            Some((activity_type, activity_id, attempt)) => debug_span!(
                target: "everstep::span", "activity", workflow_id, %run_id,
                workflow_type = &**workflow_type, activity_type = &**activity_type, activity_id,
                attempt
            ),
        }
    }

    /// Marks the thread for as long as the answer lives.
    pub(crate) fn enter(self) -> Entered {
        let span = self.span();
        self.enter_in(span)
    }

    fn enter_in(self, span: Span) -> Entered {
        // A span says it all by itself.
        let current = span.is_disabled().then_some(self);
        let before = CURRENT.replace(current);
        Entered { before, _span: span.entered() }
    }

    /// Marks each thread that polls `future`.
    pub(crate) fn within<F>(self, future: F) -> Within<F> {
        let span = self.span();
        Within { current: self, span, future }
    }
}

/// Marks a thread until it is dropped.
pub(crate) struct Entered {
    before: Option<Current>,
    _span: EnteredSpan,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// A future whose polls are marked.
pub(crate) struct Within<F> {
    current: Current,
    span: Span,
    future: F,
}

impl<F: Future + Unpin> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let _entered = this.current.clone().enter_in(this.span.clone());
        Pin::new(&mut this.future).poll(cx)
    }
}

/// As log lines end: ` workflow_id=… run_id=… workflow_type=…`.
impl fmt::Display for RunFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow_id, run_id, workflow_type, activity } = self;
        write!(f, "workflow_id={workflow_id:?} run_id={run_id} workflow_type={workflow_type:?}")?;
        if let Some((activity_type, activity_id, attempt)) = activity {
            write!(
                f,
                " activity_type={activity_type:?} activity_id={activity_id} attempt={attempt}"
            )?;
        }
        Ok(())
    }
}

/// Tells `act` whose code runs on this thread; nothing where none does, or where a span of the
/// engine (target `everstep::span`, level debug) says it already. For formatters of log lines.
pub fn with_run_fields<T>(act: impl FnOnce(Option<&RunFields<'_>>) -> T) -> T {
    // A formatter may log itself: no borrow is held while it runs.
    let current = CURRENT.with_borrow(Clone::clone);
    let fields = current.as_ref().map(|current| RunFields {
        workflow_id: &current.run.workflow_id,
        run_id: current.run.run_id,
        workflow_type: &current.run.workflow_type,
        activity: current.attempt.as_ref().map(|(kind, id, attempt)| (&**kind, *id, *attempt)),
    });
    act(fields.as_ref())
}

/// Until the answer is dropped, nothing on this thread is logged: it was, when it happened.
pub(crate) fn silence() -> DefaultGuard {
    dispatcher::set_default(&Dispatch::none())
}
