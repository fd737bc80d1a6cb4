//! Typed by the constants that the workflow itself is registered with.

use everstep::RunStatus;
use everstep::client::ClientError;

use crate::support::{ABOVE, ADD, FINISH, GREET, SUM, TAKE, TOTAL, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn results_signals_and_queries_have_their_types() {
    let server = TestServer::start().await;
    let client = &server.client;
    let greeting = client.workflow(GREET, &"Ada".to_owned()).unwrap().start().await.unwrap();
    let greeting: String = greeting.result().await.unwrap();
    assert_eq!(greeting, "Hello, Ada");

    let sum = client.workflow(SUM, &()).unwrap().id("sum").start().await.unwrap();
    sum.signal(ADD, &20).await.unwrap();
    client.handle(SUM, "sum").signal(ADD, &22).await.unwrap();
    let so_far: i64 = sum.query(TOTAL, &()).await.unwrap();
    assert_eq!(so_far, 42);
    let left: i64 = sum.update(TAKE, &2).await.unwrap();
    assert_eq!(left, 40);
    let refused = sum.update(TAKE, &41).await.unwrap_err();
    assert_eq!(refused.code(), "update_rejected");
    assert!(sum.query(ABOVE, &39).await.unwrap() && !sum.query(ABOVE, &40).await.unwrap());
    sum.signal(ADD, &2).await.unwrap();
    sum.signal(FINISH, &everstep::Payload::null()).await.unwrap();
    assert_eq!(sum.result().await.unwrap(), 42);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_result_says_how_it_ended() {
    let server = TestServer::start().await;
    let sum = server.client.workflow(SUM, &()).unwrap().start().await.unwrap();
    sum.terminate("enough").await.unwrap();
    let error = sum.result().await.unwrap_err();
    let ClientError::NotCompleted { status, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*status, RunStatus::Terminated);
    server.stop().await;
}
