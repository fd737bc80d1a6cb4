//! Entities: one command at a time a key, snapshots that know their shape, states of other times,
//! old events read as today's.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use everstep_activities::commands::{
    Aggregate, AggregateReader, At, Changed, Command, CommandClient, SNAPSHOT_EVERY, StateError,
    WorkerCommands, load,
};
use everstep_activities::decider::{Decider, Moment, Output};
use everstep_activities::language::{EventSchema, SchemaVersion, WorkerLanguage};
use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{
    CONTEXT_ISOLATED, Clock, Engine, EngineConfig, Table, TransactError, Worker,
};
use everstep_storage::{MemoryStore, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

const BUILD: Command<String, Changed> = Command::new("BuildTank");
const FILL: Command<Fill, Changed> = Command::new("FillTank");

#[derive(Serialize, Deserialize)]
struct Fill {
    id: String,
    litres: u64,
}

enum Wish {
    Build,
    Fill(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Event {
    TankBuilt,
    TankFilled { litres: u64 },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tank {
    litres: u64,
}

struct Tanks;

impl Decider for Tanks {
    type State = Tank;
    type Command = Wish;
    type Event = Event;

    fn decide(tank: &Tank, wish: &Wish, _: &mut Moment) -> Output<Self> {
        match wish {
            Wish::Build => Output::success(tank, vec![Event::TankBuilt]),
            Wish::Fill(litres) => {
                Output::success(tank, vec![Event::TankFilled { litres: *litres }])
            }
        }
    }

    fn evolve(tank: Tank, event: &Event) -> Tank {
        match event {
            Event::TankBuilt => tank,
            Event::TankFilled { litres } => Tank { litres: tank.litres + litres },
        }
    }
}

impl Aggregate for Tanks {
    type Decider = Self;
    const CONTEXT: &'static str = "depot";
    const STREAM_TYPE: &'static str = "Tank";
}

/// The same streams with another state: how often a tank was filled, too.
struct CountedTanks;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct CountedTank {
    litres: u64,
    fillings: u64,
}

impl Decider for CountedTanks {
    type State = CountedTank;
    type Command = Wish;
    type Event = Event;

    fn decide(tank: &CountedTank, _: &Wish, _: &mut Moment) -> Output<Self> {
        Output::success(tank, Vec::new())
    }

    fn evolve(tank: CountedTank, event: &Event) -> CountedTank {
        match event {
            Event::TankBuilt => tank,
            Event::TankFilled { litres } => {
                CountedTank { litres: tank.litres + litres, fillings: tank.fillings + 1 }
            }
        }
    }
}

impl Aggregate for CountedTanks {
    type Decider = Self;
    const CONTEXT: &'static str = "depot";
    const STREAM_TYPE: &'static str = "Tank";
}

fn worker() -> Worker {
    Worker::new().commands(|commands| {
        commands.create::<Tanks, _>(BUILD, |id| id.clone(), |_| Wish::Build).modify::<Tanks, _>(
            FILL,
            |fill| fill.id.clone(),
            |fill| Wish::Fill(fill.litres),
        );
    })
}

fn open(worker: Worker, store: &Arc<dyn Store>, clock: Clock) -> Engine {
    let config = EngineConfig { clock, ..EngineConfig::default() };
    Engine::open(Arc::clone(store), worker, config, Handle::current()).unwrap()
}

fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

async fn build(commands: &CommandClient) {
    commands.command(BUILD, &"t".to_owned()).unwrap().send().await.unwrap();
}

async fn fill(commands: &CommandClient, litres: u64) -> Changed {
    let fill = Fill { id: "t".into(), litres };
    commands.command(FILL, &fill).unwrap().send().await.unwrap()
}

#[tokio::test]
async fn commands_to_one_key_wait_for_each_other_and_none_is_lost() {
    let engine = open(worker(), &store(), Clock::System);
    let commands = CommandClient::new(engine.clone(), "default");
    build(&commands).await;
    let mut sending = tokio::task::JoinSet::new();
    for litres in 1..=64 {
        let commands = commands.clone();
        sending.spawn(async move { fill(&commands, litres).await.version });
    }
    // None is told of a conflict, and each has a version of its own.
    let mut versions = sending.join_all().await;
    versions.sort_unstable();
    assert_eq!(versions, (2..=65).collect::<Vec<_>>());
    let tank = AggregateReader::new(engine, "default").state::<Tanks>("t", At::Now).unwrap();
    let tank = tank.unwrap();
    assert_eq!((tank.version, tank.state), (65, Tank { litres: (1..=64).sum() }));
}

#[tokio::test]
async fn a_state_is_asked_for_at_any_version_and_time() {
    let engine = open(worker(), &store(), Clock::manual());
    let commands = CommandClient::new(engine.clone(), "default");
    build(&commands).await;
    let begun = engine.now();
    let total = SNAPSHOT_EVERY * 2 + 10;
    for number in 1..total {
        if number == 100 {
            engine.advance_clock(60_000).await.unwrap();
        }
        fill(&commands, 1).await;
    }
    let reader = AggregateReader::new(engine.clone(), "default");
    let litres = |at: At| Some(reader.state::<Tanks>("t", at).unwrap()?.state.litres);
    assert_eq!(litres(At::Now), Some(total - 1));
    for version in [0, 1, 2, 255, 256, 257, 300, 512, 513, total] {
        assert_eq!(litres(At::Version(version)), Some(version.saturating_sub(1)), "{version}");
    }
    assert_eq!(litres(At::Time(begun)), Some(99));
    assert_eq!(litres(At::Time(engine.now())), Some(total - 1));
    assert_eq!(litres(At::Time(everstep_engine::Timestamp::from_millis(1))), None);
    let beyond = reader.state::<Tanks>("t", At::Version(total + 1));
    assert!(matches!(beyond, Err(StateError::NoVersion { .. })), "{beyond:?}");
    // A snapshot is close before.
    let stream = StreamId::new("Tank", "t");
    let view = reader.view(&stream, At::Version(300)).unwrap();
    assert_eq!((view.snapshot_version, view.newest_version), (256, total));
    assert_eq!(view.state.as_str(), r#"{"litres":299}"#);
    let unknown = reader.view(&StreamId::new("Boat", "b"), At::Now);
    assert!(matches!(unknown, Err(StateError::UnknownAggregate { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_made_anew_from_the_events() {
    let store = store();
    let engine = open(worker(), &store, Clock::System);
    let commands = CommandClient::new(engine.clone(), "default");
    build(&commands).await;
    for _ in 0..300 {
        fill(&commands, 2).await;
    }
    // The next release, to which the store belongs from here on.
    let counted = Worker::new().commands(|commands| {
        commands.aggregate::<CountedTanks>();
    });
    let engine = open(counted, &store, Clock::System);
    let expected = CountedTank { litres: 600, fillings: 300 };
    let reader = AggregateReader::new(engine.clone(), "default");
    let read = reader.state::<CountedTanks>("t", At::Now).unwrap().unwrap();
    assert_eq!((read.version, &read.state), (301, &expected));
    let loaded = engine.transact("default", |tx| Ok(load::<CountedTanks>(tx, "t")?.unwrap().state));
    assert_eq!(loaded.await.unwrap(), expected);
}

#[tokio::test]
async fn another_context_does_not_reach_an_entity_s_rows() {
    let engine = open(worker(), &store(), Clock::System);
    let commands = CommandClient::new(engine.clone(), "default");
    build(&commands).await;
    fill(&commands, 2).await;
    // Neither with a type of its own for the same streams,
    let loaded = engine.transact("default", |tx| load::<CountedTanks>(tx, "t").map(|_| ()));
    assert_eq!(failed(loaded.await), CONTEXT_ISOLATED);
    let read = AggregateReader::new(engine.clone(), "default");
    let read = read.state::<CountedTanks>("t", At::Now);
    assert!(
        matches!(&read, Err(StateError::Unreadable(error)) if error.kind() == CONTEXT_ISOLATED)
    );
    // nor with a table of its name.
    const TANKS: Table<Value> = Table::new("depot", "Tank");
    let named = engine.transact("default", |tx| {
        let found = tx.get(TANKS, "t")?;
        tx.put(TANKS, "t", &json!({ "version": 2, "state": { "litres": 1_000 } }))?;
        Ok(found)
    });
    assert_eq!(named.await.unwrap(), None);
    assert_eq!(fill(&commands, 1).await.version, 3);
    let state = engine.transact("default", |tx| Ok(load::<Tanks>(tx, "t")?.unwrap().state));
    assert_eq!(state.await.unwrap(), Tank { litres: 3 });
}

fn failed(done: Result<(), TransactError>) -> String {
    match done {
        Err(TransactError::Failed(error)) => error.kind().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_old_event_is_folded_as_today_s() {
    let shape =
        |field: &str| json!({ "type": "object", "properties": { field: { "type": "integer" } } });
    let version = |major| SchemaVersion::new(major, 0, 0);
    let gallons = EventSchema::new("TankFilled", version(1), shape("gallons"));
    let litres = EventSchema::new("TankFilled", version(2), shape("litres")).map(|schema| {
        schema.upcast_from(version(1), |data| {
            Ok(json!({ "litres": data["gallons"].as_u64().unwrap() * 4 }))
        })
    });
    let worker = worker().event_schema(gallons).event_schema(litres);
    let engine = open(worker, &store(), Clock::System);
    let commands = CommandClient::new(engine.clone(), "default");
    build(&commands).await;
    // Written by a release of long ago.
    let old = NewEvent::new("TankFilled", r#"{"gallons": 5}"#);
    let append = Append::to(StreamId::new("Tank", "t"), Expected::Any, vec![old]);
    engine.append("default", append).await.unwrap();
    let reader = AggregateReader::new(engine.clone(), "default");
    let read = reader.state::<Tanks>("t", At::Now).unwrap().unwrap();
    assert_eq!(read.state, Tank { litres: 20 });
    let loaded = engine.transact("default", |tx| Ok(load::<Tanks>(tx, "t")?.unwrap().state));
    assert_eq!(loaded.await.unwrap(), Tank { litres: 20 });
}
