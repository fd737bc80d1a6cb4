//! Views as they change: one reader a view and namespace, however many follow.
//!
//! A frame is a row's state after its newest event, folded from the log and not from the durable
//! row, so it comes with the commit of the event, whether the projection is quick, slow or paused.
//!
//! Invariants: between what a follower reads first and what it is told then there is no gap; a
//! frame's id is the position of the event, from which a later follower goes on; who takes frames
//! too slowly is cut off, and nobody waits for it. Rows that change without an event (a rebuild, an
//! event that leaves the quarantine) are told of as a resync.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use everstep_engine::log::{Direction, RecordedEvent};
use everstep_engine::{Engine, Rejection, RowSnapshot};
use everstep_reactive::Merged;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::fold::fold_row;
use super::quarantine::{self, Blocked};
use super::rows::{self, Checkpoint, StoredRow};
use super::service::Live;
use super::view::{self, MOST_PENDING, Pending, RowView, all_pending_events};
use super::{ProjectionCode, ProjectionError, recent};

/// Changes that a follower may be behind before it is cut off.
const MOST_BEHIND: usize = 1_024;
/// Events that are read at once.
const EVENTS_AT_ONCE: usize = 512;
/// Rows that the reader remembers.
const MOST_REMEMBERED: usize = 10_000;
/// Events that a follower who comes back may have missed; more, and it is told to read anew.
const MOST_MISSED: usize = 1_000;

/// What a follower is told.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A row after its newest event.
    Row(Arc<RowChange>),
    /// The durable rows hold every event up to here, and of each one followers were told.
    Durable(u64),
    /// Too much was missed to be told: read the rows, and go on from this position.
    Resync(u64),
}

/// What somebody follows.
#[derive(Clone, Debug, Default)]
pub struct Following {
    /// One row; all of them otherwise.
    pub key: Option<String>,
    /// The last frame that a client has.
    pub after: Option<u64>,
    /// Each change comes with its events, for whoever folds them.
    pub with_events: bool,
}

/// A row, and the events that made it what it is since the frame before.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// The row.
    pub row: RowView,
    /// In order, in the newest version of their schemas; in the first frame of a row, those that
    /// are not durable in it, or come after what the follower had.
    pub events: Vec<RecordedEvent>,
}

/// A view that is followed.
pub struct Subscription {
    key: Option<String>,
    first: VecDeque<Frame>,
    /// Changes up to here are known already.
    known: u64,
    is_behind: bool,
    changes: broadcast::Receiver<Frame>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Subscription {
    /// The next frame; none when it was cut off for being too slow, or the server stops. It may be
    /// dropped and asked again.
    pub async fn next(&mut self) -> Option<Frame> {
        if let Some(frame) = self.first.pop_front() {
            return Some(frame);
        }
        loop {
            match self.changes.recv().await {
                Ok(Frame::Row(change)) if !self.is_news(&change) => {}
                Ok(frame) => return Some(frame),
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(_)) => {
                    self.is_behind = true;
                    return None;
                }
            }
        }
    }
}

impl Subscription {
    fn is_news(&self, change: &RowChange) -> bool {
        let last = change.events.last().map_or(0, RecordedEvent::position);
        change.row.position.max(last) > self.known
            && self.key.as_ref().is_none_or(|key| *key == change.row.key)
    }

    /// Whether it was cut off for being too slow.
    pub const fn is_behind(&self) -> bool {
        self.is_behind
    }
}

type Key = (String, &'static str);

/// The readers that run.
#[derive(Default)]
pub(super) struct Feeds(Arc<Mutex<HashMap<Key, broadcast::Sender<Frame>>>>);

impl Feeds {
    /// Follows a view.
    pub(super) fn follow(
        &self,
        engine: &Engine,
        namespace: &str,
        code: &Arc<ProjectionCode>,
        live: &Arc<Live>,
        following: Following,
    ) -> Result<Subscription, ProjectionError> {
        let changes = self.join(engine, namespace, code, live)?;
        // What is read from here on is at least as new as where the reader began.
        let snapshot = engine.rows(namespace)?;
        let newest = snapshot.log().last_position().map_err(Rejection::from)?;
        let first = match (&following.key, following.after) {
            (None, None) => VecDeque::new(),
            (Some(key), None) => [whole(&snapshot, code, key)?].into(),
            (_, Some(after)) => missed(&snapshot, code, &following, after)?,
        };
        let key = following.key;
        Ok(Subscription { key, first, known: newest, is_behind: false, changes })
    }

    fn join(
        &self,
        engine: &Engine,
        namespace: &str,
        code: &Arc<ProjectionCode>,
        live: &Arc<Live>,
    ) -> Result<broadcast::Receiver<Frame>, ProjectionError> {
        let key = (namespace.to_owned(), code.name);
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = feeds.get(&key) {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(MOST_BEHIND);
        let events = engine.follow_log(namespace)?;
        let from = engine.log(namespace)?.reader().last_position().map_err(Rejection::from)?;
        let reader = Reader {
            engine: engine.clone(),
            namespace: namespace.to_owned(),
            code: Arc::clone(code),
            at: from,
            remembered: HashMap::new(),
            generation: None,
            blocked: Blocked::new(),
            is_far_behind: false,
        };
        feeds.insert(key.clone(), sender.clone());
        let (feeds, durable) = (Arc::clone(&self.0), live.durable.subscribe());
        tokio::spawn(async move {
            reader.run(events, durable, &sender, &feeds, &key).await;
            let mut feeds = feeds.lock().unwrap_or_else(PoisonError::into_inner);
            feeds.remove(&key);
        });
        Ok(receiver)
    }
}

fn row_frame(row: RowView, events: Vec<RecordedEvent>) -> Frame {
    Frame::Row(Arc::new(RowChange { row, events }))
}

/// A row as it is, with the events that are not durable in it.
fn whole(snapshot: &RowSnapshot, code: &ProjectionCode, key: &str) -> Result<Frame, Rejection> {
    let recent = recent::read(snapshot, code, key)?;
    let row = view::read(snapshot, code, key)?;
    Ok(row_frame(row, recent.map(|recent| recent.events).unwrap_or_default()))
}

/// What a follower has missed who was there up to `after`: rows in the order of their last event.
fn missed(
    snapshot: &RowSnapshot,
    code: &ProjectionCode,
    following: &Following,
    after: u64,
) -> Result<VecDeque<Frame>, Rejection> {
    let key = following.key.as_deref();
    // An event that touches several rows is one frame for each: who follows all of them may have
    // got some.
    let from = if key.is_some() { after + 1 } else { after.max(1) };
    let events =
        snapshot.log().matching(&code.query, from, Direction::Forwards, MOST_MISSED + 1)?;
    if events.len() > MOST_MISSED {
        let resync = Frame::Resync(snapshot.log().last_position()?);
        return Ok(match key {
            Some(key) => [resync, whole(snapshot, code, key)?].into(),
            None => [resync].into(),
        });
    }
    let checkpoint = rows::checkpoint(snapshot, code.name)?;
    let blocked = quarantine::blocked(snapshot, checkpoint.shelf(code.name))?;
    let mut touched: BTreeMap<String, Vec<RecordedEvent>> = BTreeMap::new();
    for event in &events {
        let keys = code.keys_of(event);
        if event.position() == after && keys.len() < 2 {
            continue;
        }
        for found in keys {
            if key.is_none_or(|key| key == found) && !blocked.contains(&found) {
                touched.entry(found).or_default().push(code.newest_or_stored(event));
            }
        }
    }
    let mut touched: Vec<_> = touched.into_iter().collect();
    touched.sort_by_key(|(_, events)| events.last().map(RecordedEvent::position));
    let mut frames = VecDeque::with_capacity(touched.len() + 1);
    for (key, events) in touched {
        frames.push_back(row_frame(view::read(snapshot, code, &key)?, events));
    }
    // Who counts what is pending has to hear of what became durable meanwhile.
    if following.with_events {
        frames.push_back(Frame::Durable(checkpoint.position));
    }
    Ok(frames)
}

struct Reader {
    engine: Engine,
    namespace: String,
    code: Arc<ProjectionCode>,
    at: u64,
    /// What rows are after every event that was read; those of their events that may not be durable
    /// yet are pending.
    remembered: HashMap<String, Merged<StoredRow>>,
    /// Which rows were read; none before the first time.
    generation: Option<u32>,
    /// Those that wait for somebody to look at an event.
    blocked: Blocked,
    /// More events wait than are folded onto a row, so followers were not told what rows are.
    is_far_behind: bool,
}

/// What a reader has found.
struct News {
    /// Rows are other ones than the events say that were told of.
    resync: Option<u64>,
    rows: Vec<RowChange>,
    /// There are more events.
    more: bool,
}

impl Reader {
    /// Until nobody follows any more.
    async fn run(
        mut self,
        mut events: tokio::sync::watch::Receiver<u64>,
        mut durable: tokio::sync::watch::Receiver<u64>,
        sender: &broadcast::Sender<Frame>,
        feeds: &Mutex<HashMap<Key, broadcast::Sender<Frame>>>,
        key: &Key,
    ) {
        let mut told_durable = *durable.borrow();
        loop {
            let (reader, read) = match tokio::task::spawn_blocking(move || {
                let read = self.read();
                (self, read)
            })
            .await
            {
                Ok(done) => done,
                Err(_) => return,
            };
            self = reader;
            let more = match read {
                Ok(News { resync, rows, more }) => {
                    if let Some(position) = resync {
                        let _ = sender.send(Frame::Resync(position));
                    }
                    for row in rows {
                        // Nobody follows right now; that is looked at below.
                        let _ = sender.send(Frame::Row(Arc::new(row)));
                    }
                    // Never ahead of the events that were told of.
                    let position = self.at.min(*durable.borrow_and_update());
                    if position > told_durable {
                        told_durable = position;
                        let _ = sender.send(Frame::Durable(position));
                    }
                    more
                }
                // The namespace is gone, or the store has stopped.
                Err(_) => return,
            };
            {
                let mut feeds = feeds.lock().unwrap_or_else(PoisonError::into_inner);
                if sender.receiver_count() == 0 {
                    feeds.remove(key);
                    return;
                }
            }
            if more {
                continue;
            }
            tokio::select! {
                moved = events.changed() => if moved.is_err() { return },
                moved = durable.changed() => if moved.is_err() { return },
                _ = self.engine.stopped() => return,
                // To see that nobody follows any more.
                () = tokio::time::sleep(std::time::Duration::from_secs(5)) => {}
            }
        }
    }

    /// The rows that the next events have changed, in the order of their last one.
    fn read(&mut self) -> Result<News, Rejection> {
        let snapshot = self.engine.rows(&self.namespace)?;
        let code = Arc::clone(&self.code);
        let log = snapshot.log();
        let newest = log.last_position()?;
        let checkpoint = rows::checkpoint(&snapshot, code.name)?;
        let shelf = checkpoint.shelf(code.name);
        let mut is_other = self.look_again(&snapshot, checkpoint)?;
        if self.is_far_behind && newest - checkpoint.position.min(newest) <= MOST_PENDING as u64 {
            self.is_far_behind = false;
            is_other = true;
        }
        let resync = is_other.then_some(newest);
        if newest <= self.at {
            return Ok(News { resync, rows: Vec::new(), more: false });
        }
        let forwards = Direction::Forwards;
        let events = log.matching(&code.query, self.at + 1, forwards, EVENTS_AT_ONCE)?;
        let more = events.len() == EVENTS_AT_ONCE;
        let upto = if more { events.last().map_or(newest, |last| last.position()) } else { newest };
        let mut by_row: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for event in &events {
            for key in code.keys_of(event) {
                if !self.blocked.contains(&key) {
                    by_row.entry(key).or_default().push(event);
                }
            }
        }
        if self.remembered.len() > MOST_REMEMBERED {
            self.remembered.clear();
        }
        // Read once, when the first row is met that nothing is known of.
        let mut pending = None;
        let mut views = Vec::with_capacity(by_row.len());
        for (key, touched) in by_row {
            let mut is_whole = true;
            let mut known = match self.remembered.remove(&key) {
                Some(mut known) => {
                    match fold_row(&key, known.state.take(), &touched, &code) {
                        Ok(row) => known.state = row,
                        // The row waits; what is known of it is read anew.
                        Err(_) => continue,
                    }
                    let positions = touched.iter().map(|event| event.position());
                    known.pending.extend(positions);
                    known.changed_at = touched.last().map_or(known.changed_at, |it| it.position());
                    known
                }
                None => {
                    if pending.is_none() {
                        pending = all_pending_events(&snapshot, &code, checkpoint)?;
                    }
                    if pending.is_none() {
                        // Nobody can say what the row is; once it can be said, all is read anew.
                        self.remembered.clear();
                        self.is_far_behind = true;
                        self.at = upto;
                        return Ok(News { resync: Some(newest), rows: Vec::new(), more });
                    }
                    let events = pending.as_deref().unwrap_or_default();
                    let row = shelf.row(&snapshot, &key)?;
                    let waiting = Pending::of(&code, events, &self.blocked);
                    let merged = waiting.merged(&code, &key, row, checkpoint);
                    is_whole = merged.pending_events() == waiting.of_row(&key).len();
                    merged
                }
            };
            known.durable_position = checkpoint.position;
            known.pending.retain(|at| *at > checkpoint.position);
            let events = touched.iter().map(|event| code.newest_or_stored(event)).collect();
            views.push(RowChange { row: RowView::new(key.clone(), known.clone()), events });
            // One that may be ahead of `upto`, or that waits for an event which is refused, is read
            // anew next time.
            if known.changed_at <= upto && is_whole {
                self.remembered.insert(key, known);
            }
        }
        views.sort_by_key(|change| change.row.position);
        self.at = upto;
        Ok(News { resync, rows: views, more })
    }

    /// Whether rows have changed without an event: after a rebuild, and when what waited behind a
    /// quarantined event was taken in.
    fn look_again(
        &mut self,
        snapshot: &RowSnapshot,
        checkpoint: Checkpoint,
    ) -> Result<bool, Rejection> {
        let blocked = quarantine::blocked(snapshot, checkpoint.shelf(self.code.name))?;
        let generation = self.generation.replace(checkpoint.generation);
        let is_another = generation.is_some_and(|before| before != checkpoint.generation);
        let is_free = self.blocked.iter().any(|key| !blocked.contains(key));
        for key in blocked.difference(&self.blocked) {
            self.remembered.remove(key);
        }
        self.blocked = blocked;
        if is_another || is_free {
            self.remembered.clear();
        }
        Ok(is_another || is_free)
    }
}
