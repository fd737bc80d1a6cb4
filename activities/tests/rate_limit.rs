//! Limits over restarts: what was used up stays used up, by key, and rows do not pile up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use everstep_activities::rate_limit::{
    ADMIN_OPERATIONS, COMMAND_DISPATCH, Decision, DurableLimiter, RateLimiter, WorkerLimits, list,
};
use everstep_engine::{
    ActivityError, Clock, DEFAULT_NAMESPACE, Engine, EngineConfig, Keys, Table, Worker,
};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use tokio::runtime::Handle;

const DISPATCH: DurableLimiter = DurableLimiter::new("commandDispatch", COMMAND_DISPATCH);
const ADMIN: DurableLimiter = DurableLimiter::new("adminOperations", ADMIN_OPERATIONS);
/// The limiter's rows, of whatever shape.
const ROWS: Table<serde_json::Value> = Table::new("everstep", "rate_limits");

fn open(data: &std::path::Path) -> Engine {
    let store = Arc::new(EmbeddedStore::open(data, EmbeddedConfig::default()).unwrap());
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    Engine::open(store, Worker::new(), config, Handle::current()).unwrap()
}

async fn take(engine: &Engine, limiter: DurableLimiter, key: &'static str) -> Decision {
    engine.transact(DEFAULT_NAMESPACE, move |tx| limiter.take(tx, key, 1)).await.unwrap()
}

async fn exhaust(engine: &Engine, limiter: DurableLimiter, key: &'static str) -> usize {
    let mut granted = 0;
    while take(engine, limiter, key).await.allowed {
        granted += 1;
    }
    granted
}

async fn rows(engine: &Engine) -> usize {
    let all = engine.transact(DEFAULT_NAMESPACE, |tx| tx.range(ROWS, &Keys::all()));
    all.await.unwrap().len()
}

#[tokio::test]
async fn a_restart_forgives_nothing_and_keys_are_apart() {
    let data = tempfile::tempdir().unwrap();
    let engine = open(data.path());
    assert_eq!(exhaust(&engine, DISPATCH, "alice").await, 150);
    assert_eq!(exhaust(&engine, ADMIN, "alice").await, 10);
    engine.drain(Duration::ZERO).await;
    drop(engine);

    let engine = open(data.path());
    let denied = take(&engine, DISPATCH, "alice").await;
    assert_eq!((denied.allowed, denied.retry_after_ms), (false, Some(600)));
    assert!(take(&engine, DISPATCH, "bob").await.allowed);
    assert!(!take(&engine, ADMIN, "alice").await.allowed);
    engine.advance_clock(600).await.unwrap();
    assert_eq!(exhaust(&engine, DISPATCH, "alice").await, 1);
    assert!(!take(&engine, ADMIN, "alice").await.allowed);
    engine.advance_clock(60 * 60 * 1_000).await.unwrap();
    assert_eq!(exhaust(&engine, ADMIN, "alice").await, 10);
    engine.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn what_a_refused_transaction_took_is_not_used_up() {
    let data = tempfile::tempdir().unwrap();
    let engine = open(data.path());
    for _ in 0..20 {
        let refused = engine.transact(DEFAULT_NAMESPACE, |tx| {
            assert!(ADMIN.take(tx, "carol", 1)?.allowed);
            Err::<(), _>(ActivityError::new("refused", "on purpose"))
        });
        assert!(refused.await.is_err());
    }
    assert_eq!(rows(&engine).await, 0);
    assert_eq!(exhaust(&engine, ADMIN, "carol").await, 10);
    engine.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn rows_that_say_nothing_any_more_go() {
    let data = tempfile::tempdir().unwrap();
    let engine = open(data.path());
    for number in 0..60 {
        let key = format!("sender-{number:02}");
        let taken = engine.transact(DEFAULT_NAMESPACE, move |tx| DISPATCH.take(tx, &key, 1));
        assert!(taken.await.unwrap().allowed);
    }
    assert_eq!(rows(&engine).await, 60);
    engine.advance_clock(60_000).await.unwrap();
    for number in 0..60 {
        let key = format!("later-{number:02}");
        let taken = engine.transact(DEFAULT_NAMESPACE, move |tx| DISPATCH.take(tx, &key, 1));
        assert!(taken.await.unwrap().allowed);
    }
    assert_eq!(rows(&engine).await, 60);
    engine.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn limits_whose_names_begin_alike_are_apart_and_what_is_at_rest_is_shown_when_asked_for() {
    const LARGE: DurableLimiter = DurableLimiter::new("commandDispatch/large", ADMIN_OPERATIONS);
    let store = Arc::new(everstep_storage::MemoryStore::new());
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    let worker = Worker::new().limit(DISPATCH).limit(LARGE);
    let engine = Engine::open(store, worker, config, Handle::current()).unwrap();
    assert_eq!(exhaust(&engine, LARGE, "alice").await, 10);
    // The same text in a row of the shorter name would be the same meter.
    assert_eq!(exhaust(&engine, DISPATCH, "large/alice").await, 150);
    let shown = |at_rest: bool, size: usize| {
        let (mut after, mut all) = (None::<String>, Vec::new());
        loop {
            let after_it = after.as_deref();
            let page = list(&engine, DEFAULT_NAMESPACE, after_it, at_rest, size).unwrap();
            let meters = page.meters.into_iter();
            all.extend(meters.map(|one| format!("{} of {}: {}", one.key, one.limit, one.used)));
            after = page.next_page_token;
            if after.is_none() {
                return all;
            }
        }
    };
    let both = ["large/alice of commandDispatch: 150", "alice of commandDispatch/large: 10"];
    assert_eq!(shown(false, 100), both);
    assert_eq!(shown(false, 1), both);
    // After some minutes the bucket is full again, after an hour the window is over.
    engine.advance_clock(600_000).await.unwrap();
    assert_eq!(shown(false, 1), both[1..]);
    engine.advance_clock(3_600_000).await.unwrap();
    assert_eq!(shown(false, 1), [""; 0]);
    assert_eq!(shown(true, 1).len(), 2);
    engine.drain(Duration::ZERO).await;
}
