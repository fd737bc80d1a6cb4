//! What is asked of a subscription's keeper, and who is answered once it is durable.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::window::{Handed, Taken, Verdict};
use super::{SubscriptionError, SubscriptionSettings};

/// What is asked of a keeper.
pub(super) enum Ask {
    Poll(Poll),
    Judge { verdicts: Vec<(u64, u32, Verdict)>, reply: Reply<Vec<Taken>> },
    Replay { positions: Option<Vec<u64>>, reply: Reply<usize> },
    Discard { positions: Option<Vec<u64>>, reply: Reply<usize> },
    Configure { settings: Box<SubscriptionSettings>, reply: Reply<()> },
    Delete { reply: Reply<()> },
}

/// A consumer that wants events.
pub(super) struct Poll {
    pub(super) consumer: Arc<str>,
    pub(super) most: usize,
    pub(super) lease_ms: Option<u64>,
    pub(super) until: Instant,
    pub(super) reply: Reply<Vec<Handed>>,
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, SubscriptionError>>;

/// How to reach a keeper.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) asks: mpsc::Sender<Ask>,
    /// Consumers that wait now.
    pub(super) polling: Arc<AtomicUsize>,
}

/// All keepers of an engine, by namespace and name.
pub(super) type Handles = Arc<Mutex<HashMap<(String, String), Handle>>>;

/// Who is answered when the transaction is durable.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) judged: Vec<(Reply<Vec<Taken>>, Vec<Taken>)>,
    pub(super) counted: Vec<(Reply<usize>, usize)>,
    pub(super) handed: Vec<(Poll, Vec<Handed>)>,
    pub(super) deleted: Vec<Reply<()>>,
}

impl Answers {
    /// Tells everybody that nothing came of it.
    pub(super) fn refuse(self, error: &SubscriptionError) {
        for reply in self.deleted {
            let _ = reply.send(Err(error.clone()));
        }
        for (reply, _) in self.judged {
            let _ = reply.send(Err(error.clone()));
        }
        for (reply, _) in self.counted {
            let _ = reply.send(Err(error.clone()));
        }
        for (poll, _) in self.handed {
            let _ = poll.reply.send(Err(error.clone()));
        }
    }

    /// Tells everybody; answers what those would have got who are not there any more.
    pub(super) fn give(self) -> Vec<Vec<Handed>> {
        for (reply, taken) in self.judged {
            let _ = reply.send(Ok(taken));
        }
        for (reply, count) in self.counted {
            let _ = reply.send(Ok(count));
        }
        let given = self.handed.into_iter().map(|(poll, handed)| poll.reply.send(Ok(handed)));
        given.filter_map(|sent| sent.err()?.ok()).filter(|handed| !handed.is_empty()).collect()
    }
}
