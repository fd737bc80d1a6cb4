//! The log, the commands and what the worker declares: kept up to date, and one click apart.

use crate::browse;
use crate::notes::write;

#[test]
fn the_log_shows_events_as_they_come() {
    browse(async |site, page| {
        page.go("/ui/events").await;
        page.js("window.mark = 1").await;
        page.until_text("#events", "No events").await;
        write(site, "c-1", "n-1", "hello").await;
        page.until_text("#events tbody tr", "NoteWritten").await;
        page.until_text("#events tbody tr", "notes.Note:n-1").await;
        // The newest comes first, and what was there stays in its place.
        page.js("document.querySelector('#events tbody tr').mark = 'first'").await;
        write(site, "c-2", "n-2", "again").await;
        page.until("document.querySelectorAll('#events tbody tr').length === 2").await;
        page.until("document.querySelectorAll('#events tbody tr')[1].mark === 'first'").await;
        page.until_text("#events tbody tr", "n-2").await;

        page.go("/ui/streams").await;
        write(site, "c-3", "n-3", "and again").await;
        page.until_text("#streams", "notes.Note:n-3").await;
        page.go("/ui/projections/noteTexts").await;
        write(site, "c-4", "n-4", "the last").await;
        page.until_text("#projection", "the last").await;
    });
}

#[test]
fn commands_appear_with_what_became_of_them() {
    browse(async |site, page| {
        page.go("/ui/commands").await;
        page.js("window.mark = 1").await;
        write(site, "c-1", "n-1", "hello").await;
        page.until_text("tr[data-command='c-1']", "executed").await;
        // A rejected one leaves no event, and is told all the same.
        write(site, "c-2", "n-2", "").await;
        page.until_text("tr[data-command='c-2']", "NOTE_EMPTY").await;
        site.start("noting", "by-workflow", r#"{"id":"n-3","text":"of a workflow"}"#).await;
        page.until_text("#commands", "workflow:by-workflow").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
    });
}

#[test]
fn one_click_leads_from_an_event_to_its_command_and_to_the_step_and_back() {
    browse(async |site, page| {
        write(site, "c-1", "n-1", "hello").await;
        page.go("/ui/events/1").await;
        page.until_text("#command", "c-1").await;
        page.click("#command").await;
        page.until_text("#status", "executed").await;
        page.click("#events a[href='/ui/events/1']").await;
        page.until_text("h1", "NoteWritten").await;

        // What belongs together with it comes while one looks.
        site.start("noting", "step-1", r#"{"id":"n-2","text":"of a step"}"#).await;
        site.result("step-1").await;
        page.go("/ui/events/2").await;
        page.until_text("#origin", "step-1").await;
        page.click("#command").await;
        page.until_text("#sender", "step-1").await;
        page.back().await;
        page.click("#origin").await;
        page.until("location.search.includes('event=2')").await;
        page.until_text("#run-history", "WriteNote").await;
        page.click("#log").await;
        page.until_text("#events tbody tr", "NoteWritten").await;
        page.until_text("#events tbody tr", "n-2").await;
    });
}

#[test]
fn contexts_show_their_contracts_and_come_back_after_a_restart() {
    browse(async |site, page| {
        page.go("/ui/contexts").await;
        page.until_text("#contexts", "what was written down").await;
        page.until_text("#contexts", "WriteNote").await;
        page.until_text("#contexts", "NoteWritten").await;
        site.stop().await;
        page.until("document.querySelector('#live').dataset.state === 'offline'").await;
        site.restart().await;
        page.until("document.querySelector('#live').dataset.state === 'live'").await;
        let errors = page.console_errors().await;
        assert!(errors.iter().all(|error| error.contains("net::ERR_")), "{errors:#?}");
    });
}
