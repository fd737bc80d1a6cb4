//! What is reported of an activity's attempt from outside, under its task token.

use serde::{Deserialize, Serialize};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::{Activity, Failure, Payload};

fn path(task_token: &str, verb: &str) -> Path {
    Path::new("/api/v1/activities").segment(task_token).segment(verb)
}

impl Client {
    /// Completes the attempt that the token names; durable when answered.
    ///
    /// # Errors
    /// The server's refusal (the attempt has ended, say), or what went wrong on the way.
    pub async fn complete_activity(
        &self,
        task_token: &str,
        result: &Payload,
    ) -> Result<(), ClientError> {
        let call = Call::post(path(task_token, "complete"), result.as_bytes().to_vec());
        self.connection.send(call).await.map(drop)
    }

    /// Completes an attempt of an activity that is known by its constant.
    ///
    /// # Errors
    /// As [`Client::complete_activity`].
    pub async fn complete<I, O: Serialize>(
        &self,
        activity: Activity<I, O>,
        task_token: &str,
        result: &O,
    ) -> Result<(), ClientError> {
        let what = format!("the result of activity `{}`", activity.name());
        let result = Payload::from_value(result).map_err(ClientError::shape(what))?;
        self.complete_activity(task_token, &result).await
    }

    /// Fails the attempt that the token names; another one is made as the activity's retry policy
    /// says. A failure of type `cancelled` says that the activity has ended as it was asked to.
    ///
    /// # Errors
    /// As [`Client::complete_activity`].
    pub async fn fail_activity(
        &self,
        task_token: &str,
        failure: &Failure,
    ) -> Result<(), ClientError> {
        let body = serde_json::to_vec(failure).map_err(ClientError::shape("the failure"))?;
        self.connection.send(Call::post(path(task_token, "fail"), body)).await.map(drop)
    }

    /// Says that the attempt which the token names is alive. Answers whether its workflow has
    /// asked it to end.
    ///
    /// # Errors
    /// As [`Client::complete_activity`].
    pub async fn heartbeat_activity(
        &self,
        task_token: &str,
        details: &Payload,
    ) -> Result<bool, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            cancel_requested: bool,
        }
        let call = Call::post(path(task_token, "heartbeat"), details.as_bytes().to_vec());
        let answered: Answered = self.connection.send(call).await?.to()?;
        Ok(answered.cancel_requested)
    }
}
