//! What can be done to an open run: each form says what will follow and is its own confirmation.

use everstep_engine::RunDescription;
use maud::{Markup, html};

use super::operations;
use crate::ui::region::version;
use crate::ui::{update_form, url};

/// Where a form about the run goes.
pub(super) fn address(run: &RunDescription, action: &str) -> String {
    format!("{}/{action}?run_id={}", url::workflow(&run.workflow_id), run.run_id)
}

/// The forms.
pub(super) fn forms(run: &RunDescription, event: Option<u64>) -> Markup {
    let awaited = |kind: &str| -> Vec<&str> {
        let items = run.awaiting.iter().filter(|item| item.kind == kind);
        items.map(|item| item.name.as_str()).collect()
    };
    let (signals, updates) = (awaited("signal"), awaited("update"));
    let waiting = run.pending_activities.iter().filter(|one| one.state == "backing_off");
    let retries: Vec<&str> = waiting.map(|one| one.activity_id.as_str()).collect();
    let shown = (&signals, &updates, run.cancel_requested, run.status);
    let shown = (shown, retries, run.task_failure.is_some(), event);
    let address = |action: &str| address(run, action);
    html! {
        div.actions #actions data-hold data-v=(version(&shown)) {
            details.action #action-signal name="action" {
                summary.button { "Signal" }
                form method="post" action=(address("signal")) data-live {
                    h2 { "Send a signal" }
                    label.field {
                        span { "Name" }
                        input type="text" name="name" required maxlength="512" list="signals"
                            autocomplete="off" spellcheck="false"
                            value=(signals.first().copied().unwrap_or(""));
                    }
                    datalist #signals { @for name in &signals { option value=(name) {} } }
                    label.field {
                        span { "Payload (JSON; empty is null)" }
                        textarea name="payload" rows="5" spellcheck="false" placeholder="{\"approved\": true}" {}
                    }
                    p { "The signal is recorded at once. The run takes it when its code waits for it." }
                    (buttons(&html! { button.button.primary type="submit" { "Send signal" } }))
                }
            }
            (update_form::draw(&address("update"), &updates))
            (operations::retrying(run))
            (operations::pausing(run))
            (operations::resetting(run, event))
            details.action #action-cancel name="action" {
                summary.button { "Cancel" }
                form method="post" action=(address("cancel")) data-live {
                    h2 { "Ask the run to cancel?" }
                    p {
                        "Its code is told, running activities are asked to stop, and clean-up runs to its end. "
                        "The run may take its time."
                    }
                    @if run.cancel_requested { p { strong { "It was asked already." } } }
                    (buttons(&html! { button.button.primary type="submit" { "Request cancellation" } }))
                }
            }
            details.action #action-terminate name="action" {
                summary.button.danger { "Terminate" }
                form method="post" action=(address("terminate")) data-live {
                    h2 { "Terminate the run for good?" }
                    p {
                        "It ends at once: no clean-up and no compensation runs, and it cannot be resumed. "
                        "Work that its activities have already done stays done."
                    }
                    label.field {
                        span { "Reason, kept in the history" }
                        input type="text" name="reason" required maxlength="500" autocomplete="off";
                    }
                    (buttons(&html! { button.button.danger.primary type="submit" { "Terminate the run" } }))
                }
            }
        }
    }
}

pub(crate) fn buttons(submit: &Markup) -> Markup {
    html! {
        div.row {
            button.button type="button" data-close { "Back" }
            (submit)
        }
    }
}
