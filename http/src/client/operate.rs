//! What operators do: pause, resume, reset, delete, try again now; and namespaces.

use serde::Deserialize;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::backup::Manifest;
use crate::{NamespaceInfo, ResetRequest, RunId, Selector, Started};

/// How long a backup may take.
const BACKUP_WAIT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
const NAMESPACES: &str = "/api/v1/namespaces";

#[derive(Deserialize)]
struct ResetAnswer {
    workflow_id: String,
    run_id: RunId,
}

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

    /// Begins a new run of the same id with a part of a run's history.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn reset(
        &self,
        selector: &Selector,
        request: &ResetRequest,
    ) -> Result<Started, ClientError> {
        let mut body = serde_json::json!({
            "to_event_id": request.to_event_id,
            "reason": request.reason,
            "reapply_signals": request.reapply_signals,
            "run_id": selector.run_id,
            "edits": request.edits,
        });
        if let (Some(input), Some(body)) = (&request.input, body.as_object_mut()) {
            let input = input.to().map_err(ClientError::shape("the input"))?;
            body.insert("input".to_owned(), input);
        }
        let path = Path::of_workflow(selector, &["reset"]);
        let call = Call::post(path, body.to_string());
        let call = call.idempotency_key(request.idempotency_key.clone());
        let answer: ResetAnswer = self.connection.send(call).await?.to()?;
        let ResetAnswer { workflow_id, run_id } = answer;
        Ok(Started { workflow_id, run_id, started: true })
    }

    /// Deletes a closed run with everything that is stored of it.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn delete(&self, selector: &Selector) -> Result<(), ClientError> {
        let call = Call::delete(Path::of_workflow(selector, &[]));
        self.connection.send(call).await.map(drop)
    }

    /// Starts the next attempt of an activity now that waits for it.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn retry_activity(
        &self,
        selector: &Selector,
        activity_id: u32,
    ) -> Result<(), ClientError> {
        let activity_id = activity_id.to_string();
        let path = Path::of_workflow(selector, &["activities", &activity_id, "retry"]);
        self.connection.send(Call::post(path, "{}")).await.map(drop)
    }

    /// Tries the code of a stuck run again now.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn retry_task(&self, selector: &Selector) -> Result<(), ClientError> {
        let path = Path::of_workflow(selector, &["task", "retry"]);
        self.connection.send(Call::post(path, "{}")).await.map(drop)
    }

    /// Copies everything that the server holds into a new directory on its machine; durable when
    /// answered.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn backup(&self, into: &std::path::Path) -> Result<Manifest, ClientError> {
        let body = serde_json::json!({ "into": into }).to_string();
        let call = Call::post(Path::new("/api/v1/admin/backup"), body).waiting(BACKUP_WAIT);
        self.connection.send(call).await?.to()
    }

    /// All namespaces, by name.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceInfo>, ClientError> {
        #[derive(Deserialize)]
        struct Namespaces {
            namespaces: Vec<NamespaceInfo>,
        }
        let call = Call::get(Path::new(NAMESPACES));
        let answer: Namespaces = self.connection.send(call).await?.to()?;
        Ok(answer.namespaces)
    }

    /// Creates a namespace; without a retention its runs are kept for ever.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn create_namespace(
        &self,
        name: &str,
        description: &str,
        retention_ms: Option<u64>,
    ) -> Result<NamespaceInfo, ClientError> {
        let body = serde_json::json!({
            "name": name, "description": description, "retention_ms": retention_ms,
        });
        let call = Call::post(Path::new(NAMESPACES), body.to_string());
        self.connection.send(call).await?.to()
    }

    /// Replaces a namespace's settings.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn update_namespace(
        &self,
        name: &str,
        description: &str,
        retention_ms: Option<u64>,
    ) -> Result<NamespaceInfo, ClientError> {
        let body = serde_json::json!({ "description": description, "retention_ms": retention_ms });
        let call = Call::put(Path::new(NAMESPACES).segment(name), body.to_string());
        self.connection.send(call).await?.to()
    }

    /// Deletes a namespace that holds no runs.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn delete_namespace(&self, name: &str) -> Result<(), ClientError> {
        let call = Call::delete(Path::new(NAMESPACES).segment(name));
        self.connection.send(call).await.map(drop)
    }
}
