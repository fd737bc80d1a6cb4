//! Orders that somebody should look at before they leave the house, because an agent says so.
//!
//! Invariant: an order is flagged once, however often it is asked for.

use everstep::contexts::{Caller, Context, ContextCommand, Contract, WorkerContexts};
use everstep::language::SchemaVersion;
use everstep::{ActivityError, BoundedContext, ContextTable, ContextTx, Worker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct ReviewsContext(());

impl BoundedContext for ReviewsContext {
    const NAME: &'static str = "reviews";
}

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const FLAGGED: &str = "VipReviewFlagged";
const SUGGESTED: &str = "ConsolidationSuggested";

/// Orders that are flagged, with what the event says.
const REVIEWS: ContextTable<ReviewsContext, Value> = ContextTable::new("vipReviews");

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flag {
    order_id: String,
    customer_id: String,
    total_cents: u64,
    reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consolidate {
    customer_id: String,
    order_ids: Vec<String>,
    reason: String,
}

const FLAG: ContextCommand<Flag, Value> = ContextCommand::new("reviews", "FlagForVIPReview");
const CONSOLIDATE: ContextCommand<Consolidate, Value> =
    ContextCommand::new("reviews", "SuggestConsolidation");

type Tx<'t, 'a> = ContextTx<'t, 'a, ReviewsContext>;

#[expect(clippy::needless_pass_by_value, reason = "a handler is handed its payload")]
fn flag(tx: &mut Tx<'_, '_>, caller: &Caller, flag: Flag) -> Result<Value, ActivityError> {
    if let Some(known) = tx.get(REVIEWS, &flag.order_id)? {
        return Ok(known);
    }
    let data = json!({
        "orderId": flag.order_id, "customerId": flag.customer_id, "totalCents": flag.total_cents,
        "reason": flag.reason, "suggestedBy": caller.user_id,
    });
    tx.put(REVIEWS, &flag.order_id, &data)?;
    super::tell_of_customer(tx, &flag.customer_id, FLAGGED, &data)?;
    Ok(data)
}

#[expect(clippy::needless_pass_by_value, reason = "a handler is handed its payload")]
fn consolidate(
    tx: &mut Tx<'_, '_>,
    caller: &Caller,
    wanted: Consolidate,
) -> Result<Value, ActivityError> {
    let data = json!({
        "customerId": wanted.customer_id, "orderIds": wanted.order_ids, "reason": wanted.reason,
        "suggestedBy": caller.user_id,
    });
    super::tell_of_customer(tx, &wanted.customer_id, SUGGESTED, &data)?;
    Ok(data)
}

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(ReviewsContext::NAME, V1)
        .description("orders that somebody should look at")
        .commands([FLAG.name(), CONSOLIDATE.name()])
        .events([FLAGGED, SUGGESTED])
        .table(REVIEWS.name(), V1);
    let context = Context::new(ReviewsContext(()), contract)
        .command(FLAG, flag)
        .command(CONSOLIDATE, consolidate);
    worker.context(context)
}
