//! Contract checks: a producer and a consumer, each tested without the other.
//!
//! A producer's side holds when its newest schema has valid samples, and each older version's samples
//! become valid payloads of the newest. A consumer's side holds when samples of what is written can
//! be read in the version that it expects.
//!
//! Invariant: a check changes nothing, and gives the same answer for the same language.

use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};

use super::compatibility::in_words;
use super::{Language, LanguageError, SchemaVersion};

/// Samples that each check plays.
const SAMPLES: usize = 8;

/// A context that reads an event in a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumption {
    /// The event type.
    pub event_type: String,
    /// The version that it is read in.
    pub expected_version: SchemaVersion,
}

/// A contract that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContractViolation {
    /// The event type.
    pub event_type: String,
    /// The version that is written.
    pub producer_version: Option<SchemaVersion>,
    /// The version that the consumer reads; none where the producer's own side does not hold.
    pub consumer_expected_version: Option<SchemaVersion>,
    /// The consuming context, where it is a consumer's side.
    pub consumer: Option<String>,
    /// When it was found.
    pub timestamp: Timestamp,
    /// The stable code of what is wrong, such as `SCHEMA_MISMATCH`.
    pub code: String,
    /// What is wrong, and what would mend it.
    pub details: String,
}

impl Language {
    /// Checks what is written: every version's samples become valid payloads of the newest one, as
    /// far as the promises say that they do.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check_producer(&self, event_type: &str) -> Result<(), LanguageError> {
        let current = self.current(event_type)?;
        for (version, schema, _) in self.versions(event_type) {
            let samples = some_samples(schema)?;
            if version != current && self.unreadable(event_type, version, current)?.is_empty() {
                self.check_reading(event_type, samples, version, current)?;
            }
        }
        Ok(())
    }

    /// Checks what `consumer` reads.
    ///
    /// # Errors
    /// [`LanguageError::SchemaMismatch`], or what else does not hold.
    pub fn check_consumer(&self, consumer: &str, reads: &Consumption) -> Result<(), LanguageError> {
        let event_type = &reads.event_type;
        let (written, expected) = (self.current(event_type)?, reads.expected_version);
        let found = self.unreadable(event_type, written, expected)?;
        if !found.is_empty() {
            return Err(LanguageError::SchemaMismatch {
                consumer: consumer.to_owned(),
                event_type: event_type.clone(),
                producer: written,
                expected,
                why: in_words(&found),
            });
        }
        let samples = some_samples(self.schema(event_type, written)?)?;
        self.check_reading(event_type, samples, written, expected)
    }

    fn check_reading(
        &self,
        event_type: &str,
        samples: Vec<serde_json::Value>,
        from: SchemaVersion,
        to: SchemaVersion,
    ) -> Result<(), LanguageError> {
        for sample in samples {
            let read = self.read(event_type, sample, from, to)?;
            self.validate(event_type, to, &read)?;
        }
        Ok(())
    }
}

/// As many samples as the schema has, up to a few.
fn some_samples(schema: &super::Schema) -> Result<Vec<serde_json::Value>, LanguageError> {
    match super::samples::samples(schema, SAMPLES) {
        Err(LanguageError::TooFewSamples { found, .. }) if found > 0 => {
            super::samples::samples(schema, found)
        }
        other => other,
    }
}

impl ContractViolation {
    /// What is recorded of an error.
    pub fn of(
        error: &LanguageError,
        event_type: &str,
        versions: (Option<SchemaVersion>, Option<SchemaVersion>),
        consumer: Option<&str>,
        timestamp: Timestamp,
    ) -> Self {
        Self {
            event_type: event_type.to_owned(),
            producer_version: versions.0,
            consumer_expected_version: versions.1,
            consumer: consumer.map(str::to_owned),
            timestamp,
            code: error.code().to_owned(),
            details: error.to_string(),
        }
    }
}
