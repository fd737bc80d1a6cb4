//! What a row's writes amount to.
//!
//! Invariant: folding a row's operations onto its base, in order, gives what the oracle gives.

use bytes::Bytes;

use crate::codec::{last_tally, tally};
use crate::record::counter;

/// One write, as the overlay keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Put(Bytes),
    Delete,
    Append(Bytes),
    Add(i64),
    /// Adding, where the row is coded: its value cannot be looked at here.
    Tally(i64),
}

/// What the overlay says about a row at one sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: the state file's row stands.
    Untouched,
    /// The row does not exist.
    Gone,
    /// The row has this value.
    Value(Bytes),
    /// These operations, on top of the state file's row.
    OnBase(Vec<Operation>),
}

impl Operation {
    /// It says what the row is, whatever it was.
    pub(super) fn is_absolute(&self) -> bool {
        matches!(self, Self::Put(_) | Self::Delete)
    }

    /// What it appends, if that is what it does.
    pub(super) fn appended(&self) -> Option<&[u8]> {
        match self {
            Self::Append(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn is_append(&self) -> bool {
        self.appended().is_some()
    }
}

impl Effect {
    /// What `operations` amount to, in their order.
    pub(super) fn of<'a>(operations: impl DoubleEndedIterator<Item = &'a Operation>) -> Self {
        let mut needed: Vec<&Operation> = Vec::new();
        for operation in operations.rev() {
            if operation.is_absolute() {
                let base = match operation {
                    Operation::Put(value) => Some(value.clone()),
                    _ => None,
                };
                let value = fold(base, needed.into_iter().rev());
                return value.map_or(Self::Gone, Self::Value);
            }
            needed.push(operation);
        }
        if needed.is_empty() {
            return Self::Untouched;
        }
        Self::OnBase(needed.into_iter().rev().cloned().collect())
    }

    /// What the effects of a row's layers amount to together, from the newest.
    pub(super) fn of_layers(layers: impl Iterator<Item = Self>) -> Self {
        let mut whole = Self::Untouched;
        for older in layers {
            whole = whole.over(older);
            if let Self::Gone | Self::Value(_) = whole {
                break;
            }
        }
        whole
    }

    /// What the state file's row is matters.
    pub(super) fn needs_base(&self) -> bool {
        matches!(self, Self::Untouched | Self::OnBase(_))
    }

    /// This on top of `older`.
    pub(super) fn over(self, older: Self) -> Self {
        match (self, older) {
            (Self::Untouched, older) => older,
            (Self::OnBase(newer), Self::OnBase(mut operations)) => {
                operations.extend(newer);
                Self::OnBase(operations)
            }
            (Self::OnBase(newer), older @ (Self::Gone | Self::Value(_))) => {
                let base = match older {
                    Self::Value(value) => Some(value),
                    _ => None,
                };
                fold(base, newer.iter()).map_or(Self::Gone, Self::Value)
            }
            (newer, _) => newer,
        }
    }

    /// The row's value, given how to read the state file's.
    pub(super) fn resolve<E>(
        self,
        base: impl FnOnce() -> Result<Option<Bytes>, E>,
    ) -> Result<Option<Bytes>, E> {
        match self {
            Self::Untouched => base(),
            Self::Gone => Ok(None),
            Self::Value(value) => Ok(Some(value)),
            Self::OnBase(operations) => Ok(fold(base()?, operations.iter())),
        }
    }
}

fn fold<'a>(base: Option<Bytes>, operations: impl Iterator<Item = &'a Operation>) -> Option<Bytes> {
    let mut value = base;
    // The appends since `value` was last settled: their bytes are copied once, not once each.
    let mut tail: Vec<u8> = Vec::new();
    for operation in operations {
        match operation {
            Operation::Append(bytes) => match &value {
                None => value = Some(bytes.clone()),
                Some(_) => tail.extend_from_slice(bytes),
            },
            Operation::Put(bytes) => {
                tail.clear();
                value = Some(bytes.clone());
            }
            Operation::Delete => {
                tail.clear();
                value = None;
            }
            Operation::Add(delta) => {
                let before = joined(value.take(), &mut tail).map_or(0, |row| counter(&row));
                let after = before.wrapping_add(*delta);
                value = Some(Bytes::copy_from_slice(&after.to_le_bytes()));
            }
            Operation::Tally(delta) => {
                let before = joined(value.take(), &mut tail).unwrap_or_default();
                // Joined with the one before it, or a row that is counted often would only grow.
                let (end, sum) = last_tally(&before)
                    .map_or((before.len(), *delta), |(at, sum)| (at, sum.wrapping_add(*delta)));
                value = Some([&before[..end], &tally(sum)].concat().into());
            }
        }
    }
    joined(value, &mut tail)
}

fn joined(value: Option<Bytes>, tail: &mut Vec<u8>) -> Option<Bytes> {
    if tail.is_empty() {
        return value;
    }
    let mut whole = Vec::with_capacity(value.as_ref().map_or(0, Bytes::len) + tail.len());
    whole.extend_from_slice(value.as_deref().unwrap_or_default());
    whole.append(tail);
    Some(whole.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn check(base: Option<&'static str>, operations: &[Operation], expected: Option<&[u8]>) {
        let effect = Effect::of(operations.iter());
        let value = effect.resolve(|| Ok::<_, ()>(base.map(bytes)));
        assert_eq!(value.as_ref().map(|value| value.as_deref()), Ok(expected), "{operations:?}");
    }

    #[test]
    fn operations_fold_in_order() {
        use Operation::{Add, Append, Delete, Put};
        check(Some("old"), &[], Some(b"old"));
        check(Some("old"), &[Delete], None);
        check(Some("old"), &[Put(bytes("a")), Append(bytes("b"))], Some(b"ab"));
        check(Some("old"), &[Append(bytes("b")), Append(bytes("c"))], Some(b"oldbc"));
        check(Some("old"), &[Delete, Append(bytes("b"))], Some(b"b"));
        check(None, &[Append(bytes("")), Append(bytes("c"))], Some(b"c"));
        check(None, &[Append(bytes(""))], Some(b""));
        check(None, &[Add(5), Add(-7)], Some(&(-2i64).to_le_bytes()));
        check(Some("odd"), &[Add(5)], Some(&5i64.to_le_bytes()));
        check(Some("1234567"), &[Append(bytes("8")), Add(0)], Some(b"12345678"));
        check(None, &[Put(bytes("x")), Add(1), Append(bytes("!"))], Some(b"\x01\0\0\0\0\0\0\0!"));
    }

    #[test]
    fn layers_amount_to_what_their_operations_amount_to_in_one() {
        use Operation::{Add, Append, Delete, Put};
        let all = [Put(bytes("p")), Append(bytes("a")), Append(bytes("b")), Delete, Add(1), Add(2)];
        let subsets = |of: usize| (0..6).filter(move |bit| of >> bit & 1 == 1).map(|bit| &all[bit]);
        for (older, newer) in (0..64).flat_map(|older| (0..64).map(move |newer| (older, newer))) {
            let layers = [Effect::of(subsets(newer)), Effect::of(subsets(older))];
            let joined: Vec<_> = subsets(older).chain(subsets(newer)).cloned().collect();
            let layered = Effect::of_layers(layers.into_iter());
            for base in [None, Some(bytes("base"))] {
                let value = |effect: Effect| effect.resolve(|| Ok::<_, ()>(base.clone()));
                assert_eq!(value(layered.clone()), value(Effect::of(joined.iter())), "{joined:?}");
            }
        }
    }

    #[test]
    fn what_needs_no_base_does_not_read_it() {
        let unread = || -> Result<Option<Bytes>, ()> { Err(()) };
        let effect = Effect::of([Operation::Append(bytes("a")), Operation::Delete].iter());
        assert_eq!(effect, Effect::Gone);
        assert_eq!(effect.resolve(unread), Ok(None));
        assert_eq!(Effect::of([Operation::Add(1)].iter()).resolve(unread), Err(()));
    }
}
