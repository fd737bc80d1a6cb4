//! Pages of events: shown, as the log has them, and in another shape than they were written in.

use std::time::Duration;

use everstep::client::{ClientError, EventFilter};
use everstep::language::{EventSchema, SchemaVersion, WorkerLanguage};
use everstep::{AppendRequest, Worker};
use serde_json::{Value, json};

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
        assert_eq!((shown.last_position, shown.next_page_token.is_some()), (600, events < 600));
        for (shown, recorded) in shown.events.iter().zip(&recorded.events) {
            // One event is read as a document.
            let alone = client.log_event(shown.position).await.unwrap();
            assert_eq!(json!(alone), json!(shown));
            assert_eq!(alone.to_recorded().as_ref(), Some(recorded));
        }
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

/// A worker whose tanks are filled by the litre, since they were by the gallon.
fn tanks() -> Worker {
    let shape = |field: &str| json!({"type": "object", "properties": {field: {"type": "integer"}}});
    let version = |major| SchemaVersion::new(major, 0, 0);
    let gallons = EventSchema::new("TankFilled", version(1), shape("gallons"));
    let litres = EventSchema::new("TankFilled", version(2), shape("litres")).map(|schema| {
        schema.upcast_from(version(1), |data| {
            let gallons = data["gallons"].as_u64().ok_or("no gallons")?;
            Ok(json!({"litres": gallons * 4, "said": "in litres, which takes more room than before"}))
        })
    });
    Worker::new().event_schema(gallons).event_schema(litres)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_come_in_the_shape_that_is_asked_for() {
    let server = TestServer::start_as(tanks(), |_| {}).await;
    let client = &server.client;
    let filled = json!([{"type": "TankFilled", "data": {"gallons": 5}, "metadata": {"by": "ann"}}]);
    let append = json!({"events": filled, "expected_version": "any"});
    let append = serde_json::from_value(append).unwrap();
    client.append(Some("Tank:1"), &append, None).await.unwrap();
    let stored = EventFilter::default();
    let latest = EventFilter { latest_schema: true, ..EventFilter::default() };
    for (filter, schema_version, gallons, litres) in
        [(&stored, 1, 5, None), (&latest, 2, 0, Some(20))]
    {
        let recorded = client.recorded_events(filter, Duration::ZERO).await.unwrap();
        let shown = client.log_events(filter, Duration::ZERO).await.unwrap();
        let stream = client.stream_events("Tank:1", filter).await.unwrap();
        let [event] = &recorded.events[..] else { panic!("{recorded:?}") };
        let data: Value = serde_json::from_slice(event.data()).unwrap();
        assert_eq!((event.schema_version(), data["litres"].as_u64()), (schema_version, litres));
        assert_eq!(data["gallons"].as_u64().unwrap_or_default(), gallons);
        assert_eq!(event.metadata(), br#"{"by":"ann"}"#);
        for page in [shown, stream] {
            let shown: Value = page.events[0].data.to().unwrap();
            assert_eq!((&shown, page.events[0].schema_version), (&data, schema_version));
            assert_eq!(page.events[0].event_id, client.log_event(1).await.unwrap().event_id);
        }
    }
    server.stop().await;
}
