//! Rows of an older shape: how far they are taken along, beside the contexts that they are of.

use crate::site::Site;
use crate::{browse_as, travel, wire};

const LINE: &str = "tr[data-migration='travel/visits-by-city']";

async fn call(site: &Site, function: &str, input: &str) {
    let path = format!("/api/v1/contexts/travel/functions/{function}");
    let json = [("content-type", "application/json")];
    let answer = wire::send(site.address, "POST", &path, &json, input).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_migration_is_watched_and_one_click_away_from_its_workflow() {
    browse_as(travel::first, async |site, page| {
        call(site, "keep", r#"[0, 200, "Oslo"]"#).await;
        call(site, "keep", r#"[200, 210, "Utopia"]"#).await;
        call(site, "draw", r#""Oslo""#).await;
        page.go("/ui/contexts").await;
        page.until_text("#contexts", "travel").await;
        page.until("document.querySelector('#migrations').textContent.trim() === ''").await;

        site.stop().await;
        site.restart_as(travel::second).await;
        // The page finds out by itself that there is another build.
        page.until_text(LINE, "Retrying").await;
        page.until_text(LINE, "0200: no Utopia on the map").await;
        let cells = "return Array.from(document.querySelectorAll('tr[data-migration] > *'), \
                     (cell) => cell.textContent)";
        let cells = page.js(cells).await;
        assert_eq!(cells[0], "visits-by-city");
        assert_eq!((&cells[1], &cells[2]), (&"travel".into(), &"visits".into()));
        assert_eq!((&cells[4], &cells[6]), (&"200".into(), &"–".into()));
        assert_ne!(cells[5], "–");

        page.click(&format!("{LINE} a")).await;
        page.until_text("#verdict", "everstep.migrate_rows").await;
        call(site, "draw", r#""Utopia""#).await;
        page.until_text("#verdict", "Completed after").await;
        page.back().await;
        page.until_text(LINE, "Completed").await;
        page.until_text(&format!("{LINE} td.num"), "210").await;
        page.until(&format!("!document.querySelector({LINE:?}).textContent.includes('Utopia')"))
            .await;
        let errors = page.console_errors().await;
        assert!(errors.iter().all(|error| error.contains("net::ERR_")), "{errors:#?}");
    });
}

#[test]
fn a_migration_that_has_failed_says_why_and_goes_on_when_its_workflow_is_reset() {
    browse_as(travel::first, async |site, page| {
        call(site, "keep", r#"[0, 3, "Atlantis"]"#).await;
        site.stop().await;
        site.restart_as(travel::second).await;
        page.go("/ui/contexts").await;
        page.until_text(LINE, "Failed").await;
        page.until_text(LINE, "0000: no Atlantis on the map").await;
        page.js("window.mark = 1").await;

        // The page is kept up to date while somebody looks.
        call(site, "draw", r#""Atlantis""#).await;
        let reset = "/api/v1/workflows/everstep.migration%3Atravel%2Fvisits-by-city/reset";
        let json = [("content-type", "application/json")];
        let body = r#"{"to_event_id": 1, "reason": "it is on the map"}"#;
        let answer = wire::send(site.address, "POST", reset, &json, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        page.until_text(LINE, "Completed").await;
        page.until_text(&format!("{LINE} td.num"), "3").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
    });
}
