//! The process around the engine: what it listens on, who may come in, how it ends.
//!
//! ```text
//! listener ──► connections ──► gate (host, origin, token, counting, panics) ──► api, health, inspector
//!                                                                              │
//! SIGTERM ──► draining: no new connections, waits end early, answers finish    ▼
//!             then engine.drain: attempts finish, the store closes          Engine
//! ```
//!
//! Invariants:
//! - nothing here prints on stdout: what the caller writes there is the caller's;
//! - without tokens the server listens on loopback only, unless it is told otherwise;
//! - it ends in order, and says why when it was not asked to.

mod config;
mod connections;
mod draining;
mod error;
mod figures;
mod followers;
mod gate;
mod health;
mod metrics;
mod origin;
#[cfg(feature = "otlp")]
mod otlp;
mod pages;
mod serve;
mod signals;
mod warnings;

pub use config::{DEFAULT_PORT, ServerConfig};
pub use error::ServerError;
#[cfg(feature = "otlp")]
pub use otlp::{OtlpError, OtlpExporter};
pub use pages::WorkerPages;
pub use serve::Server;
pub use signals::shutdown_signal;

pub(crate) use draining::Draining;
pub(crate) use metrics::HttpMetrics;
pub(crate) use warnings::Warnings;
