//! Every error code of the API: the one table from which problems, the pages under `/errors/` and
//! `docs/errors.md` are made.
//!
//! A file is what the codes are about. Invariant: a code never changes its name or its meaning; new
//! ones may be added.

macro_rules! error_codes {
    ($($constant:ident = $name:literal $statuses:expr, $title:literal, $happened:literal, $remedy:literal;)*) => {
        $(pub(crate) const $constant: &$crate::api::error_code::ErrorCode =
            &$crate::api::error_code::ErrorCode {
                name: $name,
                statuses: &$statuses,
                title: $title,
                happened: $happened,
                remedy: $remedy,
            };)*

        /// All of them, in the order of the documentation.
        pub(super) const ALL: &[&$crate::api::error_code::ErrorCode] = &[$($constant),*];
    };
}

mod agents;
mod book;
mod commands;
mod domain;
mod log;
mod namespaces;
mod processes;
mod projections;
mod requests;
mod schemas;
mod subscriptions;
mod workflows;

pub(crate) use agents::*;
pub use book::book;
pub(crate) use commands::*;
pub(crate) use log::*;
pub(crate) use namespaces::*;
pub(crate) use processes::*;
pub(crate) use projections::*;
pub(crate) use requests::*;
pub(crate) use subscriptions::*;
pub(crate) use workflows::*;

/// One stable error code.
#[derive(Debug)]
pub struct ErrorCode {
    /// Stable snake case, the problem's `code`.
    pub name: &'static str,
    /// The statuses that it comes with; the first unless the text says otherwise.
    pub statuses: &'static [u16],
    /// The problem's `title`.
    pub title: &'static str,
    /// What happened.
    pub happened: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// All of them, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static ErrorCode> {
    let files = [
        requests::ALL,
        workflows::ALL,
        namespaces::ALL,
        agents::ALL,
        processes::ALL,
        log::ALL,
        projections::ALL,
        subscriptions::ALL,
        commands::ALL,
        schemas::ALL,
        domain::ALL,
    ];
    files.into_iter().flatten().copied()
}

/// The code of that name.
pub fn find(name: &str) -> Option<&'static ErrorCode> {
    all().find(|code| code.name == name)
}
