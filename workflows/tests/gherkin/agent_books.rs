//! Steps about the agents' context, on an engine with a model that is scripted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cucumber::{given, then, when};
use everstep_activities::contexts::{
    Caller, Context, ContextCommand, Contract, WorkerContexts, call,
};
use everstep_activities::language::SchemaVersion;
use everstep_activities::llm::{LlmProvider, WorkerLlm};
use everstep_engine::log::{Append, Expected, NewEvent, StreamAppend, StreamId};
use everstep_engine::{
    ActivityError, BoundedContext, ContextTx, DEFAULT_NAMESPACE, Engine, HistoryEvent, RunStatus,
    Selector, Table, TransactError, TransactionContext, Worker,
};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use everstep_workflows::agent::functions::{
    AuditQuery, LOAD_CHECKPOINT, Moved, NewAuditEvent, OfAgent, QUERY_AUDIT_EVENTS,
    RECORD_AUDIT_EVENT, UPDATE_CHECKPOINT,
};
use everstep_workflows::agent::{
    Agent, AgentDeadLetter, AgentService, AuditType, PatternDefinition, Suggestion, WorkerAgents,
};
use everstep_workflows::subscriptions::{Consuming, SubscriptionService};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{PATIENCE, World, open_on};

const WATCHER: &str = "watcher";
const TABLES: [&str; 6] = [
    "agentCheckpoints",
    "agentAuditEvents",
    "agentDeadLetters",
    "agentCommands",
    "pendingApprovals",
    "agentUsage",
];
const NOTES: Table<String> = Table::new("notes", "notes");

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

/// A model that says one thing, and counts how often.
async fn model(confidence: f64, asked: Arc<AtomicUsize>) -> LlmProvider {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let content = json!({
        "confidence": confidence, "reasoning": "it looks broken", "suggestedAction": "Fix",
    });
    let body = json!({
        "model": "scripted",
        "choices": [{ "message": { "content": content.to_string() } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5 },
    });
    let body = body.to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (asked, body) = (Arc::clone(&asked), body.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut buffer = [0; 4096];
                while !is_whole(&seen) {
                    match socket.read(&mut buffer).await {
                        Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let length = body.len();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    LlmProvider::openai_compatible(&format!("http://{address}/v1")).unwrap()
}

fn is_whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.trim().parse::<usize>().ok()).is_some_and(|it| body.len() >= it)
}

/// Nobody listens there.
fn down() -> LlmProvider {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    LlmProvider::openai_compatible(&format!("http://{address}/v1")).unwrap()
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

#[when("each of its tables is looked for by another context")]
async fn looked_for(world: &mut World) {
    for table in TABLES {
        let name = format!("agents/{table}");
        let peeked = world.books.transact(move |tx| call(tx, PEEK, &caller(), &name)).await;
        world.books.codes.push(peeked.unwrap_err());
    }
}

#[then(expr = "each is refused as {string}")]
fn each_refused(world: &mut World, code: String) {
    assert_eq!(world.books.codes.len(), TABLES.len());
    assert!(world.books.codes.iter().all(|found| *found == code), "{:?}", world.books.codes);
}

#[then("a transaction without a context finds nothing under the same names")]
async fn finds_nothing(world: &mut World) {
    load(world).await;
    let found = world.books.transact(|tx| {
        let plain: Table<Value> = Table::new("agents", "agentCheckpoints");
        tx.range(plain, &everstep_engine::Keys::all())
    });
    assert_eq!(found.await.unwrap().len(), 0);
}

async fn load(world: &World) -> i64 {
    let of = OfAgent { agent_id: WATCHER.to_owned() };
    let load = move |tx: &mut TransactionContext<'_>| call(tx, LOAD_CHECKPOINT, &caller(), &of);
    world.books.transact(load).await.unwrap().last_processed_position
}

#[then("the same is read through the functions of the agents' context")]
async fn read_through(world: &mut World) {
    assert_eq!(load(world).await, -1);
}

#[then(expr = "loading its checkpoint begins one at {int}")]
async fn begins(world: &mut World, at: i64) {
    assert_eq!(load(world).await, at);
}

#[then(expr = "after an update to {int} loading reads {int}")]
async fn updated(world: &mut World, to: u64, read: i64) {
    let moved = Moved { agent_id: WATCHER.to_owned(), position: to, lane: "lamp".to_owned() };
    let update =
        move |tx: &mut TransactionContext<'_>| call(tx, UPDATE_CHECKPOINT, &caller(), &moved);
    world.books.transact(update).await.unwrap();
    assert_eq!(load(world).await, read);
}

#[when(
    expr = "a transaction writes \"A\", a part of the agents' context fails, and it writes \"C\""
)]
async fn part_fails(world: &mut World) {
    let done = world.books.transact(|tx| {
        tx.put(NOTES, "A", &"kept".to_owned())?;
        let part = tx.nested(|tx| {
            let moved = Moved { agent_id: WATCHER.to_owned(), position: 9, lane: "l".to_owned() };
            call(tx, UPDATE_CHECKPOINT, &caller(), &moved)?;
            Err::<(), _>(ActivityError::new("no", "the agents' part fails"))
        });
        assert!(part.is_err());
        tx.put(NOTES, "C", &"kept".to_owned())
    });
    done.await.unwrap();
}

#[then("\"A\" and \"C\" stand, and nothing of the agents' part")]
async fn parents_stand(world: &mut World) {
    let both = |tx: &mut TransactionContext<'_>| Ok((tx.get(NOTES, "A")?, tx.get(NOTES, "C")?));
    let (a, c) = world.books.transact(both).await.unwrap();
    assert!(a.is_some() && c.is_some());
    assert_eq!(load(world).await, -1);
    assert_eq!(audit(world).await.len(), 0);
}

#[when("both have written records of their audit")]
async fn both_write(world: &mut World) {
    for agent in [WATCHER, "other", WATCHER] {
        let new = NewAuditEvent {
            agent_id: agent.to_owned(),
            audit_type: AuditType::PatternDetected,
            decision_id: None,
            data: json!({ "of": agent }),
        };
        let note =
            move |tx: &mut TransactionContext<'_>| call(tx, RECORD_AUDIT_EVENT, &caller(), &new);
        world.books.transact(note).await.unwrap();
    }
}

async fn audit(world: &World) -> Vec<everstep_workflows::agent::AuditEvent> {
    let agent_id = WATCHER.to_owned();
    let query = AuditQuery { agent_id, audit_type: None, before: None, limit: None };
    let ask =
        move |tx: &mut TransactionContext<'_>| call(tx, QUERY_AUDIT_EVENTS, &caller(), &query);
    world.books.transact(ask).await.unwrap()
}

#[then("a query for one gives the records of that one only")]
async fn one_only(world: &mut World) {
    let found = audit(world).await;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|record| record.agent_id == WATCHER), "{found:?}");
}

async fn decision(world: &World) -> Value {
    let filter = everstep_workflows::agent::DecisionFilter::default();
    let found = world.books.until(async |service| {
        let found = service.decisions(DEFAULT_NAMESPACE, &filter, 10).await.unwrap();
        let decided = found.into_iter().find(|one| one.outcome != "pending");
        decided.filter(|one| one.outcome != "processing")
    });
    found.await.record
}

#[then("its decision has the model's confidence and reasoning")]
async fn has_decision(world: &mut World) {
    let decision = decision(world).await;
    assert_eq!(decision["confidence"], 0.9, "{decision}");
    assert_eq!(decision["reasoning"], "it looks broken", "{decision}");
    assert_eq!(decision["analysisMethod"], "llm", "{decision}");
    assert_eq!(decision["llmContext"]["model"], "scripted", "{decision}");
}

#[then("its run's history has the question's result and then one completing transaction")]
async fn one_commit(world: &mut World) {
    let selector = Selector::newest("agent:watcher:1");
    let ended = world.books.engine().result(&selector, PATIENCE).await.unwrap();
    assert_eq!(ended.status, RunStatus::Completed);
    let page = world.books.engine().history(&selector, 1, 100).unwrap();
    let scheduled: Vec<String> = page
        .events
        .iter()
        .filter_map(|event| match &event.recorded.event {
            HistoryEvent::ActivityScheduled { activity_type, .. } => {
                Some(activity_type.to_string())
            }
            _ => None,
        })
        .collect();
    let order = ["agents.admit", "ask_llm", "agents.complete", "agents.route_command"];
    assert_eq!(scheduled, order);
}

#[then("audit, command and checkpoint moved together")]
async fn together(world: &mut World) {
    let names: Vec<String> =
        audit(world).await.iter().rev().map(|it| it.audit_type.name().to_owned()).collect();
    let begins = ["PatternDetected", "AgentDecisionMade", "CommandEmitted", "CheckpointUpdated"];
    assert_eq!(names[..4], begins);
    let at: Vec<_> = audit(world).await.iter().rev().take(4).map(|it| it.at).collect();
    assert!(at.windows(2).all(|pair| pair[0] == pair[1]), "{at:?}");
    assert_eq!(load(world).await, 1);
}

#[when("the process is killed after the answer and started again")]
async fn killed(world: &mut World) {
    let asked = Arc::clone(&world.books.asked);
    let engine = world.books.engine().clone();
    // The answer stands in the history once completing was tried.
    world
        .books
        .until(async |_| {
            let page = engine.history(&Selector::newest("agent:watcher:1"), 1, 100).ok()?;
            let answered = page.events.iter().any(|event| {
                matches!(&event.recorded.event, HistoryEvent::ActivityScheduled { activity_type, .. }
                    if activity_type.to_string() == "agents.complete")
            });
            (answered && asked.load(Ordering::SeqCst) == 1).then_some(())
        })
        .await;
    let running = world.books.running.take().unwrap();
    running.engine.drain(Duration::ZERO).await;
    drop((running, engine));
    world.books.refuses.store(false, Ordering::SeqCst);
    world.books.open();
}

#[then("the decision is made, and the model was asked once")]
async fn asked_once(world: &mut World) {
    assert_eq!(decision(world).await["confidence"], 0.9);
    assert_eq!(world.books.asked.load(Ordering::SeqCst), 1);
}

#[then(expr = "its decision was made by {string}")]
async fn made_by(world: &mut World, method: String) {
    let decision = decision(world).await;
    assert_eq!(decision["analysisMethod"], method, "{decision}");
    assert_eq!(decision["fallbackReason"], "LLM_UNAVAILABLE", "{decision}");
}

#[then(expr = "there is a pending dead letter because of {string}")]
async fn letter(world: &mut World, reason: String) {
    let found: AgentDeadLetter = world
        .books
        .until(async |service| {
            let found = service.dead_letters(DEFAULT_NAMESPACE, Some(WATCHER), Some("pending"));
            found.unwrap().into_iter().next()
        })
        .await;
    assert_eq!((found.reason.as_str(), found.event_id.as_str()), (reason.as_str(), "evt_1"));
}

#[then(expr = "the audit has {string}")]
async fn audit_has(world: &mut World, name: String) {
    let found = audit(world).await;
    assert!(found.iter().any(|record| record.audit_type.name() == name), "{found:?}");
}

#[then("the checkpoint is not past the event")]
async fn not_past(world: &mut World) {
    assert!(load(world).await < 1);
}

#[then(expr = "the handler saw {string} and wrote to the audit and the checkpoint")]
async fn handler_saw(world: &mut World, kind: String) {
    world
        .books
        .until(async |service| {
            let view = service.describe(DEFAULT_NAMESPACE, WATCHER).await.unwrap();
            (view.checkpoint.last_processed_position == 1).then_some(())
        })
        .await;
    assert_eq!(*world.books.seen.lock().unwrap(), [kind]);
    assert_eq!(audit(world).await.last().unwrap().audit_type.name(), "SomethingElse");
}

#[then(expr = "the global default saw {string}")]
async fn default_saw(world: &mut World, kind: String) {
    let seen = Arc::clone(&world.books.seen);
    world.books.until(async |_| (!seen.lock().unwrap().is_empty()).then_some(())).await;
    assert_eq!(seen.lock().unwrap()[0], kind);
}
