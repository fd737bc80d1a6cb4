//! Tables: names for ordered key spaces, as constants.
//!
//! Invariant: a table's id never changes meaning, because ids (not names) are what is stored.

/// A space of rows, ordered by key. Both keys and values are plain bytes.
///
/// The id is what stores write down, so it must stay the same for ever; the name is for people
/// (errors, statistics, the name of the SQL table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    id: u8,
    name: &'static str,
}

impl Table {
    /// Names the table with this id. Id 255 belongs to [`LEASES`].
    #[must_use]
    pub const fn new(id: u8, name: &'static str) -> Self {
        Self { id, name }
    }

    /// The id that stores write down.
    #[must_use]
    pub const fn id(self) -> u8 {
        self.id
    }

    /// Whether its values are kept apart from its keys: large ones that only grow, if they
    /// change, and are read one by one.
    #[must_use]
    pub const fn lies_apart(self) -> bool {
        lies_apart(self.id)
    }

    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// [`Table::lies_apart`] by id: the engine's histories (3) and large payloads (13), and the event
/// log's blocks (100). As with what an id means, a store that was written knows no other answer.
pub(crate) const fn lies_apart(id: u8) -> bool {
    matches!(id, 3 | 13) || is_numbered(id)
}

/// Whether its keys end with a number, and rows whose numbers are close are often read again and
/// again, each by itself: the event log's blocks.
pub(crate) const fn is_numbered(id: u8) -> bool {
    id == 100
}

/// Who owns what: the rows that a [`Fence`](crate::Fence) is checked against. A row begins with
/// the owner's epoch (8 bytes, big endian); what follows is the lease holder's own business.
pub const LEASES: Table = Table::new(255, "leases");
