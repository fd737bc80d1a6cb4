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

    /// What the versions up to `sequence` amount to.
    pub(super) fn effect(&self, sequence: u64) -> Effect {
        let versions = self.versions();
        let to = versions.partition_point(|version| version.sequence <= sequence);
        Effect::of(versions[..to].iter().map(|version| &version.operation))
    }

    /// The newest version's sequence number.
    pub(super) fn newest(&self) -> u64 {
        self.versions().last().map_or(0, |version| version.sequence)
    }

    /// Adds the newest version and forgets what it makes unreadable: no snapshot, live or later,
    /// reads below `horizon`.
    pub(super) fn push(&mut self, version: Version, horizon: u64) {
        let mut versions = match self {
            Self::Many(versions) => std::mem::take(versions),
            Self::One(only) => {
                let replaced = only.sequence == version.sequence && version.operation.is_absolute();
                if replaced || (only.sequence <= horizon && Self::hides(&version, horizon)) {
                    *only = version;
                    return;
                }
                vec![only.clone()]
            }
        };
        coalesce(&mut versions, horizon);
        if version.operation.is_absolute() {
            // Writes of one batch are seen together or not at all.
            versions
                .truncate(versions.partition_point(|earlier| earlier.sequence < version.sequence));
            if Self::hides(&version, horizon) {
                versions.clear();
            }
        }
        versions.push(version);
        *self = Self::from_versions(versions);
    }

    /// Everybody who reads sees this version or a newer one.
    fn hides(version: &Version, horizon: u64) -> bool {
        version.operation.is_absolute() && version.sequence <= horizon
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
fn coalesce(versions: &mut Vec<Version>, horizon: u64) {
    while let [.., earlier, later] = versions.as_slice() {
        if later.sequence > horizon {
            return;
        }
        if later.operation.is_absolute() {
            versions.drain(..versions.len() - 1);
            return;
        }
        let (Operation::Add(delta) | Operation::Tally(delta)) = later.operation else { return };
        let operation = match &earlier.operation {
            Operation::Add(before) => Operation::Add(before.wrapping_add(delta)),
            Operation::Put(_) if matches!(later.operation, Operation::Tally(_)) => return,
            Operation::Put(value) => {
                let sum = counter(value).wrapping_add(delta);
                Operation::Put(bytes::Bytes::copy_from_slice(&sum.to_le_bytes()))
            }
            Operation::Tally(before) => Operation::Tally(before.wrapping_add(delta)),
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

    fn filled(versions: impl IntoIterator<Item = Version>, horizon: u64) -> Slot {
        let mut versions = versions.into_iter();
        let mut slot = Slot::One(versions.next().expect("at least one"));
        for version in versions {
            slot.push(version, horizon);
        }
        slot
    }

    #[test]
    fn a_version_stays_while_a_snapshot_may_read_it() {
        let mut slot = filled([put(1), put(2), put(3)], 1);
        assert_eq!(sequences(&slot), [1, 2, 3]);
        slot.push(put(4), 3);
        assert_eq!(sequences(&slot), [3, 4], "readers at 3 and above need no older one");
    }

    #[test]
    fn counting_that_everybody_sees_is_joined() {
        let slot = filled([add(1, 1), add(2, 2), add(3, 4), add(4, 8)], 9);
        assert_eq!(sequences(&slot), [3, 4]);
        assert_eq!(slot.effect(9), Effect::OnBase(vec![Operation::Add(7), Operation::Add(8)]));
        let slot = filled([put(1), add(2, 2), add(3, 4), add(4, 8)], 2);
        assert_eq!(sequences(&slot), [2, 3, 4], "somebody may read at 2 and at 3");
    }

    #[test]
    fn a_batch_that_writes_a_row_twice_keeps_what_stands_at_its_end() {
        assert_eq!(filled([put(5), put(5)], 0), Slot::One(put(5)));
        let gone = Version { sequence: 5, operation: Operation::Delete };
        let slot = filled([put(4), put(5), gone], 0);
        assert_eq!((slot.effect(4), slot.effect(5)), (put_effect(4), Effect::Gone));
        assert_eq!(slot.versions().len(), 2);
    }

    fn put_effect(sequence: u64) -> Effect {
        Effect::Value(Bytes::copy_from_slice(&sequence.to_le_bytes()))
    }
}
