//! What runs say of themselves to those who watch from outside: their traces, and whose log line
//! it is.
//!
//! Invariant: nothing in here changes what a run does. Ids of spans are derived from the ids of
//! runs, activities and attempts, so that what follows a crash belongs to the same trace.

mod current;
mod span;
mod trace_context;

pub(crate) use current::{Current, Within, silence};
pub use current::{RunFields, with_run_fields};
pub use span::{FinishedSpan, SpanKind, SpanSink, SpanValue};
pub use trace_context::{InvalidTraceContext, TraceContext};
