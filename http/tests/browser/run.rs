//! The page of one run: what it waits for, its history, what can be done to it.

use crate::browse;

const ORDER: &str =
    r#"{"id":"1","amount":100,"items":[{"sku":"A-7","count":2},{"sku":"B-1","count":1}]}"#;

#[test]
fn says_what_it_waits_for_and_takes_a_signal() {
    browse(async |site, page| {
        site.start("approval", "order/1 ü", ORDER).await;
        page.go("/ui/workflows/order%2F1%20%C3%BC").await;
        page.until_text("#verdict", "Waits for signal approved, or a timer that fires in").await;
        page.until_text(".verdict", "Unblocked by").await;
        page.js("window.mark = 1").await;

        page.click("#action-signal summary").await;
        page.until("document.querySelector('[name=name]').value === 'approved'").await;
        page.keys("#action-signal textarea", "{not json").await;
        page.click("#action-signal [type=submit]").await;
        page.until_text(".toast[role=alert]", "the payload is not JSON").await;
        page.until("document.querySelector('#action-signal').open").await;

        page.js("document.querySelector('#action-signal textarea').value = ''").await;
        page.keys("#action-signal textarea", r#"{"by":"eve"}"#).await;
        page.click("#action-signal [type=submit]").await;
        page.until_text(".toast[role=status]", "Signal `approved` sent").await;
        page.until_text("#verdict", "Completed after").await;
        page.until_text("#run-values", "approved by eve").await;
        page.until("!document.querySelector('#action-signal')").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
        assert_eq!(site.result("order/1 ü").await.result.unwrap().as_str(), "\"approved by eve\"");
        // The refused form is a 400 that the console reports by itself.
        let errors = page.console_errors().await;
        assert!(errors.iter().all(|error| error.contains("400")), "{errors:#?}");
    });
}

#[test]
fn asks_and_shows_the_answer() {
    browse(async |site, page| {
        site.start("till", "till-1", "100").await;
        page.go("/ui/workflows/till-1").await;
        page.until_text("#verdict", "Waits for update withdraw").await;
        page.click("#action-update summary").await;
        page.keys("#action-update textarea", "500").await;
        page.click("#action-update [type=submit]").await;
        page.until_text(".toast[role=alert]", "only 100 left").await;
        page.js("document.querySelector('#action-update textarea').value = ''").await;
        page.keys("#action-update textarea", "30").await;
        page.click("#action-update [type=submit]").await;
        page.until_text(".toast[role=status]", "Update `withdraw` answered: 70").await;
        page.until_text("table.history", "withdraw").await;
        page.until_text("table.history", "Answered").await;
        page.until_text("table.history", "book").await;
        // The refused form is a 422 that the console reports by itself.
        let errors = page.console_errors().await;
        assert!(errors.iter().all(|error| error.contains("422")), "{errors:#?}");
    });
}

#[test]
fn cancels_and_terminates_after_a_confirmation() {
    browse(async |site, page| {
        site.start("approval", "gone-1", ORDER).await;
        page.go("/ui/workflows/gone-1").await;
        page.click("#action-terminate summary").await;
        page.until_text("#action-terminate", "no clean-up and no compensation runs").await;
        // Without a reason the form is not sent.
        page.click("#action-terminate [type=submit]").await;
        page.until("document.querySelector('#action-terminate :invalid')").await;
        page.keys("#action-terminate [name=reason]", "a duplicate").await;
        page.click("#action-terminate [type=submit]").await;
        page.until_text(".toast[role=status]", "Workflow terminated").await;
        page.until_text("#verdict", "a duplicate").await;
        page.until_text("#run-head .pill", "Terminated").await;

        site.start("approval", "cancel-1", ORDER).await;
        page.go("/ui/workflows/cancel-1").await;
        page.click("#action-cancel summary").await;
        page.press("\u{e00c}").await;
        page.until("!document.querySelector('#action-cancel').open").await;
        page.click("#action-cancel summary").await;
        page.click("#action-cancel [type=submit]").await;
        page.until_text(".toast[role=status]", "Cancellation requested").await;
        page.until_text("#run-head .pill", "Cancelled").await;
    });
}

#[test]
fn shows_the_error_now_and_counts_down_to_the_next_attempt() {
    browse(async |site, page| {
        site.start("retrying", "retry-1", ORDER).await;
        page.go("/ui/workflows/retry-1").await;
        page.until_text("#verdict", "Waits for activity charge_card, attempt 2 of 7 in").await;
        page.until_text(".verdict .error", "card_declined the bank said no").await;
        page.until_text("#run-head .pill", "Retrying").await;
        // The countdown moves without the server.
        page.js("window.before = document.querySelector('.countdown').textContent").await;
        page.until("document.querySelector('.countdown').textContent !== window.before").await;
    });
}

#[test]
fn a_stuck_run_is_an_alert_with_its_place() {
    browse(async |site, page| {
        site.start("broken", "broken-1", "null").await;
        page.go("/ui/workflows/broken-1").await;
        page.until_text(".verdict[role=alert]", "the workflow's code panicked").await;
        page.until_text(".verdict", "the order has no lines").await;
        page.until_text(".verdict", "worker.rs:").await;
        page.go("/ui/workflows").await;
        page.until_text("tbody tr", "Stuck").await;
    });
}

#[test]
fn folds_attempts_and_opens_payloads() {
    browse(async |site, page| {
        site.start("declined", "history-1", ORDER).await;
        site.result("history-1").await;
        page.go("/ui/workflows/history-1").await;
        page.until_text("#verdict", "Failed after").await;
        page.until("document.querySelectorAll('.history tbody tr').length === 4").await;
        page.until_text(".history tbody tr:nth-child(3)", "5 attempts").await;
        page.click(".history tbody tr:nth-child(3) .row-link").await;
        page.until("document.querySelectorAll('#detail .events > li').length === 11").await;
        page.until_text("#detail", "No further attempt").await;
        assert!(page.path().await.contains("event="), "{}", page.path().await);
        page.click(".chip[data-key=only-Failed]").await;
        page.until("document.querySelectorAll('.history tbody tr').length === 2").await;
        page.back().await;
        page.until("document.querySelectorAll('.history tbody tr').length === 4").await;
        page.press("\u{e00c}").await;
        page.until("!document.querySelector('#detail')").await;

        // The start's payload, level by level; an open one stays open when the page is patched.
        page.click(".history tbody tr:nth-child(1) .row-link").await;
        page.until_text("#detail .json", "\"A-7\"").await;
        page.click("#detail .json details details > summary").await;
        page.until("!document.querySelector('#detail .json details details').open").await;
        page.js("window.shown = document.querySelector('#detail .json')").await;
        page.click(".chip[data-key=only-Failed]").await;
        page.until("document.querySelectorAll('.history tbody tr').length === 2").await;
        page.until(
            "window.shown.isConnected && !window.shown.querySelector('details details').open",
        )
        .await;
    });
}

#[test]
fn says_how_large_a_value_is_and_where_it_can_be_had() {
    browse(async |site, page| {
        let note = "n".repeat(50_000);
        let order = format!(r#"{{"id":"1","amount":100,"items":[],"note":"{note}"}}"#);
        site.start("approval", "heavy-1", &order).await;
        page.go("/ui/workflows/heavy-1").await;
        page.until_text("#run-values", "‹object, 50.0 kB›").await;
        page.until_text(".history tbody tr", "‹object, 50.0 kB›").await;
        page.click("#run-values .payload-foot a").await;
        page.until(&format!("document.body.textContent.length >= {}", order.len())).await;
    });
}

#[test]
fn pages_through_a_long_history() {
    browse(async |site, page| {
        site.start("fan_out", "long-1", "1000").await;
        site.result("long-1").await;
        page.go("/ui/workflows/long-1").await;
        page.until("document.querySelectorAll('.history tbody tr').length === 200").await;
        page.click("#run-history a[rel=next]").await;
        page.until("Number(document.querySelector('.history tbody td').textContent) > 200").await;
        page.click("#run-history [data-key=order]").await;
        page.until_text(".history tbody tr:first-child", "Workflow completed").await;
    });
}
