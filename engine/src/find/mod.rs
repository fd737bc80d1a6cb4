//! What runs are found by, pure: filters and orders, typed search attributes and their keys,
//! fingerprints of failures.

mod filter;
mod order;

pub use filter::{AttributeRange, FilterError, ListFilter};
pub use order::{ListOrder, SortBy};
