//! The versions of one row.
//!
//! Invariant: versions are in the order of their sequence numbers. Whatever is dropped or merged
//! changes no value that a live or later snapshot, or a recovery, can compute.

use super::fold::{Effect, Operation};
use crate::record::counter;

/// One write of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) sequence: u64,
    pub(super) operation: Operation,
}

/// What still may be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coalescing {
    /// No snapshot, live or later, reads at a sequence number below this one.
    pub(super) horizon: u64,
    /// The state file is, or is just being, brought up to this sequence number.
    pub(super) applying: u64,
}

/// A row's versions; nearly always one, which then takes no allocation of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    One(Version),
    Many(Vec<Version>),
}

impl Slot {
    pub(super) fn versions(&self) -> &[Version] {
        match self {
            Self::One(version) => std::slice::from_ref(version),
            Self::Many(versions) => versions,
        }
    }

    /// What the versions above `base`, up to `sequence`, amount to.
    pub(super) fn effect(&self, base: u64, sequence: u64) -> Effect {
        let versions = self.versions();
        let from = versions.partition_point(|version| version.sequence <= base);
        let to = versions.partition_point(|version| version.sequence <= sequence);
        if from >= to {
            return Effect::Untouched;
        }
        Effect::of(versions[from..to].iter().map(|version| &version.operation))
    }

    /// The newest version's sequence number.
    pub(super) fn newest(&self) -> u64 {
        self.versions().last().map_or(0, |version| version.sequence)
    }

    /// The oldest version's sequence number.
    pub(super) fn oldest(&self) -> u64 {
        self.versions().first().map_or(0, |version| version.sequence)
    }

    /// Adds the newest version and forgets what it makes unreadable.
    pub(super) fn push(&mut self, version: Version, allowed: Coalescing) {
        let mut versions = match self {
            Self::Many(versions) => std::mem::take(versions),
            Self::One(only) => {
                let replaced = only.sequence == version.sequence && version.operation.is_absolute();
                if replaced || (only.sequence <= allowed.horizon && Self::hides(&version, allowed))
                {
                    *only = version;
                    return;
                }
                vec![only.clone()]
            }
        };
        coalesce(&mut versions, allowed);
        if version.operation.is_absolute() {
            // Writes of one batch are seen together or not at all.
            versions
                .truncate(versions.partition_point(|earlier| earlier.sequence < version.sequence));
            if Self::hides(&version, allowed) {
                versions.clear();
            }
        }
        versions.push(version);
        *self = Self::from_versions(versions);
    }

    /// Everybody who reads sees this version or a newer one.
    fn hides(version: &Version, allowed: Coalescing) -> bool {
        version.operation.is_absolute() && version.sequence <= allowed.horizon
    }

    /// Forgets versions up to `floor`; `None` if none is left.
    pub(super) fn pruned(self, floor: u64) -> Option<Self> {
        match self {
            Self::One(version) => (version.sequence > floor).then_some(Self::One(version)),
            Self::Many(mut versions) => {
                let gone = versions.partition_point(|version| version.sequence <= floor);
                versions.drain(..gone);
                (!versions.is_empty()).then(|| Self::from_versions(versions))
            }
        }
    }

    fn from_versions(mut versions: Vec<Version>) -> Self {
        match (versions.pop(), versions.is_empty()) {
            (Some(only), true) => Self::One(only),
            (last, _) => {
                versions.extend(last);
                Self::Many(versions)
            }
        }
    }
}

/// Drops what stands before a newest version that everybody sees, and joins counting that
/// everybody sees. Looks only at the end, so that a long list of appends is not walked each time.
fn coalesce(versions: &mut Vec<Version>, allowed: Coalescing) {
    while let [.., earlier, later] = versions.as_slice() {
        if later.sequence > allowed.horizon {
            return;
        }
        if later.operation.is_absolute() {
            versions.drain(..versions.len() - 1);
            return;
        }
        // A recovery that finds `earlier` missing from the state file must find it in the
        // journal, with `later`: so neither may be folded into the other across `applying`.
        let Operation::Add(delta) = later.operation else { return };
        if earlier.sequence <= allowed.applying {
            return;
        }
        let operation = match &earlier.operation {
            Operation::Add(before) => Operation::Add(before.wrapping_add(delta)),
            Operation::Put(value) => {
                let sum = counter(value).wrapping_add(delta);
                Operation::Put(bytes::Bytes::copy_from_slice(&sum.to_le_bytes()))
            }
            Operation::Delete | Operation::Append(_) => return,
        };
        let joined = Version { sequence: later.sequence, operation };
        versions.truncate(versions.len() - 2);
        versions.push(joined);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn put(sequence: u64) -> Version {
        let value = Bytes::copy_from_slice(&sequence.to_le_bytes());
        Version { sequence, operation: Operation::Put(value) }
    }

    fn add(sequence: u64, delta: i64) -> Version {
        Version { sequence, operation: Operation::Add(delta) }
    }

    fn sequences(slot: &Slot) -> Vec<u64> {
        slot.versions().iter().map(|version| version.sequence).collect()
    }

    fn filled(versions: impl IntoIterator<Item = Version>, allowed: Coalescing) -> Slot {
        let mut versions = versions.into_iter();
        let mut slot = Slot::One(versions.next().expect("at least one"));
        for version in versions {
            slot.push(version, allowed);
        }
        slot
    }

    #[test]
    fn a_version_stays_while_a_snapshot_may_read_it() {
        let held = Coalescing { horizon: 1, applying: 0 };
        let mut slot = filled([put(1), put(2), put(3)], held);
        assert_eq!(sequences(&slot), [1, 2, 3]);
        slot.push(put(4), Coalescing { horizon: 3, applying: 0 });
        assert_eq!(sequences(&slot), [3, 4], "readers at 3 and above need no older one");
    }

    #[test]
    fn counting_is_joined_unless_a_checkpoint_stands_between() {
        let all = Coalescing { horizon: 9, applying: 0 };
        let slot = filled([add(1, 1), add(2, 2), add(3, 4), add(4, 8)], all);
        assert_eq!(sequences(&slot), [3, 4]);
        assert_eq!(slot.effect(0, 9), Effect::OnBase(vec![Operation::Add(7), Operation::Add(8)]));
        let checkpoint = Coalescing { horizon: 9, applying: 1 };
        let slot = filled([add(1, 1), add(2, 2), add(3, 4), add(4, 8)], checkpoint);
        assert_eq!(sequences(&slot), [1, 3, 4]);
        let slot = filled([put(1), add(2, 2), add(3, 4)], checkpoint);
        assert_eq!(sequences(&slot), [1, 2, 3], "a recovery may replay 2 without 1");
    }

    #[test]
    fn a_batch_that_writes_a_row_twice_keeps_what_stands_at_its_end() {
        let held = Coalescing { horizon: 0, applying: 0 };
        assert_eq!(filled([put(5), put(5)], held), Slot::One(put(5)));
        let gone = Version { sequence: 5, operation: Operation::Delete };
        let slot = filled([put(4), put(5), gone], held);
        assert_eq!((slot.effect(0, 4), slot.effect(0, 5)), (put_effect(4), Effect::Gone));
        assert_eq!(slot.versions().len(), 2);
    }

    fn put_effect(sequence: u64) -> Effect {
        Effect::Value(Bytes::copy_from_slice(&sequence.to_le_bytes()))
    }

    #[test]
    fn pruning_keeps_what_is_above_the_floor() {
        let slot =
            filled([add(1, 1), add(2, 1), add(3, 1)], Coalescing { horizon: 0, applying: 0 });
        let slot = slot.pruned(2).expect("3 is above");
        assert_eq!(slot, Slot::One(add(3, 1)));
        assert_eq!(slot.pruned(3), None);
    }
}
