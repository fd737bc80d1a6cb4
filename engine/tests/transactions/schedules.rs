//! Schedules that begin and end with the rows of a transaction, or not at all.

use std::time::Duration;

use everstep_engine::{
    DEFAULT_NAMESPACE as NS, Overlap, RunStatus, Schedule, Selector, TransactError, Transaction,
    TransactionContext, Worker, Workflow, WorkflowContext,
};

use super::{ACCOUNTS, balance, transact};
use crate::support::Fixture;

const REMIND: Workflow<String, String> = Workflow::new("remind");
const SUBSCRIBE: Workflow<String, ()> = Workflow::new("subscribe");
const ENLIST: Transaction<String, ()> = Transaction::new("enlist");
const MINUTE: Duration = Duration::from_secs(60);

fn reminder(id: &str) -> Schedule {
    Schedule::new(id, REMIND, &id.to_owned()).every(MINUTE).overlap(Overlap::AllowAll)
}

fn worker() -> Worker {
    Worker::new()
        .workflow(REMIND, async |_: &WorkflowContext, whom: String| Ok(whom))
        .workflow(SUBSCRIBE, async |ctx: &WorkflowContext, whom: String| {
            Ok(ctx.transaction(ENLIST, whom).await?)
        })
        .transaction(ENLIST, |tx: &mut TransactionContext<'_>, whom: String| {
            tx.put(ACCOUNTS, &whom, &1)?;
            tx.create_schedule(reminder(&whom))
        })
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.restart_with(worker());
    fixture
}

fn code(refused: Result<(), TransactError>) -> &'static str {
    match refused {
        Err(TransactError::Rejected(rejection)) => rejection.code(),
        other => panic!("{other:?}"),
    }
}

fn exists(fixture: &Fixture, id: &str) -> bool {
    fixture.engine().schedule(NS, id).is_ok()
}

#[test]
fn a_schedule_begins_and_ends_with_the_rows_beside_it() {
    let mut fixture = fixture();
    transact(&fixture, |tx| {
        tx.put(ACCOUNTS, "ada", &1)?;
        tx.create_schedule(reminder("ada"))
    })
    .unwrap();
    // Another process finds both, and fires.
    fixture.restart_with(worker());
    assert_eq!(balance(&fixture, "ada"), 1);
    let next = fixture.engine().schedule(NS, "ada").unwrap().next[0];
    fixture.advance(2 * MINUTE);
    let described = fixture.engine().schedule(NS, "ada").unwrap();
    assert_eq!(described.recent.len(), 2, "{described:?}");
    let first = Selector::newest(format!("ada-{next}"));
    assert_eq!(fixture.result(&first).status, RunStatus::Completed);

    // A workflow's step does the same.
    let subscribed = fixture.run(SUBSCRIBE.name(), crate::support::json("\"bob\""));
    assert_eq!(subscribed.status, RunStatus::Completed);
    fixture.restart_with(worker());
    assert!(exists(&fixture, "bob") && balance(&fixture, "bob") == 1);
    let again = fixture.run(SUBSCRIBE.name(), crate::support::json("\"bob\""));
    assert_eq!(again.failure.unwrap().kind, "schedule_already_exists");

    transact(&fixture, |tx| {
        tx.delete(ACCOUNTS, "ada")?;
        tx.delete_schedule("ada")
    })
    .unwrap();
    fixture.restart_with(worker());
    assert!(!exists(&fixture, "ada") && exists(&fixture, "bob"));
    assert_eq!(balance(&fixture, "ada"), 0);
    let fired = fixture.engine().stats().schedule_starts;
    fixture.advance(MINUTE);
    assert_eq!(fixture.engine().stats().schedule_starts, fired + 1, "bob's alone");
}

#[test]
fn a_transaction_that_is_refused_leaves_neither() {
    let mut fixture = fixture();
    transact(&fixture, |tx| tx.create_schedule(reminder("kept"))).unwrap();
    let refused = |schedule: Schedule| {
        code(transact(&fixture, |tx| {
            tx.put(ACCOUNTS, "eve", &1)?;
            tx.create_schedule(reminder("new"))?;
            tx.delete_schedule("kept")?;
            tx.create_schedule(schedule)
        }))
    };
    assert_eq!(refused(reminder("kept")), "invalid_request", "named twice");
    assert_eq!(refused(reminder("other").cron("never")), "invalid_request");
    let unknown = Workflow::<String, ()>::new("unknown");
    let unknown = Schedule::new("other", unknown, &String::new()).every(MINUTE);
    assert_eq!(refused(unknown), "unknown_workflow_type");
    let wrong = Workflow::<u64, ()>::new("remind");
    let wrong = Schedule::new("other", wrong, &7).every(MINUTE);
    assert_eq!(refused(wrong), "invalid_request");
    assert_eq!(code(transact(&fixture, |tx| tx.create_schedule(reminder("kept")))), {
        "schedule_already_exists"
    });
    let nobody = transact(&fixture, |tx| {
        tx.create_schedule(reminder("new"))?;
        tx.delete_schedule("nobody")
    });
    assert_eq!(code(nobody), "schedule_not_found");
    let unnamed = transact(&fixture, |tx| tx.create_schedule(reminder("")));
    let Err(TransactError::Failed(error)) = unnamed else { panic!("{unnamed:?}") };
    assert_eq!(error.kind(), "invalid_request");

    for _ in 0..2 {
        assert!(exists(&fixture, "kept"));
        assert!(!exists(&fixture, "new") && !exists(&fixture, "other"));
        assert_eq!(balance(&fixture, "eve"), 0);
        let page = fixture.engine().schedules(NS, "", 10, None).unwrap();
        assert_eq!(page.schedules.len(), 1);
        fixture.restart_with(worker());
    }
}
