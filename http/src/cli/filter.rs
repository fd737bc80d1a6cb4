//! Which runs a command is about: the filters of the list.

use std::collections::BTreeMap;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::values;
use crate::{AttributeRange, ListFilter, RunStatus, Timestamp};

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
    /// Only runs closed at or after this time.
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    closed_after: Option<Timestamp>,
    /// Only runs closed at or before this time.
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    closed_before: Option<Timestamp>,
    /// Only runs that this build started.
    #[arg(long, value_name = "BUILD_ID")]
    build: Option<String>,
    /// Only runs of which an activity went through this task queue.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Only runs that are stuck: their code cannot go on, or an activity fails again and again.
    #[arg(long)]
    stuck: bool,
    /// Only runs whose failure has this fingerprint; see `count --group-by fingerprint`.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// Only children of this workflow.
    #[arg(long, value_name = "WORKFLOW_ID")]
    parent: Option<String>,
    /// Only runs with this search attribute; may be repeated.
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = values::plain_attribute)]
    attributes: Vec<(String, String)>,
    /// Only runs whose search attribute is at least this number or text; may be repeated.
    #[arg(long = "attr-min", value_name = "NAME=VALUE", value_parser = values::plain_attribute)]
    least: Vec<(String, String)>,
    /// Only runs whose search attribute is at most this number or text; may be repeated.
    #[arg(long = "attr-max", value_name = "NAME=VALUE", value_parser = values::plain_attribute)]
    most: Vec<(String, String)>,
    /// Only runs whose search attribute is a text that begins so; may be repeated.
    #[arg(long = "attr-prefix", value_name = "NAME=TEXT", value_parser = values::plain_attribute)]
    prefixes: Vec<(String, String)>,
}

fn status() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.map(RunStatus::name))
        .try_map(|name| name.parse::<RunStatus>())
}

impl FilterArgs {
    pub(super) fn filter(&self) -> ListFilter {
        let mut ranges = BTreeMap::<String, AttributeRange>::new();
        for (name, value) in &self.least {
            ranges.entry(name.clone()).or_default().min = Some(value.clone());
        }
        for (name, value) in &self.most {
            ranges.entry(name.clone()).or_default().max = Some(value.clone());
        }
        for (name, value) in &self.prefixes {
            ranges.entry(name.clone()).or_default().prefix = Some(value.clone());
        }
        ListFilter {
            closed_after: self.closed_after,
            closed_before: self.closed_before,
            build: self.build.clone(),
            queue: self.queue.clone(),
            stuck: self.stuck.then_some(true),
            fingerprint: self.fingerprint.clone(),
            ranges,
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
