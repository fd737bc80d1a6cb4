//! Agents: what they decide, what waits for somebody, what they sent.

use std::time::Duration;

use cucumber::{given, then, when};
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};

use crate::world::World;

const AGENT: &str = "churn-risk";
/// Longer than an event is lent to a process that was killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it is waited for a notice: what has no run and no event in it gives none.
const QUIET: Duration = Duration::from_secs(1);

/// Looks at every notice of the shop until there is something to see.
pub(crate) async fn until<T>(world: &World, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut notices = world.api.notices(world.namespace()).await;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if let Ok(None) = tokio::time::timeout(QUIET, notices.frame()).await {
                notices = world.api.notices(world.namespace()).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it never came")
}

#[given("a shop of its own whose clock stands still")]
async fn standing(world: &mut World) {
    world.own_shop_with(&["--clock", "manual"]).await;
}

#[when(regex = r"^(\d+) (hours|seconds) pass in the shop$")]
async fn pass(world: &mut World, count: u64, unit: String) {
    let ms = count * if unit == "hours" { 3_600_000 } else { 1_000 };
    world.api.post("/test/clock/advance", &json!({ "ms": ms })).await.expect(200);
}

async fn script(world: &World, rule: Value) {
    world.model.post("/script", &rule).await.expect(200);
}

#[given(regex = r"^a shop of its own whose model is waited for (\d+) milliseconds$")]
async fn impatient(world: &mut World, ms: String) {
    world.own_shop_with(&["--llm-timeout-ms", &ms]).await;
}

#[given(expr = "the model answers about {string} with a confidence of {float}")]
#[when(expr = "the model answers about {string} with a confidence of {float}")]
async fn confident(world: &mut World, about: String, confidence: f64) {
    script(world, json!({ "contains": about, "confidence": confidence })).await;
}

#[given(expr = "the model answers about {string} with the mode {string}")]
async fn answers_in(world: &mut World, about: String, mode: String) {
    script(world, json!({ "contains": about, "mode": mode })).await;
}

#[given(expr = "the model answers about {string} once with the mode {string}")]
async fn answers_once_in(world: &mut World, about: String, mode: String) {
    script(world, json!({ "contains": about, "mode": mode, "times": 1 })).await;
}

#[given(expr = "the model answers about {string} with a cost of {float}")]
async fn answers_for(world: &mut World, about: String, usd: f64) {
    script(world, json!({ "contains": about, "costUsd": usd })).await;
}

/// Orders are begun and cancelled; each event is waited for unless it is to wait itself.
pub(crate) async fn cancel(world: &mut World, customer: &str, count: usize, waits: bool) {
    world.subject = customer.to_owned();
    for _ in 0..count {
        world.orders += 1;
        let order = format!("{customer}-{}", world.orders);
        let new = json!({ "orderId": order, "customerId": customer, "city": "Oslo" });
        world.command("CreateOrder", new).await.expect(200);
        cancel_order(world, &order).await;
        if waits {
            handled(world).await;
        }
    }
}

async fn cancel_order(world: &mut World, order: &str) {
    let wish = json!({ "orderId": order, "reason": "changed my mind" });
    let done = world.command("CancelOrder", wish).await.expect(200);
    world.position = done["first_position"].as_u64().unwrap();
}

/// Waits for the end of the workflow of the last cancellation.
pub(crate) async fn handled(world: &World) -> Value {
    let path = format!("/api/v1/workflows/agent:{AGENT}:{}/result?wait_ms=1000", world.position);
    until(world, async || {
        let answer = world.ask(Method::GET, &path, None).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await
}

#[when(regex = r#"^customer "([^"]+)" cancels (\d+) orders?$"#)]
async fn cancels(world: &mut World, customer: String, count: usize) {
    cancel(world, &customer, count, true).await;
}

#[when(regex = r#"^customer "([^"]+)" cancels (\d+) orders? without waiting$"#)]
async fn cancels_on(world: &mut World, customer: String, count: usize) {
    cancel(world, &customer, count, false).await;
}

#[given(expr = "customer {string} has {int} confirmed orders over {string}")]
async fn confirmed(world: &mut World, customer: String, count: usize, product: String) {
    for number in 1..=count {
        let order = format!("{customer}-{number}");
        let new = json!({ "orderId": order, "customerId": customer, "city": "Oslo" });
        world.command("CreateOrder", new).await.expect(200);
        let item = json!({
            "orderId": order, "productId": product, "quantity": 1, "unitPriceCents": 100,
        });
        world.command("AddOrderItem", item).await.expect(200);
        world.command("SubmitOrder", json!({ "orderId": order })).await.expect(200);
        // Whose card is declined is no customer to lose.
        let ended = world.fulfilled(&order).await;
        assert_eq!(ended["status"], "completed", "{ended}");
    }
    world.orders = count;
}

#[when(expr = "customer {string} cancels them all")]
async fn cancels_all(world: &mut World, customer: String) {
    world.subject = customer.clone();
    for number in 1..=world.orders {
        cancel_order(world, &format!("{customer}-{number}")).await;
        handled(world).await;
    }
}

#[then(regex = r#"^the model was asked (\d+) times? about "([^"]+)"$"#)]
async fn asked(world: &mut World, times: u64, about: String) {
    let found = world.model.get(&format!("/script?contains={about}")).await.expect(200);
    assert_eq!(found["calls"], times, "{found}");
}

pub(crate) async fn agent(world: &World) -> Value {
    world.get(&format!("/api/v1/agents/{AGENT}")).await
}

#[then("the agent's checkpoint is past all of them")]
async fn past(world: &mut World) {
    let checkpoint = agent(world).await["checkpoint"].clone();
    assert_eq!(checkpoint["lastProcessedPosition"], world.position, "{checkpoint}");
}

async fn of_subject(world: &World, list: &str, query: &str, subject: &str) -> Vec<Value> {
    let page = world.get(&format!("/api/v1/agents/{list}?agent={AGENT}{query}")).await;
    let all = page.as_object().unwrap().values().next().unwrap().as_array().unwrap().clone();
    let is_about = |one: &Value| {
        let payload = &one["payload"]["customerId"];
        one["subject"] == *subject || *payload == *subject
    };
    all.into_iter().filter(is_about).collect()
}

#[then(expr = "there is no command and no approval about {string}")]
async fn nothing(world: &mut World, subject: String) {
    assert!(of_subject(world, "commands", "", &subject).await.is_empty());
    assert!(of_subject(world, "approvals", "", &subject).await.is_empty());
}

#[then(expr = "no command was sent about {string}")]
async fn no_command(world: &mut World, subject: String) {
    assert!(of_subject(world, "commands", "", &subject).await.is_empty());
}

async fn decision(world: &World, subject: &str) -> Value {
    until(world, async || of_subject(world, "decisions", "", subject).await.into_iter().next())
        .await
}

#[then(
    regex = r#"^the decision about "([^"]+)" has a confidence of ([0-9.]+) by "([^"]+)" and suggests (nothing|"\w+")$"#
)]
async fn decided(world: &mut World, subject: String, sure: f64, by: String, action: String) {
    let decision = decision(world, &subject).await;
    assert_eq!(decision["confidence"], sure, "{decision}");
    assert_eq!(decision["analysisMethod"], by, "{decision}");
    assert!(!decision["reasoning"].as_str().unwrap().is_empty(), "{decision}");
    match action.as_str() {
        "nothing" => assert_eq!(decision["suggestedAction"], Value::Null, "{decision}"),
        name => assert_eq!(decision["suggestedAction"], name.trim_matches('"'), "{decision}"),
    }
}

#[then(expr = "rules concluded about {string} because of {string}")]
async fn fell_back(world: &mut World, subject: String, code: String) {
    let decision = decision(world, &subject).await;
    assert_eq!(decision["analysisMethod"], "rule-based-fallback", "{decision}");
    assert_eq!(decision["fallbackReason"], code, "{decision}");
}

#[then(regex = r"^the last workflow about it was handed a history of (\d+) events?$")]
async fn handed(world: &mut World, count: usize) {
    let path = format!("/api/v1/workflows/agent:{AGENT}:{}", world.position);
    let run = world.get(&path).await;
    assert_eq!(run["input"]["history"].as_array().unwrap().len(), count, "{run}");
    assert_eq!(run["input"]["subject"], *world.subject, "{run}");
}

#[then("it did nothing but complete")]
async fn only_completed(world: &mut World) {
    let path = format!("/api/v1/workflows/agent:{AGENT}:{}/history", world.position);
    let history = world.get(&path).await;
    let scheduled = history["events"].as_array().unwrap().iter();
    let scheduled = scheduled.filter(|event| event["type"] == "activity_scheduled");
    let names: Vec<_> = scheduled.map(|event| event["activity_type"].clone()).collect();
    assert_eq!(names, ["agents.complete"], "{history}");
}

async fn approval(world: &World, subject: &str, status: &str) -> Value {
    let query = format!("&status={status}");
    until(world, async || of_subject(world, "approvals", &query, subject).await.into_iter().next())
        .await
}

#[then(expr = "there is a(n) {string} approval about {string} with the model's reasoning")]
async fn has_approval(world: &mut World, status: String, subject: String) {
    let approval = approval(world, &subject, &status).await;
    let said = &approval["metadata"]["reason"];
    assert_eq!(*said, "several orders were cancelled within a short time", "{approval}");
    assert_eq!(approval["commandType"], "SuggestCustomerOutreach", "{approval}");
    world.subject = subject;
    world.remembered.insert("approval".to_owned(), approval);
}

async fn review(world: &mut World, subject: &str, verb: &str) {
    let mut found = None;
    for status in ["pending", "expired"] {
        let query = format!("&status={status}");
        found = found.or(of_subject(world, "approvals", &query, subject).await.into_iter().next());
    }
    let id = found.expect("an approval")["approvalId"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/agents/approvals/{id}/{verb}");
    let said = json!({ "note": "go on", "reason": "not now" });
    world.answer = world.ask(Method::POST, &path, Some(said)).await;
}

#[when(expr = "the approval about {string} is approved")]
async fn approves(world: &mut World, subject: String) {
    review(world, &subject, "approve").await;
    assert_eq!(world.answer.status, 200, "{}", world.answer.body);
    assert_eq!(world.answer.body["reviewerId"], "local");
}

#[when(regex = r#"^the approval about "([^"]+)" is (approve|reject)(?:d|ed) in vain$"#)]
async fn in_vain(world: &mut World, subject: String, verb: String) {
    review(world, &subject, &verb).await;
}

#[then(regex = r#"^the audit has "([^"]+)" about (?:it|an event that waits)$"#)]
async fn audit_has(world: &mut World, name: String) {
    let world = &*world;
    let path = format!("/api/v1/agents/audit?agent={AGENT}&type={name}");
    until(world, async || {
        let page = world.get(&path).await;
        (!page["auditEvents"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
}

#[then(regex = r#"^the agent's command about (?:it|"([^"]+)") is "([^"]+)"$"#)]
async fn command_is(world: &mut World, subject: String, status: String) {
    let subject = if subject.is_empty() { world.subject.clone() } else { subject };
    let query = format!("&status={status}");
    let found = {
        let world = &*world;
        until(world, async || {
            of_subject(world, "commands", &query, &subject).await.into_iter().next()
        })
        .await
    };
    world.remembered.insert("command".to_owned(), found);
    world.subject = subject;
}

#[then(expr = "there is an outreach to {string}")]
async fn outreach(world: &mut World, subject: String) {
    let path = format!("/api/v1/events?types=OutreachCreated&tags=customer:{subject}");
    let shop = &*world;
    let page = until(shop, async || {
        let page = shop.get(&path).await;
        (!page["events"].as_array().unwrap().is_empty()).then_some(page)
    })
    .await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    world.remembered.insert("outreach".to_owned(), page["events"][0].clone());
    let row = world.row("customerOutreach", &subject).await;
    assert_eq!(row["tasks"].as_array().unwrap().len(), 1, "{row}");
}

#[then("the command that made it was sent by an agent through the orchestrator")]
async fn by_agent(world: &mut World) {
    let causation = world.remembered["outreach"]["causation_id"].as_str().unwrap().to_owned();
    let command = world.get(&format!("/api/v1/commands/{causation}")).await;
    assert_eq!(command["entry"], "agent", "{command}");
    assert_eq!(command["user_id"], "agent:churn-risk", "{command}");
    assert_eq!(command["steps"].as_array().unwrap().len(), 7, "{command}");
}

#[then("its decision was audited with all that led to it")]
async fn audited(world: &mut World) {
    let id = world.remembered["command"]["metadata"]["decisionId"].as_str().unwrap().to_owned();
    let page =
        world.get(&format!("/api/v1/agents/audit?agent={AGENT}&type=AgentDecisionMade")).await;
    let all = page["auditEvents"].as_array().unwrap();
    let made: Vec<_> = all.iter().filter(|record| record["decisionId"] == *id).collect();
    assert_eq!(made.len(), 1, "{page}");
    let data = &made[0]["data"];
    for field in ["decisionId", "patternDetected", "confidence", "reasoning", "triggeringEvents"] {
        assert!(!data[field].is_null(), "{field}: {data}");
    }
    assert_eq!(data["action"]["executionMode"], "auto-execute", "{data}");
    for field in ["model", "tokens", "durationMs"] {
        assert!(!data["llmContext"][field].is_null(), "{field}: {data}");
    }
}

#[given(regex = r#"^customer "([^"]+)" wants to be (left alone|talked to)$"#)]
#[when(regex = r#"^customer "([^"]+)" wants to be (left alone|talked to)$"#)]
async fn prefers(world: &mut World, customer: String, wish: String) {
    let wish = json!({ "customerId": customer, "optedOut": wish == "left alone" });
    world.command("SetOutreachPreference", wish).await.expect(200);
}

async fn letter(world: &World, status: &str) -> Value {
    let path = format!("/api/v1/agents/dead-letters?agent={AGENT}&status={status}");
    until(world, async || {
        world.get(&path).await["deadLetters"].as_array().unwrap().first().cloned()
    })
    .await
}

#[then(expr = "it has a {string} dead letter because of {string}")]
async fn has_letter(world: &mut World, status: String, reason: String) {
    let letter = letter(world, &status).await;
    assert_eq!(letter["reason"], reason, "{letter}");
    world.remembered.insert("letter".to_owned(), letter);
}

async fn replay(world: &mut World) {
    let id = world.remembered["letter"]["deadLetterId"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/agents/dead-letters/{id}/replay");
    world.answer = world.ask(Method::POST, &path, None).await;
}

#[when("its dead letter is replayed")]
async fn replayed(world: &mut World) {
    replay(world).await;
    assert_eq!(world.answer.status, 200, "{}", world.answer.body);
}

#[when("its dead letter is replayed in vain")]
async fn replayed_in_vain(world: &mut World) {
    replay(world).await;
    assert_eq!(world.answer.body["code"], "AGENT_DEAD_LETTER_REFUSED", "{}", world.answer.body);
}

async fn reconfigure(world: &World, overrides: Value) {
    let path = format!("/api/v1/agents/{AGENT}/reconfigure");
    let body = json!({ "configOverrides": overrides });
    world.ask(Method::POST, &path, Some(body)).await.expect(200);
}

#[given(regex = r"^the agent may ask (\d+) times? a minute and (\d+) events? may wait$")]
async fn limited(world: &mut World, rate: u64, depth: u64) {
    reconfigure(world, json!({ "maxRequestsPerMinute": rate, "queueDepth": depth })).await;
}

#[given(expr = "a daily budget of {float} and questions that may cost {float}")]
async fn daily_budget(world: &mut World, budget: f64, cost: f64) {
    reconfigure(world, json!({ "dailyBudgetUsd": budget, "estimatedCostUsd": cost })).await;
}

#[then(expr = "the agent is {string}")]
async fn agent_is(world: &mut World, status: String) {
    assert_eq!(agent(world).await["checkpoint"]["status"], status);
}

async fn steer(world: &mut World, verb: &str) {
    let path = format!("/api/v1/agents/{AGENT}/{verb}");
    world.answer = world.ask(Method::POST, &path, None).await;
}

#[when(expr = "the agent is asked to {string}")]
async fn steered(world: &mut World, verb: String) {
    steer(world, &verb).await;
    assert_eq!(world.answer.status, 200, "{}", world.answer.body);
}

#[when(expr = "the agent is asked to {string} in vain")]
async fn steered_in_vain(world: &mut World, verb: String) {
    steer(world, &verb).await;
}

#[then(expr = "the agent has dealt with each of its {int} events once")]
async fn dealt_with(world: &mut World, count: u64) {
    handled(world).await;
    let checkpoint = agent(world).await["checkpoint"].clone();
    assert_eq!(checkpoint["eventsProcessed"], count, "{checkpoint}");
    assert_eq!(checkpoint["lastProcessedPosition"], world.position, "{checkpoint}");
}
