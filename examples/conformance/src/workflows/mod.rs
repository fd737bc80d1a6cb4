//! One story a file: its contract, its code, and how it is registered.

pub(crate) mod accumulate;
pub(crate) mod append;
pub(crate) mod approval;
pub(crate) mod blob;
pub(crate) mod blocked;
pub(crate) mod cancellable;
pub(crate) mod chain;
pub(crate) mod echo;
pub(crate) mod fan_out;
pub(crate) mod flaky;
pub(crate) mod fork;
pub(crate) mod guarded;
pub(crate) mod hang;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod notes;
pub(crate) mod panic;
pub(crate) mod parent;
pub(crate) mod patched;
pub(crate) mod random;
pub(crate) mod register;
pub(crate) mod saga;
pub(crate) mod sleep;
pub(crate) mod tally;
pub(crate) mod ticker;
pub(crate) mod witness;

/// The input `{}`; nothing at all will do, too.
pub(crate) type NoInput = Option<Empty>;

/// An object whose fields do not matter.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Empty {}
