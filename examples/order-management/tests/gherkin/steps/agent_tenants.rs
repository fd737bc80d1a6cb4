//! Agents of several tenants, and the doors that do not lead to their books.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::agents::{cancel, until};
use crate::support::api::Answer;
use crate::world::World;

/// What is read of agents.
const LISTS: [&str; 8] = [
    "",
    "/churn-risk",
    "/churn-risk/lanes",
    "/audit",
    "/decisions",
    "/commands",
    "/approvals",
    "/dead-letters",
];
/// The tables of the agents' context.
const TABLES: [&str; 8] = [
    "agentCheckpoints",
    "agentLanes",
    "agentAuditEvents",
    "agentCommands",
    "pendingApprovals",
    "agentDeadLetters",
    "agentRecords",
    "agentUsage",
];
/// Its functions.
const FUNCTIONS: [&str; 17] = [
    "loadCheckpoint",
    "updateCheckpoint",
    "recordAuditEvent",
    "queryAuditEvents",
    "getAuditEventsByAgent",
    "recordDeadLetter",
    "replayDeadLetter",
    "ignoreDeadLetter",
    "queryDeadLetters",
    "recordCommand",
    "updateCommandStatus",
    "queryCommands",
    "createApproval",
    "approveAction",
    "rejectAction",
    "queryPendingApprovals",
    "expirePending",
];

#[given(expr = "a shop of the tenants {string} and {string}")]
async fn tenants(world: &mut World, one: String, other: String) {
    world.own_shop_of([&one, &other]).await;
}

#[given(regex = r#"^customer "([^"]+)" of "([^"]+)" has cancelled (\d+) orders$"#)]
async fn cancelled(world: &mut World, customer: String, tenant: String, count: usize) {
    world.act_as(&tenant);
    cancel(world, &customer, count, true).await;
    let waits = until(world, async || {
        let page = world.get("/api/v1/agents/approvals").await;
        page["approvals"].as_array().unwrap().first().cloned()
    });
    let waits = waits.await;
    world.remembered.insert("waits".to_owned(), waits);
}

#[then(expr = "{string} is answered for each list of its agents")]
async fn answered(world: &mut World, tenant: String) {
    world.act_as(&tenant);
    for list in LISTS {
        world.get(&format!("/api/v1/agents{list}")).await;
    }
    let audit = world.get("/api/v1/agents/audit?agent=churn-risk").await;
    let all = audit["auditEvents"].as_array().unwrap();
    assert!(!all.is_empty() && all.iter().all(|one| one["agentId"] == "churn-risk"), "{audit}");
}

#[then(expr = "{string} is refused each list of the agents of {string}")]
async fn refused(world: &mut World, tenant: String, other: String) {
    world.act_as(&tenant);
    for list in LISTS {
        let path = format!("/api/v1/agents{list}?namespace={other}");
        world.api.get(&path).await.refused(403, "UNAUTHORIZED");
    }
}

#[then(expr = "{string} finds nothing in its own lists")]
async fn finds_nothing(world: &mut World, tenant: String) {
    world.act_as(&tenant);
    for list in &LISTS[3..] {
        let page = world.get(&format!("/api/v1/agents{list}")).await;
        let all = page.as_object().unwrap().values().next().unwrap();
        assert_eq!(*all, json!([]), "{list}: {page}");
    }
    let agent = world.get("/api/v1/agents/churn-risk").await;
    assert_eq!(agent["checkpoint"]["lastProcessedPosition"], -1, "{agent}");
}

fn what_waits(world: &World) -> String {
    let id = world.remembered["waits"]["approvalId"].as_str().unwrap();
    format!("/api/v1/agents/approvals/{id}")
}

#[when(regex = r#"^(?:"([^"]+)"|(an application of "[^"]+")) approves what waits in "([^"]+)"$"#)]
async fn approves(world: &mut World, tenant: String, application: String, other: String) {
    world.act_as(&if application.is_empty() { tenant } else { format!("{other}-app") });
    let path = format!("{}/approve?namespace={other}", what_waits(world));
    world.answer = world.api.call(Method::POST, &path, Some(&json!({})), None).await.unwrap();
}

#[then("it is forbidden")]
fn forbidden(world: &mut World) {
    let answer = &world.answer;
    assert_eq!((answer.status, &answer.body["code"]), (403, &json!("UNAUTHORIZED")), "{answer:?}");
}

#[then(expr = "what waits in {string} is still pending")]
async fn still_pending(world: &mut World, tenant: String) {
    world.act_as(&tenant);
    let path = what_waits(world);
    assert_eq!(world.get(&path).await["status"], "pending");
}

#[then("none of the agents' tables is read as a projection")]
async fn no_projection(world: &mut World) {
    for table in TABLES {
        let path = format!("/api/v1/projections/{table}/rows/churn-risk");
        world.ask(Method::GET, &path, None).await.refused(404, "projection_not_found");
    }
}

#[then("none of the functions of the agents' context is taken as a command")]
async fn no_command(world: &mut World) {
    for function in FUNCTIONS {
        let payload: Value = json!({ "agentId": "churn-risk", "position": 1, "lane": "l" });
        world.command(function, payload).await.refused(422, "UNKNOWN_COMMAND_TYPE");
    }
}

const CONTEXT: &str = "/api/v1/contexts/agents/functions";

async fn call(world: &World, function: &str, input: &Value) -> Answer {
    world.ask(Method::POST, &format!("{CONTEXT}/{function}"), Some(input.clone())).await
}

/// What each function is asked, in an order in which each has something to do. A text that begins
/// with `$` stands for what an earlier one answered.
fn questions(approval: &Value) -> Vec<(&'static str, Value)> {
    let agent = "churn-risk";
    let of = json!({ "agentId": agent });
    let metadata = &approval["metadata"];
    let command = json!({
        "commandId": "churn-risk:by-hand", "agentId": agent, "type": "LogChurnRisk",
        "subscriptionId": approval["subscriptionId"], "payload": {}, "status": "pending", "metadata": metadata, "steps": [],
    });
    let with_id = |id: &str| {
        let mut other = approval.clone();
        other["approvalId"] = json!(id);
        other
    };
    let letter = json!({
        "agentId": agent, "position": 3, "eventType": "OrderCancelled",
        "error": { "code": "by_hand", "message": "it was given up" },
    });
    vec![
        ("loadCheckpoint", of.clone()),
        ("updateCheckpoint", json!({ "agentId": agent, "position": 1, "lane": "by-hand" })),
        ("recordAuditEvent", json!({ "agentId": agent, "type": "PatternDetected" })),
        ("queryAuditEvents", json!({ "agentId": agent, "type": "PatternDetected" })),
        ("getAuditEventsByAgent", of.clone()),
        ("recordDeadLetter", letter),
        ("queryDeadLetters", json!({ "agentId": agent, "position": 3, "lane": "by-hand" })),
        ("ignoreDeadLetter", json!({ "deadLetterId": "$recordDeadLetter", "reason": "by hand" })),
        ("recordCommand", command),
        ("updateCommandStatus", json!({ "commandId": "$recordCommand", "status": "completed" })),
        ("queryCommands", json!({ "agentId": agent, "status": "completed" })),
        ("createApproval", with_id("churn-risk:by-hand")),
        ("getApproval", json!({ "approvalId": "$createApproval" })),
        ("queryPendingApprovals", of.clone()),
        ("rejectAction", json!({ "approvalId": "$createApproval", "reason": "by hand" })),
        ("approveAction", json!({ "approvalId": approval["approvalId"] })),
        ("expirePending", of),
    ]
}

#[then(expr = "an operator of {string} is answered by each function of the agents' context")]
async fn each_answered(world: &mut World, tenant: String) {
    world.act_as(&tenant);
    let approval = world.remembered["waits"].clone();
    let mut answers = serde_json::Map::new();
    for (function, mut input) in questions(&approval) {
        for value in input.as_object_mut().unwrap().values_mut() {
            let earlier = value.as_str().and_then(|text| text.strip_prefix('$')).map(str::to_owned);
            if let Some(earlier) = earlier {
                *value = answers[&earlier].clone();
            }
        }
        let answer = call(world, function, &input).await;
        assert_eq!(answer.status, 200, "{function}: {}", answer.body);
        answers.insert(function.to_owned(), answer.body);
    }
    let audit = answers["queryAuditEvents"].as_array().unwrap();
    assert!(audit.iter().all(|one| one["agentId"] == "churn-risk"), "{audit:?}");
    assert_eq!(answers["queryDeadLetters"], answers["recordDeadLetter"]);
    assert_eq!(answers["updateCommandStatus"]["status"], "completed");
    assert_eq!(answers["rejectAction"]["reviewerId"], *tenant);
    assert_eq!(answers["approveAction"]["status"], "approved");
    // A letter that is dealt with is not handled again.
    let again = json!({ "deadLetterId": answers["recordDeadLetter"] });
    let again = call(world, "replayDeadLetter", &again).await;
    assert_eq!(again.status / 100, 4, "{}", again.body);
}

#[then(expr = "each is refused with {string} where it is asked of {string}")]
async fn each_isolated(world: &mut World, code: String, context: String) {
    for function in FUNCTIONS {
        let path = format!("/api/v1/contexts/{context}/functions/{function}");
        let asked = world.ask(Method::POST, &path, Some(json!({ "agentId": "churn-risk" })));
        asked.await.refused(422, &code);
    }
}

#[then(expr = "each is refused with {string} to an application of {string}, and to {string}")]
async fn each_unauthorized(world: &mut World, code: String, tenant: String, other: String) {
    for (name, namespace) in [(format!("{tenant}-app"), &tenant), (other, &tenant)] {
        world.act_as(&name);
        for function in FUNCTIONS {
            let path = format!("{CONTEXT}/{function}?namespace={namespace}");
            let input = json!({ "agentId": "churn-risk" });
            let answer = world.api.call(Method::POST, &path, Some(&input), None).await.unwrap();
            answer.refused(403, &code);
        }
    }
    world.act_as(&tenant);
}

#[then("a function of another context is not found in the agents'")]
async fn no_such_function(world: &mut World) {
    call(world, "SuggestRestock", &json!({})).await.refused(422, "UNKNOWN_COMMAND_TYPE");
    let path = "/api/v1/contexts/nobodys/functions/loadCheckpoint";
    world.ask(Method::POST, path, Some(json!({}))).await.refused(404, "context_not_found");
}

#[then("what a function refuses leaves nothing in the agents' tables")]
async fn leaves_nothing(world: &mut World) {
    let nobody = json!({ "agentId": "nobody", "position": 1, "lane": "l" });
    for function in ["loadCheckpoint", "updateCheckpoint"] {
        call(world, function, &nobody).await.refused(404, "AGENT_NOT_FOUND");
    }
    // It was decided; one of the same id would be another one.
    let known = world.get(&what_waits(world)).await;
    assert_eq!(known["status"], "approved", "{known}");
    let again = call(world, "createApproval", &world.remembered["waits"]).await;
    assert_eq!(again.body["code"], "invalid_request", "{}", again.body);
    assert_eq!(world.get(&what_waits(world)).await, known);
}
