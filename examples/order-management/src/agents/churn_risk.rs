//! `churn-risk`: three cancellations within thirty days, and a model is asked whether somebody
//! should talk to the customer.

use everstep::ActivityError;
use everstep::agent::{
    Agent, AgentEvent, HistoryRequest, PatternDefinition, PatternWindow, Situation, Suggestion,
};
use everstep::projections::{ProjectionError, ProjectionService};
use serde_json::json;

use crate::views::{CANCELLED, CUSTOMER_CANCELLATIONS, Cancellations, is_the_customers};

/// From so many on it is worth a question.
const CANCELLATIONS: usize = 3;

pub(crate) fn agent() -> Agent {
    let pattern = PatternDefinition::new("churnRisk")
        .window(PatternWindow::of("30d"))
        .min_events(CANCELLATIONS)
        .trigger(|events| events.len() >= CANCELLATIONS)
        .analyze(
            "You look after the customers of a shop. Judge how likely it is that a customer turns \
             away, from the orders that they cancelled. Suggest `SuggestCustomerOutreach` where \
             somebody should talk to them, else `LogChurnRisk`.",
            question,
        )
        .suggests(|situation, analysis| {
            let wanted = analysis.suggested_action.as_deref();
            let command_type = match wanted {
                Some("LogChurnRisk") => "LogChurnRisk",
                _ => "SuggestCustomerOutreach",
            };
            let payload = json!({
                "customerId": situation.subject,
                "reason": analysis.reasoning,
                "confidence": analysis.confidence,
                "cancellations": situation.events.len(),
            });
            Some(Suggestion { command_type: command_type.to_owned(), payload })
        });
    Agent::new("churn-risk")
        .description("customers who turn away")
        .listens_to([CANCELLED])
        .by_tag("customer")
        .only(is_the_customers)
        .pattern(pattern)
        .load_history(cancellations)
        .llm()
        .fallback()
}

fn question(situation: &Situation<'_>) -> String {
    let lines = situation.events.iter().map(|event| {
        let data = &event.data;
        format!("- {} order {}: {}", event.at, data["orderId"], data["reason"])
    });
    let lines: Vec<String> = lines.collect();
    format!(
        "Customer {} cancelled {} orders within 30 days:\n{}",
        situation.subject,
        situation.events.len(),
        lines.join("\n")
    )
}

/// The shop's own projection, as the agent is handed it.
fn cancellations(request: &HistoryRequest<'_>) -> Result<Vec<AgentEvent>, ActivityError> {
    let row = ProjectionService::reader(request.engine).row(
        request.namespace,
        CUSTOMER_CANCELLATIONS.name(),
        request.subject,
    );
    let row = match row {
        Ok(row) => row,
        Err(ProjectionError::RowNotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let Some(state) = row.state else { return Ok(Vec::new()) };
    let known: Cancellations = state.to()?;
    let event = |one: crate::views::Cancellation| {
        let data = json!({ "orderId": one.order_id, "reason": one.reason });
        AgentEvent::new(one.position, CANCELLED, one.at, data)
    };
    Ok(known.cancellations.into_iter().map(event).collect())
}
