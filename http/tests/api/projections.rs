//! Projections over HTTP: what each category is for, who reads, who follows, and how far they are.

use axum::body::Body;
use axum::http::Method;
use everstep::access::Tokens;
use everstep::log::{Append, Expected, NewEvent, StreamId};
use everstep::{DEFAULT_NAMESPACE, NamespaceSettings, Role};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestServer};

/// Appends an event to each of these accounts, in one append an account.
async fn post(server: &TestServer, namespace: &str, account: &str, amounts: &[i64]) {
    let events = amounts.iter().map(|amount| {
        NewEvent::new("EntryPosted", json!({ "amount": amount }).to_string())
            .tag(format!("account:{account}"))
            .tag("bank:b")
    });
    let stream = StreamId::new("Account", account);
    let append = Append::to(stream, Expected::Any, events.collect());
    server.engine.append(namespace, append).await.unwrap();
}

async fn until(server: &TestServer, name: &str, status: &str) -> Value {
    let path = format!("/api/v1/projections/{name}");
    let begun = std::time::Instant::now();
    loop {
        let found = server.get(&path).await.json(200);
        if found["status"] == status {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{found}");
        tokio::task::yield_now().await;
    }
}

/// Server-sent events with a name.
struct Frames {
    body: Body,
    read: String,
}

impl Frames {
    async fn open(server: &TestServer, path: &str, last: Option<&str>) -> Self {
        let headers: Vec<_> = last.iter().map(|last| ("last-event-id", *last)).collect();
        Self { body: server.open_stream(path, &headers).await, read: String::new() }
    }

    /// The next frame of that name: its id and its data.
    async fn next(&mut self, name: &str) -> (String, Value) {
        loop {
            while let Some((frame, rest)) = self.read.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |field: &str| {
                    let start = format!("{field}: ");
                    let line = frame.lines().find_map(|line| line.strip_prefix(&start));
                    line.unwrap_or_default().to_owned()
                };
                if field("event") == name {
                    return (field("id"), serde_json::from_str(&field("data")).unwrap());
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.unwrap();
            let data = frame.expect("a stream that goes on").unwrap().into_data().unwrap();
            self.read.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
}

#[tokio::test]
async fn rows_follow_from_events_of_many_streams() {
    let server = TestServer::start().await;
    for account in ["ann", "bob"] {
        post(&server, DEFAULT_NAMESPACE, account, &[5, 7]).await;
    }
    let current = until(&server, "accounts", "current").await;
    assert_eq!((&current["lag"], &current["last_position"]), (&json!(0), &json!(4)));
    assert_eq!(
        (&current["category"], &current["query_pattern"]),
        (&json!("view"), &json!("client"))
    );
    let row = server.get("/api/v1/projections/accounts/rows/account%3Aann").await.json(200);
    assert_eq!(row["state"], json!({ "entries": 2, "balance": 12 }));
    assert_eq!(row["position"], 2);
    let page = server.get("/api/v1/projections/accounts/rows").await.json(200);
    let keys: Vec<_> = page["rows"].as_array().unwrap().iter().map(|row| &row["key"]).collect();
    assert_eq!(keys, ["account:ann", "account:bob", "bank:b"]);
    let path = "/api/v1/projections/accounts/rows?field.entries=4";
    let page = server.get(path).await.json(200);
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["rows"][0]["key"]),
        (1, &json!("bank:b"))
    );
    let page =
        server.get("/api/v1/projections/accounts/rows?page_size=1&prefix=acc").await.json(200);
    assert_eq!(page["next_page_token"], "account:ann");
    let next = "/api/v1/projections/accounts/rows?page_size=5&prefix=acc&page_token=account%3Aann";
    let page = server.get(next).await.json(200);
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["next_page_token"]),
        (1, &Value::Null)
    );
    let server = server.restart().await;
    let row = server.get("/api/v1/projections/accounts/rows/bank%3Ab").await.json(200);
    assert_eq!(row["state"], json!({ "entries": 4, "balance": 24 }));
    for path in ["accounts/rows/none", "accounts/rows/account%3Azoe"] {
        let path = format!("/api/v1/projections/{path}");
        server.get(&path).await.problem(404, "projection_row_not_found");
    }
    for path in ["none", "none/rows", "none/rows/a", "none/events"] {
        let path = format!("/api/v1/projections/{path}");
        server.get(&path).await.problem(404, "projection_not_found");
    }
    let path = "/api/v1/projections?namespace=nowhere";
    server.get(path).await.problem(404, "namespace_not_found");
}

#[tokio::test]
async fn namespaces_share_no_rows() {
    let server = TestServer::start().await;
    let settings = NamespaceSettings { description: String::new(), retention_ms: None };
    server.engine.create_namespace("other", settings).await.unwrap();
    post(&server, "other", "ann", &[1]).await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[2]).await;
    let path = "/api/v1/projections/accounts/rows/account%3Aann";
    assert_eq!(server.get(path).await.json(200)["state"]["balance"], 2);
    let path = format!("{path}?namespace=other");
    assert_eq!(server.get(&path).await.json(200)["state"]["balance"], 1);
}

#[tokio::test]
async fn the_category_says_who_reads_and_who_follows() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens.json");
    let tokens: Vec<_> = [Role::App, Role::Admin]
        .into_iter()
        .map(|role| {
            let token = everstep::access::Token::random();
            let entry = everstep::access::TokenEntry {
                name: role.to_string(),
                role: role.to_string(),
                namespaces: None,
                sha256: token.hash().to_string(),
            };
            Tokens::add(&file, entry).unwrap();
            token
        })
        .collect();
    let known = Tokens::read(&file).unwrap();
    let server = TestServer::start_with(|config| config.tokens = Some(known)).await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[1]).await;
    for (name, app, admin) in [
        ("accounts", None, None),
        ("balances", Some("INTERNAL_ONLY"), Some("INTERNAL_ONLY")),
        ("entries", Some("ADMIN_ONLY"), None),
        ("told", Some("INTERNAL_ONLY"), Some("INTERNAL_ONLY")),
    ] {
        for (token, refusal) in tokens.iter().zip([app, admin]) {
            let bearer = format!("Bearer {}", token.text());
            let headers = [("authorization", bearer.as_str())];
            for rest in ["rows", "rows/account%3Aann"] {
                let path = format!("/api/v1/projections/{name}/{rest}");
                let reply = server.send(Method::GET, &path, &headers, "").await;
                match refusal {
                    Some(code) => drop(reply.problem(403, code)),
                    None => assert!(matches!(reply.status, 200 | 404), "{}", reply.text()),
                }
            }
            // How it is, is no secret; what is in it, is.
            let path = format!("/api/v1/projections/{name}");
            server.send(Method::GET, &path, &headers, "").await.json(200);
            if name != "accounts" {
                for rest in ["events", "rows/account%3Aann/events"] {
                    let path = format!("/api/v1/projections/{name}/{rest}");
                    let reply = server.send(Method::GET, &path, &headers, "").await;
                    let detail = reply.problem(422, "SUBSCRIPTIONS_NOT_SUPPORTED");
                    assert!(detail.contains("view"), "{detail}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_declaration_is_held_against_its_category() {
    let server = TestServer::start().await;
    let path = "/api/v1/projections/check";
    let missing = server.post(path, r#"{"name":"p"}"#).await.problem(422, "CATEGORY_REQUIRED");
    assert!(missing.contains("logic, view, reporting or integration"), "{missing}");
    let body = r#"{"name":"p","category":"fancy"}"#;
    server.post(path, body).await.problem(422, "INVALID_CATEGORY");
    for body in [
        r#"{"name":"p","category":"logic","delivery":"async"}"#,
        r#"{"name":"p","category":"integration"}"#,
    ] {
        server.post(path, body).await.problem(422, "invalid_projection");
    }
    let fine = server.post(path, r#"{"name":"p","category":"logic"}"#).await.json(200);
    let expected = json!({"category": "logic", "delivery": "inline", "query_pattern": "internal", "reactive": false});
    assert_eq!(fine, expected);
}

#[tokio::test]
async fn a_frame_comes_with_the_commit_while_the_projection_waits() {
    let server = TestServer::start().await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[1]).await;
    until(&server, "accounts", "current").await;
    server.post("/api/v1/projections/accounts/pause", r#"{"reason":"look"}"#).await.json(202);
    let paused = until(&server, "accounts", "paused").await;
    assert_eq!(paused["reason"], "look");
    let path = "/api/v1/projections/accounts/rows/account%3Aann/events";
    let mut frames = Frames::open(&server, path, None).await;
    let (id, first) = frames.next("row").await;
    assert_eq!((id.as_str(), &first["state"]["balance"]), ("1", &json!(1)));
    for amount in [2, 3, 4] {
        post(&server, DEFAULT_NAMESPACE, "bob", &[9]).await;
        post(&server, DEFAULT_NAMESPACE, "ann", &[amount]).await;
        let (_, row) = frames.next("row").await;
        assert_eq!(row["key"], "account:ann");
        assert_eq!(row["state"]["entries"], amount);
        assert_eq!((&row["is_optimistic"], &row["durable_position"]), (&json!(true), &json!(1)));
        assert_eq!(row["pending_events"], amount - 1);
    }
    // Reading says the same as following.
    let row = server.get("/api/v1/projections/accounts/rows/account%3Aann").await.json(200);
    assert_eq!((&row["state"]["balance"], &row["pending_events"]), (&json!(10), &json!(3)));
    let page = server.get("/api/v1/projections/accounts/rows?prefix=account").await.json(200);
    assert_eq!(page["rows"][1]["state"], json!({"entries": 3, "balance": 27}));

    // The pause outlives the process; then the durable row takes over, with the same state.
    drop(frames);
    let server = server.restart().await;
    assert_eq!(server.get("/api/v1/projections/accounts").await.json(200)["status"], "paused");
    let mut frames = Frames::open(&server, path, Some("7")).await;
    server.post("/api/v1/projections/accounts/resume", "").await.json(202);
    until(&server, "accounts", "current").await;
    let (_, durable) = frames.next("durable").await;
    assert_eq!(durable["durable_position"], 7);
    let row = server.get("/api/v1/projections/accounts/rows/account%3Aann").await.json(200);
    assert_eq!((&row["state"]["balance"], &row["is_optimistic"]), (&json!(10), &json!(false)));
    assert_eq!(row["position"], 7);
    server
        .post("/api/v1/projections/balances/pause", "{}")
        .await
        .problem(409, "projection_not_pausable");
}

#[tokio::test]
async fn a_row_is_told_with_the_events_that_led_to_it() {
    let server = TestServer::start().await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[1]).await;
    until(&server, "accounts", "current").await;
    server.post("/api/v1/projections/accounts/pause", "{}").await.json(202);
    until(&server, "accounts", "paused").await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[2]).await;
    post(&server, DEFAULT_NAMESPACE, "bob", &[9]).await;
    let row = "/api/v1/projections/accounts/rows/account%3Aann";
    let recent = server.get(&format!("{row}/recent")).await.json(200);
    assert_eq!(recent["state"], json!({ "entries": 1, "balance": 1 }));
    let positions = ["position", "durable_position", "last_position"].map(|at| &recent[at]);
    assert_eq!(positions, [&json!(1), &json!(1), &json!(3)]);
    let events = recent["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["data"]["amount"]), (1, &json!(2)));
    let none = server.get("/api/v1/projections/accounts/rows/account%3Azoe/recent").await.json(200);
    assert_eq!((&none["state"], &none["events"]), (&Value::Null, &json!([])));
    for (path, code) in [("balances/rows/a/recent", 403), ("none/rows/a/recent", 404)] {
        assert_eq!(server.get(&format!("/api/v1/projections/{path}")).await.status, code);
    }
    // From there on each frame has its events, and its id is the last of them.
    let path = format!("{row}/events?events=true");
    let mut frames = Frames::open(&server, &path, Some("3")).await;
    assert_eq!(frames.next("durable").await.1["durable_position"], 1);
    post(&server, DEFAULT_NAMESPACE, "ann", &[3, 4]).await;
    let (id, told) = frames.next("row").await;
    let amounts: Vec<_> =
        told["events"].as_array().unwrap().iter().map(|it| &it["data"]["amount"]).collect();
    assert_eq!((id.as_str(), amounts), ("5", vec![&json!(3), &json!(4)]));
    assert_eq!((&told["state"]["balance"], &told["pending_events"]), (&json!(10), &json!(3)));
    drop(frames);
    // Who comes back is told what was missed, once.
    let mut frames = Frames::open(&server, &path, Some("1")).await;
    let (id, told) = frames.next("row").await;
    let positions: Vec<_> =
        told["events"].as_array().unwrap().iter().map(|it| &it["position"]).collect();
    assert_eq!((id.as_str(), positions), ("5", vec![&json!(2), &json!(4), &json!(5)]));
    let odd = server.get(&format!("{row}/events?events=maybe")).await;
    odd.problem(400, "invalid_request");
}

#[tokio::test]
async fn a_follower_that_comes_back_misses_nothing() {
    let server = TestServer::start().await;
    let path = "/api/v1/projections/accounts/events";
    let mut frames = Frames::open(&server, path, None).await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[1]).await;
    let (id, _) = frames.next("row").await;
    drop(frames);
    post(&server, DEFAULT_NAMESPACE, "bob", &[2]).await;
    let mut frames = Frames::open(&server, path, Some(&id)).await;
    let mut keys = Vec::new();
    while !keys.contains(&"account:bob".to_owned()) {
        let (_, row) = frames.next("row").await;
        keys.push(row["key"].as_str().unwrap().to_owned());
    }
    post(&server, DEFAULT_NAMESPACE, "cid", &[3]).await;
    let row = loop {
        let (_, row) = frames.next("row").await;
        if row["key"] == "account:cid" {
            break row;
        }
    };
    assert_eq!(row["state"], json!({"entries": 1, "balance": 3}));
    drop(frames);
    // Too much to be told one by one.
    for _ in 0..6 {
        post(&server, DEFAULT_NAMESPACE, "dan", &[1; 200]).await;
    }
    let mut frames = Frames::open(&server, path, Some("1")).await;
    let (id, resync) = frames.next("resync").await;
    assert_eq!((id.as_str(), &resync["position"]), ("1203", &json!(1_203)));
}

#[tokio::test]
async fn an_event_that_is_refused_three_times_holds_up_nothing_but_its_rows() {
    let server = TestServer::start().await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[1]).await;
    let stream = StreamId::new("Account", "ann");
    let odd = NewEvent::new("EntryPosted", "{}").tag("account:ann");
    let append = Append::to(stream, Expected::Any, vec![odd]);
    // The inline projection ignores what it cannot read; the view refuses it.
    server.engine.append(DEFAULT_NAMESPACE, append).await.unwrap();
    post(&server, DEFAULT_NAMESPACE, "ann", &[2]).await;
    let current = until(&server, "accounts", "current").await;
    assert_eq!((&current["quarantined"], &current["lag"]), (&json!(1), &json!(0)));
    let path = "/api/v1/projections/accounts/quarantine";
    let listed = server.get(path).await.json(200);
    let event = &listed["quarantined"][0];
    assert_eq!((&event["position"], &event["key"]), (&json!(2), &json!("account:ann")));
    assert_eq!((&event["attempts"], &event["waiting"]), (&json!(3), &json!(1)));
    assert!(event["error"].as_str().unwrap().contains("amount"), "{event}");
    let metrics = server.get("/metrics").await.text();
    let line = "everstep_projection_quarantined{namespace=\"default\",projection=\"accounts\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    // The bank's row has what the account's waits for.
    let row = server.get("/api/v1/projections/accounts/rows/bank%3Ab").await.json(200);
    assert_eq!(row["state"], json!({ "entries": 2, "balance": 3 }));
    let row = server.get("/api/v1/projections/accounts/rows/account%3Aann").await.json(200);
    assert_eq!((&row["state"]["entries"], &row["pending_events"]), (&json!(1), &json!(0)));
    let page = server.get("/ui/projections/accounts").await.text();
    for part in ["data-quarantined=\"2\"", "quarantine/2/unquarantine", "1 quarantined"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let refused = server.post(&format!("{path}/2/unquarantine"), "").await;
    let why = refused.problem(422, "event_still_refused");
    assert!(why.contains("position 2"), "{why}");
    server.post(&format!("{path}/x/unquarantine"), "").await.problem(400, "invalid_request");
    server.post(&format!("{path}/1/ignore"), "").await.problem(404, "event_not_quarantined");
    // Who follows is told that rows have changed without an event.
    let mut frames = Frames::open(&server, "/api/v1/projections/accounts/events", None).await;
    let ignored = server.post(&format!("{path}/2/ignore"), "").await.json(200);
    assert_eq!(ignored["events"], 2);
    assert_eq!(frames.next("resync").await.1["position"], 3);
    let row = server.get("/api/v1/projections/accounts/rows/account%3Aann").await.json(200);
    assert_eq!(row["state"], json!({ "entries": 2, "balance": 3 }));
    until(&server, "entries", "current").await;
    until(&server, "balances", "current").await;
}

#[tokio::test]
async fn the_inspector_shows_and_steers_a_rebuild() {
    let server = TestServer::start().await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[1; 150]).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let ask = async |verb: &str| {
        let path = format!("/ui/projections/accounts/rebuild/{verb}");
        assert_eq!(server.send(Method::POST, &path, &form, "").await.status, 303);
        server.get("/ui/projections/accounts").await.text()
    };
    let queue = "/api/v1/queues/everstep.replay";
    server.send(Method::PUT, queue, &[], r#"{"paused":true}"#).await.json(200);
    let page = ask("begin").await;
    for part in ["data-rebuild=\"running\"", "<progress", "rebuild/pause", "0 of 150"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(ask("pause").await.contains("rebuild/resume"));
    assert!(ask("resume").await.contains("data-rebuild=\"running\""));
    let list = server.get("/ui/projections").await.text();
    assert!(list.contains("aria-label=\"Rebuild of accounts\""), "{list}");
    server.send(Method::DELETE, queue, &[], "").await.json(200);
    let begun = std::time::Instant::now();
    while server.get("/api/v1/projections/accounts/rebuild").await.json(200)["status"]
        != "completed"
    {
        assert!(begun.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    let page = server.get("/ui/projections/accounts").await.text();
    assert!(page.contains("data-rebuild=\"completed\"") && page.contains("100.0"), "{page}");
}

#[tokio::test]
async fn the_inspector_shows_what_its_viewer_may_read() {
    let server = TestServer::start().await;
    post(&server, DEFAULT_NAMESPACE, "ann", &[5]).await;
    until(&server, "accounts", "current").await;
    let page = server.get("/ui/projections").await.text();
    for part in ["data-projection=\"accounts\"", "told v1", "Current", "/ui/projections/accounts"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = server.get("/ui/projections/accounts").await.text();
    assert!(page.contains("data-row=\"account:ann\"") && page.contains("&quot;balance&quot;:5"));
    let page = server.get("/ui/projections/balances").await.text();
    assert!(page.contains("which clients do not read") && !page.contains("data-row"), "{page}");
    assert_eq!(server.get("/ui/projections/none").await.status, 400);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let path = "/ui/projections/accounts/pause";
    assert_eq!(server.send(Method::POST, path, &form, "").await.status, 303);
    until(&server, "accounts", "paused").await;
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "what it makes wait has a thread of its own")]
async fn one_that_hangs_is_stalled_and_one_without_events_is_not() {
    let server = TestServer::start_with_manual_clock().await;
    let held = crate::worker::HANGS.lock().unwrap();
    let event = NewEvent::new("Hang", "null");
    let append = Append::to(StreamId::new("Account", "a"), Expected::Any, vec![event]);
    server.engine.append(DEFAULT_NAMESPACE, append).await.unwrap();
    until(&server, "hanging", "catching_up").await;
    server.post("/test/clock/advance", r#"{"ms": 60000}"#).await.json(200);
    until(&server, "hanging", "stalled").await;
    assert_eq!(server.get("/api/v1/projections/accounts").await.json(200)["status"], "current");
    let metrics = server.get("/metrics").await.text();
    let line = "everstep_projection_stalled{namespace=\"default\",projection=\"hanging\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    drop(held);
    until(&server, "hanging", "current").await;
}

#[tokio::test]
async fn an_indexed_field_finds_its_rows_without_looking_at_the_others() {
    // More than one request looks at.
    const ACCOUNTS: usize = 11_000;
    let server = TestServer::start().await;
    let mut numbers = 0..ACCOUNTS;
    loop {
        let events: Vec<_> = numbers
            .by_ref()
            .take(1_000)
            .map(|number| {
                let amount = if number == ACCOUNTS - 1 { 7 } else { 1 };
                let data = json!({ "amount": amount }).to_string();
                NewEvent::new("EntryPosted", data).tag(format!("account:{number:06}"))
            })
            .collect();
        if events.is_empty() {
            break;
        }
        let stream = StreamId::new("Account", "all");
        server
            .engine
            .append(DEFAULT_NAMESPACE, Append::to(stream, Expected::Any, events))
            .await
            .unwrap();
    }
    until(&server, "accounts", "current").await;
    let find = async |field: &str| {
        let path = format!("/api/v1/projections/accounts/rows?{field}&page_size=5");
        server.get(&path).await.json(200)
    };
    let last = format!("account:{:06}", ACCOUNTS - 1);
    let found = find("field.balance=7").await;
    assert_eq!((&found["rows"][0]["key"], &found["next_page_token"]), (&json!(last), &Value::Null));
    // Not indexed: the row is not among those that one request looks at.
    let state = found["rows"][0]["state"].clone();
    assert_eq!(state, json!({ "entries": 1, "balance": 7 }));
    let looked = find("field.entries=2").await;
    assert_eq!(
        (looked["rows"].as_array().unwrap().len(), looked["next_page_token"].is_null()),
        (0, false)
    );
    // A row that changes is found under what it is now, durable or not.
    post(&server, DEFAULT_NAMESPACE, "000003", &[4]).await;
    assert_eq!(find("field.balance=5").await["rows"][0]["key"], "account:000003");
    until(&server, "accounts", "current").await;
    assert_eq!(find("field.balance=5").await["rows"][0]["key"], "account:000003");
    let page = find("field.balance=1").await;
    assert_eq!(page["rows"][3]["key"], "account:000004");
}
