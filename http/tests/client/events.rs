//! Pages of events, shown and as the log has them.

use std::time::Duration;

use everstep::client::{ClientError, EventFilter};
use everstep::{AppendRequest, LogPage, LoggedEvent};
use serde_json::json;

use crate::support::TestServer;

fn counted(numbers: std::ops::Range<u64>) -> AppendRequest {
    let event = |number: u64| {
        let tag = format!("group:{}", number % 2);
        // A page is larger than what is sent at once.
        let data = json!({"number": number, "text": "día ".repeat(20)});
        json!({"type": "Counted", "tags": [tag], "data": data, "metadata": {"by": "a test"}})
    };
    let events: Vec<_> = numbers.map(event).collect();
    serde_json::from_value(json!({"events": events, "expected_version": "any"})).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shown_and_a_page_of_records_are_the_same_events() {
    let server = TestServer::start().await;
    let client = &server.client;
    for from in [0, 300] {
        client.append(Some("Counter:1"), &counted(from..from + 300), None).await.unwrap();
    }
    let of_group = EventFilter { tags: vec!["group:1".into()], ..EventFilter::default() };
    let backwards = EventFilter { backwards: true, page_size: Some(7), ..EventFilter::default() };
    let all = EventFilter { page_size: Some(1_000), ..EventFilter::default() };
    for (filter, events) in [(&of_group, 100), (&backwards, 7), (&all, 600)] {
        let shown = client.log_events(filter, Duration::ZERO).await.unwrap();
        let recorded = client.recorded_events(filter, Duration::ZERO).await.unwrap();
        assert_eq!((shown.events.len(), recorded.events.len()), (events, events));
        assert_eq!(json!(shown), json!(LogPage::try_from(&recorded).unwrap()));
        assert_eq!((shown.last_position, shown.next_page_token.is_some()), (600, events < 600));
        // One event is read as a document.
        let last = shown.events.last().unwrap();
        let alone = client.log_event(last.position).await.unwrap();
        assert_eq!(json!(alone), json!(last));
        let told = LoggedEvent::to_recorded(&alone).unwrap();
        assert_eq!(Some(&told), recorded.events.last());
    }
    let versions = EventFilter { after: Some(590), ..EventFilter::default() };
    let stream = client.stream_events("Counter:1", &versions).await.unwrap();
    let positions: Vec<_> = stream.events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (591..=600).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_no_such_namespace_is_told_so() {
    let server = TestServer::start().await;
    let elsewhere = server.client.clone().in_namespace("elsewhere");
    let read = elsewhere.recorded_events(&EventFilter::default(), Duration::ZERO).await;
    let Err(ClientError::Refused(problem)) = read else { panic!("{read:?}") };
    assert_eq!(problem.code, "namespace_not_found");
    server.stop().await;
}
