//! The `everstep` program itself: what it prints where, and how it exits. The server runs on the
//! runtime's threads while the test's own waits for the program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::TestServer;

fn everstep(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everstep"));
    command.args(arguments).env("EVERSTEP_URL", url).env_remove("COLUMNS");
    command
}

pub(crate) fn run(url: &str, arguments: &[&str]) -> Output {
    everstep(url, arguments).output().unwrap()
}

pub(crate) fn succeed(url: &str, arguments: &[&str]) -> String {
    let output = run(url, arguments);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    assert_eq!(err, "", "{arguments:?}");
    out
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

pub(crate) fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_shows_one_moment_and_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let server = TestServer::start().await;
    let url = server.client.url().to_owned();
    let url = url.as_str();
    succeed(url, &["start", "sum", "--id", "s"]);
    succeed(url, &["signal", "s", "add", "41"]);
    // Somebody writes all the while.
    let writer = {
        let client = server.client.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let id = format!("during-{number}");
                if client
                    .workflow(crate::support::GREET, &id)
                    .unwrap()
                    .id(&id)
                    .start()
                    .await
                    .is_err()
                {
                    return;
                }
            }
        })
    };
    let made = document(&succeed(url, &["backup", "--into", &at("backup"), "--json"]));
    writer.abort();
    assert!(made["rows"].as_u64().unwrap() > 2, "{made}");
    succeed(url, &["signal", "s", "add", "1"]);
    let refused = run(url, &["backup", "--into", &at("backup"), "--json"]);
    assert_eq!(document(&texts(&refused).1)["code"], "backup_refused");
    let refused = run(url, &["backup", "--into", "/proc/nowhere/backup", "--json"]);
    assert_eq!(document(&texts(&refused).1)["status"], 422);
    server.stop().await;

    let whole = document(&succeed(url, &["verify", &at("backup"), "--json"]));
    assert_eq!(whole["rows_sha256"], made["rows_sha256"]);
    succeed(url, &["restore", "--from", &at("backup"), "--into", &at("data")]);
    let restored = document(&succeed(url, &["verify", &at("data"), "--json"]));
    assert_eq!(restored["rows_sha256"], made["rows_sha256"]);
    let refused = run(url, &["restore", "--from", &at("backup"), "--into", &at("data")]);
    assert!(texts(&refused).1.contains("exists"), "{refused:?}");
    // A copy of a store that stands still is the same, whoever makes it.
    let again = succeed(url, &["backup", "--data", &at("data"), "--into", &at("again"), "--json"]);
    assert_eq!(document(&again)["rows_sha256"], made["rows_sha256"]);
    let server = TestServer::start_with(|config| config.data = dir.path().join("data")).await;
    assert_eq!(succeed(server.client.url(), &["query", "s", "sum"]), "41\n");
    server.stop_keeping().await;

    // Any byte of any file.
    let largest =
        made["files"].as_array().unwrap().iter().max_by_key(|file| file["bytes"].as_u64());
    let file = dir.path().join("backup").join(largest.unwrap()["name"].as_str().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let refused = run(url, &["verify", &at("backup"), "--json"]);
    assert!(texts(&refused).1.contains("is not as it was made"), "{refused:?}");
    let refused = run(url, &["restore", "--from", &at("backup"), "--into", &at("more")]);
    assert!(!refused.status.success() && !dir.path().join("more").exists());
    assert!(!run(url, &["verify", &at("nothing")]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_the_event_that_was_changed() {
    let server = TestServer::start().await;
    let url = server.client.url().to_owned();
    let url = url.as_str();
    for number in 1..=9 {
        let data = format!("\"told number {number}\"");
        succeed(url, &["events", "append", "Order:o-1", "Told", &data]);
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    succeed(url, &["backup", "--into", &at("backup")]);
    server.stop().await;
    let said = succeed(url, &["verify", &at("backup")]);
    assert!(said.contains("9 events in their chain"), "{said}");
    succeed(url, &["restore", "--from", &at("backup"), "--into", &at("data")]);
    // The same bit in the backup and in a store.
    for directory in ["backup", "data"] {
        let mut changed = 0;
        for file in std::fs::read_dir(dir.path().join(directory)).unwrap() {
            let file = file.unwrap().path();
            // The journal has checksums of its own, and says so before anybody reads an event.
            if file.extension().is_none_or(|extension| extension != "redb" && extension != "dat") {
                continue;
            }
            let mut bytes = std::fs::read(&file).unwrap();
            let told = b"told number 6";
            let places: Vec<_> =
                (0..bytes.len()).filter(|at| bytes[*at..].starts_with(told)).collect();
            for place in &places {
                bytes[*place] ^= 0x20;
            }
            changed += places.len();
            std::fs::write(&file, bytes).unwrap();
        }
        assert!(changed > 0, "{directory}");
        let refused = run(url, &["verify", &at(directory)]);
        assert!(!refused.status.success());
        let why = texts(&refused).1;
        assert!(why.contains("the event at position 6 is not what was appended"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_asked_for_and_shown_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens.json");
    let file = file.to_str().unwrap();
    let nowhere = "http://127.0.0.1:1";
    let made = succeed(nowhere, &["token", "--role", "viewer", "--name", "eve", "--into", file]);
    let viewer = made.lines().next().unwrap().trim_start_matches("token").trim().to_owned();
    let made = document(&succeed(
        nowhere,
        &["token", "--role", "app", "--name", "b", "--into", file, "--json"],
    ));
    let app = made["token"].as_str().unwrap().to_owned();
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(!kept.contains(&viewer) && !kept.contains(&app), "{kept}");
    assert!(kept.contains(made["entry"]["sha256"].as_str().unwrap()), "{kept}");
    assert!(!run(nowhere, &["token", "--name", "eve", "--into", file]).status.success());

    let tokens = everstep::access::Tokens::read(file.as_ref()).unwrap();
    let server = TestServer::start_with(|config| config.tokens = Some(tokens)).await;
    let url = server.client.url();
    let refused = run(url, &["list", "--json"]);
    assert_eq!(document(&texts(&refused).1)["code"], "UNAUTHENTICATED");
    let start = ["start", "greet", "\"Ada\"", "--id", "g", "--token"];
    let refused = run(url, &[&start[..], &[&viewer]].concat());
    assert!(texts(&refused).1.contains("UNAUTHORIZED: App role required"), "{refused:?}");
    succeed(url, &[&start[..], &[&app]].concat());
    let listed = everstep(url, &["list"]).env("EVERSTEP_TOKEN", &viewer).output().unwrap();
    let (out, err) = texts(&listed);
    assert!(listed.status.success() && out.contains("greet"), "{out}{err}");
    let help =
        texts(&everstep(url, &["list", "--help"]).env("EVERSTEP_TOKEN", &app).output().unwrap());
    assert!(help.0.contains("EVERSTEP_TOKEN") && !help.0.contains(&app), "{}", help.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_from_start_to_end() {
    let server = TestServer::start().await;
    let url = server.client.url();
    let started =
        document(&succeed(url, &["start", "sum", "--id", "s/1", "--attr", "n=7", "--json"]));
    assert_eq!((&started["workflow_id"], &started["started"]), (&"s/1".into(), &true.into()));
    succeed(url, &["signal", "s/1", "add", "41"]);
    succeed(url, &["signal", "s/1", "add", "1", "--json"]);
    assert_eq!(succeed(url, &["query", "s/1", "sum"]), "42\n");
    assert_eq!(succeed(url, &["query", "s/1", "above", "41"]), "true\n");
    assert_eq!(succeed(url, &["payload", "s/1", "2"]), "41\n");
    assert_eq!(succeed(url, &["payload", "s/1", "3", "0", "--json"]), "1\n");
    assert!(texts(&run(url, &["payload", "s/1", "2", "1"])).1.contains("has no payload 1"));
    assert_eq!(succeed(url, &["update", "s/1", "take", "2", "--id", "t1"]), "40\n");
    let again = document(&succeed(url, &["update", "s/1", "take", "2", "--id", "t1", "--json"]));
    assert_eq!((&again["update_id"], &again["result"]), (&"t1".into(), &40.into()));
    assert_eq!(succeed(url, &["update", "s/1", "--outcome", "t1"]), "40\n");
    let refused = run(url, &["update", "s/1", "take", "50"]);
    assert!(!refused.status.success() && texts(&refused).1.contains("only 40 left"));
    succeed(url, &["update", "s/1", "take", "-2"]);
    let listed = document(&succeed(url, &["list", "--attr", "n=7", "--json"]));
    assert_eq!(listed["workflows"][0]["workflow_id"], "s/1");
    let page = succeed(url, &["show", "s/1"]);
    assert!(page.starts_with("⏸ waiting  s/1  sum\n"), "{page}");
    assert!(
        page.contains("update take") && page.contains("signal add") && !page.contains('\x1b'),
        "{page}"
    );

    let mut follow = everstep(url, &["show", "s/1", "--follow"]);
    let mut following = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next().transpose().unwrap() {
        if line.contains("signal add") && line.ends_with(" 1") {
            break;
        }
    }
    succeed(url, &["signal", "s/1", "finish"]);
    let mut rest = String::new();
    while let Some(line) = lines.next().transpose().unwrap() {
        rest = rest + &line + "\n";
    }
    assert!(rest.contains("✓ completed after") && rest.contains("42"), "{rest}");
    assert!(following.wait().unwrap().success());

    let shown = document(&succeed(url, &["show", "s/1", "--json"]));
    assert_eq!(shown["workflow"]["result"], 42);
    let length = shown["workflow"]["history_length"].as_u64().unwrap();
    assert_eq!(shown["events"].as_array().unwrap().len() as u64, length);
    server.stop().await;
}

/// Asks again until the run looks so.
fn shown(url: &str, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let shows = (0..1_000).map(|_| document(&succeed(url, &["show", id, "--json"])));
    let mut runs = shows.map(|mut shown| shown["workflow"].take());
    runs.find(wanted).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_reported_from_outside() {
    let server = TestServer::start().await;
    let url = server.client.url();
    succeed(url, &["start", "sign", "--id", "s"]);
    let token = |attempt: u64| {
        let run = shown(url, "s", |run| {
            let pending = &run["pending_activities"][0];
            pending["attempt"] == attempt && pending["task_token"].is_string()
        });
        run["pending_activities"][0]["task_token"].as_str().unwrap().to_owned()
    };
    let first = token(1);
    assert!(succeed(url, &["show", "s"]).contains(&first));
    assert_eq!(succeed(url, &["activity", "heartbeat", &first, "{\"page\":3}"]), "noted\n");
    let failed = succeed(
        url,
        &["activity", "fail", &first, "no_ink", "--message", "come back later", "--json"],
    );
    assert_eq!(document(&failed)["accepted"], true);

    let second = token(2);
    assert_ne!(first, second);
    // The first attempt is over, whoever still has its token.
    let late = run(url, &["activity", "complete", &first, "\"late\"", "--json"]);
    assert_eq!(late.status.code(), Some(1));
    assert_eq!(document(&texts(&late).1)["code"], "activity_not_pending");
    let completed = succeed(url, &["activity", "complete", &second, "\"Ada\""]);
    assert_eq!(completed, "activity completed\n");
    let ended = shown(url, "s", |run| run["status"] == "completed");
    assert_eq!(ended["result"], "Ada");
    let nonsense = run(url, &["activity", "heartbeat", "nonsense"]);
    assert!(!nonsense.status.success() && texts(&nonsense).1.contains("task token"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_tells_success_from_failure() {
    let server = TestServer::start().await;
    let url = server.client.url();
    let greeted = succeed(url, &["start", "greet", "\"Ada\"", "--wait", "60s"]);
    assert!(greeted.contains("✓ completed\n\"Hello, Ada\"\n"), "{greeted}");
    let failed = run(url, &["start", "decline", "--wait", "60s", "--json"]);
    assert_eq!(failed.status.code(), Some(1));
    let (out, _) = texts(&failed);
    assert_eq!(document(&out)["failure"]["type"], "declined");

    succeed(url, &["start", "sum", "--id", "a"]);
    succeed(url, &["cancel", "a"]);
    succeed(url, &["start", "sum", "--id", "b"]);
    succeed(url, &["terminate", "b", "--reason", "enough"]);
    assert!(succeed(url, &["show", "b"]).contains("enough"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_act_on_many_runs() {
    let server = TestServer::start().await;
    let url = server.client.url();
    for n in 0..4 {
        let half = format!("half={}", n % 2);
        succeed(url, &["start", "sum", "--id", &format!("s-{n}"), "--attr", &half]);
    }
    let counted = succeed(url, &["batch", "cancel", "--attr", "half=0", "--dry-run"]);
    assert_eq!(counted, "cancel would act on 2 runs\n");
    let signalled = succeed(
        url,
        &["batch", "signal", "add", "40", "--type", "sum", "--status", "running", "--wait"],
    );
    assert_eq!(
        signalled,
        "signal of status=running type=sum\ncompleted: 4 of 4 runs done, 0 failed\n"
    );
    assert_eq!(succeed(url, &["query", "s-3", "sum"]), "40\n");
    let reason = ["--reason", "too old", "--wait", "--json"];
    let batch = [&["batch", "terminate", "--attr", "half=1"], &reason[..]].concat();
    let batch = document(&succeed(url, &batch));
    assert_eq!((&batch["done"], &batch["total"]), (&2.into(), &2.into()));
    assert!(succeed(url, &["show", "s-1"]).contains("too old"));

    // A reset that one of two histories cannot take: the batch is told, and the command fails.
    succeed(url, &["signal", "s-0", "add", "1"]);
    let refused = run(url, &["batch", "reset", "--id-prefix", "s-0", "--to", "99", "--wait"]);
    let (out, _) = texts(&refused);
    assert_eq!(refused.status.code(), Some(1), "{out}");
    assert!(out.contains("0 of 1 run done, 1 failed\n  s-0: event 99 does not exist"), "{out}");
    let begun = document(&succeed(url, &["batch", "cancel", "--all", "--json"]));
    let id = begun["batch_id"].as_str().unwrap();
    assert!(succeed(url, &["batch", "show", id, "--wait"]).contains("2 of 2 runs done"));
    let batches = succeed(url, &["batch", "list"]);
    assert_eq!(batches.lines().count(), 5, "{batches}");
    assert!(batches.contains("cancel") && batches.contains("every run"), "{batches}");
    let careless = run(url, &["batch", "terminate"]);
    assert_eq!(careless.status.code(), Some(1));
    assert!(texts(&careless).1.contains("--all"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_go_to_stderr() {
    let server = TestServer::start().await;
    let url = server.client.url();
    let output = run(url, &["show", "nobody", "--json"]);
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""));
    assert_eq!(document(&err)["code"], "workflow_not_found");
    assert_eq!(document(&err)["status"], 404);

    let output = run(url, &["cancel", "nobody"]);
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""));
    assert!(err.starts_with("error: workflow `nobody` does not exist"), "{err}");

    let url = url.to_owned();
    server.stop().await;
    let output = run(&url, &["list", "--json"]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(document(&err)["code"], "unreachable");
    assert!(err.contains(&url), "{err}");

    let output = run(&url, &["list", "--status", "done"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Every workload in small: the figures are there, are no zeros, and nothing is left behind.
#[test]
fn the_benchmark_measures() {
    let dir = std::env::temp_dir().join(format!("everstep-bench-test-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let data = dir.to_str().unwrap();
    let arguments = [
        "bench",
        "--workloads",
        "w1,w2,w3,w4,w5,w8,e1,e2,e3,e4,e5,r1",
        "--seconds",
        "0.2",
        "--concurrency",
        "1,8",
        "--sleepers",
        "500",
        "--runs",
        "2000",
        "--stored",
        "20000",
        "--data",
        data,
        "--json",
    ];
    let output = run("", &arguments);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    let report = document(&out);
    assert_eq!(report["mode"], "in_process");
    let cells = report["cells"].as_array().unwrap();
    let workloads: Vec<&str> =
        cells.iter().map(|cell| cell["workload"].as_str().unwrap()).collect();
    assert_eq!(
        workloads,
        ["w1", "w2", "w2", "w3", "w3", "w4", "w5", "w8", "e1", "e2", "e2", "e3", "e4", "e5", "r1"]
    );
    for cell in cells {
        assert!(cell["disk"]["syncs_per_s"].as_f64().unwrap() > 0.0, "{cell}");
        let figures = cell["figures"].as_array().unwrap();
        assert!(figures.len() >= 4, "{cell}");
        for figure in figures.iter().filter(|figure| figure["name"] != "bytes_per_sleeper") {
            assert!(figure["value"].as_f64().unwrap() > 0.0, "{cell}");
        }
    }
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    std::fs::remove_dir(&dir).unwrap();
}

/// The event log's workloads against a server.
#[tokio::test(flavor = "multi_thread")]
async fn the_benchmark_measures_a_servers_event_log() {
    let server = TestServer::start().await;
    let workloads = ["--workloads", "e1,e3,e4,e5,e6", "--concurrency", "4"];
    let small = ["--seconds", "0.2", "--stored", "20000", "--json"];
    let arguments = [&["bench", "--url", server.client.url()][..], &workloads, &small].concat();
    let output = run("", &arguments);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    let report = document(&out);
    assert_eq!(report["mode"], "http");
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 5);
    for figure in cells.iter().flat_map(|cell| cell["figures"].as_array().unwrap()) {
        // A frame may be here before the acknowledgement is.
        let least = if figure["name"] == "delivered_p50_ms" { -1.0 } else { 0.0 };
        assert!(figure["value"].as_f64().unwrap() > least, "{figure}");
    }
}
