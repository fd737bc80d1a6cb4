//! Publications: what contexts tell each other; intents, and appends that are tried until they are done.

use everstep_activities::decider::fsm::State;
use everstep_workflows::intent::IntentPage;
use everstep_workflows::publication::{PublicationFilter, PublicationPage};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::AppendRequest;

impl Client {
    /// A page of publications, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn publications(
        &self,
        filter: &PublicationFilter,
        after: Option<&str>,
    ) -> Result<PublicationPage, ClientError> {
        let PublicationFilter { position, status, target } = filter;
        let path = Path::new("/api/v1/publications")
            .parameter("event", *position)
            .parameter("status", status.map(State::name))
            .parameter("target", target.as_ref())
            .parameter("page_token", after);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// A page of what was begun and has not ended, the oldest first, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn intents(&self, after: Option<&str>) -> Result<IntentPage, ClientError> {
        let path = Path::new("/api/v1/intents").parameter("page_token", after);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// Has events appended sooner or later, in the order of their stream: durable when answered,
    /// tried five times, and then a dead letter.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn append_durably(
        &self,
        stream: &str,
        idempotency_key: &str,
        append: &AppendRequest,
    ) -> Result<(), ClientError> {
        let body = serde_json::json!({
            "stream": stream, "idempotency_key": idempotency_key, "append": append,
        });
        let call = Call::post(Path::new("/api/v1/durable-appends"), body.to_string());
        self.connection.send(call).await.map(drop)
    }
}
