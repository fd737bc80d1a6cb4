//! An agent: from the event that wakes it to the command that it sends, by itself or when somebody
//! approves. The model is a service that outlives every process.

use std::sync::{Arc, Mutex};

use everstep_activities::contexts::{Context, ContextCommand, Contract, WorkerContexts};
use everstep_activities::language::SchemaVersion;
use everstep_activities::llm::{LlmProvider, WorkerLlm};
use everstep_engine::log::{Append, Direction, Expected, NewEvent, StreamId};
use everstep_engine::testing::{Story, Told, explore_story};
use everstep_engine::{BoundedContext, ContextTx, DEFAULT_NAMESPACE, Engine, Worker};
use everstep_workflows::agent::{
    Agent, AgentCommandStatus, AgentError, AgentService, PatternDefinition, Suggestion,
    WorkerAgents,
};
use everstep_workflows::subscriptions::{Consuming, SubscriptionService};
use serde_json::{Value, json};

use crate::service::Service;

const WATCHER: &str = "watcher";
const DECISION: &str = "watcher:1";

/// Takes the agent's command, and appends what it did.
struct Workshop(());
impl BoundedContext for Workshop {
    const NAME: &'static str = "workshop";
}
const FIX: ContextCommand<Value, ()> = ContextCommand::new("workshop", "Fix");

fn worker(model: &Service) -> Worker {
    let contract = Contract::new(Workshop::NAME, SchemaVersion::new(1, 0, 0))
        .streams("Workshop")
        .events(["Fixed"])
        .commands([FIX.name()]);
    let workshop = Context::new(Workshop(()), contract).command(
        FIX,
        |tx: &mut ContextTx<'_, '_, Workshop>, _, _| {
            let fixed = vec![NewEvent::new("Fixed", "{}".to_owned())];
            let stream = StreamId::new("Workshop", "lamp");
            tx.append(Append::to(stream, Expected::Any, fixed)).map(drop)
        },
    );
    let pattern = PatternDefinition::new("broken")
        .trigger(|events| !events.is_empty())
        .analyze("Look after things.", |situation| format!("What about {}?", situation.subject))
        .suggests(|situation, _| {
            let payload = json!({ "thing": situation.subject });
            Some(Suggestion { command_type: FIX.name().to_owned(), payload })
        });
    let agent = Agent::new(WATCHER).listens_to(["Broke"]).pattern(pattern).llm();
    let url = format!("http://{}/v1", model.address());
    let provider = LlmProvider::openai_compatible(&url).unwrap();
    Worker::new().context(workshop).llm(provider).agent(agent)
}

/// What runs in a process.
struct Open {
    engine: Engine,
    agents: AgentService,
    _consuming: Consuming,
}

impl Open {
    fn new(engine: &Engine) -> Self {
        let subscriptions = SubscriptionService::new(engine);
        let agents = AgentService::new(engine, &subscriptions);
        Self { engine: engine.clone(), agents, _consuming: subscriptions.consume() }
    }

    async fn break_something(&self) -> Told<()> {
        let broke = vec![NewEvent::new("Broke", "{}".to_owned())];
        let append = Append::to(StreamId::new("things.Thing", "lamp"), Expected::Any, broke);
        let append = Append { idempotency_key: Some("once".into()), ..append };
        self.engine.append(DEFAULT_NAMESPACE, append).await?;
        Ok(())
    }

    async fn asks_for_approval(&self) -> Told<bool> {
        let open = self
            .agents
            .approvals(DEFAULT_NAMESPACE, Some(WATCHER), "pending", None, 10)
            .await?
            .items;
        Ok(!open.is_empty())
    }

    async fn approve(&self) -> Told<()> {
        match self.agents.approve(DEFAULT_NAMESPACE, DECISION, "ada", "go on").await {
            // The answer was swallowed.
            Err(AgentError::AlreadyDecided(_)) => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    async fn has_sent(&self) -> Told<bool> {
        let sent =
            self.agents.commands(DEFAULT_NAMESPACE, Some(WATCHER), None, None, 10).await?.items;
        Ok(sent.iter().any(|command| command.status == AgentCommandStatus::Completed))
    }

    async fn outcome(&self) -> Told<String> {
        let view = self.agents.describe(DEFAULT_NAMESPACE, WATCHER).await?;
        let audit =
            self.agents.audit(DEFAULT_NAMESPACE, Some(WATCHER), None, None, 50).await?.items;
        let audit: Vec<&str> = audit.iter().rev().map(|record| record.audit_type.name()).collect();
        let sent =
            self.agents.commands(DEFAULT_NAMESPACE, Some(WATCHER), None, None, 10).await?.items;
        let steps = sent.iter().flat_map(|command| &command.steps).map(|step| step.status);
        let log = self.engine.log(DEFAULT_NAMESPACE)?;
        let events = log.reader().events(1, Direction::Forwards, 100)?;
        let events: Vec<&str> = events.iter().map(|event| event.event_type()).collect();
        let threads = self.agents.thread(DEFAULT_NAMESPACE, WATCHER, "lamp").await?;
        Ok(format!(
            "{events:?}, at {}, {} letters, {} waiting, {} commands {:?}, said {}, audit {audit:?}",
            view.checkpoint.last_processed_position,
            view.pending_dead_letters,
            view.pending_approvals,
            sent.len(),
            steps.collect::<Vec<_>>(),
            threads.messages.len(),
        ))
    }
}

/// Tells the agent's story with a model that is so sure; `approved` says whether somebody has to be
/// asked.
fn explore(confidence: f64, approved: bool) -> String {
    let models = Arc::new(Mutex::new(Vec::<Service>::new()));
    let content = json!({
        "confidence": confidence, "reasoning": "it looks broken", "suggestedAction": "Fix",
    });
    let body = json!({
        "model": "scripted",
        "choices": [{ "message": { "content": content.to_string() } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5 },
    });
    let report = explore_story(|| {
        let model = Service::answering(body.to_string());
        models.lock().unwrap().push(model.clone());
        let story = Story::new(move || worker(&model))
            .beside(Open::new)
            .act(|open| async move { open.break_something().await });
        let story = match approved {
            true => story
                .until(|open| async move { open.asks_for_approval().await })
                .act(|open| async move { open.approve().await }),
            false => story,
        };
        story
            .until(|open| async move { open.has_sent().await })
            .outcome(|open| async move { open.outcome().await })
    });
    let report = report.unwrap();
    // Commits that come together are one.
    assert!(report.crashes >= 6, "{report:?}");
    for model in models.lock().unwrap().iter() {
        let asked = model.asked();
        // One question about one event; one whose process died with it is asked again, as the same.
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked.values().all(|(asked, _)| (1..=2).contains(asked)), "{asked:?}");
    }
    let mut outcomes = report.outcomes.into_keys();
    let outcome = outcomes.next().unwrap();
    assert_eq!(outcomes.next(), None);
    outcome
}

#[test]
fn an_agent_sends_its_command_once_wherever_it_crashes() {
    let outcome = explore(0.95, false);
    assert!(
        outcome.starts_with(r#"["Broke", "Fixed"], at 1, 0 letters, 0 waiting, 1 commands"#),
        "{outcome}"
    );
}

#[test]
fn an_agent_waits_for_its_approval_wherever_it_crashes() {
    let outcome = explore(0.5, true);
    assert!(
        outcome.starts_with(r#"["Broke", "Fixed"], at 1, 0 letters, 0 waiting, 1 commands"#),
        "{outcome}"
    );
    assert_eq!(outcome.matches("ApprovalGranted").count(), 1, "{outcome}");
}
