//! How fast this disk commits: `cargo run --release -p everstep-storage --example bench [dir]`.

use std::error::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use everstep_storage::{Batch, EmbeddedConfig, EmbeddedStore, Range, Store, Table};

const HISTORY: Table = Table::new(1, "history");
const TASKS: Table = Table::new(2, "tasks");
const WHILE: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "target/bench-store".to_owned());
    if std::fs::exists(&dir)? {
        std::fs::remove_dir_all(&dir)?;
    }
    let store = EmbeddedStore::open(&dir, EmbeddedConfig::default())?;
    burst(&store)?;
    one_caller(&store)?;
    one_submitter(&store, 1, 64)?;
    one_submitter(&store, 1, 512)?;
    one_submitter(&store, 64, 8)?;
    one_submitter(&store, 512, 8)?;
    reads(&store)?;
    let started = Instant::now();
    store.close();
    report(&format!("closed in {:?}: {:?}", started.elapsed(), store.stats()));
    let started = Instant::now();
    let store = EmbeddedStore::open(&dir, EmbeddedConfig::default())?;
    report(&format!("opened in {:?} at {}", started.elapsed(), store.sequence()));
    store.close();
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what the example is for")]
fn report(line: &str) {
    println!("{line}");
}

/// One step of a run: 250 bytes of history, now and then a task that comes or goes.
fn step(batch: &mut Batch, n: u64) {
    let run = n / 10;
    let mut key = [0; 20];
    key[..8].copy_from_slice(&run.to_be_bytes());
    batch.append(HISTORY, &key, &[n as u8; 250]);
    match n % 10 {
        0 => batch.put(TASKS, &key, b"task"),
        9 => batch.delete(TASKS, &key),
        _ => {}
    }
}

fn latency(mut taken: Vec<Duration>) -> String {
    taken.sort_unstable();
    let at = |part: usize| taken.get(taken.len() * part / 1000).copied().unwrap_or_default();
    format!("p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999))
}

fn one_caller(store: &EmbeddedStore) -> Result<(), Box<dyn Error>> {
    let (started, mut taken) = (Instant::now(), Vec::new());
    while started.elapsed() < WHILE {
        let mut batch = Batch::new();
        step(&mut batch, taken.len() as u64);
        let at = Instant::now();
        store.commit(batch)?;
        taken.push(at.elapsed());
    }
    let rate = taken.len() as f64 / started.elapsed().as_secs_f64();
    report(&format!("one caller: {rate:.0} commits/s, {}", latency(taken)));
    Ok(())
}

fn one_submitter(store: &EmbeddedStore, steps: u64, window: u64) -> Result<(), Box<dyn Error>> {
    let before = store.stats();
    let (tell, told) = mpsc::channel();
    let (started, mut n) = (Instant::now(), (steps + window) << 40);
    let (mut taken, mut flying) = (Vec::new(), 0);
    while started.elapsed() < WHILE {
        let mut batch = Batch::new();
        for _ in 0..steps {
            step(&mut batch, n);
            n += 1;
        }
        let (at, tell) = (Instant::now(), tell.clone());
        store.submit(
            batch,
            Box::new(move |outcome| {
                let _nobody_waits = tell.send(outcome.map(|_| at.elapsed()));
            }),
        );
        flying += 1;
        // Closed loop: whoever was answered sends the next one.
        while flying >= window {
            taken.push(told.recv()??);
            flying -= 1;
        }
    }
    drop(tell);
    taken.extend(told.iter().collect::<Result<Vec<_>, _>>()?);
    let (after, took) = (store.stats(), started.elapsed().as_secs_f64());
    report(&format!(
        "{window} batches of {steps} steps in flight: {:.0} batches/s, {:.0} records/s, {:.0} syncs/s, \
         {}, overlay {} MB, checkpoints {} (last {:?}), journal {} MB, state {} MB",
        taken.len() as f64 / took,
        (after.records - before.records) as f64 / took,
        (after.syncs - before.syncs) as f64 / took,
        latency(taken),
        after.overlay_bytes >> 20,
        after.checkpoints - before.checkpoints,
        after.last_checkpoint,
        after.journal_bytes >> 20,
        after.state_bytes >> 20,
    ));
    Ok(())
}

/// What is acknowledged before the applier sets the pace.
fn burst(store: &EmbeddedStore) -> Result<(), Box<dyn Error>> {
    const BATCHES: u64 = 600;
    let (tell, told) = mpsc::channel();
    let started = Instant::now();
    for first in 0..BATCHES {
        let mut batch = Batch::new();
        for n in 0..512 {
            step(&mut batch, (1 << 50) + first * 512 + n);
        }
        let (at, tell) = (Instant::now(), tell.clone());
        store.submit(
            batch,
            Box::new(move |outcome| {
                let _nobody_waits = tell.send(outcome.map(|_| at.elapsed()));
            }),
        );
    }
    drop(tell);
    let taken = told.iter().collect::<Result<Vec<_>, _>>()?;
    let rate = store.stats().records as f64 / started.elapsed().as_secs_f64();
    let syncs = store.stats().syncs;
    report(&format!("burst: {rate:.0} records/s, {syncs} syncs, {}", latency(taken)));
    Ok(())
}

fn reads(store: &EmbeddedStore) -> Result<(), Box<dyn Error>> {
    const READS: u32 = 200_000;
    let started = Instant::now();
    for _ in 0..READS {
        store.snapshot()?;
    }
    let snapshot = started.elapsed() / READS;
    let reader = store.snapshot()?;
    let started = Instant::now();
    for n in 0..READS {
        reader.get(HISTORY, &[&n.to_be_bytes()[..], b"missing"].concat())?;
    }
    let missing = started.elapsed() / READS;
    let started = Instant::now();
    for n in 0..u64::from(READS) {
        let mut key = [0; 20];
        key[..8].copy_from_slice(&((65 << 40) / 10 + n % 50_000).to_be_bytes());
        reader.get(HISTORY, &key)?;
    }
    let found = started.elapsed() / READS;
    let started = Instant::now();
    let rows = reader.range(Range::all(HISTORY).limit(10_000))?.len();
    report(&format!(
        "snapshot {snapshot:?}, get of a missing row {missing:?}, of a row {found:?}, \
         range of {rows} rows {:?}",
        started.elapsed()
    ));
    Ok(())
}
