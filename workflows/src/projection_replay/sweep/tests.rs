//! Shelves of many builds, of which one is read and one is filled.

use std::sync::Arc;

use everstep_engine::{DEFAULT_NAMESPACE, EngineConfig, Payload, Timestamp, Worker};
use everstep_storage::MemoryStore;
use tokio::runtime::Handle;

use super::super::rebuild::{Rebuild, ReplayStatus};
use super::*;
use crate::projections::rows::{Checkpoint, StoredRow};

const READ: u32 = 1;
/// A rebuild was begun anew by as many deploys as it takes to come here.
const FILLED: u32 = 30;

fn rebuild() -> Rebuild {
    let at = Timestamp::from_millis(1);
    Rebuild {
        replay_id: "r".to_owned(),
        projection: "sums".to_owned(),
        status: ReplayStatus::Running,
        build_id: "b".to_owned(),
        generation: FILLED,
        last_position: 0,
        target_position: 1,
        events_processed: 0,
        events_touched: 0,
        total_events: None,
        chunks_completed: 0,
        chunk_size: 10,
        error: None,
        started_at: at,
        updated_at: at,
        completed_at: None,
        active_ms: 0,
    }
}

#[tokio::test]
async fn what_many_builds_have_left_goes_and_what_is_read_and_filled_stays() {
    let store = Arc::new(MemoryStore::new());
    let config = EngineConfig::default();
    let engine = Engine::open(store, Worker::new(), config, Handle::current()).unwrap();
    let written = engine.transact(DEFAULT_NAMESPACE, |tx| {
        let row = StoredRow { position: 1, state: Payload::from_value(&1)? };
        let shelves = (1..=FILLED).map(|generation| ("sums", generation));
        // Names that begin alike, and a row whose key looks like a shelf.
        for (projection, generation) in shelves.chain([("sum", 2), ("sums2", 2)]) {
            let shelf = Shelf { projection, generation };
            for key in ["a", "30/b", "\u{10ffff}"] {
                tx.put(ROWS, &shelf.key(key), &row)?;
            }
            tx.put(INDEXED, &shelf.key(""), &Vec::new())?;
        }
        tx.put(CHECKPOINTS, "sums", &Checkpoint { generation: READ, ..Checkpoint::default() })?;
        tx.put(REBUILDS, "sums", &rebuild())
    });
    written.await.unwrap();

    let job = Job {
        namespace: DEFAULT_NAMESPACE.to_owned(),
        projection: "sums".to_owned(),
        replay_id: "r".to_owned(),
    };
    while some(&engine, &job).await.unwrap() {}
    let rows = engine.rows(DEFAULT_NAMESPACE).unwrap();
    let found = rows.range(ROWS, &Keys::all()).unwrap();
    let mut shelves: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    shelves.retain(|key| key.ends_with("/a"));
    assert_eq!(shelves, ["sum/2/a", "sums/1/a", "sums/30/a", "sums2/2/a"]);
    assert_eq!((found.len(), rows.range(INDEXED, &Keys::all()).unwrap().len()), (12, 4));
}
