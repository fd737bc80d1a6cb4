//! The forms without scripts, and who may send them: plain requests over a socket.

use everstep::RunStatus;

use crate::site::Site;
use crate::wire::{Answer, send};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn serve(test: impl AsyncFnOnce(&mut Site)) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut site = Site::open().await;
        test(&mut site).await;
        site.close().await;
    });
}

async fn post(site: &Site, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send(site.address, "POST", path, &[&[FORM], headers].concat(), body).await
}

#[test]
fn a_form_without_scripts_redirects_and_says_what_happened() {
    serve(async |site| {
        site.start("approval", "plain-1", r#"{"id":"1","amount":1}"#).await;
        let path = "/ui/workflows/plain-1/signal";
        let refused = post(site, path, &[], "name=approved&payload=%7B").await;
        assert_eq!(refused.status, 303);
        let page = follow(site, &refused).await;
        assert!(
            page.contains("role=\"alert\"") && page.contains("the payload is not JSON"),
            "{page}"
        );

        let sent = post(site, path, &[], "name=approved&payload=%7B%22by%22%3A%22eve%22%7D").await;
        assert_eq!((sent.status, sent.header("location")), (303, Some("/ui/workflows/plain-1")));
        let page = follow(site, &sent).await;
        assert!(page.contains("Signal `approved` sent"), "{page}");
        assert_eq!(site.result("plain-1").await.status, RunStatus::Completed);

        let late =
            post(site, "/ui/workflows/plain-1/terminate", &[("x-live", "1")], "reason=x").await;
        assert_eq!(late.status, 409, "{}", late.body);
        assert!(late.body.contains("\"kind\":\"error\""), "{}", late.body);
    });
}

async fn follow(site: &Site, answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let location = answer.header("location").unwrap();
    let page = send(site.address, "GET", location, &[("cookie", &cookie)], "").await;
    assert_eq!(page.status, 200);
    let spent = page.header("set-cookie").unwrap();
    assert!(spent.contains("Max-Age=0"), "{spent}");
    page.body
}

#[test]
fn other_sites_may_not_act() {
    serve(async |site| {
        site.start("approval", "guarded-1", r#"{"id":"1","amount":1}"#).await;
        let path = "/ui/workflows/guarded-1/terminate";
        for foreign in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")] {
            let answer = post(site, path, &[foreign], "reason=x").await;
            assert_eq!(answer.status, 403, "{foreign:?}: {}", answer.body);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        }
        let page = send(site.address, "GET", "/ui/workflows/guarded-1", &[], "").await;
        assert!(page.body.contains("id=\"action-terminate\""), "still open: {}", page.body);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="));
    });
}

#[test]
fn odd_addresses_are_answered_by_pages() {
    serve(async |site| {
        for (path, status) in [
            ("/ui/workflows/nobody", 404),
            ("/ui/workflows/nobody?run_id=x", 400),
            ("/ui/workflows?page_token=x", 400),
            ("/ui/workflows?status=odd", 200),
            ("/ui/nothing", 404),
            ("/ui/live?topics=odd", 400),
            ("/ui/workflows/nobody/spans", 404),
            ("/ui/workflows/nobody/payload?event=1", 404),
            ("/ui/a/old/app.js", 200),
            ("/ui/a/old/none.js", 404),
            ("/favicon.ico", 200),
        ] {
            let answer = send(site.address, "GET", path, &[], "").await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            assert!(answer.header("content-security-policy").is_some(), "{path}");
        }
    });
}
