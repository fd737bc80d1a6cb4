//! Waiting for a decision, but not for ever.
//!
//! Invariant: exactly one of decision and deadline counts, and the same one in every replay: the
//! one that the history has first.

use everstep_engine::{Either, Signal, Timestamp, WorkflowContext, race};
use serde::de::DeserializeOwned;

/// How the wait for a decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval<T> {
    /// Someone decided, and this is what they sent.
    Approved(T),
    /// The deadline came first.
    Expired,
}

/// Waits for `signal` until `deadline`. A signal that came before anyone waited counts, even when
/// the deadline has passed too; one that comes after the deadline stays for the next who waits.
pub async fn approval<T: DeserializeOwned>(
    ctx: &WorkflowContext,
    signal: Signal<T>,
    deadline: Timestamp,
) -> Approval<T> {
    match race(ctx.signal(signal), ctx.sleep_until(deadline)).await {
        Either::First(decision) => Approval::Approved(decision),
        Either::Second(()) => Approval::Expired,
    }
}
