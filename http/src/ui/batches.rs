//! The form that starts a batch.

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::{
    BatchOperation, BatchRequest, FilterError, ListFilter, Rejection, ResetRequest, SignalInput,
};

use super::actions::{malformed, payload};
use super::flash::Flash;
use super::inspector::Inspector;
use super::url;

/// Before the names of the fields that are the filter's.
pub(super) const FILTER: &str = "filter.";

/// `POST /ui/batches`.
pub(super) async fn begin(
    inspector: Inspector,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let fields = match form {
        Ok(Form(fields)) => fields,
        Err(rejection) => return back(&malformed(&rejection), &[]),
    };
    let begun = async {
        let filter = ListFilter { namespace: inspector.namespace.clone(), ..filter(&fields)? };
        let request = BatchRequest::new(filter, operation(&fields)?);
        inspector.engine.start_batch(request).await
    };
    match begun.await {
        Ok(batch_id) => Redirect::to(&url::batch(&batch_id)).into_response(),
        Err(rejection) => back(&rejection, &fields),
    }
}

/// To the form again, with the reason.
fn back(rejection: &Rejection, fields: &[(String, String)]) -> Response {
    let flash = Flash { text: rejection.to_string(), is_error: true };
    let filter = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(FILTER)?, value.as_str())));
    let address = url::with_query(url::NEW_BATCH, filter);
    (AppendHeaders([(header::SET_COOKIE, flash.cookie())]), Redirect::to(&address)).into_response()
}

fn filter(fields: &[(String, String)]) -> Result<ListFilter, Rejection> {
    let parameters = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(FILTER)?, value.as_str())));
    ListFilter::from_parameters(parameters)
        .map_err(|error: FilterError| Rejection::InvalidRequest(error.to_string()))
}

fn operation(fields: &[(String, String)]) -> Result<BatchOperation, Rejection> {
    let invalid = |what: &str| Err(Rejection::InvalidRequest(what.to_owned()));
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| value.trim())
    };
    let reason = field("reason").to_owned();
    Ok(match field("operation") {
        "signal" => {
            let (name, payload) = (field("name").to_owned(), payload(field("payload"))?);
            BatchOperation::Signal(SignalInput { name, payload })
        }
        "cancel" => BatchOperation::Cancel,
        "terminate" if reason.is_empty() => return invalid("termination needs a reason"),
        "terminate" => BatchOperation::Terminate { reason },
        "reset" => {
            let Ok(to_event_id) = field("to_event_id").parse() else {
                return invalid("a reset needs the number of an event");
            };
            let reapply_signals = !field("reapply_signals").is_empty();
            let request =
                ResetRequest { reapply_signals, ..ResetRequest::new(to_event_id, reason) };
            BatchOperation::Reset(Box::new(request))
        }
        _ => return invalid("choose what is to be done"),
    })
}
