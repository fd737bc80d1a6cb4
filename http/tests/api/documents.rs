//! The documents that are made from the code or describe it are equal to it.

use std::collections::BTreeSet;

use expect_test::expect_file;
use serde_json::json;

use crate::support::TestServer;

#[test]
fn errors() {
    expect_file!["../../../docs/errors.md"].assert_eq(&everstep::api::error_code::book());
}

#[tokio::test]
async fn metrics() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "echo"})).await;
    let text = server.get("/metrics").await.text();
    let served: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    let document = include_str!("../../../docs/metrics.md");
    let described: BTreeSet<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split(['`', '{']).next())
        .collect();
    assert_eq!(described, served);
}
