//! Trying again now.

use everstep_engine::{Payload, Rejection, Selector};

use crate::support::{Fixture, json};

#[test]
fn an_activity_in_its_pause_is_tried_now() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("flaky", json("2")).workflow_id);
    let waits = |attempt| {
        move |run: &everstep_engine::RunDescription| {
            let pending = run.pending_activities.first();
            pending.is_some_and(|one| one.state == "backing_off" && one.attempt == attempt)
        }
    };
    fixture.until(&selector, waits(2));
    let id = fixture.engine().describe(&selector).unwrap().pending_activities[0]
        .activity_id
        .parse()
        .unwrap();
    fixture.wait(fixture.engine().retry_activity(&selector, id)).unwrap();
    fixture.until(&selector, waits(3));
    fixture.restart();
    fixture.wait(fixture.engine().retry_activity(&selector, id)).unwrap();
    assert_eq!(fixture.result(&selector).result, Some(json("3")));
    let refused = fixture.wait(fixture.engine().retry_activity(&selector, id));
    assert!(matches!(refused, Err(Rejection::WorkflowClosed(..))), "{refused:?}");
}

#[test]
fn what_does_not_wait_is_not_tried() {
    let fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("cancellable", Payload::null()).workflow_id);
    fixture.until(&selector, |run| {
        run.pending_activities.iter().any(|activity| activity.state == "started")
    });
    let running = fixture.wait(fixture.engine().retry_activity(&selector, 1));
    assert!(matches!(running, Err(Rejection::ActivityNotWaiting(..))), "{running:?}");
    let unknown = fixture.wait(fixture.engine().retry_activity(&selector, 9));
    assert!(matches!(unknown, Err(Rejection::NoSuchActivity(..))), "{unknown:?}");
    let sound = fixture.wait(fixture.engine().retry_task(&selector));
    assert!(matches!(sound, Err(Rejection::TaskNotFailed(_))), "{sound:?}");
}

#[test]
fn a_stuck_task_is_tried_now() {
    let fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("trips", Payload::null()).workflow_id);
    fixture.signal(&selector, "go", "null");
    fixture.until(&selector, |run| run.task_failure.is_some());
    fixture.take_right(true);
    fixture.wait(fixture.engine().retry_task(&selector)).unwrap();
    fixture.until(&selector, |run| run.task_failure.is_none());
    fixture.signal(&selector, "finish", "null");
    assert_eq!(fixture.result(&selector).result, Some(json("5")));
}
