//! Projections over `kill -9`: every event counts once, wherever the process dies.

use rand::RngExt;
use serde_json::{Value, json};

use crate::Worker;

const KILLS: u32 = 200;
const ACCOUNTS: u32 = 5;
const ENTRIES: usize = 12;

#[tokio::test]
async fn every_event_counts_once_over_200_kills() {
    let mut random = rand::rng();
    let mut worker = Worker::new().await;
    for run in 0..KILLS {
        let account = format!("account-{}", run % ACCOUNTS);
        let input = json!({ "account": account, "amounts": vec![1; ENTRIES] });
        worker.api().start("ledger", &format!("l-{run}"), input).await;
        // As far as it comes while somebody asks a few times.
        for _ in 0..random.random_range(0..8) {
            worker.api().get("/api/v1/projections/entryCount").await.expect(200);
        }
        worker = worker.crash().await;
    }
    for run in 0..KILLS {
        worker.api().completed(&format!("l-{run}")).await;
    }
    let total = u64::from(KILLS) * ENTRIES as u64;
    for name in ["accountBalances", "accountSummaries", "entryCount", "accountStatusForTax"] {
        let status = until_current(&worker, name).await;
        assert_eq!((&status["last_position"], &status["events"]), (&json!(total), &json!(total)));
    }
    let rows = |name: &str| format!("/api/v1/projections/{name}/rows");
    let count = worker.api().get(&rows("entryCount")).await.expect(200);
    assert_eq!(count["rows"][0]["state"], total);
    let summaries = worker.api().get(&rows("accountSummaries")).await.expect(200);
    let each = total / u64::from(ACCOUNTS);
    let summaries = summaries["rows"].as_array().unwrap();
    assert_eq!(summaries.len(), ACCOUNTS as usize);
    for row in summaries {
        assert_eq!(row["state"], json!({ "entries": each, "balance": each }), "{row}");
    }
    // The logic projection says the same to whoever decides.
    let input = json!({ "account": "account-0", "amounts": [0] });
    assert_eq!(worker.api().run("ledger", "last", input).await["result"]["balance"], each);
}

async fn until_current(worker: &Worker, name: &str) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let path = format!("/api/v1/projections/{name}");
        let status = worker.api().get(&path).await.expect(200);
        if status["status"] == "current" {
            return status;
        }
        assert!(begun.elapsed().as_secs() < 60, "{status}");
    }
}
