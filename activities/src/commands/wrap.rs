//! The wrappers around deciders: they load what it decides on and hand over what it decided.
//!
//! `create` accepts no entity that exists, `modify` none that does not, `across` decides about
//! several at once within one scope.

use std::collections::BTreeMap;

use everstep_decider::{Decider, Failed, Moment, Output, Rejection};
use everstep_engine::log::{ScopeExpectation, ScopeKey};
use everstep_engine::{ActivityError, Payload, TransactionContext};

use super::aggregate::{self, Aggregate, CommandOf, EventOf, Loaded, StateOf, append, load};
use super::{Changed, Decision, Handled};

/// Decides about an entity that does not exist yet.
pub(super) fn create<A: Aggregate>(
    tx: &mut TransactionContext<'_>,
    id: &str,
    command: &CommandOf<A>,
    moment: &mut Moment,
) -> Result<Handled, ActivityError> {
    if let Some(loaded) = load::<A>(tx, id)? {
        let what = format!("{} `{id}` exists already", A::STREAM_TYPE);
        let rejection = Rejection::new(A::ALREADY_EXISTS, what).with("id", id);
        return Ok(Handled::Rejected(rejection.with("version", loaded.version)));
    }
    let nothing = Loaded::<StateOf<A>>::first();
    decided::<A>(tx, id, nothing.version, A::Decider::decide(&nothing.state, command, moment))
}

/// Decides about an entity that exists; what is wished for may depend on what it is.
pub(super) fn modify<A: Aggregate>(
    tx: &mut TransactionContext<'_>,
    id: &str,
    wish: impl FnOnce(&TransactionContext<'_>, &StateOf<A>) -> Result<CommandOf<A>, ActivityError>,
    moment: &mut Moment,
) -> Result<Handled, ActivityError> {
    let Some(Loaded { version, state, .. }) = load::<A>(tx, id)? else {
        return Ok(Handled::Rejected(missing::<A>(id)));
    };
    let command = wish(tx, &state)?;
    decided::<A>(tx, id, version, A::Decider::decide(&state, &command, moment))
}

fn missing<A: Aggregate>(id: &str) -> Rejection {
    let what = format!("{} `{id}` does not exist", A::STREAM_TYPE);
    Rejection::new(A::NOT_FOUND, what).with("id", id)
}

fn decided<A: Aggregate>(
    tx: &mut TransactionContext<'_>,
    id: &str,
    version: u64,
    output: Output<A::Decider>,
) -> Result<Handled, ActivityError> {
    match output {
        Output::Success { events, state } => {
            let version_after = version + events.len() as u64;
            let mut decision = Decision::new();
            if !events.is_empty() {
                decision = decision.append(append::<A>(tx, id, version, &events)?);
                decision = keep::<A>(decision, id, (version, version_after), state);
            }
            id.clone_into(&mut decision.entity);
            let changed = Changed { id: id.to_owned(), version: version_after };
            Ok(Handled::Executed(decision.result(Payload::from_value(&changed)?)))
        }
        Output::Rejected(rejection) => Ok(Handled::Rejected(rejection)),
        Output::Failed(Failed { message, context, event }) => {
            let audit = event.map(|event| append::<A>(tx, id, version, [&event])).transpose()?;
            Ok(Handled::Failed { message, context, audit })
        }
    }
}

fn keep<A: Aggregate>(
    decision: Decision,
    id: &str,
    (before, version): (u64, u64),
    state: StateOf<A>,
) -> Decision {
    let id = id.to_owned();
    decision.write(move |tx| aggregate::keep::<A>(tx, &id, before, version, state))
}

/// Several entities as one decision sees them, by id.
pub type Entities<A> = BTreeMap<String, StateOf<A>>;

/// Decides about several entities at once; their events stand in one append that moves the scope
/// by one.
pub(super) fn across<A: Aggregate>(
    tx: &mut TransactionContext<'_>,
    (scope_type, scope_id): (&str, &str),
    ids: &[String],
    decide: impl FnOnce(&Entities<A>) -> Result<Vec<(String, EventOf<A>)>, Rejection>,
) -> Result<Handled, ActivityError> {
    let scope = ScopeKey::new(tx.namespace(), scope_type, scope_id).to_string();
    let mut versions = BTreeMap::new();
    let mut entities = Entities::<A>::new();
    for id in ids {
        let Some(loaded) = load::<A>(tx, id)? else {
            return Ok(Handled::Rejected(missing::<A>(id)));
        };
        versions.insert(id.clone(), loaded.version);
        entities.insert(id.clone(), loaded.state);
    }
    let events = match decide(&entities) {
        Ok(events) => events,
        Err(rejection) => return Ok(Handled::Rejected(rejection)),
    };
    let mut decision = Decision::new();
    let mut changed = Vec::new();
    for (id, version) in versions {
        let own: Vec<&EventOf<A>> =
            events.iter().filter(|(of, _)| *of == id).map(|(_, event)| event).collect();
        let Some(state) = entities.remove(&id) else { continue };
        if own.is_empty() {
            continue;
        }
        let after = version + own.len() as u64;
        let state = own.iter().fold(state, |state, event| A::Decider::evolve(state, event));
        let mut stream = append::<A>(tx, &id, version, own)?;
        stream.events.iter_mut().for_each(|event| event.tags.push(scope.as_str().into()));
        decision = keep::<A>(decision.append(stream), &id, (version, after), state);
        changed.push(Changed { id, version: after });
    }
    if let Some((unknown, _)) = events.iter().find(|(of, _)| !ids.contains(of)) {
        let what = format!("the decision is about `{unknown}`, which is not in its scope");
        return Err(ActivityError::new("invalid_decision", what).non_retryable());
    }
    if !changed.is_empty() {
        let expected = tx.scope_head(&scope)?.commits;
        decision = decision.scope(ScopeExpectation { scope: scope.into(), expected });
    }
    scope_id.clone_into(&mut decision.entity);
    Ok(Handled::Executed(decision.result(Payload::from_value(&changed)?)))
}
