//! One event of each kind, beside the bytes that it has in a history.

use std::collections::BTreeMap;

use everstep_engine::ExportedRun;
use everstep_engine::kernel::Recorded;
use serde::{Deserialize, Serialize};

use crate::files;

/// An event and its stored form.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredEvent {
    recorded: Recorded,
    /// Hexadecimal.
    bytes: String,
}

impl StoredEvent {
    fn new(recorded: Recorded) -> Self {
        let bytes = postcard::to_stdvec(&recorded).unwrap();
        Self { recorded, bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// Fails when today's code reads or writes it in another way.
    pub(crate) fn check(&self, name: &str) {
        let advice = "histories that were written before could not be read any more. Give the kind \
                      a new variant at the end of the enum and keep this one. Only while no \
                      released version has written it may its files in engine/tests/fixtures be \
                      deleted and written anew (see replay_fixtures/main.rs)";
        let digits = self.bytes.as_bytes().chunks(2);
        let bytes: Vec<u8> = digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let read = postcard::take_from_bytes::<Recorded>(&bytes).ok();
        let whole = read.is_some_and(|(read, rest)| read == self.recorded && rest.is_empty());
        assert!(whole, "the stored form of `{name}` is read as something else: {advice}");
        let written = Self::new(self.recorded.clone());
        assert_eq!(written.bytes, self.bytes, "`{name}` is written in another way: {advice}");
    }
}

/// What is kept, by kind; where asked for, missing ones are taken from the runs first.
pub(crate) fn known(runs: &BTreeMap<String, ExportedRun>) -> BTreeMap<String, StoredEvent> {
    if std::env::var_os("EVERSTEP_WRITE_FIXTURES").is_some() {
        for recorded in runs.values().flat_map(|run| &run.events) {
            let name = recorded.event.name();
            if !files::is_there("events", name) {
                files::write("events", name, &StoredEvent::new(recorded.clone()));
            }
        }
    }
    let known = files::read("events");
    known.map(|(name, json)| (name, serde_json::from_slice(&json).unwrap())).collect()
}
