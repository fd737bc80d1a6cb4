//! Releases: what each stored and said, kept for ever and read by the next one.
//!
//! `tests/releases/VERSION` holds a backup, made by that release, of what came of the requests
//! below, and a transcript of its answers. A release in the making may still change its formats:
//! `EVERSTEP_RECORD_RELEASE=1` records it anew. One that is out is never recorded again.

use std::path::{Path, PathBuf};
use std::process::Command;

use cucumber::{given, then};
use everstep::backup::restore_backup;
use everstep_storage::EmbeddedConfig;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checkpoints::until_current;
use crate::story::{READS, WRITES};
use crate::support::{Api, Server};
use crate::world::{BINARY, World};

/// A request and its answer.
#[derive(Deserialize, Serialize)]
struct Exchange {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    status: u16,
    answer: Value,
}

/// What a release answered.
#[derive(Deserialize, Serialize)]
struct Transcript {
    writes: Vec<Exchange>,
    reads: Vec<Exchange>,
}

fn folder(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/releases").join(release)
}

fn run(command: &mut Command) {
    let done = command.status().unwrap();
    assert!(done.success(), "{command:?}: {done}");
}

async fn ask(api: &Api, path: &str, body: Option<&Value>) -> Exchange {
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let answer = api.call(method, path, body, None).await.unwrap();
    Exchange {
        path: path.to_owned(),
        body: body.cloned(),
        status: answer.status,
        answer: answer.body,
    }
}

async fn record(release: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::start(BINARY, &scratch.path().join("data"), &[]).await;
    let api = server.api();
    let mut transcript = Transcript { writes: Vec::new(), reads: Vec::new() };
    for (path, body) in WRITES {
        let body = serde_json::from_str(body).unwrap();
        let told = ask(&api, path, Some(&body)).await;
        assert!(told.status < 300 || path.ends_with("Withdraw"), "{path}: {}", told.answer);
        transcript.writes.push(told);
    }
    until_current(&api, "default", "accountSummaries").await;
    for path in READS {
        let read = ask(&api, path, None).await;
        assert_eq!(read.status, 200, "{path}: {}", read.answer);
        transcript.reads.push(read);
    }
    let into = scratch.path().join("store");
    api.post("/api/v1/admin/backup", &json!({ "into": into })).await.expect(201);
    server.kill().await;
    let folder = folder(release);
    std::fs::create_dir_all(&folder).unwrap();
    let text = serde_json::to_string_pretty(&transcript).unwrap();
    std::fs::write(folder.join("transcript.json"), text + "\n").unwrap();
    let archive = folder.join("store.tar.gz");
    run(Command::new("tar").arg("czf").arg(archive).arg("-C").arg(scratch.path()).arg("store"));
}

fn transcript(world: &World) -> Transcript {
    let text =
        std::fs::read_to_string(folder(&world.remembered["release"]).join("transcript.json"));
    serde_json::from_str(&text.unwrap()).unwrap()
}

#[given(expr = "a server on the store that release {string} left")]
async fn left_by(world: &mut World, release: String) {
    if std::env::var_os("EVERSTEP_RECORD_RELEASE").is_some() && release == env!("CARGO_PKG_VERSION")
    {
        record(&release).await;
    }
    let archive = folder(&release).join("store.tar.gz");
    world
        .own_server_on(|data| {
            let unpacked = tempfile::tempdir().unwrap();
            run(Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(unpacked.path()));
            let backup = unpacked.path().join("store");
            restore_backup(&backup, &EmbeddedConfig::default(), data).unwrap();
        })
        .await;
    world.remembered.insert("release".to_owned(), release);
}

#[then("it answers what that release answered")]
async fn same_answers(world: &mut World) {
    until_current(&world.api, "default", "accountSummaries").await;
    for then in transcript(world).reads {
        let now = ask(&world.api, &then.path, None).await;
        assert_eq!(now.status, then.status, "{}: {}", then.path, now.answer);
        let lost = lost(&then.answer, &now.answer, true);
        assert_eq!(lost, None, "{}\n{}", then.path, now.answer);
    }
}

#[then("it takes what that release took, on an empty store")]
async fn same_requests(world: &mut World) {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::start(BINARY, &scratch.path().join("data"), &[]).await;
    for then in transcript(world).writes {
        let now = ask(&server.api(), &then.path, then.body.as_ref()).await;
        assert_eq!(now.status, then.status, "{}: {}", then.path, now.answer);
        let lost = lost(&then.answer, &now.answer, false);
        assert_eq!(lost, None, "{}\n{}", then.path, now.answer);
    }
    server.kill().await;
}

#[then("it goes on with what that release had begun")]
async fn goes_on(world: &mut World) {
    world.api.signal("sum", "finish", Value::Null).await.expect(202);
    assert_eq!(world.api.completed("sum").await["sum"], 42);
    let pay = json!({ "payload": { "id": "a", "cents": 1 } });
    let paid = world.api.post("/api/v1/commands/Deposit", &pay).await.expect(200);
    assert_eq!(paid["result"], json!({ "id": "a", "version": 3 }));
    let again = json!({ "command_id": "pay", "payload": { "id": "a", "cents": 5 } });
    let again = world.api.post("/api/v1/commands/Deposit", &again).await.expect(200);
    assert_eq!(again["is_new"], false);
    let append = json!({ "expected_version": 1, "events": [{ "type": "Closed" }] });
    world.api.post("/api/v1/streams/Tap%3A1/events", &append).await.expect(200);
}

/// The path of what `now` lacks of `then`, or has with another value (of another kind, where
/// values may differ). What is new is welcome.
fn lost(then: &Value, now: &Value, values: bool) -> Option<String> {
    let within = |key: String, inner: Option<String>| inner.map(|inner| format!("{key}.{inner}"));
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => then.iter().find_map(|(key, then)| {
            let now = now.get(key).unwrap_or(&Value::Null);
            within(key.clone(), lost(then, now, values))
        }),
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs
                .into_iter()
                .find_map(|(at, (then, now))| within(at.to_string(), lost(then, now, values)))
        }
        _ if then == now => None,
        _ if !values && std::mem::discriminant(then) == std::mem::discriminant(now) => None,
        _ => Some(format!("was {then}, is {now}")),
    }
}
