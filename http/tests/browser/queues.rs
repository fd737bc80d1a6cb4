//! Task queues: what waits, and the switch that holds it back.

use everstep::RunStatus;

use crate::browse;

#[test]
fn a_queue_is_paused_and_resumed_and_a_run_says_what_holds_it() {
    browse(async |site, page| {
        page.go("/ui/queues").await;
        page.until_text("tr[data-queue=mail]", "2 at once").await;
        page.click("tr[data-queue=mail] button").await;
        page.until_text("tr[data-queue=mail]", "paused, 2 at once").await;
        site.start("post", "held-1", "\"ada\"").await;
        page.go("/ui/workflows/held-1").await;
        page.until_text("main", "task queue mail holds back: the queue is paused").await;
        page.click("nav a[href='/ui/queues']").await;
        page.until_text("tr[data-queue=mail] td.num", "1").await;
        page.click("tr[data-queue=mail] button").await;
        assert_eq!(site.result("held-1").await.status, RunStatus::Completed);
    });
}
