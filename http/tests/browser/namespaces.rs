//! Namespaces: one is made, shown, filled and deleted; nothing of it is seen from another.

use everstep::{Payload, Selector, StartRequest};

use crate::browse;

#[test]
fn a_namespace_is_made_shown_and_shares_nothing() {
    browse(async |site, page| {
        site.start("approval", "order-1", r#"{"id":"1","amount":100,"items":[]}"#).await;
        page.go("/ui/workflows").await;
        page.until_text("#list", "order-1").await;
        page.click("nav a[href='/ui/namespaces']").await;
        page.click("#action-create summary").await;
        page.keys("#action-create [name=name]", "team-b").await;
        page.keys("#action-create [name=description]", "another team").await;
        page.keys("#action-create [name=retention]", "30d").await;
        page.click("#action-create [type=submit]").await;
        page.until_text(".toast[role=status]", "Namespace team-b created").await;
        page.until_text("[data-namespace=team-b]", "30 d").await;
        page.click("[data-namespace=team-b] [value=team-b]").await;
        page.until_text("#namespace", "team-b").await;
        page.until("!document.querySelector('#list').textContent.includes('order-1')").await;

        // The same id is another workflow here, also for the forms and the notices.
        let input = Payload::parse(r#"{"id":"1","amount":100,"items":[]}"#.to_owned()).unwrap();
        let mut request = StartRequest::new("approval".to_owned(), input);
        request.namespace = "team-b".to_owned();
        request.workflow_id = Some("order-1".to_owned());
        site.engine().start(request).await.unwrap();
        page.until_text("#list", "order-1").await;
        page.click("#list a.row-link").await;
        page.until_text("#run-head", "order-1").await;
        page.click("#action-terminate summary").await;
        page.keys("#action-terminate [name=reason]", "a try").await;
        page.click("#action-terminate [type=submit]").await;
        page.until_text("#run-head", "Terminated").await;

        page.click("nav a[href='/ui/namespaces']").await;
        page.click("[data-namespace=default] [value=default]").await;
        page.until_text("#list", "order-1").await;
        page.until("!document.querySelector('#list tbody').textContent.includes('Terminated')")
            .await;
        page.until("document.querySelector('#namespace') === null").await;
        page.click("nav a[href='/ui/namespaces']").await;
        page.click("[data-namespace=team-b] .danger").await;
        page.until_text(".toast[role=alert]", "team-b").await;
        let selector = Selector {
            namespace: "team-b".to_owned(),
            workflow_id: "order-1".to_owned(),
            run_id: None,
        };
        site.engine().delete(&selector).await.unwrap();
        page.click("[data-namespace=team-b] .danger").await;
        page.until_text(".toast[role=status]", "Namespace team-b deleted").await;
    });
}
