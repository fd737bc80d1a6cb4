//! The pages: each reads one snapshot and renders one document.

pub(super) mod batch;
pub(super) mod batches;
pub(super) mod circuits;
pub(super) mod command;
pub(super) mod commands;
pub(super) mod contexts;
pub(super) mod dead_letters;
mod detail;
pub(super) mod event;
pub(super) mod events;
mod history;
pub(super) mod namespaces;
pub(super) mod new_batch;
mod operations;
pub(super) mod projections;
pub(super) mod queues;
pub(super) mod rebuild;
pub(super) mod run;
pub(super) mod run_actions;
pub(super) mod runs;
pub(super) mod sagas;
pub(super) mod schedule;
pub(super) mod schedule_form;
pub(super) mod schedules;
pub(super) mod stream_state;
pub(super) mod streams;
pub(super) mod subscriptions;
