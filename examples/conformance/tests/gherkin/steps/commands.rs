//! Commands: sent, looked at, sent while the server dies.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::patience::Patience;
use crate::world::World;

async fn send(world: &mut World, name: &str, id: Option<&str>, payload: &str) {
    let payload: Value = serde_json::from_str(&world.fill(payload)).unwrap();
    let body = match id {
        Some(id) => json!({ "command_id": id, "payload": payload }),
        None => json!({ "payload": payload }),
    };
    let path = format!("/api/v1/commands/{name}");
    world.call(Method::POST, &path, Some(&body.to_string())).await;
}

#[given(expr = "an account {string}")]
async fn account(world: &mut World, id: String) {
    let payload = json!({ "id": id, "owner": "ada" }).to_string();
    send(world, "OpenAccount", None, &payload).await;
    assert_eq!(world.status, 200, "{}", world.body);
}

#[given(expr = "context {string} has written to scope {string}")]
async fn written_to(world: &mut World, context: String, scope: String) {
    let payload = json!({ "scope": scope }).to_string();
    send(world, "NoteInScope", Some("written"), &payload).await;
    let position = world.body["first_position"].clone();
    world.call(Method::GET, &format!("/api/v1/events/{position}"), None).await;
    assert_eq!(world.body["context"], json!(context), "{}", world.body);
}

#[when(regex = r#"^"(\w+)" is sent with (\{.*\})$"#)]
async fn sent(world: &mut World, name: String, payload: String) {
    send(world, &name, None, &payload).await;
}

#[when(regex = r#"^"(\w+)" is sent as "([^"]+)" with (\{.*\})$"#)]
async fn sent_as(world: &mut World, name: String, id: String, payload: String) {
    send(world, &name, Some(&id), &payload).await;
}

#[when(regex = r#"^the (\w+) sends "(\w+)" as "([^"]+)" with (\{.*\})$"#)]
async fn sent_by(world: &mut World, who: String, name: String, id: String, payload: String) {
    world.become_caller(&who);
    send(world, &name, Some(&id), &payload).await;
}

#[when(regex = r#"^the (\w+) looks at "([^"]+)"$"#)]
async fn looked_at(world: &mut World, who: String, path: String) {
    world.become_caller(&who);
    world.call(Method::GET, &path, None).await;
}

/// A command that somebody else sends; its record becomes the last answer.
#[when(expr = "the command {string} is executed")]
async fn executed(world: &mut World, id: String) {
    let path = format!("/api/v1/commands/{id}");
    let patience = Patience::begin();
    while patience.lasts() {
        world.call(Method::GET, &path, None).await;
        if world.status == 200 {
            assert_eq!(world.body["status"], "executed");
            return;
        }
        // Each look is a turn of the server's loop, in which the command comes nearer.
        tokio::task::yield_now().await;
    }
    panic!("`{id}` was never sent");
}

#[then(expr = "its entry is {string}")]
fn its_entry(world: &mut World, entry: String) {
    assert_eq!(world.body["entry"], entry, "{}", world.body);
}

#[then(regex = r"^its steps are ((?:\w+, )*\w+)$")]
fn its_steps(world: &mut World, steps: String) {
    let taken: Vec<&str> =
        world.at("steps").as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(taken.join(", "), steps);
}

/// A stream's version is its number of events; whoever opens an account anew is told it.
#[then(expr = "the stream of account {string} has {int} event(s)")]
async fn its_stream(world: &mut World, id: String, count: usize) {
    let payload = json!({ "id": id, "owner": "nobody" }).to_string();
    send(world, "OpenAccount", None, &payload).await;
    assert_eq!(world.body["code"], "ACCOUNT_EXISTS", "{}", world.body);
    assert_eq!(world.body["context"]["version"], count, "{}", world.body);
}

#[then(regex = r#"^(\d+) of the answers (?:has|have) "(\w+)" true$"#)]
fn are_true(world: &mut World, count: usize, field: String) {
    let met = world.answers.iter().filter(|answer| answer.body[&field] == true).count();
    assert_eq!(met, count, "{:?}", world.answers);
}

#[when(expr = "{int} deposits are sent while the server is killed {int} times")]
async fn killed(world: &mut World, deposits: usize, kills: usize) {
    let each = deposits / kills;
    for round in 0..kills {
        let mut calls = tokio::task::JoinSet::new();
        for number in round * each..(round + 1) * each {
            let payload = json!({ "id": "a", "cents": 1 });
            let body = json!({ "command_id": format!("d-{number}"), "payload": payload });
            calls.spawn(world.try_ask(
                Method::POST,
                "/api/v1/commands/Deposit",
                Some(&body.to_string()),
            ));
        }
        // Somewhere among them: after the first answer.
        calls.join_next().await;
        world.kill_and_start().await;
        calls.join_all().await;
    }
    world.remembered.insert("deposits".to_owned(), (kills * each).to_string());
}

#[then("every deposit is executed once, and each has its event")]
async fn all_once(world: &mut World) {
    let deposits: u64 = world.remembered["deposits"].parse().unwrap();
    for number in 0..deposits {
        let payload = json!({ "id": "a", "cents": 1 }).to_string();
        let id = format!("d-{number}");
        let known = world.ask(Method::GET, &format!("/api/v1/commands/{id}"), None).await;
        if known.status == 200 {
            // What is recorded is executed, with its event.
            assert_eq!(known.body["status"], "executed", "{}", known.body);
            let path = format!("/api/v1/commands/{id}/events");
            let events = world.ask(Method::GET, &path, None).await.expect(200);
            assert_eq!(events["events"][0]["causation_id"], id, "{events}");
        }
        send(world, "Deposit", Some(&id), &payload).await;
        assert_eq!(world.status, 200, "{}", world.body);
    }
    its_stream(world, "a".to_owned(), 1 + deposits as usize).await;
}
