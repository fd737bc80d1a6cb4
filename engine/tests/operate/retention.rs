//! Retention: closed runs go when their time has come, open ones stay.

use std::time::Duration;

use everstep_engine::{ListFilter, NamespaceSettings, Payload, Selector, StartRequest};

use crate::support::{Fixture, json};

fn ids(fixture: &Fixture) -> Vec<String> {
    let filter = ListFilter { namespace: "short".into(), ..ListFilter::default() };
    let page = fixture.engine().list(&filter, 1_000, None).unwrap();
    page.workflows.into_iter().map(|run| run.workflow_id).collect()
}

/// Asks until the namespace lists these runs: a counter moves before its batch is durable.
fn until_listed(fixture: &Fixture, expected: &[&str]) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while ids(fixture) != expected {
        assert!(std::time::Instant::now() < deadline, "{:?}", ids(fixture));
        std::thread::yield_now();
    }
}

#[test]
fn closed_runs_go_and_open_ones_stay() {
    let mut fixture = Fixture::new();
    let settings = NamespaceSettings { retention_ms: Some(60_000), ..Default::default() };
    fixture.wait(fixture.engine().create_namespace("short", settings)).unwrap();
    let start = |fixture: &Fixture, id: String, kind: &str, input: Payload| {
        let request = StartRequest {
            namespace: "short".into(),
            workflow_id: Some(id.clone()),
            idempotency_key: Some(id),
            ..StartRequest::new(kind, input)
        };
        let started = fixture.wait(fixture.engine().start(request)).unwrap();
        Selector { namespace: "short".into(), ..Selector::newest(started.workflow_id) }
    };
    start(&fixture, "open".into(), "sum", Payload::null());
    // More than one slice of them.
    for number in 0..300 {
        let selector = start(&fixture, format!("old-{number}"), "chain", json("1"));
        fixture.result(&selector);
    }
    let kept = fixture.start("chain", json("1"));
    fixture.result(&Selector::newest(kept.workflow_id.clone()));
    fixture.advance(Duration::from_secs(50));
    assert_eq!(ids(&fixture).len(), 301);
    fixture.restart();
    let young = start(&fixture, "young".into(), "chain", json("1"));
    fixture.result(&young);
    fixture.advance(Duration::from_secs(20));
    fixture.until_counted(|stats| stats.runs_expired == 300);
    until_listed(&fixture, &["young", "open"]);
    // Other namespaces keep theirs, and keys go with their runs.
    assert!(fixture.engine().describe(&Selector::newest(kept.workflow_id)).is_ok());
    // Keys are swept after the runs; until then one answers as it did before.
    let freed = (0..1_000).any(|_| {
        fixture.advance(Duration::from_secs(1));
        let again = start(&fixture, "old-7".into(), "chain", json("1"));
        fixture.engine().describe(&again).is_ok()
    });
    assert!(freed, "the key was free again");
}
