//! Many orders at once while a fifth of the payments go wrong, and while the model that the agent asks
//! hangs, fails and turns it away by turns.
//!
//! `EVERSTEP_LOAD_ORDERS` takes another number of orders.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::selling::books::Books;
use crate::selling::{self, BINARY, QUIET};
use crate::support::{Api, Server};

const AGENT: &str = "churn-risk";
const PRODUCTS: [(&str, u32); 3] = [("abacus", 100_000), ("slide-rule", 100_000), ("pencil", 60)];
const CENTS: u64 = 1_900;
/// What an answer of the model costs, and may cost at the most.
const ANSWER_USD: f64 = 0.02;
const ANSWER_MICRO_USD: u64 = 20_000;
/// The model's moods, by turns.
const MOODS: [&str; 4] = ["hang", "error", "rate_limit", "answer"];
/// Longer than the whole may take.
const PATIENCE: Duration = Duration::from_secs(120);

fn orders() -> usize {
    std::env::var("EVERSTEP_LOAD_ORDERS").map_or(500, |text| text.parse().unwrap())
}

/// Orders something, whichever way it ends; whether it was confirmed.
async fn buy(api: Api, number: usize) -> bool {
    let id = format!("o-{number}");
    let (product, _) = PRODUCTS[number % PRODUCTS.len()];
    selling::order(&api, &id, product, CENTS, "Oslo").await;
    let ended = api.result(&id).await;
    match ended["status"].as_str() {
        Some("completed") => true,
        Some("failed") => false,
        _ => panic!("{id} was lost: {ended}"),
    }
}

/// A customer cancels three orders, which wakes the agent; the place of the last cancellation.
async fn turn_away(api: &Api, customer: &str) -> u64 {
    let mut position = 0;
    for number in 0..3 {
        let order = format!("{customer}-{number}");
        let new = json!({ "orderId": order, "customerId": customer, "city": "Oslo" });
        selling::send(api, "CreateOrder", new).await.expect(200);
        let wish = json!({ "orderId": order, "reason": "changed my mind" });
        let done = selling::send(api, "CancelOrder", wish).await.expect(200);
        position = done["first_position"].as_u64().unwrap();
    }
    position
}

/// How the agent's decision about an event was made: its run's history.
async fn decided(api: &Api, position: u64) -> Vec<Value> {
    let id = format!("agent:{AGENT}:{position}");
    let mut notices = api.notices("default").await;
    let handling = async {
        loop {
            let path = format!("/api/v1/workflows/{id}/result?wait_ms=30000");
            match api.get(&path).await.status {
                200 => return,
                // The agent has not come to it yet.
                404 => drop(http_body_util::BodyExt::frame(&mut notices).await),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, handling).await.expect("the agent never decided");
    api.history(&id).await
}

/// The questions of a history: why each failed, if it did, and for how long it ran.
fn questions(history: &[Value]) -> Vec<(Option<String>, i64)> {
    let at = |event: &Value| {
        let text = event["at"].as_str().unwrap();
        let (_, time) = text.trim_end_matches('Z').split_once('T').unwrap();
        let mut parts = time.split([':', '.']).map(|part| part.parse::<i64>().unwrap());
        let mut next = || parts.next().unwrap();
        ((next() * 60 + next()) * 60 + next()) * 1_000 + next()
    };
    let asked = history.iter().filter(|event| {
        event["type"] == "activity_scheduled" && event["activity_type"] == "ask_llm"
    });
    let of = |id: &Value| {
        let ended = history.iter().find(|event| {
            event["activity_id"] == *id
                && (event["type"] == "activity_completed" || event["type"] == "activity_failed")
        });
        ended.cloned()
    };
    let ended = asked.filter_map(|event| of(&event["activity_id"]).map(|ended| (event, ended)));
    ended
        .map(|(asked, ended)| {
            let why = ended["failure"]["type"].as_str().map(str::to_owned);
            (why, at(&ended) - at(asked))
        })
        .collect()
}

async fn calls(model: &Api, about: &str) -> u64 {
    let found = model.get(&format!("/script?contains={about}")).await.expect(200);
    found["calls"].as_u64().unwrap()
}

async fn usage(api: &Api) -> Value {
    api.get(&format!("/api/v1/agents/{AGENT}")).await.expect(200)["usage"].clone()
}

async fn reconfigure(api: &Api, budget_usd: f64) {
    let body = json!({ "configOverrides": {
        "dailyBudgetUsd": budget_usd, "estimatedCostUsd": ANSWER_USD,
        "maxRequestsPerMinute": 10_000,
    } });
    api.post(&format!("/api/v1/agents/{AGENT}/reconfigure"), &body).await.expect(200);
}

async fn script(model: &Api, about: &str, mood: &str) {
    let rule = json!({ "contains": about, "mode": mood, "costUsd": ANSWER_USD });
    model.post("/script", &rule).await.expect(200);
}

/// Customers in each of the model's moods, until the circuit has opened; then some more.
async fn annoy(api: Api, model: Api) -> Vec<i64> {
    for mood in MOODS {
        script(&model, &format!("Customer {mood}"), mood).await;
    }
    script(&model, "Customer late", "hang").await;
    let mut customers = JoinSet::new();
    for round in 0..3 {
        for mood in MOODS {
            let api = api.clone();
            customers.spawn(async move {
                let position = turn_away(&api, &format!("{mood}-{round}")).await;
                decided(&api, position).await;
            });
        }
    }
    while let Some(decided) = customers.join_next().await {
        decided.unwrap();
    }
    for number in 0..50 {
        if circuit(&api).await["state"] == "open" {
            break;
        }
        let mood = if number % 2 == 0 { "hang" } else { "error" };
        let position = turn_away(&api, &format!("{mood}-more-{number}")).await;
        decided(&api, position).await;
    }
    assert_eq!(circuit(&api).await["state"], "open");
    // While it is open and the model hangs, nobody waits for it and nobody calls it.
    let mut refusals = Vec::new();
    for number in 0..20 {
        let position = turn_away(&api, &format!("late-{number}")).await;
        for (why, ms) in questions(&decided(&api, position).await) {
            assert_eq!(why.as_deref(), Some("CIRCUIT_OPEN:llm-provider"));
            refusals.push(ms);
        }
    }
    assert_eq!(calls(&model, "late-").await, 0);
    refusals
}

async fn circuit(api: &Api) -> Value {
    api.get("/api/v1/circuits/llm-provider").await.expect(200)
}

/// The model answers again; many ask at once, and the budget ends in the middle of it.
async fn spend_the_rest(api: &Api, model: &Api) {
    let close = api.call(Method::POST, "/api/v1/circuits/llm-provider/close", None, None).await;
    close.unwrap().expect(200);
    script(model, "Customer rich", "answer").await;
    let spent = usage(api).await["spentMicroUsd"].as_u64().unwrap();
    let budget = spent + ANSWER_MICRO_USD * 5 / 2;
    reconfigure(api, budget as f64 / 1e6).await;
    let mut customers = JoinSet::new();
    for number in 0..8 {
        let api = api.clone();
        customers.spawn(async move { turn_away(&api, &format!("rich-{number}")).await });
    }
    while let Some(turned) = customers.join_next().await {
        turned.unwrap();
    }
    // It pauses when the next question might cost too much; what comes then waits.
    let mut notices = api.notices("default").await;
    let pausing = async {
        loop {
            let agent = api.get(&format!("/api/v1/agents/{AGENT}")).await.expect(200);
            if agent["checkpoint"]["status"] == "paused" {
                return;
            }
            drop(http_body_util::BodyExt::frame(&mut notices).await);
        }
    };
    tokio::time::timeout(PATIENCE, pausing).await.expect("the budget was not exceeded");
    let usage = usage(api).await;
    let [spent, reserved] = ["spentMicroUsd", "reservedMicroUsd"]
        .map(|name| usage[name].as_u64().unwrap_or_else(|| panic!("{name}: {usage}")));
    assert!(spent + reserved <= budget, "{usage}, of {budget}");
    assert_eq!(calls(model, "rich-").await, 2, "{usage}, of {budget}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_is_overspent_while_others_fail() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let model = listening.local_addr().unwrap().to_string();
    drop(listening);
    let args: Vec<&str> = QUIET.into_iter().chain(["--scripted-llm", &model]).collect();
    let server = Server::start(BINARY, &data, &args).await;
    let (api, model) = (server.api(), Api::new(&format!("http://{model}")));
    selling::open(&api, &PRODUCTS).await;
    reconfigure(&api, 10.0).await;

    let begun = Instant::now();
    let annoying = tokio::spawn(annoy(api.clone(), model.clone()));
    let (mut buyers, orders) = (JoinSet::new(), orders());
    for number in 0..orders {
        buyers.spawn(buy(api.clone(), number));
    }
    let (mut confirmed, mut undone) = (0, 0);
    while let Some(bought) = buyers.join_next().await {
        *(if bought.unwrap() { &mut confirmed } else { &mut undone }) += 1;
    }
    let selling_took = begun.elapsed();
    let mut refusals = annoying.await.unwrap();
    spend_the_rest(&api, &model).await;

    // No order lost, none charged twice, none charged and not sent, to the unit.
    let books = Books::read(&data);
    let mut statuses = (0, 0);
    for number in 0..orders {
        let id = format!("o-{number}");
        assert!(books.charges(&id) <= 1, "{id} was charged twice");
        match selling::row(&api, "orderSummaries", &id).await["status"].as_str() {
            Some("confirmed") => {
                statuses.0 += 1;
                assert_eq!(books.balance_cents(&id), CENTS, "{id}");
            }
            Some("cancelled") => {
                statuses.1 += 1;
                assert_eq!(books.balance_cents(&id), 0, "{id}");
            }
            other => panic!("{id} is {other:?}"),
        }
    }
    assert_eq!(statuses, (confirmed, undone));
    assert_eq!(books.keys.len(), books.entries, "an idempotency key was used twice");
    assert!(confirmed > orders / 2 && undone > 0, "{confirmed} confirmed, {undone} undone");
    selling::stock_adds_up(&api).await;

    refusals.sort_unstable();
    let (median, last) = (refusals[refusals.len() / 2], refusals[refusals.len() - 1]);
    // A refusal waits for nothing; how many milliseconds that takes here depends on who else works
    // on this machine, so what is asserted is that it is far from any timeout.
    assert!(last < 2_000, "{refusals:?}");
    println!(
        "{orders} orders in {selling_took:.1?}: {confirmed} confirmed, {undone} undone; \
         {} refusals of the open circuit, recorded after {median} ms in the middle, {last} ms at \
         the most; all of it in {:.1?}",
        refusals.len(),
        begun.elapsed()
    );
}
