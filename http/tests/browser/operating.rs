//! What an operator does on a run's page: pause and resume, try again now, go back, delete.

use crate::browse;

const ORDER: &str = r#"{"id":"1","amount":100,"items":[]}"#;

#[test]
fn pauses_a_run_that_keeps_what_comes_and_goes_on_when_it_is_resumed() {
    browse(async |site, page| {
        site.start("approval", "held-1", ORDER).await;
        page.go("/ui/workflows/held-1").await;
        page.until_text("#verdict", "Waits for signal approved").await;
        page.click("#action-pause summary").await;
        page.until_text("#action-pause", "Timers and signals are recorded").await;
        page.keys("#action-pause [name=reason]", "a look at it").await;
        page.click("#action-pause [type=submit]").await;
        page.until_text(".toast[role=status]", "Workflow paused").await;
        page.until_text("#run-head .pill", "Paused").await;
        page.until_text("table.history", "a look at it").await;
        site.signal("held-1", "approved", r#"{"by":"eve"}"#).await;
        page.until_text("table.history", "approved").await;
        page.until_text("#run-head .pill", "Paused").await;

        page.click("#action-resume summary").await;
        page.click("#action-resume [type=submit]").await;
        page.until_text(".toast[role=status]", "Workflow resumed").await;
        page.until_text("#verdict", "Completed after").await;
        page.until_text("#run-values", "approved by eve").await;
    });
}

#[test]
fn tries_an_activity_and_stuck_code_again_now() {
    browse(async |site, page| {
        site.start("retrying", "again-1", ORDER).await;
        page.go("/ui/workflows/again-1").await;
        page.until_text("#verdict", "Waits for activity charge_card, attempt 2 of 7 in").await;
        for next in [3, 4] {
            page.click("form[data-key^='retry-'] button").await;
            page.until_text(".toast[role=status]", "The next attempt is started").await;
            page.until_text("#verdict", &format!("attempt {next} of 7 in")).await;
        }
        page.until_text("table.history", "3 attempts").await;

        site.start("broken", "again-2", "null").await;
        page.go("/ui/workflows/again-2").await;
        page.until_text(".verdict[role=alert]", "the workflow's code panicked").await;
        page.click("form[data-key=retry-task] button").await;
        page.until_text(".toast[role=status]", "Its code is tried again").await;
        page.until_text(".verdict[role=alert]", "the workflow's code panicked").await;
    });
}

#[test]
fn goes_back_to_an_event_with_another_input_and_deletes_what_is_closed() {
    browse(async |site, page| {
        site.start("quick", "back-1", ORDER).await;
        site.result("back-1").await;
        page.go("/ui/workflows/back-1").await;
        page.until_text("#verdict", "Completed after").await;
        page.click("#action-reset summary").await;
        // The event that closes the run cannot be taken over.
        page.until("document.querySelector('#action-reset [name=to_event_id]').max === '4'").await;
        page.js("document.querySelector('#action-reset [name=to_event_id]').value = 1").await;
        page.keys("#action-reset [name=reason]", "another amount").await;
        page.keys("#action-reset [name=input]", r#"{"id":"1","amount":7}"#).await;
        page.click("#action-reset [type=submit]").await;
        page.until_text(".toast[role=status]", "Reset: goes on as run").await;
        let result = site.result("back-1").await.result.unwrap();
        assert!(result.as_str().contains("\"amount\":7"), "{result}");

        page.go("/ui/workflows/back-1").await;
        page.until_text("table.history", "another amount").await;
        page.until_text("#run-values", "7").await;
        page.click("#action-delete summary").await;
        page.until_text("#action-delete", "This cannot be undone").await;
        page.click("#action-delete [type=submit]").await;
        page.until_text(".toast[role=status]", "Run deleted").await;
    });
}

#[test]
fn says_which_version_and_which_patches_a_run_stays_with() {
    browse(async |site, page| {
        site.start("tax", "tax-1", "100").await;
        site.result("tax-1").await;
        page.go("/ui/workflows/tax-1").await;
        page.until_text("#run-head", "Version2026-05").await;
        page.until_text("#run-head", "Patchesrounding").await;
        page.until_text("table.history", "rounding").await;
    });
}
