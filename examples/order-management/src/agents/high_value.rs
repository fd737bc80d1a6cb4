//! `high-value`: an order of 500 and more is worth a look before it leaves the house. By rules alone.

use everstep::agent::{Agent, AgentEvent, Judgement, PatternDefinition, PatternWindow, Suggestion};
use everstep::log::RecordedEvent;
use serde_json::{Value, json};

use crate::contexts::orders::SUBMITTED;

/// From this much on an order is large.
const LARGE_CENTS: u64 = 50_000;

pub(crate) fn agent() -> Agent {
    let pattern = PatternDefinition::new("highValue")
        .window(PatternWindow::of("1d"))
        .trigger(|events| events.iter().any(|event| is_large(&event.data)))
        .rules(|situation| Judgement {
            confidence: 0.9,
            reasoning: format!(
                "an order over {:.2} is worth a look: it is over {:.2}",
                euros(LARGE_CENTS),
                euros(total(&situation.event.data))
            ),
        })
        .suggests(|situation, analysis| {
            let AgentEvent { data, .. } = situation.event;
            let payload = json!({
                "orderId": data["orderId"],
                "customerId": data["customerId"],
                "totalCents": total(data),
                "reason": analysis.reasoning,
            });
            Some(Suggestion { command_type: "FlagForVIPReview".to_owned(), payload })
        });
    Agent::new("high-value")
        .description("large orders that somebody should look at")
        .listens_to([SUBMITTED])
        .from_now()
        .only(is_worth_a_workflow)
        .subject(|event| event.stream_id.clone())
        .pattern(pattern)
        .fallback()
}

/// Looked at before anything is begun: most orders are small.
fn is_worth_a_workflow(event: &RecordedEvent) -> bool {
    serde_json::from_slice(event.data()).is_ok_and(|data: Value| is_large(&data))
}

fn is_large(data: &Value) -> bool {
    total(data) >= LARGE_CENTS
}

fn total(data: &Value) -> u64 {
    data["totalCents"].as_u64().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "for people, who order for less than 2^53 cents")]
fn euros(cents: u64) -> f64 {
    cents as f64 / 100.0
}
