//! What is gone leaves nothing in the indexes.

use std::time::Duration;

use everstep_engine::{NamespaceSettings, Selector, StartRequest};
use everstep_storage::Table;
use everstep_storage::testing::{FaultDisk, Honesty, Random};

use crate::support::{Fixture, json};
use crate::workflows::{WAYS, open, worker};

/// The tables of the indexes, and of what is to be tidied.
fn index_rows(fixture: &Fixture) -> Vec<(u8, usize)> {
    let tables = (80..=87).map(|id| Table::new(id, "some"));
    tables
        .map(|table| (table.id(), fixture.table(table).len()))
        .filter(|(_, rows)| *rows > 0)
        .collect()
}

fn start(fixture: &Fixture, namespace: &str, number: usize) -> Selector {
    let way = WAYS[number % WAYS.len()];
    let mut request = StartRequest {
        namespace: namespace.into(),
        workflow_id: Some(format!("w-{number}")),
        ..StartRequest::new("order", json(&format!("\"{way}\"")))
    };
    request.search_attributes.insert("tier".into(), json("\"gold\""));
    request.search_attributes.insert("number".into(), json(&number.to_string()));
    let started = fixture.wait(fixture.engine().start(request)).unwrap();
    Selector { namespace: namespace.into(), ..Selector::newest(started.workflow_id) }
}

/// Loops until the tidying is done: it goes on with the loop.
fn until_empty(fixture: &Fixture) {
    for _ in 0..1_000 {
        if index_rows(fixture).is_empty() {
            return;
        }
        fixture.advance(Duration::from_secs(1));
    }
    assert_eq!(index_rows(fixture), []);
}

#[test]
fn deleted_runs_leave_no_row_even_if_power_is_lost_in_between() {
    let mut disk = FaultDisk::new(Honesty::Honest);
    let mut fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    let runs: Vec<Selector> = (0..60).map(|number| start(&fixture, "default", number)).collect();
    fixture.advance(Duration::from_secs(40));
    let end = |fixture: &Fixture, selector: &Selector| {
        // Children have ids of their own.
        drop(fixture.wait(fixture.engine().terminate(selector, "enough".into())));
        fixture.wait(fixture.engine().delete(selector)).unwrap();
    };
    for selector in &runs[..30] {
        end(&fixture, selector);
    }
    disk = disk.after_power_loss(&mut Random::new(1));
    drop(fixture);
    fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b1"));
    for selector in &runs[30..] {
        end(&fixture, selector);
    }
    let children = fixture.engine().list(&everstep_engine::ListFilter::of("default"), 100, None);
    for run in children.unwrap().workflows {
        end(&fixture, &Selector::newest(run.workflow_id));
    }
    until_empty(&fixture);
}

#[test]
fn expired_runs_leave_no_row() {
    let disk = FaultDisk::new(Honesty::Honest);
    let mut fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    let settings = NamespaceSettings { retention_ms: Some(60_000), ..Default::default() };
    fixture.wait(fixture.engine().create_namespace("short", settings)).unwrap();
    for number in 0..200 {
        let selector = start(&fixture, "short", number);
        drop(fixture.wait(fixture.engine().terminate(&selector, "enough".into())));
    }
    assert!(index_rows(&fixture).len() > 4);
    fixture.advance(Duration::from_secs(120));
    until_empty(&fixture);
}

#[test]
fn what_is_left_is_still_found() {
    let disk = FaultDisk::new(Honesty::Honest);
    let mut fixture = Fixture::over(open(&disk), 1 << 30);
    fixture.restart_with(worker("b0"));
    // All in one millisecond, so that they share their rows.
    let runs: Vec<Selector> =
        (0..20).map(|number| start(&fixture, "default", number * 9)).collect();
    for selector in runs.iter().skip(1).step_by(2) {
        fixture.result(selector);
        fixture.wait(fixture.engine().delete(selector)).unwrap();
    }
    let filter = everstep_engine::ListFilter {
        workflow_type: Some("order".into()),
        ..everstep_engine::ListFilter::of("default")
    };
    // Before the tidying, and after it.
    for _ in 0..5 {
        let page = fixture.engine().list(&filter, 100, None).unwrap();
        assert_eq!(page.workflows.len(), 10);
        let by_end = "closed_at".parse().unwrap();
        let page = fixture.engine().list_in_order(&filter, &by_end, 100, None).unwrap();
        assert_eq!(page.workflows.len(), 10);
        assert_eq!(fixture.engine().count(&filter, None).unwrap().count, 10);
        fixture.advance(Duration::from_secs(1));
    }
}
