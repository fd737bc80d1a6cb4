//! Spans of runs, turns and attempts, for whoever takes them (`EngineConfig::spans`).
//!
//! Invariant: a span is reported after the commit that ends it, and nothing is done for spans
//! where nobody takes them.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::effect::Effect;
use super::panics;
use super::shard::Shard;
use super::step::Step;
use crate::Timestamp;
use crate::kernel::{ActivityState, HistoryEvent, PendingActivity, TaskFailure};
use crate::telemetry::{FinishedSpan, SpanKind, TraceContext};

impl Step<'_> {
    /// The spans that end with an event which is about to be applied.
    pub(super) fn end_spans(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::ActivityCompleted { activity_id, .. } => {
                self.attempt_span(*activity_id, "completed", None);
            }
            HistoryEvent::ActivityFailed { activity_id, failure, .. } => {
                self.attempt_span(*activity_id, "failed", Some(&failure.message));
            }
            HistoryEvent::ActivityCancelled { activity_id, .. } => {
                self.attempt_span(*activity_id, "cancelled", None);
            }
            HistoryEvent::WorkflowCompleted { .. }
            | HistoryEvent::WorkflowCancelled
            | HistoryEvent::WorkflowContinuedAsNew { .. } => self.run_span(event, None),
            HistoryEvent::WorkflowFailed { failure } => {
                self.run_span(event, Some(&failure.message));
            }
            HistoryEvent::WorkflowTerminated { reason } => self.run_span(event, Some(reason)),
            HistoryEvent::WorkflowTimedOut => self.run_span(event, Some("timed out")),
            _ => {}
        }
    }

    fn attempt_span(&mut self, activity_id: u32, outcome: &str, error: Option<&str>) {
        let started = &self.resident.run.started;
        let Some(activity) = self.resident.run.activities.get(&activity_id) else { return };
        let Some(begun_at) = running_since(activity) else { return };
        let mut span = FinishedSpan::of(SpanKind::Activity, started, time(self.turn.now));
        span.context = TraceContext::of_attempt(started, activity_id, activity.attempt);
        span.started_at = time(begun_at);
        span.name = activity.activity_type.to_string();
        span.attributes.extend([
            ("everstep.activity_type", (&*activity.activity_type).into()),
            ("everstep.activity_id", u64::from(activity_id).into()),
            ("everstep.attempt", u64::from(activity.attempt).into()),
            ("everstep.outcome", outcome.into()),
        ]);
        span.error = error.map(str::to_owned);
        self.report(span);
    }

    fn run_span(&mut self, event: &HistoryEvent, error: Option<&str>) {
        let run = &self.resident.run;
        let running = run.activities.iter().filter(|(_, one)| running_since(one).is_some());
        let running: Vec<u32> = running.map(|(&id, _)| id).collect();
        let mut span = FinishedSpan::of(SpanKind::Run, &run.started, time(self.turn.now));
        span.started_at = time(run.started_at);
        let status = event.name().trim_start_matches("workflow_");
        span.attributes.extend([
            ("everstep.status", status.into()),
            ("everstep.run_number", u64::from(run.started.run_number()).into()),
            ("everstep.history_length", (run.history_length + 1).into()),
        ]);
        span.error = error.map(str::to_owned);
        for activity_id in running {
            self.attempt_span(activity_id, "abandoned", None);
        }
        self.report(span);
    }

    /// The code was polled for an event.
    pub(super) fn turn_span(
        &mut self,
        begun: Instant,
        event: &HistoryEvent,
        outcome: &Result<(), Box<TaskFailure>>,
    ) {
        let started = &self.resident.run.started;
        let mut span = FinishedSpan::of(SpanKind::Turn, started, time(self.turn.now));
        // Nothing belongs below a turn, so its id need not be found again.
        span.context = span.context.below(rand::random());
        // The clock stands still within a turn of the loop.
        span.ended_at += begun.elapsed();
        span.attributes.push(("everstep.event", event.name().into()));
        if let Err(failure) = outcome {
            span.attributes.push(("everstep.task_failure", failure.kind.name().into()));
            span.error = Some(failure.message.clone());
        }
        self.report(span);
    }

    fn report(&mut self, span: FinishedSpan) {
        if span.context.is_sampled() {
            self.turn.effects.push(Effect::Span(Box::new(span)));
        }
    }
}

impl Shard {
    /// Hands out a span whose end is durable.
    pub(super) fn report_span(&self, span: FinishedSpan) {
        let Some(sink) = &self.inner.config.spans else { return };
        let taken = panics::catch(AssertUnwindSafe(|| sink.record(span)));
        if let Err(panic) = taken {
            tracing::error!(message = panic.message, "a sink of spans panicked");
        }
    }
}

/// When the attempt began that runs now.
fn running_since(activity: &PendingActivity) -> Option<Timestamp> {
    match activity.state {
        ActivityState::Started(at) | ActivityState::HandedOver(at) => Some(at),
        ActivityState::Scheduled | ActivityState::BackingOff(_) => None,
    }
}

fn time(at: Timestamp) -> SystemTime {
    let ms = u64::try_from(at.as_millis()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_millis(ms)
}
