//! 30: the sender's role is the command's, or above it.

use everstep_decider::Rejection;
use everstep_engine::{ActivityError, Role, TransactionContext};

use super::{Middleware, Received, Verdict};

pub(in crate::commands) struct Authorization;

impl Middleware for Authorization {
    fn name(&self) -> &'static str {
        "authorization"
    }

    fn order(&self) -> u32 {
        30
    }

    fn before(
        &self,
        _: &mut TransactionContext<'_>,
        command: Received<'_>,
    ) -> Result<Verdict, ActivityError> {
        let request = command.request;
        let Some(registered) = command.commands.get(&request.command_type) else {
            return Ok(Verdict::Pass);
        };
        let needed = registered.role;
        let has = request.role.parse::<Role>().ok();
        if has.is_some_and(|role| role >= needed) {
            return Ok(Verdict::Pass);
        }
        let what = format!("UNAUTHORIZED: {} role required", needed.title());
        let rejection = Rejection::new("UNAUTHORIZED", what).with("required", needed.name());
        Ok(Verdict::Refuse(rejection.with("role", request.role.as_str())))
    }
}
