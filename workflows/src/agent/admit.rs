//! Whether a model may be asked now: limit, budget, queue; and what a question cost.
//!
//! Invariant: a question is counted and its most possible cost reserved in the commit that lets it
//! through, whatever becomes of the process afterwards.

use std::time::Duration;

use everstep_activities::llm::{Llm, LlmRequest};
use everstep_activities::rate_limit::RollingLimit;
use everstep_engine::{ActivityError, Transaction, TransactionContext, Worker};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::analysis::answer_schema;
use super::audit::AuditType;
use super::definition::{Agent, Agents};
use super::error::{AGENT_NOT_FOUND, refused};
use super::event::event_id;
use super::job::{Knock, Settlement, decision_id};
use super::records::Waiting;
use super::settings::AgentSettings;
use super::{AgentStatus, books, threads};

pub(super) const ADMIT: Transaction<Knock, Admitted> = Transaction::new("agents.admit");
/// A question that went wrong and is asked again.
pub(super) const SETTLE: Transaction<(String, Settlement), ()> = Transaction::new("agents.settle");

/// The longest answer, in tokens.
const MAX_TOKENS: u32 = 400;

/// What a workflow is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Admitted {
    /// Ask this.
    Ask { call_id: String, request: LlmRequest },
    /// Not yet: the limit is reached.
    Wait { ms: u64 },
    /// Too many wait already.
    Overflow { message: String },
    /// Not at all.
    FallBack { reason: String },
}

pub(super) fn register(worker: Worker) -> Worker {
    worker
        .transaction(ADMIT, |tx, knock| admit(tx, &knock))
        .transaction(SETTLE, |tx, (agent_id, settlement)| settle(tx, &agent_id, &settlement))
}

/// The agent of that id.
pub(super) fn agent(
    tx: &TransactionContext<'_>,
    id: &str,
) -> Result<std::sync::Arc<Agent>, ActivityError> {
    let found = tx.extension::<Agents>().and_then(|agents| agents.get(id));
    found.ok_or_else(|| refused(AGENT_NOT_FOUND, format!("agent `{id}` does not exist")))
}

/// The settings in force: the program's, with what an operator put in their place.
pub(super) fn settings(
    tx: &mut TransactionContext<'_>,
    agent: &Agent,
) -> Result<AgentSettings, ActivityError> {
    let mut books = books::open(tx)?;
    let overrides = books::load_checkpoint(&mut books, agent.id)?.config_overrides;
    // They were checked when they were taken; a newer program may know better.
    Ok(agent.settings.overridden(agent.id, &overrides).unwrap_or_else(|_| agent.settings.clone()))
}

fn admit(tx: &mut TransactionContext<'_>, knock: &Knock) -> Result<Admitted, ActivityError> {
    let agent = agent(tx, &knock.agent_id)?;
    let settings = settings(tx, &agent)?;
    let provider = tx.extension::<Llm>().and_then(Llm::provider);
    let Some(provider) = provider.filter(|provider| provider.has_what_it_needs()) else {
        return Ok(Admitted::FallBack { reason: "no_key".to_owned() });
    };
    let id = decision_id(agent.id, knock.position);
    let request = request(tx, &agent, &settings, knock)?;
    let most = request.most_micro_usd(provider.its_price());
    let most = settings.limits.estimated_cost_micro_usd.unwrap_or(most);
    let call_id = format!("{id}/{}/{}", tx.now().as_millis(), knock.failures);

    let mut books = books::open(tx)?;
    let now_ms = books.now().as_millis();
    let mut checkpoint = books::load_checkpoint(&mut books, agent.id)?;
    checkpoint.begin(knock.position);
    books::keep_checkpoint(&mut books, checkpoint)?;
    let mut usage = books::usage(&books, agent.id)?;
    usage.forget_gone(now_ms);
    let place = usage.place(&id);

    let spent = usage.spending.committed();
    let budget = settings.limits.daily_budget_micro_usd;
    if spent.saturating_add(most) > budget {
        usage.leave(&id);
        books::keep_usage(&mut books, agent.id, &usage)?;
        let data = json!({
            "budgetMicroUsd": budget, "committedMicroUsd": spent, "nextMicroUsd": most,
        });
        books::note(&mut books, agent.id, AuditType::AgentBudgetExceeded, Some(&id), data)?;
        pause(&mut books, agent.id, "the day's budget is spent")?;
        return Ok(Admitted::FallBack { reason: "budget_exceeded".to_owned() });
    }

    let limits = &settings.limits;
    let limit = RollingLimit::new(limits.max_requests_per_minute, Duration::from_secs(60));
    // Who has waited goes first: a newcomer stands behind them.
    let ahead = place.unwrap_or(usage.waiting.len());
    let free = limits.max_requests_per_minute.saturating_sub(limit.used(&mut usage.asked, now_ms));
    if ahead < free {
        limit.take(&mut usage.asked, 0, now_ms);
        usage.leave(&id);
        usage.spending.reserve(&call_id, most, budget);
        books::keep_usage(&mut books, agent.id, &usage)?;
        return Ok(Admitted::Ask { call_id, request });
    }
    let depth = usage.waiting.len();
    if place.is_none() && depth >= limits.queue_depth {
        let message = format!("{depth} events wait to ask a model, and no more may");
        let data = json!({ "queueDepth": depth, "eventId": event_id(knock.position) });
        books::note(&mut books, agent.id, AuditType::AgentQueueOverflow, Some(&id), data)?;
        return Ok(Admitted::Overflow { message });
    }
    // Behind those that are served before this one, by tokens that come back one by one.
    let ms = limit.wait_ms(&usage.asked, ahead - free, now_ms);
    let until_ms = now_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
    match place.and_then(|place| usage.waiting.get_mut(place)) {
        Some(known) => known.until_ms = until_ms,
        None => usage.waiting.push(Waiting { decision_id: id.clone(), until_ms }),
    }
    books::keep_usage(&mut books, agent.id, &usage)?;
    if place.is_none() {
        let data = json!({
            "queueDepth": usage.waiting.len(), "requeued": true, "retryAfterMs": ms,
            "eventId": event_id(knock.position),
        });
        books::note(&mut books, agent.id, AuditType::AgentRateLimited, Some(&id), data)?;
    }
    Ok(Admitted::Wait { ms })
}

/// The whole question: what it is told, what was said in the thread, what is asked now.
fn request(
    tx: &mut TransactionContext<'_>,
    agent: &Agent,
    settings: &AgentSettings,
    knock: &Knock,
) -> Result<LlmRequest, ActivityError> {
    let thread = threads::read(&threads::open(tx)?, &threads::thread_id(agent.id, &knock.subject))?;
    let said = thread.map(|thread| thread.messages).unwrap_or_default();
    let mut messages = knock.messages.iter().cloned();
    let told = messages.next();
    let messages = told.into_iter().chain(said).chain(messages).collect();
    Ok(LlmRequest {
        model: settings.model.clone(),
        messages,
        schema: answer_schema(),
        max_tokens: MAX_TOKENS,
        idempotency_key: Some(knock.question_id.clone()),
    })
}

/// Pauses an agent that is active, and says why.
pub(super) fn pause(
    books: &mut books::Books<'_, '_>,
    agent_id: &str,
    reason: &str,
) -> Result<(), ActivityError> {
    let mut checkpoint = books::load_checkpoint(books, agent_id)?;
    if checkpoint.status != AgentStatus::Active {
        return Ok(());
    }
    checkpoint.status = AgentStatus::Paused;
    checkpoint.reason = Some(reason.to_owned());
    books::keep_checkpoint(books, checkpoint)?;
    let data = json!({ "reason": reason, "by": "agent" });
    books::note(books, agent_id, AuditType::AgentPaused, None, data).map(drop)
}

/// Writes down what a question cost.
pub(super) fn settle(
    tx: &mut TransactionContext<'_>,
    agent_id: &str,
    settlement: &Settlement,
) -> Result<(), ActivityError> {
    let mut books = books::open(tx)?;
    let mut usage = books::usage(&books, agent_id)?;
    usage.spending.settle(&settlement.call_id, settlement.cost_micro_usd);
    books::keep_usage(&mut books, agent_id, &usage)?;
    if let Some(why) = &settlement.pauses_because {
        pause(&mut books, agent_id, why)?;
    }
    Ok(())
}
