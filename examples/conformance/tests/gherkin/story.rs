//! What a server is told that should hold something of everything, and what it is asked after that.

/// What fills the store: a request of each kind.
pub(crate) const WRITES: &[(&str, &str)] = &[
    (
        "/api/v1/workflows?wait_ms=30000",
        r#"{"type": "chain", "id": "chain", "input": {"steps": 5}, "memo": {"by": "ada"}}"#,
    ),
    (
        "/api/v1/workflows?wait_ms=30000",
        r#"{"type": "flaky", "id": "flaky", "input": {"failures": 2, "max_attempts": 2, "initial_interval_ms": 1}}"#,
    ),
    (
        "/api/v1/workflows?wait_ms=30000",
        r#"{"type": "parent", "id": "parent", "input": {"children": [{"type": "echo", "input": 1, "id": "child"}]}}"#,
    ),
    (
        "/api/v1/workflows?wait_ms=30000",
        r#"{"type": "ledger", "id": "ledger", "input": {"account": "ann", "amounts": [40, 2]}}"#,
    ),
    ("/api/v1/workflows", r#"{"type": "accumulate", "id": "sum", "input": {}}"#),
    ("/api/v1/workflows/sum/signals/add", "7"),
    ("/api/v1/workflows/sum/signals/add", "35"),
    (
        "/api/v1/streams/Tap%3A1/events",
        r#"{"expected_version": 0, "scopes": {"tenant:default:house:1": 0}, "events": [
            {"type": "Opened", "data": {"by": "ada"}, "tags": ["tenant:default:house:1", "room:bath"],
             "correlation_id": "c", "schema_version": 2, "idempotency_key": "k"}]}"#,
    ),
    (
        "/api/v1/commands/OpenAccount",
        r#"{"command_id": "open", "payload": {"id": "a", "owner": "ada"}}"#,
    ),
    ("/api/v1/commands/Deposit", r#"{"command_id": "pay", "payload": {"id": "a", "cents": 5}}"#),
    (
        "/api/v1/commands/Withdraw",
        r#"{"command_id": "too-much", "payload": {"id": "a", "cents": 6}}"#,
    ),
    ("/api/v1/reservations", r#"{"type": "email", "value": "ada@example.com", "ttl_ms": 300000}"#),
    (
        "/api/v1/schedules",
        r#"{"id": "nightly", "spec": {"cron": ["0 3 * * *"]}, "action": {"type": "echo", "input": 1}, "paused": true}"#,
    ),
];

/// What is read of it: nothing that changes with the time of day.
pub(crate) const READS: &[&str] = &[
    "/api/v1/workflows/chain",
    "/api/v1/workflows/chain/history",
    "/api/v1/workflows/flaky/result",
    "/api/v1/workflows/flaky/history",
    "/api/v1/workflows/parent/history",
    "/api/v1/workflows/child/history",
    "/api/v1/workflows/sum",
    "/api/v1/workflows/sum/history",
    "/api/v1/workflows?status=completed",
    "/api/v1/events",
    "/api/v1/streams/Tap%3A1/events",
    "/api/v1/scopes/tenant%3Adefault%3Ahouse%3A1",
    "/api/v1/commands/pay",
    "/api/v1/commands/too-much",
    "/api/v1/projections/accountSummaries/rows",
];
