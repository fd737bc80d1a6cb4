//! Fat events: all that a consumer needs, in the version that is registered, with personal data that
//! can be made unreadable.
//!
//! ```text
//! shred ──► the subject's row says "shredding" ──► its key is overwritten in the key file, synced
//!                                                     ──► "shredded", and an event that tells of it
//! ```
//!
//! Invariant: what a schema marks as personal is stored sealed under its subject's own key, and that
//! key stands in the key file alone: never in the store, never in a backup of it, never in a log.
//! Once it is overwritten, every copy of the data is unreadable.

mod builder;
mod key_file;
mod personal;
mod shred;
mod subjects;

pub(crate) use builder::seal_fields;
pub use builder::{FatEvent, check_publication};
pub use key_file::{KeyFileError, SubjectKeys};
pub(crate) use personal::is_sealed;
pub use personal::{SHREDDED, open_personal};
pub use shred::{SHRED_SUBJECT, SUBJECT_SHREDDED, start_shred};
pub use subjects::{
    Subject, SubjectStatus, WorkerSubjects, open_event, open_event_in, open_fields_in, subject,
};
