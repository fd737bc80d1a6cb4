//! The steps, a module a domain.
//!
//! `http` and `server` hold what any feature may say; a domain's own module says it in the
//! domain's words. Two steps that match one line fail the run and name both.

#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

mod ambiguous;
mod checkpoints;
mod circuits;
mod commands;
mod domain;
mod events;
mod http;
mod packages;
mod projections;
mod publications;
mod reactive;
mod rebuilds;
mod releases;
mod server;
mod tenants;
