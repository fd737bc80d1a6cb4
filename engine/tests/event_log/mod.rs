//! Events: appended in one commit with what they belong to, in one dense order.

use everstep_engine::log::{
    Append, Appended, Condition, Direction, EMPTY_CHAIN, Expected, NewEvent, Query, RecordedEvent,
    ScopeExpectation, StreamId, check_link,
};
use everstep_engine::{
    ActivityError, Counters, DEFAULT_NAMESPACE, IDEMPOTENCY_CONFLICTS, Keys, NamespaceSettings,
    Rejection, RunStatus, Selector, TransactError, Transaction, TransactionContext, Worker,
    Workflow, WorkflowContext,
};

use crate::support::{Fixture, json};

const SEEN: Counters = Counters::new("shop", "seen");
const SUBMIT: Transaction<(String, u64), u64> = Transaction::new("submit");
const ORDER: Workflow<(String, u64), u64> = Workflow::new("order");

fn submit(
    tx: &mut TransactionContext<'_>,
    (id, expected): (String, u64),
) -> Result<u64, ActivityError> {
    let stream = StreamId::new("Order", id);
    let events = vec![NewEvent::new("OrderSubmitted", "{}").tag("shop")];
    let appended = tx.append(Append::to(stream.clone(), Expected::Version(expected), events))?;
    // The transaction sees what it has done, and so does what is done on an append.
    assert_eq!(tx.stream_head(&stream)?.events, expected + 1);
    let read = tx.read_stream(&stream, expected, 9)?;
    assert_eq!(read[0].position(), appended.written().first_position);
    let _ = tx.count(SEEN, "OrderSubmitted")?;
    Ok(appended.written().first_position)
}

fn worker() -> Worker {
    Worker::new()
        .workflow(ORDER, async |ctx: &WorkflowContext, order| {
            Ok(ctx.transaction(SUBMIT, order).await?)
        })
        .transaction(SUBMIT, submit)
        .on_append(|tx, events| {
            for event in events {
                if event.event_type() == "Forbidden" {
                    return Err(ActivityError::new("forbidden", "no such event here"));
                }
                tx.add(SEEN, event.event_type(), 1)?;
            }
            Ok(())
        })
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.restart_with(worker());
    fixture
}

fn to(id: &str, expected: u64, events: usize) -> Append {
    let events = (0..events).map(|_| NewEvent::new("Moved", "{}").tag("hot")).collect();
    Append::to(StreamId::new("Order", id), Expected::Version(expected), events)
}

fn all(fixture: &Fixture) -> Vec<RecordedEvent> {
    let log = fixture.engine().log(DEFAULT_NAMESPACE).unwrap();
    log.reader().events(1, Direction::Forwards, usize::MAX).unwrap()
}

fn seen(fixture: &Fixture, of: &'static str) -> i64 {
    let counted = fixture.engine().transact(DEFAULT_NAMESPACE, move |tx| tx.count(SEEN, of));
    fixture.wait(counted).unwrap()
}

#[test]
fn a_workflows_events_say_which_step_wrote_them_and_are_there_with_its_result() {
    let mut fixture = fixture();
    let ended = fixture.run("order", json(r#"["o-1", 0]"#));
    assert_eq!((ended.status, ended.result), (RunStatus::Completed, Some(json("1"))));
    let events = all(&fixture);
    let origin = events[0].origin().unwrap();
    assert_eq!(Some(&*origin.workflow_id), events[0].correlation_id());
    let run = Selector::newest(&*origin.workflow_id);
    let history = fixture.engine().history(&run, 1, 100).unwrap();
    assert!(history.events.iter().any(|event| event.recorded.event.name() == "activity_completed"));
    // A conflict is the workflow's to handle; nothing of the transaction is there.
    let failed = fixture.run("order", json(r#"["o-1", 0]"#));
    assert_eq!(failed.status, RunStatus::Failed);
    assert_eq!(failed.failure.unwrap().kind, "VERSION_CONFLICT");
    fixture.restart_with(worker());
    assert_eq!((all(&fixture).len(), seen(&fixture, "OrderSubmitted")), (1, 1));
    assert_eq!(fixture.run("order", json(r#"["o-1", 1]"#)).result, Some(json("2")));
}

#[test]
fn of_racers_from_one_version_one_wins_and_the_order_has_no_gap() {
    let mut fixture = fixture();
    let engine = fixture.engine().clone();
    let racers = (0..8).map(|racer: usize| {
        let engine = engine.clone();
        async move {
            let (mut won, mut version) = (0, 0);
            while version < 25 {
                let stream = format!("own-{racer}-{version}");
                let mut append = to("shared", version, 1);
                append.streams.extend(to(&stream, 0, 2).streams);
                match engine.append(DEFAULT_NAMESPACE, append).await {
                    Ok(Appended::New(_)) => (won, version) = (won + 1, version + 1),
                    Err(Rejection::VersionConflict { current, .. }) => {
                        assert!(current > version);
                        version = current;
                    }
                    other => panic!("{other:?}"),
                }
            }
            won
        }
    });
    let racers: Vec<_> = racers.collect();
    let won: u64 = fixture.wait(async {
        let mut set = tokio::task::JoinSet::new();
        racers.into_iter().for_each(|racer| drop(set.spawn(racer)));
        set.join_all().await.into_iter().sum()
    });
    assert_eq!(won, 25);
    for _ in 0..2 {
        let events = all(&fixture);
        assert_eq!(events.len(), 75);
        let (mut position, mut hash) = (0, EMPTY_CHAIN);
        for event in &events {
            check_link(position, &hash, event).unwrap();
            (position, hash) = (event.position(), *event.hash());
        }
        fixture.restart_with(worker());
    }
}

#[test]
fn sixteen_writers_of_different_streams_move_a_shared_scope_one_at_a_time() {
    let fixture = fixture();
    let scope = "tenant:default:hall:7";
    let engine = fixture.engine().clone();
    let append = move |writer: usize, expected: u64| {
        let events = vec![NewEvent::new("SeatTaken", "{}").tag(scope)];
        let stream = StreamId::new("Guest", format!("{writer}-{expected}"));
        let mut append = Append::to(stream, Expected::Version(0), events);
        append.scopes.push(ScopeExpectation { scope: scope.into(), expected });
        append
    };
    for expected in 0..20 {
        let racing = (0..16).map(|writer| {
            let (engine, append) = (engine.clone(), append(writer, expected));
            async move { engine.append(DEFAULT_NAMESPACE, append).await }
        });
        let racing: Vec<_> = racing.collect();
        let outcomes = fixture.wait(async {
            let mut set = tokio::task::JoinSet::new();
            racing.into_iter().for_each(|racer| drop(set.spawn(racer)));
            set.join_all().await
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 15));
        for refused in lost {
            assert!(matches!(refused, Err(Rejection::ScopeVersionMismatch { .. })), "{refused:?}");
        }
    }
    // A plain append with the scope's tag moves the scope, too.
    let mut plain = append(99, 0);
    plain.scopes.clear();
    fixture.wait(engine.append(DEFAULT_NAMESPACE, plain)).unwrap();
    let log = engine.log(DEFAULT_NAMESPACE).unwrap();
    assert_eq!(log.reader().scope_head(scope).unwrap().commits, 21);
}

#[test]
fn a_condition_sees_what_is_durable_and_what_is_not_yet() {
    let fixture = fixture();
    let engine = fixture.engine();
    let under = |after| {
        let condition = Condition { fail_if_events_match: Query::tags(["seat:7"]), after };
        Append::under(condition, vec![NewEvent::new("Taken", "{}").tag("seat:7")])
    };
    let both = fixture.wait(async {
        tokio::join!(
            engine.append(DEFAULT_NAMESPACE, under(None)),
            engine.append(DEFAULT_NAMESPACE, under(None)),
        )
    });
    assert!(both.0.is_ok() && both.1 == Err(Rejection::AppendConditionFailed(1)), "{both:?}");
    let refused = fixture.wait(engine.append(DEFAULT_NAMESPACE, under(None)));
    assert_eq!(refused, Err(Rejection::AppendConditionFailed(1)));
    fixture.wait(engine.append(DEFAULT_NAMESPACE, under(Some(1)))).unwrap();
}

#[test]
fn what_is_forbidden_on_an_append_undoes_all_of_the_transaction() {
    let fixture = fixture();
    let engine = fixture.engine();
    let mut append = to("a", 0, 1);
    append.streams[0].events.push(NewEvent::new("Forbidden", "{}"));
    let refused = fixture.wait(engine.append(DEFAULT_NAMESPACE, append.clone()));
    assert!(matches!(&refused, Err(Rejection::Vetoed(why)) if why.kind == "forbidden"));
    // Also where the code ignores what it is told.
    let ignored = engine.transact(DEFAULT_NAMESPACE, |tx| {
        tx.add(SEEN, "Ignored", 1)?;
        assert!(tx.append(append).is_err());
        Ok(())
    });
    let told = fixture.wait(ignored);
    assert!(matches!(&told, Err(TransactError::Failed(why)) if why.kind() == "forbidden"));
    assert_eq!(
        (all(&fixture).len(), seen(&fixture, "Moved"), seen(&fixture, "Ignored")),
        (0, 0, 0)
    );
}

#[test]
fn a_key_used_for_something_else_is_refused_and_noted() {
    let mut fixture = fixture();
    let mut append = to("a", 0, 2);
    append.idempotency_key = Some("SubmitOrder:a:1".into());
    let first = fixture.wait(fixture.engine().append(DEFAULT_NAMESPACE, append.clone())).unwrap();
    fixture.restart_with(worker());
    for _ in 0..100 {
        let again = fixture.wait(fixture.engine().append(DEFAULT_NAMESPACE, append.clone()));
        assert_eq!(again, Ok(Appended::Duplicate(first.written().clone())));
    }
    append.streams[0].events[0].data = "1".into();
    let other = fixture.wait(fixture.engine().append(DEFAULT_NAMESPACE, append));
    assert_eq!(other, Err(Rejection::IdempotencyConflict("SubmitOrder:a:1".into())));
    let noted = fixture
        .engine()
        .transact(DEFAULT_NAMESPACE, |tx| tx.range(IDEMPOTENCY_CONFLICTS, &Keys::all()));
    let noted = fixture.wait(noted).unwrap();
    assert_eq!((noted.len(), noted[0].1.key.as_str()), (1, "SubmitOrder:a:1"));
    assert_eq!(all(&fixture).len(), 2);
}

#[test]
fn namespaces_have_logs_of_their_own_that_go_with_them() {
    let fixture = fixture();
    let engine = fixture.engine();
    let create = || engine.create_namespace("other", NamespaceSettings::default());
    fixture.wait(create()).unwrap();
    for namespace in [DEFAULT_NAMESPACE, "other"] {
        let appended = fixture.wait(engine.append(namespace, to("a", 0, 3))).unwrap();
        assert_eq!(appended.written().first_position, 1);
    }
    fixture.wait(engine.delete_namespace("other")).unwrap();
    let gone = fixture.wait(engine.append("other", to("a", 0, 1)));
    assert_eq!(gone, Err(Rejection::NamespaceNotFound("other".into())));
    fixture.wait(create()).unwrap();
    let again = fixture.wait(engine.append("other", to("a", 0, 1))).unwrap();
    assert_eq!(again.written().first_position, 1);
    assert_eq!(all(&fixture).len(), 3);
}
