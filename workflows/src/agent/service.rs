//! The agents of a running engine: looked at, steered, and what waits for somebody decided.
//!
//! Invariant: everything goes through the functions and commands of the agents' context; what is
//! answered is durable.

use std::collections::BTreeMap;
use std::time::Duration;

use everstep_activities::contexts::{Caller, ContextCommand, call};
use everstep_activities::dead_letters::{
    self as letters, DeadLetter, DeadLetterFilter, DeadLetterKind, DeadLetterStatus,
};
use everstep_activities::llm::Llm;
use everstep_activities::rate_limit::RollingLimit;
use everstep_engine::{Engine, Rejection, RunStatus, Selector, Timestamp, TransactError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit::{AuditEvent, AuditType};
use super::books::{self, Take};
use super::definition::{Agent, Agents};
use super::functions::{
    APPROVE_ACTION, EXPIRE_PENDING, IGNORE_DEAD_LETTER, NewAgentDeadLetter, OfAgent, OfDeadLetter,
    OfStatus, QUERY_COMMANDS, QUERY_PENDING_APPROVALS, RECORD_DEAD_LETTER, REJECT_ACTION,
    REPLAY_DEAD_LETTER, Review,
};
use super::job::workflow_id;
use super::records::{AgentApproval, AgentCommand, Checkpoint, LaneCheckpoint};
use super::settings::AgentSettings;
use super::threads::{self, AgentThread};
use super::{AgentError, dead_letters};
use crate::subscriptions::{SubscriptionError, SubscriptionService};

/// Letters of a kind that one list looks at.
const MOST_LETTERS: usize = 500;
/// Lanes that are shown of an agent.
const MOST_LANES: usize = 100;
/// How long the end of a replay is waited for, so that its outcome can be told.
const REPLAY_WAIT: Duration = Duration::from_secs(10);

/// How an agent is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Its id.
    pub agent_id: String,
    /// What it is for.
    pub description: String,
    /// The subscription that hands it events.
    pub subscription_id: String,
    /// The types of events that it listens to.
    pub event_types: Vec<String>,
    /// The names of its patterns.
    pub patterns: Vec<String>,
    /// Whether it asks a model.
    pub asks_model: bool,
    /// How far it is.
    pub checkpoint: Checkpoint,
    /// The settings in force.
    pub settings: AgentSettings,
    /// What it has used.
    pub usage: UsageView,
    /// Approvals that wait for somebody.
    pub pending_approvals: usize,
    /// Dead letters that wait for somebody.
    pub pending_dead_letters: u64,
}

/// What an agent has used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// Questions in the last minute.
    pub requests_in_the_last_minute: usize,
    /// Events that wait for their turn to ask.
    pub queue_depth: usize,
    /// What was spent today (UTC), in millionths of a dollar.
    pub spent_micro_usd: u64,
    /// What questions under way may cost.
    pub reserved_micro_usd: u64,
    /// Whether the day's budget is nearly spent.
    pub budget_alert: bool,
}

/// A decision as it is shown: what was written down when it was made, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// Whose.
    pub agent_id: String,
    /// When.
    pub at: Timestamp,
    /// What became of it: `executed`, `pending`, `approved`, `rejected`, `expired`, `failed`, `none`.
    pub outcome: String,
    /// The record, as it was written.
    #[serde(flatten)]
    pub record: Value,
}

/// Which decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionFilter {
    /// Of one agent; of all when absent.
    pub agent: Option<String>,
    /// Of this type of command, this way of executing it, or with this outcome.
    pub action: Option<String>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Until then.
    pub to: Option<Timestamp>,
}

/// A dead letter as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentDeadLetter {
    /// Its id.
    pub dead_letter_id: String,
    /// Whose.
    pub agent_id: String,
    /// `event` or `command`.
    pub kind: String,
    /// The event that it is about.
    pub event_id: String,
    /// The event's type, or the command's.
    pub event_type: String,
    /// The code of what went wrong.
    pub reason: String,
    /// What went wrong.
    pub error: String,
    /// `pending`, `retrying`, `replayed` or `ignored`.
    pub status: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is here.
    pub recorded_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// Who had the last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it was ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_because: Option<String>,
}

impl AgentDeadLetter {
    fn of(letter: &DeadLetter) -> Self {
        let kind = kind_of(letter);
        let (event_id, event_type) = dead_letters::about(letter);
        Self {
            dead_letter_id: letter.id.clone(),
            agent_id: letter.target.clone(),
            kind: if kind == dead_letters::COMMANDS { "command" } else { "event" }.to_owned(),
            event_id: event_id.unwrap_or_default().to_owned(),
            event_type: event_type.unwrap_or_default().to_owned(),
            reason: letter.error_type.clone(),
            error: letter.last_error.clone(),
            status: kind.word(letter.status).to_owned(),
            attempts: letter.attempts,
            recorded_at: letter.recorded_at,
            updated_at: letter.updated_at,
            decided_by: letter.decided_by.clone(),
            ignored_because: letter.reason.clone(),
        }
    }
}

fn kind_of(letter: &DeadLetter) -> DeadLetterKind {
    match letter.kind == dead_letters::COMMANDS.name() {
        true => dead_letters::COMMANDS,
        false => dead_letters::EVENTS,
    }
}

/// The agents of an engine. Clones are the same.
#[derive(Clone, Debug)]
pub struct AgentService {
    engine: Engine,
    subscriptions: SubscriptionService,
}

impl AgentService {
    /// The engine's agents, whose events come by these subscriptions.
    pub fn new(engine: &Engine, subscriptions: &SubscriptionService) -> Self {
        Self { engine: engine.clone(), subscriptions: subscriptions.clone() }
    }

    /// Every agent of the worker, by id.
    pub fn agents(&self) -> Vec<std::sync::Arc<Agent>> {
        self.engine.extension::<Agents>().map_or_else(Vec::new, Agents::all)
    }

    fn agent(&self, id: &str) -> Result<std::sync::Arc<Agent>, AgentError> {
        let found = self.engine.extension::<Agents>().and_then(|agents| agents.get(id));
        found.ok_or_else(|| AgentError::NotFound(id.to_owned()))
    }

    /// The ids that a filter names: one, or all.
    fn ids(&self, namespace: &str, agent: Option<&str>) -> Result<Vec<String>, AgentError> {
        self.engine.check_namespace(namespace)?;
        match agent {
            Some(id) => Ok(vec![self.agent(id)?.id.to_owned()]),
            None => Ok(self.agents().iter().map(|agent| agent.id.to_owned()).collect()),
        }
    }

    async fn call<I, O>(
        &self,
        namespace: &str,
        function: ContextCommand<I, O>,
        user: &str,
        input: I,
    ) -> Result<O, AgentError>
    where
        I: Serialize + Send + 'static,
        O: DeserializeOwned + Send + 'static,
    {
        self.engine.check_namespace(namespace)?;
        if self.engine.extension::<Agents>().is_none() {
            return Err(AgentError::RecordNotFound("the worker has no agents".to_owned()));
        }
        let user = user.to_owned();
        let done = self.engine.transact(namespace, move |tx| {
            let caller = Caller::new(user, tx.namespace());
            call(tx, function, &caller, &input)
        });
        done.await.map_err(refused)
    }

    /// How all agents are.
    ///
    /// # Errors
    /// When the namespace does not exist, or the store cannot be read.
    pub async fn list(&self, namespace: &str) -> Result<Vec<AgentView>, AgentError> {
        self.engine.check_namespace(namespace)?;
        let mut all = Vec::new();
        for agent in self.agents() {
            all.push(self.view(namespace, &agent).await?);
        }
        Ok(all)
    }

    /// How one is.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn describe(&self, namespace: &str, id: &str) -> Result<AgentView, AgentError> {
        let agent = self.agent(id)?;
        self.view(namespace, &agent).await
    }

    async fn view(&self, namespace: &str, agent: &Agent) -> Result<AgentView, AgentError> {
        /// Approvals are counted up to here.
        const COUNTED: usize = 1_000;
        let id = agent.id;
        let read = self.engine.transact(namespace, move |tx| {
            let books = books::open(tx)?;
            let checkpoint = books::peek_checkpoint(&books, id)?;
            let usage = books::usage(&books, id)?;
            let pending = books::ids(&books, books::Kind::Approval, id, "pending", COUNTED)?;
            Ok((checkpoint, usage, pending.len(), books.now()))
        });
        let (checkpoint, mut usage, pending_approvals, now) = read.await.map_err(refused)?;
        let subscription_id = books::subscription_of(id);
        let checkpoint = checkpoint.unwrap_or_else(|| Checkpoint::new(id, &subscription_id, now));
        let overridden = agent.settings.overridden(id, &checkpoint.config_overrides);
        let mut settings = overridden.unwrap_or_else(|_| agent.settings.clone());
        if settings.model.is_none() && agent.asks_model {
            let provider = self.engine.extension::<Llm>().and_then(Llm::provider);
            settings.model = provider.map(|provider| provider.default_model().to_owned());
        }
        let per_minute = settings.limits.max_requests_per_minute;
        let limit = RollingLimit::new(per_minute, Duration::from_secs(60));
        let spent = usage.spending.spent_micro_usd;
        let committed = usage.spending.committed();
        let budget = settings.limits.daily_budget_micro_usd as f64;
        usage.forget_gone(now.as_millis());
        Ok(AgentView {
            agent_id: id.to_owned(),
            description: agent.description.clone(),
            subscription_id,
            event_types: agent.event_types.clone(),
            patterns: agent.patterns.iter().map(|it| it.name().to_owned()).collect(),
            asks_model: agent.asks_model,
            usage: UsageView {
                requests_in_the_last_minute: limit.used(&mut usage.asked, now.as_millis()),
                queue_depth: usage.waiting.len(),
                spent_micro_usd: spent,
                reserved_micro_usd: committed - spent,
                budget_alert: committed as f64 >= budget * settings.limits.alert_threshold,
            },
            checkpoint,
            settings,
            pending_approvals,
            pending_dead_letters: self.pending_letters(namespace, id)?,
        })
    }

    fn pending_letters(&self, namespace: &str, id: &str) -> Result<u64, AgentError> {
        let figures = letters::stats(&self.engine.rows(namespace)?)?;
        let own = [dead_letters::EVENTS.name(), dead_letters::COMMANDS.name()];
        let pending = figures.iter().filter(|figure| {
            figure.target == id
                && figure.status == DeadLetterStatus::Pending
                && own.contains(&figure.kind.as_str())
        });
        Ok(pending.map(|figure| figure.count).sum())
    }

    /// How far an agent is in its lanes.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn lanes(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<BTreeMap<String, LaneCheckpoint>, AgentError> {
        let id = self.agent(id)?.id;
        let read = self
            .engine
            .transact(namespace, move |tx| books::lanes(&books::open(tx)?, id, MOST_LANES));
        Ok(read.await.map_err(refused)?.into_iter().collect())
    }

    /// What an agent and its model have said about a subject.
    ///
    /// # Errors
    /// [`AgentError::NotFound`], [`AgentError::RecordNotFound`].
    pub async fn thread(
        &self,
        namespace: &str,
        id: &str,
        subject: &str,
    ) -> Result<AgentThread, AgentError> {
        let thread = threads::thread_id(self.agent(id)?.id, subject);
        let wanted = thread.clone();
        let read = self.engine.transact(namespace, move |tx| threads::read(tx, &wanted));
        let found = read.await.map_err(refused)?;
        found.ok_or_else(|| AgentError::RecordNotFound(format!("thread `{thread}` does not exist")))
    }

    /// Approvals of a status, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn approvals(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: &str,
        limit: usize,
    ) -> Result<Vec<AgentApproval>, AgentError> {
        let mut all = Vec::new();
        for agent_id in self.ids(namespace, agent)? {
            let of = OfStatus { agent_id, status: Some(status.to_owned()), limit: Some(limit) };
            all.extend(self.call(namespace, QUERY_PENDING_APPROVALS, "reader", of).await?);
        }
        all.sort_by_key(|approval| std::cmp::Reverse(approval.created_at));
        all.truncate(limit);
        Ok(all)
    }

    /// One approval.
    ///
    /// # Errors
    /// [`AgentError::RecordNotFound`].
    pub async fn approval(&self, namespace: &str, id: &str) -> Result<AgentApproval, AgentError> {
        let of = Review { approval_id: id.to_owned(), reason: String::new() };
        self.call(namespace, super::functions::GET_APPROVAL, "reader", of).await
    }

    /// Somebody says yes.
    ///
    /// # Errors
    /// [`AgentError::ApprovalExpired`], [`AgentError::AlreadyDecided`],
    /// [`AgentError::RecordNotFound`].
    pub async fn approve(
        &self,
        namespace: &str,
        id: &str,
        reviewer: &str,
        note: &str,
    ) -> Result<AgentApproval, AgentError> {
        let of = Review { approval_id: id.to_owned(), reason: note.to_owned() };
        self.call(namespace, APPROVE_ACTION, reviewer, of).await
    }

    /// Somebody says no.
    ///
    /// # Errors
    /// As [`AgentService::approve`]; [`AgentError::Invalid`] without a reason.
    pub async fn reject(
        &self,
        namespace: &str,
        id: &str,
        reviewer: &str,
        reason: &str,
    ) -> Result<AgentApproval, AgentError> {
        let of = Review { approval_id: id.to_owned(), reason: reason.to_owned() };
        self.call(namespace, REJECT_ACTION, reviewer, of).await
    }

    /// Expires what should have been, should a deadline's workflow have been ended by somebody.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn expire_pending(&self, namespace: &str) -> Result<usize, AgentError> {
        let mut expired = 0;
        for agent_id in self.ids(namespace, None)? {
            expired +=
                self.call(namespace, EXPIRE_PENDING, "sweeper", OfAgent { agent_id }).await?;
        }
        Ok(expired)
    }

    /// Commands of a status, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn commands(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgentCommand>, AgentError> {
        let statuses = match status {
            Some(one) => vec![one],
            None => vec!["pending", "processing", "completed", "failed"],
        };
        let mut all = Vec::new();
        for agent_id in self.ids(namespace, agent)? {
            for status in &statuses {
                let status = Some((*status).to_owned());
                let of = OfStatus { agent_id: agent_id.clone(), status, limit: Some(limit) };
                all.extend(self.call(namespace, QUERY_COMMANDS, "reader", of).await?);
            }
        }
        let begun = |it: &AgentCommand| it.steps.first().map(|step| step.at);
        all.sort_by_key(|command| std::cmp::Reverse(begun(command)));
        all.truncate(limit);
        Ok(all)
    }

    /// Records of the audit, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn audit(
        &self,
        namespace: &str,
        agent: Option<&str>,
        audit_type: Option<AuditType>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, AgentError> {
        let ids = self.ids(namespace, agent)?;
        // A worker without agents has no books to open.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.engine.transact(namespace, move |tx| {
            let books = books::open(tx)?;
            let mut all = Vec::new();
            for id in ids {
                all.extend(books::audit(&books, &id, None, limit, |record| {
                    let wanted = audit_type.as_ref();
                    match wanted.is_none_or(|wanted| wanted.takes(&record.audit_type)) {
                        true => Take::Yes,
                        false => Take::No,
                    }
                })?);
            }
            Ok(all)
        });
        let mut all = read.await.map_err(refused)?;
        all.sort_by_key(|record| std::cmp::Reverse((record.at, record.audit_id)));
        all.truncate(limit);
        Ok(all)
    }

    /// Decisions, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn decisions(
        &self,
        namespace: &str,
        filter: &DecisionFilter,
        limit: usize,
    ) -> Result<Vec<DecisionView>, AgentError> {
        let ids = self.ids(namespace, filter.agent.as_deref())?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let filter = filter.clone();
        let read = self.engine.transact(namespace, move |tx| {
            let books = books::open(tx)?;
            let mut all = Vec::new();
            for id in ids {
                let made = books::audit(&books, &id, None, limit, |record| {
                    if filter.from.is_some_and(|from| record.at < from) {
                        return Take::Enough;
                    }
                    let is_in_time = filter.to.is_none_or(|to| record.at <= to);
                    match record.audit_type == AuditType::AgentDecisionMade && is_in_time {
                        true => Take::Yes,
                        false => Take::No,
                    }
                })?;
                for record in made {
                    let decision_id = record.decision_id.clone().unwrap_or_default();
                    let approval = books::find_approval(&books, &decision_id)?;
                    let command = books::find_command(&books, &decision_id)?;
                    let outcome = match (&approval, &command) {
                        (Some(approval), _) if command.is_none() => approval.status.name(),
                        (_, Some(command)) => match books::status_name(command.status) {
                            "completed" if approval.is_some() => "approved",
                            "completed" => "executed",
                            other => other,
                        },
                        _ => "none",
                    };
                    let view = DecisionView {
                        agent_id: record.agent_id,
                        at: record.at,
                        outcome: outcome.to_owned(),
                        record: record.data,
                    };
                    if filter.takes(&view) {
                        all.push(view);
                    }
                }
            }
            Ok(all)
        });
        let mut all = read.await.map_err(refused)?;
        all.sort_by_key(|decision| std::cmp::Reverse(decision.at));
        all.truncate(limit);
        Ok(all)
    }

    /// Dead letters, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`]; when the store cannot be read.
    pub fn dead_letters(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: Option<&str>,
    ) -> Result<Vec<AgentDeadLetter>, AgentError> {
        let ids = self.ids(namespace, agent)?;
        let rows = self.engine.rows(namespace)?;
        let mut all = Vec::new();
        for kind in [dead_letters::EVENTS, dead_letters::COMMANDS] {
            let filter = DeadLetterFilter {
                kind: Some(kind.name().to_owned()),
                target: agent.map(str::to_owned),
                ..DeadLetterFilter::default()
            };
            let page = letters::list(&rows, &filter, None, MOST_LETTERS)?;
            let own = page.dead_letters.iter().filter(|letter| ids.contains(&letter.target));
            all.extend(own.map(AgentDeadLetter::of));
        }
        all.retain(|letter| status.is_none_or(|status| letter.status == status));
        all.sort_by(|a, b| b.dead_letter_id.cmp(&a.dead_letter_id));
        Ok(all)
    }

    fn letter(&self, namespace: &str, id: &str) -> Result<DeadLetter, AgentError> {
        let found = letters::show(&self.engine.rows(namespace)?, id)?;
        let own = [dead_letters::EVENTS.name(), dead_letters::COMMANDS.name()];
        found
            .filter(|letter| own.contains(&letter.kind.as_str()))
            .ok_or_else(|| AgentError::RecordNotFound(format!("dead letter `{id}` does not exist")))
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`AgentError::RecordNotFound`].
    pub fn dead_letter(&self, namespace: &str, id: &str) -> Result<AgentDeadLetter, AgentError> {
        self.letter(namespace, id).map(|letter| AgentDeadLetter::of(&letter))
    }

    /// Writes down that an event was given up. Answers the letter's id.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn record_dead_letter(
        &self,
        namespace: &str,
        by: &str,
        new: NewAgentDeadLetter,
    ) -> Result<String, AgentError> {
        self.call(namespace, RECORD_DEAD_LETTER, by, new).await
    }

    /// Handles what was given up again, and waits a little for what becomes of it.
    ///
    /// # Errors
    /// [`AgentError::DeadLetter`] when it went wrong again, or is not pending.
    pub async fn replay(
        &self,
        namespace: &str,
        id: &str,
        by: &str,
    ) -> Result<AgentDeadLetter, AgentError> {
        let before = self.letter(namespace, id)?;
        let of = OfDeadLetter { dead_letter_id: id.to_owned(), reason: String::new() };
        let letter = self.call(namespace, REPLAY_DEAD_LETTER, by, of).await?;
        if letter.status == DeadLetterStatus::Pending {
            return Err(AgentError::DeadLetter(letter.last_error));
        }
        let workflow_id = match letter.payload["event"]["position"].as_u64() {
            Some(position) if before.kind == dead_letters::EVENTS.name() => {
                Some(workflow_id(&before.target, position))
            }
            _ => None,
        };
        if let Some(workflow_id) = workflow_id {
            let namespace = namespace.to_owned();
            let selector = Selector { namespace, ..Selector::newest(workflow_id) };
            let ended = self.engine.result(&selector, REPLAY_WAIT).await?;
            if ended.status == RunStatus::Completed {
                self.release(&selector.namespace, &letter, true).await?;
            }
        } else {
            self.settled(namespace, id).await?;
        }
        let letter = self.letter(namespace, id)?;
        match letter.status {
            DeadLetterStatus::Pending => Err(AgentError::DeadLetter(letter.last_error)),
            _ => Ok(AgentDeadLetter::of(&letter)),
        }
    }

    /// Waits a little until a letter is not being tried any more.
    async fn settled(&self, namespace: &str, id: &str) -> Result<(), AgentError> {
        let mut changes = self.engine.changes();
        let settled = async {
            while self.letter(namespace, id)?.status == DeadLetterStatus::Retrying {
                // Lagging behind the news is news, too.
                let _ = changes.recv().await;
            }
            Ok(())
        };
        tokio::time::timeout(REPLAY_WAIT, settled).await.unwrap_or(Ok(()))
    }

    /// Decides that what was given up need not be done; its lane goes on.
    ///
    /// # Errors
    /// [`AgentError::DeadLetter`] when it is not pending, [`AgentError::Invalid`] without a reason.
    pub async fn ignore(
        &self,
        namespace: &str,
        id: &str,
        by: &str,
        reason: &str,
    ) -> Result<AgentDeadLetter, AgentError> {
        self.letter(namespace, id)?;
        let of = OfDeadLetter { dead_letter_id: id.to_owned(), reason: reason.to_owned() };
        let letter = self.call(namespace, IGNORE_DEAD_LETTER, by, of).await?;
        self.release(namespace, &letter, false).await?;
        Ok(AgentDeadLetter::of(&letter))
    }

    /// Lets lanes go on whose dead letters were dealt with by a process that died before it could say
    /// so. A server does so when it starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn release_settled(&self, namespace: &str) -> Result<(), AgentError> {
        /// Parked events of one agent that are looked at.
        const MOST: usize = 500;
        for agent in self.agents() {
            let subscription = books::subscription_of(agent.id);
            let parked = self.subscriptions.parked(namespace, &subscription, 0, MOST);
            let parked = match parked {
                Ok(parked) => parked,
                Err(SubscriptionError::NotFound(_)) => continue,
                Err(error) => {
                    return Err(AgentError::Engine(Rejection::Unavailable(error.to_string())));
                }
            };
            for event in parked.iter().filter(|event| !event.is_behind) {
                let source = super::job::decision_id(agent.id, event.position);
                let read = self
                    .engine
                    .transact(namespace, move |tx| books::letter_of(&books::open(tx)?, &source));
                let Some(letter) = read.await.map_err(refused)? else { continue };
                let letter = self.letter(namespace, &letter.dead_letter_id)?;
                match letter.status {
                    DeadLetterStatus::Resolved => self.release(namespace, &letter, true).await?,
                    DeadLetterStatus::Ignored => self.release(namespace, &letter, false).await?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Lets the lane of an event go on that was parked: it is handed out again and found done, or
    /// passed over.
    async fn release(
        &self,
        namespace: &str,
        letter: &DeadLetter,
        is_done: bool,
    ) -> Result<(), AgentError> {
        let position = letter.payload["event"]["position"].as_u64();
        let Some(position) = position.filter(|_| letter.kind == dead_letters::EVENTS.name()) else {
            return Ok(());
        };
        let subscription = books::subscription_of(&letter.target);
        let positions = Some(vec![position]);
        let released = match is_done {
            true => self.subscriptions.replay(namespace, &subscription, positions).await,
            false => self.subscriptions.discard(namespace, &subscription, positions).await,
        };
        match released {
            // It never stood in the subscription, or does not any more.
            Ok(_) | Err(SubscriptionError::NotFound(_)) => {}
            Err(SubscriptionError::Engine(rejection)) => return Err(rejection.into()),
            Err(error) => {
                return Err(AgentError::Engine(Rejection::Unavailable(error.to_string())));
            }
        }
        if !is_done {
            let (id, at) = (letter.target.clone(), position);
            let passed = self.engine.transact(namespace, move |tx| {
                let mut books = books::open(tx)?;
                let mut checkpoint = books::load_checkpoint(&mut books, &id)?;
                checkpoint.end(at);
                books::keep_checkpoint(&mut books, checkpoint)
            });
            passed.await.map_err(refused)?;
        }
        Ok(())
    }
}

impl DecisionFilter {
    fn takes(&self, decision: &DecisionView) -> bool {
        let Some(wanted) = &self.action else { return true };
        let action = &decision.record["action"];
        action["type"] == **wanted
            || action["executionMode"] == **wanted
            || decision.outcome == *wanted
    }
}

fn refused(error: TransactError) -> AgentError {
    match error {
        TransactError::Rejected(rejection) => AgentError::Engine(rejection),
        TransactError::Failed(failure) => match failure.kind() {
            "DEAD_LETTER_NOT_FOUND" => {
                AgentError::RecordNotFound(failure.failure().message.clone())
            }
            "DEAD_LETTER_NOT_PENDING" => AgentError::DeadLetter(failure.failure().message.clone()),
            "REASON_REQUIRED" => AgentError::Invalid(failure.failure().message.clone()),
            _ => AgentError::of(&failure),
        },
        other => AgentError::Engine(Rejection::Unavailable(other.to_string())),
    }
}
