//! Tenants, which are namespaces: told the same, and looked at after something was done to one.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::checkpoints::until_current;
use crate::story::{READS, WRITES};
use crate::world::World;

const SCHEMA: &str = r#"{"event_type": "CustomerMoved", "version": "1.0.0", "schema": {
    "type": "object", "x-subject": "customer_id", "properties": {
        "customer_id": {"type": "string"}, "email": {"type": "string", "x-pii": true}},
    "required": ["customer_id"]}}"#;
const MOVED: &str = r#"{"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c1",
    "data": {"customer_id": "c1", "email": "ada-xyzzy@example.com"}}"#;
const PERSONAL: &str = "/api/v1/fat-events?stream_type=Customer&stream_id=c1";

fn within(path: &str, tenant: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}namespace={tenant}")
}

async fn tell(world: &World, method: Method, path: &str, body: Option<&Value>) -> Value {
    let answer = world.api.call(method, path, body, None).await.unwrap();
    let rejected = path.contains("Withdraw");
    assert!(answer.status < 300 || rejected, "{path}: {}", answer.body);
    answer.body
}

async fn said(world: &World, tenant: &str) -> String {
    let mut said = String::new();
    for path in READS.iter().chain([&PERSONAL]) {
        let path = within(path, tenant);
        let answer = world.api.get(&path).await.expect(200);
        said.push_str(&format!("{path}\n{answer}\n"));
    }
    said
}

#[given(expr = "tenants {string} and {string} that were told the same")]
async fn told_the_same(world: &mut World, one: String, other: String) {
    let personal = [("/api/v1/schemas", SCHEMA), ("/api/v1/fat-events", MOVED)];
    for tenant in [one, other] {
        let name = json!({ "name": tenant });
        tell(world, Method::POST, "/api/v1/namespaces", Some(&name)).await;
        // A claim keeps its tenant until it expires, by a run of its own.
        let writes = WRITES.iter().filter(|(path, _)| !path.ends_with("/reservations"));
        for (path, body) in writes.chain(&personal) {
            let body = serde_json::from_str(body).unwrap();
            tell(world, Method::POST, &within(path, &tenant), Some(&body)).await;
        }
    }
}

#[given(expr = "what tenant {string} answers is kept")]
async fn kept(world: &mut World, tenant: String) {
    // What is still on its way to a projection would change the answers by itself.
    until_current(&world.api, &tenant, "accountSummaries").await;
    let said = said(world, &tenant).await;
    assert!(said.contains("ada-xyzzy"), "{said}");
    world.remembered.insert(format!("said by {tenant}"), said);
}

#[when(expr = "subject {string} of tenant {string} is shredded")]
async fn shredded(world: &mut World, subject: String, tenant: String) {
    let path = within(&format!("/api/v1/subjects/{subject}"), &tenant);
    let answer = tell(world, Method::DELETE, &path, None).await;
    assert_eq!(answer["status"], "shredded");
}

#[when(expr = "run {string} of tenant {string} is deleted")]
async fn run_deleted(world: &mut World, run: String, tenant: String) {
    let path = within(&format!("/api/v1/workflows/{run}"), &tenant);
    tell(world, Method::DELETE, &path, None).await;
}

#[when("a backup is made")]
async fn backup(world: &mut World) {
    let into = world.data().with_extension("backup");
    let body = json!({ "into": into });
    tell(world, Method::POST, "/api/v1/admin/backup", Some(&body)).await;
}

#[when(expr = "tenant {string} is deleted")]
async fn deleted(world: &mut World, tenant: String) {
    // A tenant whose runs are open is not deleted by mistake.
    let path = within("/api/v1/workflows/sum/terminate", &tenant);
    tell(world, Method::POST, &path, Some(&json!({ "reason": "the tenant leaves" }))).await;
    let path = within("/api/v1/workflows", &tenant);
    let runs = tell(world, Method::GET, &path, None).await;
    for run in runs["workflows"].as_array().unwrap() {
        let path = format!("/api/v1/workflows/{}", run["workflow_id"].as_str().unwrap());
        tell(world, Method::DELETE, &within(&path, &tenant), None).await;
    }
    tell(world, Method::DELETE, &format!("/api/v1/namespaces/{tenant}"), None).await;
}

#[then(expr = "tenant {string} does not say {string} any more")]
async fn does_not_say(world: &mut World, tenant: String, text: String) {
    let said = said(world, &tenant).await;
    assert!(!said.contains(&text), "{said}");
}

#[then(expr = "tenant {string} answers the same")]
async fn answers_the_same(world: &mut World, tenant: String) {
    let now = said(world, &tenant).await;
    let before = &world.remembered[&format!("said by {tenant}")];
    let changed = before.lines().zip(now.lines()).find(|(before, now)| before != now);
    assert_eq!(changed, None);
    assert_eq!(before.len(), now.len());
}

#[then(expr = "tenant {string} is not known")]
async fn not_known(world: &mut World, tenant: String) {
    let answer = world.api.get(&within("/api/v1/events", &tenant)).await;
    answer.refused(404, "namespace_not_found");
}
