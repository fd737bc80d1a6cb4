//! Everstep: durable execution in one binary. A workflow is a plain async function; every step of
//! it is on disk before anything outside can see it.
//!
//! ```
//! use everstep::server::{Server, ServerConfig};
//! use everstep::{Client, Worker, Workflow, WorkflowContext, WorkflowError};
//!
//! const GREET: Workflow<String, String> = Workflow::new("greet");
//!
//! async fn greet(ctx: &WorkflowContext, name: String) -> Result<String, WorkflowError> {
//!     let greeting = ctx.run("greet", async move || Ok(format!("Hello, {name}"))).await?;
//!     Ok(greeting)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = tempfile::tempdir()?;
//! let mut config = ServerConfig::new(data.path());
//! config.listen = "127.0.0.1:0".parse()?;
//! let server = Server::open(Worker::new().workflow(GREET, greet), config).await?;
//!
//! let client = Client::new(server.engine().clone());
//! let greeting = client.workflow(GREET, &"Ada".to_owned())?.id("greet-ada").start().await?;
//! assert_eq!(greeting.result().await?, "Hello, Ada");
//!
//! server.run(async { /* until you want it to end */ }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//!
//! - **What is answered with success is durable**, and what is refused left nothing behind.
//! - **Every refusal is a problem** with a stable code that has a page: [`api::error_code`].
//! - **Only this crate speaks HTTP.** What it shows comes from the engine's views, one snapshot
//!   each.
//! - **Nothing waits for ever and nothing queues without a bound**; see
//!   [`ServerConfig`](server::ServerConfig).
//!
//! # Modules
//!
//! | module | what it owns |
//! | --- | --- |
//! | [`api`] | the HTTP API: a file a route, and the errors |
//! | [`access`] | who may come in: tokens, roles, what each route needs |
//! | [`server`] | the process: listener, gate, health, metrics, draining |
//! | [`backup`] | copies of a store at one moment, with a manifest |
//! | [`ui`] | the inspector |
//! | [`client`] | the HTTP client |
//! | [`cli`] | the command line that every worker's binary gets |
//! | [`bench`] | the benchmark |
//!
//! Everything that workflows and activities are written against is re-exported from
//! [`everstep_engine`].

/// What programs with this crate allocate with; a program with an allocator of its own leaves the
/// feature out.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod access;
pub mod api;
pub mod backup;
pub mod bench;
pub mod cli;
pub mod client;
mod duration;
pub mod server;
pub mod ui;

#[doc(inline)]
pub use everstep_activities::{DCB_RETRY, DcbOutcome, EVENT_APPEND, durable_append};
pub use everstep_activities::{
    IdSecret, StreamIds, TranslationError, Translator, UniqueConstraintViolation, ValueMap,
    decimal, deterministic_stream_id, minor_units, rotate_id_secret, stream_ids,
};
#[doc(inline)]
pub use everstep_activities::{
    circuit_breaker, contexts, dead_letters, fat_events, language, llm, rate_limit, reservations,
};
#[doc(inline)]
pub use everstep_activities::{commands, decider};
#[doc(inline)]
pub use everstep_activities::{retrier, work_queue};
pub use everstep_engine::*;
#[doc(inline)]
pub use everstep_reactive as reactive;
#[doc(inline)]
pub use everstep_storage::codec;
/// Patterns in events, models and rules, commands and approvals.
#[doc(inline)]
pub use everstep_workflows::agent;
/// What is begun, and how it ended.
#[doc(inline)]
pub use everstep_workflows::intent;
/// What one context does because something happened in another.
#[doc(inline)]
pub use everstep_workflows::process_manager;
/// Read models of events.
#[doc(inline)]
pub use everstep_workflows::projection_replay;
/// Read models of events.
#[doc(inline)]
pub use everstep_workflows::projections;
/// What one context tells others.
#[doc(inline)]
pub use everstep_workflows::publication;
/// Steps that are undone in reverse.
#[doc(inline)]
pub use everstep_workflows::saga;
/// Groups of consumers that share the events of the log.
#[doc(inline)]
pub use everstep_workflows::subscriptions;
