//! Runs that continue as new: what goes along, and who follows.

#![expect(dead_code, reason = "each test crate uses its part of the support")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use everstep_engine::{
    Either, LONG_HISTORY_EVENTS, Payload, Query, Rejection, RunStatus, Selector, Signal,
    SignalInput, StartRequest, Update, UpdateInput, UpdateStatus, Worker, Workflow,
    WorkflowContext, WorkflowError, race,
};
use serde::{Deserialize, Serialize};
use support::{Fixture, json};

const TICK: Signal<u64> = Signal::new("tick");
const GO: Signal<()> = Signal::new("go");
const COUNT: Query<(), u64> = Query::new("count");
const TICKER: Workflow<Ticker, Ticker> = Workflow::new("ticker");
const ADD: Update<u64, u64> = Update::new("add");
const LATE_ANSWERS: Workflow<u64, u64> = Workflow::new("late_answers");
const NAP: Workflow<u64, u64> = Workflow::new("nap");

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Ticker {
    batch: u64,
    until: u64,
    seen: Vec<u64>,
}

async fn ticker(ctx: &WorkflowContext, mut state: Ticker) -> Result<Ticker, WorkflowError> {
    ctx.publish(COUNT, state.seen.len() as u64);
    for _ in 0..state.batch {
        if state.seen.len() as u64 == state.until {
            return Ok(state);
        }
        let tick = ctx.signal(TICK).await;
        state.seen.push(tick);
        ctx.publish(COUNT, state.seen.len() as u64);
    }
    ctx.continue_as_new(state)
}

fn chains() -> Worker {
    Worker::new()
        .workflow(TICKER, ticker)
        .workflow(NAP, async |ctx: &WorkflowContext, ms: u64| {
            ctx.sleep(Duration::from_millis(ms)).await;
            Ok(ms)
        })
        .workflow(Workflow::new("spinner"), async |ctx: &WorkflowContext, turns: u64| match turns {
            0 => Ok(0),
            turns => ctx.continue_as_new(turns - 1),
        })
        .workflow(Workflow::new("parent_chain"), async |ctx: &WorkflowContext, run: u64| {
            let child = match run {
                0 => ctx.child(NAP, 60_000).id("carried").started().await?,
                _ => ctx.carried_child(NAP, "carried").ok_or("it was lost")?,
            };
            match race(child.result(), ctx.signal(GO)).await {
                Either::First(outcome) => Ok(outcome?),
                Either::Second(()) if run == 2 => Ok(0),
                Either::Second(()) => ctx.continue_as_new(run + 1),
            }
        })
        .workflow(LATE_ANSWERS, async |ctx: &WorkflowContext, run: u64| {
            if run == 0 {
                ctx.signal(GO).await;
                return ctx.continue_as_new(1);
            }
            let mut sum = 0;
            while let Either::First((number, reply)) = race(ctx.update(ADD), ctx.signal(GO)).await {
                sum += number;
                reply.answer(sum);
            }
            Ok(sum)
        })
        .update(LATE_ANSWERS, ADD)
        .workflow(Workflow::new("long"), async |ctx: &WorkflowContext, (): ()| {
            while !ctx.should_continue_as_new() {
                ctx.signal(TICK).await;
            }
            Ok(ctx.history_length())
        })
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.restart_with(chains());
    fixture
}

fn ticker_request(batch: u64, until: u64) -> StartRequest {
    let input = Ticker { batch, until, seen: Vec::new() };
    let mut request = StartRequest::new("ticker", Payload::from_value(&input).unwrap());
    request.workflow_id = Some("ticker".into());
    request
}

fn seen(result: &everstep_engine::RunResult) -> Vec<u64> {
    result.result.as_ref().unwrap().to::<Ticker>().unwrap().seen
}

#[test]
fn no_signal_is_lost_or_doubled_however_the_chain_turns() {
    for (batch, restarts) in [(1, 0), (1, 3), (7, 3), (64, 5)] {
        let mut fixture = fixture();
        let first = fixture.wait(fixture.engine().start(ticker_request(batch, 200))).unwrap();
        let selector = Selector::newest("ticker");
        for tick in 0..200_u64 {
            fixture.signal(&selector, "tick", &tick.to_string());
            if restarts > 0 && tick % (200 / restarts) == 50 {
                fixture.restart_with(chains());
            }
        }
        let result = fixture.result(&selector);
        assert_eq!(seen(&result), (0..200).collect::<Vec<_>>(), "batch {batch}");
        assert_eq!(fixture.engine().query(&selector, "count").unwrap(), json("200"));
        let of_first = Selector { run_id: Some(first.run_id), ..selector.clone() };
        let result = fixture.result(&of_first);
        assert_eq!(result.status, RunStatus::ContinuedAsNew);
        let last = fixture.engine().describe(&selector).unwrap();
        assert_eq!(last.first_run_id, Some(first.run_id));
        assert!(u64::from(last.run_number) > 200 / batch, "{}", last.run_number);
        let next = fixture.engine().describe(&of_first).unwrap().continued_to.unwrap();
        let next = Selector { run_id: Some(next), ..selector.clone() };
        assert_eq!(fixture.engine().describe(&next).unwrap().continued_from, Some(first.run_id));
    }
}

#[test]
fn signals_that_wait_for_the_code_all_go_along() {
    let fixture = fixture();
    let mut request = ticker_request(1, 300);
    // They all come before the code runs: every run takes one and hands on the rest.
    request.start_delay_ms = Some(1_000);
    fixture.wait(fixture.engine().start(request)).unwrap();
    let selector = Selector::newest("ticker");
    for tick in 0..300_u64 {
        fixture.signal(&selector, "tick", &tick.to_string());
    }
    fixture.advance(Duration::from_secs(1));
    assert_eq!(seen(&fixture.result(&selector)), (0..300).collect::<Vec<_>>());
}

#[test]
fn a_chain_that_only_turns_holds_nobody_up() {
    let fixture = fixture();
    let spinner = Selector::newest(fixture.start("spinner", json("40")).workflow_id);
    assert_eq!(fixture.run("nap", json("0")).status, RunStatus::Completed);
    assert_eq!(fixture.engine().describe(&spinner).unwrap().status, RunStatus::Running);
    fixture.advance(Duration::from_secs(60));
    assert_eq!(fixture.result(&spinner).result, Some(json("0")));
}

#[test]
fn an_idempotency_key_of_a_signal_holds_over_the_chain() {
    let mut fixture = fixture();
    fixture.wait(fixture.engine().start(ticker_request(1, 2))).unwrap();
    let selector = Selector::newest("ticker");
    let send = |fixture: &Fixture, payload: &str| {
        let signal = SignalInput { name: "tick".into(), payload: json(payload) };
        fixture.wait(fixture.engine().signal(&selector, signal, Some("k".into())))
    };
    for _ in 0..3 {
        send(&fixture, "1").unwrap();
        fixture.restart_with(chains());
    }
    assert!(matches!(send(&fixture, "2"), Err(Rejection::IdempotencyConflict(_))));
    fixture.signal(&selector, "tick", "5");
    assert_eq!(seen(&fixture.result(&selector)), [1, 5]);
    send(&fixture, "1").unwrap();
}

#[test]
fn the_execution_timeout_is_the_chains() {
    let fixture = fixture();
    let mut request = ticker_request(1, 10);
    request.execution_timeout_ms = Some(10_000);
    fixture.wait(fixture.engine().start(request)).unwrap();
    let selector = Selector::newest("ticker");
    for tick in 0..4_u64 {
        fixture.advance(Duration::from_secs(2));
        fixture.signal(&selector, "tick", &tick.to_string());
    }
    assert_eq!(fixture.engine().describe(&selector).unwrap().status, RunStatus::Running);
    fixture.advance(Duration::from_secs(2));
    assert_eq!(fixture.result(&selector).status, RunStatus::TimedOut);
}

#[test]
fn updates_that_wait_for_the_code_are_answered_by_the_next_run() {
    let mut fixture = fixture();
    let run = Selector::newest(fixture.start("late_answers", json("0")).workflow_id);
    let update = |id: &str, argument: &str| UpdateInput {
        name: "add".into(),
        payload: json(argument),
        update_id: Some(id.into()),
    };
    let send = |fixture: &Fixture, id: &str, argument: &str, wait: u64| {
        let wait = Duration::from_secs(wait);
        fixture.wait(fixture.engine().update(&run, update(id, argument), wait)).unwrap()
    };
    assert_eq!(send(&fixture, "a", "40", 0).status, UpdateStatus::Admitted);
    fixture.restart_with(chains());
    assert_eq!(send(&fixture, "b", "2", 0).status, UpdateStatus::Admitted);
    // Somebody waits while the chain turns.
    let (waited, ()) = fixture.wait(async {
        let waits = fixture.engine().update_outcome(&run, "b", Duration::from_secs(20));
        let turns = async {
            let go = SignalInput { name: "go".into(), payload: Payload::null() };
            fixture.engine().signal(&run, go, None).await.unwrap();
        };
        tokio::join!(waits, turns)
    });
    assert_eq!(waited.unwrap().result, Some(json("42")));
    assert_eq!(fixture.engine().describe(&run).unwrap().run_number, 2);
    fixture.restart_with(chains());
    // A retry gets the same answer, whichever run gave it.
    assert_eq!(send(&fixture, "a", "40", 20).result, Some(json("40")));
    fixture.signal(&run, "go", "null");
    assert_eq!(fixture.result(&run).result, Some(json("42")));
}

#[test]
fn children_belong_to_the_chain() {
    for last_word in ["the child", "the parent"] {
        let mut fixture = fixture();
        let parent = Selector::newest(fixture.start("parent_chain", json("0")).workflow_id);
        for run_number in [2, 3] {
            fixture.signal(&parent, "go", "null");
            fixture.restart_with(chains());
            let description = fixture.engine().describe(&parent).unwrap();
            assert_eq!(description.run_number, run_number);
            assert_eq!(description.children, ["carried"]);
        }
        let child = Selector::newest("carried");
        assert_eq!(fixture.engine().describe(&child).unwrap().status, RunStatus::Running);
        match last_word {
            "the child" => fixture.advance(Duration::from_secs(60)),
            _ => fixture.signal(&parent, "go", "null"),
        }
        let (result, child) = (fixture.result(&parent), fixture.result(&child));
        match last_word {
            "the child" => assert_eq!(result.result, Some(json("60000"))),
            _ => {
                assert_eq!((result.result, child.status), (Some(json("0")), RunStatus::Terminated));
            }
        }
    }
}

#[test]
fn a_long_history_is_hinted_at_and_pages_from_where_it_is() {
    let mut fixture = fixture();
    let long = Selector::newest(fixture.start("long", Payload::null()).workflow_id);
    for _ in 1..LONG_HISTORY_EVENTS - 1 {
        fixture.signal(&long, "tick", "1");
    }
    let description = fixture.engine().describe(&long).unwrap();
    assert_eq!((description.status, description.history_warning), (RunStatus::Running, None));
    fixture.restart_with(chains());
    for from in [1, 2, 137, 5_000, 9_998, 9_999, 10_000] {
        let page = fixture.engine().history(&long, from, 10).unwrap();
        let ids: Vec<u64> = page.events.iter().map(|event| event.event_id).collect();
        let expected: Vec<u64> = (from..=9_999).take(10).collect();
        assert_eq!(ids, expected);
        assert_eq!(page.next_event_id, (from + 10 <= 9_999).then_some(from + 10));
    }
    fixture.signal(&long, "tick", "1");
    assert_eq!(fixture.result(&long).result, Some(json("10000")));
}
