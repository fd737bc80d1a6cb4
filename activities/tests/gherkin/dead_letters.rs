//! Steps about work that was given up on.

use cucumber::{given, then, when};
use everstep_activities::WorkerDeadLetters;
use everstep_activities::dead_letters::{
    self, DEAD_LETTER_STATUS, DeadLetter, DeadLetterFilter, DeadLetterKind, DeadLetterStatus,
    NewDeadLetter, Retried,
};
use everstep_activities::decider::fsm::State;
use everstep_engine::{ActivityError, DEFAULT_NAMESPACE, Table, Worker};

use crate::world::World;

const POSTCARD: DeadLetterKind = DeadLetterKind::new("postcard").calls_resolved("replayed");
/// What retries wrote.
const NOTES: Table<String> = Table::new("postcards", "notes");
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) fn register(worker: Worker) -> Worker {
    worker.dead_letters(POSTCARD, |tx, letter| {
        tx.put(NOTES, &letter.source, &letter.target)?;
        match letter.target.as_str() {
            "Atlantis" => Err(ActivityError::new("no_such_place", "under water")),
            "Moon" => Ok(Retried::UnderWay),
            _ => Ok(Retried::Resolved),
        }
    })
}

fn find(world: &World, source: &str) -> Option<DeadLetter> {
    let rows = world.engine.rows(DEFAULT_NAMESPACE).unwrap();
    let filter = DeadLetterFilter { source: Some(source.to_owned()), ..Default::default() };
    dead_letters::list(&rows, &filter, None, 10).unwrap().dead_letters.pop()
}

#[given(expr = "postcard {string} to {string} was given up on after {int} attempts")]
#[when(expr = "postcard {string} to {string} was given up on after {int} attempts")]
async fn given_up(world: &mut World, source: String, target: String, attempts: u32) {
    // So that each has a time of its own.
    world.engine.advance_clock(1).await.unwrap();
    let recorded = world.transact(move |tx| {
        let why = ActivityError::new("no_such_street", "no such street");
        let letter = NewDeadLetter::new(POSTCARD, source, target).failure(&why);
        dead_letters::record(tx, letter.attempts(attempts).trace_context(TRACE))
    });
    recorded.await.unwrap();
}

#[when(expr = "{string} is retried by {string}")]
async fn retried(world: &mut World, source: String, by: String) {
    let id = find(world, &source).unwrap().id;
    world.transact(move |tx| dead_letters::retry(tx, &id, &by)).await;
}

#[when(expr = "{string} is ignored by {string} because {string}")]
async fn ignored(world: &mut World, source: String, by: String, reason: String) {
    let id = find(world, &source).unwrap().id;
    world.transact(move |tx| dead_letters::ignore(tx, &id, &by, &reason)).await;
}

#[when(expr = "the retry of {string} fails with {string}")]
async fn failed_again(world: &mut World, source: String, why: String) {
    let id = find(world, &source).unwrap().id;
    let error = ActivityError::new("again", why);
    world.transact(move |tx| dead_letters::failed_again(tx, &id, &error)).await.unwrap();
}

#[when(expr = "the retry of {string} works")]
async fn worked(world: &mut World, source: String) {
    let id = find(world, &source).unwrap().id;
    world.transact(move |tx| dead_letters::resolved(tx, &id)).await.unwrap();
}

#[when(expr = "{int} days pass")]
async fn days_pass(world: &mut World, days: u64) {
    world.engine.advance_clock(days * 24 * 3_600_000).await.unwrap();
}

#[when(expr = "the letters of state {string} are listed")]
fn listed(world: &mut World, status: String) {
    let rows = world.engine.rows(DEFAULT_NAMESPACE).unwrap();
    let filter =
        DeadLetterFilter { status: DeadLetterStatus::named(&status), ..Default::default() };
    world.letters = dead_letters::list(&rows, &filter, None, 10).unwrap().dead_letters;
}

#[when(expr = "the letters for {string} are listed, one a page")]
fn listed_by_page(world: &mut World, target: String) {
    let rows = world.engine.rows(DEFAULT_NAMESPACE).unwrap();
    let filter = DeadLetterFilter { target: Some(target), ..Default::default() };
    let mut after = None;
    loop {
        let page = dead_letters::list(&rows, &filter, after.as_deref(), 1).unwrap();
        assert!(page.dead_letters.len() <= 1);
        world.letters.extend(page.dead_letters);
        after = page.next_page_token;
        if after.is_none() {
            break;
        }
    }
}

#[then("the machine of dead letters has no mistake")]
fn no_mistake(_: &mut World) {
    DEAD_LETTER_STATUS.check_table().unwrap();
}

#[then(expr = "{string} is {string}, which its kind calls {string}")]
fn is_now(world: &mut World, source: String, status: String, word: String) {
    let letter = find(world, &source).unwrap();
    assert_eq!((letter.status.name(), POSTCARD.word(letter.status)), (&*status, &*word));
    world.letters = vec![letter];
}

#[then(expr = "its last error is {string} after {int} attempts")]
fn last_error(world: &mut World, error: String, attempts: u32) {
    let letter = world.letters.first().unwrap();
    assert_eq!((letter.last_error.as_str(), letter.attempts), (&*error, attempts));
}

#[then(expr = "it carries the trace {string}")]
fn traced(world: &mut World, trace: String) {
    assert_eq!(world.letters.first().unwrap().trace_context, Some(trace));
}

#[then("nothing was noted")]
async fn nothing_noted(world: &mut World) {
    let noted = world.transact(|tx| tx.get(NOTES, "card-2")).await.unwrap();
    assert_eq!(noted, None);
}

#[then(expr = "they are {string}")]
fn they_are(world: &mut World, sources: String) {
    let found: Vec<&str> = world.letters.iter().map(|letter| letter.source.as_str()).collect();
    assert_eq!(found.join(", "), sources);
}

#[then(expr = "there are {int} in state {string}, {int} of them for {string}")]
fn figures(world: &mut World, count: u64, status: String, of_these: u64, target: String) {
    let rows = world.engine.rows(DEFAULT_NAMESPACE).unwrap();
    let status = DeadLetterStatus::named(&status).unwrap();
    let figures = dead_letters::stats(&rows).unwrap();
    let figures: Vec<_> = figures.iter().filter(|one| one.status == status).collect();
    let sum = |target: Option<&str>| -> u64 {
        let of = figures.iter().filter(|one| target.is_none_or(|target| one.target == target));
        of.map(|one| one.count).sum()
    };
    assert_eq!((sum(None), sum(Some(&target))), (count, of_these));
}

#[then(expr = "the letter of {string} is forgotten")]
fn forgotten(world: &mut World, source: String) {
    assert_eq!(find(world, &source), None);
}
