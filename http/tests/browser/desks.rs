//! Pages on which somebody looks after what is delivered, waited for and limited.

use std::time::Duration;

use everstep::intent::{Intent, WorkerIntents};
use everstep::log::{Append, Expected, NewEvent, StreamId};
use everstep::publication::{PublicationTarget, WorkerPublications};
use everstep::rate_limit::{DurableLimiter, RateLimit, RateLimiter, WorkerLimits};
use everstep::{ActivityError, DEFAULT_NAMESPACE, Worker};

use crate::browse;
use crate::site::Site;

const KNOCKS: DurableLimiter =
    DurableLimiter::new("knocks", RateLimit::fixed_window(2, Duration::from_secs(3_600)));
const CHECKOUT: Intent = Intent::new("CheckoutBegun").completed_by(&["CheckoutDone"]);

pub(crate) fn register(worker: Worker) -> Worker {
    let target = |name| PublicationTarget::new(name).events(["Announced"]);
    worker
        .intent(CHECKOUT)
        .limit(KNOCKS)
        .publish_to(target("mailing"), |_, _| Ok(()))
        .publish_to(target("analytics"), |_, _| {
            Err(ActivityError::new("target_down", "analytics is down"))
        })
}

async fn append(site: &Site, event_type: &str, data: &str) {
    let events = vec![NewEvent::new(event_type, data.to_owned())];
    let append = Append::to(StreamId::new("Desk", "d"), Expected::Any, events);
    site.engine().append(DEFAULT_NAMESPACE, append).await.unwrap();
}

#[test]
fn publications_are_told_apart_by_how_far_they_are() {
    browse(async |site, page| {
        page.go("/ui/publications").await;
        page.until_text("main", "Worker::publish_to").await;
        append(site, "Announced", "{}").await;
        page.until_text("tr[data-publication='1/mailing']", "delivered").await;
        page.until_text("tr[data-publication='1/analytics']", "analytics is down").await;
        page.click("nav[aria-label=Status] a[data-key=delivered]").await;
        page.until("document.querySelectorAll('tr[data-publication]').length === 1").await;
        assert_eq!(page.path().await, "/ui/publications?status=delivered");
        page.click("tr[data-publication='1/mailing'] a").await;
        page.until_text("main", "Announced").await;
    });
}

#[test]
fn what_was_begun_is_seen_until_it_ends() {
    browse(async |site, page| {
        page.go("/ui/publications").await;
        page.click("nav[aria-label=Part] a[href='/ui/intents']").await;
        page.until_text("main", "whatever was begun has ended").await;
        append(site, "CheckoutBegun", r#"{"intentKey": "cart-7"}"#).await;
        page.until_text("tr[data-intent='cart-7']", "CheckoutBegun").await;
        append(site, "CheckoutDone", r#"{"intentKey": "cart-7"}"#).await;
        page.until_text("main", "whatever was begun has ended").await;
    });
}

#[test]
fn what_was_used_up_is_shown_and_forgiven() {
    browse(async |site, page| {
        let knock = || {
            let take = |tx: &mut everstep::TransactionContext<'_>| KNOCKS.take(tx, "ada", 1);
            site.engine().transact(DEFAULT_NAMESPACE, take)
        };
        assert!(knock().await.unwrap().allowed && knock().await.unwrap().allowed);
        assert!(!knock().await.unwrap().allowed);
        page.go("/ui/circuits").await;
        page.until_text("tr[data-limit=knocks]", "2 in 1 h").await;
        page.until_text("tr[data-meter=ada]", "2 / 2").await;
        page.click("tr[data-meter=ada] button").await;
        page.until_text("body", "ada is forgiven").await;
        page.until("!document.querySelector('tr[data-meter=ada]')").await;
        assert!(knock().await.unwrap().allowed);
    });
}
