//! An event that three contexts are told of: one that is well, one that is down for a while, one that
//! is given up on and told again by hand.

use std::time::Duration;

use everstep_activities::dead_letters::{self, DeadLetterFilter, DeadLetterStatus};
use everstep_engine::log::{Append, Expected, NewEvent, RecordedEvent, StreamId};
use everstep_engine::testing::{Story, Told, explore_story};
use everstep_engine::{
    ActivityError, DEFAULT_NAMESPACE, Engine, Table, Timestamp, TransactionContext, Worker,
};
use everstep_workflows::publication::{
    PublicationStatus, PublicationTarget, WorkerPublications, of_event,
};

const TOLD: Table<u32> = Table::new("contexts", "told");
const SECOND: Duration = Duration::from_secs(1);
/// How long each target is down, from the first event on.
const TARGETS: [(&str, Duration); 3] =
    [("analytics", Duration::ZERO), ("inventory", SECOND), ("mailing", Duration::from_secs(3_600))];

fn deliver(
    tx: &mut TransactionContext<'_>,
    (target, down): (&str, Duration),
    event: &RecordedEvent,
) -> Result<(), ActivityError> {
    // Before it fails, so that there is something to undo.
    let told = tx.get(TOLD, target)?.unwrap_or_default();
    tx.put(TOLD, target, &(told + 1))?;
    match tx.now() < Timestamp::from_millis(event.recorded_at_ms()) + down {
        true => Err(ActivityError::new("target_down", format!("{target} is down"))),
        false => Ok(()),
    }
}

fn worker() -> Worker {
    TARGETS.into_iter().fold(Worker::new(), |worker, (target, down)| {
        let told = PublicationTarget::new(target).events(["Announced"]);
        worker.publish_to(told, move |tx, event| deliver(tx, (target, down), event))
    })
}

async fn announce(engine: &Engine) -> Told<()> {
    let stream = StreamId::new("News", "1");
    let events = vec![NewEvent::new("Announced", "{}".to_owned())];
    let append = Append { idempotency_key: Some("once".into()), ..Append::default() };
    let append = Append { streams: Append::to(stream, Expected::Any, events).streams, ..append };
    engine.append(DEFAULT_NAMESPACE, append).await?;
    Ok(())
}

fn statuses(engine: &Engine) -> Told<Vec<PublicationStatus>> {
    let found = of_event(&engine.rows(DEFAULT_NAMESPACE)?, 1)?;
    Ok(found.into_iter().map(|one| one.status).collect())
}

/// Somebody tries again what was given up on, unless somebody has.
async fn retry(engine: &Engine) -> Told<()> {
    let filter =
        DeadLetterFilter { status: Some(DeadLetterStatus::Pending), ..DeadLetterFilter::default() };
    let pending = dead_letters::list(&engine.rows(DEFAULT_NAMESPACE)?, &filter, None, 10)?;
    for letter in pending.dead_letters {
        engine
            .transact(DEFAULT_NAMESPACE, move |tx| dead_letters::retry(tx, &letter.id, "ada"))
            .await?;
    }
    Ok(())
}

fn outcome(engine: &Engine) -> Told<String> {
    let rows = engine.rows(DEFAULT_NAMESPACE)?;
    let mut words = Vec::new();
    for one in of_event(&rows, 1)? {
        let (target, status, attempts) = (one.target_context, one.status, one.attempt_count);
        let told = rows.get(TOLD, &target)?.unwrap_or_default();
        words.push(format!("{target} {status:?} after {attempts}, told {told} times"));
    }
    let letters = dead_letters::list(&rows, &DeadLetterFilter::default(), None, 10)?;
    for letter in letters.dead_letters {
        words.push(format!("letter for {} {:?}", letter.target, letter.status));
    }
    Ok(words.join(", "))
}

#[test]
fn everybody_is_told_once_wherever_it_crashes() {
    use PublicationStatus::{DeadLetter, Delivered};

    let report = explore_story(|| {
        Story::new(worker)
            .act(|engine| async move { announce(&engine).await })
            .until(|engine| async move {
                Ok(statuses(&engine)? == [Delivered, Delivered, DeadLetter])
            })
            .wait(TARGETS[2].1)
            .act(|engine| async move { retry(&engine).await })
            .until(|engine| async move { Ok(statuses(&engine)? == [Delivered; 3]) })
            .outcome(|engine| async move { outcome(&engine) })
    });
    let report = report.unwrap();
    // Commits that come together are one.
    assert!(report.crashes >= 4, "{report:?}");
    assert_eq!(
        report.outcomes.keys().collect::<Vec<_>>(),
        ["analytics Delivered after 1, told 1 times, inventory Delivered after 2, told 1 times, \
          mailing Delivered after 6, told 1 times, letter for mailing Resolved"]
    );
}
