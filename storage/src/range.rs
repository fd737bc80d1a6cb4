//! Ranges of rows: what a snapshot is asked for when it is asked for more than one row.
//!
//! Invariant: bounds are resolved in one place, so that every store agrees on what a page is.

use std::borrow::Cow;
use std::ops::Bound;

use crate::table::Table;

/// Rows of one table between two keys, in one direction, up to a limit.
///
/// In SQL: `SELECT key, value … WHERE key > $1 AND key < $2 ORDER BY key [DESC] LIMIT $3`.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    table: Table,
    start: Bound<Cow<'a, [u8]>>,
    end: Bound<Cow<'a, [u8]>>,
    after: Option<&'a [u8]>,
    reverse: bool,
    limit: usize,
}

impl<'a> Range<'a> {
    /// Rows between two bounds, in ascending order, without limit.
    #[must_use]
    pub fn new(table: Table, start: Bound<&'a [u8]>, end: Bound<&'a [u8]>) -> Self {
        let (start, end) = (start.map(Cow::Borrowed), end.map(Cow::Borrowed));
        Self { table, start, end, after: None, reverse: false, limit: usize::MAX }
    }

    /// Every row of the table.
    #[must_use]
    pub fn all(table: Table) -> Self {
        Self::new(table, Bound::Unbounded, Bound::Unbounded)
    }

    /// Rows whose key begins with `prefix`.
    #[must_use]
    pub fn prefix(table: Table, prefix: &'a [u8]) -> Self {
        let mut range = Self::new(table, Bound::Included(prefix), Bound::Unbounded);
        range.end = successor(prefix).map_or(Bound::Unbounded, |end| Bound::Excluded(end.into()));
        range
    }

    /// Only what comes after `key` in the range's direction: the next page begins after the last
    /// key of this one.
    #[must_use]
    pub fn after(mut self, key: &'a [u8]) -> Self {
        self.after = Some(key);
        self
    }

    /// Descending instead of ascending.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// At most `limit` rows.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The table that is read.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// Whether rows come in descending order.
    #[must_use]
    pub fn is_reversed(&self) -> bool {
        self.reverse
    }

    /// At most how many rows come.
    #[must_use]
    pub fn max_rows(&self) -> usize {
        self.limit
    }

    /// The lower and upper bound with [`after`](Self::after) taken into account; `None` if no key
    /// can lie between them.
    #[must_use]
    #[expect(clippy::type_complexity, reason = "it is what `BTreeMap::range` takes")]
    pub fn bounds(&self) -> Option<(Bound<&[u8]>, Bound<&[u8]>)> {
        let (mut start, mut end) = (borrow(&self.start), borrow(&self.end));
        if let Some(after) = self.after {
            if self.reverse {
                match end {
                    Bound::Included(key) | Bound::Excluded(key) if key < after => {}
                    Bound::Excluded(key) if key == after => {}
                    _ => end = Bound::Excluded(after),
                }
            } else {
                match start {
                    Bound::Included(key) | Bound::Excluded(key) if key > after => {}
                    _ => start = Bound::Excluded(after),
                }
            }
        }
        let possible = match (start, end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
            (Bound::Included(low), Bound::Included(high)) => low <= high,
            (Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high))
            | (Bound::Included(low), Bound::Excluded(high)) => low < high,
        };
        possible.then_some((start, end))
    }
}

fn borrow<'a>(bound: &'a Bound<Cow<'_, [u8]>>) -> Bound<&'a [u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The smallest key above every key that begins with `prefix`.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Table = Table::new(1, "t");

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b"\xff"), None);
        assert_eq!(successor(b""), None);
    }

    #[test]
    fn after_narrows_the_side_that_is_read_first_and_never_widens() {
        let range = Range::prefix(T, b"b");
        let upper = Bound::Excluded(&b"c"[..]);
        assert_eq!(range.clone().after(b"bb").bounds(), Some((Bound::Excluded(&b"bb"[..]), upper)));
        assert_eq!(
            range.clone().after(b"bb").reversed().bounds(),
            Some((Bound::Included(&b"b"[..]), Bound::Excluded(&b"bb"[..])))
        );
        assert_eq!(range.clone().after(b"a").bounds(), Some((Bound::Included(&b"b"[..]), upper)));
        assert_eq!(
            range.clone().after(b"d").reversed().bounds(),
            Some((Bound::Included(&b"b"[..]), upper))
        );
        assert_eq!(range.clone().after(b"c").bounds(), None);
        assert_eq!(range.after(b"b").reversed().bounds(), None);
    }

    #[test]
    fn bounds_that_cross_are_no_range() {
        let (a, b) = (&b"a"[..], &b"b"[..]);
        for (start, end) in [
            (Bound::Included(b), Bound::Included(a)),
            (Bound::Excluded(a), Bound::Excluded(a)),
            (Bound::Included(a), Bound::Excluded(a)),
            (Bound::Excluded(a), Bound::Included(a)),
        ] {
            assert_eq!(Range::new(T, start, end).bounds(), None, "{start:?} {end:?}");
        }
        assert!(Range::new(T, Bound::Included(a), Bound::Included(a)).bounds().is_some());
    }
}
