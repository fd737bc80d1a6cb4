//! How a run, an activity or a timer stands: always a glyph, a word and a colour together.

use everstep_engine::RunStatus;
use maud::{Markup, html};

use super::icons;

/// A state as it is shown. More of them than statuses: an open run may be retrying or stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Tone {
    Running,
    Waiting,
    Retrying,
    Stuck,
    Completed,
    Failed,
    Cancelled,
    Terminated,
    TimedOut,
    Continued,
    Paused,
}

impl Tone {
    /// Every tone.
    pub(super) const ALL: [Self; 11] = [
        Self::Running,
        Self::Waiting,
        Self::Retrying,
        Self::Stuck,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Terminated,
        Self::TimedOut,
        Self::Continued,
        Self::Paused,
    ];

    /// The name that styles and scripts know.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::TimedOut => "timed-out",
            Self::Continued => "continued",
            Self::Paused => "paused",
        }
    }

    /// The word for people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Waiting => "Waiting",
            Self::Retrying => "Retrying",
            Self::Stuck => "Stuck",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Terminated => "Terminated",
            Self::TimedOut => "Timed out",
            Self::Continued => "Continued",
            Self::Paused => "Paused",
        }
    }

    /// The class that sets the colour.
    pub(super) fn class(self) -> String {
        format!("tone-{}", self.name())
    }

    /// Glyph and word.
    pub(super) fn pill(self) -> Markup {
        html! { span class={ "pill " (self.class()) } { (icons::glyph(self)) (self.word()) } }
    }
}

impl From<RunStatus> for Tone {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Running => Self::Running,
            RunStatus::Completed => Self::Completed,
            RunStatus::Failed => Self::Failed,
            RunStatus::Cancelled => Self::Cancelled,
            RunStatus::Terminated => Self::Terminated,
            RunStatus::TimedOut => Self::TimedOut,
            RunStatus::ContinuedAsNew => Self::Continued,
            RunStatus::Paused => Self::Paused,
        }
    }
}
