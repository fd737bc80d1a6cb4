//! Steps about calls whose outcome becomes an event.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::{Arc, Mutex};

use cucumber::{given, then};
use everstep_activities::retrier::{Call, Completed, PATIENT, Retrier, WorkerRetriers};
use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::testing::{Scenario, explore_crashes};
use everstep_engine::{
    Activity, ActivityContext, ActivityError, Transaction, TransactionContext, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use serde_json::json;

use crate::world::World;

const CHARGE: Activity<u64, String> = Activity::new("charge").retry(PATIENT);
const PAY: Retrier<u64, String> = Retrier::new("pay", CHARGE);
/// Has a payment made, and looks at what the domain was told when it is over.
const SHOP: Workflow<u64, Vec<String>> = Workflow::new("shop");
const LOOK: Transaction<(), Vec<String>> = Transaction::new("look");

/// What the service was asked, and what the domain was told in the end.
#[derive(Default)]
struct Life {
    keys: BTreeSet<String>,
    told: Option<Vec<String>>,
}

fn paid(tx: &mut TransactionContext<'_>, done: Completed<'_, String>) -> Result<(), ActivityError> {
    let order = done.context["order"].as_str().unwrap_or_default();
    let (name, data) = match done.outcome {
        Ok(charge) => ("PaymentCompleted", json!({ "orderId": order, "chargeId": charge })),
        Err(failure) => ("PaymentFailed", json!({ "orderId": order, "error": failure.message })),
    };
    let event = NewEvent::new(name, data.to_string());
    tx.append(Append::to(StreamId::new("Payment", order), Expected::Any, vec![event])).map(drop)
}

async fn shop(ctx: &WorkflowContext, cents: u64) -> Result<Vec<String>, WorkflowError> {
    let call = Call { input: cents, context: json!({ "order": "o-1" }) };
    // How it went is told by the event.
    drop(ctx.child(PAY.workflow(), call).id("pay-o-1").await);
    Ok(ctx.transaction(LOOK, ()).await?)
}

fn answer(does: &str, attempt: u32) -> Result<String, ActivityError> {
    match (does, attempt) {
        ("answers", _) | ("answers at the second", 2..) => Ok("ch-1".to_owned()),
        ("declines", _) => Err(ActivityError::new("card_declined", "no").non_retryable()),
        _ => Err(ActivityError::new("http_timeout", "no answer")),
    }
}

#[given(regex = r"^a payment service that (answers|answers at the second|breaks down|declines)$")]
fn service(world: &mut World, does: String) {
    world.at = does;
}

fn scenario(does: &str, life: &Arc<Mutex<Life>>) -> Scenario<Vec<String>> {
    let (asked, told) = (Arc::clone(life), Arc::clone(life));
    let does = does.to_owned();
    let worker =
        Worker::new().retrier(PAY, paid).workflow(SHOP, shop).transaction(LOOK, move |tx, ()| {
            let events = tx.read_stream(&StreamId::new("Payment", "o-1"), 0, 10)?;
            let types: Vec<String> =
                events.iter().map(|event| event.event_type().to_owned()).collect();
            told.lock().unwrap().told = Some(types.clone());
            Ok(types)
        });
    Scenario::new(worker, SHOP, &100).mock(CHARGE, move |ctx: ActivityContext, _| {
        asked.lock().unwrap().keys.insert(ctx.idempotency_key());
        ready(answer(&does, ctx.attempt()))
    })
}

#[then(expr = "a payment that is killed after each commit in turn is always told as {string}")]
fn told(world: &mut World, event: String) {
    let lives: Mutex<Vec<Arc<Mutex<Life>>>> = Mutex::default();
    let does = world.at.clone();
    let play = || {
        let life = Arc::default();
        lives.lock().unwrap().push(Arc::clone(&life));
        scenario(&does, &life)
    };
    // It has a runtime of its own.
    let report =
        std::thread::scope(|scope| scope.spawn(|| explore_crashes(play)).join().unwrap().unwrap());
    assert!(report.crashes >= 2, "{report:?}");
    world.samples.clear();
    for life in lives.into_inner().unwrap() {
        let life = life.lock().unwrap();
        // What was made for a replay is asked for nothing.
        let Some(told) = &life.told else { continue };
        assert_eq!(*told, [event.as_str()]);
        world.samples.push(json!(life.keys.len()));
    }
}

#[then("the service was asked under one key in each of its lives")]
fn one_key(world: &mut World) {
    assert!(!world.samples.is_empty());
    assert!(world.samples.iter().all(|keys| *keys == json!(1)), "{:?}", world.samples);
}
