//! Updates through the handle: asked, and waited for.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Engine;
use crate::runtime::message::Message;
use crate::runtime::updates::read_update;
use crate::view::UpdateState;
use crate::{Rejection, Selector, UpdateInput};

impl Engine {
    /// Asks something of the newest run (or of the one named), and waits at most `wait` for the
    /// answer. What is answered is durable: an update that is still `admitted` or `accepted` then
    /// is not forgotten, and [`Engine::update_outcome`] goes on waiting.
    ///
    /// # Errors
    /// [`Rejection::UpdateRejected`] when the workflow's validator turned it down,
    /// [`Rejection::UpdateNotFound`], [`Rejection::WorkflowNotFound`],
    /// [`Rejection::WorkflowClosed`], [`Rejection::IdempotencyConflict`],
    /// [`Rejection::TooManyUpdates`], or an argument that the workflow cannot take.
    pub async fn update(
        &self,
        selector: &Selector,
        update: UpdateInput,
        wait: Duration,
    ) -> Result<UpdateState, Rejection> {
        self.limits().check("update argument", &update.payload)?;
        let (watch, ended) = oneshot::channel();
        let (wanted, update) = (Box::new(selector.clone()), Box::new(update));
        let state =
            self.ask(|reply| Message::Update { selector: wanted, update, watch, reply }).await?;
        self.update_ended(selector, state, ended, wait).await.map(|state| self.shown(state))
    }

    /// What became of an update, waiting for its answer at most `wait`.
    ///
    /// # Errors
    /// As [`Engine::update`]; [`Rejection::UpdateNotFound`] when nothing is known under the id.
    pub async fn update_outcome(
        &self,
        selector: &Selector,
        update_id: &str,
        wait: Duration,
    ) -> Result<UpdateState, Rejection> {
        let (watch, ended) = oneshot::channel();
        let (wanted, update_id) = (Box::new(selector.clone()), update_id.to_owned());
        let state = self
            .ask(|reply| Message::WatchUpdate { selector: wanted, update_id, watch, reply })
            .await?;
        self.update_ended(selector, state, ended, wait).await.map(|state| self.shown(state))
    }

    async fn update_ended(
        &self,
        selector: &Selector,
        state: UpdateState,
        ended: oneshot::Receiver<Result<UpdateState, Rejection>>,
        wait: Duration,
    ) -> Result<UpdateState, Rejection> {
        if state.status.is_final() || wait.is_zero() {
            return Ok(state);
        }
        match tokio::time::timeout(wait, ended).await {
            Ok(Ok(Err(Rejection::WorkflowClosed(_, status)))) => {
                Err(Rejection::WorkflowClosed(selector.workflow_id.clone(), status))
            }
            Ok(Ok(answer)) => answer,
            // Not yet, or the engine is draining: as far as it has come by now.
            _ => {
                let snapshot = self.inner.store.snapshot();
                let now = snapshot
                    .map_err(Rejection::from)
                    .and_then(|snapshot| read_update(&*snapshot, selector, &state.update_id));
                Ok(now.ok().flatten().unwrap_or(state))
            }
        }
    }
}
