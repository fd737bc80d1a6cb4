//! Steps about the tables of the agents' context, and who reaches them.

use cucumber::{then, when};
use everstep_activities::contexts::call;
use everstep_engine::{ActivityError, Table, TransactionContext};
use everstep_workflows::agent::AuditType;
use everstep_workflows::agent::functions::{
    Moved, NewAuditEvent, RECORD_AUDIT_EVENT, UPDATE_CHECKPOINT,
};
use serde_json::{Value, json};

use super::{PEEK, WATCHER, audit, caller, load};
use crate::world::World;

const TABLES: [&str; 6] = [
    "agentCheckpoints",
    "agentAuditEvents",
    "agentDeadLetters",
    "agentCommands",
    "pendingApprovals",
    "agentUsage",
];
const NOTES: Table<String> = Table::new("notes", "notes");

#[when("each of its tables is looked for by another context")]
async fn looked_for(world: &mut World) {
    for table in TABLES {
        let name = format!("agents/{table}");
        let peeked = world.books.transact(move |tx| call(tx, PEEK, &caller(), &name)).await;
        world.books.codes.push(peeked.unwrap_err());
    }
}

#[then(expr = "each is refused as {string}")]
fn each_refused(world: &mut World, code: String) {
    assert_eq!(world.books.codes.len(), TABLES.len());
    assert!(world.books.codes.iter().all(|found| *found == code), "{:?}", world.books.codes);
}

#[then("a transaction without a context finds nothing under the same names")]
async fn finds_nothing(world: &mut World) {
    load(world).await;
    let found = world.books.transact(|tx| {
        let plain: Table<Value> = Table::new("agents", "agentCheckpoints");
        tx.range(plain, &everstep_engine::Keys::all())
    });
    assert_eq!(found.await.unwrap().len(), 0);
}

#[then("the same is read through the functions of the agents' context")]
async fn read_through(world: &mut World) {
    assert_eq!(load(world).await, -1);
}

#[then(expr = "loading its checkpoint begins one at {int}")]
async fn begins(world: &mut World, at: i64) {
    assert_eq!(load(world).await, at);
}

#[then(expr = "after an update to {int} loading reads {int}")]
async fn updated(world: &mut World, to: u64, read: i64) {
    let moved = Moved { agent_id: WATCHER.to_owned(), position: to, lane: "lamp".to_owned() };
    let update =
        move |tx: &mut TransactionContext<'_>| call(tx, UPDATE_CHECKPOINT, &caller(), &moved);
    world.books.transact(update).await.unwrap();
    assert_eq!(load(world).await, read);
}

#[when(
    expr = "a transaction writes \"A\", a part of the agents' context fails, and it writes \"C\""
)]
async fn part_fails(world: &mut World) {
    let done = world.books.transact(|tx| {
        tx.put(NOTES, "A", &"kept".to_owned())?;
        let part = tx.nested(|tx| {
            let moved = Moved { agent_id: WATCHER.to_owned(), position: 9, lane: "l".to_owned() };
            call(tx, UPDATE_CHECKPOINT, &caller(), &moved)?;
            Err::<(), _>(ActivityError::new("no", "the agents' part fails"))
        });
        assert!(part.is_err());
        tx.put(NOTES, "C", &"kept".to_owned())
    });
    done.await.unwrap();
}

#[then("\"A\" and \"C\" stand, and nothing of the agents' part")]
async fn parents_stand(world: &mut World) {
    let both = |tx: &mut TransactionContext<'_>| Ok((tx.get(NOTES, "A")?, tx.get(NOTES, "C")?));
    let (a, c) = world.books.transact(both).await.unwrap();
    assert!(a.is_some() && c.is_some());
    assert_eq!(load(world).await, -1);
    assert_eq!(audit(world).await.len(), 0);
}

#[when("both have written records of their audit")]
async fn both_write(world: &mut World) {
    for agent in [WATCHER, "other", WATCHER] {
        let new = NewAuditEvent {
            agent_id: agent.to_owned(),
            audit_type: AuditType::PatternDetected,
            decision_id: None,
            data: json!({ "of": agent }),
        };
        let note =
            move |tx: &mut TransactionContext<'_>| call(tx, RECORD_AUDIT_EVENT, &caller(), &new);
        world.books.transact(note).await.unwrap();
    }
}

#[then("a query for one gives the records of that one only")]
async fn one_only(world: &mut World) {
    let found = audit(world).await;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|record| record.agent_id == WATCHER), "{found:?}");
}
