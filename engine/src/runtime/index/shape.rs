//! Shapes: what many runs have in common from their start on.

use serde::{Deserialize, Serialize};

use crate::find::fingerprint::hash;
use crate::kernel::WorkflowStarted;

/// A workflow type, in a version, started by a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) workflow_type: String,
    pub(crate) version: String,
    pub(crate) build_id: String,
}

/// The number of the run's shape within its namespace; the namespace is part of it, so that it is
/// unique in the whole process, too.
pub(in crate::runtime) fn shape_of(started: &WorkflowStarted) -> u64 {
    number(&started.namespace, &started.workflow_type, &started.version, &started.build_id)
}

pub(super) fn number(namespace: &str, workflow_type: &str, version: &str, build_id: &str) -> u64 {
    hash([namespace, workflow_type, version, build_id])
}

impl From<&WorkflowStarted> for Shape {
    fn from(started: &WorkflowStarted) -> Self {
        Self {
            workflow_type: started.workflow_type.to_string(),
            version: started.version.to_string(),
            build_id: started.build_id.to_string(),
        }
    }
}
