//! Why the published language refuses something.

use super::SchemaVersion;

/// A refusal of the published language. [`LanguageError::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// The text is no schema, or uses a keyword that is not checked.
    #[error("schema at `{place}`: {why}")]
    InvalidSchema {
        /// The path of the field, empty for the root.
        place: String,
        /// What is wrong there.
        why: String,
    },
    /// Nothing is registered under the name, or not this version of it.
    #[error("no schema is registered for {event_type} {}; {known}", version_text(*version))]
    SchemaNotFound {
        /// The event type.
        event_type: String,
        /// The version that was asked for; none for any.
        version: Option<SchemaVersion>,
        /// What is registered.
        known: String,
    },
    /// A payload is not what its schema says.
    #[error("{event_type} {version} at `{field}`: {why}")]
    SchemaValidationFailed {
        /// The event type.
        event_type: String,
        /// The schema's version.
        version: SchemaVersion,
        /// The path of the field.
        field: String,
        /// What was expected and what was found.
        why: String,
    },
    /// The version exists with another schema, or a newer one does.
    #[error("{event_type} {version} cannot be registered: {why}")]
    SchemaConflict {
        /// The event type.
        event_type: String,
        /// The version that was to be registered.
        version: SchemaVersion,
        /// What stands against it.
        why: String,
    },
    /// The schema does not keep the compatibility that it promises.
    #[error(
        "{event_type} {version} is not {compatibility} compatible with {other}: {why}; {suggestion}"
    )]
    BreakingChange {
        /// The event type.
        event_type: String,
        /// The version that was to be registered.
        version: SchemaVersion,
        /// What it promises.
        compatibility: &'static str,
        /// The version that it breaks with.
        other: SchemaVersion,
        /// The fields, and what is wrong with each.
        why: String,
        /// Which migration would mend it.
        suggestion: String,
    },
    /// No chain of casts leads from one version to the other.
    #[error("no migration path leads {event_type} from {from} to {to}; register {missing}")]
    NoMigrationPath {
        /// The event type.
        event_type: String,
        /// The version that there is.
        from: SchemaVersion,
        /// The version that was asked for.
        to: SchemaVersion,
        /// What to register.
        missing: String,
    },
    /// A cast refused a payload.
    #[error("failed to migrate {event_type} from {from} to {to}: {why}")]
    MigrationFailed {
        /// The event type.
        event_type: String,
        /// From this version.
        from: SchemaVersion,
        /// To this one.
        to: SchemaVersion,
        /// What the cast said.
        why: String,
    },
    /// A consumer cannot read what a producer writes.
    #[error(
        "consumer `{consumer}` expects {event_type} {expected}, and {producer} is written: {why}; \
         register downcaster from {producer} to {expected}"
    )]
    SchemaMismatch {
        /// The consuming context.
        consumer: String,
        /// The event type.
        event_type: String,
        /// The version that is written.
        producer: SchemaVersion,
        /// The version that the consumer reads.
        expected: SchemaVersion,
        /// Where they part.
        why: String,
    },
    /// A schema has fewer values than samples were asked for.
    #[error(
        "the schema has only {found} different values that could be found, and {asked} were asked for"
    )]
    TooFewSamples {
        /// How many were found.
        found: usize,
        /// How many were asked for.
        asked: usize,
    },
}

fn version_text(version: Option<SchemaVersion>) -> String {
    version.map_or_else(|| "in any version".to_owned(), |version| version.to_string())
}

impl LanguageError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidSchema { .. } => "INVALID_SCHEMA",
            Self::SchemaNotFound { .. } => "SCHEMA_NOT_FOUND",
            Self::SchemaValidationFailed { .. } => "SCHEMA_VALIDATION_FAILED",
            Self::SchemaConflict { .. } => "SCHEMA_CONFLICT",
            Self::BreakingChange { .. } => "BREAKING_CHANGE",
            Self::NoMigrationPath { .. } => "NO_MIGRATION_PATH",
            Self::MigrationFailed { .. } => "MIGRATION_FAILED",
            Self::SchemaMismatch { .. } => "SCHEMA_MISMATCH",
            Self::TooFewSamples { .. } => "TOO_FEW_SAMPLES",
        }
    }
}
