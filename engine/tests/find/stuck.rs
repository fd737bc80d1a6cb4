//! Runs that only a change from outside helps, and failures that have one cause.

use std::time::Duration;

use everstep_engine::{GroupBy, ListFilter, RunSummary, Selector, StartRequest};
use everstep_storage::testing::{FaultDisk, Honesty};

use crate::support::{Fixture, json};
use crate::workflows::{open, worker};

fn fixture() -> Fixture {
    let mut fixture = Fixture::over(open(&FaultDisk::new(Honesty::Honest)), 1 << 30);
    fixture.restart_with(worker("b0"));
    fixture
}

fn start(fixture: &Fixture, way: &str) -> Selector {
    let started = fixture.start("order", json(&format!("\"{way}\"")));
    Selector::newest(started.workflow_id)
}

fn stuck(fixture: &Fixture) -> Vec<RunSummary> {
    let filter = ListFilter { stuck: Some(true), ..ListFilter::of("default") };
    let page = fixture.engine().list(&filter, 100, None).unwrap();
    assert_eq!(fixture.engine().count(&filter, None).unwrap().count, page.workflows.len() as u64);
    page.workflows
}

#[test]
fn an_activity_that_fails_again_and_again_is_stuck_until_its_run_ends() {
    let fixture = fixture();
    let retrying = start(&fixture, "retry");
    assert!(stuck(&fixture).is_empty());
    // 1 + 2 + 4 + 8 s lie before the fifth attempt.
    for _ in 0..16 {
        fixture.advance(Duration::from_secs(1));
        fixture.until(&retrying, |run| {
            run.pending_activities.iter().all(|activity| activity.state == "backing_off")
        });
    }
    let found = stuck(&fixture);
    assert_eq!(found.len(), 1);
    let described = fixture.engine().describe(&retrying).unwrap();
    assert!(described.stuck);
    assert_eq!(described.fingerprint, found[0].fingerprint);
    fixture.wait(fixture.engine().terminate(&retrying, "enough".into())).unwrap();
    assert!(stuck(&fixture).is_empty());
}

#[test]
fn code_that_panics_is_stuck_until_a_build_that_does_not() {
    let mut fixture = fixture();
    let panicking = start(&fixture, "panic");
    fixture.until(&panicking, |run| run.task_failure.is_some());
    assert_eq!(stuck(&fixture).len(), 1);
    // Another build of the same types, whose code does not panic.
    let mended = everstep_engine::Worker::new().workflow(
        everstep_engine::Workflow::new("order"),
        async |_: &everstep_engine::WorkflowContext, _: String| Ok(1_u32),
    );
    fixture.restart_with(mended);
    fixture.result(&panicking);
    assert!(stuck(&fixture).is_empty());
}

#[test]
fn failures_of_one_cause_are_one_group() {
    let fixture = fixture();
    for _ in 0..3 {
        fixture.result(&start(&fixture, "fail"));
    }
    fixture.until(&start(&fixture, "panic"), |run| run.task_failure.is_some());
    let all = ListFilter::of("default");
    let counted = fixture.engine().count(&all, Some(&GroupBy::Fingerprint)).unwrap();
    let groups = counted.groups.unwrap();
    assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(groups[0].failure.as_ref().unwrap().kind, "declined");
    let filter = ListFilter { fingerprint: Some(groups[0].value.clone()), ..all };
    let page = fixture.engine().list(&filter, 10, None).unwrap();
    assert_eq!(page.workflows.len(), 3);
    assert_eq!(Some(&page.workflows[0].workflow_id), groups[0].workflow_id.as_ref());
}

#[test]
fn a_search_attribute_of_another_type_is_refused_and_starts_nothing() {
    let fixture = fixture();
    let mut request = StartRequest::new("order", json("\"wait\""));
    request.search_attributes.insert("cents".into(), json("\"many\""));
    let refused = fixture.wait(fixture.engine().start(request.clone())).unwrap_err();
    assert_eq!(refused.code(), "search_attribute_type");
    assert_eq!(
        refused.to_string(),
        "search attribute `cents` is of type int, and \"many\" is none"
    );
    assert_eq!(fixture.engine().count(&ListFilter::of("default"), None).unwrap().count, 0);
    request.search_attributes.insert("cents".into(), json("12"));
    request.search_attributes.insert("due".into(), json("\"2026-01-01T01:00:00+01:00\""));
    fixture.wait(fixture.engine().start(request)).unwrap();
    // Instants are compared as instants, however they are written.
    let mut filter = ListFilter::of("default");
    assert!(filter.set("attr.due", "2026-01-01T00:00:00Z").unwrap());
    assert!(filter.set("attr_max.due", "2026-01-01T02:00:00+02:00").unwrap());
    assert_eq!(fixture.engine().list(&filter, 10, None).unwrap().workflows.len(), 1);
    filter.set("attr.cents", "a dozen").unwrap();
    let refused = fixture.engine().list(&filter, 10, None).unwrap_err();
    assert_eq!(refused.code(), "invalid_request");
}
