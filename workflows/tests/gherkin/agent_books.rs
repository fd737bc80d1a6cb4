//! Steps about the agents' context, on an engine with a model that is scripted.

mod lists;
mod made;
mod model;
mod tables;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cucumber::{given, when};
use everstep_activities::contexts::{
    Caller, Context, ContextCommand, Contract, WorkerContexts, call,
};
use everstep_activities::language::SchemaVersion;
use everstep_activities::llm::{LlmProvider, WorkerLlm};
use everstep_engine::log::{Append, Expected, NewEvent, StreamAppend, StreamId};
use everstep_engine::{
    ActivityError, BoundedContext, ContextTx, DEFAULT_NAMESPACE, Engine, TransactError,
    TransactionContext, Worker,
};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use everstep_workflows::agent::functions::{
    AuditQuery, LOAD_CHECKPOINT, Moved, NewAuditEvent, OfAgent, QUERY_AUDIT_EVENTS,
    RECORD_AUDIT_EVENT, UPDATE_CHECKPOINT,
};
use everstep_workflows::agent::{
    Agent, AgentService, AuditType, PatternDefinition, Suggestion, WorkerAgents,
};
use everstep_workflows::subscriptions::{Consuming, SubscriptionService};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{PATIENCE, World, open_on};
use model::{down, model};

const WATCHER: &str = "watcher";
/// A context beside the agents', which tries to reach their tables, and takes a command of theirs.
struct Neighbour(());
impl BoundedContext for Neighbour {
    const NAME: &'static str = "neighbour";
}
const PEEK: ContextCommand<String, Value> = ContextCommand::new("neighbour", "Peek");
const FIX: ContextCommand<Value, ()> = ContextCommand::new("neighbour", "Fix");

/// What these steps have.
#[derive(Default)]
pub(crate) struct Books {
    data: Option<TempDir>,
    running: Option<Running>,
    asked: Arc<AtomicUsize>,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
    /// Completing is refused while this holds.
    refuses: Arc<AtomicBool>,
    agent: Option<Agent>,
    provider: Option<LlmProvider>,
    global: bool,
    codes: Vec<String>,
}

struct Running {
    engine: Engine,
    service: AgentService,
    _consuming: Consuming,
}

impl Books {
    /// Opens the store with the agent that was described.
    fn open(&mut self) {
        let data = self.data.get_or_insert_with(|| tempfile::tempdir().unwrap());
        let store = EmbeddedStore::open(data.path(), EmbeddedConfig::default()).unwrap();
        let v1 = SchemaVersion::new(1, 0, 0);
        let contract = Contract::new(Neighbour::NAME, v1).commands([PEEK.name(), FIX.name()]);
        let context = Context::new(Neighbour(()), contract)
            .command(PEEK, |tx: &mut ContextTx<'_, '_, Neighbour>, _, table: String| {
                tx.get_by_name(&table, "any").map(Option::unwrap_or_default)
            })
            .command(FIX, |_: &mut ContextTx<'_, '_, Neighbour>, _, _| Ok(()));
        let mut worker = Worker::new().context(context);
        if let Some(provider) = self.provider.clone() {
            worker = worker.llm(provider);
        }
        if self.global {
            let seen = Arc::clone(&self.seen);
            worker = worker.agents_on_complete(move |tx, completion| {
                seen.lock().unwrap().push(completion.kind().to_owned());
                completion.apply(tx)
            });
        }
        let other = Agent::new("other").listens_to(["Never"]).fallback().pattern(pattern());
        let worker = worker.agent(self.agent.clone().unwrap()).agent(other);
        let engine = open_on(Arc::new(store), worker).unwrap();
        let subscriptions = SubscriptionService::new(&engine);
        let service = AgentService::new(&engine, &subscriptions);
        let _consuming = subscriptions.consume();
        self.running = Some(Running { engine, service, _consuming });
    }

    fn engine(&self) -> &Engine {
        &self.running.as_ref().unwrap().engine
    }

    fn service(&self) -> &AgentService {
        &self.running.as_ref().unwrap().service
    }

    async fn transact<O: Send + 'static>(
        &self,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<O, ActivityError> + Send + 'static,
    ) -> Result<O, String> {
        let done = self.engine().transact(DEFAULT_NAMESPACE, code).await;
        done.map_err(|error| match error {
            TransactError::Failed(error) => error.kind().to_owned(),
            other => other.to_string(),
        })
    }

    /// Waits for something in the books; time goes on meanwhile, as pauses need it.
    async fn until<T>(&self, mut look: impl AsyncFnMut(&AgentService) -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look(self.service()).await {
                    return found;
                }
                self.engine().advance_clock(500).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("it never came")
    }
}

fn caller() -> Caller {
    Caller::new("ada", DEFAULT_NAMESPACE)
}

fn pattern() -> PatternDefinition {
    PatternDefinition::new("broken")
        .trigger(|events| !events.is_empty())
        .analyze("Look after things.", |situation| format!("What about {}?", situation.subject))
        .suggests(|situation, _| {
            let payload = json!({ "thing": situation.subject });
            Some(Suggestion { command_type: "Fix".to_owned(), payload })
        })
}

fn watcher() -> Agent {
    Agent::new(WATCHER).listens_to(["Broke"]).pattern(pattern())
}

#[given("an agent that concludes by rules")]
fn by_rules(world: &mut World) {
    world.books.agent = Some(watcher().fallback());
    world.books.open();
}

#[given("another agent")]
fn another(_: &mut World) {}

#[given(expr = "an agent that asks a model which answers with a confidence of {float}")]
async fn asks(world: &mut World, confidence: f64) {
    let refuses = Arc::clone(&world.books.refuses);
    world.books.provider = Some(model(confidence, Arc::clone(&world.books.asked)).await);
    world.books.agent = Some(watcher().llm().on_complete(move |tx, completion| {
        if refuses.load(Ordering::SeqCst) {
            return Err(ActivityError::new("not_yet", "completing is refused"));
        }
        completion.apply(tx)
    }));
    world.books.open();
}

#[given("completing fails until the process is another one")]
fn completing_fails(world: &mut World) {
    world.books.refuses.store(true, Ordering::SeqCst);
}

#[given("an agent with a fallback that asks a model which is down")]
fn falls_back(world: &mut World) {
    world.books.provider = Some(down());
    world.books.agent = Some(watcher().llm().fallback());
    world.books.open();
}

#[given("an agent without a fallback that asks a model which is down")]
fn fails(world: &mut World) {
    world.books.provider = Some(down());
    world.books.agent = Some(watcher().llm());
    world.books.open();
}

#[given("a global default for completions")]
async fn global(world: &mut World) {
    let running = world.books.running.take().unwrap();
    running.engine.drain(Duration::ZERO).await;
    drop(running);
    world.books.global = true;
    world.books.open();
}

#[given("an agent with a completion handler of its own")]
fn own_handler(world: &mut World) {
    let seen = Arc::clone(&world.books.seen);
    world.books.agent = Some(watcher().fallback().on_complete(move |tx, completion| {
        seen.lock().unwrap().push(completion.kind().to_owned());
        let agent_id = completion.agent_id.clone();
        let data = json!({ "by": "the program" });
        let audit_type = AuditType::named("SomethingElse");
        let new = NewAuditEvent { agent_id: agent_id.clone(), audit_type, decision_id: None, data };
        call(tx, RECORD_AUDIT_EVENT, &caller(), &new)?;
        let (position, lane) = (completion.position, completion.lane.clone());
        call(tx, UPDATE_CHECKPOINT, &caller(), &Moved { agent_id, position, lane }).map(drop)
    }));
    world.books.open();
}

#[when("an event comes")]
async fn comes(world: &mut World) {
    let append = |tx: &mut TransactionContext<'_>| {
        let stream = Some(StreamId::new("things.Thing", "lamp"));
        let events = vec![NewEvent::new("Broke", "{}".to_owned())];
        let stream = StreamAppend { stream, expected: Expected::Any, events };
        tx.append(Append { streams: vec![stream], ..Append::default() }).map(drop)
    };
    world.books.transact(append).await.unwrap();
}

async fn load(world: &World) -> i64 {
    let of = OfAgent { agent_id: WATCHER.to_owned() };
    let load = move |tx: &mut TransactionContext<'_>| call(tx, LOAD_CHECKPOINT, &caller(), &of);
    world.books.transact(load).await.unwrap().last_processed_position
}

async fn audit(world: &World) -> Vec<everstep_workflows::agent::AuditEvent> {
    let agent_id = WATCHER.to_owned();
    let query = AuditQuery { agent_id, audit_type: None, before: None, limit: None };
    let ask =
        move |tx: &mut TransactionContext<'_>| call(tx, QUERY_AUDIT_EVENTS, &caller(), &query);
    world.books.transact(ask).await.unwrap()
}

async fn decision(world: &World) -> Value {
    let filter = everstep_workflows::agent::DecisionFilter::default();
    let found = world.books.until(async |service| {
        let found = service.decisions(DEFAULT_NAMESPACE, &filter, None, 10).await.unwrap().items;
        let decided = found.into_iter().find(|one| one.outcome != "pending");
        decided.filter(|one| one.outcome != "processing")
    });
    found.await.record
}
