//! What a batch is asked for in: a filter, and what the act needs to know.

use everstep_engine::{BatchOperation, ListFilter, Payload, ResetRequest, SignalInput};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::api::Problem;
use crate::api::target::check_text;

/// Which runs, and how.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Batch<A> {
    /// The parameters of the list (`status`, `type`, `id_prefix`, `started_after`, `attr.NAME` …)
    /// with their values; all of them must match, and an empty object names every run.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub(super) filter: ListFilter,
    /// What the act needs to know.
    #[serde(default)]
    pub(super) args: A,
    /// Only counts the runs that it would act on.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// What is done to each run, once it is known to make sense.
pub(super) trait Args {
    fn into_operation(self) -> Result<BatchOperation, Problem>;
}

/// The signal.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct BatchSignal {
    /// Its name.
    #[schema(min_length = 1, max_length = 512)]
    name: Option<String>,
    /// Its payload; `null` when absent.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    payload: Payload,
}

/// A cancellation needs to know nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct BatchCancel {}

/// Why the runs are terminated.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct BatchTerminate {
    /// For the histories, and for whoever reads them.
    reason: Option<String>,
}

/// Where the runs go back to.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct BatchReset {
    /// The last event that each new run takes over.
    #[schema(minimum = 1)]
    to_event_id: Option<u64>,
    /// Why; open runs are terminated with it.
    reason: Option<String>,
    /// Whether signals that came after that event are received again; they are when absent.
    reapply_signals: Option<bool>,
    /// Replaces the input.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    input: Option<Payload>,
}

/// A `null` that is there is a value, not its absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

fn missing(field: &str) -> Problem {
    Problem::invalid(format!("field `args.{field}` of the body is missing"))
}

impl Args for BatchSignal {
    fn into_operation(self) -> Result<BatchOperation, Problem> {
        let name = self.name.ok_or_else(|| missing("name"))?;
        check_text("signal name", &name)?;
        Ok(BatchOperation::Signal(SignalInput { name, payload: self.payload }))
    }
}

impl Args for BatchCancel {
    fn into_operation(self) -> Result<BatchOperation, Problem> {
        Ok(BatchOperation::Cancel)
    }
}

impl Args for BatchTerminate {
    fn into_operation(self) -> Result<BatchOperation, Problem> {
        Ok(BatchOperation::Terminate { reason: self.reason.unwrap_or_default() })
    }
}

impl Args for BatchReset {
    fn into_operation(self) -> Result<BatchOperation, Problem> {
        let to_event_id = self.to_event_id.ok_or_else(|| missing("to_event_id"))?;
        let request = ResetRequest {
            reapply_signals: self.reapply_signals.unwrap_or(true),
            input: self.input,
            ..ResetRequest::new(to_event_id, self.reason.unwrap_or_default())
        };
        Ok(BatchOperation::Reset(Box::new(request)))
    }
}
