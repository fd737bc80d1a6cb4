//! Whatever order a row is told of in, it is the fold of its events.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// Not commutative, so that an order that is wrong shows. 0 is an event that nobody knows.
fn evolve(row: Option<Vec<u32>>, event: &u32) -> Result<Option<Vec<u32>>, String> {
    let mut row = row.unwrap_or_default();
    if *event > 0 {
        row.push(*event);
    }
    Ok(Some(row))
}

fn happened(position: u64, cause: Option<&str>, event: u32) -> Happened<u32> {
    Happened { position, id: format!("e-{position}"), cause: cause.map(str::to_owned), event }
}

/// The row as the server has it that folded all of `events` up to `position`.
fn durable(events: &[Happened<u32>], position: u64) -> Durable<Vec<u32>> {
    let held = events.iter().filter(|event| event.position <= position);
    let mut row = Durable { state: None, changed_at: 0, position };
    for event in held {
        row.state = evolve(row.state, &event.event).unwrap();
        row.changed_at = event.position;
    }
    row
}

/// Events of one row among those of others, some of them caused by a command.
fn history(random: &mut StdRng) -> Vec<Happened<u32>> {
    let mut position = 0;
    let length = random.random_range(1..30_u32);
    let events = (1..=length).map(|event| {
        position += random.random_range(1..4_u64);
        let cause = random.random_bool(0.3).then(|| format!("c-{event}"));
        happened(position, cause.as_deref(), if random.random_bool(0.1) { 0 } else { event })
    });
    events.collect()
}

#[test]
fn a_row_that_is_told_bit_by_bit_is_the_fold_of_its_events() {
    for seed in 0..2_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let events = history(&mut random);
        let last = events.last().unwrap().position;
        let begin = random.random_range(0..=last);
        let mut row = Reactive::new(durable(&events, begin), evolve);
        let mut told = begin;
        let mut open: Vec<String> = Vec::new();
        while row.merged().durable_position < last {
            match random.random_range(0..6_u32) {
                // The next event, or one that was told before.
                0..=2 => {
                    let next = events.iter().find(|event| event.position > told).cloned();
                    let any = events[random.random_range(0..events.len())].clone();
                    let again = random.random_bool(0.3) || next.is_none();
                    let event = if again { any } else { next.unwrap() };
                    if event.position <= told || !again {
                        told = told.max(event.position);
                        let notices = row.happened(event);
                        open.retain(|id| notices.iter().all(|notice| notice.id() != id));
                    }
                }
                3 => {
                    let upto = events.iter().rev().find(|event| event.position <= told);
                    let upto = upto.map_or(told, |event| event.position);
                    let notices = row.is_durable(random.random_range(0..=upto));
                    open.retain(|id| notices.iter().all(|notice| notice.id() != id));
                }
                4 => {
                    let id = format!("c-{}", random.random_range(1..40_u32));
                    if !open.contains(&id) {
                        row.expect(id.clone(), 1_000, 0);
                        open.push(id);
                    }
                }
                _ => {
                    if let Some(id) = open.pop() {
                        assert!(row.refused(&id).is_some(), "seed {seed}");
                    }
                }
            }
            let shown = row.merged();
            let known = durable(&events, told).state;
            let own = shown.state.clone().map(|row| row.into_iter().filter(|it| *it != 1_000));
            let own: Option<Vec<u32>> = own.map(Iterator::collect);
            if open.is_empty() || known.is_some() {
                assert_eq!(own, known, "seed {seed}, told up to {told}");
            }
            assert!(shown.pending.is_sorted(), "seed {seed}: {:?}", shown.pending);
        }
        row.expire(PATIENCE_MS + 1, PATIENCE_MS);
        let shown = row.merged();
        assert_eq!((shown.state, shown.pending.len()), (durable(&events, last).state, 0));
    }
}

#[test]
fn the_server_and_a_client_say_the_same_of_every_split() {
    for seed in 0..500 {
        let mut random = StdRng::seed_from_u64(seed);
        let events = history(&mut random);
        let whole = durable(&events, u64::MAX).state;
        for split in 0..=events.last().unwrap().position {
            let row = durable(&events, split);
            let after = events.iter().map(|event| (event.position, event.event));
            let server = merge(row.clone(), after, evolve);
            let mut client = Reactive::new(row, evolve);
            for event in &events {
                client.happened(event.clone());
            }
            assert_eq!(server, client.merged(), "seed {seed}, split at {split}");
            assert_eq!(server.state, whole, "seed {seed}, split at {split}");
        }
    }
}

#[test]
fn what_is_refused_waits_with_all_that_comes_after_it() {
    let fussy = |row: Option<u32>, event: &u32| match event {
        7 => Err("seven".to_owned()),
        event => Ok(Some(row.unwrap_or(0) + event)),
    };
    let row = Durable { state: Some(1), changed_at: 1, position: 1 };
    let merged = merge(row.clone(), [(1, 9), (2, 2), (3, 7), (4, 4)], fussy);
    assert_eq!((merged.state, merged.changed_at, merged.pending), (Some(3), 2, vec![2]));
    // An expectation that cannot be holds nothing up.
    let mut row = Reactive::new(row, fussy);
    row.expect("c", 7, 0);
    row.expect("d", 5, 0);
    assert_eq!(row.merged().state, Some(6));
}

#[test]
fn an_answer_says_where_what_was_expected_stands() {
    let row = Durable { state: Some(vec![1]), changed_at: 5, position: 5 };
    let mut row = Reactive::new(row, evolve);
    assert_eq!((row.expect("a", 2, 0), row.expect("b", 3, 0)), (6, 7));
    assert_eq!(row.answered("a", 7), None);
    assert_eq!(row.merged().state, Some(vec![1, 2, 3]));
    let confirmed = Notice::Confirmed { id: "a".to_owned(), position: 7 };
    assert_eq!(row.happened(happened(7, Some("a"), 2)), [confirmed]);
    assert_eq!(row.refused("b"), Some(Notice::Refused { id: "b".to_owned() }));
    assert_eq!((row.refused("b"), row.answered("b", 9)), (None, None));
    assert_eq!(row.merged().state, Some(vec![1, 2]));
}

#[test]
fn a_new_beginning_keeps_what_nothing_speaks_against() {
    let mut row = Reactive::new(Durable { state: None, changed_at: 0, position: 5 }, evolve);
    row.expect("conflicts", 10, 0);
    row.expect("stays", 11, 0);
    row.expect("placed", 12, 0);
    row.answered("placed", 9);
    let now = Durable { state: Some(vec![1]), changed_at: 6, position: 10 };
    let notices = row.begin_again(now, [happened(12, None, 2)], 13);
    let ids: Vec<_> = notices.iter().map(|it| (it.id(), it.is_rollback())).collect();
    assert_eq!(ids, [("placed", false), ("conflicts", true)]);
    assert_eq!(row.merged().state, Some(vec![1, 2, 11]));
    assert_eq!((row.newest_position(), row.merged().pending), (13, vec![12, 14]));
}
