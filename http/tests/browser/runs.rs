//! The list: what it shows, how it filters, how it stays current.

use crate::browse;
use crate::site::Site;

const ORDER: &str = r#"{"id":"1","amount":100}"#;

async fn some(site: &Site) {
    for (kind, id, customer) in [
        ("quick", "alpha-1", "ada"),
        ("quick", "alpha-2", "bob"),
        ("approval", "beta-1", "ada"),
        ("declined", "gamma-1", "bob"),
    ] {
        site.start_for(kind, id, ORDER, customer).await;
    }
    for id in ["alpha-1", "alpha-2", "gamma-1"] {
        site.result(id).await;
    }
}

const IDS: &str =
    "[...document.querySelectorAll('tbody .row-link')].map(a => a.textContent).join()";

fn ids(expected: &str) -> String {
    format!("{IDS} === {expected:?}")
}

#[test]
fn shows_runs_and_new_ones_without_a_reload() {
    browse(async |site, page| {
        some(site).await;
        page.go("/").await;
        assert_eq!(page.path().await, "/ui/workflows");
        page.until(&ids("gamma-1,beta-1,alpha-2,alpha-1")).await;
        page.until_text("tbody tr:nth-child(1)", "card_declined: the bank said no").await;
        page.until_text("tbody tr:nth-child(2)", "signal approved, or a timer that fires in").await;
        page.until_text(".chip[data-key=completed]", "2").await;
        page.js("window.mark = 1").await;

        site.start("approval", "delta-1", ORDER).await;
        page.until(&ids("delta-1,gamma-1,beta-1,alpha-2,alpha-1")).await;
        page.until_text("tbody tr:nth-child(1)", "Waiting").await;

        site.signal("delta-1", "approved", r#"{"by":"eve"}"#).await;
        page.until_text("tbody tr:nth-child(1)", "Completed").await;
        page.until_text(".chip[data-key=completed]", "3").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");
    });
}

#[test]
fn filters_live_in_the_address() {
    browse(async |site, page| {
        some(site).await;
        page.go("/ui/workflows").await;
        let entries = page.js("return history.length").await;

        page.keys("[name=id_prefix]", "alp").await;
        page.until(&ids("alpha-2,alpha-1")).await;
        assert_eq!(page.path().await, "/ui/workflows?id_prefix=alp");
        assert_eq!(page.js("return history.length").await, entries, "typing adds no entry");

        page.click(".chip[data-key=failed]").await;
        page.until("document.querySelector('.empty')").await;
        assert_eq!(page.path().await, "/ui/workflows?status=failed&id_prefix=alp");
        page.back().await;
        page.until(&ids("alpha-2,alpha-1")).await;

        page.click("tbody tr:nth-child(2) .row-link").await;
        page.until_text("h1", "alpha-1").await;
        page.click(".crumbs a").await;
        page.until(&ids("alpha-2,alpha-1")).await;
        assert_eq!(page.path().await, "/ui/workflows?id_prefix=alp", "the filter came back");
        page.until("document.querySelector('[name=id_prefix]').value === 'alp'").await;

        page.go("/ui/workflows?attr.customer=bob&type=quick").await;
        page.until(&ids("alpha-2")).await;
        page.click("a[aria-label='Remove customer']").await;
        page.until(&ids("alpha-2,alpha-1")).await;
        assert_eq!(page.path().await, "/ui/workflows?type=quick");
        page.keys("[name=attr]", "customer=ada\u{e007}").await;
        page.until(&ids("alpha-1")).await;
        assert_eq!(page.path().await, "/ui/workflows?type=quick&attr.customer=ada");

        page.keys("[name=attr]", "customer^=a\u{e007}").await;
        page.until_text(".token[data-key='attr_prefix.customer']", "customer begins with a").await;
        page.go("/ui/workflows").await;
        page.click("[data-key=sort-closed_at]").await;
        page.until(&ids("gamma-1,alpha-2,alpha-1")).await;
        assert_eq!(page.path().await, "/ui/workflows?sort=-closed_at");
        page.click("[data-key=sort-closed_at]").await;
        page.until(&ids("alpha-1,alpha-2,gamma-1")).await;
        page.click("[data-key=sort-started_at]").await;
        page.until(&ids("gamma-1,beta-1,alpha-2,alpha-1")).await;
        assert_eq!(page.path().await, "/ui/workflows");

        page.go("/ui/workflows?started_after=soon").await;
        page.until_text("#filters .problem", "is no time").await;
        page.until(&ids("gamma-1,beta-1,alpha-2,alpha-1")).await;
    });
}

#[test]
fn a_patch_keeps_focus_typing_and_rows() {
    browse(async |site, page| {
        some(site).await;
        page.go("/ui/workflows").await;
        page.press("jj").await;
        page.until("document.activeElement.textContent === 'beta-1'").await;
        page.js("window.row = document.activeElement").await;
        site.start("quick", "new-1", ORDER).await;
        page.until("document.querySelector('tbody .row-link').textContent === 'new-1'").await;
        page.until("document.activeElement === window.row && window.row.isConnected").await;

        page.press("/").await;
        page.until("document.activeElement.name === 'id_prefix'").await;
        site.start("quick", "new-2", ORDER).await;
        page.until("document.querySelector('tbody .row-link').textContent === 'new-2'").await;
        page.press("new").await;
        page.until(&ids("new-2,new-1")).await;
        site.start("quick", "new-3", ORDER).await;
        page.until(&ids("new-3,new-2,new-1")).await;
        page.until("document.activeElement.value === 'new'").await;

        // Letters typed into a field are letters; Escape leaves it, Enter opens the row.
        page.press("\u{e00c}").await;
        page.press("j").await;
        page.press("\u{e007}").await;
        page.until_text("h1", "new-3").await;
        page.press("?").await;
        page.until("document.querySelector('dialog').open").await;
    });
}

#[test]
fn pages_follow_one_another() {
    browse(async |site, page| {
        for number in 0..60 {
            site.start("quick", &format!("many-{number:02}"), ORDER).await;
        }
        page.go("/ui/workflows").await;
        page.until("document.querySelectorAll('tbody tr').length === 50").await;
        page.click("a[rel=next]").await;
        page.until("document.querySelectorAll('tbody tr').length === 10").await;
        page.until_text("tbody tr:last-child", "many-00").await;
        page.click(".pager [data-key=first]").await;
        page.until_text("tbody tr:first-child", "many-59").await;
    });
}
