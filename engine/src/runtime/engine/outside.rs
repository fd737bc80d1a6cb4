//! Attempts that are completed, failed or kept alive from outside, by their tokens.

use super::Engine;
use crate::runtime::message::{Message, OutsideReport};
use crate::{Failure, Payload, Rejection, TaskToken};

impl Engine {
    /// Completes from outside the attempt that the token names; durable when answered.
    ///
    /// # Errors
    /// [`Rejection::ActivityNotFound`], [`Rejection::ActivityNotPending`],
    /// [`Rejection::WorkflowClosed`], [`Rejection::PayloadTooLarge`].
    pub async fn complete_activity(
        &self,
        token: &TaskToken,
        result: Payload,
    ) -> Result<(), Rejection> {
        self.limits().check("activity result", &result)?;
        self.report(token, OutsideReport::Complete(result)).await.map(drop)
    }

    /// Fails from outside the attempt that the token names; it is tried again as its retry policy
    /// says. A failure of type `cancelled` says that the activity has ended as it was asked to.
    ///
    /// # Errors
    /// As [`Engine::complete_activity`].
    pub async fn fail_activity(
        &self,
        token: &TaskToken,
        failure: Failure,
    ) -> Result<(), Rejection> {
        self.limits().check_failure(&failure)?;
        let failure = self.limits().cut(failure);
        self.report(token, OutsideReport::Fail(failure)).await.map(drop)
    }

    /// Says from outside that the attempt which the token names is alive. Answers whether its
    /// workflow has asked it to end.
    ///
    /// # Errors
    /// As [`Engine::complete_activity`].
    pub async fn heartbeat_activity(
        &self,
        token: &TaskToken,
        details: Payload,
    ) -> Result<bool, Rejection> {
        self.limits().check("heartbeat", &details)?;
        self.report(token, OutsideReport::Heartbeat(details)).await
    }

    async fn report(&self, token: &TaskToken, report: OutsideReport) -> Result<bool, Rejection> {
        let token = Box::new(token.clone());
        self.ask(|reply| Message::OutsideReport { token, report, reply }).await
    }
}
