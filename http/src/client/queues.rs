//! Task queues: what they allow, and what waits in them.

use serde::Deserialize;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::{QueueDescription, QueueLimits};

fn path(name: &str) -> Path {
    Path::new("/api/v1/queues").segment(name)
}

impl Client {
    /// Every task queue, by name.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn queues(&self) -> Result<Vec<QueueDescription>, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            queues: Vec<QueueDescription>,
        }
        let answered: Answered =
            self.connection.send(Call::get(Path::new("/api/v1/queues"))).await?.to()?;
        Ok(answered.queues)
    }

    /// One task queue.
    ///
    /// # Errors
    /// The server's refusal (`queue_not_found`), or what went wrong on the way.
    pub async fn queue(&self, name: &str) -> Result<QueueDescription, ClientError> {
        self.connection.send(Call::get(path(name))).await?.to()
    }

    /// Sets what a task queue allows, above what the worker declares; none takes it back. Durable
    /// when answered.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn set_queue(
        &self,
        name: &str,
        limits: Option<&QueueLimits>,
    ) -> Result<QueueDescription, ClientError> {
        let call = match limits {
            Some(limits) => {
                let body = serde_json::to_vec(limits)
                    .map_err(ClientError::shape(format!("the limits of queue `{name}`")))?;
                Call::put(path(name), body)
            }
            None => Call::delete(path(name)),
        };
        self.connection.send(call).await?.to()
    }
}
