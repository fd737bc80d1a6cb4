//! The shop's own page in a real browser against the shop as a real process. Needs Chromium and its
//! driver; without them every test fails and says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "../../../../http/tests/browser/driver.rs"]
mod driver;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "../../../../http/tests/browser/page.rs"]
mod page;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "../selling/mod.rs"]
mod selling;
mod site;
#[path = "../../../conformance/tests/support/mod.rs"]
mod support;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "../../../../http/tests/browser/wire.rs"]
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde_json::json;

use page::Page;
use site::Site;

/// Runs a test with a shop and a browser of its own, and closes both whatever happens.
fn browse(test: impl AsyncFnOnce(&mut Site, &Page)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut site = runtime.block_on(Site::open());
    let page = runtime.block_on(Page::open(&site));
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(&mut site, &page))));
    if outcome.is_err() {
        runtime.block_on(page.tell_what_it_shows());
    }
    runtime.block_on(page.close());
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

const STATUS: &str = "#orders tr[data-key='o-1'] .status";

#[test]
fn orders_their_detail_and_the_shelf_change_without_a_reload() {
    browse(async |site, page| {
        let api = site.api();
        selling::open(&api, &[("abacus", 5), ("drum-memory", 5)]).await;
        page.go("/shop").await;
        page.js("window.mark = 1; window.asked = performance.getEntriesByType('resource').length")
            .await;
        page.until_text("#stock tr[data-key='abacus'] .available", "5").await;

        let new = json!({ "orderId": "o-1", "customerId": "ada", "city": "Oslo" });
        selling::send(&api, "CreateOrder", new).await.expect(200);
        page.until_text(STATUS, "draft").await;
        page.click("#orders tr[data-key='o-1'] button").await;
        page.until_text("#detail-title", "o-1").await;
        page.until_text("#detail-body", "OrderCreated").await;
        let item = json!({
            "orderId": "o-1", "productId": "drum-memory", "quantity": 2, "unitPriceCents": 59_900,
        });
        selling::send(&api, "AddOrderItem", item).await.expect(200);
        page.until_text("#detail-body table", "drum-memory").await;
        page.until_text("#orders tr[data-key='o-1']", "1198.00").await;

        // Large enough to wait for an approval: reserved, and not confirmed yet.
        selling::send(&api, "SubmitOrder", json!({ "orderId": "o-1" })).await.expect(200);
        page.until_text(STATUS, "submitted").await;
        page.until_text("#orders tr[data-key='o-1']", "Ada King").await;
        page.until_text("#detail-body", "ReservationCreated").await;
        page.until_text("#stock tr[data-key='drum-memory'] .reserved", "2").await;
        let decision = json!({ "approved": true, "by": "grace" });
        api.signal("o-1", "decision", decision).await.expect(202);
        page.until_text(STATUS, "confirmed").await;
        page.until_text("#detail-body", "ReservationConfirmed").await;

        // A second one appears above it, and the first stays chosen.
        selling::order(&api, "o-2", "abacus", 12_900, "Oslo").await;
        page.until("document.querySelector('#orders tbody tr').dataset.key === 'o-2'").await;
        page.until_text("#stock tr[data-key='abacus'] .available", "4").await;
        page.until("document.querySelector('#orders tr.chosen').dataset.key === 'o-1'").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
        // Nothing is asked for again: one stream and one list a view, one stream for the order.
        let asked =
            page.js("return performance.getEntriesByType('resource').length - window.asked").await;
        assert!(asked.as_u64().unwrap() <= 4, "{asked} requests");
        assert_eq!(page.console_errors().await, Vec::<String>::new());
    });
}

#[test]
fn the_page_goes_on_over_a_kill() {
    browse(async |site, page| {
        selling::open(&site.api(), &[("abacus", 5)]).await;
        selling::order(&site.api(), "o-1", "abacus", 12_900, "Atlantis").await;
        page.go("/shop").await;
        site.api().result("o-1").await;
        page.until_text(STATUS, "cancelled").await;
        page.js("window.mark = 1").await;
        site.kill().await;
        page.until("document.querySelector('#live').dataset.state === 'offline'").await;
        site.start_again().await;
        page.until("document.querySelector('#live').dataset.state === 'live'").await;
        selling::order(&site.api(), "o-2", "abacus", 12_900, "Oslo").await;
        page.until_text("#orders tr[data-key='o-2'] .status", "confirmed").await;
        // What went back on the shelf is there, less the one that is held now.
        page.until_text("#stock tr[data-key='abacus'] .available", "4").await;
        page.click("#orders tr[data-key='o-1'] button").await;
        page.until_text("#detail-body", "undeliverable").await;
        page.until_text("#detail-body", "ReservationReleased").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
    });
}
