//! How agents are: settings, checkpoints, what they have used.

use std::collections::BTreeMap;
use std::time::Duration;

use everstep_activities::dead_letters::{self as letters, DeadLetterStatus};
use everstep_activities::llm::Llm;
use everstep_activities::rate_limit::RollingLimit;
use everstep_engine::ContextReads;
use serde::{Deserialize, Serialize};

use super::AgentService;
use crate::agent::books;
use crate::agent::definition::Agent;
use crate::agent::records::{Checkpoint, LaneCheckpoint};
use crate::agent::settings::AgentSettings;
use crate::agent::threads::{self, AgentThread};
use crate::agent::{AgentError, dead_letters};

/// Lanes that are shown of an agent.
const MOST_LANES: usize = 100;

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

impl AgentService {
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
        let read = self.read(namespace, move |books| {
            let checkpoint = books::peek_checkpoint(books, id)?;
            let usage = books::usage(books, id)?;
            let pending = books::ids(books, books::Kind::Approval, (id, "pending"), None, COUNTED)?;
            Ok((checkpoint, usage, pending.len(), books.now()))
        });
        let (checkpoint, mut usage, pending_approvals, now) = read.await?;
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
        let read = self.read(namespace, move |books| books::lanes(books, id, MOST_LANES));
        Ok(read.await?.into_iter().collect())
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
        self.check_books(namespace)?;
        let read = self
            .look_at(namespace, move |rows| threads::read(&rows.enter(&threads::own())?, &wanted));
        let found = read.await?;
        found.ok_or_else(|| AgentError::RecordNotFound(format!("thread `{thread}` does not exist")))
    }
}
