//! What operators do to runs.

mod batch;
mod deleting;
mod namespaces;
mod pause;
mod reset;
mod retention;
mod retry;
mod schedules;
