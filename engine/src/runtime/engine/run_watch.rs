//! The result of a run that was just started, without asking again.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Engine;
use crate::view::RunResult;
use crate::{Selector, Started};

/// Waits for the result of a run that was just started, without asking again.
#[derive(Debug)]
pub struct RunWatch {
    pub(super) engine: Engine,
    pub(super) namespace: String,
    pub(super) started: Started,
    pub(super) result: oneshot::Receiver<RunResult>,
}

impl RunWatch {
    /// What the start answered.
    pub const fn started(&self) -> &Started {
        &self.started
    }

    /// Waits at most `wait` for the run to close; `running` or `paused` after that.
    pub async fn result(&mut self, wait: Duration) -> RunResult {
        match tokio::time::timeout(wait, &mut self.result).await {
            Ok(Ok(result)) => self.engine.shown(result),
            // Not yet, or the engine is draining.
            _ => self.result_now(),
        }
    }

    fn result_now(&self) -> RunResult {
        let selector = Selector {
            namespace: self.namespace.clone(),
            workflow_id: self.started.workflow_id.clone(),
            run_id: Some(self.started.run_id),
        };
        let mut result = self.engine.result_now(&selector);
        if result.as_ref().is_ok_and(|result| result.new_run_id.is_some()) {
            result = self.engine.result_now(&Selector { run_id: None, ..selector });
        }
        result.unwrap_or_else(|_| RunResult::open(crate::RunStatus::Running))
    }
}
