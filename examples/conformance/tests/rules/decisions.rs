//! What was decided about agents, one by one: where it stands in the code, and which rules show it.

/// A decision.
pub(crate) struct Decided {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    /// From the workspace's root.
    pub(crate) place: &'static str,
    /// Whose scenarios show it, beside those that are tagged with its own id.
    pub(crate) rules: &'static [&'static str],
}

const fn decided(
    id: &'static str,
    what: &'static str,
    place: &'static str,
    rules: &'static [&'static str],
) -> Decided {
    Decided { id, what, place, rules }
}

/// In the order of the page.
pub(crate) const DECISIONS: &[Decided] = &[
    decided(
        "D-1",
        "The agents' context is called by functions: checkpoints, audit, dead letters, commands, approvals",
        "workflows/src/agent/functions.rs",
        &["AGENT-9", "AGENT-15"],
    ),
    decided(
        "D-2",
        "Cancellations by customer are the application's own projection",
        "examples/order-management/src/views/cancellations.rs",
        &["AGENT-7", "AGENT-12"],
    ),
    decided(
        "D-3",
        "Rows of an older shape are taken along once, in the background, with what they become; events by the casts of their schema",
        "activities/src/contexts/migration.rs",
        &["INT-4"],
    ),
    decided(
        "D-4",
        "The agents' context, the threads with models and the pool of questions stand beside each other, none within another",
        "workflows/src/agent/context.rs",
        &["AGENT-8"],
    ),
    decided(
        "D-5",
        "An event goes from the log to a lane, a workflow, a question and one completing transaction",
        "workflows/src/agent/flow.rs",
        &["AGENT-32", "AGENT-33"],
    ),
    decided(
        "D-6",
        "An agent is active, paused, stopped or in error recovery",
        "workflows/src/agent/lifecycle.rs",
        &["AGENT-1", "AGENT-3", "AGENT-42"],
    ),
    decided(
        "D-7",
        "Every type of audit record has a name from the first day; unknown ones are read, too",
        "workflows/src/agent/audit.rs",
        &["AGENT-5"],
    ),
    decided(
        "D-8",
        "Keys begin with the agent and then its subscription, so that both are a range",
        "workflows/src/agent/books.rs",
        &["AGENT-15"],
    ),
    decided(
        "D-9",
        "An operator's overrides are any JSON object, and take the place of the program's settings",
        "workflows/src/agent/settings.rs",
        &["AGENT-30", "AGENT-39"],
    ),
    decided(
        "D-10",
        "Whoever sweeps expired approvals calls the context's function, never its table",
        "workflows/src/agent/approvals.rs",
        &["AGENT-17", "AGENT-23"],
    ),
    decided(
        "D-11",
        "Who acts is an argument, ids are text outside, parts are undone alone, configuration is handed in",
        "activities/src/contexts",
        &["BC-2", "BC-3", "BC-4", "AGENT-11"],
    ),
    decided(
        "D-12",
        "Any endpoint that speaks OpenAI's chat completions is a model; its key comes from the environment; an agent may name another model",
        "activities/src/llm/provider.rs",
        &["AGENT-3"],
    ),
    decided(
        "D-13",
        "Outreach is a task with its reason, and the event `OutreachCreated`",
        "examples/order-management/src/contexts/outreach.rs",
        &["AGENT-26"],
    ),
    decided(
        "D-14",
        "From `OrderCancelled` to `OutreachCreated` in ten steps, each of which may be the last one of a process",
        "examples/order-management/src/agents/tests.rs",
        &["AGENT-27"],
    ),
    decided(
        "D-15",
        "A model is asked by an activity; audit, command or approval and last the checkpoint are one transaction",
        "workflows/src/agent/complete.rs",
        &["AGENT-29", "AGENT-33"],
    ),
    decided(
        "D-16",
        "An agent has one thread with its model for each subject, whose newest messages are kept",
        "workflows/src/agent/threads.rs",
        &["AGENT-32"],
    ),
    decided(
        "D-17",
        "Questions are limited by the minute, at once, by the day's budget and by the queue",
        "workflows/src/agent/admit.rs",
        &["AGENT-38", "AGENT-39", "AGENT-40"],
    ),
    decided(
        "D-18",
        "Where no model answers rules conclude, under a threshold of their own",
        "workflows/src/agent/analysis.rs",
        &["AGENT-21", "AGENT-35"],
    ),
    decided(
        "D-19",
        "Ten questions at once; three attempts, one second apart and then two; lanes by stream",
        "workflows/src/agent/flow.rs",
        &["AGENT-3", "AGENT-31"],
    ),
    decided(
        "D-20",
        "Windows and approval rules are pure functions",
        "workflows/src/agent/window.rs",
        &["AGENT-2", "AGENT-4"],
    ),
    decided(
        "D-21",
        "A circuit breaker stands around the model: five failures, one minute",
        "activities/src/llm/provider.rs",
        &["AGENT-35", "CIRC-5"],
    ),
    decided(
        "D-22",
        "A trigger costs nothing; a question is reserved at its most and settled at what it cost",
        "workflows/src/agent/budget.rs",
        &["AGENT-16", "AGENT-39"],
    ),
    decided(
        "D-23",
        "Five pages: dashboard, pending approvals, monitoring, decision history, dead letters; the client calls the same",
        "http/src/ui/pages/agents",
        &["UI-1", "UI-2", "UI-3"],
    ),
    decided(
        "D-24",
        "The reviewer is who has come in, never a placeholder",
        "http/src/api/agents/approvals.rs",
        &["AGENT-25"],
    ),
    decided(
        "D-25",
        "Skeletons stand where the shop's page reads its rows; the inspector's pages come from the server whole, with nothing to wait for",
        "examples/order-management/src/page",
        &["UI-11"],
    ),
    decided(
        "D-26",
        "Confidence is said in words and numbers, not by colour alone; further agents watch low stock, large orders and orders that could travel together",
        "examples/order-management/src/agents",
        &["UI-8", "AGENT-22"],
    ),
    decided(
        "D-27",
        "One pattern is the cheap trigger and the question",
        "workflows/src/agent/pattern.rs",
        &["AGENT-16", "AGENT-19"],
    ),
    decided(
        "D-28",
        "Reservations of cancelled orders are released by a process manager: one command because of one event",
        "examples/order-management/src/releases.rs",
        &["ORD-2", "ORD-7"],
    ),
];
