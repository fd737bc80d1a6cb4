//! Schedules: workflows that start by the clock.

use serde::{Deserialize, Serialize};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::{
    Backfill, Overlap, ScheduleDefinition, ScheduleDescription, ScheduleInput, SchedulePage,
    ScheduleSpec, Timestamp, Triggered, Upcoming,
};

/// The body of a schedule that is created or changed.
#[derive(Serialize)]
struct InputBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(flatten)]
    definition: &'a ScheduleDefinition,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

fn body(id: Option<&str>, input: &ScheduleInput) -> Result<Vec<u8>, ClientError> {
    let ScheduleInput { definition, paused, note } = input;
    let body = InputBody { id, definition, paused: *paused, note: note.as_deref() };
    serde_json::to_vec(&body).map_err(ClientError::shape("the schedule"))
}

fn path(id: &str, call: Option<&str>) -> Path {
    let path = Path::new("/api/v1/schedules").segment(id);
    match call {
        Some(call) => path.segment(call),
        None => path,
    }
}

impl Client {
    /// Creates a schedule; durable when answered.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn create_schedule(
        &self,
        id: &str,
        input: &ScheduleInput,
    ) -> Result<ScheduleDescription, ClientError> {
        let call = Call::post(Path::new("/api/v1/schedules"), body(Some(id), input)?);
        self.connection.send(call).await?.to()
    }

    /// Replaces what a schedule's owner decides.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn update_schedule(
        &self,
        id: &str,
        input: &ScheduleInput,
    ) -> Result<ScheduleDescription, ClientError> {
        self.connection.send(Call::put(path(id, None), body(None, input)?)).await?.to()
    }

    /// Everything about one schedule.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn schedule(&self, id: &str) -> Result<ScheduleDescription, ClientError> {
        self.connection.send(Call::get(path(id, None))).await?.to()
    }

    /// A page of schedules in the order of their ids.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn schedules(
        &self,
        id_prefix: Option<&str>,
        page_size: Option<usize>,
        page_token: Option<&str>,
    ) -> Result<SchedulePage, ClientError> {
        let path = Path::new("/api/v1/schedules")
            .parameter("id_prefix", id_prefix)
            .parameter("page_size", page_size)
            .parameter("page_token", page_token);
        self.connection.send(Call::get(path)).await?.to()
    }

    /// Stops a schedule from starting anything of its own.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn pause_schedule(&self, id: &str, note: Option<&str>) -> Result<(), ClientError> {
        self.noted(id, "pause", note).await
    }

    /// Lets a paused schedule go on from now.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn resume_schedule(&self, id: &str, note: Option<&str>) -> Result<(), ClientError> {
        self.noted(id, "resume", note).await
    }

    async fn noted(&self, id: &str, call: &str, note: Option<&str>) -> Result<(), ClientError> {
        let body = serde_json::json!({ "note": note }).to_string();
        self.connection.send(Call::post(path(id, Some(call)), body)).await.map(drop)
    }

    /// Fires a schedule once more, now.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn trigger_schedule(
        &self,
        id: &str,
        overlap: Option<Overlap>,
    ) -> Result<Triggered, ClientError> {
        let body = serde_json::json!({ "overlap": overlap }).to_string();
        self.connection.send(Call::post(path(id, Some("trigger")), body)).await?.to()
    }

    /// Makes up firings of the past; answers how many there are.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn backfill_schedule(
        &self,
        id: &str,
        backfill: &Backfill,
    ) -> Result<u64, ClientError> {
        #[derive(Deserialize)]
        struct Backfilled {
            firings: u64,
        }
        let body = serde_json::to_vec(backfill).map_err(ClientError::shape("the backfill"))?;
        let call = Call::post(path(id, Some("backfill")), body);
        Ok(self.connection.send(call).await?.to::<Backfilled>()?.firings)
    }

    /// Deletes a schedule; runs that it started go on.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn delete_schedule(&self, id: &str) -> Result<(), ClientError> {
        self.connection.send(Call::delete(path(id, None))).await.map(drop)
    }

    /// The next firings of a spec after an instant, or after now.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn preview_schedule(
        &self,
        id: Option<&str>,
        spec: &ScheduleSpec,
        after: Option<Timestamp>,
        count: usize,
    ) -> Result<Vec<Upcoming>, ClientError> {
        #[derive(Deserialize)]
        struct Preview {
            upcoming: Vec<Upcoming>,
        }
        let body = serde_json::json!({ "spec": spec, "id": id, "after": after, "count": count });
        let call = Call::post(Path::new("/api/v1/schedules/preview"), body.to_string());
        Ok(self.connection.send(call).await?.to::<Preview>()?.upcoming)
    }
}
