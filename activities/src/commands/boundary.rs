//! Decisions whose facts are about several entities at once: a dynamic consistency boundary.
//!
//! Invariant: what is decided on, the events and the scope's next version are one transaction; one
//! decision moves its scope by one, and a rejection leaves the scope where it was.

use everstep_decider::{Decider, Failed, Moment, Output};
use everstep_engine::log::{
    Category, Expected, ScopeExpectation, ScopeKey, StreamAppend, StreamId,
};
use everstep_engine::{ActivityError, Payload, TransactionContext};
use serde::Serialize;

use super::aggregate::{Encoding, encode};
use super::{Changed, Decision, Handled};

/// Where a decider belongs that looks at as much as its command names, whatever streams that is from, and whose
/// events may be about several entities at once.
///
/// The JSON form of an event is `{"type": NAME, "data": …}`, as that of an
/// [`Aggregate`](super::Aggregate)'s.
pub trait Boundary: 'static {
    /// Who decides. It may be of another crate, which depends on nothing but deciders.
    type Decider: Decider<Event: Serialize + 'static>;
    /// The bounded context that it belongs to.
    const CONTEXT: &'static str;
    /// The version of its events' shape.
    const SCHEMA_VERSION: u32 = 1;

    /// The scope that the decision moves: its type, and its id within the namespace.
    fn scope(command: &<Self::Decider as Decider>::Command) -> (String, String);

    /// What the command is decided on. Rows of logic projections are never behind, so read those.
    ///
    /// # Errors
    /// When something cannot be read.
    fn read(
        tx: &TransactionContext<'_>,
        command: &<Self::Decider as Decider>::Command,
    ) -> Result<<Self::Decider as Decider>::State, ActivityError>;

    /// Where an event stands.
    fn stream(event: &<Self::Decider as Decider>::Event) -> StreamId;

    /// What an event is found by, beside its stream and its scope: the entities that it is about.
    fn tags(_event: &<Self::Decider as Decider>::Event) -> Vec<String> {
        Vec::new()
    }

    /// What an event is meant for; as [`Aggregate::category`](super::Aggregate::category).
    fn category(_event: &<Self::Decider as Decider>::Event) -> Category {
        Category::Domain
    }
}

/// Decides; the answer names the scope and its version.
pub(super) fn within<B: Boundary>(
    tx: &mut TransactionContext<'_>,
    command: &<B::Decider as Decider>::Command,
    moment: &mut Moment,
) -> Result<Handled, ActivityError> {
    let (scope_type, scope_id) = B::scope(command);
    let scope = ScopeKey::new(tx.namespace(), scope_type.as_str(), scope_id.as_str()).to_string();
    let state = B::read(tx, command)?;
    let events = match B::Decider::decide(&state, command, moment) {
        Output::Success { events, .. } => events,
        Output::Rejected(rejection) => return Ok(Handled::Rejected(rejection)),
        Output::Failed(Failed { message, context, event }) => {
            let audit = event.map(|event| one::<B>(tx, &event, None)).transpose()?;
            return Ok(Handled::Failed { message, context, audit });
        }
    };
    let expected = tx.scope_head(&scope)?.commits;
    let mut decision = Decision::new();
    let version = expected + u64::from(!events.is_empty());
    if !events.is_empty() {
        for event in &events {
            decision = decision.append(one::<B>(tx, event, Some(&scope))?);
        }
        let scope = scope.as_str().into();
        decision = decision.scope(ScopeExpectation { scope, expected });
    }
    scope_id.clone_into(&mut decision.entity);
    let changed = Changed { id: scope, version };
    Ok(Handled::Executed(decision.result(Payload::from_value(&changed)?)))
}

/// One event on its way into its stream.
fn one<B: Boundary>(
    tx: &mut TransactionContext<'_>,
    event: &<B::Decider as Decider>::Event,
    scope: Option<&str>,
) -> Result<StreamAppend, ActivityError> {
    let encoding = Encoding {
        context: B::CONTEXT,
        category: B::category(event),
        schema_version: B::SCHEMA_VERSION,
        tags: B::tags(event),
    };
    let mut new = encode(tx, event, encoding)?;
    new.tags.extend(scope.map(Into::into));
    let stream = Some(B::stream(event));
    // The scope guards it: all of its events move that.
    Ok(StreamAppend { stream, expected: Expected::Any, events: vec![new] })
}
