//! Customers whom somebody should talk to, because an agent or a person suggested it.
//!
//! Invariant: a suggestion and the event that tells of it stand in one commit, and nobody is
//! suggested who asked to be left alone.

use everstep::contexts::{Caller, Context, ContextCommand, Contract, WorkerContexts};
use everstep::language::SchemaVersion;
use everstep::projections::{Category, Projection, ProjectionCode, ProjectionWorker};
use everstep::{ActivityError, BoundedContext, ContextTable, ContextTx, Timestamp, Worker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct OutreachContext(());

impl BoundedContext for OutreachContext {
    const NAME: &'static str = "outreach";
}

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
pub(crate) const CREATED: &str = "OutreachCreated";
const LOGGED: &str = "ChurnRiskLogged";
const PREFERRED: &str = "OutreachPreferenceSet";

/// What is to be done, by customer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    /// Leave them alone.
    opted_out: bool,
    /// Suggestions so far.
    tasks: u64,
}

const STANDING: ContextTable<OutreachContext, Standing> = ContextTable::new("outreachTasks");

/// What an agent suggests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suggest {
    customer_id: String,
    reason: String,
    confidence: f64,
    #[serde(default)]
    cancellations: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prefer {
    customer_id: String,
    opted_out: bool,
}

const SUGGEST: ContextCommand<Suggest, Value> =
    ContextCommand::new("outreach", "SuggestCustomerOutreach");
const LOG_RISK: ContextCommand<Suggest, Value> = ContextCommand::new("outreach", "LogChurnRisk");
const PREFER: ContextCommand<Prefer, Value> =
    ContextCommand::new("outreach", "SetOutreachPreference");

type Tx<'t, 'a> = ContextTx<'t, 'a, OutreachContext>;

/// The outreach handler: a task, and the event that tells of it. Writing to the customer comes
/// later, and is somebody else's.
#[expect(clippy::needless_pass_by_value, reason = "a handler is handed its payload")]
fn suggest(tx: &mut Tx<'_, '_>, caller: &Caller, wanted: Suggest) -> Result<Value, ActivityError> {
    let customer = wanted.customer_id.as_str();
    let mut standing = tx.get(STANDING, customer)?.unwrap_or_default();
    if standing.opted_out {
        let what = format!("customer `{customer}` asked to be left alone");
        return Err(ActivityError::new("OUTREACH_REFUSED", what));
    }
    standing.tasks += 1;
    tx.put(STANDING, customer, &standing)?;
    let data = json!({
        "outreachId": format!("{customer}-{}", standing.tasks),
        "customerId": customer,
        "reason": wanted.reason,
        "confidence": wanted.confidence,
        "cancellations": wanted.cancellations,
        "suggestedBy": caller.user_id,
        "createdAt": tx.now(),
    });
    super::tell_of_customer(tx, customer, CREATED, &data)?;
    Ok(data)
}

#[expect(clippy::needless_pass_by_value, reason = "a handler is handed its payload")]
fn log_risk(tx: &mut Tx<'_, '_>, caller: &Caller, risk: Suggest) -> Result<Value, ActivityError> {
    let data = json!({
        "customerId": risk.customer_id, "reason": risk.reason, "confidence": risk.confidence,
        "loggedBy": caller.user_id,
    });
    super::tell_of_customer(tx, &risk.customer_id, LOGGED, &data)?;
    Ok(data)
}

#[expect(clippy::needless_pass_by_value, reason = "a handler is handed its payload")]
fn prefer(tx: &mut Tx<'_, '_>, _: &Caller, wish: Prefer) -> Result<Value, ActivityError> {
    let mut standing = tx.get(STANDING, &wish.customer_id)?.unwrap_or_default();
    standing.opted_out = wish.opted_out;
    tx.put(STANDING, &wish.customer_id, &standing)?;
    let data = json!({ "customerId": wish.customer_id, "optedOut": wish.opted_out });
    super::tell_of_customer(tx, &wish.customer_id, PREFERRED, &data)?;
    Ok(data)
}

/// What was suggested, by customer.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outreach {
    tasks: Vec<Value>,
    last_at: Option<Timestamp>,
}

const OUTREACH: Projection<Outreach> = Projection::new("customerOutreach", Category::View);
/// Suggestions of a customer that are shown.
const MOST_TASKS: usize = 20;

fn shown() -> ProjectionCode {
    OUTREACH
        .row(super::customer_of, |row, event| {
            let mut row = row.unwrap_or_default();
            let data: Value = serde_json::from_slice(event.data()).map_err(|it| it.to_string())?;
            row.tasks.push(data);
            if row.tasks.len() > MOST_TASKS {
                row.tasks.remove(0);
            }
            row.last_at = Some(Timestamp::from_millis(event.recorded_at_ms()));
            Ok(Some(row))
        })
        .events([CREATED])
}

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(OutreachContext::NAME, V1)
        .description("customers whom somebody should talk to")
        .commands([SUGGEST.name(), LOG_RISK.name(), PREFER.name()])
        .events([CREATED, LOGGED, PREFERRED])
        .table(STANDING.name(), V1)
        .errors(["OUTREACH_REFUSED"]);
    let context = Context::new(OutreachContext(()), contract)
        .command(SUGGEST, suggest)
        .command(LOG_RISK, log_risk)
        .command(PREFER, prefer);
    worker.context(context).projection(shown())
}
