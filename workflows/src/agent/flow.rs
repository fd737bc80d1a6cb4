//! The workflow that handles one event.
//!
//! ```text
//! event, history ─► window ─► trigger ── no ──────────────────────────────┐
//!                                │ yes                                    ▼
//!                                ▼                                    complete: one commit
//!             admit ─► ask the model ─► answer, or rules ───────────────► audit, command or
//!               │ ▲        │ failed, worth another try                    approval, checkpoint
//!               ▼ │        ▼                                              │
//!             wait for a turn, settle and pause                          route the command
//! ```
//!
//! Invariant: what a model answered stands in the history before anything follows from it, so it is
//! never asked for again; every question is let through and settled by a transaction of its own.

use std::time::Duration;

use everstep_activities::llm::{ASK_LLM, LlmAnswer, LlmErrorCode, LlmUsage};
use everstep_engine::{
    Activity, ActivityError, Retry, Transaction, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::admit::{ADMIT, Admitted, SETTLE};
use super::analysis::LlmContext;
use super::complete::COMPLETE;
use super::definition::{AGENT_POOL, Agent, Shared};
use super::job::{
    AgentDecision, AgentJob, Closing, Completed, Completion, CompletionResult, Knock, Settlement,
    Turn,
};
use super::pattern::{PatternDefinition, Situation, check_emission};
use super::records::RecordedError;
use super::window::filter_events_in_window;
use super::{Analysis, AnalysisMethod, admit, route};

/// Handles one event of one agent.
pub const AGENT_EVENT: Workflow<AgentJob, AgentOutcome> = Workflow::new("agent_event");

/// The question, which waits for its turn with others.
const ASK: Activity<everstep_activities::llm::LlmRequest, LlmAnswer> = ASK_LLM.queue(AGENT_POOL);

/// How often a model is asked about one event, at the most.
const ATTEMPTS: u32 = 3;
/// The pause after the first question that went wrong; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How completing is tried again: what a program's own code refuses may be a passing thing.
pub(super) const COMPLETING: Retry = Retry::DEFAULT.max_attempts(3);

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentOutcome {
    /// The decision, where something was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<AgentDecision>,
    /// What was begun because of it.
    #[serde(flatten)]
    pub completed: Completed,
}

pub(super) fn register(worker: Worker, known: &Shared) -> Worker {
    let known = known.clone();
    let worker = admit::register(worker);
    worker.workflow(AGENT_EVENT, async move |ctx: &WorkflowContext, job: AgentJob| {
        let agent = known.get(&job.agent_id).ok_or_else(|| {
            let what = format!("this program has no agent `{}`", job.agent_id);
            WorkflowError::new(super::error::AGENT_NOT_FOUND, what)
        })?;
        handle(ctx, &agent, job).await
    })
}

/// What an analysis came to, and what is to be told of the questions on the way.
struct Concluded {
    result: Result<(Analysis, Option<Fallback>), RecordedError>,
    settlement: Option<Settlement>,
    turn: Option<Turn>,
}

/// Why no model concluded.
struct Fallback {
    reason: String,
    circuit_state: Option<String>,
}

async fn handle(
    ctx: &WorkflowContext,
    agent: &Agent,
    job: AgentJob,
) -> Result<AgentOutcome, WorkflowError> {
    let found = agent.patterns.iter().find_map(|pattern| {
        let all = job.history.iter().chain([&job.event]).cloned();
        let events = filter_events_in_window(all, &pattern.window, job.event.at);
        pattern.is_triggered_by(&events).then_some((pattern, events))
    });
    let Some((pattern, events)) = found else {
        return close(ctx, &job, CompletionResult::Quiet, None, None).await;
    };
    let situation = Situation { event: &job.event, events: &events, subject: &job.subject };
    let concluded = match agent.asks_model && pattern.asks() {
        true => ask(ctx, agent, &job, pattern, &situation).await?,
        false => {
            let judged = pattern.judge(&situation, AnalysisMethod::RuleBased);
            Concluded { result: Ok((judged, None)), settlement: None, turn: None }
        }
    };
    let result = match concluded.result {
        Ok((analysis, fallback)) => decide(&job, pattern, &situation, analysis, fallback),
        Err(error) => CompletionResult::Failed { error },
    };
    close(ctx, &job, result, concluded.settlement, concluded.turn).await
}

/// The decision that follows from an analysis.
fn decide(
    job: &AgentJob,
    pattern: &PatternDefinition,
    situation: &Situation<'_>,
    analysis: Analysis,
    fallback: Option<Fallback>,
) -> CompletionResult {
    let event_ids: Vec<String> =
        situation.events.iter().map(|event| event.event_id.clone()).collect();
    let command = pattern.suggestion(situation, &analysis);
    if let Some(command) = &command
        && let Err(error) = check_emission(command, &analysis, &event_ids)
    {
        let (code, message) = (error.code().to_owned(), error.to_string());
        return CompletionResult::Failed { error: RecordedError { code, message } };
    }
    let (fallback_reason, circuit_state) = match fallback {
        Some(Fallback { reason, circuit_state }) => (Some(reason), circuit_state),
        None => (None, None),
    };
    let decision = AgentDecision {
        decision_id: job.decision_id(),
        pattern: pattern.name().to_owned(),
        analysis,
        event_ids,
        command,
        fallback_reason,
        circuit_state,
    };
    CompletionResult::Success { decision: Box::new(decision) }
}

/// Asks the model, or falls back to rules.
async fn ask(
    ctx: &WorkflowContext,
    agent: &Agent,
    job: &AgentJob,
    pattern: &PatternDefinition,
    situation: &Situation<'_>,
) -> Result<Concluded, WorkflowError> {
    let fall_back = |reason: String, circuit_state: Option<String>, settlement| {
        let result = match agent.has_rules {
            true => {
                let judged = pattern.judge(situation, AnalysisMethod::RuleBasedFallback);
                Ok((judged, Some(Fallback { reason, circuit_state })))
            }
            false => {
                let message = format!("no model concluded ({reason}), and no rules are allowed to");
                Err(RecordedError { code: reason, message })
            }
        };
        Concluded { result, settlement, turn: None }
    };
    let messages = pattern.messages(situation);
    let question = messages.last().map(|last| last.content.clone()).unwrap_or_default();
    let mut failures = 0;
    loop {
        let knock = Knock {
            agent_id: job.agent_id.clone(),
            subject: job.subject.clone(),
            position: job.event.position,
            failures,
            question_id: format!("{}/question", ctx.run_id()),
            messages: messages.clone(),
        };
        let (call_id, request) = match ctx.transaction(ADMIT, knock).await? {
            Admitted::Ask { call_id, request } => (call_id, request),
            Admitted::Wait { ms } => {
                ctx.sleep(Duration::from_millis(ms)).await;
                continue;
            }
            Admitted::Overflow { message } => {
                let code = super::QUEUE_OVERFLOW.to_owned();
                let error = RecordedError { code, message };
                return Ok(Concluded { result: Err(error), settlement: None, turn: None });
            }
            Admitted::FallBack { reason } => return Ok(fall_back(reason, None, None)),
        };
        let error = match ctx.activity(ASK, request).await {
            Ok(answer) => return Ok(answered(call_id, question, &answer)),
            Err(error) if error.is_cancelled() => return Err(error.into()),
            Err(error) => error,
        };
        failures += 1;
        let asked = Asked::of(&error, call_id);
        if !asked.again || failures >= ATTEMPTS {
            return Ok(fall_back(asked.reason, asked.circuit_state, Some(asked.settlement)));
        }
        ctx.transaction(SETTLE, (job.agent_id.clone(), asked.settlement)).await?;
        let pause = FIRST_PAUSE * 2_u32.pow(failures - 1);
        let wanted = LlmErrorCode::retry_after(error.failure()).unwrap_or_default();
        ctx.sleep(pause.max(wanted)).await;
    }
}

/// A question that went wrong.
struct Asked {
    reason: String,
    circuit_state: Option<String>,
    again: bool,
    settlement: Settlement,
}

impl Asked {
    fn of(error: &ActivityError, call_id: String) -> Self {
        let failure = error.failure();
        let code = LlmErrorCode::of(failure);
        let is_open = error.kind().starts_with("CIRCUIT_OPEN:");
        let cost_micro_usd = match code {
            // Perhaps it was answered and paid for.
            Some(LlmErrorCode::Timeout) => None,
            _ => Some(LlmUsage::of(failure).map_or(0, |usage| usage.cost_micro_usd)),
        };
        let pauses_because =
            (code == Some(LlmErrorCode::AuthFailed)).then(|| failure.message.clone());
        let is_well = code.is_none_or(|code| !code.is_outage());
        let reason = match code {
            Some(code) => code.name().to_owned(),
            None if is_open => "CIRCUIT_OPEN".to_owned(),
            None => error.kind().to_owned(),
        };
        Self {
            reason,
            circuit_state: is_open.then(|| "open".to_owned()),
            again: code.is_some_and(LlmErrorCode::is_retryable),
            settlement: Settlement { call_id, cost_micro_usd, is_well, pauses_because },
        }
    }
}

fn answered(call_id: String, question: String, answer: &LlmAnswer) -> Concluded {
    let content = &answer.content;
    let usage = answer.usage;
    let suggested = content["suggestedAction"].as_str().filter(|action| *action != "none");
    let analysis = Analysis {
        analysis_method: AnalysisMethod::Llm,
        confidence: content["confidence"].as_f64().unwrap_or(0.0),
        reasoning: content["reasoning"].as_str().unwrap_or_default().to_owned(),
        suggested_action: suggested.map(str::to_owned),
        llm_context: Some(LlmContext {
            model: answer.model.clone(),
            tokens: usage.prompt_tokens + usage.completion_tokens,
            duration_ms: answer.duration_ms,
            cost_micro_usd: usage.cost_micro_usd,
        }),
    };
    let cost_micro_usd = Some(usage.cost_micro_usd);
    let settlement = Settlement { call_id, cost_micro_usd, is_well: true, pauses_because: None };
    let turn = Turn { question, answer: Value::to_string(content) };
    Concluded { result: Ok((analysis, None)), settlement: Some(settlement), turn: Some(turn) }
}

/// Ends the handling in one commit, and hands over what follows from it.
async fn close(
    ctx: &WorkflowContext,
    job: &AgentJob,
    result: CompletionResult,
    settlement: Option<Settlement>,
    turn: Option<Turn>,
) -> Result<AgentOutcome, WorkflowError> {
    let failed =
        |error: &RecordedError| Err(WorkflowError::new(error.code.clone(), error.message.clone()));
    let completion = Completion::of(job, result);
    let mut closing = Closing { completion, settlement, turn, plainly: false };
    let completed = match ctx.transaction(COMPLETE, closing.clone()).await {
        Ok(completed) => completed,
        // The program's own code would not have it: it is given up by the worker's.
        Err(error) => {
            let (code, message) = ("completion_failed".to_owned(), error.to_string());
            let error = RecordedError { code, message };
            let result = CompletionResult::Failed { error: error.clone() };
            closing = Closing {
                completion: Completion::of(job, result),
                settlement: closing.settlement,
                turn: None,
                plainly: true,
            };
            ctx.transaction(COMPLETE, closing).await?;
            return failed(&error);
        }
    };
    if let CompletionResult::Failed { error } = &closing.completion.result {
        return failed(error);
    }
    if let Some(command_id) = &completed.command_id {
        route::hand_over(ctx, command_id).await?;
    }
    Ok(AgentOutcome { decision: closing.completion.decision().cloned(), completed })
}

/// Keeps the type of the transaction's constant at one place.
pub(super) const fn completing() -> Transaction<Closing, Completed> {
    Transaction::new("agents.complete").retry(COMPLETING)
}
