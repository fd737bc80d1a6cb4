//! `low-stock`: what is reserved down to a few pieces should be bought again. A second agent, by
//! rules alone: no model is asked, nobody has to approve.

use everstep::ActivityError;
use everstep::agent::{
    Agent, AgentEvent, HistoryRequest, Judgement, PatternDefinition, PatternWindow, Suggestion,
};
use everstep::projections::ProjectionService;
use order_domain::inventory::Stock;
use serde_json::json;

/// Fewer than these are too few.
const TOO_FEW: u64 = 5;
const RESERVED: &str = "ReservationCreated";
const LEVEL: &str = "StockLevel";

pub(crate) fn agent() -> Agent {
    let low = |events: &[AgentEvent]| events.iter().find(|event| is_low(event)).cloned();
    let pattern = PatternDefinition::new("lowStock")
        .window(PatternWindow::of("1d"))
        .trigger(move |events| low(events).is_some())
        .rules(|_| Judgement {
            confidence: 0.9,
            reasoning: format!("fewer than {TOO_FEW} pieces are left on the shelf"),
        })
        .suggests(move |situation, analysis| {
            let level = low(situation.events)?;
            let payload = json!({
                "productId": level.data["productId"],
                "available": level.data["available"],
                "reason": analysis.reasoning,
            });
            Some(Suggestion { command_type: "SuggestRestock".to_owned(), payload })
        });
    Agent::new("low-stock")
        .description("what should be bought again")
        .listens_to([RESERVED])
        .from_now()
        .subject(|event| event.stream_id.clone())
        .pattern(pattern)
        .load_history(levels)
        .fallback()
}

fn is_low(event: &AgentEvent) -> bool {
    event.event_type == LEVEL && event.data["available"].as_u64().is_some_and(|it| it < TOO_FEW)
}

/// What is left of each product of the reservation, as the shop's own view says.
fn levels(request: &HistoryRequest<'_>) -> Result<Vec<AgentEvent>, ActivityError> {
    let shelf = ProjectionService::reader(request.engine);
    let items = request.event.data["items"].as_array().cloned().unwrap_or_default();
    let mut levels = Vec::new();
    for (place, item) in (0..).zip(&items) {
        let product = item["productId"].as_str().unwrap_or_default();
        let row = shelf.row(request.namespace, "productStock", product)?;
        let stock: Stock = row.state.unwrap_or_default().to()?;
        let data = json!({ "productId": product, "available": stock.available });
        levels.push(AgentEvent::new(place, LEVEL, request.event.at, data));
    }
    Ok(levels)
}
