//! What tests need to drive a worker's binary from outside: its process and its HTTP API.

#![expect(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod api;
pub(crate) mod patience;
mod server;

pub(crate) use api::Api;
pub(crate) use server::Server;
