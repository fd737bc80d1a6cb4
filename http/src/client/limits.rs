//! Rate limits, and how full their meters are.

use everstep_activities::rate_limit::LimitPage;
use serde::Deserialize;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;

const LIMITS: &str = "/api/v1/limits";

impl Client {
    /// The limits, and a page of meters from after a page's token; with those at rest where they
    /// are asked for.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn limits(
        &self,
        after: Option<&str>,
        at_rest: bool,
    ) -> Result<LimitPage, ClientError> {
        let at_rest = at_rest.then_some("true");
        let path = Path::new(LIMITS).parameter("page_token", after).parameter("at_rest", at_rest);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// Forgives a key what it has used up of a limit. Whether there was anything.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn reset_limit(&self, limit: &str, key: &str) -> Result<bool, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            reset: bool,
        }
        let path = Path::new(LIMITS).segment(limit).segment("reset");
        let body = serde_json::json!({ "key": key }).to_string();
        let answered: Answered = self.connection.send(Call::post(path, body)).await?.to()?;
        Ok(answered.reset)
    }
}
