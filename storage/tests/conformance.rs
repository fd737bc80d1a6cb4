//! Every store of this crate passes the suite.

mod keys;

use std::sync::Arc;
use std::time::Duration;

use everstep_storage::testing::{FaultDisk, Honesty, conformance};
use everstep_storage::{EmbeddedConfig, EmbeddedStore, MemoryStore, Store, Threads};

#[test]
fn the_memory_store_conforms() {
    conformance(|| Arc::new(MemoryStore::new()));
}

#[test]
fn the_embedded_store_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let opened = std::cell::Cell::new(0);
    conformance(|| {
        opened.set(opened.get() + 1);
        let dir = dir.path().join(opened.get().to_string());
        Arc::new(EmbeddedStore::open(dir, EmbeddedConfig::default()).unwrap())
    });
}

#[test]
fn the_embedded_store_conforms_while_it_checkpoints_all_the_time_and_its_queue_is_short() {
    let config = EmbeddedConfig {
        checkpoint_records: 1,
        checkpoint_interval: Duration::ZERO,
        max_lag_records: 5,
        queue_batches: 2,
        ..EmbeddedConfig::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let opened = std::cell::Cell::new(0);
    conformance(|| {
        opened.set(opened.get() + 1);
        let dir = dir.path().join(opened.get().to_string());
        Arc::new(EmbeddedStore::open(dir, config.clone()).unwrap())
    });
}

#[test]
fn the_embedded_store_conforms_with_sealed_values() {
    let dir = tempfile::tempdir().unwrap();
    let opened = std::cell::Cell::new(0);
    conformance(|| {
        opened.set(opened.get() + 1);
        let dir = dir.path().join(opened.get().to_string());
        let config = EmbeddedConfig {
            codec: Some(Arc::new(keys::codec(&["k1"]))),
            checkpoint_records: 10,
            ..EmbeddedConfig::default()
        };
        Arc::new(EmbeddedStore::open(dir, config).unwrap())
    });
}

#[test]
fn the_embedded_store_conforms_in_simulation() {
    for max_lag_records in [0, 3, 1000] {
        let config = EmbeddedConfig { max_lag_records, ..EmbeddedConfig::default() };
        conformance(|| -> Arc<dyn Store> {
            let disk = FaultDisk::new(Honesty::Honest);
            Arc::new(EmbeddedStore::open_with(disk, config.clone(), Threads::None).unwrap())
        });
    }
}
