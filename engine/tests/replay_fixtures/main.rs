//! Histories that the engine once wrote, kept for ever: today's code takes the way that they took,
//! and reads their bytes.
//!
//! `fixtures/runs` holds exported runs, one or more a scenario; `fixtures/events` one event of each
//! kind beside its stored bytes. A file is written once and never again:
//!
//! ```sh
//! EVERSTEP_WRITE_FIXTURES=1 cargo test -p everstep-engine --test replay_fixtures
//! ```
//!
//! writes those that are missing. For a new kind of event, add a workflow to `workflows.rs` and a
//! scenario to `scenarios.rs`, and run that. Never change a workflow that is there: its histories
//! are what it is for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod files;
mod scenarios;
mod stored;
#[expect(dead_code, reason = "each test crate uses its part of the support")]
#[path = "../support/mod.rs"]
mod support;
mod workflows;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use everstep_engine::{ExportedRun, HistoryEvent, testing};

/// What is said wherever a file is missing.
const HOW: &str = "add a scenario to engine/tests/replay_fixtures/scenarios.rs where none leads to \
                   it, then run `EVERSTEP_WRITE_FIXTURES=1 cargo test -p everstep-engine --test \
                   replay_fixtures` and commit what it writes";

/// Every exported run, by its file's name; where asked for, the missing ones are written first.
static RUNS: LazyLock<BTreeMap<String, ExportedRun>> = LazyLock::new(|| {
    if std::env::var_os("EVERSTEP_WRITE_FIXTURES").is_some() {
        scenarios::write_missing();
    }
    let runs = files::read("runs");
    let runs = runs.map(|(name, json)| (name, ExportedRun::parse(&json).unwrap()));
    runs.collect()
});

#[test]
fn every_scenario_has_its_fixture() {
    for (scenario, _) in scenarios::SCENARIOS {
        assert!(RUNS.contains_key(*scenario), "fixtures/runs/{scenario}.json is missing: {HOW}");
    }
}

#[test]
fn todays_code_takes_the_way_of_every_fixture() {
    let worker = workflows::worker();
    let replays = RUNS.iter().map(|(name, run)| (name, testing::replay(&worker, run)));
    let diverged: Vec<_> =
        replays.filter_map(|(name, outcome)| Some((name, outcome.err()?))).collect();
    assert!(diverged.is_empty(), "{diverged:#?}");
    assert!(RUNS.len() >= scenarios::SCENARIOS.len());
}

#[test]
fn every_kind_of_event_has_a_fixture() {
    let recorded = |name: &&&str| {
        let mut events = RUNS.values().flat_map(|run| &run.events);
        events.any(|recorded| recorded.event.name() == **name)
    };
    let missing: Vec<_> = HistoryEvent::NAMES.iter().filter(|name| !recorded(name)).collect();
    assert!(missing.is_empty(), "no fixture has an event of kind {missing:?}: {HOW}");
}

#[test]
fn stored_bytes_are_read_and_written_as_ever() {
    let known = stored::known(&RUNS);
    for name in HistoryEvent::NAMES {
        let stored = known.get(*name);
        let stored =
            stored.unwrap_or_else(|| panic!("fixtures/events/{name}.json is missing: {HOW}"));
        stored.check(name);
    }
}
