//! One queue: what waits in it, what runs, and why what waits does not run.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::fairness::{Lane, Place};
use super::limits::{Dispatch, Priority, QueueLimits};
use super::rates::Rate;
use crate::{RunId, Timestamp};

/// An activity of a run.
pub(crate) type Id = (RunId, u32);

/// An activity that wants an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: Id,
    pub(crate) dispatch: Arc<Dispatch>,
    /// Since when it could run.
    pub(crate) since: Timestamp,
}

/// The rule that holds something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The queue is paused.
    Paused,
    /// As many run as may at once.
    Concurrency,
    /// As many have started as may in the time.
    Rate,
    /// As many with the same concurrency key run as may at once.
    ConcurrencyKey,
    /// Others' turns come first.
    Order,
}

/// Why an activity is not running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldBy {
    /// The queue.
    pub queue: String,
    /// The rule that holds it back.
    pub rule: Rule,
    /// The rule and its numbers, for people.
    pub reason: String,
}

#[derive(Debug)]
pub(crate) struct TaskQueue {
    name: Arc<str>,
    limits: QueueLimits,
    bucket: Option<Bucket>,
    lanes: [Lane<Item>; Priority::COUNT],
    /// Where each waits.
    places: HashMap<Id, (Arc<Dispatch>, Place)>,
    running: HashMap<Id, Option<Arc<str>>>,
    running_by_key: HashMap<Arc<str>, u32>,
    /// Counts arrivals.
    arrived: u64,
    added: Rate,
    started: Rate,
}

/// A queue's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) waiting: usize,
    pub(crate) waiting_by_priority: [usize; Priority::COUNT],
    pub(crate) running: usize,
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) added_per_s: f64,
    pub(crate) started_per_s: f64,
}

impl TaskQueue {
    pub(crate) fn new(name: Arc<str>, limits: QueueLimits, now: Timestamp) -> Self {
        let bucket = limits.rate_per_s.map(|rate| Bucket::new(rate, limits.burst, now));
        Self {
            name,
            limits,
            bucket,
            lanes: Default::default(),
            places: HashMap::new(),
            running: HashMap::new(),
            running_by_key: HashMap::new(),
            arrived: 0,
            added: Rate::new(now),
            started: Rate::new(now),
        }
    }

    pub(crate) const fn limits(&self) -> &QueueLimits {
        &self.limits
    }

    /// Other limits from now on; what runs goes on.
    pub(crate) fn set_limits(&mut self, limits: QueueLimits, now: Timestamp) {
        match (&mut self.bucket, limits.rate_per_s) {
            (Some(bucket), Some(rate)) => bucket.set(rate, limits.burst, now),
            (bucket, rate) => *bucket = rate.map(|rate| Bucket::new(rate, limits.burst, now)),
        }
        self.limits = limits;
    }

    /// An activity wants an attempt; false if it waits or has a slot already. Whoever offers admits
    /// until nobody is left that may start.
    pub(crate) fn offer(&mut self, item: Item, now: Timestamp) -> bool {
        if self.places.contains_key(&item.id) || self.running.contains_key(&item.id) {
            return false;
        }
        self.added.count(now);
        self.arrived += 1;
        let place = (item.since.as_millis(), self.arrived);
        let dispatch = Arc::clone(&item.dispatch);
        self.places.insert(item.id, (Arc::clone(&dispatch), place));
        let key = dispatch.fairness_key.clone();
        self.lanes[dispatch.priority.lane()].insert(key, place, item);
        true
    }

    /// The next one whose attempt may start: it has a slot now.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Option<Item> {
        if self.held_all(now).is_some() {
            return None;
        }
        let (limits, running_by_key) = (&self.limits, &self.running_by_key);
        let weight =
            |key: Option<&str>| key.and_then(|key| limits.weights.get(key)).copied().unwrap_or(1.0);
        let fits = |item: &Item| key_has_room(limits, running_by_key, &item.dispatch);
        let item = self.lanes.iter_mut().find_map(|lane| lane.take(weight, fits))?;
        self.places.remove(&item.id);
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
        let key = item.dispatch.concurrency_key.clone();
        if let Some(key) = &key {
            *self.running_by_key.entry(Arc::clone(key)).or_default() += 1;
        }
        self.running.insert(item.id, key);
        self.started.count(now);
        Some(item)
    }

    /// The rule that holds everything back, if one does.
    fn held_all(&mut self, now: Timestamp) -> Option<Rule> {
        if self.limits.paused {
            return Some(Rule::Paused);
        }
        let full = |limit: u32| self.running.len() >= limit as usize;
        if self.limits.concurrency.is_some_and(full) {
            return Some(Rule::Concurrency);
        }
        self.next_token(now).map(|_| Rule::Rate)
    }

    fn next_token(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.bucket.as_mut().and_then(|bucket| bucket.next_at(now))
    }

    /// An attempt has ended, or did not start after all: its slot is free. False if it had none.
    pub(crate) fn release(&mut self, id: Id) -> bool {
        let Some(key) = self.running.remove(&id) else { return false };
        if let Some(key) = key
            && let Some(running) = self.running_by_key.get_mut(&key)
        {
            *running -= 1;
            if *running == 0 {
                self.running_by_key.remove(&key);
            }
        }
        true
    }

    /// It does not want an attempt any more. False if it did not wait.
    pub(crate) fn withdraw(&mut self, id: Id) -> bool {
        let Some((dispatch, place)) = self.places.remove(&id) else { return false };
        self.lanes[dispatch.priority.lane()].remove(&dispatch.fairness_key, place).is_some()
    }

    /// When time alone lets the next one start.
    pub(crate) fn next_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.places.is_empty() || self.held_all(now) != Some(Rule::Rate) {
            return None;
        }
        self.next_token(now)
    }

    /// Forgets what waits and all that runs but these: memory was given up, and whoever still
    /// wants an attempt is offered again.
    pub(crate) fn forget_all_but(&mut self, still_runs: impl Fn(Id) -> bool) {
        self.lanes = Default::default();
        self.places.clear();
        let gone: Vec<Id> = self.running.keys().copied().filter(|id| !still_runs(*id)).collect();
        for id in gone {
            self.release(id);
        }
    }

    /// Why an activity does not run; none when it does not wait here.
    pub(crate) fn held_by(&mut self, id: Id, now: Timestamp) -> Option<HeldBy> {
        let (dispatch, place) = self.places.get(&id).cloned()?;
        let rule = match self.held_all(now) {
            Some(rule) => rule,
            None if !key_has_room(&self.limits, &self.running_by_key, &dispatch) => {
                Rule::ConcurrencyKey
            }
            None => Rule::Order,
        };
        let reason = match rule {
            Rule::Paused => "the queue is paused".to_owned(),
            Rule::Concurrency => {
                format!("{} of {} run", self.running.len(), self.limits.concurrency.unwrap_or(0))
            }
            Rule::Rate => {
                let wait_ms = self
                    .next_token(now)
                    .map_or(0, |at| at.as_millis().saturating_sub(now.as_millis()));
                let rate = self.limits.rate_per_s.unwrap_or(0.0);
                format!("{rate} a second may start, the next one in {wait_ms} ms")
            }
            Rule::ConcurrencyKey => {
                let limit = self.limits.concurrency_per_key.unwrap_or(0);
                let key = dispatch.concurrency_key.as_deref().unwrap_or_default();
                format!("{limit} of {limit} with concurrency key `{key}` run")
            }
            Rule::Order => "others' turns come first".to_owned(),
        };
        let lane = dispatch.priority.lane();
        let before: usize = self.lanes[..lane].iter().map(Lane::len).sum();
        let beside = self.lanes[lane].iter();
        let ahead = before
            + beside
                .filter(|item| {
                    item.dispatch.fairness_key == dispatch.fairness_key
                        && self.places.get(&item.id).is_some_and(|(_, other)| *other < place)
                })
                .count();
        let reason = match ahead {
            0 => reason,
            ahead => format!("{reason}; {ahead} wait before it"),
        };
        Some(HeldBy { queue: self.name.to_string(), rule, reason })
    }

    pub(crate) fn figures(&mut self, now: Timestamp) -> Figures {
        let oldest = self.lanes.iter().filter_map(Lane::oldest).min();
        Figures {
            waiting: self.places.len(),
            waiting_by_priority: std::array::from_fn(|lane| self.lanes[lane].len()),
            running: self.running.len(),
            oldest: oldest.map(Timestamp::from_millis),
            added_per_s: self.added.per_second(now),
            started_per_s: self.started.per_second(now),
        }
    }
}

fn key_has_room(
    limits: &QueueLimits,
    running_by_key: &HashMap<Arc<str>, u32>,
    dispatch: &Dispatch,
) -> bool {
    match (limits.concurrency_per_key, &dispatch.concurrency_key) {
        (Some(limit), Some(key)) => running_by_key.get(key).copied().unwrap_or(0) < limit,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn id(n: u32) -> Id {
        (RunId::from_bytes([0; 16]), n)
    }

    fn item(n: u32, dispatch: Dispatch) -> Item {
        Item { id: id(n), dispatch: Arc::new(dispatch), since: NOW }
    }

    fn queue(limits: QueueLimits) -> TaskQueue {
        TaskQueue::new("mail".into(), limits, NOW)
    }

    fn admitted(queue: &mut TaskQueue, now: Timestamp) -> Vec<u32> {
        std::iter::from_fn(|| queue.admit(now)).map(|item| item.id.1).collect()
    }

    fn rule(queue: &mut TaskQueue, n: u32) -> Option<Rule> {
        queue.held_by(id(n), NOW).map(|held| held.rule)
    }

    #[test]
    fn so_many_run_at_once_and_the_next_follows_a_release() {
        let mut queue = queue(QueueLimits::new().concurrency(2));
        for n in 1..=4 {
            assert!(queue.offer(item(n, Dispatch::new()), NOW));
        }
        assert!(!queue.offer(item(4, Dispatch::new()), NOW), "it waits already");
        assert_eq!(admitted(&mut queue, NOW), [1, 2]);
        assert!(!queue.offer(item(1, Dispatch::new()), NOW), "it has a slot");
        let held = queue.held_by(id(4), NOW).expect("it waits");
        assert_eq!((held.rule, &*held.reason), (Rule::Concurrency, "2 of 2 run; 1 wait before it"));
        assert!(queue.release(id(1)));
        assert!(!queue.release(id(1)));
        assert_eq!(admitted(&mut queue, NOW), [3]);
        assert!(queue.withdraw(id(4)));
        assert_eq!((rule(&mut queue, 4), queue.figures(NOW).waiting), (None, 0));
    }

    #[test]
    fn priorities_come_first_and_keys_share_what_is_left() {
        let mut queue = queue(QueueLimits::new().concurrency(1));
        let place = |priority, key: &str| Dispatch {
            priority: Priority::new(priority),
            fairness_key: Some(key.into()),
            ..Dispatch::new()
        };
        for (n, (priority, key)) in
            (1..).zip([(3, "a"), (3, "a"), (3, "a"), (3, "b"), (5, "a"), (1, "a")])
        {
            queue.offer(item(n, place(priority, key)), NOW);
        }
        let mut order = Vec::new();
        while let Some(next) = queue.admit(NOW) {
            order.push(next.id.1);
            queue.release(next.id);
        }
        assert_eq!(order, [6, 1, 4, 2, 3, 5]);
    }

    #[test]
    fn a_concurrency_key_that_is_full_holds_up_nobody_else() {
        let mut queue = queue(QueueLimits::new().concurrency_per_key(1));
        let place = |key: &str| Dispatch { concurrency_key: Some(key.into()), ..Dispatch::new() };
        for (n, key) in (1..).zip(["a", "a", "b"]) {
            queue.offer(item(n, place(key)), NOW);
        }
        queue.offer(item(4, Dispatch::new()), NOW);
        assert_eq!(admitted(&mut queue, NOW), [1, 3, 4]);
        assert_eq!(rule(&mut queue, 2), Some(Rule::ConcurrencyKey));
        queue.release(id(1));
        assert_eq!(admitted(&mut queue, NOW), [2]);
    }

    #[test]
    fn the_rate_says_when_the_next_may_start() {
        let mut queue = queue(QueueLimits::new().rate_per_s(10.0).burst(1));
        for n in 1..=3 {
            queue.offer(item(n, Dispatch::new()), NOW);
        }
        assert_eq!(admitted(&mut queue, NOW), [1]);
        assert_eq!(rule(&mut queue, 2), Some(Rule::Rate));
        let next = queue.next_at(NOW).expect("a token comes");
        assert_eq!(next, NOW.plus_millis(100));
        assert_eq!(admitted(&mut queue, next), [2]);
        queue.set_limits(QueueLimits { paused: true, ..QueueLimits::new() }, next);
        assert_eq!((queue.next_at(next), admitted(&mut queue, next)), (None, vec![]));
        assert_eq!(rule(&mut queue, 3), Some(Rule::Paused));
        queue.set_limits(QueueLimits::new(), next);
        assert_eq!(admitted(&mut queue, next), [3]);
    }

    #[test]
    fn what_memory_forgot_is_offered_again() {
        let mut queue = queue(QueueLimits::new().concurrency(2));
        for n in 1..=3 {
            queue.offer(item(n, Dispatch::new()), NOW);
        }
        assert_eq!(admitted(&mut queue, NOW), [1, 2]);
        queue.forget_all_but(|known| known == id(2));
        assert_eq!((queue.figures(NOW).waiting, queue.figures(NOW).running), (0, 1));
        assert!(queue.offer(item(3, Dispatch::new()), NOW));
        assert!(queue.offer(item(1, Dispatch::new()), NOW));
        assert_eq!(admitted(&mut queue, NOW), [3]);
    }
}
