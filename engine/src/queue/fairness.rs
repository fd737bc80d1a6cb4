//! Whose turn it is within one priority: stride scheduling between keys (Waldspurger and Weihl,
//! 1995), first come first served within a key.
//!
//! Invariant: while several keys wait, their turns come in the ratio of their weights, however many
//! of each wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The place of something that waits: since when (milliseconds) and, where that is equal, which
/// came first.
pub(super) type Place = (i64, u64);

/// What waits in one lane, by place.
#[derive(Debug)]
pub(super) struct Lane<T> {
    keys: BTreeMap<Option<Arc<str>>, Key<T>>,
    /// By pass: whose turn is next.
    turns: BTreeSet<(u64, Option<Arc<str>>)>,
    /// The pass of the last turn: who comes new has missed nothing.
    pass: u64,
}

#[derive(Debug)]
struct Key<T> {
    pass: u64,
    waiting: BTreeMap<Place, T>,
}

/// How far a key of weight 1 moves with each turn.
const STRIDE: f64 = 1_048_576.0;

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { keys: BTreeMap::new(), turns: BTreeSet::new(), pass: 0 }
    }
}

impl<T> Lane<T> {
    pub(super) fn insert(&mut self, key: Option<Arc<str>>, place: Place, item: T) {
        let pass = self.pass;
        let entry = self.keys.entry(key.clone()).or_insert_with(|| {
            self.turns.insert((pass, key));
            Key { pass, waiting: BTreeMap::new() }
        });
        entry.waiting.insert(place, item);
    }

    /// Takes something out that waits at this place.
    pub(super) fn remove(&mut self, key: &Option<Arc<str>>, place: Place) -> Option<T> {
        let entry = self.keys.get_mut(key)?;
        let item = entry.waiting.remove(&place)?;
        if entry.waiting.is_empty() {
            self.turns.remove(&(entry.pass, key.clone()));
            self.keys.remove(key);
        }
        Some(item)
    }

    /// Takes the first one out, in the order of turns, that `fits`. What does not fit is passed
    /// over without losing its key's turn.
    pub(super) fn take(
        &mut self,
        weight: impl Fn(Option<&str>) -> f64,
        mut fits: impl FnMut(&T) -> bool,
    ) -> Option<T> {
        let (pass, key, place) = self.turns.iter().find_map(|(pass, key)| {
            let waiting = &self.keys.get(key)?.waiting;
            let (place, _) = waiting.iter().find(|(_, item)| fits(item))?;
            Some((*pass, key.clone(), *place))
        })?;
        self.turns.remove(&(pass, key.clone()));
        let entry = self.keys.get_mut(&key)?;
        let item = entry.waiting.remove(&place);
        self.pass = self.pass.max(pass);
        if entry.waiting.is_empty() {
            self.keys.remove(&key);
        } else {
            entry.pass = pass + (STRIDE / weight(key.as_deref())).max(1.0) as u64;
            self.turns.insert((entry.pass, key));
        }
        item
    }

    pub(super) fn len(&self) -> usize {
        self.keys.values().map(|key| key.waiting.len()).sum()
    }

    /// Since when the one waits that has waited longest, in milliseconds.
    pub(super) fn oldest(&self) -> Option<i64> {
        let first = |key: &Key<T>| key.waiting.first_key_value().map(|((since, _), _)| *since);
        self.keys.values().filter_map(first).min()
    }

    /// Everything that waits, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.keys.values().flat_map(|key| key.waiting.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(weights: &[(&str, f64)], waiting: &[(&str, usize)], turns: usize) -> Vec<String> {
        let mut lane = Lane::default();
        let mut count = 0;
        for (key, many) in waiting {
            for _ in 0..*many {
                count += 1;
                lane.insert(Some((*key).into()), (0, count), (*key).to_owned());
            }
        }
        let weight = |key: Option<&str>| {
            let own = weights.iter().find(|(name, _)| key == Some(*name));
            own.map_or(1.0, |(_, weight)| *weight)
        };
        (0..turns).filter_map(|_| lane.take(weight, |_| true)).collect()
    }

    #[test]
    fn a_key_with_many_does_not_hold_up_one_with_few() {
        let taken = order(&[], &[("a", 100), ("b", 2)], 4);
        assert_eq!(taken, ["a", "b", "a", "b"]);
    }

    #[test]
    fn turns_come_by_weight() {
        let taken = order(&[("gold", 3.0)], &[("gold", 100), ("tin", 100)], 80);
        let gold = taken.iter().filter(|key| *key == "gold").count();
        assert!((59..=61).contains(&gold), "{gold} of 80");
    }

    #[test]
    fn who_comes_late_has_neither_missed_nor_saved_turns() {
        let mut lane = Lane::default();
        for n in 0..50 {
            lane.insert(Some("a".into()), (0, n), "a");
        }
        for _ in 0..20 {
            lane.take(|_| 1.0, |_| true);
        }
        for n in 50..60 {
            lane.insert(Some("b".into()), (1, n), "b");
        }
        let taken: Vec<_> = (0..6).filter_map(|_| lane.take(|_| 1.0, |_| true)).collect();
        assert_eq!(taken.iter().filter(|key| **key == "b").count(), 3, "{taken:?}");
    }

    #[test]
    fn what_does_not_fit_is_passed_over_and_keeps_its_place() {
        let mut lane = Lane::default();
        for n in 0..4 {
            lane.insert(None, (0, n), n);
        }
        assert_eq!(lane.take(|_| 1.0, |n| *n >= 2), Some(2));
        assert_eq!(lane.take(|_| 1.0, |_| true), Some(0));
        assert_eq!(lane.remove(&None, (0, 1)), Some(1));
        assert_eq!((lane.len(), lane.oldest()), (1, Some(0)));
        assert_eq!(lane.take(|_| 1.0, |n| *n > 9), None);
    }
}
