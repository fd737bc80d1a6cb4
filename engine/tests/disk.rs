//! The engine over the real store on a disk that fails: what was acknowledged is there afterwards,
//! and every run still ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "each test crate uses its part of the support")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{Payload, Rejection, RunStatus, Selector, SignalInput, StartRequest};
use everstep_storage::testing::{Fault, FaultDisk, Honesty, Random};
use everstep_storage::{EmbeddedConfig, EmbeddedStore, Threads};
use support::{Fixture, json};

/// Power losses in an ordinary run.
const LOSSES: u64 = 900;

fn open(disk: &FaultDisk) -> Arc<EmbeddedStore> {
    // Checkpoints come often, so that power is lost in them, too.
    let config = EmbeddedConfig {
        checkpoint_records: 20,
        checkpoint_interval: Duration::from_millis(1),
        // Values go on in another file now and then.
        values_file_bytes: 20_000,
        min_free_bytes: 1_000,
        ..EmbeddedConfig::default()
    };
    Arc::new(EmbeddedStore::open_with(disk.clone(), config, Threads::Own).unwrap())
}

/// What a client was told.
#[derive(Default)]
struct Told {
    chains: Vec<String>,
    sums: Vec<(String, Vec<u64>)>,
}

/// Starts and signals until the disk is gone; every request has an id of its own.
async fn load(fixture: &Fixture, round: usize, told: &mut Told) {
    let engine = fixture.engine();
    let sum = format!("sum-{round}");
    let mut request = StartRequest::new("sum", Payload::null());
    request.workflow_id = Some(sum.clone());
    if engine.start(request).await.is_err() {
        return;
    }
    told.sums.push((sum.clone(), Vec::new()));
    for number in 0.. {
        let id = format!("chain-{round}-{number}");
        let mut request = StartRequest::new("chain", json("4"));
        request.workflow_id = Some(id.clone());
        if engine.start(request).await.is_err() {
            return;
        }
        told.chains.push(id);
        let signal = SignalInput { name: "add".into(), payload: json(&number.to_string()) };
        let selector = Selector::newest(sum.clone());
        match engine.signal(&selector, signal, Some(format!("key-{number}"))).await {
            Ok(()) => told.sums.last_mut().unwrap().1.push(number),
            Err(_) => return,
        }
    }
}

#[test]
fn what_was_acknowledged_survives_every_loss_of_power() {
    for seed in 0..LOSSES / 3 {
        let mut random = Random::new(seed);
        let mut disk = FaultDisk::new(Honesty::Honest);
        let mut told = Told::default();
        for round in 0..3 {
            let fixture = Fixture::over(open(&disk), 1 << 30);
            disk.fail_after(20 + random.below(400), Fault::PowerLoss);
            fixture.wait(load(&fixture, round, &mut told));
            assert!(disk.has_failed(), "the load ends with the disk");
            disk = disk.after_power_loss(&mut random);
        }
        let fixture = Fixture::over(open(&disk), 1 << 30);
        for id in &told.chains {
            let result = fixture.result(&Selector::newest(id));
            assert_eq!(result.result, Some(json("4")), "seed {seed}: {id}: {result:?}");
        }
        for (id, acknowledged) in &told.sums {
            let selector = Selector::newest(id);
            fixture.signal(&selector, "finish", "null");
            let order: Vec<u64> = fixture.result(&selector).result.unwrap().to().unwrap();
            // One more may have been accepted that nobody was told of.
            let more = order.len() - acknowledged.len();
            assert!(order.starts_with(acknowledged) && more <= 1, "seed {seed}: {id}: {order:?}");
        }
    }
}

#[test]
fn a_full_disk_refuses_and_then_goes_on() {
    let disk = FaultDisk::new(Honesty::Honest);
    let fixture = Fixture::over(open(&disk), 1 << 30);
    let before = fixture.start("sum", Payload::null());
    let selector = Selector::newest(before.workflow_id);
    fixture.signal(&selector, "add", "1");

    disk.set_free_bytes(10);
    let mut request = StartRequest::new("chain", json("1"));
    request.workflow_id = Some("late".into());
    // The store looks at the disk now and then, so a few may still pass.
    let refused = (0..).find_map(|number| {
        let signal = SignalInput { name: "add".into(), payload: json(&number.to_string()) };
        fixture.wait(fixture.engine().signal(&selector, signal, None)).err()
    });
    assert!(matches!(refused, Some(Rejection::Unavailable(_))), "{refused:?}");
    let refused = fixture.wait(fixture.engine().start(request.clone()));
    assert!(matches!(refused, Err(Rejection::Unavailable(_))), "{refused:?}");
    let missing = fixture.engine().describe(&Selector::newest("late"));
    assert!(matches!(missing, Err(Rejection::WorkflowNotFound(_))), "{missing:?}");

    disk.set_free_bytes(u64::MAX);
    let started = loop {
        match fixture.wait(fixture.engine().start(request.clone())) {
            Ok(started) => break started,
            Err(Rejection::Unavailable(_)) => {}
            Err(other) => unreachable!("{other}"),
        }
    };
    let result = fixture.result(&Selector::newest(started.workflow_id));
    assert_eq!(result.status, RunStatus::Completed);
    fixture.signal(&selector, "finish", "null");
    let order: Vec<u64> = fixture.result(&selector).result.unwrap().to().unwrap();
    assert_eq!(order[0], 1, "{order:?}");
}
