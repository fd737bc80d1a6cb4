//! What an agent concludes, and how sure it is: pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AgentEvent, PatternWindow};

/// Who concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalysisMethod {
    /// A model.
    Llm,
    /// Rules, because the agent asks no model.
    RuleBased,
    /// Rules, because the model could not be asked or did not answer.
    RuleBasedFallback,
}

impl AnalysisMethod {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::RuleBased => "rule-based",
            Self::RuleBasedFallback => "rule-based-fallback",
        }
    }
}

/// What a model's answer took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmContext {
    /// The model, as the provider names it.
    pub model: String,
    /// Tokens of question and answer.
    pub tokens: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it cost, in millionths of a dollar.
    pub cost_micro_usd: u64,
}

/// A conclusion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Who concluded.
    pub analysis_method: AnalysisMethod,
    /// How sure, from 0 to 1.
    pub confidence: f64,
    /// Why, for people.
    pub reasoning: String,
    /// What is to be done, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_action: Option<String>,
    /// What the model took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm_context: Option<LlmContext>,
}

/// What a model answers with, whatever the agent.
pub(super) fn answer_schema() -> Value {
    serde_json::json!({
        "type": "object",
        "properties": {
            "confidence": { "type": "number", "minimum": 0, "maximum": 1 },
            "reasoning": { "type": "string", "minLength": 1 },
            "suggestedAction": { "type": "string" },
        },
        "required": ["confidence", "reasoning", "suggestedAction"],
        "additionalProperties": false,
    })
}

/// How sure rules are of a pattern: by how many events there are beyond those that it needs, and by
/// how close together they lie. Between 0.5 and 0.9, in hundredths.
pub fn rule_based_confidence(events: &[AgentEvent], window: &PatternWindow) -> f64 {
    let surplus = events.len().saturating_sub(window.min_events).min(3) as f64;
    let (first, last) = (events.first(), events.last());
    let span = first.zip(last).map_or(0, |(first, last)| last.at.millis_since(first.at));
    let length = window.duration_ms().unwrap_or(0).max(1);
    let closeness = 1.0 - (span.min(length) as f64 / length as f64);
    let sure = 0.5 + 0.1 * surplus + 0.1 * closeness;
    (sure * 100.0).round() / 100.0
}

/// How sure, in a word: never told by colour or number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Below a half.
    Low,
    /// From a half on.
    Medium,
    /// From four fifths on.
    High,
}

impl Level {
    /// Of a confidence.
    pub fn of(confidence: f64) -> Self {
        match confidence {
            sure if sure >= 0.8 => Self::High,
            sure if sure >= 0.5 => Self::Medium,
            _ => Self::Low,
        }
    }

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// `Medium: 75%`.
pub fn confidence_in_words(confidence: f64) -> String {
    format!("{}: {:.0}%", Level::of(confidence).word(), confidence * 100.0)
}
