//! What an agent looks for: one definition for the cheap trigger and for the analysis after it.
//!
//! Invariant: everything in a pattern is a pure function of what it is handed. No pattern can reach
//! a table: history comes as an argument, and stands in the run's history.

use std::fmt;
use std::sync::Arc;

use everstep_activities::llm::{LlmMessage, LlmRole};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::analysis::rule_based_confidence;
use super::{AgentConfigError, AgentEvent, Analysis, AnalysisMethod, PatternWindow};

/// What a pattern is asked about: all that it learns. No store, no projection, no engine.
///
/// ```
/// use everstep_workflows::agent::PatternDefinition;
/// let pattern = PatternDefinition::new("many").trigger(|events| events.len() > 2);
/// # drop(pattern.analyze("", |situation| situation.subject.to_owned()));
/// ```
/// ```compile_fail,E0609
/// use everstep_workflows::agent::PatternDefinition;
/// let pattern = PatternDefinition::new("many").trigger(|events| events.len() > 2);
/// # drop(
/// pattern.analyze("", |situation| situation.engine.rows("default"))
/// # );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The event that came.
    pub event: &'a AgentEvent,
    /// The events in the window, this one among them, oldest first.
    pub events: &'a [AgentEvent],
    /// Whom or what it is about, such as a customer's id.
    pub subject: &'a str,
}

/// A command that an agent would have sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// Its name.
    pub command_type: String,
    /// What it takes.
    pub payload: Value,
}

type Trigger = dyn Fn(&[AgentEvent]) -> bool + Send + Sync;
type Question = dyn Fn(&Situation<'_>) -> String + Send + Sync;
type Rules = dyn Fn(&Situation<'_>) -> Judgement + Send + Sync;
type Suggest = dyn Fn(&Situation<'_>, &Analysis) -> Option<Suggestion> + Send + Sync;

/// What rules conclude.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// How sure, from 0 to 1.
    pub confidence: f64,
    /// Why, for people.
    pub reasoning: String,
}

/// A pattern. See [`Agent`](super::Agent) for one that is whole.
#[derive(Clone)]
pub struct PatternDefinition {
    pub(super) name: String,
    pub(super) window: PatternWindow,
    trigger: Option<Arc<Trigger>>,
    instructions: String,
    question: Option<Arc<Question>>,
    rules: Option<Arc<Rules>>,
    suggest: Option<Arc<Suggest>>,
}

impl fmt::Debug for PatternDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternDefinition")
            .field("name", &self.name)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl PatternDefinition {
    /// The pattern `name`, over thirty days.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            window: PatternWindow::default(),
            trigger: None,
            instructions: String::new(),
            question: None,
            rules: None,
            suggest: None,
        }
    }

    /// What it looks at.
    #[must_use]
    pub fn window(mut self, window: PatternWindow) -> Self {
        self.window = window;
        self
    }

    /// Fewer events than these are no pattern.
    #[must_use]
    pub const fn min_events(mut self, events: usize) -> Self {
        self.window.min_events = events;
        self
    }

    /// The cheap question that comes first: whether the events are worth an analysis.
    #[must_use]
    pub fn trigger(
        mut self,
        trigger: impl Fn(&[AgentEvent]) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.trigger = Some(Arc::new(trigger));
        self
    }

    /// What a model is told about its task, and how it is asked about a situation.
    #[must_use]
    pub fn analyze(
        mut self,
        instructions: impl Into<String>,
        question: impl Fn(&Situation<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        self.instructions = instructions.into();
        self.question = Some(Arc::new(question));
        self
    }

    /// What rules conclude where no model is asked; from number and closeness of the events when
    /// nothing is said.
    #[must_use]
    pub fn rules(
        mut self,
        rules: impl Fn(&Situation<'_>) -> Judgement + Send + Sync + 'static,
    ) -> Self {
        self.rules = Some(Arc::new(rules));
        self
    }

    /// The command that follows from a conclusion, if any does.
    #[must_use]
    pub fn suggests(
        mut self,
        suggest: impl Fn(&Situation<'_>, &Analysis) -> Option<Suggestion> + Send + Sync + 'static,
    ) -> Self {
        self.suggest = Some(Arc::new(suggest));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Refuses what can find nothing.
    ///
    /// # Errors
    /// [`AgentConfigError::PatternNameRequired`], [`AgentConfigError::TriggerRequired`], and what is
    /// wrong with its window.
    pub fn check(&self, agent: &str) -> Result<(), AgentConfigError> {
        if self.name.trim().is_empty() {
            return Err(AgentConfigError::PatternNameRequired(agent.to_owned()));
        }
        if self.trigger.is_none() {
            return Err(AgentConfigError::TriggerRequired(self.name.clone()));
        }
        self.window.check(&self.name)
    }

    /// Whether these events are worth an analysis.
    pub fn is_triggered_by(&self, events: &[AgentEvent]) -> bool {
        super::window::has_minimum_events(events, &self.window)
            && self.trigger.as_ref().is_some_and(|trigger| trigger(events))
    }

    pub(super) fn asks(&self) -> bool {
        self.question.is_some()
    }

    /// What a model is asked.
    pub(super) fn messages(&self, situation: &Situation<'_>) -> Vec<LlmMessage> {
        let question = self.question.as_ref().map_or_else(String::new, |ask| ask(situation));
        let told = format!(
            "{}\nAnswer with JSON: confidence (0 to 1), reasoning (one or two sentences) and \
             suggestedAction (a command's name, or `none`).",
            self.instructions
        );
        vec![LlmMessage::new(LlmRole::System, told), LlmMessage::new(LlmRole::User, question)]
    }

    /// What rules conclude.
    pub(super) fn judge(&self, situation: &Situation<'_>, method: AnalysisMethod) -> Analysis {
        let judged = match &self.rules {
            Some(rules) => rules(situation),
            None => Judgement {
                confidence: rule_based_confidence(situation.events, &self.window),
                reasoning: format!(
                    "{} events of `{}` within {}",
                    situation.events.len(),
                    situation.event.event_type,
                    self.window.duration
                ),
            },
        };
        Analysis {
            analysis_method: method,
            confidence: judged.confidence.clamp(0.0, 1.0),
            reasoning: judged.reasoning,
            suggested_action: None,
            llm_context: None,
        }
    }

    pub(super) fn suggestion(
        &self,
        situation: &Situation<'_>,
        analysis: &Analysis,
    ) -> Option<Suggestion> {
        self.suggest.as_ref()?(situation, analysis)
    }
}

/// Why a command may not leave an agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmissionError {
    /// Nobody could say why.
    #[error("a command needs a reason")]
    ReasonRequired,
    /// Nobody could say how sure.
    #[error("a command needs a confidence from 0 to 1")]
    ConfidenceRequired,
    /// Nobody could say upon what.
    #[error("a command names the events that led to it")]
    EventsRequired,
    /// It has no name.
    #[error("`{0}` is no name of a command")]
    InvalidCommandType(String),
}

impl EmissionError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ReasonRequired => "REASON_REQUIRED",
            Self::ConfidenceRequired => "CONFIDENCE_REQUIRED",
            Self::EventsRequired => "EVENTS_REQUIRED",
            Self::InvalidCommandType(_) => "INVALID_COMMAND_TYPE",
        }
    }
}

/// Refuses a command that could not be explained.
///
/// # Errors
/// What is missing.
pub fn check_emission(
    suggestion: &Suggestion,
    analysis: &Analysis,
    event_ids: &[String],
) -> Result<(), EmissionError> {
    let name = &suggestion.command_type;
    let is_name = |name: &str| {
        name.len() <= 128
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if !is_name(name) {
        return Err(EmissionError::InvalidCommandType(name.clone()));
    }
    if analysis.reasoning.trim().is_empty() {
        return Err(EmissionError::ReasonRequired);
    }
    if !(0.0..=1.0).contains(&analysis.confidence) {
        return Err(EmissionError::ConfidenceRequired);
    }
    if event_ids.is_empty() {
        return Err(EmissionError::EventsRequired);
    }
    Ok(())
}
