//! What tests of stores, and tests that need a hostile disk, share. Compiled always, so that
//! another crate's store can be held against it.
//!
//! Invariant: everything here follows from its inputs; no clock, no chance but a seed.

mod conformance;
mod fault_disk;
mod random;

pub use conformance::conformance;
pub use fault_disk::{Fault, FaultDisk, Honesty};
pub use random::Random;
