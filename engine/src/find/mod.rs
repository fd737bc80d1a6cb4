//! What runs are found by, pure: filters and orders, terms and their keys, fingerprints of
//! failures.

mod filter;
pub(crate) mod fingerprint;
mod order;
pub(crate) mod term;

pub use filter::{AttributeRange, FilterError, ListFilter};
pub use fingerprint::STUCK_ATTEMPTS;
pub use order::{ListOrder, SortBy};
