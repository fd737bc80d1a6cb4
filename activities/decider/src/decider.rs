//! The two functions that a domain consists of.

use crate::{Moment, Output};

/// What commands do to a state, and what events make of it. Both functions are pure.
pub trait Decider {
    /// What is known of the entity.
    type State: Clone;
    /// What is wished for.
    type Command;
    /// What happened.
    type Event;

    /// What the command does.
    fn decide(state: &Self::State, command: &Self::Command, moment: &mut Moment) -> Output<Self>;

    /// The state after an event. It takes what the event says and calculates nothing anew; an event
    /// that it does not know leaves the state as it is.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// The state after all events.
pub fn replay<'a, D: Decider>(
    first: D::State,
    events: impl IntoIterator<Item = &'a D::Event>,
) -> D::State
where
    D::Event: 'a,
{
    events.into_iter().fold(first, D::evolve)
}
