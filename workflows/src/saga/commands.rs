//! Commands that undo a saga's steps.

use everstep_activities::commands::{Command, SendCommands};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SagaRun;

/// Commands that undo a saga's steps.
pub trait UndoSagaByCommand {
    /// Registers the command that undoes the step which comes next, or has just been taken: a
    /// command's step and its effect are one commit. It is sent only when it is needed.
    fn compensate_by<I, O>(&self, command: Command<I, O>, payload: I)
    where
        I: Serialize + Clone + 'static,
        O: DeserializeOwned + 'static;
}

impl UndoSagaByCommand for SagaRun {
    fn compensate_by<I, O>(&self, command: Command<I, O>, payload: I)
    where
        I: Serialize + Clone + 'static,
        O: DeserializeOwned + 'static,
    {
        let ctx = self.context().clone();
        self.compensate_with(command.name(), move || {
            let (ctx, payload) = (ctx.clone(), payload.clone());
            async move { ctx.command(command, &payload).await }
        });
    }
}
