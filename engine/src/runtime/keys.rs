//! The engine's tables and the layout of their keys.
//!
//! Invariant: a table's id is its number on disk and never changes. Every key begins with its
//! namespace, except in the tables that the loop scans by logical shard, where the namespace
//! follows the shard.

use everstep_storage::Table;

use crate::{RunId, Timestamp};

/// `namespace ‖ run` → [`RunRecord`](super::RunRecord) of a closed run.
pub(crate) const RUNS: Table = Table::new(1, "runs");
/// `namespace ‖ run` → [`RunRecord`](super::RunRecord) of an open run.
pub(crate) const OPEN_RUNS: Table = Table::new(80, "open_runs");
/// `namespace ‖ shape ‖ milliseconds of run ids` → the last ten bytes of the ids of runs of the
/// shape, in their order. An id that stands there twice is erased.
pub(crate) const STARTED: Table = Table::new(81, "started");
/// `namespace ‖ milliseconds` → the ids of runs that closed then. An id that stands there twice is
/// erased.
pub(crate) const CLOSED: Table = Table::new(82, "closed");
/// `namespace ‖ shape` → [`Shape`](super::index::Shape).
pub(crate) const SHAPES: Table = Table::new(83, "shapes");
/// `namespace ‖ shape ‖ status` → how many runs.
pub(crate) const SHAPE_COUNTS: Table = Table::new(84, "shape_counts");
/// `namespace ‖ term ‖ run` → nothing: runs by what is rare or particular about them.
pub(crate) const FOUND_BY: Table = Table::new(85, "found_by");
/// `namespace ‖ term ‖ status` → how many runs.
pub(crate) const TERM_COUNTS: Table = Table::new(86, "term_counts");
/// `table ‖ key` → nothing: a row that may be empty since a run was erased.
pub(crate) const UNTIDY: Table = Table::new(87, "untidy");
/// `namespace ‖ workflow id` → the newest run's id, unless they are the same.
pub(crate) const WORKFLOWS: Table = Table::new(2, "workflows");
/// `namespace ‖ run ‖ first event's number` → consecutive events, appended to.
pub(crate) const HISTORY: Table = Table::new(3, "history");
/// `namespace ‖ run ‖ event's number ‖ index` → the JSON text of a payload that is too large to
/// stand in its event.
pub(crate) const PAYLOADS: Table = Table::new(13, "payloads");
/// `shard ‖ due ‖ namespace ‖ run ‖ id` → nothing, or the id of a schedule whose own id stands for
/// the run's: what the clock will wake.
pub(crate) const TIMERS: Table = Table::new(4, "timers");
/// `shard ‖ namespace ‖ run` → nothing: runs that a process was working for.
pub(crate) const ACTIVE: Table = Table::new(5, "active");
/// `namespace ‖ run ‖ name` → what the workflow published.
pub(crate) const PUBLISHED: Table = Table::new(6, "published");
/// `namespace ‖ run` → the signals that the code waits for.
pub(crate) const AWAITING: Table = Table::new(7, "awaiting");
/// `namespace ‖ key` → the start that was answered under an idempotency key.
pub(crate) const START_KEYS: Table = Table::new(8, "start_keys");
/// `namespace ‖ first run ‖ key` → the signal that was accepted under an idempotency key.
pub(crate) const SIGNAL_KEYS: Table = Table::new(9, "signal_keys");
/// `shard ‖ epoch ‖ number ‖ namespace` → [`Letter`](super::mailbox::Letter): what one run asks of
/// another and the other has not taken yet.
pub(crate) const INBOX: Table = Table::new(11, "inbox");
/// `namespace ‖ first run ‖ update id` → what became of an update.
pub(crate) const UPDATES: Table = Table::new(30, "updates");
/// `namespace ‖ context ‖ table ‖ key` → the application's own rows; see `sdk/tables`.
pub(crate) const APP_ROWS: Table = Table::new(31, "app_rows");
/// `namespace ‖ queue` → the limits that were set at run time, as JSON.
pub(crate) const QUEUES: Table = Table::new(40, "queues");
/// `namespace ‖ run ‖ activity` → the last heartbeat of an activity that has not ended.
pub(crate) const HEARTBEATS: Table = Table::new(12, "heartbeats");
/// `namespace ‖ first run ‖ order` → the id of an update that the code has not looked at.
pub(crate) const ADMITTED: Table = Table::new(32, "admitted");
/// `namespace ‖ schedule id` → the definition, as JSON.
pub(crate) const SCHEDULES: Table = Table::new(60, "schedules");
/// `namespace ‖ schedule id` → [`ScheduleState`](crate::schedule::ScheduleState).
pub(crate) const SCHEDULE_STATES: Table = Table::new(61, "schedule_states");
/// Name → value: format version, number of shards, the manual clock.
pub(crate) const META: Table = Table::new(10, "meta");

/// Name → [`NamespaceRecord`](super::namespaces::NamespaceRecord).
pub(crate) const NAMESPACES: Table = Table::new(50, "namespaces");
/// `namespace ‖ workflow id ‖ run` → nothing: all runs of an id that has had more than one.
pub(crate) const RUNS_OF_ID: Table = Table::new(51, "runs_of_id");

/// Logical shards: a constant that is stored with the data. A workflow belongs to the shard of its
/// id for ever; which thread or node serves the shard may change.
pub(crate) const SHARDS: u16 = 256;

/// The ids under which the engine's own timers of a run stand in [`TIMERS`]; activities and
/// timers of the code have the ids between.
pub(crate) const START_DELAY_ID: u32 = 0;
pub(crate) const EXECUTION_TIMEOUT_ID: u32 = u32::MAX;
/// The deadline of an activity stands under the activity's id with this bit, beside its retries.
pub(crate) const DEADLINE_BIT: u32 = 1 << 31;

/// The activity whose deadline stands under this id.
pub(crate) const fn deadline_of(id: u32) -> Option<u32> {
    match id {
        EXECUTION_TIMEOUT_ID => None,
        id if id & DEADLINE_BIT != 0 => Some(id & !DEADLINE_BIT),
        _ => None,
    }
}

/// The shard of a workflow: FNV-1a over namespace and id (Fowler, Noll, Vo; 32 bits), folded to
/// one byte.
pub(crate) fn shard_of(namespace: &str, workflow_id: &str) -> u8 {
    let bytes = namespace.bytes().chain(std::iter::once(0)).chain(workflow_id.bytes());
    let hash = bytes
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [a, b, c, d] = hash.to_be_bytes();
    a ^ b ^ c ^ d
}

/// A key that is built from parts.
struct Key(Vec<u8>);

impl Default for Key {
    fn default() -> Self {
        // Most keys fit, so that they are built without growing.
        Self(Vec::with_capacity(48))
    }
}

impl Key {
    fn with(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Length first, so that no namespace is a prefix of another one's keys.
    fn namespace(self, namespace: &str) -> Self {
        let length = u8::try_from(namespace.len()).unwrap_or(u8::MAX);
        self.with(&[length]).with(&namespace.as_bytes()[..usize::from(length)])
    }

    fn run(self, run_id: RunId) -> Self {
        self.with(run_id.as_bytes())
    }
}

/// Everything of a namespace.
pub(crate) fn namespace(namespace: &str) -> Vec<u8> {
    Key::default().namespace(namespace).0
}

/// A run's row in `OPEN_RUNS`, `RUNS` and `AWAITING`, and the prefix of its rows elsewhere.
pub(crate) fn run(namespace: &str, run_id: RunId) -> Vec<u8> {
    Key::default().namespace(namespace).run(run_id).0
}

/// A row of `STARTED`, and the ten bytes that stand in it for the run.
pub(crate) fn started(namespace: &str, shape: u64, run_id: RunId) -> (Vec<u8>, [u8; 10]) {
    let (ms, rest) = split_run_id(run_id);
    (Key::default().namespace(namespace).with(&shape.to_be_bytes()).with(&ms).0, rest)
}

/// The milliseconds of a run id (RFC 9562, version 7), and what follows them.
pub(crate) const fn split_run_id(run_id: RunId) -> ([u8; 6], [u8; 10]) {
    let [a, b, c, d, e, f, rest @ ..] = *run_id.as_bytes();
    ([a, b, c, d, e, f], rest)
}

/// A row of `CLOSED`.
pub(crate) fn closed(namespace: &str, at: Timestamp) -> Vec<u8> {
    Key::default().namespace(namespace).with(&at.as_millis().to_be_bytes()).0
}

/// A row of `SHAPES`, and the prefix of the shape's rows in `SHAPE_COUNTS` and `STARTED`.
pub(crate) fn shape(namespace: &str, shape: u64) -> Vec<u8> {
    Key::default().namespace(namespace).with(&shape.to_be_bytes()).0
}

/// A row of `SHAPE_COUNTS`.
pub(crate) fn shape_count(namespace: &str, shape: u64, status: u8) -> Vec<u8> {
    Key::default().namespace(namespace).with(&shape.to_be_bytes()).with(&[status]).0
}

/// The prefix of a term's rows in `FOUND_BY` and `TERM_COUNTS`.
pub(crate) fn term(namespace: &str, term: &[u8]) -> Vec<u8> {
    Key::default().namespace(namespace).with(term).0
}

/// A row of `FOUND_BY`.
pub(crate) fn found_by(namespace: &str, term: &[u8], run_id: RunId) -> Vec<u8> {
    Key::default().namespace(namespace).with(term).run(run_id).0
}

/// A row of `TERM_COUNTS`.
pub(crate) fn term_count(namespace: &str, term: &[u8], status: u8) -> Vec<u8> {
    Key::default().namespace(namespace).with(term).with(&[status]).0
}

/// The run at the end of a key.
pub(crate) fn last_run(key: &[u8]) -> Option<RunId> {
    key.last_chunk::<16>().map(|id| RunId::from_bytes(*id))
}

/// A row of `UNTIDY`.
pub(crate) fn untidy(table: Table, key: &[u8]) -> Vec<u8> {
    Key::default().with(&[table.id()]).with(key).0
}

pub(crate) fn workflow(namespace: &str, workflow_id: &str) -> Vec<u8> {
    Key::default().namespace(namespace).with(workflow_id.as_bytes()).0
}

/// A schedule's row in `SCHEDULES` and `SCHEDULE_STATES`.
pub(crate) fn schedule(namespace: &str, schedule_id: &str) -> Vec<u8> {
    Key::default().namespace(namespace).with(schedule_id.as_bytes()).0
}

pub(crate) fn history(namespace: &str, run_id: RunId, first_event_id: u64) -> Vec<u8> {
    // Five bytes: a trillion events are enough, and keys are many.
    let [_, _, _, number @ ..] = first_event_id.to_be_bytes();
    Key::default().namespace(namespace).run(run_id).with(&number).0
}

/// A row of `PAYLOADS` of the run whose rows begin with `run`.
pub(crate) fn payload(run: &[u8], event_id: u64, index: u16) -> Vec<u8> {
    let [_, _, _, number @ ..] = event_id.to_be_bytes();
    Key::default().with(run).with(&number).with(&index.to_be_bytes()).0
}

/// The number of a segment's first event, from its key.
pub(crate) fn segment_of(key: &[u8]) -> u64 {
    let number = key.last_chunk::<5>().copied().unwrap_or_default();
    let mut bytes = [0; 8];
    bytes[3..].copy_from_slice(&number);
    u64::from_be_bytes(bytes)
}

pub(crate) fn published(namespace: &str, run_id: RunId, name: &str) -> Vec<u8> {
    Key::default().namespace(namespace).run(run_id).with(name.as_bytes()).0
}

pub(crate) fn heartbeat(namespace: &str, run_id: RunId, activity_id: u32) -> Vec<u8> {
    Key::default().namespace(namespace).run(run_id).with(&activity_id.to_be_bytes()).0
}

/// Reads a key of `HEARTBEATS`: the activity's id.
pub(crate) fn parse_heartbeat(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|id| u32::from_be_bytes(*id))
}

pub(crate) fn start_key(namespace: &str, key: &str) -> Vec<u8> {
    Key::default().namespace(namespace).with(key.as_bytes()).0
}

pub(crate) fn signal_key(namespace: &str, first_run: RunId, key: &str) -> Vec<u8> {
    Key::default().namespace(namespace).run(first_run).with(key.as_bytes()).0
}

pub(crate) fn update(namespace: &str, first_run: RunId, update_id: &str) -> Vec<u8> {
    Key::default().namespace(namespace).run(first_run).with(update_id.as_bytes()).0
}

/// The prefix of a workflow id's rows in `RUNS_OF_ID`.
pub(crate) fn runs_of_id(namespace: &str, workflow_id: &str) -> Vec<u8> {
    let length = u16::try_from(workflow_id.len()).unwrap_or(u16::MAX).to_be_bytes();
    Key::default().namespace(namespace).with(&length).with(workflow_id.as_bytes()).0
}

/// A row of `RUNS_OF_ID`.
pub(crate) fn run_of_id(namespace: &str, workflow_id: &str, run_id: RunId) -> Vec<u8> {
    Key(runs_of_id(namespace, workflow_id)).run(run_id).0
}

pub(crate) fn admitted(namespace: &str, first_run: RunId, order: u64) -> Vec<u8> {
    Key::default().namespace(namespace).run(first_run).with(&order.to_be_bytes()).0
}

pub(crate) fn active(shard: u8, namespace: &str, run_id: RunId) -> Vec<u8> {
    Key::default().with(&[shard]).namespace(namespace).run(run_id).0
}

pub(crate) fn queue(namespace: &str, name: &str) -> Vec<u8> {
    Key::default().namespace(namespace).with(name.as_bytes()).0
}

/// Reads a key of `QUEUES`: namespace and name.
pub(crate) fn parse_queue(key: &[u8]) -> Option<(&str, &str)> {
    let (namespace, name) = parse_namespace(key)?;
    Some((namespace, std::str::from_utf8(name).ok()?))
}

/// A row of `TIMERS`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    pub(crate) due: Timestamp,
    pub(crate) run_id: RunId,
    pub(crate) id: u32,
}

pub(crate) fn timer(shard: u8, namespace: &str, timer: &TimerKey) -> Vec<u8> {
    Key::default()
        .with(&[shard])
        .with(&timer.due.as_millis().to_be_bytes())
        .namespace(namespace)
        .run(timer.run_id)
        .with(&timer.id.to_be_bytes())
        .0
}

/// Reads a key of `TIMERS`: namespace and timer.
pub(crate) fn parse_timer(key: &[u8]) -> Option<(&str, TimerKey)> {
    let (due, rest) = key.get(1..)?.split_first_chunk::<8>()?;
    let (namespace, rest) = parse_namespace(rest)?;
    let (run_id, rest) = rest.split_first_chunk::<16>()?;
    let id = u32::from_be_bytes(rest.try_into().ok()?);
    let due = Timestamp::from_millis(i64::from_be_bytes(*due));
    Some((namespace, TimerKey { due, run_id: RunId::from_bytes(*run_id), id }))
}

/// A row of `INBOX`: letters sort by the order in which they were written.
pub(crate) fn letter(shard: u8, (epoch, number): (u64, u64), namespace: &str) -> Vec<u8> {
    Key::default()
        .with(&[shard])
        .with(&epoch.to_be_bytes())
        .with(&number.to_be_bytes())
        .namespace(namespace)
        .0
}

/// Reads a key of `INBOX`: epoch and number.
pub(crate) fn parse_letter(key: &[u8]) -> Option<(u64, u64)> {
    let (epoch, rest) = key.get(1..)?.split_first_chunk::<8>()?;
    let number = rest.first_chunk::<8>()?;
    Some((u64::from_be_bytes(*epoch), u64::from_be_bytes(*number)))
}

/// Reads a key of `ACTIVE`: namespace and run.
pub(crate) fn parse_active(key: &[u8]) -> Option<(&str, RunId)> {
    let (namespace, rest) = parse_namespace(key.get(1..)?)?;
    Some((namespace, RunId::from_bytes(rest.try_into().ok()?)))
}

fn parse_namespace(key: &[u8]) -> Option<(&str, &[u8])> {
    let (&length, rest) = key.split_first()?;
    let (namespace, rest) = rest.split_at_checked(usize::from(length))?;
    Some((std::str::from_utf8(namespace).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_sort_by_due_time_within_a_shard_and_read_back() {
        let run_id = RunId::from_bytes([7; 16]);
        let at = |ms, id| TimerKey { due: Timestamp::from_millis(ms), run_id, id };
        let (early, late) = (timer(3, "a", &at(9, 5)), timer(3, "a", &at(300, 1)));
        assert!(early < late);
        assert_eq!(parse_timer(&late), Some(("a", at(300, 1))));
        assert_eq!(parse_timer(b"short"), None);
        assert_eq!(parse_active(&active(1, "tenant", run_id)), Some(("tenant", run_id)));
    }

    #[test]
    fn no_namespace_is_a_prefix_of_another() {
        assert!(!workflow("ab", "c").starts_with(&namespace("a")));
    }

    #[test]
    fn no_two_tables_share_a_number() {
        // The constants of this file, as they are written.
        let text = include_str!("keys.rs");
        let mut numbers: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("pub(crate) const"))
            .filter_map(|line| line.split_once("Table::new("))
            .filter_map(|(_, rest)| rest.split_once(',').map(|(number, _)| number))
            .collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert!(all > 10 && numbers.len() == all, "{numbers:?}");
    }

    #[test]
    fn what_is_large_and_only_grows_lies_apart_from_its_keys() {
        assert!(HISTORY.lies_apart() && PAYLOADS.lies_apart());
        assert!(!RUNS.lies_apart() && !OPEN_RUNS.lies_apart() && !APP_ROWS.lies_apart());
    }

    #[test]
    fn workflows_spread_over_the_shards() {
        let mut used = std::collections::BTreeSet::new();
        used.extend((0..4_000).map(|n| shard_of("default", &format!("order-{n}"))));
        assert!(used.len() > 250, "{}", used.len());
    }
}
