//! One act on all runs that a filter names: from the list over the confirmation to the progress.

use crate::browse;
use crate::site::Site;

async fn orders(site: &Site) {
    for n in 0..5 {
        let customer = if n < 3 { "ada" } else { "grace" };
        let input = r#"{"id":"1","amount":100,"items":[]}"#;
        site.start_for("approval", &format!("order-{n}"), input, customer).await;
    }
}

#[test]
fn everything_that_matches_is_terminated_after_a_confirmation_that_names_the_count() {
    browse(async |site, page| {
        orders(site).await;
        page.go("/ui/workflows?attr.customer=ada").await;
        page.click("#select-all").await;
        page.until_text("#matching", "attr.customer=ada").await;
        page.until_text("#matching", "3 runs that are open").await;
        page.until_text("#batch-terminate [type=submit]", "Terminate 3 runs").await;
        page.keys("#batch-terminate [name=reason]", "wrong prices").await;
        page.click("#batch-terminate [type=submit]").await;
        page.until_text("#batch", "Terminate attr.customer=ada").await;
        page.until_text("#batch", "Completed").await;
        page.until_text("#batch-progress", "3 of 3").await;
        assert!(page.path().await.starts_with("/ui/batches/"));
        assert_eq!(site.result("order-0").await.failure.unwrap().message, "wrong prices");

        // The list of runs shows what came of it, and not the batch itself.
        page.go("/ui/workflows").await;
        page.until("document.querySelectorAll('#list tbody tr').length === 5").await;
        page.until_text("#chips", "Terminated 3").await;
        page.go("/ui/batches").await;
        page.until_text("#batches", "attr.customer=ada").await;
        page.until_text("#batches", "3 of 3").await;
    });
}

#[test]
fn a_batch_whose_runs_refuse_says_which() {
    browse(async |site, page| {
        orders(site).await;
        page.go("/ui/workflows?id_prefix=order-4").await;
        page.click("#select-all").await;
        page.js("document.querySelector('#batch-reset [name=to_event_id]').value = 99").await;
        page.keys("#batch-reset [name=reason]", "a try").await;
        page.click("#batch-reset [type=submit]").await;
        page.until_text("#batch-failures", "event 99 does not exist").await;
        page.click("#batch-failures a.row-link").await;
        page.until_text("#run-head", "order-4").await;
        // Nothing matches: there is nothing to press.
        page.go("/ui/batches").await;
        page.until_text("#batches", "Reset").await;
    });
}
