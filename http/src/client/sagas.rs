//! Sagas: how far they are, started once, and what is decided about those that are stuck.

use everstep_activities::decider::fsm::State;
use everstep_workflows::saga::{SagaFilter, SagaPage, SagaStart};
use serde_json::{Value, json};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::Payload;

const SAGAS: &str = "/api/v1/sagas";

impl Client {
    /// A page of sagas, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn sagas(
        &self,
        filter: &SagaFilter,
        after: Option<&str>,
    ) -> Result<SagaPage, ClientError> {
        let SagaFilter { status, saga_type, stuck } = filter;
        let path = Path::new(SAGAS)
            .parameter("status", status.map(State::name))
            .parameter("type", saga_type.as_ref())
            .parameter("stuck", *stuck)
            .parameter("page_token", after);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// One saga with its steps and compensations, as the server shows it.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn saga(&self, saga_id: &str) -> Result<Value, ClientError> {
        self.connection.send(Call::get(Path::new(SAGAS).segment(saga_id))).await?.to()
    }

    /// Starts a saga, or answers the one that there is.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn start_saga(
        &self,
        saga_type: &str,
        saga_id: &str,
        input: &Payload,
    ) -> Result<SagaStart, ClientError> {
        let body = json!({ "type": saga_type, "saga_id": saga_id, "input": input });
        self.connection.send(Call::post(Path::new(SAGAS), body.to_string())).await?.to()
    }

    /// Has the compensation tried again that a saga is stuck at.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn retry_saga(&self, saga_id: &str) -> Result<Value, ClientError> {
        let path = Path::new(SAGAS).segment(saga_id).segment("retry");
        self.connection.send(Call::post(path, "{}")).await?.to()
    }

    /// Decides that the compensation which a saga is stuck at need not be done.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn skip_compensation(
        &self,
        saga_id: &str,
        reason: &str,
    ) -> Result<Value, ClientError> {
        let path = Path::new(SAGAS).segment(saga_id).segment("skip");
        self.connection.send(Call::post(path, json!({ "reason": reason }).to_string())).await?.to()
    }
}
