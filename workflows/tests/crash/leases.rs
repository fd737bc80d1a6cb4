//! What was handed out to the program's own code when its process died is handed out by the next one
//! at once; what somebody else holds stays theirs.

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{DEFAULT_NAMESPACE, Engine, EngineConfig, Worker};
use everstep_storage::{MemoryStore, Store};
use everstep_workflows::subscriptions::{
    PollRequest, Subscriber, SubscriberWorker, SubscriptionService, SubscriptionSettings,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const MAILER: &str = "mailer";
const OTHERS: &str = "others";
/// Longer than any test may take.
const LEASE: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that takes an event, says so, and never comes to an end with it.
fn open(store: &Arc<dyn Store>, told: mpsc::UnboundedSender<u32>) -> Engine {
    let subscriber = Subscriber::new(MAILER)
        .types(["Ordered"])
        .settings(|settings| settings.lease_ms = 3_600_000)
        .handle(move |incoming| {
            told.send(incoming.attempt()).unwrap();
            std::future::pending()
        });
    let worker = Worker::new().subscriber(subscriber);
    let config = EngineConfig::default();
    Engine::open(Arc::clone(store), worker, config, Handle::current()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_of_a_dead_process_are_over() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (told, mut attempts) = mpsc::unbounded_channel();
    let engine = open(&store, told.clone());
    let service = SubscriptionService::new(&engine);
    service.create(DEFAULT_NAMESPACE, OTHERS, SubscriptionSettings::default()).await.unwrap();
    let ordered = vec![NewEvent::new("Ordered", "{}".to_owned())];
    let append = Append::to(StreamId::new("Order", "o"), Expected::Any, ordered);
    engine.append(DEFAULT_NAMESPACE, append).await.unwrap();
    let poll = || PollRequest {
        consumer: "elsewhere".to_owned(),
        most: 1,
        lease_ms: Some(u64::try_from(LEASE.as_millis()).unwrap()),
        wait: Duration::ZERO,
    };
    assert_eq!(service.poll(DEFAULT_NAMESPACE, OTHERS, poll()).await.unwrap().len(), 1);
    let consuming = service.consume();
    assert_eq!(next(&mut attempts).await, 1);
    // The store belongs to another process from here on: whatever this one still does is refused.
    let after = open(&store, told);
    let later = SubscriptionService::new(&after);
    let _consuming = later.consume();
    assert_eq!(next(&mut attempts).await, 2);
    assert!(later.poll(DEFAULT_NAMESPACE, OTHERS, poll()).await.unwrap().is_empty());
    let held = later.describe(DEFAULT_NAMESPACE, MAILER).unwrap();
    assert_eq!((held.in_flight, held.retried), (1, 1));
    drop(consuming);
    after.drain(Duration::ZERO).await;
}

async fn next(attempts: &mut mpsc::UnboundedReceiver<u32>) -> u32 {
    tokio::time::timeout(PATIENCE, attempts.recv()).await.unwrap().unwrap()
}
