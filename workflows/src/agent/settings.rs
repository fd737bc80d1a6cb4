//! An agent's numbers, and what an operator puts in their place while it runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AgentConfigError, ApprovalRules};

/// What an agent may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentLimits {
    /// Questions to a model in any minute.
    pub max_requests_per_minute: usize,
    /// Events that wait for their turn to ask; one more is given up.
    pub queue_depth: usize,
    /// What questions may cost in a day (UTC), in millionths of a dollar.
    pub daily_budget_micro_usd: u64,
    /// From this part of the budget on it is shown as nearly spent.
    pub alert_threshold: f64,
    /// Questions that are asked at once.
    pub max_parallelism: usize,
    /// The most that one question may cost, where it is not worked out from the price; in
    /// millionths of a dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_cost_micro_usd: Option<u64>,
    /// Dead letters in a row after which an agent rests.
    pub error_threshold: u32,
    /// How long it rests then, in milliseconds.
    pub cool_down_ms: u64,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self {
            max_requests_per_minute: 60,
            queue_depth: 100,
            daily_budget_micro_usd: 10_000_000,
            alert_threshold: 0.8,
            max_parallelism: 10,
            estimated_cost_micro_usd: None,
            error_threshold: 5,
            cool_down_ms: 60_000,
        }
    }
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSettings {
    /// When a person decides.
    pub approval: ApprovalRules,
    /// What it may use.
    pub limits: AgentLimits,
    /// The model that is asked; the provider's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What an operator may put in the place of what the program says. Other names are kept as they are
/// and mean nothing here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Overrides {
    confidence_threshold: Option<f64>,
    fallback_threshold: Option<f64>,
    requires_approval: Option<Vec<String>>,
    auto_approve: Option<Vec<String>>,
    approval_timeout: Option<String>,
    max_requests_per_minute: Option<usize>,
    queue_depth: Option<usize>,
    daily_budget_usd: Option<f64>,
    estimated_cost_usd: Option<f64>,
    alert_threshold: Option<f64>,
    model: Option<String>,
}

impl AgentSettings {
    /// These settings with overrides in their place; any JSON object, or nothing.
    ///
    /// # Errors
    /// A known name with a value that cannot be.
    pub fn overridden(&self, agent: &str, by: &Value) -> Result<Self, AgentConfigError> {
        let invalid = |reason: String| {
            let agent = agent.to_owned();
            AgentConfigError::InvalidLimits { agent, reason }
        };
        let given = match by {
            Value::Null => Overrides::default(),
            Value::Object(_) => serde_json::from_value(by.clone())
                .map_err(|error| invalid(format!("configOverrides: {error}")))?,
            _ => return Err(invalid("configOverrides is a JSON object".to_owned())),
        };
        let mut own = self.clone();
        let put = |place: &mut f64, value: Option<f64>| *place = value.unwrap_or(*place);
        put(&mut own.approval.confidence_threshold, given.confidence_threshold);
        put(&mut own.approval.fallback_threshold, given.fallback_threshold);
        put(&mut own.limits.alert_threshold, given.alert_threshold);
        let approval = &mut own.approval;
        if let Some(names) = given.requires_approval {
            approval.requires_approval = names;
        }
        if let Some(names) = given.auto_approve {
            approval.auto_approve = names;
        }
        if let Some(timeout) = given.approval_timeout {
            approval.approval_timeout = timeout;
        }
        let limits = &mut own.limits;
        limits.max_requests_per_minute =
            given.max_requests_per_minute.unwrap_or(limits.max_requests_per_minute);
        limits.queue_depth = given.queue_depth.unwrap_or(limits.queue_depth);
        let micro = |name: &str, usd: f64| match (0.0..=1e9).contains(&usd) {
            // Far below 2^53.
            true => Ok((usd * 1e6).round() as u64),
            false => Err(invalid(format!("{name} is 0 or more, found {usd}"))),
        };
        if let Some(usd) = given.daily_budget_usd {
            limits.daily_budget_micro_usd = micro("dailyBudgetUsd", usd)?;
        }
        if let Some(usd) = given.estimated_cost_usd {
            limits.estimated_cost_micro_usd = Some(micro("estimatedCostUsd", usd)?);
        }
        own.model = given.model.or(own.model);
        own.check(agent)?;
        Ok(own)
    }

    /// Refuses settings that cannot be.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self, agent: &str) -> Result<(), AgentConfigError> {
        self.approval.check()?;
        let limits = &self.limits;
        let wrong = |reason: &str| {
            let (agent, reason) = (agent.to_owned(), reason.to_owned());
            Err(AgentConfigError::InvalidLimits { agent, reason })
        };
        if !(1..=10_000).contains(&limits.max_requests_per_minute) {
            return wrong("`maxRequestsPerMinute` is 1 to 10000");
        }
        if !(1..=300).contains(&limits.queue_depth) {
            return wrong("`queueDepth` is 1 to 300");
        }
        if !(1..=100).contains(&limits.max_parallelism) {
            return wrong("`maxParallelism` is 1 to 100");
        }
        if limits.error_threshold == 0 {
            return wrong("`errorThreshold` is at least 1");
        }
        Ok(())
    }
}
