//! Projections: how far they are, and their rows.

use serde::Deserialize;
use serde_json::Value;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::projection_replay::RebuildStatus;
use crate::projections::{Quarantined, Release};

const PROJECTIONS: &str = "/api/v1/projections";

/// How a projection is, as the server says it.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[non_exhaustive]
pub struct ProjectionInfo {
    /// Its name.
    pub name: String,
    /// `logic`, `view`, `reporting` or `integration`.
    pub category: String,
    /// `inline` or `async`.
    pub delivery: String,
    /// `current`, `catching_up`, `paused`, `failing` or `stalled`.
    pub status: String,
    /// Every event up to here is in its rows.
    pub position: u64,
    /// The newest event.
    pub last_position: u64,
    /// How many events it is behind.
    pub lag: u64,
    /// Events that have touched a row.
    pub events: u64,
    /// Events that its code refuses, each with a row that waits.
    #[serde(default)]
    pub quarantined: u64,
    /// Its last rebuild, or the one that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<RebuildStatus>,
    /// Why it waits, or fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A row of a projection.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[non_exhaustive]
pub struct ProjectionRow {
    /// Its key.
    pub key: String,
    /// What it holds, with every event that was durable when it was read.
    pub state: Value,
    /// The last event that changed it.
    pub position: u64,
    /// Every event up to here is in the durable rows.
    pub durable_position: u64,
    /// Events that are in `state` and not in the durable row yet.
    pub pending_events: u64,
    /// Whether there are any.
    pub is_optimistic: bool,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[non_exhaustive]
pub struct ProjectionRows {
    /// In the order of their keys.
    pub rows: Vec<ProjectionRow>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Client {
    /// All projections, by name.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn projections(&self) -> Result<Vec<ProjectionInfo>, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            projections: Vec<ProjectionInfo>,
        }
        let call = Call::get(Path::new(PROJECTIONS));
        let answered: Answered = self.connection.send(call).await?.to()?;
        Ok(answered.projections)
    }

    /// One row of a view, or of a reporting projection for an admin.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn projection_row(
        &self,
        name: &str,
        key: &str,
    ) -> Result<ProjectionRow, ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("rows").segment(key);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// A row as it is durable, and the events that are not in it yet, as the server says it.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way. A row that is not there is no error.
    pub async fn recent_row(&self, name: &str, key: &str) -> Result<Value, ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("rows").segment(key);
        self.connection.send(Call::get(path.segment("recent"))).await?.to()
    }

    /// Rows in the order of their keys, from after `after`, whose fields (paths such as
    /// `customer.id`) have these texts.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn projection_rows(
        &self,
        name: &str,
        prefix: Option<&str>,
        fields: &[(String, String)],
        after: Option<&str>,
    ) -> Result<ProjectionRows, ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("rows");
        let path = path.parameter("prefix", prefix).parameter("page_token", after);
        let path = fields.iter().fold(path, |path, (field, value)| {
            path.parameter(&format!("field.{field}"), Some(value))
        });
        self.connection.send(Call::get(path)).await?.to()
    }

    /// Keeps a projection waiting until it is resumed.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn pause_projection(&self, name: &str, reason: &str) -> Result<(), ClientError> {
        let body = serde_json::json!({ "reason": reason }).to_string();
        let path = Path::new(PROJECTIONS).segment(name).segment("pause");
        self.connection.send(Call::post(path, body)).await.map(drop)
    }

    /// Lets a paused projection go on.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn resume_projection(&self, name: &str) -> Result<(), ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("resume");
        self.connection.send(Call::post(path, "{}")).await.map(drop)
    }

    /// Begins to make a projection's rows anew, beside those that are read.
    ///
    /// # Errors
    /// The server's refusal (`REPLAY_ALREADY_ACTIVE`), or what went wrong on the way.
    pub async fn rebuild_projection(&self, name: &str) -> Result<RebuildStatus, ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("rebuild");
        self.connection.send(Call::post(path, "{}")).await?.to()
    }

    /// Where the last rebuild of a projection stands.
    ///
    /// # Errors
    /// The server's refusal (`REPLAY_NOT_FOUND`), or what went wrong on the way.
    pub async fn projection_rebuild(&self, name: &str) -> Result<RebuildStatus, ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("rebuild");
        self.connection.send(Call::get(path)).await?.to()
    }

    /// `pause`, `resume` or `cancel` of a rebuild.
    ///
    /// # Errors
    /// The server's refusal (`REPLAY_NOT_FOUND`, `REPLAY_NOT_RUNNING`), or what went wrong on the
    /// way.
    pub async fn steer_rebuild(
        &self,
        name: &str,
        verb: RebuildVerb,
    ) -> Result<RebuildStatus, ClientError> {
        let path = Path::new(PROJECTIONS).segment(name).segment("rebuild").segment(verb.name());
        self.connection.send(Call::post(path, "{}")).await?.to()
    }

    /// The last rebuilds of all projections; those that go on alone, where that is asked.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn rebuilds(&self, only_active: bool) -> Result<Vec<RebuildStatus>, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            rebuilds: Vec<RebuildStatus>,
        }
        let status = only_active.then_some("active");
        let path = Path::new("/api/v1/rebuilds").parameter("status", status);
        let answered: Answered = self.connection.send(Call::get(path)).await?.to()?;
        Ok(answered.rebuilds)
    }

    /// The events that a projection's code refuses.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn quarantined_events(&self, name: &str) -> Result<Vec<Quarantined>, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            quarantined: Vec<Quarantined>,
        }
        let path = Path::new(PROJECTIONS).segment(name).segment("quarantine");
        let answered: Answered = self.connection.send(Call::get(path)).await?.to()?;
        Ok(answered.quarantined)
    }

    /// Has a quarantined event taken in, or left out for good, and what waits behind it taken in.
    /// How many events that were.
    ///
    /// # Errors
    /// The server's refusal (`event_not_quarantined`, `event_still_refused`), or what went wrong on
    /// the way.
    pub async fn release_event(
        &self,
        name: &str,
        position: u64,
        release: Release,
    ) -> Result<u64, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            events: u64,
        }
        let verb = match release {
            Release::Reprocess => "unquarantine",
            Release::Ignore => "ignore",
        };
        let path = Path::new(PROJECTIONS).segment(name).segment("quarantine");
        let path = path.segment(&position.to_string()).segment(verb);
        let answered: Answered = self.connection.send(Call::post(path, "{}")).await?.to()?;
        Ok(answered.events)
    }
}

/// What is done to a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildVerb {
    /// It waits.
    Pause,
    /// It goes on.
    Resume,
    /// It ends, and what it has made goes.
    Cancel,
}

impl RebuildVerb {
    const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}
