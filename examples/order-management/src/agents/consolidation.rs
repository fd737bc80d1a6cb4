//! `consolidation`: three orders of a customer within an hour could travel in one parcel. By rules
//! alone; orders that were cancelled meanwhile do not count.

use std::collections::BTreeSet;

use everstep::ActivityError;
use everstep::agent::{
    Agent, AgentEvent, HistoryRequest, Judgement, PatternDefinition, PatternWindow, Suggestion,
};
use everstep::log::{Direction, Query, QueryItem};
use serde_json::json;

use crate::contexts::orders::SUBMITTED;
use crate::views::CANCELLED;

/// So many are worth a parcel of their own: with the next one it is asked anew.
const ORDERS: usize = 3;

pub(crate) fn agent() -> Agent {
    let pattern = PatternDefinition::new("consolidation")
        .window(PatternWindow::of("1h"))
        .min_events(ORDERS)
        .trigger(|events| open(events).len() == ORDERS)
        .rules(|situation| Judgement {
            confidence: 0.85,
            reasoning: format!(
                "{} orders of customer {} within an hour could travel together",
                open(situation.events).len(),
                situation.subject
            ),
        })
        .suggests(|situation, analysis| {
            let payload = json!({
                "customerId": situation.subject,
                "orderIds": open(situation.events),
                "reason": analysis.reasoning,
            });
            Some(Suggestion { command_type: "SuggestConsolidation".to_owned(), payload })
        });
    Agent::new("consolidation")
        .description("orders that could travel together")
        .listens_to([SUBMITTED])
        .from_now()
        .by_tag("customer")
        .pattern(pattern)
        .load_history(orders)
        .fallback()
}

/// The orders among the events that nobody has cancelled.
fn open(events: &[AgentEvent]) -> BTreeSet<&str> {
    let of = |wanted: &'static str| {
        let those = events.iter().filter(move |event| event.event_type == wanted);
        those.filter_map(|event| event.data["orderId"].as_str()).collect::<BTreeSet<_>>()
    };
    of(SUBMITTED).difference(&of(CANCELLED)).copied().collect()
}

/// What the customer submitted and cancelled before, as the log has it; of its personal fields
/// nothing is taken along.
fn orders(request: &HistoryRequest<'_>) -> Result<Vec<AgentEvent>, ActivityError> {
    let tag = format!("customer:{}", request.subject);
    let item =
        QueryItem { types: vec![SUBMITTED.into(), CANCELLED.into()], tags: vec![tag.into()] };
    let query = Query { items: vec![item] };
    let log = request.engine.log(request.namespace)?;
    let before = request.event.position.saturating_sub(1);
    let found = log.reader().matching(&query, before, Direction::Backwards, request.limit);
    let event = |event: &everstep::log::RecordedEvent| -> Result<AgentEvent, ActivityError> {
        let data: serde_json::Value = serde_json::from_slice(event.data())?;
        Ok(AgentEvent::recorded(event, json!({ "orderId": data["orderId"] })))
    };
    found?.iter().map(event).collect()
}
