//! The suite that every store must pass.
//!
//! Invariant: it asks only what the seam promises, so that it fits a store on another machine.

use std::ops::Bound;
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;

use crate::batch::{Batch, Fence};
use crate::error::{Refusal, StoreError};
use crate::range::Range;
use crate::stats::Health;
use crate::store::{Commit, Store};
use crate::table::{LEASES, Table};

const A: Table = Table::new(1, "a");
const B: Table = Table::new(2, "b");

/// Runs every check against a store of its own. `open` gives an empty store each time.
///
/// # Panics
/// If the store does not keep a promise; the message says which.
pub fn conformance(open: impl Fn() -> Arc<dyn Store>) {
    for check in [
        writes_take_effect_in_order,
        a_batch_is_all_or_nothing,
        assertions_see_the_batches_before_and_not_their_own,
        a_refusal_says_what_was_found,
        fences_compare_epochs,
        counters_count,
        sequence_numbers_grow_by_one,
        snapshots_stand_still,
        tables_are_apart,
        ranges_are_ordered_bounded_and_paged,
        submitted_batches_complete_once_and_in_order,
        completions_may_submit,
        concurrent_commits_lose_nothing,
        a_closed_store_takes_nothing,
    ] {
        let store = open();
        check(&store);
        store.close();
    }
}

fn batch(declare: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    declare(&mut batch);
    batch
}

fn commit(store: &Arc<dyn Store>, declare: impl FnOnce(&mut Batch)) -> Commit {
    store.commit(batch(declare)).expect("this batch must be accepted")
}

fn get(store: &Arc<dyn Store>, table: Table, key: &[u8]) -> Option<Bytes> {
    let snapshot = store.snapshot().expect("the store is open");
    snapshot.get(table, key).expect("the store can be read")
}

fn refused(outcome: Result<Commit, StoreError>) -> Refusal {
    match outcome {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn writes_take_effect_in_order(store: &Arc<dyn Store>) {
    commit(store, |batch| {
        batch.put(A, b"k", b"1");
        batch.append(A, b"k", b"2");
        batch.delete(A, b"k");
        batch.append(A, b"k", b"3");
        batch.append(A, b"k", b"4");
        batch.append(A, b"empty", b"");
        batch.put(A, b"", b"the empty key");
        batch.delete(A, b"never was");
    });
    assert_eq!(get(store, A, b"k").as_deref(), Some(&b"34"[..]));
    assert_eq!(get(store, A, b"empty").as_deref(), Some(&b""[..]), "append makes the row");
    assert_eq!(get(store, A, b"").as_deref(), Some(&b"the empty key"[..]));
    assert_eq!(get(store, A, b"never was"), None);
    commit(store, |batch| batch.append(A, b"k", b"5"));
    assert_eq!(get(store, A, b"k").as_deref(), Some(&b"345"[..]));
    commit(store, |batch| batch.put(A, b"k", b""));
    assert_eq!(get(store, A, b"k").as_deref(), Some(&b""[..]), "empty is not absent");
    commit(store, |batch| batch.delete(A, b"k"));
    assert_eq!(get(store, A, b"k"), None);
}

fn a_batch_is_all_or_nothing(store: &Arc<dyn Store>) {
    let before = commit(store, |batch| batch.put(A, b"there", b"1")).sequence;
    refused(store.commit(batch(|batch| {
        batch.put(A, b"x", b"1");
        batch.assert_absent(A, b"there");
        batch.delete(A, b"there");
    })));
    assert_eq!(get(store, A, b"x"), None);
    assert_eq!(get(store, A, b"there").as_deref(), Some(&b"1"[..]));
    assert_eq!(store.sequence(), before, "a refused batch has no sequence number");
}

fn assertions_see_the_batches_before_and_not_their_own(store: &Arc<dyn Store>) {
    let create = batch(|batch| {
        batch.put(A, b"k", b"1");
        batch.assert_absent(A, b"k");
    });
    store.commit(create.clone()).expect("assertions are checked before the batch's writes");
    refused(store.commit(create));
    commit(store, |batch| {
        batch.assert_value(A, b"k", b"1");
        batch.delete(A, b"k");
    });
    commit(store, |batch| batch.assert_absent(A, b"k"));
    commit(store, |batch| batch.append(A, b"k", b"ab"));
    commit(store, |batch| batch.append(A, b"k", b"c"));
    commit(store, |batch| batch.assert_value(A, b"k", b"abc"));
}

fn a_refusal_says_what_was_found(store: &Arc<dyn Store>) {
    commit(store, |batch| batch.put(B, b"k", b"is"));
    let refusal = refused(store.commit(batch(|batch| {
        batch.assert_absent(A, b"k");
        batch.assert_value(B, b"k", b"should be");
        batch.assert_absent(B, b"k");
    })));
    let (key, found) = (Bytes::from_static(b"k"), Some(Bytes::from_static(b"is")));
    let expected = Some(Bytes::from_static(b"should be"));
    assert_eq!(refusal, Refusal::Assertion { index: 1, table: B.id(), key, expected, found });
    let refusal = refused(store.commit(batch(|batch| batch.assert_value(A, b"k", b""))));
    let (key, expected) = (Bytes::from_static(b"k"), Some(Bytes::new()));
    let absent = Refusal::Assertion { index: 0, table: A.id(), key, expected, found: None };
    assert_eq!(refusal, absent, "an empty value is expected, an absent row is found");
}

fn fences_compare_epochs(store: &Arc<dyn Store>) {
    let fenced = |epoch: u64| {
        let key = Bytes::from_static(b"shard-1");
        store.commit(batch(|batch| {
            batch.fence(Fence { key, epoch });
            batch.add(A, b"commits", 1);
        }))
    };
    let refusal =
        |epoch, found| Refusal::Fenced { key: Bytes::from_static(b"shard-1"), epoch, found };
    assert_eq!(refused(fenced(1)), refusal(1, None));
    commit(store, |batch| batch.put(LEASES, b"shard-1", &1u64.to_be_bytes()));
    fenced(1).expect("the owner may write");
    commit(store, |batch| batch.put(LEASES, b"shard-1", b"\0\0\0\0\0\0\0\x02node b, until noon"));
    assert_eq!(refused(fenced(1)), refusal(1, Some(2)), "the owner before may not");
    fenced(2).expect("what follows the epoch is the holder's business");
    assert_eq!(get(store, A, b"commits").as_deref(), Some(&2i64.to_le_bytes()[..]));
}

fn counters_count(store: &Arc<dyn Store>) {
    for delta in [5, -7, i64::MAX, 1] {
        commit(store, |batch| batch.add(A, b"n", delta));
    }
    let expected = (-2i64).wrapping_add(i64::MAX).wrapping_add(1);
    assert_eq!(get(store, A, b"n").as_deref(), Some(&expected.to_le_bytes()[..]));
    commit(store, |batch| {
        batch.put(A, b"odd", b"no counter");
        batch.add(A, b"odd", 3);
        batch.add(A, b"odd", i64::MAX);
        batch.add(A, b"wrap", i64::MAX);
        batch.add(A, b"wrap", 1);
    });
    let three = 3i64.wrapping_add(i64::MAX).to_le_bytes();
    assert_eq!(get(store, A, b"odd").as_deref(), Some(&three[..]), "another length counts as 0");
    assert_eq!(get(store, A, b"wrap").as_deref(), Some(&i64::MIN.to_le_bytes()[..]));
}

fn sequence_numbers_grow_by_one(store: &Arc<dyn Store>) {
    assert_eq!(store.sequence(), 0, "an empty store");
    assert_eq!(store.commit(Batch::new()).expect("nothing to refuse").sequence, 0);
    for expected in 1..=5 {
        assert_eq!(commit(store, |batch| batch.put(A, b"k", b"v")).sequence, expected);
        assert_eq!(store.sequence(), expected);
    }
    let only_asserts = commit(store, |batch| batch.assert_value(A, b"k", b"v"));
    assert_eq!(only_asserts.sequence, 5, "what writes nothing takes no number");
    let stats = store.stats();
    assert_eq!((stats.sequence, stats.commits, stats.records), (5, 7, 5));
    assert_eq!(stats.health, Health::Ok);
}

fn snapshots_stand_still(store: &Arc<dyn Store>) {
    let mut snapshots = Vec::new();
    for n in 0..20u8 {
        snapshots.push(store.snapshot().expect("the store is open"));
        commit(store, |batch| {
            batch.put(A, b"last", &[n]);
            batch.append(A, b"all", &[n]);
            batch.add(A, b"count", 1);
            batch.put(B, &[n], b"");
            batch.delete(B, &[n / 2]);
        });
    }
    for (n, snapshot) in (0u8..).zip(&snapshots) {
        assert_eq!(snapshot.sequence(), u64::from(n));
        let get = |key: &[u8]| snapshot.get(A, key).expect("the store can be read");
        assert_eq!(get(b"last").as_deref(), n.checked_sub(1).as_ref().map(std::slice::from_ref));
        assert_eq!(get(b"all").unwrap_or_default(), (0..n).collect::<Vec<_>>());
        let count = (n > 0).then(|| Bytes::copy_from_slice(&i64::from(n).to_le_bytes()));
        assert_eq!(get(b"count"), count);
        let rows = snapshot.range(Range::all(B)).expect("the store can be read");
        let keys: Vec<u8> = rows.iter().map(|(key, _)| key[0]).collect();
        assert_eq!(keys, (n.div_ceil(2)..n).collect::<Vec<_>>(), "after {n} batches");
    }
}

fn tables_are_apart(store: &Arc<dyn Store>) {
    commit(store, |batch| {
        batch.put(A, b"k", b"a");
        batch.put(B, b"k", b"b");
        batch.put(Table::new(0, "first"), b"k", b"0");
    });
    commit(store, |batch| batch.delete(A, b"k"));
    assert_eq!(get(store, A, b"k"), None);
    assert_eq!(get(store, B, b"k").as_deref(), Some(&b"b"[..]));
    assert_eq!(get(store, Table::new(0, "renamed"), b"k").as_deref(), Some(&b"0"[..]));
}

fn ranges_are_ordered_bounded_and_paged(store: &Arc<dyn Store>) {
    commit(store, |batch| {
        for key in [&b"b\xff"[..], b"a", b"c", b"b", b"b\xff\x01", b"bb", b"\xff", b"\xff\xff"] {
            batch.put(A, key, key);
        }
    });
    let snapshot = store.snapshot().expect("the store is open");
    let check = |range: Range<'_>, expected: &[&[u8]]| {
        let rows = snapshot.range(range.clone()).expect("the store can be read");
        assert!(rows.iter().all(|(key, value)| key == value));
        let keys: Vec<&[u8]> = rows.iter().map(|(key, _)| &key[..]).collect();
        assert_eq!(keys, expected, "{range:?}");
    };
    let b: [&[u8]; 4] = [b"b", b"bb", b"b\xff", b"b\xff\x01"];
    check(Range::prefix(A, b"b"), &b);
    check(Range::prefix(A, b"b\xff"), &b[2..]);
    check(Range::prefix(A, b"\xff"), &[b"\xff", b"\xff\xff"]);
    check(Range::prefix(A, b"d"), &[]);
    check(Range::prefix(A, b"b").limit(2), &b[..2]);
    check(Range::prefix(A, b"b").limit(0), &[]);
    check(Range::prefix(A, b"b").after(b[1]).limit(2), &b[2..]);
    check(Range::prefix(A, b"b").after(b[3]), &[]);
    check(Range::prefix(A, b"b").reversed().limit(2), &[b[3], b[2]]);
    check(Range::prefix(A, b"b").reversed().after(b[2]), &[b[1], b[0]]);
    check(Range::all(A).limit(1), &[b"a"]);
    check(Range::all(A).reversed().limit(1), &[b"\xff\xff"]);
    let between = |start, end| Range::new(A, start, end);
    check(between(Bound::Excluded(b"a"), Bound::Included(b"bb")), &b[..2]);
    check(between(Bound::Included(b"bb"), Bound::Included(b"bb")), &[b"bb"]);
    check(between(Bound::Included(b"c"), Bound::Excluded(b"a")), &[]);
    check(Range::all(B), &[]);
}

fn submitted_batches_complete_once_and_in_order(store: &Arc<dyn Store>) {
    const BATCHES: u64 = 500;
    let (tell, told) = mpsc::channel();
    for n in 0..BATCHES {
        let tell = tell.clone();
        let submitted = batch(|batch| {
            batch.append(A, b"log", &[n as u8]);
            if n % 10 == 9 {
                batch.assert_absent(A, b"log");
            }
        });
        store.submit(
            submitted,
            Box::new(move |outcome| {
                tell.send((n, outcome)).expect("the test waits");
            }),
        );
    }
    drop(tell);
    let mut sequence = 0;
    for (expected, (n, outcome)) in (0..).zip(told) {
        assert_eq!(n, expected, "in the order in which they were submitted");
        if n % 10 == 9 {
            refused(outcome);
            continue;
        }
        sequence += 1;
        assert_eq!(outcome.expect("nothing to refuse").sequence, sequence);
        assert!(store.sequence() >= sequence, "told is published");
    }
    assert_eq!(sequence, BATCHES - BATCHES / 10, "every batch was answered");
    assert_eq!(get(store, A, b"log").map(|log| log.len() as u64), Some(sequence));
}

fn completions_may_submit(store: &Arc<dyn Store>) {
    fn chain(store: &Arc<dyn Store>, left: u64, tell: mpsc::Sender<u64>) {
        let next = store.clone();
        let done = move |outcome: Result<Commit, StoreError>| {
            tell.send(outcome.expect("nothing to refuse").sequence).expect("the test waits");
            if left > 1 {
                chain(&next, left - 1, tell);
            }
        };
        store.submit(batch(|batch| batch.add(A, b"n", 1)), Box::new(done));
    }
    let (tell, told) = mpsc::channel();
    chain(store, 50, tell);
    assert_eq!(told.iter().collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
}

fn concurrent_commits_lose_nothing(store: &Arc<dyn Store>) {
    const THREADS: u64 = 4;
    const COMMITS: u64 = 50;
    let sequences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sequences = &sequences;
            scope.spawn(move || {
                let mut refusals = 0;
                for n in 0..COMMITS {
                    // Read, compare and swap: nobody's step may be lost.
                    let commit = loop {
                        let before = get(store, A, b"chain");
                        let next =
                            [before.as_deref().unwrap_or_default(), &[thread as u8]].concat();
                        let outcome = store.commit(batch(|batch| {
                            match &before {
                                None => batch.assert_absent(A, b"chain"),
                                Some(value) => batch.assert_value(A, b"chain", value),
                            }
                            batch.put(A, b"chain", &next);
                            batch.add(A, b"count", 1);
                            batch.put(B, &[thread as u8, n as u8], b"");
                        }));
                        match outcome {
                            Ok(commit) => break commit,
                            other => refused(other),
                        };
                        refusals += 1;
                    };
                    let row = get(store, B, &[thread as u8, n as u8]);
                    assert!(row.is_some(), "own commits are seen at once");
                    sequences.lock().expect("nobody panics").push(commit.sequence);
                }
                refusals
            });
        }
    });
    let all = THREADS * COMMITS;
    let count = (all as i64).to_le_bytes();
    assert_eq!(get(store, A, b"count").as_deref(), Some(&count[..]));
    assert_eq!(get(store, A, b"chain").map(|chain| chain.len() as u64), Some(all));
    let mut sequences = sequences.into_inner().expect("nobody panics");
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=all).collect::<Vec<_>>(), "each batch has a number of its own");
}

fn a_closed_store_takes_nothing(store: &Arc<dyn Store>) {
    let (tell, told) = mpsc::channel();
    for _ in 0..20 {
        let tell = tell.clone();
        let done = move |outcome: Result<Commit, StoreError>| {
            tell.send(outcome.is_ok()).expect("the test waits");
        };
        store.submit(batch(|batch| batch.put(A, b"k", b"v")), Box::new(done));
    }
    store.close();
    assert_eq!(told.try_iter().filter(|ok| *ok).count(), 20, "what was handed over is finished");
    store.close();
    let stopped = |outcome| matches!(outcome, Err(StoreError::Stopped { .. }));
    assert!(stopped(store.commit(batch(|batch| batch.put(A, b"k", b"v")))));
    assert!(stopped(store.snapshot().map(|_| Commit { sequence: 0 })));
    store.submit(
        batch(|batch| batch.put(A, b"k", b"v")),
        Box::new(move |outcome| tell.send(!stopped(outcome)).expect("the test waits")),
    );
    assert_eq!(told.recv(), Ok(false));
    assert!(matches!(store.stats().health, Health::Stopped { .. }));
}
