//! A state as glyph, word and colour: never by colour alone. The same signs as the inspector's.

use super::screen::{Colour, Screen};
use crate::{RunDescription, RunStatus, RunSummary};

/// How a state looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) glyph: &'static str,
    pub(super) word: &'static str,
    pub(super) colour: Colour,
}

const fn look(glyph: &'static str, word: &'static str, colour: Colour) -> Look {
    Look { glyph, word, colour }
}

pub(super) const RUNNING: Look = look("▶", "running", Colour::Running);
pub(super) const COMPLETED: Look = look("✓", "completed", Colour::Completed);
pub(super) const FAILED: Look = look("✕", "failed", Colour::Failed);
pub(super) const RETRYING: Look = look("↻", "retrying", Colour::Retrying);
pub(super) const WAITING: Look = look("⏸", "waiting", Colour::Waiting);
pub(super) const CANCELLED: Look = look("⊘", "cancelled", Colour::Muted);
pub(super) const NOTED: Look = look("·", "", Colour::Muted);
const STUCK: Look = look("✕", "stuck", Colour::Failed);

impl Look {
    pub(super) const fn of_status(status: RunStatus) -> Self {
        match status {
            RunStatus::Running => RUNNING,
            RunStatus::Completed => COMPLETED,
            RunStatus::Failed => FAILED,
            RunStatus::Cancelled => CANCELLED,
            RunStatus::Terminated => look("⊘", "terminated", Colour::Failed),
            RunStatus::TimedOut => look("⏱", "timed out", Colour::Failed),
            RunStatus::ContinuedAsNew => look("→", "continued as new", Colour::Muted),
            RunStatus::Paused => look("⏸", "paused", Colour::Waiting),
        }
    }

    pub(super) const fn of_summary(run: &RunSummary) -> Self {
        if run.stuck && !run.status.is_closed() { STUCK } else { Self::of_status(run.status) }
    }

    pub(super) fn of_run(run: &RunDescription) -> Self {
        let open = matches!(run.status, RunStatus::Running);
        if open && run.task_failure.is_some() {
            STUCK
        } else if open && run.pending_activities.iter().any(|one| one.last_failure.is_some()) {
            RETRYING
        } else if open && run.pending_activities.is_empty() && !run.awaiting.is_empty() {
            WAITING
        } else {
            Self::of_status(run.status)
        }
    }

    pub(super) fn paint(self, screen: Screen) -> String {
        screen.paint(self.colour, &format!("{} {}", self.glyph, self.word))
    }
}
