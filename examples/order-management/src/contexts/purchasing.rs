//! What should be bought, because somebody suggested it.

use everstep::contexts::{Context, ContextCommand, Contract, WorkerContexts};
use everstep::language::SchemaVersion;
use everstep::log::{Append, Expected, NewEvent, StreamAppend, StreamId};
use everstep::{BoundedContext, ContextTx, Worker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct PurchasingContext(());

impl BoundedContext for PurchasingContext {
    const NAME: &'static str = "purchasing";
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Restock {
    product_id: String,
    available: u64,
    reason: String,
}

const SUGGEST_RESTOCK: ContextCommand<Restock, Value> =
    ContextCommand::new("purchasing", "SuggestRestock");
const SUGGESTED: &str = "RestockSuggested";

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(PurchasingContext::NAME, SchemaVersion::new(1, 0, 0))
        .description("what should be bought")
        .commands([SUGGEST_RESTOCK.name()])
        .events([SUGGESTED]);
    let context = Context::new(PurchasingContext(()), contract).command(
        SUGGEST_RESTOCK,
        |tx: &mut ContextTx<'_, '_, PurchasingContext>, caller, wanted: Restock| {
            let data = json!({
                "productId": wanted.product_id, "available": wanted.available,
                "reason": wanted.reason, "suggestedBy": caller.user_id,
            });
            let mut event = NewEvent::new(SUGGESTED, data.to_string());
            event.tags.push(format!("product:{}", wanted.product_id).into());
            let stream = Some(StreamId::new("purchasing.Product", wanted.product_id));
            let stream = StreamAppend { stream, events: vec![event], expected: Expected::Any };
            tx.append(Append { streams: vec![stream], ..Append::default() })?;
            Ok(data)
        },
    );
    worker.context(context)
}
