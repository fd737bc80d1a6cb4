//! Checks of what contexts write and read, against the language.

use everstep_engine::Timestamp;

use super::Contexts;
use crate::language::{ContractViolation, Language, LanguageError, SchemaVersion};

/// Checks every registered event's own side, and every event that a context reads. Answers how many
/// sides there are, and those that do not hold. It plays samples, so do it outside of transactions.
pub fn check_contracts(
    language: &Language,
    contexts: Option<&Contexts>,
    now: Timestamp,
) -> (usize, Vec<ContractViolation>) {
    let (mut checked, mut violations) = (0, Vec::new());
    let mut note = |done: Result<(), LanguageError>,
                    event_type: &str,
                    expected: Option<SchemaVersion>,
                    consumer: Option<&str>| {
        checked += 1;
        if let Err(error) = done {
            let versions = (language.current(event_type).ok(), expected);
            violations.push(ContractViolation::of(&error, event_type, versions, consumer, now));
        }
    };
    for event_type in language.event_types() {
        note(language.check_producer(event_type), event_type, None, None);
    }
    let contracts = contexts.into_iter().flat_map(Contexts::contracts);
    for contract in contracts {
        for consumed in &contract.consumes {
            let reads = &consumed.event;
            let done = language.check_consumer(contract.name(), reads);
            note(done, &reads.event_type, Some(reads.expected_version), Some(contract.name()));
        }
    }
    (checked, violations)
}
