//! Everstep: durable execution in one binary.
pub mod api;
pub mod bench;
pub mod cli;
pub mod client;
pub mod server;
pub mod ui;

pub use everstep_engine::*;
