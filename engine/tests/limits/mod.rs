//! What is larger than the limit, wherever it comes in or goes out: it fails the call that it
//! belongs to, with a type of its own, and whatever carried it goes on.

use std::time::Duration;

use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{
    Activity, ActivityContext, ActivityError, BatchOperation, BatchRequest, Either, Failure,
    ListFilter, Payload, PayloadLimits, Query, Rejection, Retry, RunResult, RunStatus,
    ScheduleInput, SearchAttribute, Selector, Signal, SignalInput, StartRequest, Table,
    Transaction, TransactionContext, Update, UpdateInput, Worker, Workflow, WorkflowContext,
    WorkflowError, join_all, race, replay_history,
};

use crate::support::{Fixture, json};

const LIMITS: PayloadLimits = PayloadLimits {
    payload_bytes: 2_000,
    inline_payload_bytes: 500,
    memo_bytes: 200,
    search_attributes_bytes: 100,
    transaction_bytes: 5_000,
};
const TOO_LARGE: &str = "payload_too_large";

const SWALLOW: Activity<String, usize> = Activity::new("swallow");
const MAKE: Activity<usize, String> = Activity::new("make");
const COMPLAIN: Activity<usize, ()> =
    Activity::new("complain").retry(Retry::DEFAULT.max_attempts(1));
const BEAT: Activity<(), Vec<usize>> = Activity::new("beat");
const WRITE: Transaction<(usize, usize), String> = Transaction::new("write");
const ROWS: Table<String> = Table::new("app", "rows");
const STATE: Query<(), String> = Query::new("state");
const GROW: Query<usize, String> = Query::new("grow");
const GO: Signal<String> = Signal::new("go");
const SET: Update<usize, String> = Update::new("set");
const CUSTOMER: SearchAttribute<String> = SearchAttribute::new("customer");
const TRY: Workflow<(String, usize), Vec<String>> = Workflow::new("try");
const LISTEN: Workflow<String, String> = Workflow::new("listen");

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn worker() -> Worker {
    Worker::new()
        .workflow(TRY, attempt)
        .workflow(LISTEN, async |ctx: &WorkflowContext, said: String| {
            ctx.publish(STATE, said);
            loop {
                match race(ctx.signal(GO), ctx.update(SET)).await {
                    Either::First(heard) => return Ok(heard),
                    Either::Second((bytes, reply)) => reply.answer(text(bytes)),
                }
            }
        })
        .signal(LISTEN, GO)
        .update(LISTEN, SET)
        .query(LISTEN, GROW, STATE, |_: &String, bytes| text(bytes))
        .activity(SWALLOW, async |_, said| Ok(said.len()))
        .activity(MAKE, async |_, bytes| Ok(text(bytes)))
        .activity(COMPLAIN, async |_, bytes| Err(ActivityError::new("loud", text(bytes))))
        .activity(BEAT, beat)
        .transaction(WRITE, |tx: &mut TransactionContext<'_>, (rows, bytes)| {
            for row in 0..rows {
                tx.put(ROWS, &row.to_string(), &text(bytes))?;
            }
            Ok(text(bytes))
        })
}

/// Does one thing of the given size, twice beside each other where it can be refused, and says how
/// each of it ended.
async fn attempt(
    ctx: &WorkflowContext,
    (what, bytes): (String, usize),
) -> Result<Vec<String>, WorkflowError> {
    let kind = |outcome: Result<(), ActivityError>| match outcome {
        Ok(()) => "done".to_owned(),
        Err(error) => error.kind().to_owned(),
    };
    let said = match what.as_str() {
        "activity input" => {
            let both = (0..2).map(|_| ctx.activity(SWALLOW, text(bytes)));
            join_all(both).await.into_iter().map(|ended| kind(ended.map(drop))).collect()
        }
        "activity result" => vec![kind(ctx.activity(MAKE, bytes).await.map(drop))],
        "inline result" => {
            vec![kind(ctx.run("make", async move || Ok(text(bytes))).await.map(drop))]
        }
        "activity failure" => match ctx.activity(COMPLAIN, bytes).await {
            Err(error) => vec![kind(Err(error.clone())), error.to_string().len().to_string()],
            Ok(()) => Vec::new(),
        },
        "heartbeat" => {
            let heard = ctx.activity(BEAT, ()).await?;
            heard.iter().map(usize::to_string).collect()
        }
        "transaction input" => {
            let large = Transaction::<String, ()>::new("write");
            vec![kind(ctx.transaction(large, text(bytes)).await.map(drop))]
        }
        "row" => vec![kind(ctx.transaction(WRITE, (1, bytes)).await.map(drop))],
        "rows" => vec![kind(ctx.transaction(WRITE, (10, bytes)).await.map(drop))],
        "child input" => {
            let both = (0..2).map(|_| ctx.child(LISTEN, text(bytes)));
            let ended = join_all(both).await;
            ended.into_iter().map(|ended| ended.unwrap_or_else(|e| e.kind().to_owned())).collect()
        }
        "child memo" => {
            let memo = Payload::parse(format!("{{\"a\":\"{}\"}}", text(bytes))).unwrap_or_default();
            let child = ctx.child(LISTEN, String::new()).memo(memo).await;
            vec![child.unwrap_or_else(|error| error.kind().to_owned())]
        }
        "detached start" => {
            let started = ctx.start(LISTEN, text(bytes)).id("loose").await;
            vec![started.map_or_else(|error| error.kind().to_owned(), |_| "done".to_owned())]
        }
        "signal to another" => {
            let other = ctx.workflow("listener");
            let sent = other.signal(GO, &text(bytes)).await;
            vec![sent.map_or_else(|error| error.kind().to_owned(), |()| "done".to_owned())]
        }
        "result" => vec![text(bytes)],
        "failure" => return Err(WorkflowError::new("loud", text(bytes))),
        "next run" if ctx.run_number() == 1 => {
            return ctx.continue_as_new(("next run".to_owned(), text(bytes)));
        }
        "published" => {
            ctx.publish(STATE, "small".to_owned());
            ctx.activity(SWALLOW, String::new()).await?;
            ctx.publish(STATE, text(bytes));
            vec!["done".to_owned()]
        }
        "memo" => {
            ctx.upsert_memo("note", text(bytes));
            vec!["done".to_owned()]
        }
        "search attribute" => {
            ctx.upsert_search_attribute(CUSTOMER, text(bytes));
            vec!["done".to_owned()]
        }
        other => return Err(WorkflowError::new("unknown", other)),
    };
    Ok(said)
}

/// Beats small and large; a later attempt tells what it was left.
async fn beat(ctx: ActivityContext, (): ()) -> Result<Vec<usize>, ActivityError> {
    if ctx.attempt() == 1 {
        ctx.heartbeat(&text(7));
        ctx.heartbeat(&text(3_000));
        return Err(ActivityError::new("again", "once more"));
    }
    Ok(vec![ctx.heartbeat_details::<String>().unwrap_or_default().len()])
}

fn limited() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.limit(LIMITS);
    fixture.restart_with(worker());
    fixture
}

fn tried(fixture: &Fixture, what: &str, bytes: usize) -> (Selector, RunResult) {
    let input = Payload::from_value(&(what, bytes)).unwrap();
    let started = fixture.start(TRY.name(), input);
    let selector = Selector::newest(started.workflow_id);
    if what == "heartbeat" {
        fixture.until(&selector, |run| {
            run.pending_activities.iter().any(|activity| activity.next_attempt_at.is_some())
        });
        fixture.advance(Duration::from_secs(5));
    }
    let result = fixture.result(&selector);
    (selector, result)
}

/// The history is taken by a replay, which knows no limits.
fn replays(fixture: &Fixture, selector: &Selector) {
    let page = fixture.engine().history(selector, 1, 1_000).unwrap();
    let history: Vec<_> = page.events.into_iter().map(|event| event.recorded).collect();
    let report = replay_history(&worker(), &history).unwrap();
    assert!(report.failure.is_none(), "{report:?}");
    let stored: usize = history.iter().map(|event| format!("{event:?}").len()).sum();
    assert!(stored < 20_000, "{stored} bytes of history");
}

fn everything() -> ListFilter {
    ListFilter { namespace: "default".into(), ..ListFilter::default() }
}

fn is_too_large<T: std::fmt::Debug>(answer: Result<T, Rejection>, what: &str) {
    let rejection = answer.unwrap_err();
    assert_eq!(rejection.code(), TOO_LARGE, "{rejection}");
    assert!(rejection.to_string().contains(what), "{rejection}");
}

#[test]
fn what_the_code_gives_is_refused_in_the_code() {
    let fixture = limited();
    for (what, fits, too_large) in [
        ("activity input", "[\"done\",\"done\"]", format!("[\"{TOO_LARGE}\",\"{TOO_LARGE}\"]")),
        ("activity result", "[\"done\"]", format!("[\"{TOO_LARGE}\"]")),
        ("inline result", "[\"done\"]", format!("[\"{TOO_LARGE}\"]")),
        ("row", "[\"done\"]", format!("[\"{TOO_LARGE}\"]")),
        ("child input", "[\"x\",\"x\"]", format!("[\"{TOO_LARGE}\",\"{TOO_LARGE}\"]")),
        ("detached start", "[\"done\"]", format!("[\"{TOO_LARGE}\"]")),
    ] {
        if what != "child input" {
            let (selector, result) = tried(&fixture, what, 1_998);
            assert_eq!(result.result, Some(json(fits)), "{what}: {result:?}");
            replays(&fixture, &selector);
        }
        let (selector, result) = tried(&fixture, what, 1_999);
        assert_eq!(result.result, Some(json(&too_large)), "{what}: {result:?}");
        replays(&fixture, &selector);
    }
    let (_, result) = tried(&fixture, "transaction input", 1_999);
    assert_eq!(result.result, Some(json(&format!("[\"{TOO_LARGE}\"]"))), "{result:?}");
    let (selector, result) = tried(&fixture, "child memo", 300);
    assert_eq!(result.result, Some(json(&format!("[\"{TOO_LARGE}\"]"))), "{result:?}");
    replays(&fixture, &selector);
}

#[test]
fn a_signal_to_another_run_is_refused_in_the_code_and_the_other_goes_on() {
    let fixture = limited();
    let mut listener = StartRequest::new(LISTEN.name(), json("\"hi\""));
    listener.workflow_id = Some("listener".into());
    fixture.wait(fixture.engine().start(listener)).unwrap();
    let (selector, result) = tried(&fixture, "signal to another", 1_999);
    assert_eq!(result.result, Some(json(&format!("[\"{TOO_LARGE}\"]"))), "{result:?}");
    replays(&fixture, &selector);
    let (_, result) = tried(&fixture, "signal to another", 5);
    assert_eq!(result.result, Some(json("[\"done\"]")), "{result:?}");
    assert_eq!(fixture.result(&Selector::newest("listener")).result, Some(json("\"xxxxx\"")));
}

#[test]
fn a_transaction_as_a_whole_has_a_limit_and_leaves_nothing_when_it_is_met() {
    let fixture = limited();
    let (_, result) = tried(&fixture, "rows", 600);
    assert_eq!(result.result, Some(json("[\"transaction_too_large\"]")), "{result:?}");
    let (_, result) = tried(&fixture, "rows", 400);
    assert_eq!(result.result, Some(json("[\"done\"]")), "{result:?}");
    let rows = fixture.wait(fixture.engine().transact("default", |tx| {
        let large = tx.put(ROWS, "0", &text(1_999)).unwrap_err();
        let signal = tx.signal("nobody", GO, &text(1_999)).unwrap_err();
        let start = tx.start(LISTEN, "new", &text(1_999)).unwrap_err();
        let event = NewEvent::new("Told", format!("\"{}\"", text(1_999)));
        let append = Append::to(StreamId::new("Tale", "1"), Expected::Any, vec![event]);
        assert!(tx.append(append).unwrap_err().to_string().contains("the limit is 2000"));
        let kinds = [large.kind(), signal.kind(), start.kind()].map(str::to_owned);
        Ok((kinds, tx.get(ROWS, "0")?))
    }));
    let (kinds, row) = rows.unwrap();
    assert_eq!(kinds, [TOO_LARGE; 3]);
    assert_eq!(row, Some(text(400)));
}

#[test]
fn a_run_that_ends_with_too_much_fails_and_says_so() {
    let fixture = limited();
    for (what, bytes) in [("result", 1_997), ("next run", 1_990)] {
        let (selector, result) = tried(&fixture, what, bytes);
        assert_eq!(result.status, RunStatus::Failed, "{what}");
        let failure = result.failure.unwrap();
        assert_eq!((failure.kind.as_str(), failure.non_retryable), (TOO_LARGE, true));
        assert!(failure.message.contains("the limit is 2000"), "{}", failure.message);
        replays(&fixture, &selector);
    }
    assert_eq!(tried(&fixture, "result", 1_996).1.status, RunStatus::Completed);
}

#[test]
fn a_failure_that_is_too_large_is_cut() {
    let fixture = limited();
    let (selector, result) = tried(&fixture, "failure", 50_000);
    let failure = result.failure.unwrap();
    assert_eq!(failure.kind, "loud");
    assert!(
        failure.message.len() < 2_000 && failure.message.contains("50004 bytes"),
        "{failure:?}"
    );
    replays(&fixture, &selector);
    let (selector, result) = tried(&fixture, "activity failure", 50_000);
    let said: Vec<String> = result.result.unwrap().to().unwrap();
    assert_eq!(said[0], "loud");
    assert!(said[1].parse::<usize>().unwrap() < 2_100, "{said:?}");
    replays(&fixture, &selector);
}

#[test]
fn a_heartbeat_that_is_too_large_keeps_the_details_of_the_one_before() {
    let fixture = limited();
    let (_, result) = tried(&fixture, "heartbeat", 0);
    assert_eq!(result.result, Some(json("[\"7\"]")), "{result:?}");
}

#[test]
fn memo_and_search_attributes_stop_the_task_and_the_run_goes_on_when_they_fit() {
    for (what, bytes) in [("memo", 200), ("search attribute", 100)] {
        let mut fixture = limited();
        let input = Payload::from_value(&(what, bytes)).unwrap();
        let started = fixture.start(TRY.name(), input);
        let selector = Selector::newest(started.workflow_id);
        let stuck = |run: &everstep_engine::RunDescription| {
            run.task_failure.as_ref().is_some_and(|failure| {
                failure.kind.name() == TOO_LARGE && failure.location.is_some()
            })
        };
        fixture.until(&selector, stuck);
        let length = fixture.engine().describe(&selector).unwrap().history_length;
        // Other tries, in this process and in the next, record nothing.
        fixture.advance(Duration::from_secs(600));
        fixture.restart_with(worker());
        fixture.advance(Duration::from_secs(600));
        let run = fixture.engine().describe(&selector).unwrap();
        assert!(stuck(&run) && run.history_length == length, "{run:?}");
        fixture.limit(PayloadLimits::DEFAULT);
        fixture.restart_with(worker());
        let result = fixture.result(&selector);
        assert_eq!(result.result, Some(json("[\"done\"]")), "{what}: {result:?}");
        replays(&fixture, &selector);
    }
}

#[test]
fn published_state_that_is_too_large_is_said_to_be_and_never_answered_by_what_was_before() {
    let mut fixture = limited();
    let (selector, result) = tried(&fixture, "published", 1_998);
    assert_eq!(result.result, Some(json("[\"done\"]")), "{result:?}");
    assert!(fixture.engine().query(&selector, "state").is_ok());
    let (selector, result) = tried(&fixture, "published", 1_999);
    assert_eq!(result.result, Some(json("[\"done\"]")), "{result:?}");
    for _ in 0..2 {
        is_too_large(fixture.engine().query(&selector, "state"), "published as `state` has 2001");
        let asked = fixture.engine().query_with(&selector, "state", &Payload::null());
        is_too_large(asked, "the limit is 2000");
        fixture.restart_with(worker());
    }
    replays(&fixture, &selector);
}

#[test]
fn what_comes_from_outside_is_refused_at_the_door() {
    let fixture = limited();
    let engine = fixture.engine();
    let large = || Payload::from_value(&text(1_999)).unwrap();
    let request = || StartRequest::new(LISTEN.name(), json("\"hi\""));
    let start = |request| fixture.wait(engine.start(request));
    let signal = || SignalInput { name: "go".into(), payload: large() };
    let update = || UpdateInput { name: "set".into(), payload: large(), update_id: None };

    is_too_large(start(StartRequest { input: large(), ..request() }), "input");
    let memo = Some(json(&format!("{{\"a\":\"{}\"}}", text(200))));
    is_too_large(start(StartRequest { memo, ..request() }), "memo");
    let attributes = [("customer".to_owned(), json(&format!("\"{}\"", text(91))))];
    let search_attributes = attributes.into_iter().collect();
    is_too_large(start(StartRequest { search_attributes, ..request() }), "search attributes");
    is_too_large(start(StartRequest { signal: Some(signal()), ..request() }), "signal payload");
    is_too_large(
        start(StartRequest { update: Some(Box::new(update())), ..request() }),
        "update argument",
    );
    assert_eq!(engine.list(&everything(), 10, None).unwrap().workflows.len(), 0);

    let started = start(request()).unwrap();
    let listener = Selector::newest(started.workflow_id);
    is_too_large(fixture.wait(engine.signal(&listener, signal(), None)), "signal payload");
    let asked = fixture.wait(engine.update(&listener, update(), Duration::ZERO));
    is_too_large(asked, "update argument");
    is_too_large(engine.query_with(&listener, "grow", &large()), "query argument");
    is_too_large(engine.query_with(&listener, "grow", &json("1999")), "query result");
    assert!(engine.query_with(&listener, "grow", &json("1998")).is_ok());
    let batch = BatchRequest {
        filter: everything(),
        operation: BatchOperation::Signal(signal()),
        idempotency_key: None,
    };
    is_too_large(fixture.wait(engine.start_batch(batch)), "signal payload");
    let schedule = format!(
        r#"{{"spec": {{"interval_ms": 1000}}, "action": {{"type": "listen", "input": "{}"}}}}"#,
        text(1_999)
    );
    let definition = serde_json::from_str(&schedule).unwrap();
    let schedule = ScheduleInput { definition, paused: None, note: None };
    is_too_large(fixture.wait(engine.create_schedule("default", "s", schedule)), "input");
    assert_eq!(engine.describe(&listener).unwrap().history_length, 1);
}

#[test]
fn the_answer_to_an_update_is_a_failure_when_it_is_too_large() {
    let fixture = limited();
    let started = fixture.start(LISTEN.name(), json("\"hi\""));
    let listener = Selector::newest(started.workflow_id);
    let ask = |bytes: usize| {
        let payload = json(&bytes.to_string());
        let update = UpdateInput { name: "set".into(), payload, update_id: None };
        fixture.wait(fixture.engine().update(&listener, update, Duration::from_secs(20))).unwrap()
    };
    let failure: Failure = ask(1_999).failure.unwrap();
    assert_eq!(failure.kind, TOO_LARGE);
    assert_eq!(ask(5).result, Some(json("\"xxxxx\"")));
    fixture.signal(&listener, "go", "\"end\"");
    assert_eq!(fixture.result(&listener).result, Some(json("\"end\"")));
    replays(&fixture, &listener);
}
