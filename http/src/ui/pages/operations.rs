//! The operator's forms on a run's page; each says what will follow and is its own confirmation.

use everstep_engine::{RunDescription, RunStatus};
use maud::{Markup, html};

use super::run_actions::{address, buttons};

/// Pause, or resume when it is paused.
pub(super) fn pausing(run: &RunDescription) -> Markup {
    html! {
        @if run.status == RunStatus::Paused {
            details.action #action-resume name="action" {
                summary.button { "Resume" }
                form method="post" action=(address(run, "resume")) data-live {
                    h2 { "Let the run go on?" }
                    p {
                        "Its code sees the signals and timers that came meanwhile, in their order, "
                        "and attempts that became due start at once."
                    }
                    (buttons(&html! { button.button.primary type="submit" { "Resume the run" } }))
                }
            }
        } @else {
            details.action #action-pause name="action" {
                summary.button { "Pause" }
                form method="post" action=(address(run, "pause")) data-live {
                    h2 { "Pause the run?" }
                    p {
                        "Activities that run may finish; nothing more is started. Timers and signals "
                        "are recorded, and acted on when it is resumed."
                    }
                    label.field {
                        span { "Reason, kept in the history" }
                        input type="text" name="reason" maxlength="500" autocomplete="off";
                    }
                    (buttons(&html! { button.button.primary type="submit" { "Pause the run" } }))
                }
            }
        }
    }
}
