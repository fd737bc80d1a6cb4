//! The store that forgets: a map behind a lock, for tests and as the oracle of the others.
//!
//! Invariant: short enough to be seen to be right; no trick, no cache.

mod store;

pub use store::MemoryStore;
