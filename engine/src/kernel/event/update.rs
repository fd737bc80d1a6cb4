//! Updates, as the history tells them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Failure, Payload};

/// An update that the code has taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateAccepted {
    /// The id under which it is deduplicated.
    pub update_id: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its argument.
    pub payload: Payload,
}

/// The code's answer to an update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateCompleted {
    /// Which update.
    pub update_id: Arc<str>,
    /// What its caller is told.
    pub outcome: Result<Payload, Failure>,
}
