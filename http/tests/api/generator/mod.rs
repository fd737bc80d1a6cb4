//! Thousands of requests, valid and broken, made from the server's own OpenAPI document.
//!
//! Whatever comes in: no 5xx, every refusal a problem, every status one that the document names
//! for the operation, and a refused request leaves the store as it was. The seed is fixed, so a
//! failure comes again; it is printed with the request.

mod document;
mod mutation;
mod request;
mod text;

use axum::http::Method;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::{Value, json};

use self::document::{Document, Operation};
use self::request::{Answer, RawRequest};
use crate::support::TestServer;

/// Requests of one run of the test, and the seed that makes them.
const REQUESTS: u64 = 8_000;
const SEED: u64 = 0x5eed;

/// A server with something in it, and what it was asked.
struct Play {
    server: TestServer,
    document: Document,
    /// How many answers had each status.
    seen: std::collections::BTreeMap<u16, u64>,
}

impl Play {
    async fn begin() -> Self {
        let server = TestServer::start_with_manual_clock().await;
        let document = Document::read(server.get("/api/v1/openapi.json").await.json(200));
        let mut play = Self { server, document, seen: Default::default() };
        for body in [
            json!({"type": "gate", "id": "open"}),
            json!({"type": "gate", "id": "öp/en %"}),
            json!({"type": "echo", "id": "closed", "input": 1}),
            json!({"type": "fail", "id": "failed"}),
            json!({"type": "sleep", "id": "asleep", "input": {"ms": 86_400_000}}),
        ] {
            play.server.begin(body).await;
        }
        play.settle().await;
        play
    }

    /// Starts again what earlier requests have ended, so that later ones meet open runs.
    async fn revive(&mut self) {
        for id in ["open", "öp/en %", "asleep"] {
            let body = json!({"type": "gate", "id": id, "id_reuse": "terminate_if_running"});
            self.server.begin(body).await;
        }
        self.settle().await;
    }

    /// Lets the engine do everything that it can do by itself.
    async fn settle(&mut self) {
        for _ in 0..2 {
            self.server.post("/test/clock/advance", r#"{"ms":0}"#).await.json(200);
        }
        // Batches select their targets on threads of their own.
        let batches = self.server.get("/api/v1/workflows?type=everstep.batch&status=running").await;
        for batch in batches.json(200)["workflows"].as_array().unwrap() {
            self.server.result(batch["workflow_id"].as_str().unwrap()).await;
        }
    }

    /// Sends the request and checks the answer; `operation` is the one that it was made for.
    async fn check(&mut self, operation: Option<&Operation>, request: &RawRequest, of: &str) {
        let before = self.server.engine.store().sequence();
        let answer = request.send(self.server.address).await;
        let told = || format!("{of}\n{request}\n---\n{answer}");
        let Some(status) = answer.status else {
            assert!(request.broken_syntax, "no answer: {}", told());
            return;
        };
        *self.seen.entry(status).or_default() += 1;
        assert!(status < 500, "a server error: {}", told());
        let code = check_problem(&answer, request, &told);
        // A path that was broken so far that it leads elsewhere has no operation.
        let elsewhere = matches!(code.as_deref(), Some("route_not_found" | "method_not_allowed"));
        if let Some(operation) = operation
            && !elsewhere
            && !request.broken_syntax
        {
            assert!(operation.statuses.contains(&status), "undocumented status: {}", told());
        }
        if status >= 400 {
            let after = self.server.engine.store().sequence();
            assert_eq!(before, after, "a refused request left a trace: {}", told());
        } else if request.method != "GET" {
            self.settle().await;
        }
    }
}

/// Every refusal is a problem with a code of ours; only the HTTP layer may answer bare.
fn check_problem(
    answer: &Answer,
    request: &RawRequest,
    told: &dyn Fn() -> String,
) -> Option<String> {
    let status = answer.status.filter(|status| *status >= 400)?;
    if request.broken_syntax && answer.body.is_empty() {
        return None;
    }
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", told());
    if request.method == "HEAD" {
        return None;
    }
    let problem: Value =
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", told()));
    assert_eq!(problem["status"], status, "{}", told());
    let code = problem["code"].as_str().unwrap_or_else(|| panic!("{}", told()));
    let known = everstep::api::error_code::find(code).unwrap_or_else(|| panic!("{}", told()));
    assert!(known.statuses.contains(&status), "{}", told());
    assert!(problem["detail"].is_string() && problem["title"].is_string(), "{}", told());
    Some(code.to_owned())
}

#[tokio::test]
async fn requests_from_the_document() {
    let mut play = Play::begin().await;
    for number in 0..REQUESTS {
        if number % 25 == 0 {
            play.revive().await;
        }
        let mut rng = StdRng::seed_from_u64(SEED ^ number);
        let operations = &play.document.operations;
        let operation = operations[rng.random_range(0..operations.len())].clone();
        let mut request = operation.request(&play.document, &mut rng);
        if rng.random_bool(0.6) {
            mutation::mutate(&mut request, &mut rng);
        }
        let of = format!("seed {SEED:#x}, request {number}, {}", operation.route);
        play.check(Some(&operation), &request, &of).await;
    }
    // A generator that only ever meets one answer tests nothing.
    for status in [200, 201, 202, 400, 404, 409, 422] {
        let count = play.seen.get(&status).copied().unwrap_or_default();
        assert!(count >= 10, "{count} answers with {status}: {:?}", play.seen);
    }
    play.server.get("/health/ready").await.json(200);
    let data = play.server.restart().await;
    data.get("/api/v1/workflows?page_size=1000").await.json(200);
}

#[tokio::test]
async fn bytes_that_are_no_http() {
    let mut play = Play::begin().await;
    for number in 0..500 {
        let mut rng = StdRng::seed_from_u64(SEED ^ number);
        let bytes = garbage(&mut rng);
        let request = RawRequest::raw(bytes);
        play.check(None, &request, &format!("seed {SEED:#x}, garbage {number}")).await;
    }
    play.server.get("/health/ready").await.json(200);
    let run = play.server.get("/api/v1/workflows/open").await.json(200);
    assert_eq!(run["status"], "running");
}

/// Random bytes, or a request with random bytes in it.
fn garbage(rng: &mut StdRng) -> Vec<u8> {
    let request = b"POST /api/v1/workflows?wait_ms=1 HTTP/1.1\r\nhost: localhost\r\n\
                    connection: close\r\ncontent-length: 15\r\n\r\n{\"type\":\"none\"}";
    let mut bytes = match rng.random_range(0..3) {
        0 => {
            let mut bytes = vec![0; rng.random_range(0..2_000)];
            rng.fill_bytes(&mut bytes);
            return bytes;
        }
        _ => request.to_vec(),
    };
    for _ in 0..rng.random_range(1..6) {
        let place = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[place] = rng.random(),
            1 => bytes.insert(place, rng.random()),
            2 => bytes.truncate(place.max(1)),
            _ => {
                bytes.remove(place);
                bytes.push(b'x');
            }
        }
    }
    bytes
}

#[tokio::test]
async fn every_method_on_every_path() {
    let mut play = Play::begin().await;
    let mut rng = StdRng::seed_from_u64(SEED);
    for operation in play.document.operations.clone() {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            let mut request = operation.request(&play.document, &mut rng);
            method.clone_into(&mut request.method);
            assert!(method.parse::<Method>().is_ok());
            play.check(None, &request, &format!("{method} {}", operation.route)).await;
        }
    }
}
