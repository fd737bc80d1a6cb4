//! When somebody has to look before an agent acts: pure.

use serde::{Deserialize, Serialize};

use super::window::parse_duration;
use super::{AgentConfigError, AnalysisMethod};

/// When a person decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ApprovalRules {
    /// From this confidence on an agent acts by itself.
    pub confidence_threshold: f64,
    /// The same for what rules concluded because the model could not be asked.
    pub fallback_threshold: f64,
    /// Commands that always wait for somebody.
    pub requires_approval: Vec<String>,
    /// Commands that never do.
    pub auto_approve: Vec<String>,
    /// How long they wait, such as `24h`.
    pub approval_timeout: String,
}

impl Default for ApprovalRules {
    fn default() -> Self {
        Self {
            confidence_threshold: 0.8,
            fallback_threshold: 0.6,
            requires_approval: Vec::new(),
            auto_approve: Vec::new(),
            approval_timeout: "24h".to_owned(),
        }
    }
}

impl ApprovalRules {
    /// Refuses rules that contradict each other.
    ///
    /// # Errors
    /// [`AgentConfigError::InvalidConfidenceThreshold`],
    /// [`AgentConfigError::ConflictingApprovalRules`],
    /// [`AgentConfigError::InvalidDurationFormat`].
    pub fn check(&self) -> Result<(), AgentConfigError> {
        let (sure, fallback) = (self.confidence_threshold, self.fallback_threshold);
        for threshold in [sure, fallback] {
            if !(0.0..=1.0).contains(&threshold) {
                return Err(AgentConfigError::InvalidConfidenceThreshold(threshold.to_string()));
            }
        }
        let both = self.requires_approval.iter().find(|name| self.auto_approve.contains(name));
        if let Some(name) = both {
            return Err(AgentConfigError::ConflictingApprovalRules(name.clone()));
        }
        match parse_duration(&self.approval_timeout)? {
            0 => Err(AgentConfigError::InvalidDurationFormat(self.approval_timeout.clone())),
            _ => Ok(()),
        }
    }

    /// How long an approval waits, in milliseconds.
    pub fn timeout_ms(&self) -> u64 {
        parse_duration(&self.approval_timeout).unwrap_or(86_400_000)
    }
}

/// Whether somebody has to approve the command first.
pub fn should_require_approval(
    rules: &ApprovalRules,
    command_type: &str,
    confidence: f64,
    method: AnalysisMethod,
) -> bool {
    if rules.requires_approval.iter().any(|name| name == command_type) {
        return true;
    }
    if rules.auto_approve.iter().any(|name| name == command_type) {
        return false;
    }
    let threshold = match method {
        AnalysisMethod::RuleBasedFallback => {
            rules.fallback_threshold.min(rules.confidence_threshold)
        }
        AnalysisMethod::Llm | AnalysisMethod::RuleBased => rules.confidence_threshold,
    };
    // A confidence that is no number is none.
    confidence.is_nan() || confidence < threshold
}
