//! The payment service: another company's, so it has its own port and its own books, knows nothing
//! of workflows, and fails now and then.

mod activities;
mod ledger;
mod service;

pub(crate) use activities::register;
pub(crate) use ledger::Ledger;
pub(crate) use service::start;
