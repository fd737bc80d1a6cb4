//! The task that keeps one subscription: it takes everything that waits, decides it on the window
//! and writes what changed as one transaction, before anybody is answered.
//!
//! While a transaction is on its way the next requests gather, so a crowd of consumers shares
//! commits, and one commit acknowledges whatever came with it.
//!
//! Invariants: nobody is told of what is not durable; a transaction that fails, or finds another
//! revision than its own, makes the keeper forget the window and begin again with the rows; a
//! keeper that nobody asked for a while ends, and whoever comes next finds the same rows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use everstep_engine::{ActivityError, Engine, Rejection, TransactError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::asks::{Answers, Ask, Handle, Handles, Poll};
use super::reading::{Page, all, find, read_page};
use super::rows::{OPEN, PARKED, STATES, SUBSCRIPTIONS, Stored, StoredState, delete_some, row_key};
use super::settings::EventFilter;
use super::window::{Changes, Window};
use super::{SubscriptionError, SubscriptionSettings};

/// Requests that wait for a keeper before whoever asks waits too.
const INBOX: usize = 1_024;
/// Requests that one transaction takes up.
const AT_ONCE: usize = 128;
/// Events that are read at once.
const PAGE: usize = 512;
/// Pages that are read before who waits is answered with what there is.
const PAGES_A_ROUND: usize = 16;
/// Positions without an event of the subscription after which the checkpoint is written all the
/// same.
const WORTH_A_CHECKPOINT: u64 = 4_096;
/// How long a keeper lives that nobody asks.
const REST: Duration = Duration::from_secs(60);
/// How often it is looked whether a clock that is moved by hand was.
const MANUAL_CLOCK_EVERY: Duration = Duration::from_millis(10);
/// How often a wait is looked over in any case.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The keeper of a subscription, which is there from now on.
pub(super) fn reach(engine: &Engine, handles: &Handles, namespace: &str, name: &str) -> Handle {
    let key = (namespace.to_owned(), name.to_owned());
    let mut all = handles.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = all.get(&key).filter(|handle| !handle.asks.is_closed()) {
        return handle.clone();
    }
    let (asks, inbox) = mpsc::channel(INBOX);
    let handle = Handle { asks, polling: Arc::default() };
    all.insert(key, handle.clone());
    let keeper = Keeper {
        engine: engine.clone(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        inbox,
        waiting: VecDeque::new(),
        polling: Arc::clone(&handle.polling),
    };
    tokio::spawn(keeper.run(Arc::clone(handles)));
    handle
}

struct Keeper {
    engine: Engine,
    namespace: String,
    name: String,
    inbox: mpsc::Receiver<Ask>,
    waiting: VecDeque<Poll>,
    polling: Arc<AtomicUsize>,
}

/// What is known of the subscription.
struct Known {
    window: Window,
    filter: EventFilter,
    partition: super::Partition,
    /// As the rows say it.
    checkpoint: u64,
}

impl Keeper {
    async fn run(mut self, handles: Handles) {
        let ended = self.keep(&handles).await;
        if let Err(error) = ended {
            let (subscription, namespace) = (&self.name, &self.namespace);
            if !matches!(error, SubscriptionError::NotFound(_)) {
                tracing::warn!(subscription, namespace, %error, "failed to keep a subscription");
            }
            self.inbox.close();
            self.refuse_all(&error);
        }
        let mut all = handles.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (self.namespace.clone(), self.name.clone());
        if all.get(&key).is_some_and(|handle| handle.asks.is_closed()) {
            all.remove(&key);
        }
    }

    fn refuse_all(&mut self, error: &SubscriptionError) {
        for poll in self.waiting.drain(..) {
            let _ = poll.reply.send(Err(error.clone()));
        }
        while let Ok(ask) = self.inbox.try_recv() {
            match ask {
                Ask::Poll(poll) => drop(poll.reply.send(Err(error.clone()))),
                Ask::Judge { reply, .. } => drop(reply.send(Err(error.clone()))),
                Ask::Replay { reply, .. } | Ask::Discard { reply, .. } => {
                    drop(reply.send(Err(error.clone())));
                }
                Ask::Delete { reply } | Ask::Configure { reply, .. } => {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }

    async fn keep(&mut self, handles: &Handles) -> Result<(), SubscriptionError> {
        let mut events = self.engine.follow_log(&self.namespace)?;
        let mut known = self.load().await?;
        let mut last_asked = Instant::now();
        let mut asks = Vec::with_capacity(AT_ONCE);
        loop {
            while asks.len() < AT_ONCE
                && let Ok(ask) = self.inbox.try_recv()
            {
                asks.push(ask);
            }
            if !asks.is_empty() {
                last_asked = Instant::now();
            }
            events.borrow_and_update();
            let now_ms = self.engine.now().as_millis();
            known.window.advance(now_ms);
            let mut answers = Answers::default();
            let mut configure = Vec::new();
            for ask in asks.drain(..) {
                match ask {
                    Ask::Poll(poll) => self.waiting.push_back(poll),
                    Ask::Judge { verdicts, reply } => {
                        let taken = verdicts.iter().map(|(position, attempt, verdict)| {
                            known.window.judge(*position, *attempt, verdict, now_ms)
                        });
                        answers.judged.push((reply, taken.collect()));
                    }
                    Ask::Replay { positions, reply } => {
                        let count = known.window.replay(positions.as_deref(), now_ms);
                        answers.counted.push((reply, count));
                    }
                    Ask::Discard { positions, reply } => {
                        let count = known.window.discard(positions.as_deref(), now_ms);
                        answers.counted.push((reply, count));
                    }
                    Ask::Configure { settings, reply } => configure.push((settings, reply)),
                    Ask::Delete { reply } => answers.deleted.push(reply),
                }
            }
            if !answers.deleted.is_empty() {
                let deleted = delete(&self.engine, &self.namespace, &self.name).await;
                let gone = SubscriptionError::NotFound(self.name.clone());
                for reply in answers.deleted.drain(..) {
                    let _ = reply.send(deleted.clone());
                }
                answers.refuse(&gone);
                return Err(gone);
            }
            let more = !self.waiting.is_empty() && self.read_ahead(&mut known, now_ms).await?;
            self.hand_out(&mut known.window, now_ms, more, &mut answers);
            self.polling.store(self.waiting.len(), Ordering::Relaxed);
            if known.window.has_changed(WORTH_A_CHECKPOINT, known.checkpoint) {
                let changes = known.window.take_changes();
                known.checkpoint = changes.state.checkpoint;
                if let Err(error) = self.write(changes).await {
                    answers.refuse(&error);
                    known = self.load().await?;
                    continue;
                }
            }
            let nobody_there = answers.give();
            nobody_there.iter().for_each(|handed| known.window.take_back(handed));
            let is_new = !configure.is_empty();
            for (settings, reply) in configure {
                let done = self.configure(*settings).await;
                let _ = reply.send(done);
            }
            if is_new {
                // What nobody was there to take is handed out until its time is over: rare.
                known = self.load().await?;
            }
            if more || is_new || !nobody_there.is_empty() {
                continue;
            }
            if self.waiting.is_empty() && last_asked.elapsed() >= REST {
                self.leave(handles);
                return Ok(());
            }
            let wake = self.wake_at(&known.window);
            tokio::select! {
                taken = self.inbox.recv_many(&mut asks, AT_ONCE) => {
                    if taken == 0 { return Ok(()) }
                }
                moved = events.changed(), if !self.waiting.is_empty() => {
                    if moved.is_err() { return Ok(()) }
                }
                () = sleep_until(wake) => {}
                _ = self.engine.stopped() => {
                    return Err(Rejection::Unavailable("the server is stopping".to_owned()).into());
                }
            }
        }
    }

    /// When it is to be looked again although nothing comes.
    fn wake_at(&self, window: &Window) -> Instant {
        let now = Instant::now();
        if self.waiting.is_empty() {
            return now + REST;
        }
        let first = self.waiting.iter().map(|poll| poll.until).min().unwrap_or(now);
        let mut wait = LONGEST_WAIT;
        if let Some(due) = window.next_due() {
            let left = due.saturating_sub(self.engine.now().as_millis()).max(0);
            // A clock that is moved by hand tells nobody.
            wait = match self.engine.config().clock.is_manual() {
                true => MANUAL_CLOCK_EVERY,
                false => wait.min(Duration::from_millis(u64::try_from(left).unwrap_or_default())),
            };
        }
        first.min(now + wait)
    }

    /// Ends, unless somebody has just come: whoever does later begins another keeper.
    fn leave(&mut self, handles: &Handles) {
        let mut all = handles.lock().unwrap_or_else(PoisonError::into_inner);
        self.inbox.close();
        all.remove(&(self.namespace.clone(), self.name.clone()));
    }

    /// Reads until there is as much as the waiting consumers want, or as there is room for, or no
    /// more; whether there may be more.
    async fn read_ahead(&self, known: &mut Known, now_ms: i64) -> Result<bool, SubscriptionError> {
        let wanted: usize = self.waiting.iter().map(|poll| poll.most).sum();
        for _ in 0..PAGES_A_ROUND {
            if known.window.ready() >= wanted || known.window.room() == 0 {
                return Ok(false);
            }
            let (after, most) = (known.window.read_to(), known.window.room().min(PAGE));
            let page = self.page(known, after, most).await?;
            known.window.read(page.events, page.read_to, now_ms);
            if page.is_last {
                return Ok(false);
            }
        }
        Ok(known.window.ready() < wanted && known.window.room() > 0)
    }

    async fn page(
        &self,
        known: &Known,
        after: u64,
        most: usize,
    ) -> Result<Page, SubscriptionError> {
        let (engine, namespace) = (self.engine.clone(), self.namespace.clone());
        let (filter, partition) = (known.filter.clone(), known.partition.clone());
        blocking(move || {
            let log = engine.log(&namespace)?;
            read_page(&log.reader(), &filter, &partition, after, most)
        })
        .await
    }

    /// Gives the consumers that wait what there is, in turn; those whose time is over get nothing.
    fn hand_out(&mut self, window: &mut Window, now_ms: i64, more: bool, answers: &mut Answers) {
        let now = Instant::now();
        let waiting = std::mem::take(&mut self.waiting);
        for poll in waiting {
            if poll.reply.is_closed() {
                continue;
            }
            let handed = window.hand_out(&poll.consumer, poll.most, poll.lease_ms, now_ms);
            match handed.is_empty() && (more || now < poll.until) {
                true => self.waiting.push_back(poll),
                false => answers.handed.push((poll, handed)),
            }
        }
    }

    /// What the rows say, with every event up to the last of them.
    async fn load(&self) -> Result<Known, SubscriptionError> {
        let (engine, namespace, name) =
            (self.engine.clone(), self.namespace.clone(), self.name.clone());
        blocking(move || {
            let rows = engine.rows(&namespace)?;
            let Stored { settings, .. } = find(&rows, &name)?;
            let state: StoredState = rows.get(STATES, &name)?.unwrap_or_default();
            let (filter, partition) = (settings.filter.clone(), settings.partition_by.clone());
            let (open, parked) = (all(&rows, OPEN, &name)?, all(&rows, PARKED, &name)?);
            let (checkpoint, now_ms) = (state.checkpoint, engine.now().as_millis());
            let mut window = Window::load(settings, state, open, parked, engine.epoch());
            let log = rows.log();
            while window.read_to() < window.rows_to() {
                let page = read_page(&log, &filter, &partition, window.read_to(), PAGE)?;
                window.read(page.events, page.read_to, now_ms);
                if page.is_last {
                    break;
                }
            }
            Ok(Known { window, filter, partition, checkpoint })
        })
        .await
    }

    async fn configure(&self, settings: SubscriptionSettings) -> Result<(), SubscriptionError> {
        let name = self.name.clone();
        let written = self.engine.transact(&self.namespace, move |tx| {
            match tx.get(SUBSCRIPTIONS, &name)?.filter(|stored| !stored.is_deleted) {
                Some(stored) => tx.put(SUBSCRIPTIONS, &name, &Stored { settings, ..stored }),
                None => Err(ActivityError::new("subscription_not_found", &name)),
            }
        });
        written.await.map_err(|error| refused(&self.name, error))
    }

    async fn write(&self, changes: Changes) -> Result<(), SubscriptionError> {
        let name = self.name.clone();
        let written = self.engine.transact(&self.namespace, move |tx| {
            let there = tx.get(SUBSCRIPTIONS, &name)?.is_some_and(|stored| !stored.is_deleted);
            if !there {
                return Err(ActivityError::new("subscription_not_found", &name));
            }
            let Changes { open, parked, before, state } = changes;
            let revision = tx.get(STATES, &name)?.unwrap_or_default().revision;
            if revision != before {
                return Err(ActivityError::new(
                    "unavailable",
                    "somebody else keeps the subscription",
                ));
            }
            for (position, row) in open {
                let key = row_key(&name, position);
                match row {
                    Some(row) => tx.put(OPEN, &key, &row)?,
                    None => tx.delete(OPEN, &key)?,
                }
            }
            for (position, row) in parked {
                let key = row_key(&name, position);
                match row {
                    Some(row) => tx.put(PARKED, &key, &row)?,
                    None => tx.delete(PARKED, &key)?,
                }
            }
            tx.put(STATES, &name, &state)
        });
        written.await.map_err(|error| refused(&self.name, error))
    }
}

/// Deletes a subscription with everything that is known of it.
pub(super) async fn delete(
    engine: &Engine,
    namespace: &str,
    name: &str,
) -> Result<(), SubscriptionError> {
    loop {
        let own = name.to_owned();
        let deleted = engine.transact(namespace, move |tx| {
            let Some(stored) = tx.get(SUBSCRIPTIONS, &own)? else { return Ok(true) };
            tx.put(SUBSCRIPTIONS, &own, &Stored { is_deleted: true, ..stored })?;
            delete_some(tx, &own)
        });
        if deleted.await.map_err(|error| refused(name, error))? {
            return Ok(());
        }
    }
}

pub(super) fn refused(name: &str, error: TransactError) -> SubscriptionError {
    match error {
        TransactError::Rejected(rejection) => rejection.into(),
        TransactError::Failed(error) if error.kind() == "subscription_not_found" => {
            SubscriptionError::NotFound(name.to_owned())
        }
        error => Rejection::Unavailable(error.to_string()).into(),
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, SubscriptionError> + Send + 'static,
) -> Result<T, SubscriptionError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(Rejection::Unavailable(error.to_string()).into()))
}
