//! The published language: what events look like, in which versions, and who can read them.
//!
//! Invariant: a compatibility that is promised has been checked. What is stored is never migrated;
//! reading is.

mod casting;
mod compatibility;
mod contract_check;
mod enforced;
mod error;
mod reading;
mod registry;
mod samples;
mod schema;
mod stored;
mod validate;
mod version;

#[cfg(test)]
mod tests;

pub use casting::Cast;
pub use compatibility::{Compatibility, Difference, differences};
pub use contract_check::{Consumption, ContractViolation};
pub use enforced::with_published_language;
pub use error::LanguageError;
pub use reading::{ReadEvent, read_newest};
pub use registry::{EventSchema, Language};
pub use schema::Schema;
pub use stored::{
    DeclaredLanguage, StoredSchema, WorkerLanguage, language, record_violations, register_schema,
    violations,
};
pub(crate) use validate::Fault;
pub use version::{InvalidVersion, SchemaVersion};
