//! Steps about submissions that begin, and end or not.

use std::time::Duration;

use cucumber::{then, when};
use everstep_engine::log::{Append, Direction, Expected, NewEvent, Query, QueryItem, StreamId};
use everstep_engine::{DEFAULT_NAMESPACE, Worker};
use everstep_workflows::intent::{Intent, WorkerIntents, open_intents};

use crate::world::World;

const SUBMISSION: Intent = Intent::new("OrderSubmissionStarted")
    .completed_by(&["OrderSubmitted", "OrderSubmissionFailed"])
    .abandoned_after(Duration::from_secs(2 * 3_600), "OrderSubmissionAbandoned");

pub(crate) fn register(worker: Worker) -> Worker {
    worker.intent(SUBMISSION)
}

async fn tell(world: &World, event_type: &'static str, count: usize) {
    for number in 0..count {
        let data = format!(r#"{{"intentKey": "order-{number}"}}"#);
        let event = NewEvent::new(event_type, data);
        let stream = StreamId::new("Order", number.to_string());
        let append = Append::to(stream, Expected::Any, vec![event]);
        world.engine().append(DEFAULT_NAMESPACE, append).await.unwrap();
    }
}

#[when(expr = "{int} submissions are begun")]
async fn begun(world: &mut World, count: usize) {
    tell(world, "OrderSubmissionStarted", count).await;
}

#[when(expr = "{int} of them end")]
async fn end(world: &mut World, count: usize) {
    tell(world, "OrderSubmitted", count).await;
}

#[then(expr = "{int} submissions are open, for an hour")]
fn open(world: &mut World, count: usize) {
    let found = open_intents(&world.rows(), world.engine().now(), None, 1_000).unwrap().intents;
    assert_eq!(found.len(), count);
    assert!(found.iter().all(|one| one.age_ms == Some(3_600_000)), "{found:?}");
}

#[then(expr = "{int} submissions are abandoned, by an event each")]
async fn abandoned(world: &mut World, count: usize) {
    let types = vec!["OrderSubmissionAbandoned".into()];
    let query = Query { items: vec![QueryItem { types, tags: Vec::new() }] };
    let told = world.until(|engine| {
        let rows = engine.rows(DEFAULT_NAMESPACE).unwrap();
        let found = rows.log().matching(&query, 1, Direction::Forwards, 100).unwrap();
        (found.len() >= count).then_some(found)
    });
    assert_eq!(told.await.len(), count);
}
