//! Which runs a command is about: the filters of the list.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::values;
use crate::{ListFilter, RunStatus, Timestamp};

/// The flags that make up a filter; all that are given must match.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Only runs in this status.
    #[arg(long, value_parser = status())]
    status: Option<RunStatus>,
    /// Only runs of this workflow type.
    #[arg(long = "type", value_name = "TYPE")]
    workflow_type: Option<String>,
    /// Only workflows whose id begins so.
    #[arg(long, value_name = "TEXT")]
    id_prefix: Option<String>,
    /// Only runs started at or after this time (RFC 3339, or 2h for two hours ago).
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    started_after: Option<Timestamp>,
    /// Only runs started at or before this time.
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    started_before: Option<Timestamp>,
    /// Only children of this workflow.
    #[arg(long, value_name = "WORKFLOW_ID")]
    parent: Option<String>,
    /// Only runs with this search attribute; may be repeated.
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = values::plain_attribute)]
    attributes: Vec<(String, String)>,
}

fn status() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.map(RunStatus::name))
        .try_map(|name| name.parse::<RunStatus>())
}

impl FilterArgs {
    pub(super) fn filter(&self) -> ListFilter {
        ListFilter {
            status: self.status,
            workflow_type: self.workflow_type.clone(),
            id_prefix: self.id_prefix.clone(),
            started_after: self.started_after,
            started_before: self.started_before,
            parent: self.parent.clone(),
            attributes: self.attributes.iter().cloned().collect(),
            ..ListFilter::default()
        }
    }
}
