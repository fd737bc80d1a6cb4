//! Search attributes and memos that the code changes.

use everstep_engine::{ListFilter, RunDescription, Selector, StartRequest};
use everstep_storage::testing::{FaultDisk, Honesty, Random};

use crate::support::{Fixture, json};
use crate::workflows::{open, worker};

fn start(fixture: &Fixture, way: &str) -> Selector {
    let mut request = StartRequest::new("order", json(&format!("\"{way}\"")));
    request.memo = Some(json("{\"note\": \"zeroth\", \"kept\": true}"));
    request.search_attributes.insert("region".into(), json("\"eu\""));
    let started = fixture.wait(fixture.engine().start(request)).unwrap();
    Selector::newest(started.workflow_id)
}

fn found(fixture: &Fixture, name: &str, text: &str) -> usize {
    let mut filter = ListFilter::of("default");
    filter.attributes.insert(name.into(), text.into());
    let listed = fixture.engine().list(&filter, 10, None).unwrap().workflows.len();
    assert_eq!(fixture.engine().count(&filter, None).unwrap().count, listed as u64);
    listed
}

fn shown(described: &RunDescription) -> (String, String) {
    let attributes = serde_json::to_string(&described.search_attributes).unwrap();
    (attributes, described.memo.to_string())
}

#[test]
fn changes_are_found_replayed_and_survive_a_loss_of_power() {
    let mut disk = FaultDisk::new(Honesty::Honest);
    let mut fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    let selector = start(&fixture, "upsert");
    assert_eq!([found(&fixture, "tier", "gold"), found(&fixture, "cents", "700")], [1, 1]);
    disk = disk.after_power_loss(&mut Random::new(3));
    drop(fixture);
    fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    fixture.signal(&selector, "go", "null");
    let gone = ["gold", "silver"].map(|tier| found(&fixture, "tier", tier));
    assert_eq!(gone, [0, 0]);
    assert_eq!(["700", "900"].map(|cents| found(&fixture, "cents", cents)), [0, 1]);
    let described = fixture.engine().describe(&selector).unwrap();
    let expected = (
        r#"{"cents":900,"region":"eu"}"#.to_owned(),
        r#"{"kept":true,"note":"first","other":2}"#.to_owned(),
    );
    assert_eq!(shown(&described), expected);
    fixture.signal(&selector, "go", "null");
    fixture.result(&selector);
    assert_eq!(shown(&fixture.engine().describe(&selector).unwrap()), expected);
    let names = fixture.event_names(&selector);
    assert_eq!(names.iter().filter(|name| **name == "search_attributes_upserted").count(), 4);
    assert_eq!(names.iter().filter(|name| **name == "memo_upserted").count(), 2);
}

#[test]
fn a_run_hands_them_on_to_what_it_continues_as() {
    let disk = FaultDisk::new(Honesty::Honest);
    let mut fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    let selector = start(&fixture, "turn");
    fixture.until(&selector, |run| run.run_number == 2);
    let described = fixture.engine().describe(&selector).unwrap();
    assert_eq!(shown(&described).0, r#"{"region":"eu","tier":"silver"}"#);
    assert_eq!(found(&fixture, "tier", "silver"), 2);
}

#[test]
fn a_reset_keeps_what_was_changed_before_it() {
    let disk = FaultDisk::new(Honesty::Honest);
    let mut fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    let selector = start(&fixture, "upsert");
    let length = fixture.engine().describe(&selector).unwrap().history_length;
    fixture.signal(&selector, "go", "null");
    let request = everstep_engine::ResetRequest {
        reapply_signals: false,
        ..everstep_engine::ResetRequest::new(length, "once more")
    };
    fixture.wait(fixture.engine().reset(&selector, request)).unwrap();
    assert_eq!(["700", "900"].map(|cents| found(&fixture, "cents", cents)), [1, 1]);
}
