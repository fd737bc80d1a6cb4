//! 10: the payload has the shape that the command declares, and passes its check.

use everstep_decider::Rejection;
use everstep_engine::{ActivityError, TransactionContext};

use super::{Middleware, Received, Verdict};

pub(in crate::commands) struct Validation;

impl Middleware for Validation {
    fn name(&self) -> &'static str {
        "validation"
    }

    fn order(&self) -> u32 {
        10
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
        Ok(match (registered.check)(&request.payload) {
            Ok(()) => Verdict::Pass,
            Err(why) => {
                let of = &request.command_type;
                let what = format!("command `{of}` cannot take this payload: {why}");
                Verdict::Refuse(Rejection::new("VALIDATION_FAILED", what))
            }
        })
    }
}
