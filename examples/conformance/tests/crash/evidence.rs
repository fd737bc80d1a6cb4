//! What must be found when the smoke has cleared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::stories::Done;
use crate::support::Api;

/// Nothing is open, and every run is as its caller was told.
pub(crate) async fn check(api: &Api, data: &Path, done: &[Done]) {
    let open = api.get("/api/v1/workflows?status=running&page_size=10").await.expect(200);
    assert_eq!(open["workflows"], json!([]));
    let counted: i64 = done
        .iter()
        .filter(|run| run.id.starts_with("tally-"))
        .filter_map(|run| run.result["count"].as_i64())
        .sum();
    let all = api.run("tally", "all", json!({ "counter": "all", "times": 0 })).await;
    assert_eq!(all["result"], json!({ "count": counted }), "transactions were lost or made twice");
    println!("{counted} transactions counted exactly");
    let mut attempts = 0;
    for run in done {
        let Done { id, run_id, result, lines, children } = run;
        let description = api.describe(id).await;
        // The newest run of a chain tells which was the first.
        let first = description.get("first_run_id").unwrap_or(&description["run_id"]);
        assert_eq!(first, run_id, "{id}");
        assert_eq!(description["status"], "completed", "{id}");
        assert_eq!(description["result"], *result, "{id}");
        if id.starts_with("register-") {
            check_updates(id, &api.history(id).await);
        }
        let activities = activities(id, &api.history(id).await);
        attempts += activities.values().map(|activity| activity.attempts).sum::<u64>();
        if *children > 0 {
            assert_eq!(description["children"].as_array().unwrap().len(), *children, "{id}");
            check_children(api, id, *children).await;
        }
        if !lines.is_empty() {
            let file = std::fs::read_to_string(data.join("witness").join(id)).unwrap();
            check_lines(id, &file, lines, &activities);
        }
    }
    println!("{attempts} attempts of activities in {} runs", done.len());
}

/// Every update was accepted once and answered once, and none was that the validator turned down.
fn check_updates(id: &str, events: &[Value]) {
    let ids = |event_type: &str| -> Vec<&Value> {
        let events = events.iter().filter(|event| event["type"] == event_type);
        events.map(|event| &event["update_id"]).collect()
    };
    let accepted = ids("update_accepted");
    assert_eq!(accepted, ids("update_completed"), "{id}");
    let different: BTreeSet<String> = accepted.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), accepted.len(), "{id}: an update was taken twice");
    assert!(accepted.iter().all(|id| !id.to_string().contains("no-")), "{id}");
}

/// Each child was asked for, started and ended once, and there are no others.
async fn check_children(api: &Api, id: &str, children: usize) {
    let types = api.event_types(id).await;
    for name in ["start_initiated", "started", "completed"] {
        let name = format!("child_workflow_{name}");
        let count = types.iter().filter(|kind| **kind == name).count();
        assert_eq!(count, children, "{id}: {name}");
    }
}

/// What a history says of one activity that completed.
struct Activity {
    input: Value,
    /// The attempt that completed is the last.
    attempts: u64,
}

/// The activities by their place in the history. Each has completed, once, and was never started
/// again after that.
fn activities(id: &str, events: &[Value]) -> BTreeMap<u64, Activity> {
    let mut activities = BTreeMap::new();
    let mut open = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["event_id"], index as u64 + 1, "{id}");
        let activity_id = event["activity_id"].to_string();
        match event["type"].as_str().unwrap() {
            "activity_scheduled" => {
                let input = event["input"].clone();
                open.insert(activity_id, (event["event_id"].as_u64().unwrap(), input, 0));
            }
            "activity_started" => {
                let (_, _, attempts) = open.get_mut(&activity_id).unwrap_or_else(|| {
                    panic!("{id}: activity {activity_id} started again after it completed")
                });
                *attempts += 1;
                assert_eq!(event["attempt"], *attempts, "{id}: activity {activity_id}");
            }
            "activity_completed" => {
                let (place, input, attempts) = open
                    .remove(&activity_id)
                    .unwrap_or_else(|| panic!("{id}: activity {activity_id} completed twice"));
                activities.insert(place, Activity { input, attempts });
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{id} completed with open activities");
    activities
}

/// Lines are in order; within a line's activity attempts only rise, so each wrote at most once;
/// and the attempt that was recorded as completed wrote last.
fn check_lines(id: &str, file: &str, lines: &[String], activities: &BTreeMap<u64, Activity>) {
    assert_eq!(lines.len(), activities.len(), "{id}");
    let mut written = file.lines().peekable();
    for (line, activity) in lines.iter().zip(activities.values()) {
        assert_eq!(activity.input["line"], *line, "{id}");
        let prefix = format!("{id} {line} attempt=");
        let mut last = 0;
        while let Some(attempt) = written.next_if(|text| text.starts_with(&prefix)) {
            let attempt: u64 = attempt[prefix.len()..].parse().unwrap();
            assert!(attempt > last, "{id}: {line} was written twice by attempt {attempt}\n{file}");
            last = attempt;
        }
        assert_eq!(
            last, activity.attempts,
            "{id}: {line} was not last written as recorded\n{file}"
        );
    }
    assert_eq!(written.next(), None, "{id} wrote something else, or again\n{file}");
}
