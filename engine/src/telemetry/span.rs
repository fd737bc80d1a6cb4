//! Spans as the engine reports them: once they have ended, and are durable.

use std::fmt;
use std::time::SystemTime;

use super::TraceContext;
use crate::Selector;
use crate::kernel::WorkflowStarted;

/// Something that has ended: a run, a turn of its code, an attempt of an activity.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FinishedSpan {
    /// What it was.
    pub kind: SpanKind,
    /// The span's own place: its trace and its id.
    pub context: TraceContext,
    /// The span that it is a part of; none for the first of a trace.
    pub parent_id: Option<u64>,
    /// The type of the workflow or activity.
    pub name: String,
    /// When it began; a run may have begun in a process that is long gone.
    pub started_at: SystemTime,
    /// When it ended.
    pub ended_at: SystemTime,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Why it counts as failed.
    pub error: Option<String>,
}

/// The kinds of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanKind {
    /// From a run's first event to its last.
    Run,
    /// One poll of a workflow's code.
    Turn,
    /// One attempt of an activity.
    Activity,
    /// A signal that a caller sent, until it was durable.
    Signal,
    /// An update that a caller sent, until the caller was answered.
    Update,
}

impl SpanKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Turn => "turn",
            Self::Activity => "activity",
            Self::Signal => "signal",
            Self::Update => "update",
        }
    }
}

/// What an attribute of a span may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

impl From<&str> for SpanValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for SpanValue {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Takes spans of an engine; see [`EngineConfig::spans`](crate::EngineConfig::spans).
pub trait SpanSink: Send + Sync + fmt::Debug {
    /// Takes a span. Called on the engine's own thread, so it must not wait: what it has no room
    /// for, it drops.
    fn record(&self, span: FinishedSpan);
}

impl FinishedSpan {
    /// What a caller has sent to a run, as a part of the caller's own trace; it ends now.
    pub fn received(
        kind: SpanKind,
        caller: &TraceContext,
        name: String,
        selector: &Selector,
        started_at: SystemTime,
    ) -> Self {
        let attributes = vec![
            ("everstep.namespace", selector.namespace.as_str().into()),
            ("everstep.workflow_id", selector.workflow_id.as_str().into()),
        ];
        let (context, parent_id) = (caller.below(rand::random()), Some(caller.span_id()));
        let ended_at = SystemTime::now();
        Self { kind, context, parent_id, name, started_at, ended_at, attributes, error: None }
    }

    /// A span below the run's, or the run's own, that ends where it begins and says whose it is.
    pub(crate) fn of(kind: SpanKind, started: &WorkflowStarted, at: SystemTime) -> Self {
        let context = TraceContext::of_run(started);
        let parent_id = match kind {
            SpanKind::Run => started.trace.as_ref().map(|trace| trace.span_id()),
            _ => Some(context.span_id()),
        };
        let attributes = vec![
            ("everstep.namespace", started.namespace.as_str().into()),
            ("everstep.workflow_id", started.workflow_id.as_str().into()),
            ("everstep.run_id", SpanValue::Text(started.run_id.to_string())),
            ("everstep.workflow_type", (&*started.workflow_type).into()),
        ];
        let name = started.workflow_type.to_string();
        let (started_at, ended_at) = (at, at);
        Self { kind, context, parent_id, name, started_at, ended_at, attributes, error: None }
    }
}
