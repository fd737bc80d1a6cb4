//! Schedules that begin or end in the commit that makes a transaction's writes durable.

use super::transaction::{Ask, TransactionContext};
use super::{ActivityError, Schedule};
use crate::schedule::ScheduleInput;

/// Longest id of a schedule, in bytes.
const MAX_ID_BYTES: usize = 512;

/// What is to become of a schedule.
#[derive(Debug)]
pub(crate) enum ScheduleAsk {
    Create(String, Box<ScheduleInput>),
    Delete(String),
}

impl TransactionContext<'_> {
    /// Creates a schedule in the commit that makes the writes durable, in the transaction's
    /// namespace. A transaction that creates one whose id is taken, whose spec names no instant or
    /// whose workflow cannot be started fails as a whole.
    ///
    /// # Errors
    /// When its id cannot be one, its input has no JSON form, or the transaction asks for too much.
    pub fn create_schedule(&mut self, schedule: Schedule) -> Result<(), ActivityError> {
        let (id, input) = schedule.into_parts().map_err(|mistake| refused(&mistake))?;
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
            return Err(refused(&format!(
                "schedule id {id:?} must have 1 to {MAX_ID_BYTES} bytes and no control character"
            )));
        }
        let bytes = input.definition.action.input.as_bytes().len();
        self.asks.push(Ask::Schedule(ScheduleAsk::Create(id, Box::new(input))));
        self.hold(bytes)
    }

    /// Deletes a schedule in the commit that makes the writes durable; the runs that it started go
    /// on. A transaction that deletes one which does not exist fails as a whole.
    ///
    /// # Errors
    /// When the transaction asks for too much.
    pub fn delete_schedule(&mut self, id: impl Into<String>) -> Result<(), ActivityError> {
        self.asks.push(Ask::Schedule(ScheduleAsk::Delete(id.into())));
        self.hold(0)
    }
}

fn refused(what: &str) -> ActivityError {
    ActivityError::new("invalid_request", what).non_retryable()
}
