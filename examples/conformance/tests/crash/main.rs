//! The worker under load, killed with `-9` again and again.
//!
//! What was acknowledged to a client must be there at the end, what was recorded as done must not
//! have been done again, and every run must have come to its end. `EVERSTEP_KILLS` sets how often
//! it is killed, `EVERSTEP_SEED` repeats the choices of an earlier run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the figures are there to be read")]

#[path = "../support/mod.rs"]
mod support;

mod batches;
mod callers;
mod evidence;
mod line;
mod sleepers;
mod stories;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Mutex;

use line::Line;
use support::Server;

/// Runs at once: so many callers, each with one run at a time.
const CALLERS: usize = 256;
/// A kill comes after at most so many requests and answers since the last.
const MOST_STEPS_BETWEEN_KILLS: u64 = 4_000;
/// Of the processes that are started, one in so many is killed before it is ready.
const ONE_IN_EARLY: u32 = 6;

/// The tests of this file measure, so they do not share the machine with each other.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_recorded_is_done_twice() {
    let _alone = ALONE.lock().await;
    let kills: usize = from_env("EVERSTEP_KILLS").unwrap_or(50);
    let seed = from_env("EVERSTEP_SEED").unwrap_or_else(rand::random::<u64>);
    println!("EVERSTEP_SEED={seed} EVERSTEP_KILLS={kills}");
    let begun = Instant::now();

    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut rng = StdRng::seed_from_u64(seed);
    let line = Arc::new(Line::default());
    let callers = callers::spawn(&line, CALLERS, seed);
    let mut restarts = Vec::new();
    let mut early = 0;
    let mut server = start(&data).await;
    for _ in 0..kills {
        line.connect(server.api());
        line.steps(rng.random_range(1..=MOST_STEPS_BETWEEN_KILLS)).await;
        server.kill().await;
        line.disconnect();
        while rng.random_ratio(1, ONE_IN_EARLY) {
            let limit = Duration::from_millis(rng.random_range(1..=80));
            let started = Server::start_within(binary(), &data, &[], limit).await;
            early += usize::from(started.is_none());
            if let Some(ready) = started {
                ready.kill().await;
            }
        }
        server = start(&data).await;
        restarts.push(server.ready_in());
    }
    line.connect(server.api());
    line.close();
    let done = callers.join().await;
    println!(
        "{} runs of {CALLERS} callers over {kills} kills and {early} during start, in {:?}",
        done.len(),
        begun.elapsed()
    );
    report_restarts("restarts under load", &mut restarts);
    evidence::check(&server.api(), &data, &done).await;
    println!("checked after {:?}", begun.elapsed());
    assert!(done.len() > CALLERS, "only {} runs", done.len());
}

#[tokio::test]
async fn a_hundred_thousand_sleepers_do_not_delay_a_restart() {
    let _alone = ALONE.lock().await;
    sleepers::check().await;
}

#[tokio::test]
async fn a_batch_goes_on_where_it_was_killed() {
    let _alone = ALONE.lock().await;
    batches::check_kills().await;
}

#[tokio::test]
async fn memory_is_given_back_when_a_batch_has_ended_everything() {
    let _alone = ALONE.lock().await;
    batches::check_memory().await;
}

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_conformance")
}

async fn start(data: &Path) -> Server {
    Server::start(binary(), data, &[]).await
}

fn from_env<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// Prints how long the restarts took. The bounds are those of a busy machine of two cores, on
/// which the callers and the new process compete; the figures are there to be read.
fn report_restarts(what: &str, restarts: &mut [Duration]) {
    restarts.sort();
    let (median, longest) = (restarts[restarts.len() / 2], restarts[restarts.len() - 1]);
    println!("{what}: ready after {median:?} (median), {longest:?} (longest)");
    assert!(median < Duration::from_secs(1), "{what}: ready only after {median:?}");
    assert!(longest < Duration::from_secs(10), "{what}: one was ready only after {longest:?}");
}
