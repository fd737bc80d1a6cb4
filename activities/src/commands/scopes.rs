//! The consistency boundaries that a command's sender names.
//!
//! Invariant: they are looked at before any work is done. A command that is decided in scopes is
//! decided by a decider, within one tenant and one bounded context; a refusal leaves no record.

use everstep_engine::log::{Query, QueryItem, ScopeExpectation, ScopeKey, ScopeKeyError};
use everstep_engine::{ActivityError, Payload, TransactionContext};

use super::decision::Decision;
use super::request::CommandRequest;

/// What a command in scopes can be refused for, before anything of it is done.
pub(super) const REFUSALS: [&str; 5] =
    [INVALID_KEY, TENANT_REQUIRED, DECIDER_REQUIRED, CROSS_CONTEXT, MOVED];

/// The kind of the error for a scope whose key is none.
const INVALID_KEY: &str = "INVALID_SCOPE_KEY_FORMAT";
/// The kind of the error for a scope of no tenant, or of another one.
const TENANT_REQUIRED: &str = "TENANT_ID_REQUIRED";
/// The kind of the error for a command in a scope that no decider decides.
const DECIDER_REQUIRED: &str = "DECIDER_REQUIRED";
/// The kind of the error for a scope that another context has written to.
const CROSS_CONTEXT: &str = "CROSS_BC_NOT_ALLOWED";
/// The kind of the error for a scope that has moved meanwhile.
const MOVED: &str = "SCOPE_VERSION_MISMATCH";

/// Refuses a command that may not be decided in the scopes it names, or not any more. `context` is
/// where its decider belongs; none without a decider.
pub(super) fn check(
    tx: &TransactionContext<'_>,
    context: Option<&str>,
    request: &CommandRequest,
) -> Result<(), ActivityError> {
    for (scope, expected) in &request.scopes {
        check_key(scope, tx.namespace())?;
        let Some(context) = context else {
            let what = format!(
                "command `{}` is handled without a decider, and scope `{scope}` needs one: declare \
                 it by `create`, `modify` or `across`, or send it without scopes",
                request.command_type
            );
            return Err(refused(DECIDER_REQUIRED, what));
        };
        let head = tx.scope_head(scope)?;
        check_context(tx, scope, head.last_position, context)?;
        if head.commits != *expected {
            let current = head.commits;
            let what = format!(
                "scope `{scope}` is at version {current}, not {expected}: read it and decide again"
            );
            let details = serde_json::json!({
                "scope": scope, "expected_version": expected, "current_version": current,
            });
            return Err(refused(MOVED, what).with_details(Payload::from_value(&details)?));
        }
    }
    Ok(())
}

fn check_key(scope: &str, namespace: &str) -> Result<(), ActivityError> {
    let suggestion = format!("write `tenant:{namespace}:TYPE:ID`");
    match scope.parse::<ScopeKey>() {
        Ok(key) if *key.tenant_id == *namespace => Ok(()),
        Ok(key) => {
            let of = key.tenant_id;
            let what = format!(
                "scope `{scope}` belongs to tenant `{of}`, the command to `{namespace}`: {suggestion}"
            );
            Err(refused(TENANT_REQUIRED, what))
        }
        Err(ScopeKeyError::NoTenant(_)) => {
            Err(refused(TENANT_REQUIRED, format!("scope `{scope}` has no tenant: {suggestion}")))
        }
        Err(error) => Err(refused(INVALID_KEY, error.to_string())),
    }
}

/// A scope belongs to the context that wrote to it.
fn check_context(
    tx: &TransactionContext<'_>,
    scope: &str,
    last_position: u64,
    context: &str,
) -> Result<(), ActivityError> {
    if last_position == 0 {
        return Ok(());
    }
    let tagged = QueryItem { tags: vec![scope.into()], ..QueryItem::default() };
    let newest = tx.read_events(&Query { items: vec![tagged] }, last_position - 1, 1)?;
    match newest.first().and_then(|event| event.context()) {
        Some(other) if other != context => {
            let what = format!(
                "scope `{scope}` belongs to context `{other}`, the command to `{context}`: DCB \
                 requires a single bounded context; use a saga between contexts"
            );
            Err(refused(CROSS_CONTEXT, what))
        }
        _ => Ok(()),
    }
}

/// The decision, made in the scopes that the request names.
pub(super) fn add(mut decision: Decision, request: &CommandRequest) -> Decision {
    if decision.streams.is_empty() {
        return decision;
    }
    for (scope, expected) in &request.scopes {
        for event in decision.streams.iter_mut().flat_map(|stream| &mut stream.events) {
            if !event.tags.iter().any(|tag| **tag == **scope) {
                event.tags.push(scope.as_str().into());
            }
        }
        if !decision.scopes.iter().any(|known| *known.scope == **scope) {
            let scope = scope.as_str().into();
            decision = decision.scope(ScopeExpectation { scope, expected: *expected });
        }
    }
    decision
}

fn refused(kind: &'static str, what: String) -> ActivityError {
    ActivityError::new(kind, what).non_retryable()
}
