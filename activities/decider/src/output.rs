//! What a decider answers.

use std::borrow::Cow;
use std::fmt;

use everstep_fsm::TransitionRefused;

use crate::{Context, Decider, Detail};

/// One of three outcomes.
pub enum Output<D: Decider + ?Sized> {
    /// It happened.
    Success {
        /// What happened, in order.
        events: Vec<D::Event>,
        /// The state after it.
        state: D::State,
    },
    /// It may not happen: a rule says so. There is no event.
    Rejected(Rejection),
    /// It should have been possible and was not. The event, if there is one, is kept as audit.
    Failed(Failed<D::Event>),
}

/// Which rule says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Stable, to decide by: `INSUFFICIENT_STOCK`.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
    /// What the rule looked at.
    pub context: Context,
}

/// What was unexpected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed<E> {
    /// For people.
    pub message: String,
    /// What was there when it happened.
    pub context: Context,
    /// Tells of the failure in the entity's stream.
    pub event: Option<E>,
}

impl<D: Decider + ?Sized> Output<D> {
    /// It happened: the state after it is what the events make of the one before.
    pub fn success(before: &D::State, events: Vec<D::Event>) -> Self {
        let state = events.iter().fold(before.clone(), D::evolve);
        Self::Success { events, state }
    }

    /// A rule says no.
    pub const fn rejected(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }

    /// Something unexpected, told by an event of its own.
    pub const fn failed(failed: Failed<D::Event>) -> Self {
        Self::Failed(failed)
    }

    /// Whether it happened.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Success { .. })
    }

    /// Whether a rule said no.
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }

    /// Whether something unexpected happened.
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// The events of a success; none otherwise.
    pub fn events(&self) -> &[D::Event] {
        match self {
            Self::Success { events, .. } => events,
            Self::Rejected(_) | Self::Failed(_) => &[],
        }
    }

    /// The rule that said no.
    pub const fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Success { .. } | Self::Failed(_) => None,
        }
    }
}

impl<D: Decider + ?Sized> fmt::Debug for Output<D>
where
    D::Event: fmt::Debug,
    D::State: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success { events, state } => {
                f.debug_struct("Success").field("events", events).field("state", state).finish()
            }
            Self::Rejected(rejection) => f.debug_tuple("Rejected").field(rejection).finish(),
            Self::Failed(failed) => f.debug_tuple("Failed").field(failed).finish(),
        }
    }
}

impl<D: Decider + ?Sized> PartialEq for Output<D>
where
    D::Event: PartialEq,
    D::State: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Success { events, state },
                Self::Success { events: other_events, state: other_state },
            ) => events == other_events && state == other_state,
            (Self::Rejected(rejection), Self::Rejected(other)) => rejection == other,
            (Self::Failed(failed), Self::Failed(other)) => failed == other,
            _ => false,
        }
    }
}

impl<D: Decider + ?Sized> From<Rejection> for Output<D> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl Rejection {
    /// A rule with a stable code.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), context: Context::new() }
    }

    /// With a detail more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, detail: impl Into<Detail>) -> Self {
        self.context.insert(name.into(), detail.into());
        self
    }

    /// The machine does not allow it; from, to and what is allowed stand in the context.
    pub fn transition(code: impl Into<Cow<'static, str>>, refused: &TransitionRefused) -> Self {
        Self::new(code, refused.to_string())
            .with("from", refused.from)
            .with("to", refused.to)
            .with("allowed", refused.allowed.clone())
    }
}

impl<E> Failed<E> {
    /// What was unexpected.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), context: Context::new(), event: None }
    }

    /// With a detail more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, detail: impl Into<Detail>) -> Self {
        self.context.insert(name.into(), detail.into());
        self
    }

    /// With an event that tells of it.
    #[must_use]
    pub fn event(mut self, event: E) -> Self {
        self.event = Some(event);
        self
    }
}
