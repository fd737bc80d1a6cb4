//! How fast the event log is without an engine in front of it:
//! `cargo run --release -p everstep-storage --example log [dir] [events]`.
//!
//! The events have the shape of `everstep bench`'s: 256 bytes of data and three tags, of which one
//! is one of 10,000 groups that lie apart in the log.

use std::error::Error;
use std::time::{Duration, Instant};

use everstep_storage::log::{
    Append, Appended, Checked, Direction, Expected, Log, LogReader, NewEvent, Query, StreamAppend,
};
use everstep_storage::{Batch, EmbeddedConfig, EmbeddedStore, Store};

const GROUPS: u64 = 10_000;
/// Walks through the groups in no order; prime to their number.
const STRIDE: u64 = 7_919;
const AN_APPEND: u64 = 100;
/// Appends that share a commit.
const A_TURN: u64 = 8;
const WHILE: Duration = Duration::from_secs(4);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "target/bench-log".to_owned());
    let events: u64 = std::env::args().nth(2).map_or(Ok(1_000_000), |events| events.parse())?;
    if std::fs::exists(&dir)? {
        std::fs::remove_dir_all(&dir)?;
    }
    let store = EmbeddedStore::open(&dir, EmbeddedConfig::default())?;
    append(&store, events)?;
    by_tag(&store)?;
    in_full(&store)?;
    store.close();
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what the example is for")]
fn report(line: &str) {
    println!("{line}");
}

fn append(store: &EmbeddedStore, events: u64) -> Result<(), Box<dyn Error>> {
    let mut log = Log::open(&*store.snapshot()?, "default")?;
    let data = bytes::Bytes::from(format!("\"{}\"", "x".repeat(254)));
    let (started, used) = (Instant::now(), processor_time()?);
    let mut turn = 0;
    while log.last_position() < events {
        turn += 1;
        let snapshot = store.snapshot()?;
        let mut draft = log.draft(&*snapshot, 1_700_000_000_000);
        for _ in 0..A_TURN {
            let first = draft.last_position();
            let event = |number: u64| NewEvent {
                tags: vec![
                    format!("entity:{}", first / 10).into(),
                    format!("group:{}", number % GROUPS).into(),
                    format!("half:{}", number % 2).into(),
                ],
                ..NewEvent::new("Measured", data.clone())
            };
            let events = (first..first + AN_APPEND).map(event).collect();
            let streams = vec![StreamAppend { stream: None, expected: Expected::Any, events }];
            let append = Append { streams, ..Append::default() };
            match draft.append(&append, Checked::NOTHING)? {
                Appended::New(_) => {}
                other => return Err(format!("it was there before: {other:?}").into()),
            }
        }
        let (mut batch, changes) = (Batch::new(), draft.into_changes());
        log.accept(changes, &mut batch, turn);
        store.commit(batch)?;
        log.durable(turn);
    }
    let took = started.elapsed();
    store.checkpoint()?;
    let used = processor_time()? - used;
    report(&format!(
        "{events} events, {AN_APPEND} an append, {A_TURN} appends a commit: {:.0} events/s, {:.2} µs \
         of processor time an event with the checkpoints; {} MB on disk",
        events as f64 / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / events as f64,
        store.stats().state_bytes >> 20,
    ));
    Ok(())
}

fn by_tag(store: &EmbeddedStore) -> Result<(), Box<dyn Error>> {
    let (started, used, mut reads, mut found) = (Instant::now(), processor_time()?, 0, 0);
    while started.elapsed() < WHILE {
        reads += 1;
        let snapshot = store.snapshot()?;
        let reader = LogReader::new(&*snapshot, "default");
        let query = Query::tags([format!("group:{}", reads * STRIDE % GROUPS)]);
        found += reader.matching(&query, 1, Direction::Forwards, 1_000)?.len();
    }
    let used = processor_time()? - used;
    report(&format!(
        "by tag: {:.0} reads/s of {:.0} events, {:.2} µs of processor time an event",
        reads as f64 / started.elapsed().as_secs_f64(),
        found as f64 / reads as f64,
        used.as_secs_f64() * 1e6 / found as f64,
    ));
    Ok(())
}

fn in_full(store: &EmbeddedStore) -> Result<(), Box<dyn Error>> {
    let (started, used, mut position) = (Instant::now(), processor_time()?, 0);
    loop {
        let snapshot = store.snapshot()?;
        let reader = LogReader::new(&*snapshot, "default");
        let page = reader.events(position + 1, Direction::Forwards, 1_000)?;
        let Some(last) = page.last() else { break };
        position = last.position();
    }
    let used = processor_time()? - used;
    report(&format!(
        "in full: {:.2} M events/s, {:.2} µs of processor time an event",
        position as f64 / 1e6 / started.elapsed().as_secs_f64(),
        used.as_secs_f64() * 1e6 / position as f64,
    ));
    Ok(())
}

/// What all threads of this process have used so far, in steps of a hundredth of a second.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold anything; user and system time are the 12th and 13th after.
    let behind = stat.rsplit_once(')').ok_or("no such field")?.1;
    let ticks = behind.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
