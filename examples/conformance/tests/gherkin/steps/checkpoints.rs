//! Checkpoints: projections whose process dies under them.

use std::time::{Duration, Instant};

use cucumber::{then, when};
use rand::RngExt;
use serde_json::{Value, json};

use crate::support::Api;
use crate::world::World;

/// The accounts that the entries are posted to.
const ACCOUNTS: u64 = 5;
/// More than any projection may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[when(expr = "{int} ledgers post {int} entries each while the server is killed {int} times")]
async fn post_and_die(world: &mut World, ledgers: u64, entries: u64, kills: u64) {
    assert_eq!(ledgers, kills, "each ledger is killed once");
    for run in 0..ledgers {
        let account = format!("account-{}", run % ACCOUNTS);
        let input = json!({ "account": account, "amounts": vec![1; entries as usize] });
        let start = json!({ "type": "ledger", "id": format!("l-{run}"), "input": input });
        let path = world.scoped("/api/v1/workflows");
        world.api.post(&path, &start).await.expect(201);
        // As far as it comes while somebody asks a few times.
        let looks = rand::rng().random_range(0..8);
        for _ in 0..looks {
            status(world, "entryCount").await;
        }
        world.kill_and_start().await;
    }
    for run in 0..ledgers {
        let path = world.scoped(&format!("/api/v1/workflows/l-{run}/result?wait_ms=60000"));
        let result = world.api.get(&path).await.expect(200);
        assert_eq!(result["status"], "completed", "{result}");
    }
    world.body = json!({ "total": ledgers * entries, "each": ledgers * entries / ACCOUNTS });
}

#[then("every projection has counted every entry once")]
async fn counted_once(world: &mut World) {
    let (total, each) = (world.body["total"].clone(), world.body["each"].clone());
    for name in ["accountBalances", "accountSummaries", "entryCount", "accountStatusForTax"] {
        let status = until_current(&world.api, &world.namespace, name).await;
        assert_eq!((&status["last_position"], &status["events"]), (&total, &total), "{name}");
    }
    let count = rows(world, "entryCount").await;
    assert_eq!(count[0]["state"], total);
    let summaries = rows(world, "accountSummaries").await;
    assert_eq!(summaries.len() as u64, ACCOUNTS);
    for row in summaries {
        assert_eq!(row["state"], json!({ "entries": each, "balance": each }), "{row}");
    }
}

async fn status(world: &World, name: &str) -> Value {
    let path = world.scoped(&format!("/api/v1/projections/{name}"));
    world.api.get(&path).await.expect(200)
}

async fn rows(world: &World, name: &str) -> Vec<Value> {
    let path = world.scoped(&format!("/api/v1/projections/{name}/rows"));
    let mut page = world.api.get(&path).await.expect(200);
    serde_json::from_value(page["rows"].take()).unwrap()
}

/// The status of a projection, when it has caught up.
pub(super) async fn until_current(api: &Api, namespace: &str, name: &str) -> Value {
    let begun = Instant::now();
    loop {
        let path = format!("/api/v1/projections/{name}?namespace={namespace}");
        let status = api.get(&path).await.expect(200);
        if status["status"] == "current" {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{status}");
    }
}
