//! Pages of the event log: as one document, as lines, and as records.

use everstep::RecordedPage;
use everstep::log::{EventDecoder, RECORDS};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

const LINES: [(&str, &str); 1] = [("accept", "application/x-ndjson")];
/// More than are sent at once, in either form.
const EVENTS: u64 = 450;

async fn append(server: &TestServer) {
    for stream in 0..3 {
        let event = |number: u64| {
            let group = number % 2;
            json!({
                "type": "Counted",
                "tags": [format!("group:{group}"), format!("tenant:default:group:{group}")],
                "correlation_id": "all",
                "data": {"number": number},
            })
        };
        let events: Vec<_> = (0..EVENTS / 3).map(event).collect();
        let body = json!({"events": events, "expected_version": "any"});
        let path = format!("/api/v1/streams/Counter:{stream}/events");
        // The sender's own line breaks stay in a document, and are none in a line.
        let body = body.to_string().replace("{\"number\":", "{\r\n\"number\":\n");
        server.post(&path, body).await.json(200);
    }
}

async fn lines(server: &TestServer, path: &str) -> Reply {
    server.send(Method::GET, path, &LINES, "").await
}

async fn records(server: &TestServer, path: &str) -> Reply {
    server.send(Method::GET, path, &[("accept", RECORDS)], "").await
}

/// What lines or records say, and headers beside them, in the shape of a document.
fn document(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.headers["vary"], "accept");
    let events = match reply.headers["content-type"].to_str().unwrap() {
        "application/x-ndjson" => {
            reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
        RECORDS => {
            let mut decoder = EventDecoder::default();
            let events = decoder.feed(&reply.body).unwrap();
            decoder.end().unwrap();
            let page = RecordedPage { events, last_position: 0, next_page_token: None };
            let page: Value = serde_json::from_slice(&page.json().unwrap()).unwrap();
            page["events"].as_array().unwrap().clone()
        }
        other => panic!("{other}"),
    };
    let said = |name: &str| reply.headers.get(name).map(|value| value.to_str().unwrap());
    let last: u64 = said("everstep-last-position").unwrap().parse().unwrap();
    let mut document = json!({"events": Value::Array(events), "last_position": last});
    if let Some(token) = said("everstep-next-page-token") {
        document["next_page_token"] = token.into();
    }
    document
}

#[tokio::test]
async fn lines_and_records_say_what_the_document_says() {
    let server = TestServer::start().await;
    append(&server).await;
    for query in [
        "",
        "?page_size=1000",
        "?page_size=32",
        "?page_size=64&page_token=33",
        "?tags=group:1&page_size=1000",
        "?tags=group:1&page_size=20&direction=backwards",
        "?tags=group:9",
        "?after=450",
        "?correlation_id=all&page_size=1000",
        "?correlation_id=all&page_size=10",
    ] {
        let path = format!("/api/v1/events{query}");
        let page = server.get(&path).await.json(200);
        assert_eq!(document(&lines(&server, &path).await), page, "{query}");
        assert_eq!(document(&records(&server, &path).await), page, "{query}");
    }
    let scope = "/api/v1/scopes/tenant:default:group:1/events?page_size=500";
    let page = server.get(scope).await.json(200);
    assert_eq!(page["events"].as_array().unwrap().len() as u64, EVENTS / 2);
    assert_eq!(document(&lines(&server, scope).await), page);
    assert_eq!(document(&records(&server, scope).await), page);
    let stream = "/api/v1/streams/Counter:1/events?page_size=40";
    let page = server.get(stream).await.json(200);
    assert_eq!(page["next_page_token"], "41");
    assert_eq!(document(&lines(&server, stream).await), page);
    assert_eq!(document(&records(&server, stream).await), page);
    let query = json!({"items": [{"tags": ["group:0"]}]}).to_string();
    let headers = [LINES[0], ("content-type", "application/json")];
    let path = "/api/v1/events/query?page_size=500";
    let asked = server.send(Method::POST, path, &headers, query.clone()).await;
    let page = server.post(path, query.clone()).await.json(200);
    assert_eq!(document(&asked), page);
    let headers = [("accept", RECORDS), ("content-type", "application/json")];
    assert_eq!(document(&server.send(Method::POST, path, &headers, query).await), page);
    assert_eq!(document(&asked)["events"].as_array().unwrap().len() as u64, EVENTS / 2);
}

#[tokio::test]
async fn a_page_is_read_to_its_end_token_by_token() {
    let server = TestServer::start().await;
    append(&server).await;
    let (mut seen, mut path) = (Vec::new(), "/api/v1/events?page_size=40".to_owned());
    loop {
        let page = document(&lines(&server, &path).await);
        let events = page["events"].as_array().unwrap();
        seen.extend(events.iter().map(|event| event["position"].as_u64().unwrap()));
        let Some(token) = page["next_page_token"].as_str() else { break };
        path = format!("/api/v1/events?page_size=40&page_token={token}");
    }
    assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>());
}

#[tokio::test]
async fn refusals_are_problems_whatever_was_asked_for() {
    let server = TestServer::start().await;
    lines(&server, "/api/v1/events?direction=up").await.problem(400, "invalid_request");
    lines(&server, "/api/v1/events?namespace=none").await.problem(404, "namespace_not_found");
}
