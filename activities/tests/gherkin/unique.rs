//! Steps about entities that are unique by their stream.

use cucumber::{then, when};
use everstep_activities::{UniqueConstraintViolation, stream_ids};
use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{ActivityError, DEFAULT_NAMESPACE, TransactError, TransactionContext};

use crate::world::World;

fn create(tx: &mut TransactionContext<'_>, email: &str) -> Result<(), ActivityError> {
    let id = stream_ids(tx)?.id("User", &[email])?;
    let stream = StreamId::new("User", id.trim_start_matches("User:"));
    let created = NewEvent::new("UserCreated", "{}");
    let append = Append::to(stream, Expected::Version(0), vec![created]);
    let appended = tx.append(append).map(drop);
    appended.map_err(|error| UniqueConstraintViolation::translate(error, "email", email))
}

#[when(expr = "{int} callers at once create a user with the email {string}")]
async fn race(world: &mut World, callers: usize, email: String) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (engine, email) = (world.engine.clone(), email.clone());
        calls.spawn(async move {
            engine.transact(DEFAULT_NAMESPACE, move |tx| create(tx, &email)).await
        });
    }
    world.outcomes = calls.join_all().await;
}

#[then(expr = "{int} of them succeed(s)")]
fn succeeded(world: &mut World, count: usize) {
    assert_eq!(world.outcomes.iter().filter(|outcome| outcome.is_ok()).count(), count);
}

#[then(expr = "the others are refused with {string} for {string} {string}")]
fn others(world: &mut World, code: String, field: String, value: String) {
    for outcome in &world.outcomes {
        let Err(TransactError::Failed(error)) = outcome else { continue };
        assert_eq!(error.kind(), code);
        let shown = serde_json::to_value(error.failure()).unwrap();
        assert_eq!(
            (&shown["field"], &shown["value"]),
            (&field.clone().into(), &value.clone().into())
        );
    }
    assert!(
        world
            .outcomes
            .iter()
            .all(|outcome| { matches!(outcome, Ok(()) | Err(TransactError::Failed(_))) })
    );
}
