//! Writers whose scope has moved meanwhile.

use cucumber::{then, when};
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::patience::Patience;
use crate::world::World;

#[when(
    expr = "{int} writers who know an old version of the warehouse add {int} of {string} at once"
)]
async fn writers(world: &mut World, count: usize, quantity: u32, product: String) {
    let created = world.get("/api/v1/events?types=ProductCreated").await;
    let tags = created["events"][0]["tags"].as_array().unwrap();
    let mut tags = tags.iter().filter_map(Value::as_str);
    let scope = tags.find(|tag| tag.ends_with(":warehouse:main")).unwrap().to_owned();
    let mut racers = JoinSet::new();
    for number in 0..count {
        let body = json!({
            "command_id": format!("add-{number}"),
            "payload": { "productId": product, "quantity": quantity },
            // Right for the first of them at best.
            "scopes": { &scope: 4 },
            "retry_conflicts": true,
        });
        racers.spawn(world.ask(Method::POST, "/api/v1/commands/AddStock", Some(body)));
    }
    let mut deferred = Vec::new();
    for answer in racers.join_all().await {
        match answer.status {
            200 => {}
            202 => deferred.push(answer.body),
            _ => panic!("{answer:?}"),
        }
    }
    world.lucky = count;
    world.remembered.insert("deferred".to_owned(), Value::Array(deferred));
}

#[then("some of them are deferred, under keys of their own")]
fn some_deferred(world: &mut World) {
    let deferred = world.remembered["deferred"].as_array().unwrap();
    assert!(!deferred.is_empty());
    let mut keys: Vec<&str> = Vec::new();
    for one in deferred {
        assert_eq!(one["status"], "deferred", "{one}");
        assert!(one["scheduled_at"].is_string() || one["scheduled_at"].is_number(), "{one}");
        keys.push(one["retry_key"].as_str().unwrap());
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), deferred.len());
}

#[then("every one of them is executed in the end")]
async fn all_executed(world: &mut World) {
    for number in 0..world.lucky {
        let path = format!("/api/v1/commands/add-{number}");
        let patience = Patience::begin();
        loop {
            let answer = world.ask(Method::GET, &path, None).await;
            let found = answer.body;
            if answer.status == 200 && found["status"] == "executed" {
                break;
            }
            assert!(patience.lasts(), "{number}: {found}");
            tokio::task::yield_now().await;
        }
    }
}

#[then(expr = "there are {int} dead letters")]
async fn dead_letters(world: &mut World, count: usize) {
    let found = world.get("/api/v1/dead-letters").await;
    assert_eq!(found["dead_letters"].as_array().unwrap().len(), count, "{found}");
}
