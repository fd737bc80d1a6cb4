//! The stream of notices: lost with the server, found again with it.

use crate::browse;

#[test]
fn comes_back_after_a_restart_with_what_was_missed() {
    browse(async |site, page| {
        site.start("approval", "stay-1", r#"{"id":"1","amount":1}"#).await;
        page.go("/ui/workflows").await;
        page.js("window.mark = 1").await;
        site.stop().await;
        page.until("document.querySelector('#live').dataset.state === 'offline'").await;
        page.until_text("#live", "Offline").await;

        site.restart().await;
        // Missed by the stream: it is not connected yet, or just so.
        site.start("quick", "missed-1", r#"{"id":"1","amount":1}"#).await;
        page.until("document.querySelector('#live').dataset.state === 'live'").await;
        page.until_text("tbody tr", "missed-1").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
        // The browser reports each connection that was refused; nothing else.
        let errors = page.console_errors().await;
        assert!(errors.iter().all(|error| error.contains("net::ERR_")), "{errors:#?}");
    });
}

#[test]
fn pauses_when_asked() {
    browse(async |site, page| {
        page.go("/ui/workflows").await;
        page.click("#live").await;
        page.until_text("#live", "Paused").await;
        site.start("quick", "later-1", r#"{"id":"1","amount":1}"#).await;
        page.until("!document.querySelector('tbody')").await;
        page.click("#live").await;
        page.until_text("tbody tr", "later-1").await;
    });
}
