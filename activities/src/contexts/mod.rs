//! Bounded contexts: their contracts, what keeps them apart, and how they relate.
//!
//! Invariant: a context's state is reached through its commands only, its contract is enforced as it
//! is printed, and no context uses another one that the map does not let it use.

mod check;
mod context;
mod contract;
mod error;
mod migration;
mod registry;
mod relationship;

pub use check::check_contracts;
pub use context::Context;
pub use contract::{Consumed, Contract, ExecutionMode, Identity};
pub use error::{ContextError, Declared};
pub use migration::{MigrationView, begin_migrations, migrations};
pub use registry::{Caller, ContextCommand, Contexts, WorkerContexts, call, call_from};
pub use relationship::{ContextMap, Direction, Neighbour, Relationship, RelationshipKind};
