//! Transactions: exactly once, in one commit with their result and with what they start.

mod endings;
mod schedules;

use everstep_engine::{
    ActivityError, Counters, DEFAULT_NAMESPACE, Either, Keys, RunStatus, Selector, Signal, Table,
    TransactError, Transaction, TransactionContext, Worker, Workflow, WorkflowContext,
    WorkflowError, join_all, race,
};

use crate::support::{Fixture, json};

const ACCOUNTS: Table<i64> = Table::new("bank", "accounts");
const MOVES: Counters = Counters::new("bank", "moves");
const MOVE: Transaction<(String, String, i64), i64> = Transaction::new("move");
const WAIT_FOR: Transaction<i64, i64> = Transaction::new("wait_for");
const PAY: Workflow<(String, String, i64), i64> = Workflow::new("pay");
const BURST: Workflow<i64, i64> = Workflow::new("burst");
const PATIENT: Workflow<i64, i64> = Workflow::new("patient");
const INBOX: Workflow<(), Vec<i64>> = Workflow::new("inbox");
const PAID: Signal<i64> = Signal::new("paid");
const DONE: Signal<()> = Signal::new("done");

fn transfer(
    tx: &mut TransactionContext<'_>,
    (from, to, cents): (String, String, i64),
) -> Result<i64, ActivityError> {
    let left = tx.get(ACCOUNTS, &from)?.unwrap_or(0) - cents;
    if left < 0 {
        return Err(ActivityError::new("insufficient_funds", left));
    }
    tx.put(ACCOUNTS, &from, &left)?;
    let other = tx.get(ACCOUNTS, &to)?.unwrap_or(0);
    tx.put(ACCOUNTS, &to, &(other + cents))?;
    tx.add(MOVES, "all", 1)?;
    Ok(left)
}

fn wait_for(tx: &mut TransactionContext<'_>, moves: i64) -> Result<i64, ActivityError> {
    let seen = tx.count(MOVES, "all")?;
    tx.assert(seen >= moves, "too few moves")?;
    Ok(seen)
}

fn worker() -> Worker {
    Worker::new()
        .workflow(PAY, async |ctx: &WorkflowContext, order| {
            Ok(ctx.transaction(MOVE, order).await?)
        })
        .workflow(BURST, async |ctx: &WorkflowContext, count: i64| {
            let step = || ctx.transaction(MOVE, ("ada".to_owned(), "bob".to_owned(), 1));
            let both = join_all((0..count).map(|_| step())).await;
            let _: Vec<i64> = both.into_iter().collect::<Result<_, ActivityError>>()?;
            for _ in 0..count {
                step().await?;
            }
            Ok(2 * count)
        })
        .workflow(PATIENT, async |ctx: &WorkflowContext, moves| {
            Ok(ctx.transaction(WAIT_FOR, moves).await?)
        })
        .workflow(INBOX, inbox)
        .transaction(MOVE, transfer)
        .transaction(WAIT_FOR, wait_for)
}

async fn inbox(ctx: &WorkflowContext, (): ()) -> Result<Vec<i64>, WorkflowError> {
    let mut paid = Vec::new();
    while let Either::First(cents) = race(ctx.signal(PAID), ctx.signal(DONE)).await {
        paid.push(cents);
    }
    Ok(paid)
}

fn bank() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.restart_with(worker());
    transact(&fixture, |tx| tx.put(ACCOUNTS, "ada", &100)).unwrap();
    fixture
}

fn transact<O: Send + 'static>(
    fixture: &Fixture,
    code: impl FnOnce(&mut TransactionContext<'_>) -> Result<O, ActivityError> + Send + 'static,
) -> Result<O, TransactError> {
    fixture.wait(fixture.engine().transact(DEFAULT_NAMESPACE, code))
}

fn balance(fixture: &Fixture, account: &'static str) -> i64 {
    transact(fixture, move |tx| Ok(tx.get(ACCOUNTS, account)?.unwrap_or(0))).unwrap()
}

fn moves(fixture: &Fixture) -> i64 {
    transact(fixture, |tx| tx.count(MOVES, "all")).unwrap()
}

#[test]
fn a_transaction_commits_with_its_result() {
    let mut fixture = bank();
    let started = fixture.start("pay", json(r#"["ada", "bob", 30]"#));
    let selector = Selector::newest(started.workflow_id);
    assert_eq!(fixture.result(&selector).result, Some(json("70")));
    let events = ["activity_scheduled", "activity_started", "activity_completed"];
    assert_eq!(fixture.event_names(&selector)[1..4], events);
    fixture.restart_with(worker());
    assert_eq!((balance(&fixture, "ada"), balance(&fixture, "bob")), (70, 30));
    assert_eq!(moves(&fixture), 1);
}

#[test]
fn one_that_refuses_writes_nothing_and_fails_for_good() {
    let fixture = bank();
    let result = fixture.run("pay", json(r#"["ada", "bob", 101]"#));
    let failure = result.failure.unwrap();
    assert_eq!((failure.kind.as_str(), failure.attempts), ("insufficient_funds", Some(1)));
    assert_eq!((balance(&fixture, "ada"), moves(&fixture)), (100, 0));
    // Others in the same batch are not refused with it.
    let error = transact(&fixture, |tx| {
        tx.put(ACCOUNTS, "ada", &0)?;
        Err::<(), _>(ActivityError::new("no", "changed my mind"))
    });
    assert!(matches!(error, Err(TransactError::Failed(error)) if error.kind() == "no"));
    assert_eq!(balance(&fixture, "ada"), 100);
}

#[test]
fn many_at_once_see_each_other() {
    let mut fixture = bank();
    let result = fixture.run("burst", json("20"));
    assert_eq!(result.status, RunStatus::Completed, "{result:?}");
    assert_eq!((balance(&fixture, "ada"), balance(&fixture, "bob")), (60, 40));
    fixture.restart_with(worker());
    assert_eq!(moves(&fixture), 40);
}

#[test]
fn an_assertion_that_does_not_hold_is_tried_again_and_then_fails() {
    let fixture = bank();
    let patient = Selector::newest(fixture.start("patient", json("1")).workflow_id);
    let names = fixture.event_names(&patient);
    assert_eq!(names.last(), Some(&"activity_failed"), "{names:?}");
    fixture.run("pay", json(r#"["ada", "bob", 1]"#));
    fixture.advance(std::time::Duration::from_secs(1));
    assert_eq!(fixture.result(&patient).result, Some(json("1")));

    let hopeless = Selector::newest(fixture.start("patient", json("50")).workflow_id);
    fixture.advance(std::time::Duration::from_secs(60));
    let failure = fixture.result(&hopeless).failure.unwrap();
    assert_eq!((failure.kind.as_str(), failure.attempts), ("assertion_failed", Some(10)));
}

#[test]
fn what_it_starts_and_signals_happens_with_its_writes_or_not_at_all() {
    let mut fixture = bank();
    transact(&fixture, |tx| {
        tx.put(ACCOUNTS, "ada", &90)?;
        tx.start(INBOX, "in", &())?;
        tx.signal("in", PAID, &10)
    })
    .unwrap();
    fixture.restart_with(worker());
    let inbox = Selector::newest("in");
    assert_eq!(fixture.event_names(&inbox), ["workflow_started", "signal_received"]);
    assert_eq!(balance(&fixture, "ada"), 90);

    let again = transact(&fixture, |tx| {
        tx.put(ACCOUNTS, "ada", &0)?;
        tx.start(INBOX, "in", &())
    });
    let Err(TransactError::Rejected(rejection)) = again else { panic!("{again:?}") };
    assert_eq!(rejection.code(), "workflow_already_running");
    let nobody = transact(&fixture, |tx| {
        tx.put(ACCOUNTS, "ada", &0)?;
        tx.signal("nobody", PAID, &1)
    });
    let Err(TransactError::Rejected(rejection)) = nobody else { panic!("{nobody:?}") };
    assert_eq!(rejection.code(), "workflow_not_found");
    let unknown = transact(&fixture, |tx| tx.start(Workflow::<(), ()>::new("unknown"), "x", &()));
    let Err(TransactError::Rejected(rejection)) = unknown else { panic!("{unknown:?}") };
    assert_eq!(rejection.code(), "unknown_workflow_type");
    assert_eq!(balance(&fixture, "ada"), 90);

    transact(&fixture, |tx| tx.signal("in", DONE, &())).unwrap();
    assert_eq!(fixture.result(&inbox).result, Some(json("[10]")));
}

#[test]
fn rows_are_read_in_order_over_what_is_not_durable_yet() {
    let fixture = bank();
    let pages = transact(&fixture, |tx| {
        for name in ["b", "a2", "a1", "a3", "ada"] {
            tx.put(ACCOUNTS, name, &1)?;
        }
        tx.delete(ACCOUNTS, "a2")?;
        let all: Vec<String> =
            tx.range(ACCOUNTS, &Keys::all())?.into_iter().map(|(key, _)| key).collect();
        let page = tx.range(ACCOUNTS, &Keys::prefix("a").after("a1").limit(1))?;
        Ok((all, page))
    });
    let (all, page) = pages.unwrap();
    assert_eq!(all, ["a1", "a3", "ada", "b"]);
    assert_eq!(page, [("a3".to_owned(), 1)]);
    let other = Table::<i64>::new("bank", "account");
    assert_eq!(transact(&fixture, move |tx| tx.range(other, &Keys::all())).unwrap(), []);
}
