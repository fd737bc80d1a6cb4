//! Dead letters: what was given up on, and what somebody decides about it.

use everstep_activities::dead_letters::{
    DeadLetter, DeadLetterFigure, DeadLetterFilter, DeadLetterPage,
};
use everstep_activities::decider::fsm::State;
use serde::Deserialize;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;

const DEAD_LETTERS: &str = "/api/v1/dead-letters";

impl Client {
    /// A page of dead letters, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&str>,
    ) -> Result<DeadLetterPage, ClientError> {
        let DeadLetterFilter { kind, status, target, source } = filter;
        let path = Path::new(DEAD_LETTERS)
            .parameter("kind", kind.as_ref())
            .parameter("status", status.map(State::name))
            .parameter("target", target.as_ref())
            .parameter("source", source.as_ref())
            .parameter("page_token", after);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// How many there are, by kind, state and target.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn dead_letter_stats(&self) -> Result<Vec<DeadLetterFigure>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            figures: Vec<DeadLetterFigure>,
        }
        let call = Call::get(Path::new(DEAD_LETTERS).segment("stats"));
        let found: Found = self.connection.send(call).await?.to()?;
        Ok(found.figures)
    }

    /// One dead letter.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn dead_letter(&self, id: &str) -> Result<DeadLetter, ClientError> {
        self.connection.send(Call::get(Path::new(DEAD_LETTERS).segment(id))).await?.to()
    }

    /// Tries a dead letter again; answers how it is then.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn retry_dead_letter(&self, id: &str) -> Result<DeadLetter, ClientError> {
        let path = Path::new(DEAD_LETTERS).segment(id).segment("retry");
        self.connection.send(Call::post(path, "{}")).await?.to()
    }

    /// Decides that a dead letter need not be done.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn ignore_dead_letter(
        &self,
        id: &str,
        reason: &str,
    ) -> Result<DeadLetter, ClientError> {
        let body = serde_json::json!({ "reason": reason }).to_string();
        let path = Path::new(DEAD_LETTERS).segment(id).segment("ignore");
        self.connection.send(Call::post(path, body)).await?.to()
    }
}
