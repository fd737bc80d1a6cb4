//! The HTTP API, asked from outside: a real server on a free port, a real store in a temporary
//! directory, and a client that sends exactly what a test says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod activities;
mod agents;
mod batch;
mod bodies;
mod clock;
mod dead_letters;
mod documents;
mod drain;
mod ending;
mod event_pages;
mod events;
mod generator;
mod history;
mod ids;
mod listing;
mod migrations;
mod namespaces;
mod operating;
mod pausing;
mod projections;
mod queries;
mod queues;
mod redaction;
mod results;
mod routes;
mod schedules;
mod signals;
mod slow;
mod starting;
mod subscriptions;
mod support;
#[path = "../travel/mod.rs"]
mod travel;
mod updates;
mod visitors;
mod wire;
mod worker;
