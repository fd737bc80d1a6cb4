//! What rests on disk of a server that encrypts, after `kill -9` too.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Server, Worker, start};

/// In every payload; never on disk.
const SECRET: &str = "4111-1111-1111-1111";

/// Arguments that name a file with these lines of `id:base64`.
fn encrypted(file: &Path, lines: &str) -> &'static [&'static str] {
    std::fs::write(file, lines).unwrap();
    let file: &'static str = file.display().to_string().leak();
    vec!["--clock", "manual", "--encryption-keys", file].leak()
}

/// A key of 32 equal bytes, of which this is every third one's base64.
fn key(id: &str, group: &str) -> String {
    format!("{id}:{}{}=\n", group.repeat(10), &group[..3])
}

/// Every file below a directory that holds the text.
fn holding(dir: &Path, text: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding(&path, text, found);
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|at| at == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test]
async fn nothing_readable_rests_on_disk_and_a_restart_with_the_keys_reads_all_of_it() {
    let keys = tempfile::tempdir().unwrap();
    let args = encrypted(&keys.path().join("keys"), &key("k1", "AQEB"));
    let worker = Worker::with(args).await;
    let api = worker.api();
    let secret = json!({ "card": SECRET });
    api.run("chain", "steps", json!({ "steps": 3, "payload": secret })).await;
    api.start("accumulate", "open", json!({})).await;
    api.signal("open", "noise", secret.clone()).await.expect(202);
    let start = json!({
        "type": "echo", "id": "delayed", "input": secret, "memo": secret,
        "start_delay_ms": 3_600_000,
    });
    api.post("/api/v1/workflows", &start).await.expect(201);
    api.start("approval", "approval", json!({ "timeout_ms": 3_600_000 })).await;
    api.signal("approval", "approve", json!({ "by": SECRET })).await.expect(202);
    assert_eq!(api.completed("approval").await["by"], SECRET);
    api.post("/api/v1/workflows/open/terminate", &json!({ "reason": SECRET })).await.expect(202);
    let schedule = json!({
        "id": "nightly", "spec": { "interval_ms": 86_400_000 }, "overlap": "skip",
        "action": { "type": "echo", "input": secret },
    });
    let made = api.post("/api/v1/schedules", &schedule).await;
    assert!(made.status < 300, "{}", made.body);

    let worker = worker.crash().await;
    let mut found = Vec::new();
    holding(&worker.dir.path().join("data"), SECRET, &mut found);
    assert_eq!(found, Vec::<String>::new());
    let api = worker.api();
    assert_eq!(api.completed("steps").await["payload"], secret);
    assert_eq!(api.completed("approval").await["by"], SECRET);
    assert_eq!(api.describe("delayed").await["memo"], secret);
    let schedule = api.get("/api/v1/schedules/nightly").await.expect(200);
    assert!(schedule.to_string().contains(SECRET), "{schedule}");
    let history = api.get("/api/v1/workflows/open/history").await.expect(200);
    assert_eq!(history.to_string().matches(SECRET).count(), 2, "{history}");
    worker.server.kill().await;
    let mut found = Vec::new();
    holding(&worker.dir.path().join("data"), SECRET, &mut found);
    assert_eq!(found, Vec::<String>::new(), "after a recovery");
}

#[tokio::test]
async fn keys_rotate_and_a_wrong_or_missing_one_is_refused_by_its_name() {
    let keys = tempfile::tempdir().unwrap();
    let file = keys.path().join("keys");
    let first = encrypted(&file, &key("k1", "AQEB"));
    let worker = Worker::with(first).await;
    worker.api().run("echo", "before", json!(SECRET)).await;
    std::fs::write(&file, key("k2", "AgIC") + &key("k1", "AQEB")).unwrap();
    let worker = worker.crash().await;
    assert_eq!(worker.api().completed("before").await, SECRET);
    worker.api().run("echo", "after", json!(SECRET)).await;
    let Worker { dir, server, .. } = worker;
    server.kill().await;

    let data = dir.path().join("data");
    for (lines, refusal) in [
        (key("k2", "AgIC"), "sealed with key `k1`, which is not among the keys given"),
        (key("k2", "AgIC") + &key("k1", "AwMD"), "key `k1` is not the one"),
    ] {
        let args = encrypted(&file, &lines);
        let binary = env!("CARGO_BIN_EXE_conformance");
        let started = Server::start_within(binary, &data, args, Duration::from_secs(60)).await;
        assert!(started.is_none(), "it must not serve");
        let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
        assert!(log.contains(refusal), "{log}");
        assert!(!log.contains("AgIC") && !log.contains("AwMD"), "no key is ever shown: {log}");
    }
    let args = encrypted(&file, &(key("k2", "AgIC") + &key("k1", "AQEB")));
    let server = start(&dir, args).await;
    assert_eq!(server.api().completed("after").await, Value::from(SECRET));
}

/// Runs the worker's `rekey`; what it printed, and whether it succeeded.
fn rekey(from: &Path, into: &Path, more: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.arg("rekey").arg("--data").arg(from).arg("--into").arg(into).args(more);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// A server on a copy, with everything that the original was given.
async fn serves(dir: &Path, args: &[&str]) {
    let server = Server::start(env!("CARGO_BIN_EXE_conformance"), dir, args).await;
    let api = server.api();
    assert_eq!(api.completed("steps").await["payload"], json!({ "card": SECRET }));
    assert_eq!(api.query("open", "sum").await, 7);
    api.signal("open", "add", json!(1)).await.expect(202);
    api.signal("open", "finish", Value::Null).await.expect(202);
    assert_eq!(api.completed("open").await["sum"], 8);
    server.kill().await;
}

#[tokio::test]
async fn rekey_copies_a_store_from_one_key_to_another_and_from_plain_to_sealed_and_back() {
    let keys = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: &str| {
        let path = keys.path().join(name);
        encrypted(&path, lines);
        path.display().to_string()
    };
    let (first, second) = (key("k1", "AQEB"), key("k2", "AgIC"));
    let old = file("old", &first);
    let both = file("both", &format!("{second}{first}"));
    let new = file("new", &second);

    // A plain store, killed, so that its journal has to be read as well.
    let worker = Worker::with_manual_clock().await;
    let api = worker.api();
    let input = json!({ "steps": 3, "payload": { "card": SECRET } });
    api.run("chain", "steps", input).await;
    api.start("accumulate", "open", json!({})).await;
    api.signal("open", "add", json!(7)).await.expect(202);
    let Worker { dir, server, .. } = worker;
    let plain = dir.path().join("data");
    let (done, said) = rekey(&plain, &dir.path().join("x"), &["--encryption-keys", &old]);
    assert!(!done && said.contains("failed to copy"), "a server runs on it: {said}");
    server.kill().await;

    let at = |name: &str| dir.path().join(name);
    let (done, said) = rekey(&plain, &at("sealed"), &["--encryption-keys", &old]);
    assert!(done && said.contains("rows"), "{said}");
    let mut found = Vec::new();
    holding(&at("sealed"), SECRET, &mut found);
    assert_eq!(found, Vec::<String>::new());
    // It is there, and not written over.
    let (done, said) = rekey(&plain, &at("sealed"), &["--encryption-keys", &old]);
    assert!(!done && said.contains("exists"), "{said}");
    // Without its key it cannot be copied, and the message names the key.
    let (done, said) = rekey(&at("sealed"), &at("y"), &["--encryption-keys", &new]);
    assert!(!done && said.contains("k1"), "{said}");

    let (done, said) = rekey(&at("sealed"), &at("moved"), &["--encryption-keys", &both, "--json"]);
    assert!(done, "{said}");
    assert!(serde_json::from_str::<Value>(&said).unwrap()["rows"].as_u64().unwrap() > 5, "{said}");
    let (done, said) =
        rekey(&at("moved"), &at("readable"), &["--encryption-keys", &new, "--plain"]);
    assert!(done, "{said}");
    let mut found = Vec::new();
    holding(&at("readable"), SECRET, &mut found);
    assert!(!found.is_empty());

    // Who opens a store with a new key has it write the new key's probe.
    serves(&at("sealed"), &["--clock", "manual", "--encryption-keys", &both]).await;
    serves(&at("moved"), &["--clock", "manual", "--encryption-keys", &new]).await;
    serves(&at("readable"), &["--clock", "manual"]).await;
    // What was copied is as it was.
    serves(&plain, &["--clock", "manual"]).await;
}
