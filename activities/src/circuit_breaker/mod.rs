//! Circuit breakers: a service that keeps failing is left alone for a while.
//!
//! ```text
//!            so many failures in a row              its time is over
//!  closed ─────────────────────────────► open ──────────────────────► half open
//!    ▲                                    ▲                              │ one probe at a time
//!    │                                    └──────── a probe failed ──────┤
//!    └───────────────────────── enough probes in a row worked ───────────┘
//! ```
//!
//! ```
//! use std::time::Duration;
//! use everstep_activities::circuit_breaker::{Circuit, WorkerCircuits};
//! use everstep_activities::HttpCall;
//! use everstep_engine::{Activity, Worker};
//!
//! const STRIPE: Circuit = Circuit::new("stripe-api").failure_threshold(3);
//! const CHARGE: Activity<u64, String> = Activity::new("charge");
//!
//! let call = HttpCall::post("http://127.0.0.1:9000/charges")?;
//! let worker =
//!     Worker::new().circuit(STRIPE).activity(CHARGE, STRIPE.around(call.into_activity()));
//! # drop((worker, Duration::ZERO));
//! # Ok::<(), everstep_activities::HttpCallError>(())
//! ```
//!
//! [`Breaker`] is pure: what it was and what happened give what it is. It stands in a row that
//! transactions move, so a restart keeps an open circuit open for the time that is left; and in
//! memory beside it, so that a refusal touches no disk.
//!
//! Invariants: only transactions move a circuit, and each reads the row first; an opening starts its
//! one timer in its own commit, and a timer moves the circuit that it was started for or none; a
//! probe holds its place for a bounded time, and not beyond its process.

mod breaker;
mod call;
mod circuit;
mod circuits;
mod desk;
mod rows;
mod timer;

pub use breaker::{Admission, Breaker, CircuitState, Outcome, Probe};
pub use circuit::{Circuit, CircuitConfig};
pub use circuits::{Circuits, WorkerCircuits};
pub use desk::{CircuitView, close, list, open, show};

/// Whether a call was refused because a circuit is open.
pub fn is_circuit_open(error: &everstep_engine::ActivityError) -> bool {
    error.kind().starts_with(OPEN)
}

/// What the type of such a refusal begins with; the circuit's name follows.
const OPEN: &str = "CIRCUIT_OPEN:";
