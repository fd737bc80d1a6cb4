//! A machine: a table of which state may follow which.

use std::fmt;

use crate::{Mistake, State, TransitionRefused};

/// Which state may follow which. Make it a constant.
#[derive(Clone, Copy)]
pub struct Machine<S: State> {
    name: &'static str,
    first: S,
    table: &'static [(S, &'static [S])],
}

impl<S: State> Machine<S> {
    /// A machine of that name, which begins in `first`. A state without a row is terminal.
    pub const fn new(name: &'static str, first: S, table: &'static [(S, &'static [S])]) -> Self {
        Self { name, first, table }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The state that it begins in.
    pub const fn first(&self) -> S {
        self.first
    }

    /// The states that may follow; none for a terminal one.
    pub fn allowed(&self, from: S) -> &'static [S] {
        self.table.iter().find(|(state, _)| *state == from).map_or(&[], |(_, allowed)| allowed)
    }

    /// Whether nothing may follow.
    pub fn is_terminal(&self, state: S) -> bool {
        self.allowed(state).is_empty()
    }

    /// Refuses a transition that the table does not have.
    ///
    /// # Errors
    /// With from, to and what is allowed.
    pub fn check(&self, from: S, to: S) -> Result<(), TransitionRefused> {
        let allowed = self.allowed(from);
        if allowed.contains(&to) {
            return Ok(());
        }
        Err(TransitionRefused {
            machine: self.name,
            from: from.name(),
            to: to.name(),
            allowed: allowed.iter().map(|state| state.name()).collect(),
        })
    }

    /// Looks for contradictions in the table; for a test.
    ///
    /// # Errors
    /// The first one.
    pub fn check_table(&self) -> Result<(), Mistake> {
        let machine = self.name;
        for (at, (state, _)) in self.table.iter().enumerate() {
            if self.table[..at].iter().any(|(before, _)| before == state) {
                return Err(Mistake::Twice { machine, state: state.name() });
            }
        }
        let mut reached = vec![self.first];
        let mut at = 0;
        while let Some(state) = reached.get(at).copied() {
            let next = self.allowed(state).iter().copied();
            let fresh: Vec<S> = next.filter(|state| !reached.contains(state)).collect();
            reached.extend(fresh);
            at += 1;
        }
        match S::ALL.iter().find(|state| !reached.contains(state)) {
            Some(state) => Err(Mistake::Unreachable { machine, state: state.name() }),
            None => Ok(()),
        }
    }
}

impl<S: State> fmt::Debug for Machine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for (from, allowed) in self.table {
            let allowed: Vec<&str> = allowed.iter().map(|state| state.name()).collect();
            shown.entry(&from.name(), &allowed);
        }
        shown.finish()
    }
}
