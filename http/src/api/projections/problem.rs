//! What is refused about projections, as problems.

use everstep_workflows::projections::ProjectionError;

use crate::api::{Problem, error_code as codes};

impl From<ProjectionError> for Problem {
    fn from(error: ProjectionError) -> Self {
        let code = match &error {
            ProjectionError::Engine(rejection) => return rejection.clone().into(),
            ProjectionError::CategoryRequired => codes::CATEGORY_REQUIRED,
            ProjectionError::InvalidCategory(_) => codes::INVALID_CATEGORY,
            ProjectionError::NotFound(_) => codes::PROJECTION_NOT_FOUND,
            ProjectionError::RowNotFound { .. } => codes::PROJECTION_ROW_NOT_FOUND,
            ProjectionError::InternalOnly { .. } => codes::INTERNAL_ONLY,
            ProjectionError::AdminOnly(_) => codes::ADMIN_ONLY,
            ProjectionError::SubscriptionsNotSupported { .. } => codes::SUBSCRIPTIONS_NOT_SUPPORTED,
            ProjectionError::NotPausable(_) => codes::PROJECTION_NOT_PAUSABLE,
            ProjectionError::ReplayAlreadyActive { .. } => codes::REPLAY_ALREADY_ACTIVE,
            ProjectionError::ReplayNotFound(_) => codes::REPLAY_NOT_FOUND,
            ProjectionError::ReplayNotRunning { .. } => codes::REPLAY_NOT_RUNNING,
            ProjectionError::NotQuarantined { .. } => codes::EVENT_NOT_QUARANTINED,
            ProjectionError::StillRefused { .. } => codes::EVENT_STILL_REFUSED,
            _ => codes::INVALID_PROJECTION,
        };
        Self::new(code, error.to_string())
    }
}
