//! Cancellation as Rust knows it: the future is dropped, and what it waited for is withdrawn.
//!
//! A request to cancel goes to the innermost open scopes. A [`cancellable`] scope drops its body,
//! waits until the activities that the body waited for have ended, and returns [`Cancelled`]; what
//! the code does after that is its clean-up and is not cancelled again. A [`shield`] keeps the
//! request away until it is done, from the scopes inside it, too. The workflow itself is the
//! outermost scope.
//!
//! Invariant: scopes end from the inside out, and one that is about to end asks for nothing more:
//! what its body begins to wait for after an inner scope has ended is held back and dropped with it.
//!
//! A scope with a handle ([`CancelScope`](super::CancelScope)) is also cancelled by the code
//! itself, and the scopes inside it with it, up to the next shield.
//!
//! [`cancellable`]: crate::WorkflowContext::cancellable
//! [`shield`]: crate::WorkflowContext::shield

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::core::{Core, State, store_waker};

/// The scope's body was dropped because cancellation was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// The open scopes of a run.
#[derive(Default)]
pub(crate) struct Scopes {
    requested: bool,
    /// Some scope has taken the request.
    delivered: bool,
    /// Some scope was cancelled by the code itself.
    by_hand: bool,
    /// The code is to be polled once more: a scope was cancelled that may have been polled before.
    again: bool,
    next: u32,
    /// By id, which grows: a handful at most.
    open: Vec<(u32, Scope)>,
    /// The scopes whose bodies are being polled, outermost first.
    entered: Vec<u32>,
    /// Futures that have asked for nothing yet, because their scope is about to end.
    held_back: Vec<(u32, Waker)>,
}

struct Scope {
    parent: Option<u32>,
    children: u32,
    /// A shield, or inside of one: no request comes here.
    shielded: bool,
    /// A shield itself.
    shield: bool,
    /// Whether the code itself has cancelled it, where it can.
    cancelled: Option<Rc<Cell<bool>>>,
    /// Opened before the request: it reacts even when another scope took it.
    before_request: bool,
    waker: Option<Waker>,
}

impl Scopes {
    /// Cancellation is asked for.
    pub(super) fn request(&mut self) -> Vec<Waker> {
        self.requested = true;
        self.wakers()
    }

    /// The code has cancelled a scope of its own.
    pub(super) fn cancel_by_hand(&mut self) -> Vec<Waker> {
        (self.by_hand, self.again) = (true, true);
        self.wakers()
    }

    /// Whether the code is to be polled once more.
    pub(crate) fn take_again(&mut self) -> bool {
        std::mem::take(&mut self.again)
    }

    pub(super) fn wakers(&mut self) -> Vec<Waker> {
        self.open.iter_mut().filter_map(|(_, scope)| scope.waker.take()).collect()
    }

    /// Asked for, and no scope has reacted.
    pub(super) const fn is_untaken(&self) -> bool {
        self.requested && !self.delivered
    }

    pub(super) const fn is_requested(&self) -> bool {
        self.requested
    }

    fn scope_mut(&mut self, id: u32) -> Option<&mut Scope> {
        self.open.iter_mut().find(|(known, _)| *known == id).map(|(_, scope)| scope)
    }

    fn scope(&self, id: u32) -> Option<&Scope> {
        self.open.iter().find(|(known, _)| *known == id).map(|(_, scope)| scope)
    }

    fn open(&mut self, shield: bool, cancelled: Option<Rc<Cell<bool>>>) -> u32 {
        let id = self.next;
        self.next += 1;
        let parent = self.entered.last().copied();
        let mut shielded = shield;
        if let Some(parent) = parent.and_then(|parent| self.scope_mut(parent)) {
            parent.children += 1;
            shielded |= parent.shielded;
        }
        let before_request = !self.requested;
        let (children, waker) = (0, None);
        let scope = Scope { parent, children, shielded, shield, cancelled, before_request, waker };
        self.open.push((id, scope));
        id
    }

    /// Whether a future that has asked for nothing yet is to wait: the scope that is being polled
    /// ends with this poll.
    pub(super) fn holds_back(&mut self, waker: &Waker) -> bool {
        if !self.requested && !self.by_hand {
            return false;
        }
        let Some(&id) = self.entered.last() else { return false };
        let ends = self.must_cancel(id);
        if ends {
            self.held_back.push((id, waker.clone()));
        }
        ends
    }

    /// The futures of the scope that were held back.
    fn take_held_back(&mut self, id: u32) -> Vec<Waker> {
        let (own, others) =
            std::mem::take(&mut self.held_back).into_iter().partition(|(of, _)| *of == id);
        self.held_back = others;
        let own: Vec<(u32, Waker)> = own;
        own.into_iter().map(|(_, waker)| waker).collect()
    }

    fn close(&mut self, id: u32) {
        let at = self.open.iter().position(|(known, _)| *known == id);
        let parent = at.and_then(|at| self.open.remove(at).1.parent);
        if let Some(parent) = parent.and_then(|parent| self.scope_mut(parent)) {
            parent.children -= 1;
        }
    }

    fn must_cancel(&self, id: u32) -> bool {
        self.takes_request(id) || (self.by_hand && self.is_cancelled_by_hand(id))
    }

    /// The scope, or one around it that no shield keeps away, was cancelled by the code itself.
    fn is_cancelled_by_hand(&self, id: u32) -> bool {
        let mut at = self.scope(id).filter(|scope| scope.children == 0);
        while let Some(scope) = at {
            if scope.cancelled.as_ref().is_some_and(|cancelled| cancelled.get()) {
                return true;
            }
            at = scope.parent.filter(|_| !scope.shield).and_then(|parent| self.scope(parent));
        }
        false
    }

    /// The request ends the scope now.
    fn takes_request(&self, id: u32) -> bool {
        self.requested
            && self.open.iter().any(|(known, scope)| {
                *known == id
                    && scope.children == 0
                    && !scope.shielded
                    && (scope.before_request || !self.delivered)
            })
            // The whole workflow is only dropped when nobody inside has taken the request.
            && (id != 0 || !self.delivered)
    }
}

/// Closes the scope however its future ends.
struct OpenScope {
    core: Rc<Core>,
    id: u32,
}

impl OpenScope {
    fn new(core: &Rc<Core>, shield: bool, cancelled: Option<Rc<Cell<bool>>>) -> Self {
        let id = core.with(|state| state.scopes.open(shield, cancelled));
        Self { id, core: Rc::clone(core) }
    }

    fn poll_inside<F: Future + ?Sized>(
        &self,
        body: Pin<&mut F>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<F::Output> {
        self.core.with(|state| {
            state.scopes.entered.push(self.id);
            if let Some(scope) = state.scopes.scope_mut(self.id) {
                store_waker(&mut scope.waker, cx.waker());
            }
        });
        let polled = body.poll(cx);
        self.core.with(|state| state.scopes.entered.pop());
        polled
    }
}

impl Drop for OpenScope {
    fn drop(&mut self) {
        self.core.with(|state| state.scopes.close(self.id));
    }
}

/// Runs `body` until it ends or until cancellation is asked for.
pub(super) async fn cancellable<F: Future>(
    core: &Rc<Core>,
    body: F,
) -> Result<F::Output, Cancelled> {
    cancellable_by(core, body, None).await
}

/// As [`cancellable`], and until the code itself says `cancelled`.
pub(super) async fn cancellable_by<F: Future>(
    core: &Rc<Core>,
    body: F,
    cancelled: Option<Rc<Cell<bool>>>,
) -> Result<F::Output, Cancelled> {
    let mut body = Some(Box::pin(body));
    let mut scope = None;
    let mut ending: Vec<u32> = Vec::new();
    poll_fn(move |cx| {
        let scope = scope.get_or_insert_with(|| OpenScope::new(core, false, cancelled.clone()));
        loop {
            let Some(running) = body.as_mut() else {
                // Dropped: the activities that it waited for may still be cleaning up.
                let still_running = core.with(|state| still_running(state, &mut ending));
                core.with(|state| {
                    if let Some(open) = state.scopes.scope_mut(scope.id) {
                        store_waker(&mut open.waker, cx.waker());
                    }
                });
                return if still_running { Poll::Pending } else { Poll::Ready(Err(Cancelled)) };
            };
            if !core.with(|state| state.scopes.must_cancel(scope.id)) {
                if let Poll::Ready(output) = scope.poll_inside(running.as_mut(), cx) {
                    return Poll::Ready(Ok(output));
                }
                // An inner scope may have ended in this poll and left the request to this one.
                if !core.with(|state| state.scopes.must_cancel(scope.id)) {
                    let held_back = core.with(|state| state.scopes.take_held_back(scope.id));
                    if held_back.is_empty() {
                        return Poll::Pending;
                    }
                    // The scope goes on after all: another one has taken the request meanwhile.
                    held_back.into_iter().for_each(Waker::wake);
                    continue;
                }
            }
            let before = core.with(|state| {
                state.scopes.delivered |= state.scopes.takes_request(scope.id);
                state.scopes.take_held_back(scope.id);
                state.abandoned.clone()
            });
            body = None;
            ending = core.with(|state| state.abandoned.difference(&before).copied().collect());
        }
    })
    .await
}

fn still_running(state: &State, ending: &mut Vec<u32>) -> bool {
    ending.retain(|id| state.abandoned.contains(id));
    !ending.is_empty()
}

/// Runs `body` to its end, whatever is asked for meanwhile.
pub(super) async fn shield<F: Future>(core: &Rc<Core>, body: F) -> F::Output {
    let mut body = std::pin::pin!(body);
    let mut scope = None;
    poll_fn(move |cx| {
        let scope = scope.get_or_insert_with(|| OpenScope::new(core, true, None));
        // A child that never reacts: it keeps its parents from reacting, too.
        scope.poll_inside(body.as_mut(), cx)
    })
    .await
}

/// The outermost scope: the whole workflow.
pub(crate) async fn root<T>(
    core: Rc<Core>,
    body: impl Future<Output = Result<T, super::WorkflowError>>,
) -> Result<T, super::WorkflowError> {
    cancellable(&core, body).await.unwrap_or(Err(super::WorkflowError::Cancelled))
}
