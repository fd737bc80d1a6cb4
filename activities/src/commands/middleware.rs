//! What stands around every command, in order: each looks at it before the handler does, and may
//! turn it away.
//!
//! | order | name | turns away |
//! | --- | --- | --- |
//! | 10 | `validation` | a payload of another shape: `VALIDATION_FAILED` |
//! | 30 | `authorization` | a sender whose role is too small: `UNAUTHORIZED` |
//! | 40 | `logging` | nothing |
//! | 50 | `rate_limit` | a sender who sends too often: `RATE_LIMITED` |
//!
//! Invariant: the first that turns a command away is the only one that is told; the command is
//! recorded as rejected and leaves no event.

mod authorization;
mod logging;
mod rate_limit;
mod validation;

use everstep_decider::Rejection;
use everstep_engine::{ActivityError, TransactionContext};

use super::record::CommandRecord;
use super::registry::Commands;
use super::request::CommandRequest;

pub(super) use authorization::Authorization;
pub(super) use logging::Logging;
pub(super) use rate_limit::RateLimiting;
pub(super) use validation::Validation;

/// What a middleware says to a command.
#[derive(Debug)]
pub enum Verdict {
    /// It may go on.
    Pass,
    /// It ends here.
    Refuse(Rejection),
}

/// A command on its way to its handler.
#[derive(Clone, Copy)]
pub struct Received<'c> {
    /// What was sent.
    pub request: &'c CommandRequest,
    pub(super) commands: &'c Commands,
}

impl std::fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").field("request", self.request).finish()
    }
}

/// Something that stands around every command.
pub trait Middleware: Send + Sync + 'static {
    /// Its name, by which commands skip it.
    fn name(&self) -> &'static str;

    /// Its place: smaller ones come first.
    fn order(&self) -> u32;

    /// Looks at a command before its handler does, in the command's transaction.
    ///
    /// # Errors
    /// When it cannot say: the whole command is undone and may be sent again.
    fn before(
        &self,
        _tx: &mut TransactionContext<'_>,
        _command: Received<'_>,
    ) -> Result<Verdict, ActivityError> {
        Ok(Verdict::Pass)
    }

    /// Looks at what became of a command.
    fn after(&self, _record: &CommandRecord) {}
}
