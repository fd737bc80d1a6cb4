//! A run of 200 steps with 200 kB each: what shows it reads and sends the little that is shown.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Worker;

const STEPS: usize = 200;
const BYTES: usize = 200_000;
const RUN: &str = "/api/v1/workflows/heavy";

#[tokio::test]
async fn a_heavy_run_is_looked_through_without_its_payloads_and_survives_a_kill() {
    let worker = Worker::new().await;
    let payload = "x".repeat(BYTES);
    let input = json!({ "steps": STEPS, "payload": payload });
    worker.api().start("chain", "heavy", input).await;
    // In the middle.
    let far = format!("{RUN}/history?from=200&follow_ms=60000&payloads=reference");
    assert_ne!(worker.api().get(&far).await.expect(200)["events"], json!([]));
    let worker = worker.crash().await;
    worker.api().completed("heavy").await;
    // A process that holds nothing of what was written before it.
    let worker = worker.stop_and_start().await;
    let api = worker.api();
    // What a first request costs whatever it reads.
    api.run("echo", "light", json!("x")).await;
    for path in ["", "/light", "/light/history"] {
        api.get(&format!("/api/v1/workflows{path}")).await.expect(200);
    }
    let before = worker.server.resident_bytes();
    let begun = Instant::now();
    for _ in 0..5 {
        let page = format!("{RUN}/history?page_size=5000&payloads=reference");
        let page = api.get(&page).await.expect(200);
        let events = page["events"].as_array().unwrap();
        assert!(events.len() >= 3 * STEPS && page.get("next_page_token").is_none());
        assert!(page.to_string().len() < 500_000, "{}", page.to_string().len());
        let described = api.get(&format!("{RUN}?payloads=reference")).await.expect(200);
        assert!(described.to_string().len() < 5_000);
        assert!(described["history_bytes"].as_u64().unwrap() > (STEPS * BYTES) as u64);
        let list = api.get("/api/v1/workflows").await.expect(200);
        assert!(list.to_string().len() < 5_000);
    }
    let took = begun.elapsed();
    let grown = worker.server.resident_bytes().saturating_sub(before);
    assert!(took < Duration::from_secs(10), "{took:?}");
    // Each step has an input and a result.
    assert!(grown < (STEPS * BYTES * 3 / 4) as u64, "{grown} bytes of {}", 2 * STEPS * BYTES);

    // Whoever asks for it gets all of it, page by page.
    let (mut weight, mut token) = (0, String::new());
    loop {
        let page = api.get(&format!("{RUN}/history?page_token={token}")).await.expect(200);
        let events = page["events"].as_array().unwrap();
        let carried = events.iter().filter_map(|event| event["input"].as_str());
        weight += carried.map(str::len).sum::<usize>();
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert!(weight >= STEPS * BYTES, "{weight}");
    let one = api.get(&format!("{RUN}/history/1/payloads/0")).await.expect(200);
    assert_eq!(one["payload"], Value::from(payload));
    for (path, status, code) in [
        ("history/1/payloads/1", 404, "payload_not_found"),
        ("history/99999/payloads/0", 404, "payload_not_found"),
        ("history/x/payloads/0", 400, "invalid_request"),
        ("history/1/payloads/70000", 400, "invalid_request"),
        ("history?payloads=all", 400, "invalid_request"),
    ] {
        api.get(&format!("{RUN}/{path}")).await.refused(status, code);
    }
}
