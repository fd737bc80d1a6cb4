//! Agents at their limits: many customers at once, events that wait, deadlines that come.

use cucumber::{then, when};
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::agents::{agent, cancel, handled, until};
use crate::support::api::Answer;
use crate::world::World;

/// Customers that cancel at once.
const AT_ONCE: usize = 10;

/// The customers of one step, by number from 1.
fn crowd(count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(|number| format!("queued-{number}"))
}

/// Each of them begins and cancels so many orders.
async fn cancel_all(world: &World, count: usize, orders: usize) {
    let mut at_once = JoinSet::new();
    for customer in crowd(count) {
        if at_once.len() == AT_ONCE {
            at_once.join_next().await.unwrap().unwrap();
        }
        let commands: Vec<_> = (0..orders)
            .map(|number| {
                let id = format!("{customer}-{number}");
                let new = json!({ "orderId": id, "customerId": customer, "city": "Oslo" });
                let wish = json!({ "orderId": id, "reason": "changed my mind" });
                (world.command("CreateOrder", new), world.command("CancelOrder", wish))
            })
            .collect();
        at_once.spawn(async move {
            for (create, cancel) in commands {
                create.await.expect(200);
                cancel.await.expect(200);
            }
        });
    }
    while let Some(done) = at_once.join_next().await {
        done.unwrap();
    }
}

#[when(regex = r"^(\d+) customers cancel (\d+) orders each without waiting$")]
async fn crowd_cancels(world: &mut World, count: usize, orders: usize) {
    cancel_all(world, count, orders).await;
}

#[when(regex = r"^(\d+) customers cancel (\d+) orders each$")]
async fn crowd_is_handled(world: &mut World, count: usize, orders: usize) {
    for customer in crowd(count) {
        cancel(world, &customer, orders, true).await;
    }
}

#[when(regex = r"^the other (\d+) cancel 1 order each without waiting$")]
async fn others_cancel(world: &mut World, count: usize) {
    for customer in crowd(count + 1).skip(1) {
        cancel(world, &customer, 1, false).await;
    }
}

#[then(regex = r"^(\d+) events wait for their turn to ask$")]
async fn waiting(world: &mut World, count: usize) {
    until(world, async || (agent(world).await["usage"]["queueDepth"] == count).then_some(())).await;
}

#[then("the last cancellation is dealt with")]
async fn last_is_handled(world: &mut World) {
    let ended = handled(world).await;
    assert_eq!(ended["status"], "completed", "{ended}");
}

#[then(expr = "the agent becomes {string}")]
async fn becomes(world: &mut World, status: String) {
    until(world, async || (agent(world).await["checkpoint"]["status"] == *status).then_some(()))
        .await;
}

#[when(regex = r"^all (\d+) approvals are approved while the clock comes to their deadline$")]
async fn race(world: &mut World, count: usize) {
    let page = world.get("/api/v1/agents/approvals?page_size=200").await;
    let pending = page["approvals"].as_array().unwrap().clone();
    assert_eq!(pending.len(), count, "{page}");
    let deadline = &pending[0]["expiresAt"];
    assert!(pending.iter().all(|one| one["expiresAt"] == *deadline), "{page}");
    let clock = world.api.clone();
    let arrives = tokio::spawn(async move {
        clock.post("/test/clock/advance", &json!({ "ms": 24 * 3_600_000_u64 })).await.expect(200)
    });
    let mut approving = JoinSet::new();
    for one in pending {
        let id = one["approvalId"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/agents/approvals/{id}/approve");
        let asked = world.ask(Method::POST, &path, Some(json!({})));
        approving.spawn(async move { (id, asked.await) });
    }
    arrives.await.unwrap();
    let answers: Vec<(String, Answer)> = approving.join_all().await;
    let told = answers.into_iter().map(|(id, answer)| {
        let code = answer.body["code"].clone();
        (id, json!({ "status": answer.status, "code": code }))
    });
    world.remembered.insert("answers".to_owned(), told.collect::<serde_json::Map<_, _>>().into());
}

#[then("each was approved and sent one command, or expired and sent none, as its answer said")]
async fn one_way_once(world: &mut World) {
    let answers = world.remembered["answers"].as_object().unwrap().clone();
    let audit = |kind: &str| format!("/api/v1/agents/audit?type={kind}&page_size=200");
    let granted = world.get(&audit("ApprovalGranted")).await;
    let expired = world.get(&audit("AgentApprovalExpired")).await;
    let count = |page: &Value, id: &str| {
        let all = page["auditEvents"].as_array().unwrap();
        all.iter().filter(|record| record["decisionId"] == *id).count()
    };
    for (id, told) in &answers {
        let approval = world.get(&format!("/api/v1/agents/approvals/{id}")).await;
        let customer = approval["subject"].as_str().unwrap().to_owned();
        let both = (count(&granted, id), count(&expired, id));
        let path = format!("/api/v1/events?types=OutreachCreated&tags=customer:{customer}");
        let outreaches = async || world.get(&path).await["events"].as_array().unwrap().len();
        if told["status"] == 200 {
            assert_eq!((approval["status"].as_str(), both), (Some("approved"), (1, 0)), "{id}");
            until(world, async || (outreaches().await == 1).then_some(())).await;
        } else {
            assert_eq!(told["code"], "APPROVAL_EXPIRED", "{told}");
            assert_eq!((approval["status"].as_str(), both), (Some("expired"), (0, 1)), "{id}");
            assert_eq!(outreaches().await, 0, "{id}");
        }
    }
}
