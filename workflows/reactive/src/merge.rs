//! The fold of a durable row and the events after its checkpoint.
//!
//! Invariant: where an event is refused, it and what comes after it wait; the state is that before
//! it.

/// A row as it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable<S> {
    /// What it holds; none where there is no row.
    pub state: Option<S>,
    /// The position of the last event that changed it; 0 where none did.
    pub changed_at: u64,
    /// Every event up to here is in it.
    pub position: u64,
}

/// A row with the events that its durable form does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged<S> {
    /// What it holds; none where there is no row.
    pub state: Option<S>,
    /// The position of the last event that changed it; 0 where none did.
    pub changed_at: u64,
    /// Every event up to here is in the durable row.
    pub durable_position: u64,
    /// The positions of the events that are in `state` and not in the durable row, in order.
    pub pending: Vec<u64>,
}

impl<S> Merged<S> {
    /// How many events are in the state and not in the durable row.
    #[must_use]
    pub const fn pending_events(&self) -> usize {
        self.pending.len()
    }

    /// Whether there are any.
    #[must_use]
    pub const fn is_optimistic(&self) -> bool {
        !self.pending.is_empty()
    }
}

/// Folds `events`, in the order of their positions, onto a durable row. Those that are in it already
/// are passed over.
pub fn merge<S: Clone, E, X>(
    durable: Durable<S>,
    events: impl IntoIterator<Item = (u64, E)>,
    mut evolve: impl FnMut(Option<S>, &E) -> Result<Option<S>, X>,
) -> Merged<S> {
    let Durable { state, changed_at, position: durable_position } = durable;
    let mut merged = Merged { state, changed_at, durable_position, pending: Vec::new() };
    for (position, event) in events {
        if position <= durable_position {
            continue;
        }
        let Ok(next) = evolve(merged.state.clone(), &event) else { break };
        (merged.state, merged.changed_at) = (next, position);
        merged.pending.push(position);
    }
    merged
}
