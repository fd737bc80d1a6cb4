//! Steps about rows that an earlier build left in another shape.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cucumber::{given, then, when};
use everstep_activities::WorkerContexts;
use everstep_activities::contexts::{
    Caller, Context, ContextCommand, Contract, begin_migrations, call, migrations,
};
use everstep_activities::language::SchemaVersion;
use everstep_engine::{
    ActivityError, BoundedContext, Clock, ContextTable, ContextTx, DEFAULT_NAMESPACE, Engine,
    EngineConfig, Keys, Selector, Worker,
};
use everstep_storage::MemoryStore;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::world::World;

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const V2: SchemaVersion = SchemaVersion::new(2, 0, 0);

struct Travel(());
impl BoundedContext for Travel {
    const NAME: &'static str = "travel";
}

/// A visit as it was kept first.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Old {
    city: String,
}

/// As it is kept now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct New {
    number: String,
    taken_along: bool,
}

const BY_NUMBER: ContextTable<Travel, Old> = ContextTable::new("visits");
const BY_CITY: ContextTable<Travel, New> = ContextTable::new("visitsByCity");
type Tx<'t, 'a> = ContextTx<'t, 'a, Travel>;

const KEEP_OLD: ContextCommand<(String, String), ()> = ContextCommand::new("travel", "KeepOld");
const KEEP: ContextCommand<(String, String), ()> = ContextCommand::new("travel", "Keep");
const COUNT: ContextCommand<(), (usize, Vec<(String, New)>)> =
    ContextCommand::new("travel", "Count");

/// A store, and the build that runs on it.
pub(crate) struct Visits {
    store: Arc<MemoryStore>,
    engine: Engine,
    taken: Arc<AtomicUsize>,
    stops: Arc<AtomicBool>,
}

fn keep_old(
    tx: &mut Tx<'_, '_>,
    _: &Caller,
    (number, city): (String, String),
) -> Result<(), ActivityError> {
    tx.put(BY_NUMBER, &number, &Old { city })
}

fn count(
    tx: &mut Tx<'_, '_>,
    _: &Caller,
    (): (),
) -> Result<(usize, Vec<(String, New)>), ActivityError> {
    Ok((tx.range(BY_NUMBER, &Keys::all())?.len(), tx.range(BY_CITY, &Keys::all())?))
}

fn first() -> Worker {
    let contract = Contract::new("travel", V1).commands(["KeepOld"]).table("visits", V1);
    Worker::new().context(Context::new(Travel(()), contract).command(KEEP_OLD, keep_old))
}

/// The later build; its migration refuses to go on after 200 rows while `stops` holds.
fn second(taken: &Arc<AtomicUsize>, stops: &Arc<AtomicBool>) -> Worker {
    let (taken, stops) = (Arc::clone(taken), Arc::clone(stops));
    let contract = Contract::new("travel", V2)
        .commands(["KeepOld", "Keep", "Count"])
        .table("visits", V1)
        .table("visitsByCity", V2);
    let context = Context::new(Travel(()), contract)
        .command(KEEP_OLD, keep_old)
        .command(KEEP, |tx, _, (number, city): (String, String)| {
            let key = format!("{city}/{number}");
            tx.put(BY_CITY, &key, &New { number, taken_along: false })
        })
        .command(COUNT, count)
        .migration("visits-by-city", BY_NUMBER, move |tx, number, old| {
            if taken.load(Ordering::SeqCst) >= 200 && stops.load(Ordering::SeqCst) {
                return Err(ActivityError::new("not_now", "the process is about to die"));
            }
            taken.fetch_add(1, Ordering::SeqCst);
            let key = format!("{}/{number}", old.city);
            match tx.get(BY_CITY, &key)? {
                Some(_) => Ok(()),
                None => {
                    let new = New { number: number.to_owned(), taken_along: true };
                    tx.put(BY_CITY, &key, &new)
                }
            }
        });
    Worker::new().context(context)
}

fn open(store: &Arc<MemoryStore>, worker: Worker) -> Engine {
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    Engine::open(store.clone(), worker, config, Handle::current()).unwrap()
}

impl Visits {
    async fn call<
        I: Serialize + Send + 'static,
        O: serde::de::DeserializeOwned + Send + 'static,
    >(
        &self,
        command: ContextCommand<I, O>,
        input: I,
    ) -> O {
        let called = self.engine.transact(DEFAULT_NAMESPACE, move |tx| {
            call(tx, command, &Caller::new("ada", "default"), &input)
        });
        called.await.unwrap()
    }

    /// The later build takes the store over, whatever the one before was about to do.
    fn reopen(&mut self) {
        self.engine = open(&self.store, second(&self.taken, &self.stops));
    }

    async fn done(&self) {
        let selector = Selector::newest("everstep.migration:travel/visits-by-city");
        let ended = self.engine.result(&selector, Duration::from_secs(30)).await.unwrap();
        assert!(ended.status.is_closed(), "{ended:?}");
    }
}

fn city(number: usize) -> String {
    format!("city-{}", number % 7)
}

#[given(expr = "a build that keeps {int} visits by number")]
async fn first_build(world: &mut World, count: usize) {
    let store = Arc::new(MemoryStore::new());
    let engine = open(&store, first());
    let (taken, stops) = (Arc::default(), Arc::new(AtomicBool::new(true)));
    let visits = Visits { store, engine, taken, stops };
    for number in 0..count {
        visits.call(KEEP_OLD, (format!("{number:03}"), city(number))).await;
    }
    world.visits = Some(visits);
}

#[when("a later build keeps them by city and number, and takes along what there is")]
async fn later_build(world: &mut World) {
    let visits = world.visits.as_mut().unwrap();
    visits.reopen();
    // Before its turn comes, somebody writes one of them anew.
    visits.call(KEEP, ("449".to_owned(), city(449))).await;
    begin_migrations(&visits.engine).await.unwrap();
}

#[when(expr = "its process dies after {int} of them")]
async fn dies(world: &mut World, rows: u64) {
    let visits = world.visits.as_ref().unwrap();
    loop {
        let now = migrations(&visits.engine, DEFAULT_NAMESPACE).unwrap().remove(0);
        assert_eq!(now.status, "running");
        if now.rows == rows {
            break;
        }
        tokio::task::yield_now().await;
    }
    let (old, new) = visits.call(COUNT, ()).await;
    assert_eq!((old, new.len()), (250, 201));
}

#[when("it is started again")]
async fn started_again(world: &mut World) {
    let visits = world.visits.as_mut().unwrap();
    visits.stops.store(false, Ordering::SeqCst);
    visits.reopen();
    begin_migrations(&visits.engine).await.unwrap();
    // What failed is tried again after a pause.
    visits.engine.advance_clock(120_000).await.unwrap();
    visits.done().await;
}

#[then("every visit is kept by city and number, and the old table is empty")]
async fn all_there(world: &mut World) {
    let visits = world.visits.as_ref().unwrap();
    let (old, new) = visits.call(COUNT, ()).await;
    assert_eq!((old, new.len(), visits.taken.load(Ordering::SeqCst)), (0, 450, 450));
    let known = |(key, new): &(String, New)| {
        *key == format!("{}/{}", city(new.number.parse().unwrap()), new.number)
    };
    assert!(new.iter().all(known), "{new:?}");
    let shown = migrations(&visits.engine, DEFAULT_NAMESPACE).unwrap().remove(0);
    assert_eq!((shown.status.as_str(), shown.rows), ("completed", 450));
}

#[then("a visit that was written meanwhile is as it was written")]
async fn as_written(world: &mut World) {
    let (_, new) = world.visits.as_ref().unwrap().call(COUNT, ()).await;
    let own: Vec<_> = new.iter().filter(|(_, new)| !new.taken_along).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].1.number, "449");
}

#[when("one more visit is left in the old shape, and the build is started again")]
async fn one_more(world: &mut World) {
    let visits = world.visits.as_mut().unwrap();
    visits.call(KEEP_OLD, ("450".to_owned(), city(450))).await;
    visits.reopen();
    begin_migrations(&visits.engine).await.unwrap();
}

#[then("that visit stays where it is, because the migration is over")]
async fn stays(world: &mut World) {
    let visits = world.visits.as_ref().unwrap();
    visits.done().await;
    let (old, new) = visits.call(COUNT, ()).await;
    assert_eq!((old, new.len()), (1, 450));
}
