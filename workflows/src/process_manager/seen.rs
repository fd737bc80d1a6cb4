//! An event as a process manager sees it, and what it answers with.

use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Engine, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use everstep_activities::language::read_newest;

use crate::projections::{Projection, ProjectionError, ProjectionService};

/// A command that is to be sent because of the event.
#[derive(Clone, Debug)]
pub struct Emitted {
    pub(super) command_type: String,
    pub(super) payload: Payload,
}

impl Emitted {
    /// A command of that type.
    ///
    /// # Errors
    /// When the payload has no JSON form.
    pub fn new<T: Serialize>(
        command_type: impl Into<String>,
        payload: &T,
    ) -> Result<Self, ActivityError> {
        Ok(Self { command_type: command_type.into(), payload: Payload::from_value(payload)? })
    }
}

/// An event, and what there is to be known about it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub(super) engine: Engine,
    pub(super) namespace: String,
    pub(super) event: RecordedEvent,
    pub(super) correlation: String,
}

impl Seen {
    /// The event.
    pub const fn event(&self) -> &RecordedEvent {
        &self.event
    }

    /// What it belongs to: the value of the tag that the manager correlates by.
    pub fn correlation(&self) -> &str {
        &self.correlation
    }

    /// What the event says, in the newest version of its schema.
    ///
    /// # Errors
    /// When it has another shape; no other try can help.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ActivityError> {
        let read = read_newest(&self.engine, &self.event);
        let read = read.map_err(everstep_activities::language::LanguageError::into_failure)?;
        serde_json::from_value(read.data)
            .map_err(|error| ActivityError::new("invalid_event", error).non_retryable())
    }

    /// A row of a projection that folds events of this one's type, as it is with the event. None
    /// where there is no such row.
    ///
    /// # Errors
    /// `projection_behind` when the row does not know of the event yet: the event comes again.
    pub async fn row<V: DeserializeOwned + Send + 'static>(
        &self,
        projection: Projection<V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError> {
        let (engine, namespace, key) =
            (self.engine.clone(), self.namespace.clone(), key.to_owned());
        let position = self.event.position();
        let reading = tokio::task::spawn_blocking(move || {
            let name = projection.name();
            let row = match ProjectionService::reader(&engine).row(&namespace, name, &key) {
                Ok(row) => row,
                Err(ProjectionError::RowNotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            if row.position.max(row.durable_position) < position {
                let what = format!("row `{key}` of `{name}` does not know event {position} yet");
                return Err(ActivityError::new("projection_behind", what));
            }
            let state = row.state.as_ref().map(Payload::to).transpose();
            state.map_err(|error| ActivityError::new("invalid_row", error).non_retryable())
        });
        reading.await?
    }
}
