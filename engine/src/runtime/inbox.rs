//! The loop's only door: many senders, one receiver that takes everything at once.
//!
//! Invariant: requests are refused above the bound; results and commits are always taken, since
//! their number is bounded by what the loop itself started. A sleeping loop is woken once per
//! batch, a running one never.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::watch;

use super::message::Message;
use crate::Rejection;

/// How many messages may wait before requests are refused.
const BOUND: usize = 65_536;

pub(super) struct Inbox {
    queue: Mutex<Queue>,
    sleeping: AtomicBool,
    thread: OnceLock<Thread>,
    ended: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct Queue {
    messages: Vec<Message>,
    /// Why no more requests are taken.
    refusing: Option<String>,
    /// Nobody will ever look again.
    closed: bool,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            sleeping: AtomicBool::new(false),
            thread: OnceLock::new(),
            ended: watch::channel(None).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called once by the loop, on its own thread.
    pub(super) fn owned_by_this_thread(&self) {
        // Set once: there is one loop.
        let _ = self.thread.set(std::thread::current());
    }

    /// Sends a request.
    pub(super) fn request(&self, message: Message) -> Result<(), Rejection> {
        {
            let mut queue = self.lock();
            if let Some(reason) = &queue.refusing {
                return Err(Rejection::Unavailable(reason.clone()));
            }
            if queue.messages.len() >= BOUND {
                return Err(Rejection::Unavailable(format!("{BOUND} requests are waiting")));
            }
            queue.messages.push(message);
        }
        self.wake();
        Ok(())
    }

    /// Sends what must not be refused; false when the loop has ended.
    pub(super) fn push(&self, message: Message) -> bool {
        {
            let mut queue = self.lock();
            if queue.closed {
                return false;
            }
            queue.messages.push(message);
        }
        self.wake();
        true
    }

    fn wake(&self) {
        if self.sleeping.swap(false, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Moves all that waits into `into`, which is empty and keeps its room.
    pub(super) fn take(&self, into: &mut Vec<Message>) {
        std::mem::swap(&mut self.lock().messages, into);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Sleeps until something comes or `timeout` is over.
    pub(super) fn sleep(&self, timeout: Duration) {
        self.sleeping.store(true, Ordering::Release);
        if self.len() == 0 {
            std::thread::park_timeout(timeout);
        }
        self.sleeping.store(false, Ordering::Release);
    }

    /// From now on requests are refused with this reason.
    pub(super) fn refuse(&self, reason: &str) {
        self.lock().refusing.get_or_insert_with(|| reason.to_owned());
    }

    pub(super) fn state(&self) -> Result<(), String> {
        self.lock().refusing.clone().map_or(Ok(()), Err)
    }

    /// The loop has ended: what still waits is dropped, and with it the replies.
    pub(super) fn close(&self, reason: &str) {
        self.refuse(reason);
        let dropped = {
            let mut queue = self.lock();
            queue.closed = true;
            std::mem::take(&mut queue.messages)
        };
        drop(dropped);
        self.ended.send_replace(Some(reason.to_owned()));
    }

    /// Waits for the loop's end and tells its reason.
    pub(super) async fn stopped(&self) -> String {
        let mut ended = self.ended.subscribe();
        match ended.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the engine is gone".into(),
        }
    }
}
