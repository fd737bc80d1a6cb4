//! Updates over HTTP: sent, and waited for as long as it takes.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::{Client, LONGEST_POLL, millis};
use crate::{Payload, Selector, Update, UpdateInput, UpdateState};

impl Client {
    /// Sends an update and waits for its answer at most `wait`, however long that is; `admitted`
    /// or `accepted` when there is none yet. With an id, a repeated send gets the first one's
    /// answer.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn update(
        &self,
        selector: &Selector,
        update: &UpdateInput,
        wait: Duration,
    ) -> Result<UpdateState, ClientError> {
        let asked = Instant::now();
        let poll = wait.min(LONGEST_POLL);
        let path = Path::of_workflow(selector, &["updates", &update.name])
            .parameter("update_id", update.update_id.as_deref())
            .parameter("wait_ms", Some(millis(poll)));
        let call = Call::post(path, update.payload.as_bytes().to_vec()).waiting(poll);
        let state: UpdateState = self.connection.send(call).await?.to()?;
        let left = wait.saturating_sub(asked.elapsed());
        match state.status.is_final() || left.is_zero() {
            true => Ok(state),
            false => self.update_outcome(selector, &state.update_id, left).await,
        }
    }

    /// What became of an update, waiting for its answer at most `wait`.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn update_outcome(
        &self,
        selector: &Selector,
        update_id: &str,
        wait: Duration,
    ) -> Result<UpdateState, ClientError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            let left = deadline.map_or(LONGEST_POLL, |at| at.duration_since(Instant::now()));
            let poll = left.min(LONGEST_POLL);
            let path = Path::of_workflow(selector, &["updates", update_id])
                .parameter("wait_ms", (!poll.is_zero()).then(|| millis(poll)));
            let state: UpdateState =
                self.connection.send(Call::get(path).waiting(poll)).await?.to()?;
            if state.status.is_final() || left <= poll {
                return Ok(state);
            }
        }
    }

    /// Sends an update by its constant and waits for its answer, however long it takes.
    ///
    /// # Errors
    /// As [`Client::update`]; [`ClientError::UpdateFailed`] when the workflow answered with a
    /// failure.
    pub async fn send_update<A: Serialize, R: DeserializeOwned>(
        &self,
        selector: &Selector,
        update: Update<A, R>,
        argument: &A,
    ) -> Result<R, ClientError> {
        let what = format!("update `{}`", update.name());
        let payload = Payload::from_value(argument)
            .map_err(ClientError::shape(format!("the argument of {what}")))?;
        let name = update.name().to_owned();
        let update = UpdateInput { name, payload, update_id: None };
        let mut state = self.update(selector, &update, LONGEST_POLL).await?;
        while !state.status.is_final() {
            state = self.update_outcome(selector, &state.update_id, LONGEST_POLL).await?;
        }
        match (state.result, state.failure) {
            (Some(result), None) => {
                result.to().map_err(ClientError::shape(format!("the answer to {what}")))
            }
            (_, failure) => Err(ClientError::UpdateFailed {
                name: state.name,
                failure: Box::new(failure.unwrap_or_default()),
            }),
        }
    }
}
