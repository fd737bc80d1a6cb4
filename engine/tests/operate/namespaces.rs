//! Namespaces share nothing.

use std::time::Duration;

use everstep_engine::{
    ListFilter, NamespaceSettings, Payload, QueueLimits, Rejection, RunStatus, ScheduleAction,
    ScheduleDefinition, ScheduleInput, ScheduleSpec, Selector, Signal, SignalInput, StartRequest,
    Started, Table, Worker, Workflow, WorkflowContext,
};

use crate::support::{Fixture, json};

fn create(fixture: &Fixture, name: &str) {
    fixture.wait(fixture.engine().create_namespace(name, NamespaceSettings::default())).unwrap();
}

fn start(fixture: &Fixture, namespace: &str, kind: &str) -> Started {
    let request = StartRequest {
        namespace: namespace.into(),
        workflow_id: Some("w".into()),
        idempotency_key: Some("k".into()),
        ..StartRequest::new(kind, json("null"))
    };
    fixture.wait(fixture.engine().start(request)).unwrap()
}

fn of(namespace: &str) -> Selector {
    Selector { namespace: namespace.into(), ..Selector::newest("w") }
}

#[test]
fn ids_keys_and_signals_are_apart() {
    let mut fixture = Fixture::new();
    create(&fixture, "a");
    create(&fixture, "b");
    let [a, b] = ["a", "b"].map(|namespace| start(&fixture, namespace, "sum"));
    assert!(a.started && b.started && a.run_id != b.run_id);
    fixture.restart();
    for (namespace, number) in [("a", "1"), ("b", "2")] {
        let signal = SignalInput { name: "add".into(), payload: json(number) };
        let key = Some("s".into());
        fixture.wait(fixture.engine().signal(&of(namespace), signal, key)).unwrap();
    }
    fixture.signal(&of("a"), "finish", "null");
    assert_eq!(fixture.result(&of("a")).result, Some(json("[1]")));
    // A run id of another namespace names nothing.
    let crossed = Selector { run_id: Some(b.run_id), ..of("a") };
    let found = fixture.wait(fixture.engine().terminate(&crossed, String::new()));
    assert!(matches!(found, Err(Rejection::WorkflowNotFound(_))), "{found:?}");
    fixture.signal(&of("b"), "finish", "null");
    assert_eq!(fixture.result(&of("b")).result, Some(json("[2]")));
    for (namespace, count) in [("a", 1), ("b", 1), ("default", 0)] {
        let filter = ListFilter { namespace: namespace.into(), ..ListFilter::default() };
        let page = fixture.engine().list(&filter, 10, None).unwrap();
        assert_eq!(page.workflows.len(), count, "{namespace}");
    }
}

#[test]
fn they_are_made_changed_and_deleted() {
    let mut fixture = Fixture::new();
    create(&fixture, "a");
    let again = fixture.engine().create_namespace("a", NamespaceSettings::default());
    assert!(matches!(fixture.wait(again), Err(Rejection::NamespaceAlreadyExists(_))));
    let odd = fixture.engine().create_namespace("a b", NamespaceSettings::default());
    assert!(matches!(fixture.wait(odd), Err(Rejection::InvalidRequest(_))));
    let settings = NamespaceSettings { description: "tests".into(), retention_ms: Some(1_000) };
    fixture.wait(fixture.engine().update_namespace("a", settings)).unwrap();
    fixture.restart();
    let info = fixture.engine().namespace("a").unwrap();
    assert_eq!((info.description.as_str(), info.retention_ms), ("tests", Some(1_000)));
    let names: Vec<_> = fixture.engine().namespaces().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["a", "default"]);

    start(&fixture, "a", "sum");
    let held = fixture.wait(fixture.engine().delete_namespace("a"));
    let Err(Rejection::NamespaceNotEmpty(_, why)) = &held else { panic!("{held:?}") };
    assert_eq!(why, "workflow `w` (sum) is open");
    fixture.signal(&of("a"), "finish", "null");
    fixture.result(&of("a"));
    let held = fixture.wait(fixture.engine().delete_namespace("a")).unwrap_err().to_string();
    assert!(held.contains("1 closed runs"), "{held}");
    fixture.wait(fixture.engine().delete(&of("a"))).unwrap();
    fixture.wait(fixture.engine().delete_namespace("a")).unwrap();
    for refused in [
        fixture.wait(fixture.engine().delete_namespace("a")).unwrap_err(),
        fixture.engine().describe(&of("a")).unwrap_err(),
        fixture.wait(fixture.engine().result(&of("a"), Duration::ZERO)).unwrap_err(),
        fixture.wait(fixture.engine().cancel(&of("a"))).unwrap_err(),
    ] {
        assert_eq!(refused, Rejection::NamespaceNotFound("a".into()));
    }
    let default = fixture.wait(fixture.engine().delete_namespace("default"));
    assert!(matches!(default, Err(Rejection::NamespaceNotEmpty(..))), "{default:?}");
}

/// Notes the time when it is over.
const RINGS: Workflow<(), ()> = Workflow::new("everstep.test_timer");
const GO: Signal<()> = Signal::new("go");

fn worker_with_a_timer() -> Worker {
    let code = async |ctx: &WorkflowContext, (): ()| {
        ctx.sleep(Duration::from_secs(60)).await;
        Ok(())
    };
    let holds = async |ctx: &WorkflowContext, (): ()| {
        ctx.signal(GO).await;
        Ok(())
    };
    Worker::new().built_in_timer(RINGS, code).workflow(Workflow::new("holds"), holds)
}

#[test]
fn a_refused_deletion_leaves_the_timers_and_another_takes_them_along() {
    const TIMERS: usize = 3;
    let mut fixture = Fixture::new();
    fixture.restart_with(worker_with_a_timer());
    create(&fixture, "a");
    start(&fixture, "a", "holds");
    let id = |number: usize| format!("timer-{number}");
    let timer = |number| Selector { namespace: "a".into(), ..Selector::newest(id(number)) };
    let engine = fixture.engine().clone();
    let begun = engine.transact("a", move |tx| {
        (0..TIMERS).try_for_each(|number| tx.start(RINGS, id(number), &()))
    });
    fixture.wait(begun).unwrap();
    let status = |number| engine.describe(&timer(number)).map(|run| run.status);
    let held = fixture.wait(engine.delete_namespace("a"));
    let Err(Rejection::NamespaceNotEmpty(_, why)) = &held else { panic!("{held:?}") };
    assert_eq!(why, "workflow `w` (holds) is open");
    for number in 0..TIMERS {
        assert_eq!(status(number), Ok(RunStatus::Running));
    }
    fixture.signal(&of("a"), "go", "null");
    fixture.result(&of("a"));
    fixture.wait(engine.delete(&of("a"))).unwrap();
    // One is loaded, the others come from the store.
    drop(engine);
    fixture.restart_with(worker_with_a_timer());
    let engine = fixture.engine().clone();
    let gone = engine.clone();
    let gone = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(gone.namespace_gone("a"));
    });
    fixture.wait(engine.delete_namespace("a")).unwrap();
    gone.join().unwrap();
    drop(engine);
    fixture.restart_with(worker_with_a_timer());
    // Nothing of it goes off, and the name is free when the last of it is gone.
    fixture.advance(Duration::from_secs(120));
    create_when_free(&fixture, "a");
    let engine = fixture.engine();
    for number in 0..TIMERS {
        let found = engine.describe(&timer(number));
        assert!(matches!(found, Err(Rejection::WorkflowNotFound(_))), "{found:?}");
    }
    fixture.wait(engine.delete_namespace("a")).unwrap();
}

/// Creates a namespace as soon as what had its name is gone with all its rows.
fn create_when_free(fixture: &Fixture, name: &str) {
    let begun = std::time::Instant::now();
    loop {
        let settings = NamespaceSettings::default();
        match fixture.wait(fixture.engine().create_namespace(name, settings)) {
            Ok(()) => break,
            Err(Rejection::Unavailable(why)) => assert!(why.contains("still are"), "{why}"),
            Err(other) => panic!("{other}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "its rows are still there");
    }
}

const NOTES: Table<String> = Table::new("notes", "notes");

/// What is in the namespace beside runs: its schedules, set queues and notes.
fn beside(fixture: &Fixture) -> (usize, usize, Option<String>) {
    let engine = fixture.engine();
    let note = fixture.wait(engine.transact("a", |tx| tx.get(NOTES, "n"))).unwrap();
    (
        engine.schedules("a", "", 10, None).unwrap().schedules.len(),
        engine.queues("a").iter().filter(|queue| queue.limits.concurrency == Some(3)).count(),
        note,
    )
}

#[test]
fn one_that_is_made_again_begins_with_nothing() {
    let mut fixture = Fixture::new();
    // Once with everything durable and read again, once while it is still in memory.
    for restarts in [true, false] {
        create(&fixture, "a");
        assert_eq!(beside(&fixture), (0, 0, None));
        let spec = ScheduleSpec { interval_ms: Some(1_000), ..ScheduleSpec::default() };
        let action = ScheduleAction {
            workflow_type: "sum".into(),
            input: Payload::null(),
            ..ScheduleAction::default()
        };
        let definition = ScheduleDefinition::new(spec, action);
        let input = ScheduleInput { definition, ..ScheduleInput::default() };
        let engine = fixture.engine().clone();
        fixture.wait(engine.create_schedule("a", "s", input)).unwrap();
        let limits = QueueLimits { concurrency: Some(3), ..QueueLimits::default() };
        fixture.wait(engine.set_queue("a", "q", Some(limits))).unwrap();
        let put = engine.transact("a", |tx| tx.put(NOTES, "n", &"kept".to_owned()));
        fixture.wait(put).unwrap();
        assert_eq!(beside(&fixture), (1, 1, Some("kept".into())));
        if restarts {
            fixture.restart();
        }
        fixture.wait(fixture.engine().delete_namespace("a")).unwrap();
        // Nothing of it fires any more.
        fixture.advance(Duration::from_secs(5));
        fixture.restart();
    }
    create(&fixture, "a");
    assert_eq!(beside(&fixture), (0, 0, None));
}

#[test]
fn the_rows_of_a_large_one_follow_it_over_restarts() {
    // More than go in the first batch, and several slices of the rest.
    const NOTES_OF_ONE: usize = 27_000;
    const A_TRANSACTION: usize = 9_000;
    let mut fixture = Fixture::new();
    create(&fixture, "a");
    create(&fixture, "b");
    for begin in (0..NOTES_OF_ONE).step_by(A_TRANSACTION) {
        let put = fixture.engine().transact("a", move |tx| {
            for number in begin..begin + A_TRANSACTION {
                tx.put(NOTES, &format!("{number:06}"), &"kept".to_owned())?;
            }
            Ok(())
        });
        fixture.wait(put).unwrap();
    }
    let engine = fixture.engine().clone();
    let kept = engine.transact("b", |tx| tx.put(NOTES, "n", &"kept".to_owned()));
    fixture.wait(kept).unwrap();
    fixture.wait(engine.delete_namespace("a")).unwrap();
    let gone = engine.describe(&of("a")).unwrap_err();
    assert_eq!(gone, Rejection::NamespaceNotFound("a".into()));
    drop(engine);
    // The process is gone with most of it still to be deleted; the name is free when all of it is.
    fixture.restart();
    create_when_free(&fixture, "a");
    let engine = fixture.engine();
    let left = |namespace: &'static str| {
        let rows = engine.transact(namespace, |tx| tx.range(NOTES, &everstep_engine::Keys::all()));
        fixture.wait(rows).unwrap().len()
    };
    assert_eq!((left("a"), left("b")), (0, 1));
}
