//! Publications: what contexts tell each other.

use everstep_activities::decider::fsm::State;
use everstep_workflows::publication::{PublicationFilter, PublicationPage};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;

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
}
