//! The client and the command line against a real server over a real store.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command_line;
mod events;
mod migrations;
mod support;
#[path = "../travel/mod.rs"]
mod travel;
mod typed;
mod verbs;

use std::time::Duration;

use everstep::client::{ClientError, Event};
use everstep::{IdReuse, ListFilter, Payload, RunStatus, Selector, SignalInput, StartRequest};
use support::TestServer;

const MINUTE: Duration = Duration::from_secs(60);

fn json(text: &str) -> Payload {
    Payload::parse(text.to_owned()).unwrap()
}

fn start(workflow_type: &str, id: &str, input: &str) -> StartRequest {
    let workflow_id = Some(id.to_owned());
    StartRequest { workflow_id, ..StartRequest::new(workflow_type, json(input)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_waits_and_reads_back() {
    let server = TestServer::start().await;
    let client = &server.client;
    let id = "order/7?ü&x=%20";
    let answer = client.start_and_wait(&start("greet", id, "\"Ada\""), MINUTE).await.unwrap();
    assert!(answer.started);
    assert_eq!(answer.status, Some(RunStatus::Completed));
    assert_eq!(answer.result.unwrap().as_str(), "\"Hello, Ada\"");

    let selector = Selector::newest(id);
    let run = client.describe(&selector).await.unwrap();
    assert_eq!((run.workflow_id.as_str(), run.workflow_type.as_str()), (id, "greet"));
    let result = client.result(&selector, Duration::ZERO).await.unwrap();
    assert_eq!(result.result.unwrap().as_str(), "\"Hello, Ada\"");

    let events = client.whole_history(&selector).await.unwrap();
    let ids: Vec<u64> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids, (1..=run.history_length).collect::<Vec<_>>());
    assert!(events.last().is_some_and(Event::is_last), "{events:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_servers_own_document() {
    let server = TestServer::start().await;
    let client = &server.client;
    let refused = client.start(&start("unheard_of", "a", "null")).await.unwrap_err();
    let ClientError::Refused(problem) = &refused else { panic!("{refused:?}") };
    assert_eq!((problem.status, problem.code.as_str()), (422, "unknown_workflow_type"));
    assert!(refused.to_string().contains("unheard_of"), "{refused}");

    let missing = client.describe(&Selector::newest("nobody")).await.unwrap_err();
    assert_eq!(missing.code(), "workflow_not_found");

    client.start_and_wait(&start("greet", "a", "\"Ada\""), MINUTE).await.unwrap();
    let again = client.start(&start("greet", "a", "\"Ada\"")).await.unwrap_err();
    assert_eq!(again.code(), "workflow_already_exists");
    let reuse = IdReuse::AllowIfClosed;
    let request = StartRequest { id_reuse: reuse, ..start("greet", "a", "\"Ada\"") };
    assert!(client.start(&request).await.unwrap().started);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_a_repeat_harmless() {
    let server = TestServer::start().await;
    let client = &server.client;
    let request = StartRequest {
        idempotency_key: Some("key-1".to_owned()),
        ..StartRequest::new("greet", json("\"Ada\""))
    };
    let first = client.start(&request).await.unwrap();
    let second = client.start(&request).await.unwrap();
    assert_eq!(first.run_id, second.run_id);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_queries_cancel_and_terminate() {
    let server = TestServer::start().await;
    let client = &server.client;
    let selector = Selector::newest("sum");
    client.start(&start("sum", "sum", "null")).await.unwrap();
    for number in ["1", "2"] {
        let signal = SignalInput { name: "add".to_owned(), payload: json(number) };
        client.signal(&selector, &signal, Some(format!("key-{number}"))).await.unwrap();
        client.signal(&selector, &signal, Some(format!("key-{number}"))).await.unwrap();
    }
    // The answer to a signal stands for its commit, and what the workflow published is in it.
    let sum = client.query(&selector, "sum", &Payload::null()).await.unwrap();
    assert_eq!(sum.as_str(), "3");
    client.cancel(&selector).await.unwrap();
    let result = client.result(&selector, MINUTE).await.unwrap();
    assert_eq!(result.status, RunStatus::Cancelled);

    let selector = Selector::newest("other");
    client.start(&start("sum", "other", "null")).await.unwrap();
    client.terminate(&selector, "enough").await.unwrap();
    let result = client.result(&selector, MINUTE).await.unwrap();
    assert_eq!(result.status, RunStatus::Terminated);
    let closed = client.cancel(&selector).await.unwrap_err();
    assert_eq!(closed.code(), "workflow_closed");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_page_by_page() {
    let server = TestServer::start().await;
    let client = &server.client;
    for number in 0..7 {
        client.start(&start("sum", &format!("run-{number}"), "null")).await.unwrap();
    }
    let filter = ListFilter {
        status: Some(RunStatus::Running),
        id_prefix: Some("run-".to_owned()),
        ..ListFilter::default()
    };
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let page = client.list(&filter, Some(3), token.as_deref()).await.unwrap();
        found.extend(page.workflows.into_iter().map(|run| run.workflow_id));
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
    }
    let newest_first: Vec<String> = (0..7).rev().map(|number| format!("run-{number}")).collect();
    assert_eq!(found, newest_first);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_live_and_resume() {
    let server = TestServer::start().await;
    let client = &server.client;
    let selector = Selector::newest("live");
    client.start(&start("sum", "live", "null")).await.unwrap();
    let mut stream = client.events(&selector, 0).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!((first.event_id, first.event_type.as_str()), (1, "workflow_started"));
    let signal = SignalInput { name: "add".to_owned(), payload: json("5") };
    client.signal(&selector, &signal, None).await.unwrap();
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!((second.event_id, second.event_type.as_str()), (2, "signal_received"));
    drop(stream);
    client.terminate(&selector, "").await.unwrap();
    let mut stream = client.events(&selector, 2).await.unwrap();
    let third = stream.next().await.unwrap().unwrap();
    assert_eq!((third.event_id, third.is_last()), (3, true));

    let followed = client.history(&selector, 3, None, MINUTE).await.unwrap();
    assert_eq!(followed.events, [third]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_is_said_with_its_address() {
    let server = TestServer::start().await;
    let client = server.client.clone();
    let url = client.url().to_owned();
    server.stop().await;
    let error = client.describe(&Selector::newest("a")).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
    for wrong in ["127.0.0.1:3837", "https://localhost", "http://", "http://a/?b", "ftp://a"] {
        let error = everstep::client::Client::new(wrong).unwrap_err();
        assert_eq!(error.code(), "bad_address", "{wrong}");
    }
}
