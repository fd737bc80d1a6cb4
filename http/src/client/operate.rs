//! What operators do to runs: pause and resume.

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::Selector;

impl Client {
    /// Stops dispatching a run: what happens to it is recorded and acted on at
    /// [`Client::resume`].
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn pause(&self, selector: &Selector, reason: &str) -> Result<(), ClientError> {
        let body = serde_json::json!({ "reason": reason }).to_string();
        let call = Call::post(Path::of_workflow(selector, &["pause"]), body);
        self.connection.send(call).await.map(drop)
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn resume(&self, selector: &Selector) -> Result<(), ClientError> {
        let call = Call::post(Path::of_workflow(selector, &["resume"]), "{}");
        self.connection.send(call).await.map(drop)
    }
}
