//! Batches: one act on every run that a filter names.

use std::time::Duration;

use everstep_engine::{
    BATCH_TYPE, BatchDescription, BatchOperation, BatchRequest, DEFAULT_NAMESPACE, ListFilter,
    Payload, Rejection, ResetRequest, RunStatus, Selector, SignalInput,
};

use crate::support::{Fixture, json};

fn of_type(workflow_type: &str) -> ListFilter {
    ListFilter {
        namespace: DEFAULT_NAMESPACE.into(),
        workflow_type: Some(workflow_type.into()),
        ..ListFilter::default()
    }
}

fn terminate() -> BatchOperation {
    BatchOperation::Terminate { reason: String::new() }
}

fn begin(fixture: &Fixture, filter: ListFilter, operation: BatchOperation) -> String {
    let request = BatchRequest::new(filter, operation);
    fixture.wait(fixture.engine().start_batch(request)).unwrap()
}

/// Waits for its end.
fn end(fixture: &Fixture, batch_id: &str) -> BatchDescription {
    assert_eq!(fixture.result(&Selector::newest(batch_id)).status, RunStatus::Completed);
    fixture.engine().batch(DEFAULT_NAMESPACE, batch_id).unwrap()
}

fn run(fixture: &Fixture, filter: ListFilter, operation: BatchOperation) -> BatchDescription {
    let batch_id = begin(fixture, filter, operation);
    end(fixture, &batch_id)
}

fn counted(batch: &BatchDescription) -> (u64, u64, u64) {
    (batch.total, batch.done, batch.failed)
}

fn listed(fixture: &Fixture, filter: &ListFilter) -> usize {
    fixture.engine().list(filter, 10_000, None).unwrap().workflows.len()
}

fn open(workflow_type: &str) -> ListFilter {
    ListFilter { status: Some(RunStatus::Running), ..of_type(workflow_type) }
}

#[test]
fn every_open_run_that_the_filter_names_is_terminated_and_no_other() {
    let mut fixture = Fixture::new();
    for _ in 0..300 {
        fixture.start("sum", Payload::null());
    }
    let spared = Selector::newest(fixture.start("steps", Payload::null()).workflow_id);
    let closed = Selector::newest(fixture.start("sum", Payload::null()).workflow_id);
    fixture.signal(&closed, "finish", "null");
    fixture.result(&closed);
    // What was started before a restart is older than the batch, even within one millisecond.
    fixture.restart();
    let request = BatchRequest::new(of_type("sum"), terminate());
    assert_eq!(fixture.engine().count_batch(&request), Ok(300));

    let batch = run(&fixture, of_type("sum"), terminate());
    assert_eq!(counted(&batch), (300, 300, 0), "{batch:?}");
    assert_eq!((batch.operation.as_str(), batch.status), ("terminate", RunStatus::Completed));
    assert_eq!(listed(&fixture, &open("sum")), 0);
    assert_eq!(fixture.engine().describe(&spared).unwrap().status, RunStatus::Running);
    assert_eq!(fixture.result(&closed).status, RunStatus::Completed);
    let terminated = ListFilter { status: Some(RunStatus::Terminated), ..of_type("sum") };
    let reasons = fixture.engine().list(&terminated, 1, None).unwrap();
    let selector = Selector::newest(&*reasons.workflows[0].workflow_id);
    let failure = fixture.result(&selector).failure.unwrap();
    assert_eq!(failure.message, format!("by batch {}", batch.batch_id));

    // Again there is nothing to do, and a batch is not among the runs that are listed.
    assert_eq!(counted(&run(&fixture, of_type("sum"), terminate())), (0, 0, 0));
    let everything = ListFilter { namespace: DEFAULT_NAMESPACE.into(), ..ListFilter::default() };
    assert_eq!(listed(&fixture, &everything), 302);
    assert_eq!(listed(&fixture, &of_type(BATCH_TYPE)), 2);
    let batches = fixture.engine().batches(DEFAULT_NAMESPACE, 10, None).unwrap().batches;
    assert_eq!(batches[1].batch_id, batch.batch_id);

    // Nor does one that hits everything hit itself.
    let batch = run(&fixture, everything, terminate());
    assert_eq!(counted(&batch), (1, 1, 0));
}

#[test]
fn it_goes_on_where_it_was_and_acts_on_each_run_once() {
    let mut fixture = Fixture::new();
    let runs: Vec<Selector> = (0..400)
        .map(|_| Selector::newest(fixture.start("sum", Payload::null()).workflow_id))
        .collect();
    let signal = SignalInput { name: "add".into(), payload: json("7") };
    let batch_id = begin(&fixture, of_type("sum"), BatchOperation::Signal(signal));
    let batch = Selector::newest(&*batch_id);
    // Each time another process takes over in the middle of a page.
    for done in [1, 129, 257] {
        fixture.until(&batch, |_| {
            fixture.engine().batch(DEFAULT_NAMESPACE, &batch_id).unwrap().done >= done
        });
        fixture.restart();
        // The attempt that was lost is tried again.
        fixture.advance(Duration::from_secs(1));
    }
    assert_eq!(counted(&end(&fixture, &batch_id)), (400, 400, 0));
    for selector in &runs {
        fixture.signal(selector, "finish", "null");
        assert_eq!(fixture.result(selector).result, Some(json("[7]")));
    }
}

#[test]
fn a_long_batch_continues_as_new_and_keeps_its_id_and_its_counts() {
    let fixture = Fixture::new();
    let count = 8 * 50 + 5;
    let start = |n| fixture.start("chain", json(if n == 3 { "0" } else { "1" }));
    let chains: Vec<_> = (0..count).map(|n| Selector::newest(start(n).workflow_id)).collect();
    // A run that is reset before its end would be terminated.
    let all_end = || chains.iter().all(|chain| fixture.result(chain).status.is_closed());
    assert!(all_end());
    fixture.start("sum", Payload::null());
    let reset = ResetRequest::new(1, "again");
    let batch = run(&fixture, of_type("chain"), BatchOperation::Reset(Box::new(reset)));
    assert_eq!(counted(&batch), (count, count, 0), "{batch:?}");
    assert!(all_end());
    let completed = ListFilter { status: Some(RunStatus::Completed), ..of_type("chain") };
    assert_eq!(listed(&fixture, &completed) as u64, 2 * count);
    let continued = ListFilter { status: Some(RunStatus::ContinuedAsNew), ..of_type(BATCH_TYPE) };
    assert_eq!(listed(&fixture, &continued), 1);
    let history = fixture.event_names(&Selector::newest(&*batch.batch_id)).len();
    assert!(history < 50, "{history}");
    assert_eq!(fixture.engine().batches(DEFAULT_NAMESPACE, 10, None).unwrap().batches.len(), 1);
}

#[test]
fn what_refuses_is_counted_and_named() {
    let fixture = Fixture::new();
    let long = Selector::newest(fixture.start("chain", json("5")).workflow_id);
    let short = Selector::newest(fixture.start("chain", json("1")).workflow_id);
    fixture.result(&long);
    fixture.result(&short);
    let reset = ResetRequest::new(6, "from the second step");
    let batch = run(&fixture, of_type("chain"), BatchOperation::Reset(Box::new(reset)));
    assert_eq!(counted(&batch), (2, 1, 1), "{batch:?}");
    let [failure] = batch.failures.as_slice() else { unreachable!("{batch:?}") };
    assert_eq!((&*failure.workflow_id, &*failure.code), (&*short.workflow_id, "invalid_request"));
    assert_eq!(fixture.result(&long).result, Some(json("5")));
}

#[test]
fn a_batch_can_be_cancelled_like_any_run() {
    let fixture = Fixture::new();
    for _ in 0..300 {
        fixture.start("sum", Payload::null());
    }
    let batch_id = begin(&fixture, of_type("sum"), terminate());
    let batch = Selector::newest(&*batch_id);
    fixture.wait(fixture.engine().cancel(&batch)).unwrap();
    assert_eq!(fixture.result(&batch).status, RunStatus::Cancelled);
    let batch = fixture.engine().batch(DEFAULT_NAMESPACE, &batch_id).unwrap();
    let left = listed(&fixture, &open("sum")) as u64;
    // What it has acted on since it last said so is one page at most.
    assert!(left <= 300 - batch.done && left + 128 >= 300 - batch.done, "{left} {batch:?}");
}

#[test]
fn a_timer_that_is_due_beside_it_fires() {
    let fixture = Fixture::new();
    for _ in 0..300 {
        fixture.start("sum", Payload::null());
    }
    let timed = Selector::newest(fixture.start("approval", json("1000")).workflow_id);
    let batch_id = begin(&fixture, of_type("sum"), BatchOperation::Cancel);
    fixture.advance(Duration::from_secs(2));
    assert_eq!(fixture.result(&timed).result, Some(json("\"expired\"")));
    assert_eq!(counted(&end(&fixture, &batch_id)), (300, 300, 0));
    let cancelled = ListFilter { status: Some(RunStatus::Cancelled), ..of_type("sum") };
    assert_eq!(listed(&fixture, &cancelled), 300);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let fixture = Fixture::new();
    let closed = ListFilter { status: Some(RunStatus::Failed), ..of_type("sum") };
    let nameless = SignalInput { name: String::new(), payload: Payload::null() };
    let nowhere = ListFilter { namespace: "nowhere".into(), ..of_type("sum") };
    for (filter, operation, code) in [
        (closed, terminate(), "invalid_request"),
        (of_type("sum"), BatchOperation::Signal(nameless), "invalid_request"),
        (
            of_type("sum"),
            BatchOperation::Reset(Box::new(ResetRequest::new(0, ""))),
            "invalid_request",
        ),
        (nowhere, terminate(), "namespace_not_found"),
    ] {
        let request = BatchRequest::new(filter, operation);
        let refused = fixture.wait(fixture.engine().start_batch(request.clone())).unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert_eq!(fixture.engine().count_batch(&request).unwrap_err().code(), code);
    }
    let ordinary = fixture.start("sum", Payload::null()).workflow_id;
    let missing = fixture.engine().batch(DEFAULT_NAMESPACE, &ordinary);
    assert!(matches!(missing, Err(Rejection::BatchNotFound(_))), "{missing:?}");
    let request = everstep_engine::StartRequest::new(BATCH_TYPE, Payload::null());
    let refused = fixture.wait(fixture.engine().start(request));
    assert!(matches!(refused, Err(Rejection::UnknownWorkflowType(..))), "{refused:?}");
}
