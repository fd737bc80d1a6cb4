//! Activities for everyone: things done once, with an effect on the world outside.
//!
//! ```
//! use std::time::Duration;
//! use everstep_activities::HttpCall;
//! use everstep_engine::{Activity, Retry, Worker};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Charge { order: String, cents: u64 }
//! #[derive(Serialize, Deserialize)]
//! struct Receipt { id: String }
//!
//! const CHARGE: Activity<Charge, Receipt> =
//!     Activity::new("charge").retry(Retry::DEFAULT.max_attempts(8));
//!
//! let charge = HttpCall::post("http://127.0.0.1:9000/charges")?.timeout(Duration::from_secs(2));
//! let worker = Worker::new().activity(CHARGE, charge.into_activity());
//! # drop(worker);
//! # Ok::<(), everstep_activities::HttpCallError>(())
//! ```
//!
//! # Invariants
//!
//! - An activity may run more than once, so whatever it sends outside carries the activity's
//!   idempotency key: the same for every attempt, and for no other activity.
//! - An activity decides whether its failure can be mended by another attempt; how often and when
//!   that is tried is the caller's retry policy. Nothing in here retries by itself.
//! - Every wait has a timeout, every body that is read has a bound.
//!
//! # Map
//!
//! - `http_call`: one request with a JSON body, one answer with a JSON body.
//! - [`commands`]: the seven steps of every command, deciders behind them, middleware around them.
//! - `anti_corruption`: what other systems send and take, translated or refused.
//! - `deterministic_id`: stream ids that follow from a business key.
//! - [`circuit_breaker`]: services that keep failing are left alone for a while.
//! - `dcb_retry`: commands within a scope that moved meanwhile, decided again.
//! - [`dead_letters`]: work that was given up on, kept until somebody decides.
//! - [`contexts`]: bounded contexts, their contracts, and the map of how they relate.
//! - [`reservations`]: values that are held for a while, and given to one entity.
//! - `durable_append`: events that have to be appended, sooner or later.
//! - [`fat_events`]: events that carry all that a consumer needs, personal data that can be shredded.
//! - [`llm`]: one question to a large language model, an answer of the shape that was asked for.
//! - [`language`]: schemas of events, their compatibility, migrations and contract checks.
//! - [`retrier`]: external calls that are told to the domain in the commit that ends them.
//! - [`work_queue`]: work in the order of its partition, tried again, given up into dead letters.
//! - [`rate_limit`]: how often something may be done, by key, over restarts.

mod anti_corruption;
pub mod circuit_breaker;
pub mod commands;
pub mod contexts;
mod dcb_retry;
pub mod dead_letters;
mod deterministic_id;
mod durable_append;
pub mod fat_events;
mod http_call;
mod http_client;
pub mod language;
pub mod llm;
pub mod rate_limit;
pub mod reservations;
pub mod retrier;
pub mod work_queue;

pub use anti_corruption::{TranslationError, Translator, ValueMap, decimal, minor_units};
pub use contexts::{ContextCommand, WorkerContexts};
pub use dcb_retry::{DCB_RETRY, DcbOutcome, send_retrying, with_dcb_retries};
pub use dead_letters::WorkerDeadLetters;
pub use deterministic_id::{
    IdSecret, InvalidBusinessKey, StreamIds, UniqueConstraintViolation, deterministic_stream_id,
    rotate_id_secret, stream_ids,
};
pub use durable_append::{EVENT_APPEND, durable_append, with_durable_appends};
/// Deciders and state machines: pure, without dependencies.
pub use everstep_decider as decider;

pub use http_call::{Attempt, HttpCall, HttpCallError};
pub use http_client::{Trust, TrustError};
