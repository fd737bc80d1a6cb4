use expect_test::{Expect, expect};

use super::*;

const NOW: &str = "2026-01-01T12:00:10.000Z";

fn page(width: usize, full: bool) -> Page {
    Page { screen: Screen { width, colour: false }, full, now: NOW.parse().unwrap() }
}

fn event(id: u64, ms: u64, rest: &str) -> Event {
    let at = "2026-01-01T12:00:00Z".parse::<Timestamp>().unwrap().plus_millis(ms);
    Event::parse(&format!(r#"{{"event_id":{id},"at":"{at}","type":{rest}}}"#)).unwrap()
}

/// A run with a bit of everything.
fn history() -> Vec<Event> {
    vec![
        event(1, 0, r#""workflow_started","workflow_id":"order-7","input":{"lamps":3}"#),
        event(
            2,
            0,
            r#""activity_scheduled","activity_id":"1","activity_type":"reserve","input":"order-7","inline":false"#,
        ),
        event(3, 0, r#""activity_started","activity_id":"1","attempt":1"#),
        event(4, 12, r#""activity_completed","activity_id":"1","result":{"hold":"h-1"}"#),
        event(
            5,
            12,
            r#""activity_scheduled","activity_id":"2","activity_type":"charge","input":{"cents":4200},"inline":true"#,
        ),
        event(6, 12, r#""timer_started","timer_id":"3","fires_at":"2026-01-02T12:00:00.000Z""#),
        event(7, 12, r#""activity_started","activity_id":"2","attempt":1"#),
        event(
            8,
            80,
            r#""activity_failed","activity_id":"2","attempt":1,"failure":{"type":"timeout","message":"no answer\u001b[2J from the gateway"},"next_attempt_at":"2026-01-01T12:00:01.000Z""#,
        ),
        event(9, 1000, r#""activity_started","activity_id":"2","attempt":2"#),
        event(
            10,
            1500,
            r#""signal_received","name":"approve","payload":{"by":"ada","because":"a sentence that is much longer than what is left of a terminal's line"}"#,
        ),
        event(
            11,
            7100,
            r#""activity_failed","activity_id":"2","attempt":2,"failure":{"type":"declined","message":"no funds"}"#,
        ),
        event(12, 7100, r#""timer_cancelled","timer_id":"3""#),
        event(13, 7100, r#""moon_landed","height":1.50"#),
        event(14, 7200, r#""workflow_failed","failure":{"type":"declined","message":"no funds"}"#),
    ]
}

fn description(rest: &str) -> RunDescription {
    let json = format!(
        r#"{{"workflow_id":"order-7","run_id":"019ab000-0000-7000-8000-000000000007","type":"fulfil_order",
        "started_at":"2026-01-01T12:00:00.000Z","input":{{"lamps":3}},"history_length":14,"history_bytes":900,
        "children":[],"pending_timers":[],"memo":{{"note":"gift"}},"search_attributes":{{"city":"Berlin"}},
        "build_id":"1","namespace":"default","cancel_requested":false,{rest}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn history_is_grouped_and_aligned() {
    let groups = Groups::of(&history());
    check(
        &page(100, false).history(&groups),
        &expect![[r#"
           EVENTS   AFTER  WHAT              TRIES   TOOK  OUTCOME
        ·       1   +0 ms  workflow started                {"lamps":3}
        ✓     2–4   +0 ms  activity reserve      1  12 ms  {"hold":"h-1"}
        ✕    5–11  +12 ms  step charge           2  7.0 s  declined: no funds
        ⊘    6–12  +12 ms  timer                    7.0 s  cancelled
        ·      10  +1.5 s  signal approve                  {"by":"ada","because":"a sentence that is much l…
        ·      13  +7.1 s  moon landed                     {"height":1.50}
        ✕      14  +7.2 s  workflow failed                 declined: no funds
    "#]],
    );
}

#[test]
fn in_full_nothing_is_cut() {
    let groups = Groups::of(&history());
    let text = page(100, true).history(&groups);
    assert!(text.contains("left of a terminal's line"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn every_event_is_in_one_group() {
    let (events, mut groups) = (history(), Groups::default());
    for event in &events {
        let index = groups.push(event);
        assert_eq!(groups.rows()[index].last, event.event_id);
    }
    let firsts: Vec<u64> = groups.rows().iter().map(|group| group.first).collect();
    assert!(firsts.is_sorted(), "{firsts:?}");
    assert_eq!(groups.rows().len(), 7);
}

#[test]
fn a_failed_run_says_why() {
    let run = description(
        r#""status":"failed","closed_at":"2026-01-01T12:00:07.200Z","waiting_for":"",
        "failure":{"type":"declined","message":"no funds"},"pending_activities":[],"awaiting":[]"#,
    );
    check(
        &page(80, false).header(&run),
        &expect![[r#"
        ✕ failed  order-7  fulfil_order

          run         019ab000-0000-7000-8000-000000000007
          started     2026-01-01 12:00:00 UTC · 10 s ago
          duration    7.2 s
          attribute   city = "Berlin"
          memo        {"note":"gift"}
          input       {"lamps":3}
          failure     declined: no funds
    "#]],
    );
    check(
        &page(80, false).end(&run),
        &expect![[r#"
        ✕ failed after 7.2 s
          failure     declined: no funds
    "#]],
    );
}

#[test]
fn a_retrying_run_says_what_it_waits_for() {
    let run = description(
        r#""status":"running","waiting_for":"activity `charge`, attempt 2 of 10, next in 3 s",
        "pending_activities":[{"activity_id":"2","type":"charge","attempt":2,"max_attempts":10,
        "state":"backing_off","last_failure":{"type":"timeout","message":"no answer"},
        "scheduled_at":"2026-01-01T12:00:00.012Z","start_to_close_ms":60000,"initial_interval_ms":1000,
        "backoff_coefficient":2.0,"max_interval_ms":60000}],
        "awaiting":[{"kind":"activity","name":"charge","since":"2026-01-01T12:00:00.012Z"}]"#,
    );
    check(
        &page(80, false).header(&run),
        &expect![[r#"
        ↻ retrying  order-7  fulfil_order
        waits for activity `charge`, attempt 2 of 10, next in 3 s

          run         019ab000-0000-7000-8000-000000000007
          started     2026-01-01 12:00:00 UTC · 10 s ago
          duration    10.0 s so far
          attribute   city = "Berlin"
          memo        {"note":"gift"}
          input       {"lamps":3}
          last error  charge: timeout: no answer
    "#]],
    );
}

#[test]
fn a_stuck_run_shows_where_code_and_history_part() {
    let run = description(
        r#""status":"running","waiting_for":"a build that takes the recorded way; the code is tried again by itself",
        "pending_activities":[],"awaiting":[],"task_failure":{"kind":"non_determinism",
        "message":"the code has changed since this run began","event_id":5,"recorded":"activity `left`",
        "asked":"activity `right`","location":"src/fork.rs:12","at":"2026-01-01T12:00:01.000Z"}"#,
    );
    check(
        &page(80, false).header(&run),
        &expect![[r#"
        ✕ stuck  order-7  fulfil_order
        waits for a build that takes the recorded way; the code is tried again by itself

          run         019ab000-0000-7000-8000-000000000007
          started     2026-01-01 12:00:00 UTC · 10 s ago
          duration    10.0 s so far
          attribute   city = "Berlin"
          memo        {"note":"gift"}
          input       {"lamps":3}
          stuck       the code has changed since this run began
                      recorded activity `left`; the code asks activity `right`
                      at src/fork.rs:12
    "#]],
    );
}
