//! Agents of several tenants, and the doors that do not lead to their books.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::agents::{cancel, until};
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
