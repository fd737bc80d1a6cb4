//! The headers `traceparent` and `tracestate` (W3C Trace Context).

use axum::http::HeaderMap;
use everstep_engine::TraceContext;

/// The trace that the caller belongs to. One that cannot be read is ignored, as the standard
/// demands: tracing must not make a request fail.
pub(super) fn trace_context(headers: &HeaderMap) -> Option<Box<TraceContext>> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let trace: TraceContext = parent.parse().ok()?;
    let states = headers.get_all("tracestate").iter();
    let states: Vec<&str> = states.filter_map(|state| state.to_str().ok()).collect();
    Some(Box::new(trace.with_state(&states.join(","))))
}
