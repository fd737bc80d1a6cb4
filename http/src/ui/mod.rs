//! The inspector: pages rendered here, a few small scripts beside them, one stream of notices.
//!
//! Invariants: there is one rendering path, so a live page shows what a reload would show; every
//! page works as plain HTML, scripts only add to it; nothing is loaded from anywhere else and no
//! script or style is inline.
//!
//! ```text
//! GET /ui/workflows…            pages/       read the store, render the whole document
//! GET /ui/workflows/{id}/spans  spans.rs     the timeline's columns, whole or what is new
//! GET /ui/live?topics=…         live.rs      "changed" notices; the page asks for itself again
//! POST /ui/workflows/{id}/…     actions.rs   signal, cancel, terminate; a toast or a redirect
//! GET /ui/a/{hash}/{file}       assets.rs    scripts and styles, immutable
//! ```

mod actions;
mod assets;
mod batches;
mod desk;
mod filter;
mod flash;
mod guard;
mod icons;
mod inspector;
mod journal;
mod journals;
mod layout;
mod live;
mod login;
mod operations;
mod pages;
mod payload;
mod preferences;
mod raw;
mod refusal;
mod region;
mod router;
mod schedule_form;
mod schedules;
mod spans;
mod times;
mod tone;
mod update_form;
mod url;
mod verdict;

pub(crate) use flash::cookie;
pub(crate) use guard::marked;
pub(crate) use login::{denied, log_in_first};
pub use router::router;
pub(crate) use router::routes;
