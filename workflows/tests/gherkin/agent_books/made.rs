//! Steps about decisions, and what ends the handling of an event.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cucumber::{then, when};
use everstep_engine::{DEFAULT_NAMESPACE, HistoryEvent, RunStatus, Selector};
use everstep_workflows::agent::AgentDeadLetter;

use super::{WATCHER, audit, decision, load};
use crate::world::{PATIENCE, World};

#[then("its decision has the model's confidence and reasoning")]
async fn has_decision(world: &mut World) {
    let decision = decision(world).await;
    assert_eq!(decision["confidence"], 0.9, "{decision}");
    assert_eq!(decision["reasoning"], "it looks broken", "{decision}");
    assert_eq!(decision["analysisMethod"], "llm", "{decision}");
    assert_eq!(decision["llmContext"]["model"], "scripted", "{decision}");
}

#[then("its run's history has the question's result and then one completing transaction")]
async fn one_commit(world: &mut World) {
    let selector = Selector::newest("agent:watcher:1");
    let ended = world.books.engine().result(&selector, PATIENCE).await.unwrap();
    assert_eq!(ended.status, RunStatus::Completed);
    let page = world.books.engine().history(&selector, 1, 100).unwrap();
    let scheduled: Vec<String> = page
        .events
        .iter()
        .filter_map(|event| match &event.recorded.event {
            HistoryEvent::ActivityScheduled { activity_type, .. } => {
                Some(activity_type.to_string())
            }
            _ => None,
        })
        .collect();
    let order = ["agents.admit", "ask_llm", "agents.complete", "agents.route_command"];
    assert_eq!(scheduled, order);
}

#[then("audit, command and checkpoint moved together")]
async fn together(world: &mut World) {
    let names: Vec<String> =
        audit(world).await.iter().rev().map(|it| it.audit_type.name().to_owned()).collect();
    let begins = ["PatternDetected", "AgentDecisionMade", "CommandEmitted", "CheckpointUpdated"];
    assert_eq!(names[..4], begins);
    let at: Vec<_> = audit(world).await.iter().rev().take(4).map(|it| it.at).collect();
    assert!(at.windows(2).all(|pair| pair[0] == pair[1]), "{at:?}");
    assert_eq!(load(world).await, 1);
}

#[when("the process is killed after the answer and started again")]
async fn killed(world: &mut World) {
    let asked = Arc::clone(&world.books.asked);
    let engine = world.books.engine().clone();
    // The answer stands in the history once completing was tried.
    world
        .books
        .until(async |_| {
            let page = engine.history(&Selector::newest("agent:watcher:1"), 1, 100).ok()?;
            let answered = page.events.iter().any(|event| {
                matches!(&event.recorded.event, HistoryEvent::ActivityScheduled { activity_type, .. }
                    if activity_type.to_string() == "agents.complete")
            });
            (answered && asked.load(Ordering::SeqCst) == 1).then_some(())
        })
        .await;
    let running = world.books.running.take().unwrap();
    running.engine.drain(Duration::ZERO).await;
    drop((running, engine));
    world.books.refuses.store(false, Ordering::SeqCst);
    world.books.open();
}

#[then("the decision is made, and the model was asked once")]
async fn asked_once(world: &mut World) {
    assert_eq!(decision(world).await["confidence"], 0.9);
    assert_eq!(world.books.asked.load(Ordering::SeqCst), 1);
}

#[then(expr = "its decision was made by {string}")]
async fn made_by(world: &mut World, method: String) {
    let decision = decision(world).await;
    assert_eq!(decision["analysisMethod"], method, "{decision}");
    assert_eq!(decision["fallbackReason"], "LLM_UNAVAILABLE", "{decision}");
}

#[then(expr = "there is a pending dead letter because of {string}")]
async fn letter(world: &mut World, reason: String) {
    let found: AgentDeadLetter = world
        .books
        .until(async |service| {
            let found =
                service.dead_letters(DEFAULT_NAMESPACE, Some(WATCHER), Some("pending"), None, 10);
            found.unwrap().items.into_iter().next()
        })
        .await;
    assert_eq!((found.reason.as_str(), found.event_id.as_str()), (reason.as_str(), "evt_1"));
}

#[then(expr = "the audit has {string}")]
async fn audit_has(world: &mut World, name: String) {
    let found = audit(world).await;
    assert!(found.iter().any(|record| record.audit_type.name() == name), "{found:?}");
}

#[then("the checkpoint is not past the event")]
async fn not_past(world: &mut World) {
    assert!(load(world).await < 1);
}

#[then(expr = "the handler saw {string} and wrote to the audit and the checkpoint")]
async fn handler_saw(world: &mut World, kind: String) {
    world
        .books
        .until(async |service| {
            let view = service.describe(DEFAULT_NAMESPACE, WATCHER).await.unwrap();
            (view.checkpoint.last_processed_position == 1).then_some(())
        })
        .await;
    assert_eq!(*world.books.seen.lock().unwrap(), [kind]);
    assert_eq!(audit(world).await.last().unwrap().audit_type.name(), "SomethingElse");
}

#[then(expr = "the global default saw {string}")]
async fn default_saw(world: &mut World, kind: String) {
    let seen = Arc::clone(&world.books.seen);
    world.books.until(async |_| (!seen.lock().unwrap().is_empty()).then_some(())).await;
    assert_eq!(seen.lock().unwrap()[0], kind);
}
