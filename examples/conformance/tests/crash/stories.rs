//! What a caller does with one run, from its start to its result, and what it expects of it.
//!
//! Every request that changes something carries an idempotency key, so that a caller who was not
//! answered can ask again.

use hyper::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::line::Line;
use crate::support::api::Answer;

/// A run that came to its end, as its caller was told.
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) run_id: Value,
    pub(crate) result: Value,
    /// The lines that a `witness` was asked to write.
    pub(crate) lines: Vec<String>,
    /// How many children a `parent` was asked to have.
    pub(crate) children: usize,
}

pub(crate) async fn witness(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("witness-{caller}");
    let lines: Vec<_> = (0..rng.random_range(1..=6)).map(|number| format!("l{number}")).collect();
    let delay_ms = rng.random_range(0..=20);
    let input = json!({ "file": id, "lines": lines, "delay_ms": delay_ms });
    let run_id = start(line, "witness", &id, input).await;
    let expected = json!({ "written": lines.len() });
    let done = end(line, id, run_id, expected).await;
    Done { lines, ..done }
}

pub(crate) async fn chain(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("chain-{caller}");
    let input = json!({ "steps": rng.random_range(1..=12), "payload": { "id": id } });
    let run_id = start(line, "chain", &id, input.clone()).await;
    end(line, id, run_id, input).await
}

pub(crate) async fn approval(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("approval-{caller}");
    let run_id = start(line, "approval", &id, json!({ "timeout_ms": 3_600_000 })).await;
    if rng.random_bool(0.5) {
        let path = format!("/api/v1/workflows/{id}/queries/status");
        let answer = line.call(&Method::POST, &path, Some(&Value::Null), None).await;
        assert_eq!(answer.expect(200), json!({ "result": "waiting" }), "{id}");
    }
    signal(line, &id, "approve", &json!({ "by": id }), "approve").await;
    let expected = json!({ "outcome": "approved", "by": id });
    end(line, id, run_id, expected).await
}

pub(crate) async fn accumulate(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("accumulate-{caller}");
    let run_id = start(line, "accumulate", &id, json!({})).await;
    let order: Vec<i64> =
        (0..rng.random_range(1..=12)).map(|_| rng.random_range(-1_000..=1_000)).collect();
    for (index, number) in order.iter().enumerate() {
        // Some callers are not sure and say it twice.
        for _ in 0..rng.random_range(1..=2) {
            signal(line, &id, "add", &json!(number), &format!("add-{index}")).await;
        }
    }
    signal(line, &id, "finish", &Value::Null, "finish").await;
    let expected = json!({ "sum": order.iter().sum::<i64>(), "order": order });
    end(line, id, run_id, expected).await
}

/// Each update is answered with the value before it, however often it is sent, and what the
/// validator turns down changes nothing.
pub(crate) async fn register(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("register-{caller}");
    let run_id = start(line, "register", &id, json!({})).await;
    let mut value = 0;
    for index in 0..rng.random_range(1..=8) {
        let new = rng.random_range(0..=1_000);
        for _ in 0..rng.random_range(1..=2) {
            let answer = update(line, &id, "set", &json!(new), &format!("set-{index}")).await;
            assert_eq!(answer.expect(200)["result"], value, "{id}: update {index}");
        }
        value = new;
        if rng.random_bool(0.2) {
            let refused = update(line, &id, "set", &json!(-1), &format!("no-{index}")).await;
            refused.refused(422, "update_rejected");
        }
    }
    let closed = update(line, &id, "close", &Value::Null, "close").await.expect(200);
    assert_eq!(closed["result"], value, "{id}");
    end(line, id, run_id, json!({ "value": value })).await
}

/// Each step counts once.
pub(crate) async fn tally(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("tally-{caller}");
    let times = rng.random_range(1..=12);
    let run_id = start(line, "tally", &id, json!({ "counter": id, "times": times })).await;
    end(line, id, run_id, json!({ "count": times })).await
}

/// A family: sometimes so large that it is not started in one turn.
pub(crate) async fn parent(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("parent-{caller}");
    let width = if rng.random_ratio(1, 20) { 300 } else { rng.random_range(1..=6) };
    let (children, results): (Vec<Value>, Vec<Value>) = (0..width)
        .map(|number| match rng.random_range(0..3) {
            0 => (json!({ "type": "echo", "input": number }), json!(number)),
            1 => {
                let input = json!({ "steps": 2, "payload": number });
                (json!({ "type": "chain", "input": input, "id": format!("{id}-{number}") }), input)
            }
            _ => (json!({ "type": "sleep", "input": { "ms": 3 } }), json!({ "slept_ms": 3 })),
        })
        .unzip();
    let run_id = start(line, "parent", &id, json!({ "children": children })).await;
    let done = end(line, id, run_id, json!({ "results": results })).await;
    Done { children: width, ..done }
}

/// Signals that arrive while one run after the other takes its few.
pub(crate) async fn ticker(line: &Line, caller: &str, rng: &mut StdRng) -> Done {
    let id = format!("ticker-{caller}");
    let (batch, until) = (rng.random_range(1..=3), rng.random_range(1..=12));
    let run_id = start(line, "ticker", &id, json!({ "batch": batch, "until": until })).await;
    for tick in 0..until {
        for _ in 0..rng.random_range(1..=2) {
            signal(line, &id, "tick", &json!(tick), &format!("tick-{tick}")).await;
        }
    }
    let runs = u64::div_ceil(until, batch);
    end(line, id, run_id, json!({ "count": until, "runs": runs })).await
}

/// Starts a run; returns its run id.
async fn start(line: &Line, workflow_type: &str, id: &str, input: Value) -> Value {
    let body = json!({ "type": workflow_type, "id": id, "input": input });
    let answer = line.call(&Method::POST, "/api/v1/workflows", Some(&body), Some(id)).await;
    answer.expect(201)["run_id"].take()
}

async fn signal(line: &Line, id: &str, name: &str, payload: &Value, key: &str) {
    let path = format!("/api/v1/workflows/{id}/signals/{name}");
    line.call(&Method::POST, &path, Some(payload), Some(key)).await.expect(202);
}

async fn update(line: &Line, id: &str, name: &str, argument: &Value, key: &str) -> Answer {
    let path = format!("/api/v1/workflows/{id}/updates/{name}");
    line.call(&Method::POST, &path, Some(argument), Some(key)).await
}

/// Waits for the run's end and checks what came out.
async fn end(line: &Line, id: String, run_id: Value, expected: Value) -> Done {
    let path = format!("/api/v1/workflows/{id}/result?wait_ms=30000");
    let mut answer = line.call(&Method::GET, &path, None, None).await;
    while answer.status == 202 {
        answer = line.call(&Method::GET, &path, None, None).await;
    }
    let ended = answer.expect(200);
    assert_eq!(ended, json!({ "status": "completed", "result": expected }), "{id}");
    Done { id, run_id, result: expected, lines: Vec::new(), children: 0 }
}
