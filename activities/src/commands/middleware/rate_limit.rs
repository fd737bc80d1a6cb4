//! 50: how often a user may send a command.
//!
//! Invariant: what is used up stands in the transaction that records the command, so a restart
//! forgets no command and gives no burst anew.

use everstep_decider::Rejection;
use everstep_engine::{ActivityError, TransactionContext};

use super::{Middleware, Received, Verdict};

pub(in crate::commands) struct RateLimiting;

impl Middleware for RateLimiting {
    fn name(&self) -> &'static str {
        "rate_limit"
    }

    fn order(&self) -> u32 {
        50
    }

    fn before(
        &self,
        tx: &mut TransactionContext<'_>,
        command: Received<'_>,
    ) -> Result<Verdict, ActivityError> {
        let request = command.request;
        let (name, user) = (&request.command_type, &request.user_id);
        let Some(limiter) = command.commands.limiter_of(name) else { return Ok(Verdict::Pass) };
        let decision = limiter.take(tx, user, 1)?;
        if decision.allowed {
            return Ok(Verdict::Pass);
        }
        let what = format!("`{user}` sends command `{name}` too often");
        let Some(ms) = decision.retry_after_ms else {
            return Ok(Verdict::Refuse(Rejection::new("RATE_LIMITED", what)));
        };
        let rejection = Rejection::new("RATE_LIMITED", format!("{what}: wait {ms} ms"));
        Ok(Verdict::Refuse(rejection.with("retry_after_ms", ms)))
    }
}
