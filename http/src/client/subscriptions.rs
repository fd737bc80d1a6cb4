//! Subscriptions: made, polled, settled, and their parked events.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::LoggedEvent;
use crate::subscriptions::SubscriptionSettings;

const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";

/// How a subscription is, as the server says it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its name.
    pub name: String,
    /// What it was made with.
    pub settings: SubscriptionSettings,
    /// `caught_up`, `active`, `retrying` or `stalled`.
    pub status: String,
    /// Why it is stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Every event up to here is settled, or parked, or known by itself.
    pub checkpoint: u64,
    /// The newest event.
    pub last_position: u64,
    /// Positions between these, when one of them is its own.
    pub lag: u64,
    /// Events that are handed out.
    pub in_flight: u64,
    /// Events that rest until they are tried again.
    pub resting: u64,
    /// Events that were given up.
    pub parked: u64,
    /// Events that wait behind those.
    pub behind: u64,
    /// Lanes that are held by a parked event.
    pub held_lanes: u64,
    /// Consumers that wait for events now.
    pub polling: u64,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Deliveries that were refused, or whose time ran out.
    pub retried: u64,
}

/// An event that is handed out.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct SubscriptionDelivery {
    /// What it is settled by.
    pub token: String,
    /// The event's position: the same each time that it comes.
    pub position: u64,
    /// Its lane.
    pub key: String,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// Until when it is the consumer's.
    pub leased_until: String,
    /// The event.
    pub event: LoggedEvent,
}

/// What became of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct SettledEvents {
    /// Positions that are as the consumer wants them.
    pub done: Vec<u64>,
    /// Positions that were handed out again, or parked, meanwhile.
    pub late: Vec<u64>,
}

/// A parked event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct ParkedInfo {
    /// Its position.
    pub position: u64,
    /// Its lane.
    pub key: String,
    /// How often it was handed out.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub parked_at: String,
    /// It only waits behind another one.
    pub is_behind: bool,
}

/// A page of parked events.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct ParkedEvents {
    /// In the order of their positions.
    pub parked: Vec<ParkedInfo>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

fn path(name: &str) -> Path {
    Path::new(SUBSCRIPTIONS).segment(name)
}

impl Client {
    /// Creates a subscription, or answers the one that is there with the same settings.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn create_subscription(
        &self,
        name: &str,
        settings: &SubscriptionSettings,
    ) -> Result<SubscriptionInfo, ClientError> {
        let shape = ClientError::shape("the settings".to_owned());
        let mut body = serde_json::to_value(settings).map_err(shape)?;
        body["name"] = name.into();
        let call = Call::post(Path::new(SUBSCRIPTIONS), body.to_string());
        self.connection.send(call).await?.to()
    }

    /// All subscriptions, by name.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            subscriptions: Vec<SubscriptionInfo>,
        }
        let call = Call::get(Path::new(SUBSCRIPTIONS));
        let answered: Answered = self.connection.send(call).await?.to()?;
        Ok(answered.subscriptions)
    }

    /// How one is.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn subscription(&self, name: &str) -> Result<SubscriptionInfo, ClientError> {
        self.connection.send(Call::get(path(name))).await?.to()
    }

    /// Deletes a subscription with its parked events.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn delete_subscription(&self, name: &str) -> Result<(), ClientError> {
        self.connection.send(Call::delete(path(name))).await.map(drop)
    }

    /// At most `max` events for a consumer, after waiting at most `wait` for the first; what it has
    /// done before is acknowledged in the same commit.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn poll_subscription(
        &self,
        name: &str,
        consumer: &str,
        max: usize,
        wait: Duration,
        done: &[String],
    ) -> Result<Vec<SubscriptionDelivery>, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            deliveries: Vec<SubscriptionDelivery>,
        }
        let body = json!({ "consumer": consumer, "max": max, "ack": done });
        let path = path(name).segment("poll").parameter("wait_ms", Some(wait.as_millis()));
        let call = Call::post(path, body.to_string()).waiting(wait);
        let answered: Answered = self.connection.send(call).await?.to()?;
        Ok(answered.deliveries)
    }

    async fn settle(
        &self,
        name: &str,
        verb: &str,
        body: &Value,
    ) -> Result<SettledEvents, ClientError> {
        let call = Call::post(path(name).segment(verb), body.to_string());
        self.connection.send(call).await?.to()
    }

    /// The events of these tokens are done.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn ack_events(
        &self,
        name: &str,
        tokens: &[String],
    ) -> Result<SettledEvents, ClientError> {
        self.settle(name, "ack", &json!({ "tokens": tokens })).await
    }

    /// The events of these tokens are to be tried again.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn nack_events(
        &self,
        name: &str,
        tokens: &[String],
        reason: &str,
        retry_after: Option<Duration>,
    ) -> Result<SettledEvents, ClientError> {
        let ms = retry_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        let body = json!({ "tokens": tokens, "reason": reason, "retry_after_ms": ms });
        self.settle(name, "nack", &body).await
    }

    /// The events of these tokens are given up.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn park_events(
        &self,
        name: &str,
        tokens: &[String],
        reason: &str,
    ) -> Result<SettledEvents, ClientError> {
        self.settle(name, "park", &json!({ "tokens": tokens, "reason": reason })).await
    }

    /// The events of these tokens are the consumer's for so long from now on.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn extend_events(
        &self,
        name: &str,
        tokens: &[String],
        lease: Duration,
    ) -> Result<SettledEvents, ClientError> {
        let ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        self.settle(name, "extend", &json!({ "tokens": tokens, "lease_ms": ms })).await
    }

    /// A page of parked events, after the page of which `after` is the token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn parked_events(
        &self,
        name: &str,
        after: Option<&str>,
    ) -> Result<ParkedEvents, ClientError> {
        let path = path(name).segment("parked").parameter("page_token", after);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// Hands parked events out again: those at these positions, or all. Answers how many.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn replay_parked(
        &self,
        name: &str,
        positions: Option<&[u64]>,
    ) -> Result<u64, ClientError> {
        self.steer_parked(name, "replay", "replayed", positions).await
    }

    /// Settles parked events without another try: those at these positions, or all.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn discard_parked(
        &self,
        name: &str,
        positions: Option<&[u64]>,
    ) -> Result<u64, ClientError> {
        self.steer_parked(name, "discard", "discarded", positions).await
    }

    async fn steer_parked(
        &self,
        name: &str,
        verb: &str,
        word: &str,
        positions: Option<&[u64]>,
    ) -> Result<u64, ClientError> {
        let body = match positions {
            Some(positions) => json!({ "positions": positions }),
            None => json!({ "all": true }),
        };
        let call = Call::post(path(name).segment("parked").segment(verb), body.to_string());
        let answered: Value = self.connection.send(call).await?.to()?;
        Ok(answered[word].as_u64().unwrap_or_default())
    }
}
