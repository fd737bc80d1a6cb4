//! Commands of bounded contexts: the same seven steps around the handler that a context declares.
//!
//! Invariant: what the contract calls an error code is a rejection, everything else that a handler
//! returns is a failure.

use everstep_decider::{Context as Details, Rejection};
use everstep_engine::{ActivityError, TransactionContext};

use super::Handled;
use super::decision::Decision;
use super::orchestrator::is_ours;
use super::registry::Place;
use super::request::CommandRequest;
use crate::contexts::{Caller, Contexts, Contract};

/// The context that has the command, if any has.
pub(super) fn owner<'c>(contexts: &'c Contexts, command: &str) -> Option<&'c str> {
    let has = |names: &[String]| names.iter().any(|name| name == command);
    let found = contexts.contracts().find(|contract| has(&contract.command_types));
    found.map(|contract| contract.name())
}

/// The contract of the context that a command belongs to; none where the worker declares none.
pub(super) fn contract_of(contexts: Option<&Contexts>, place: Option<Place>) -> Option<&Contract> {
    contexts?.contract(place?.context).ok()
}

/// Calls the context's handler, which writes for itself; what it wrote counts if it is executed.
pub(super) fn handle(
    tx: &mut TransactionContext<'_>,
    contexts: &Contexts,
    context: &str,
    request: &CommandRequest,
) -> Result<Handled, ActivityError> {
    let caller = Caller::new(request.user_id.as_str(), tx.namespace());
    let command = (context, request.command_type.as_str());
    match contexts.dispatch(tx, command, &caller, &request.payload) {
        Ok(result) => Ok(Handled::Executed(Decision::new().result(result))),
        Err(error) if is_ours(&error) => Err(error),
        Err(error) => {
            let message = error.failure().message.clone();
            let declared = contexts.contract(context);
            let is_declared = declared.is_ok_and(|own| own.check_error_code(error.kind()).is_ok());
            if error.kind() == "invalid_request" {
                return Ok(Handled::Rejected(Rejection::new("VALIDATION_FAILED", message)));
            }
            if is_declared {
                let rejection = Rejection::new(error.kind().to_owned(), message);
                return Ok(Handled::Rejected(rejection.with("context", context)));
            }
            let details = Details::from([("error".into(), error.kind().into())]);
            Ok(Handled::Failed { message, context: details, audit: None })
        }
    }
}
