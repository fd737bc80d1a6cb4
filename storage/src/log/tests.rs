//! The log against a naive scan, over losses of everything that was not committed: in memory, and in
//! files that a kill or a loss of power leaves.

use std::collections::BTreeMap;

use super::*;
use crate::batch::Batch;
use crate::embedded::{EmbeddedConfig, EmbeddedStore, Threads};
use crate::memory::MemoryStore;
use crate::store::Store;
use crate::testing::{FaultDisk, Honesty, Random};

/// One writer over a store, as the engine drives it: several appends a turn, one batch a turn.
struct Writer<'a> {
    store: &'a dyn Store,
    log: Log,
    batch: Batch,
    turn: u64,
}

impl<'a> Writer<'a> {
    fn open(store: &'a dyn Store) -> Self {
        let snapshot = store.snapshot().expect("a snapshot");
        let log = Log::open(&*snapshot, "n").expect("a log");
        Self { store, log, batch: Batch::new(), turn: 1 }
    }

    fn append(&mut self, append: &Append) -> Result<Appended, AppendRefusal> {
        self.append_checked(append, Checked::NOTHING)
    }

    fn append_checked(
        &mut self,
        append: &Append,
        checked: Checked,
    ) -> Result<Appended, AppendRefusal> {
        let snapshot = self.store.snapshot().expect("a snapshot");
        let mut draft = self.log.draft(&*snapshot, 1_000);
        let appended = draft.append(append, checked)?;
        let changes = draft.into_changes();
        self.log.accept(changes, &mut self.batch, self.turn);
        Ok(appended)
    }

    fn commit(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.store.commit(batch).expect("a commit");
        self.log.durable(self.turn);
        self.turn += 1;
    }
}

/// Stream, type and tags.
type ModelEvent = (Option<StreamId>, Box<str>, Vec<Box<str>>);

/// What the log must be: every event with its tags, in order.
#[derive(Default)]
struct Model {
    events: Vec<ModelEvent>,
    streams: BTreeMap<StreamId, u64>,
    scopes: BTreeMap<Box<str>, u64>,
    keys: BTreeMap<Box<str>, (u64, u64)>,
}

impl Model {
    fn matches(&self, query: &Query) -> Vec<u64> {
        let matching = |(_, event_type, tags): &ModelEvent| {
            query.items.is_empty()
                || query.items.iter().any(|item| {
                    (item.types.is_empty() || item.types.contains(event_type))
                        && item.tags.iter().all(|tag| tags.contains(tag))
                })
        };
        let numbered = (1..).zip(&self.events);
        numbered.filter(|(_, event)| matching(event)).map(|(position, _)| position).collect()
    }

    /// What becomes of an append: its first position and how many, or the refusal's kind.
    fn append(&mut self, append: &Append) -> Result<(u64, u64, bool), &'static str> {
        if let Some(key) = &append.idempotency_key
            && let Some((first, events)) = self.keys.get(key)
        {
            return Ok((*first, *events, true));
        }
        for stream in &append.streams {
            if let (Some(id), Expected::Version(expected)) = (&stream.stream, stream.expected)
                && self.streams.get(id).copied().unwrap_or_default() != expected
            {
                return Err("version");
            }
        }
        for scope in &append.scopes {
            if self.scopes.get(&scope.scope).copied().unwrap_or_default() != scope.expected {
                return Err("scope");
            }
        }
        if let Some(condition) = &append.condition {
            let after = condition.after.unwrap_or_default();
            let found = self.matches(&condition.fail_if_events_match);
            if found.into_iter().any(|position| position > after) {
                return Err("condition");
            }
        }
        let first = self.events.len() as u64 + 1;
        let mut touched: Vec<Box<str>> = Vec::new();
        for stream in &append.streams {
            for event in &stream.events {
                let of = stream.stream.clone();
                if let Some(id) = &of {
                    *self.streams.entry(id.clone()).or_default() += 1;
                }
                touched.extend(event.tags.iter().cloned());
                self.events.push((of, event.event_type.clone(), event.tags.clone()));
            }
        }
        touched.sort();
        touched.dedup();
        touched.into_iter().for_each(|tag| *self.scopes.entry(tag).or_default() += 1);
        let events = self.events.len() as u64 + 1 - first;
        if let Some(key) = &append.idempotency_key {
            self.keys.insert(key.clone(), (first, events));
        }
        Ok((first, events, false))
    }
}

const TAGS: [&str; 5] = ["a", "ab", "b", "c", "rare"];
const TYPES: [&str; 3] = ["Opened", "Moved", "Closed"];

fn some_query(random: &mut Random) -> Query {
    let items = (0..1 + random.below(2)).map(|_| {
        let types = TYPES.iter().filter(|_| random.below(4) == 0).map(|of| (*of).into()).collect();
        let tags = TAGS.iter().filter(|_| random.below(3) == 0).map(|tag| (*tag).into()).collect();
        QueryItem { types, tags }
    });
    Query { items: items.collect() }
}

fn some_append(random: &mut Random, model: &Model) -> Append {
    let mut append = Append::default();
    for number in 0..1 + random.below(2) {
        let stream = (random.below(4) > 0)
            .then(|| StreamId::new("Order", format!("{}-{number}", random.below(6))));
        let version = stream.as_ref().and_then(|id| model.streams.get(id)).copied();
        let expected = match random.below(4) {
            0 => Expected::Any,
            1 => Expected::Version(random.below(5)),
            _ => Expected::Version(version.unwrap_or_default()),
        };
        let events = (0..1 + random.below(3)).map(|_| {
            let of = TYPES[random.below(3) as usize];
            let often = [2, 5, 3, 9, 200];
            let tags = TAGS.iter().zip(often).filter(|(_, of)| random.below(*of) == 0);
            let tags = tags.map(|(tag, _)| (*tag).into()).collect();
            NewEvent { tags, ..NewEvent::new(of, "{}") }
        });
        append.streams.push(StreamAppend { stream, expected, events: events.collect() });
    }
    if random.below(3) == 0 {
        let after = random.below(model.events.len() as u64 + 2);
        let recent = (model.events.len() as u64).saturating_sub(random.below(3));
        let after = [Some(after), Some(recent), Some(recent), None][random.below(4) as usize];
        append.condition = Some(Condition { fail_if_events_match: some_query(random), after });
    }
    if random.below(4) == 0 {
        let scope: Box<str> = TAGS[random.below(5) as usize].into();
        let current = model.scopes.get(&scope).copied().unwrap_or_default();
        let expected = current.saturating_sub(u64::from(random.below(4) == 0));
        append.scopes.push(ScopeExpectation { scope, expected });
    }
    if random.below(5) == 0 {
        // Always the same content under the same key, or a new key.
        append.idempotency_key = Some(format!("key-{}", model.events.len()).into());
    }
    append
}

fn check_reads(store: &dyn Store, model: &Model, random: &mut Random) {
    let snapshot = store.snapshot().expect("a snapshot");
    let reader = LogReader::new(&*snapshot, "n");
    let last = model.events.len() as u64;
    assert_eq!(reader.last_position().expect("a position"), last);
    let query = some_query(random);
    let (from, limit) = (random.below(last + 3), random.below(40) as usize);
    let wanted = model.matches(&query);
    let positions = |events: Vec<RecordedEvent>| -> Vec<u64> {
        events.iter().map(RecordedEvent::position).collect()
    };
    let forwards = reader.matching(&query, from, Direction::Forwards, limit).expect("events");
    let expected = wanted.iter().copied().filter(|position| *position >= from);
    assert_eq!(positions(forwards), expected.take(limit).collect::<Vec<_>>(), "{query:?} {from}");
    let backwards = reader.matching(&query, from, Direction::Backwards, limit).expect("events");
    let expected = wanted.iter().rev().copied().filter(|position| *position <= from);
    assert_eq!(positions(backwards), expected.take(limit).collect::<Vec<_>>(), "{query:?} {from}");
    for (scope, version) in &model.scopes {
        assert_eq!(reader.scope_head(scope).expect("a head").commits, *version);
    }
    for (stream, version) in &model.streams {
        assert_eq!(reader.stream_head(stream).expect("a head").events, *version);
        let events = reader.stream(stream, 1, Direction::Forwards, usize::MAX).expect("events");
        assert!(events.iter().map(RecordedEvent::version).eq(1..=*version), "{stream}");
    }
}

fn check_chain(store: &dyn Store) {
    let snapshot = store.snapshot().expect("a snapshot");
    let reader = LogReader::new(&*snapshot, "n");
    let (mut position, mut hash) = (0, EMPTY_CHAIN);
    for event in reader.events(1, Direction::Forwards, usize::MAX).expect("events") {
        check_link(position, &hash, &event).expect("a whole chain");
        (position, hash) = (event.position(), *event.hash());
    }
    assert_eq!(position, reader.last_position().expect("a position"));
}

/// What a caller finds out before, on what is durable; none where the condition is violated there.
fn look_up(store: &dyn Store, append: &Append) -> Option<Checked> {
    let condition = append.condition.as_ref().filter(|_| append.idempotency_key.is_none())?;
    let snapshot = store.snapshot().expect("a snapshot");
    let reader = LogReader::new(&*snapshot, "n");
    let newest = reader.last_position().expect("a position");
    reader.check(condition, newest).expect("a check").ok()
}

/// Where a log is: in memory, or in files of a process that is killed and loses its power.
enum Ground {
    Memory(MemoryStore),
    Files(FaultDisk, EmbeddedStore),
}

impl Ground {
    fn files(disk: FaultDisk) -> Self {
        let config = EmbeddedConfig {
            min_free_bytes: 0,
            values_file_bytes: 100_000,
            ..EmbeddedConfig::default()
        };
        let store = EmbeddedStore::open_with(disk.clone(), config, Threads::None);
        Self::Files(disk, store.expect("the disk works"))
    }

    fn store(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => store,
            Self::Files(_, store) => store,
        }
    }

    fn crash(&mut self, random: &mut Random) {
        let Self::Files(disk, _) = self else { return };
        let after = match random.once_in(2) {
            true => disk.after_kill(),
            false => disk.after_power_loss(random),
        };
        *self = Self::files(after);
    }

    fn checkpoint(&self) {
        if let Self::Files(_, store) = self {
            store.checkpoint().expect("the disk works");
        }
    }
}

/// Random appends decided as a naive scan decides them. A crash forgets the open turn.
fn play(seed: u64, steps: u64) {
    let mut random = Random::new(seed);
    let mut ground = match seed % 2 {
        0 => Ground::Memory(MemoryStore::new()),
        _ => Ground::files(FaultDisk::new(Honesty::Honest)),
    };
    let mut writer = Writer::open(ground.store());
    let mut durable = 0;
    let mut model = Model::default();
    let mut accepted: Vec<Append> = Vec::new();
    // An append on its way, whose condition was looked up a while ago.
    let mut on_its_way: Option<(Append, Checked)> = None;
    for step in 0..steps {
        let again = random.below(20) == 0 && !accepted.is_empty();
        let (append, checked) = match on_its_way.take_if(|_| random.below(5) == 0) {
            Some(arrived) => arrived,
            None if again => {
                let known = random.below(accepted.len() as u64) as usize;
                (accepted[known].clone(), Checked::NOTHING)
            }
            None => (some_append(&mut random, &model), Checked::NOTHING),
        };
        if on_its_way.is_none() {
            let append = some_append(&mut random, &model);
            on_its_way = look_up(ground.store(), &append).map(|checked| (append, checked));
        }
        let expected = model.append(&append);
        let found = writer.append_checked(&append, checked);
        let found = match &found {
            Ok(Appended::New(at)) => Ok((at.first_position, at.events, false)),
            Ok(Appended::Duplicate(at)) => Ok((at.first_position, at.events, true)),
            Err(AppendRefusal::VersionConflict { .. }) => Err("version"),
            Err(AppendRefusal::ScopeConflict { .. }) => Err("scope"),
            Err(AppendRefusal::ConditionFailed { .. }) => Err("condition"),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "seed {seed}, step {step}: {append:?}");
        if matches!(expected, Ok((_, _, false))) {
            accepted.push(append);
        }
        if random.below(4) == 0 {
            writer.commit();
            durable = accepted.len();
        }
        if random.below(150) == 0 {
            accepted.truncate(durable);
            model = Model::default();
            for append in &accepted {
                model.append(append).expect("it was accepted before");
            }
            ground.crash(&mut random);
            writer = Writer::open(ground.store());
            on_its_way = None;
        }
        if random.below(40) == 0 {
            ground.checkpoint();
        }
        if random.below(60) == 0 {
            writer.commit();
            durable = accepted.len();
            check_reads(ground.store(), &model, &mut random);
        }
    }
    writer.commit();
    check_chain(ground.store());
}

#[test]
fn random_programs_do_what_a_naive_scan_does() {
    let steps = std::env::var("EVERSTEP_LOG_STEPS")
        .map_or(1_000_000, |steps| steps.parse().expect("EVERSTEP_LOG_STEPS is a number"));
    // A naive scan is slow: many logs of some length, rather than a few very long ones.
    let logs = (steps / 2_000).max(5);
    for seed in 0..logs {
        play(seed, steps / logs);
    }
}

fn order(id: &str, expected: u64, events: usize) -> Append {
    let events = (0..events).map(|_| NewEvent::new("Moved", "{}").tag("hot")).collect();
    Append::to(StreamId::new("Order", id), Expected::Version(expected), events)
}

#[test]
fn rows_of_postings_are_found_by_position_across_their_ends() {
    let store = MemoryStore::new();
    let mut writer = Writer::open(&store);
    for turn in 0..40 {
        writer.append(&order("a", turn * 50, 50)).expect("appended");
        writer.append(&order(&format!("b{turn}"), 0, 1)).expect("appended");
        writer.commit();
    }
    let snapshot = store.snapshot().expect("a snapshot");
    let reader = LogReader::new(&*snapshot, "n");
    let stream = StreamId::new("Order", "a");
    for version in [1, 511, 512, 513, 1_024, 1_025, 1_999, 2_000] {
        let event = reader.stream(&stream, version, Direction::Forwards, 1).expect("an event");
        assert_eq!(event[0].version(), version);
        let event = reader.stream(&stream, version, Direction::Backwards, 1).expect("an event");
        assert_eq!(event[0].version(), version);
    }
    for from in (1..=2_040).rev().chain(1..=2_040) {
        let query = Query::tags(["hot"]);
        let found = reader.matching(&query, from, Direction::Forwards, 1).expect("events");
        assert_eq!(found[0].position(), from);
    }
    let kept = reader.streams("Order", None, 10).expect("streams");
    assert_eq!((kept.len(), &*kept[1].0.id, kept[0].1.events), (10, "b0", 2_000));
    let next = reader.streams("Order", Some(&kept[9].0), 100).expect("streams");
    assert_eq!(next.len(), 31);
    assert_eq!(reader.tags("h", None, 9).expect("tags")[0].1.commits, 80);
}

#[test]
fn the_same_key_with_other_events_is_a_conflict_before_any_version() {
    let store = MemoryStore::new();
    let mut writer = Writer::open(&store);
    let keyed = |data: &'static str, key: &str| {
        let mut append = order("a", 0, 1);
        append.streams[0].events[0].data = data.into();
        append.streams[0].events[0].idempotency_key = Some(key.into());
        append
    };
    let first = writer.append(&keyed("1", "k")).expect("appended");
    let again = writer.append(&keyed("1", "k")).expect("known");
    assert_eq!(
        (first.written(), &again),
        (again.written(), &Appended::Duplicate(Written { first_position: 1, events: 1 }))
    );
    let other = writer.append(&keyed("2", "k"));
    assert!(matches!(other, Err(AppendRefusal::IdempotencyConflict { .. })), "{other:?}");
    let mut mixed = keyed("1", "k");
    mixed.streams[0].events.push(NewEvent::new("Moved", "{}"));
    let mixed = writer.append(&mixed);
    assert!(matches!(mixed, Err(AppendRefusal::IdempotencyConflict { .. })), "{mixed:?}");
    writer.commit();
    let mut reopened = Writer::open(&store);
    assert!(matches!(reopened.append(&keyed("1", "k")), Ok(Appended::Duplicate(_))));
}

#[test]
fn what_a_draft_made_is_gone_with_it() {
    let store = MemoryStore::new();
    let mut writer = Writer::open(&store);
    let snapshot = store.snapshot().expect("a snapshot");
    let mut draft = writer.log.draft(&*snapshot, 1);
    draft.append(&order("a", 0, 2), Checked::NOTHING).expect("appended");
    assert_eq!(draft.stream(&StreamId::new("Order", "a"), 1, 9).expect("events").len(), 1);
    drop(draft);
    let appended = writer.append(&order("a", 0, 1)).expect("appended");
    assert_eq!(appended.written().first_position, 1);
}

#[test]
fn names_that_cannot_be_are_refused_by_name() {
    let store = MemoryStore::new();
    let mut writer = Writer::open(&store);
    let mut refuse = |change: fn(&mut Append), what: &str| {
        let mut append = order("a", 0, 1);
        change(&mut append);
        let refused = writer.append(&append).expect_err(what).to_string();
        assert!(refused.contains(what), "{refused}");
    };
    refuse(|append| append.streams[0].events[0].event_type = "".into(), "0 bytes");
    refuse(|append| append.streams[0].events[0].event_type = "$x".into(), "reserved");
    refuse(|append| append.streams[0].events[0].tags.push("a\u{0}b".into()), "control");
    refuse(|append| append.streams[0].events[0].tags.push("hot".into()), "twice");
    refuse(|append| append.streams[0].events.clear(), "needs events");
    refuse(|append| append.streams.push(append.streams[0].clone()), "says twice");
}

#[test]
fn the_walk_names_the_first_event_that_is_not_what_was_appended() {
    use crate::log::keys;

    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let store = MemoryStore::new();
        let mut writer = Writer::open(&store);
        for _ in 0..40 {
            let mut append = order("a", 0, 1);
            append.streams[0].expected = Expected::Any;
            append.streams[0].events[0].data = "{\"total\":7}".into();
            writer.append(&append).expect("appended");
        }
        writer.commit();
        let whole = verify_logs(&*store.snapshot().expect("a snapshot")).expect("a whole log");
        assert_eq!(whole, [VerifiedLog { namespace: "n".into(), events: 40 }]);
        // Positions 5 to 8.
        let key = keys::block(&keys::namespace("n"), 1);
        let snapshot = store.snapshot().expect("a snapshot");
        let mut block = snapshot.get(keys::EVENTS, &key).expect("read").expect("a block").to_vec();
        change(&mut block);
        let mut batch = Batch::new();
        match block.is_empty() {
            true => batch.delete(keys::EVENTS, &key),
            false => batch.put(keys::EVENTS, &key, &block),
        };
        store.commit(batch).expect("a commit");
        match verify_logs(&*store.snapshot().expect("a snapshot")) {
            Err(LogFault::Broken { namespace, found }) if namespace == "n" => found,
            other => panic!("{other:?}"),
        }
    };
    let flip = |block: &mut Vec<u8>| {
        let at = block.windows(9).rposition(|part| part == b"{\"total\":").expect("the data");
        block[at + 9] ^= 1;
    };
    assert_eq!(changed(&flip), ChainBreak::Hash(8));
    assert_eq!(changed(&|block| block.truncate(block.len() - 1)), ChainBreak::Unreadable(8));
    assert_eq!(changed(&Vec::clear), ChainBreak::Gap { expected: 5, found: 9 });
}
