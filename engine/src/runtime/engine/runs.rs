//! What is said to runs, and what they end with.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Engine;
use crate::runtime::message::Message;
use crate::runtime::read_run;
use crate::view::RunResult;
use crate::{Rejection, Selector, SignalInput};

impl Engine {
    /// Sends a signal to the newest run (or to the one named); durable when answered.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`],
    /// [`Rejection::IdempotencyConflict`], or a payload that the workflow cannot take.
    pub async fn signal(
        &self,
        selector: &Selector,
        signal: SignalInput,
        idempotency_key: Option<String>,
    ) -> Result<(), Rejection> {
        self.limits().check("signal payload", &signal.payload)?;
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Signal { selector, signal, idempotency_key, reply }).await
    }

    /// Asks a run to end in its own way.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn cancel(&self, selector: &Selector) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Cancel { selector, reply }).await
    }

    /// Ends a run at once.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn terminate(&self, selector: &Selector, reason: String) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Terminate { selector, reason, reply }).await
    }

    /// Stops dispatching a run: attempts that run may finish, and what happens to the run is
    /// recorded and acted on when it is resumed. Pausing a paused run changes nothing.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn pause(&self, selector: &Selector, reason: String) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Pause { selector, reason, reply }).await
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn resume(&self, selector: &Selector) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Resume { selector, reply }).await
    }

    /// The run's result, waiting for it at most `wait`.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`].
    pub async fn result(
        &self,
        selector: &Selector,
        wait: Duration,
    ) -> Result<RunResult, Rejection> {
        if wait.is_zero() {
            return self.result_now(selector);
        }
        let (watch, result) = oneshot::channel();
        let wanted = Box::new(selector.clone());
        let now = self.ask(|reply| Message::Watch { selector: wanted, watch, reply }).await?;
        match now {
            Some(result) => Ok(self.shown(result)),
            None => match tokio::time::timeout(wait, result).await {
                Ok(Ok(result)) => Ok(self.shown(result)),
                _ => self.result_now(selector),
            },
        }
    }

    pub(super) fn result_now(&self, selector: &Selector) -> Result<RunResult, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        let record = read_run(&*snapshot, selector)?;
        Ok(self.shown(record.result(&*snapshot)?))
    }
}
