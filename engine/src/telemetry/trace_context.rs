//! W3C trace context: which trace something belongs to, and below which span.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RunId;
use crate::kernel::{WorkflowStarted, mix};

/// A place in a trace, as the headers `traceparent` and `tracestate` carry it from one service to
/// the next (W3C Trace Context).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Headers", try_from = "Headers")]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
    state: Option<Box<str>>,
}

/// The text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct InvalidTraceContext;

/// How it is stored.
#[derive(Serialize, Deserialize)]
struct Headers {
    traceparent: String,
    tracestate: Option<Box<str>>,
}

/// The longest `tracestate` that is passed on, in bytes: as much as everyone must support.
const MAX_STATE_BYTES: usize = 512;

impl TraceContext {
    /// The `tracestate` that came along; one that is empty or too long is dropped, as vendors may.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        let fits = (1..=MAX_STATE_BYTES).contains(&state.len());
        let printable = state.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t');
        self.state = (fits && printable).then(|| state.into());
        self
    }

    /// The trace's id; its text has 32 hexadecimal digits.
    pub const fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The span that whatever happens here is a part of.
    pub const fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether somebody records the trace.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The header `tracestate`.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The place below a span of the same trace.
    pub(crate) fn below(&self, span_id: u64) -> Self {
        Self { span_id: nonzero(span_id), ..self.clone() }
    }

    /// The place of what a run does: below the run's own span.
    pub(crate) fn of_run(started: &WorkflowStarted) -> Self {
        let span_id = nonzero(run_span_id(started.run_id));
        match &started.trace {
            Some(trace) => trace.below(span_id),
            // Nobody brought a trace along: the chain is one of its own.
            None => Self {
                trace_id: started.first_run_id().as_u128(),
                span_id,
                sampled: true,
                state: None,
            },
        }
    }

    /// The place of what an attempt does.
    pub(crate) fn of_attempt(started: &WorkflowStarted, activity_id: u32, attempt: u32) -> Self {
        let run = Self::of_run(started);
        let span_id = attempt_span_id(run.span_id, activity_id, attempt);
        run.below(span_id)
    }
}

fn run_span_id(run_id: RunId) -> u64 {
    let id = run_id.as_u128();
    mix((id >> 64) as u64 ^ mix(id as u64))
}

fn attempt_span_id(run: u64, activity_id: u32, attempt: u32) -> u64 {
    mix(run ^ mix(u64::from(activity_id) << 32 | u64::from(attempt)))
}

/// All zeros are no id.
const fn nonzero(id: u64) -> u64 {
    if id == 0 { 1 } else { id }
}

/// As in the header `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits);
            let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            part.filter(|part| part.bytes().all(hexadecimal)).ok_or(InvalidTraceContext)
        };
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // Later versions may add fields; this one has none.
        if version == "ff" || version == "00" && parts.next().is_some() {
            return Err(InvalidTraceContext);
        }
        let trace_id = u128::from_str_radix(trace_id, 16).map_err(|_| InvalidTraceContext)?;
        let span_id = u64::from_str_radix(span_id, 16).map_err(|_| InvalidTraceContext)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| InvalidTraceContext)?;
        if trace_id == 0 || span_id == 0 {
            return Err(InvalidTraceContext);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1, state: None })
    }
}

impl From<TraceContext> for Headers {
    fn from(trace: TraceContext) -> Self {
        Self { traceparent: trace.to_string(), tracestate: trace.state }
    }
}

impl TryFrom<Headers> for TraceContext {
    type Error = InvalidTraceContext;

    fn try_from(headers: Headers) -> Result<Self, Self::Error> {
        let Headers { traceparent, tracestate } = headers;
        Ok(Self { state: tracestate, ..traceparent.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn reads_what_it_writes() {
        let trace: TraceContext = PARENT.parse().unwrap();
        assert_eq!(trace.to_string(), PARENT);
        assert!(trace.is_sampled());
        let stored = postcard::to_stdvec(&trace.with_state("a=1")).unwrap();
        let read: TraceContext = postcard::from_bytes(&stored).unwrap();
        assert_eq!((read.to_string().as_str(), read.state()), (PARENT, Some("a=1")));
    }

    #[test]
    fn takes_nothing_else_for_a_traceparent() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473+-00f067aa0ba902b7-01",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
        // A later version, with what it adds.
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more";
        assert!(!later.parse::<TraceContext>().unwrap().is_sampled());
    }
}
