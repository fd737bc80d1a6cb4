//! What a machine's states are.

/// A state: one of a fixed list, each with a name that refusals and documents use.
pub trait State: Copy + Eq + 'static {
    /// Every state.
    const ALL: &'static [Self];

    /// Its name, in snake case.
    fn name(self) -> &'static str;

    /// The state of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }
}
