//! Logging in: a page asks for the token, goes to where one wanted to be, and says who is there.

use everstep::Role;
use everstep::access::{Token, TokenEntry, Tokens};

use crate::browse_with;

#[test]
fn people_log_in_see_who_they_are_and_log_out() {
    let token = Token::random();
    let entry = TokenEntry {
        name: "ada".to_owned(),
        role: Role::Viewer.to_string(),
        namespaces: None,
        sha256: token.hash().to_string(),
    };
    let document = serde_json::json!({ "tokens": [entry] }).to_string();
    browse_with(Some(Tokens::parse(&document).unwrap()), async |site, page| {
        site.start("approval", "order-1", r#"{"id":"1","amount":100,"items":[]}"#).await;
        page.visit("/ui/workflows/order-1").await;
        page.keys("[name=token]", token.text()).await;
        page.click("[type=submit]").await;
        page.until_text("#run-head", "order-1").await;
        page.until("document.querySelector('#live').dataset.state === 'live'").await;
        page.until_text("#who", "ada · viewer").await;
        page.click("#action-cancel summary").await;
        page.click("#action-cancel [type=submit]").await;
        page.until_text(".toast[role=alert]", "App role required").await;
        let errors = page.console_errors().await;
        assert!(errors.iter().all(|error| error.contains("403")), "{errors:?}");
        page.click("#who [type=submit]").await;
        page.until("document.querySelector('[name=token]') !== null").await;
        page.visit("/ui/workflows").await;
        page.until("document.querySelector('[name=token]') !== null").await;
    });
}
