//! The headers `traceparent` and `tracestate` (W3C Trace Context).

use std::time::SystemTime;

use axum::http::HeaderMap;
use everstep_engine::{FinishedSpan, Selector, SpanKind, TraceContext};

use super::Api;

/// The trace that the caller belongs to. One that cannot be read is ignored, as the standard
/// demands: tracing must not make a request fail.
pub(super) fn trace_context(headers: &HeaderMap) -> Option<Box<TraceContext>> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let trace: TraceContext = parent.parse().ok()?;
    let states = headers.get_all("tracestate").iter();
    let states: Vec<&str> = states.filter_map(|state| state.to_str().ok()).collect();
    Some(Box::new(trace.with_state(&states.join(","))))
}

/// A message to a run from a caller whose trace is recorded, by a server that reports spans.
pub(super) struct Received {
    caller: Box<TraceContext>,
    kind: SpanKind,
    name: String,
    begun: SystemTime,
}

impl Received {
    pub(super) fn begin(
        api: &Api,
        headers: &HeaderMap,
        kind: SpanKind,
        name: &str,
    ) -> Option<Self> {
        api.engine().config().spans.as_ref()?;
        let caller = trace_context(headers).filter(|caller| caller.is_sampled())?;
        Some(Self { caller, kind, name: name.to_owned(), begun: SystemTime::now() })
    }

    /// The run has it, durably.
    pub(super) fn end(self, api: &Api, selector: &Selector) {
        let Self { caller, kind, name, begun } = self;
        if let Some(sink) = &api.engine().config().spans {
            sink.record(FinishedSpan::received(kind, &caller, name, selector, begun));
        }
    }
}
