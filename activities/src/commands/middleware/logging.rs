//! 40: a line for every command, with what it belongs to.

use super::Middleware;
use crate::commands::CommandRecord;

pub(in crate::commands) struct Logging;

impl Middleware for Logging {
    fn name(&self) -> &'static str {
        "logging"
    }

    fn order(&self) -> u32 {
        40
    }

    fn after(&self, record: &CommandRecord) {
        let status = record.status.name();
        let (command, command_id) = (&record.command_type, &record.command_id);
        let (correlation_id, user_id) = (&record.correlation_id, &record.user_id);
        let code = record.code.as_deref().unwrap_or_default();
        tracing::debug!(command, command_id, correlation_id, user_id, status, code, "command");
    }
}
