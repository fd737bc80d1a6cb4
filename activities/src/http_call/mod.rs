//! One HTTP request with a JSON body, answered with a JSON body.
//!
//! Invariant: an attempt sends one request and never follows or repeats it; every attempt of one
//! activity carries the same `Idempotency-Key`.

mod call;
mod outcome;

pub use call::{Attempt, HttpCall, HttpCallError};
