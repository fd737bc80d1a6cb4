//! The conformance workflows in the test kit: crashed at every point, each ends as it would have.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::time::Duration;

use everstep::testing::{Scenario, explore_crashes};
use everstep::{Signal, Workflow};
use serde_json::{Value, json};

const ADD: Signal<u32> = Signal::new("add");
const FINISH: Signal<()> = Signal::new("finish");
const APPROVE: Signal<Value> = Signal::new("approve");

/// A workflow whose witness files lie in a directory of its own below `scratch`.
fn scenario(scratch: &Path, workflow_type: &'static str, input: &Value) -> Scenario<Value> {
    let dir = tempfile::tempdir_in(scratch).unwrap().keep();
    let worker = conformance::worker(&dir).unwrap();
    Scenario::new(worker, Workflow::new(workflow_type), input)
}

#[test]
fn a_crash_at_any_point_changes_no_end() {
    let scratch = tempfile::tempdir().unwrap();
    let scenario = |workflow_type, input: &Value| scenario(scratch.path(), workflow_type, input);
    let second = Duration::from_secs(1);
    let stories: [(&str, Value, usize); 8] = [
        ("chain", json!({ "steps": 4 }), 5),
        ("run_chain", json!({ "steps": 4 }), 5),
        ("fan_out", json!({ "width": 5 }), 2),
        ("sleep", json!({ "ms": 86_400_000 }), 2),
        ("patched", json!({}), 2),
        ("random", json!({}), 2),
        ("saga", json!({ "steps": ["a", "b", "c"], "fail_at": "c", "file": "saga" }), 5),
        ("approval", json!({ "timeout_ms": 3_600_000 }), 2),
    ];
    for (workflow_type, input, least) in stories {
        let report = explore_crashes(|| scenario(workflow_type, &input));
        let report = report.unwrap_or_else(|error| panic!("{workflow_type}: {error}"));
        assert!(report.crashes >= least as u64, "{workflow_type}: {report:?}");
    }
    let approved = explore_crashes(|| {
        scenario("approval", &json!({ "timeout_ms": 3_600_000 })).signal_after(
            second * 60,
            APPROVE,
            &json!({ "by": "ada" }),
        )
    });
    assert!(approved.unwrap().crashes >= 2);
    let summed = explore_crashes(|| {
        let begun = scenario("accumulate", &json!({}));
        let added = (1..=4).fold(begun, |story, n| story.signal_after(second * n, ADD, &n));
        added.signal_after(second * 9, FINISH, &())
    });
    assert!(summed.unwrap().crashes >= 5);
}

#[test]
fn a_month_of_waiting_takes_no_time_and_tells_what_was_asked_for() {
    let scratch = tempfile::tempdir().unwrap();
    let scenario = |workflow_type, input: &Value| scenario(scratch.path(), workflow_type, input);
    let month = Duration::from_secs(30 * 24 * 3600);
    let ms = month.as_millis() as u64;
    let played = scenario("sleep", &json!({ "ms": ms })).play().unwrap();
    assert_eq!(played.lasted(), month);
    assert_eq!(played.commands(), [format!("timer {ms} ms"), "complete".to_owned()]);
    let patched = scenario("patched", &json!({})).play().unwrap();
    assert_eq!(patched.commands(), ["patch v2", "activity v2", "complete"]);
}
