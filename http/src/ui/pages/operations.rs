//! The operator's forms on a run's page; each says what will follow and is its own confirmation.

use crate::ui::region::version;
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

/// Go back to an event; `event` is the one that is chosen in the history.
pub(super) fn resetting(run: &RunDescription, event: Option<u64>) -> Markup {
    let last = run.history_length - u64::from(run.status.is_closed());
    let chosen = event.unwrap_or(1).clamp(1, last.max(1));
    html! {
        details.action #action-reset name="action" {
            summary.button { "Reset" }
            form method="post" action=(address(run, "reset")) data-live {
                h2 { "Go back to an event?" }
                p {
                    "A new run of the same id takes over the history up to the event and goes on from "
                    "there with today's code. What activities did after it is done again."
                    @if !run.status.is_closed() { " This run is terminated." }
                }
                label.field {
                    span { "Last event that is taken over (1 to " (last) ")" }
                    input type="number" name="to_event_id" min="1" max=(last) required value=(chosen);
                }
                label.field {
                    span { "Reason, kept in the history" }
                    input type="text" name="reason" required maxlength="500" autocomplete="off";
                }
                label.field {
                    span { "Another input (JSON; empty keeps it)" }
                    textarea name="input" rows="3" spellcheck="false" {}
                }
                label.row {
                    input type="checkbox" name="reapply_signals" value="true" checked;
                    span { "Receive later signals again" }
                }
                (buttons(&html! { button.button.primary type="submit" { "Reset the run" } }))
            }
        }
    }
}

/// What can be done to a closed run.
pub(super) fn of_closed(run: &RunDescription, event: Option<u64>) -> Markup {
    html! {
        div.actions #closed-actions data-hold data-v=(version(&(run.run_id, event))) {
            (resetting(run, event))
            details.action #action-delete name="action" {
                summary.button.danger { "Delete" }
                form method="post" action=(address(run, "delete")) data-live {
                    h2 { "Delete the run for good?" }
                    p {
                        "Its history, result and everything else that is stored of it are gone at once. "
                        "This cannot be undone."
                    }
                    (buttons(&html! { button.button.danger.primary type="submit" { "Delete the run" } }))
                }
            }
        }
    }
}

/// Try now what waits for its next try.
pub(super) fn retrying(run: &RunDescription) -> Markup {
    let waiting = run.pending_activities.iter().filter(|one| one.state == "backing_off");
    let stuck = run.task_failure.is_some();
    html! {
        @if run.status == RunStatus::Running {
            @for activity in waiting.take(3) {
                form.inline method="post" data-live data-key={ "retry-" (activity.activity_id) }
                    action=(address(run, &format!("activities/{}/retry", activity.activity_id))) {
                    button.button type="submit" { "Retry " (activity.activity_type) " now" }
                }
            }
            @if stuck {
                form.inline method="post" action=(address(run, "task/retry")) data-live
                    data-key="retry-task" {
                    button.button type="submit" { "Retry now" }
                }
            }
        }
    }
}
