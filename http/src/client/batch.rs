//! Batches: one act on every run that a filter of the list names.

use serde::Deserialize;
use serde_json::json;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::{BatchDescription, BatchOperation, BatchPage, BatchRequest};

const BATCH: &str = "/api/v1/batch";

impl Client {
    /// Starts a batch; durable when answered with its id. It is a workflow of that id, too, so
    /// [`Client::result`] waits for its end and [`Client::cancel`] stops it.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn start_batch(&self, request: &BatchRequest) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Begun {
            batch_id: String,
        }
        let begun: Begun = self.connection.send(call(request, false)?).await?.to()?;
        Ok(begun.batch_id)
    }

    /// How many runs a batch would act on now.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn count_batch(&self, request: &BatchRequest) -> Result<u64, ClientError> {
        #[derive(Deserialize)]
        struct Counted {
            total: u64,
        }
        let counted: Counted = self.connection.send(call(request, true)?).await?.to()?;
        Ok(counted.total)
    }

    /// How far a batch has come.
    ///
    /// # Errors
    /// The server's refusal (`batch_not_found`), or what went wrong on the way.
    pub async fn batch(&self, batch_id: &str) -> Result<BatchDescription, ClientError> {
        self.connection.send(Call::get(Path::new(BATCH).segment(batch_id))).await?.to()
    }

    /// A page of the batches, newest first.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn batches(
        &self,
        page_size: Option<usize>,
        page_token: Option<&str>,
    ) -> Result<BatchPage, ClientError> {
        let path =
            Path::new(BATCH).parameter("page_size", page_size).parameter("page_token", page_token);
        self.connection.send(Call::get(path)).await?.to()
    }
}

fn call(request: &BatchRequest, dry_run: bool) -> Result<Call, ClientError> {
    let args = match &request.operation {
        BatchOperation::Signal(signal) => json!(signal),
        BatchOperation::Terminate { reason } => json!({ "reason": reason }),
        BatchOperation::Reset(reset) => {
            let mut args = json!({
                "to_event_id": reset.to_event_id,
                "reason": reset.reason,
                "reapply_signals": reset.reapply_signals,
            });
            if let (Some(input), Some(args)) = (&reset.input, args.as_object_mut()) {
                let input = input.to().map_err(ClientError::shape("the input"))?;
                args.insert("input".to_owned(), input);
            }
            args
        }
        // A cancellation needs to know nothing.
        _ => json!({}),
    };
    // The namespace is the path's.
    let filter: serde_json::Map<_, _> =
        request.filter.parameters().into_iter().map(|(name, text)| (name, text.into())).collect();
    let body = json!({ "filter": filter, "args": args, "dry_run": dry_run }).to_string();
    let path =
        Path::new(BATCH).segment(request.operation.name()).in_namespace(&request.filter.namespace);
    Ok(Call::post(path, body).idempotency_key(request.idempotency_key.clone()))
}
