//! The handling of a third cancellation, killed after every commit in turn: one outreach, one
//! decision, and a model that is not asked again for what it answered.

use std::sync::{Arc, Mutex};

use everstep::agent::functions::{
    AuditQuery, LOAD_CHECKPOINT, OfAgent, OfStatus, QUERY_AUDIT_EVENTS, QUERY_COMMANDS,
};
use everstep::agent::{AGENT_EVENT, AgentEvent, AgentJob};
use everstep::contexts::{Caller, call};
use everstep::llm::{ASK_LLM, LlmAnswer, LlmRequest, LlmUsage};
use everstep::log::{Query, QueryItem};
use everstep::testing::{Scenario, explore_crashes};
use everstep::{
    ActivityContext, ActivityError, Timestamp, Transaction, TransactionContext, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{provider, register};
use crate::{contexts, views};

/// The event is handled, and then looked at.
const PLAY: Workflow<AgentJob, Seen> = Workflow::new("play");
const LOOK: Transaction<(), Seen> = Transaction::new("look");

/// What is left when all is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    outreaches: usize,
    completed_commands: usize,
    audit: Vec<String>,
    checkpoint: i64,
}

async fn play(ctx: &WorkflowContext, job: AgentJob) -> Result<Seen, WorkflowError> {
    ctx.child(AGENT_EVENT, job).await?;
    Ok(ctx.transaction(LOOK, ()).await?)
}

fn look(tx: &mut TransactionContext<'_>, (): ()) -> Result<Seen, ActivityError> {
    let caller = Caller::new("a test", tx.namespace());
    let agent_id = "churn-risk".to_owned();
    let of = OfAgent { agent_id: agent_id.clone() };
    let checkpoint = call(tx, LOAD_CHECKPOINT, &caller, &of)?.last_processed_position;
    let all =
        AuditQuery { agent_id: agent_id.clone(), audit_type: None, before: None, limit: Some(200) };
    let audit = call(tx, QUERY_AUDIT_EVENTS, &caller, &all)?;
    let status = Some("completed".to_owned());
    let completed = OfStatus { agent_id, status, limit: None };
    let completed_commands = call(tx, QUERY_COMMANDS, &caller, &completed)?.len();
    let told = QueryItem { types: vec!["OutreachCreated".into()], ..QueryItem::default() };
    let outreaches = tx.read_events(&Query { items: vec![told] }, 0, 100)?.len();
    let audit = audit.iter().rev().map(|record| record.audit_type.name().to_owned()).collect();
    Ok(Seen { outreaches, completed_commands, audit, checkpoint })
}

fn job() -> AgentJob {
    let cancelled = |position: u64| {
        let data =
            json!({ "orderId": format!("o-{position}"), "customerId": "ada", "reason": "no" });
        AgentEvent::new(position, "OrderCancelled", Timestamp::from_millis(1_000), data)
    };
    AgentJob {
        agent_id: "churn-risk".to_owned(),
        subject: "ada".to_owned(),
        lane: "customer:ada".to_owned(),
        event: cancelled(9),
        history: vec![cancelled(3), cancelled(6)],
        arguments: Value::Null,
    }
}

type Answers = Arc<Mutex<Vec<usize>>>;

fn scenario(confidence: f64, answers: &Answers) -> Scenario<Seen> {
    let provider = provider(None, None, "127.0.0.1:9".parse().unwrap()).unwrap();
    let worker = views::register(contexts::register(Worker::new()));
    let worker = register(worker, provider).workflow(PLAY, play).transaction(LOOK, look);
    let number = {
        let mut answers = answers.lock().unwrap();
        answers.push(0);
        answers.len() - 1
    };
    let answers = Arc::clone(answers);
    Scenario::new(worker, PLAY, &job()).mock(ASK_LLM, move |_: ActivityContext, _: LlmRequest| {
        answers.lock().unwrap()[number] += 1;
        let content = json!({
            "confidence": confidence, "reasoning": "three of them",
            "suggestedAction": "SuggestCustomerOutreach",
        });
        let usage = LlmUsage { prompt_tokens: 10, completion_tokens: 5, cost_micro_usd: 7 };
        let model = "mocked".to_owned();
        async move {
            // It takes a while, so that a crash can come before the answer.
            tokio::task::yield_now().await;
            Ok(LlmAnswer { content, model, usage, duration_ms: 1 })
        }
    })
}

#[test]
fn one_outreach_follows_wherever_it_crashes() {
    let played = scenario(0.95, &Answers::default()).play().unwrap();
    let seen = played.output().unwrap();
    assert_eq!((seen.outreaches, seen.completed_commands, seen.checkpoint), (1, 1, 9));
    let audit = [
        "PatternDetected",
        "AgentDecisionMade",
        "CommandEmitted",
        "CheckpointUpdated",
        "AgentCommandRouted",
    ];
    assert_eq!(seen.audit, audit);
    let answers = Answers::default();
    let report = explore_crashes(|| scenario(0.95, &answers)).unwrap();
    assert!(report.crashes >= 2, "{report:?}");
    // Once, and once more where the process died before the answer stood in the history.
    let answers = answers.lock().unwrap();
    assert!(answers.iter().all(|asked| *asked <= 2), "{answers:?}");
    let again = answers.iter().filter(|asked| **asked == 2).count();
    assert!(again <= 2, "asked again for what it had answered: {answers:?}");
}
