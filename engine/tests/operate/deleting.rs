//! Deleting closed runs.

use everstep_engine::{
    IdReuse, Payload, Rejection, RunStatus, Selector, SignalInput, StartRequest,
};
use everstep_storage::Table;

use crate::support::{Fixture, json};

#[test]
fn a_deleted_run_leaves_nothing() {
    let mut fixture = Fixture::new();
    let before = fixture.rows();
    let started = fixture.start("sum", Payload::null());
    let selector = Selector::newest(started.workflow_id);
    let open = fixture.wait(fixture.engine().delete(&selector));
    assert!(matches!(open, Err(Rejection::WorkflowOpen(..))), "{open:?}");
    let add = SignalInput { name: "add".into(), payload: json("1") };
    fixture.wait(fixture.engine().signal(&selector, add, Some("key".into()))).unwrap();
    fixture.signal(&selector, "finish", "null");
    fixture.result(&selector);
    fixture.wait(fixture.engine().delete(&selector)).unwrap();
    let gone = fixture.wait(fixture.engine().delete(&selector));
    assert!(matches!(gone, Err(Rejection::WorkflowNotFound(_))), "{gone:?}");
    assert!(fixture.engine().describe(&selector).is_err());
    assert_eq!(fixture.rows(), before);
    fixture.restart();
    assert!(fixture.engine().describe(&selector).is_err());
}

#[test]
fn another_run_of_the_id_stands_for_it() {
    let fixture = Fixture::new();
    let start = || {
        let request = StartRequest {
            workflow_id: Some("w".into()),
            id_reuse: IdReuse::AllowIfClosed,
            ..StartRequest::new("chain", json("1"))
        };
        let started = fixture.wait(fixture.engine().start(request)).unwrap();
        let selector = Selector { run_id: Some(started.run_id), ..Selector::newest("w") };
        fixture.result(&selector);
        selector
    };
    let runs = [start(), start(), start()];
    let newest = || fixture.engine().describe(&Selector::newest("w")).map(|run| run.run_id).ok();
    fixture.wait(fixture.engine().delete(&runs[1])).unwrap();
    assert_eq!(newest(), runs[2].run_id);
    fixture.wait(fixture.engine().delete(&Selector::newest("w"))).unwrap();
    assert_eq!(newest(), runs[0].run_id);
    fixture.wait(fixture.engine().delete(&Selector::newest("w"))).unwrap();
    assert_eq!(newest(), None);
    assert!(fixture.table(Table::new(51, "runs_of_id")).is_empty());
}

#[test]
fn a_key_still_answers_after_its_run_was_deleted() {
    let fixture = Fixture::new();
    let request = || StartRequest {
        idempotency_key: Some("k".into()),
        ..StartRequest::new("chain", json("1"))
    };
    let first = fixture.wait(fixture.engine().start(request())).unwrap();
    let selector = Selector::newest(first.workflow_id.clone());
    assert_eq!(fixture.result(&selector).status, RunStatus::Completed);
    fixture.wait(fixture.engine().delete(&selector)).unwrap();
    assert_eq!(fixture.wait(fixture.engine().start(request())).unwrap(), first);
}
