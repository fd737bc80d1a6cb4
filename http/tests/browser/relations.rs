//! Runs that have to do with each other: parents, children, chains.

use crate::browse;

#[test]
fn links_parents_and_children_both_ways() {
    browse(async |site, page| {
        site.start("family", "cart-1", "null").await;
        page.go("/ui/workflows/cart-1").await;
        page.until_text("#verdict", "child workflow cart-1-order").await;
        page.until_text("#run-head .facts", "cart-1-order").await;
        page.until_text("#run-history", "cart-1-order").await;
        page.until("document.querySelector('.timeline').dataset.loaded === '2'").await;

        page.click("#run-head .facts a[href$='cart-1-order']").await;
        page.until_text("#run-head .facts", "Parent").await;
        page.until_text("#verdict", "Waits for signal approved").await;
        site.signal("cart-1-order", "approved", r#"{"by":"ada"}"#).await;
        page.until_text("#verdict", "Completed after").await;

        page.click("#run-head .facts a[href$='cart-1']").await;
        page.until_text("#verdict", "Completed after").await;
        page.until_text("#run-history", "approved by ada").await;

        page.go("/ui/workflows?parent=cart-1").await;
        page.until_text("#list", "cart-1-order").await;
        page.until_text("#filters", "children of cart-1").await;
        let rows = page.js("return document.querySelectorAll('#list tbody tr').length").await;
        assert_eq!(rows, 1);
    });
}

#[test]
fn walks_along_a_chain() {
    browse(async |site, page| {
        site.start("chained", "chain-1", "2").await;
        page.go("/ui/workflows/chain-1").await;
        page.until_text("#run-head .chain", "run 3").await;
        page.click("#run-head .chain a[href*=run_id]").await;
        page.until_text("#run-head .chain", "run 1").await;
        page.until_text("#run-history", "Continued as new").await;
        page.until_text("#verdict", "Continued").await;
        page.click("#run-head .chain a[href*=run_id]").await;
        page.until_text("#run-head .chain", "run 2").await;
    });
}
