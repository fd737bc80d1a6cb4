//! Addresses of the inspector's pages.

use std::fmt::Write;

/// The list of workflows.
pub(super) const LIST: &str = "/ui/workflows";

/// Where people log in.
pub(super) const LOGIN: &str = "/ui/login";
/// Where they log out.
pub(super) const LOGOUT: &str = "/ui/logout";

/// The list of schedules.
pub(super) const SCHEDULES: &str = "/ui/schedules";

/// The address of a schedule.
pub(super) fn schedule(id: &str) -> String {
    format!("{SCHEDULES}/{}", encode(id))
}

/// The form for another schedule; no schedule's own address can be the same.
pub(super) const NEW_SCHEDULE: &str = "/ui/new-schedule";

/// Bounded contexts and their map.
pub(super) const CONTEXTS: &str = "/ui/contexts";

/// The namespaces.
pub(super) const NAMESPACES: &str = "/ui/namespaces";

/// The event log.
pub(super) const EVENTS: &str = "/ui/events";
/// The commands.
pub(super) const COMMANDS: &str = "/ui/commands";
/// The streams.
pub(super) const STREAMS: &str = "/ui/streams";

/// The address of a command.
pub(super) fn command(id: &str) -> String {
    format!("{COMMANDS}/{}", encode(id))
}

/// The address of an event.
pub(super) fn event(position: u64) -> String {
    format!("{EVENTS}/{position}")
}

/// The events of a stream.
pub(super) fn stream(stream: &str) -> String {
    with_query(EVENTS, [("stream", stream)])
}

/// The state of a stream's entity.
pub(super) fn stream_state(stream: &str) -> String {
    format!("{STREAMS}/{}", encode(stream))
}

/// The projections.
pub(super) const PROJECTIONS: &str = "/ui/projections";

/// The address of a projection.
pub(super) fn projection(name: &str) -> String {
    format!("{PROJECTIONS}/{}", encode(name))
}

/// The subscriptions.
pub(super) const SUBSCRIPTIONS: &str = "/ui/subscriptions";

/// The address of a subscription.
pub(super) fn subscription(name: &str) -> String {
    format!("{SUBSCRIPTIONS}/{}", encode(name))
}

/// The sagas.
pub(super) const SAGAS: &str = "/ui/sagas";

/// The address of a saga.
pub(super) fn saga(id: &str) -> String {
    format!("{SAGAS}/{}", encode(id))
}

/// Circuit breakers and limits.
pub(super) const CIRCUITS: &str = "/ui/circuits";

/// What is forgiven of limits.
pub(super) const LIMITS: &str = "/ui/limits";

/// What contexts tell each other.
pub(super) const PUBLICATIONS: &str = "/ui/publications";

/// What was begun and has not ended.
pub(super) const INTENTS: &str = "/ui/intents";

/// What was given up on.
pub(super) const DEAD_LETTERS: &str = "/ui/dead-letters";
/// The agents.
pub(super) const AGENTS: &str = "/ui/agents";
/// What they would do, and somebody has to decide.
pub(super) const AGENT_APPROVALS: &str = "/ui/agents/approvals";
/// What they use.
pub(super) const AGENT_MONITORING: &str = "/ui/agents/monitoring";
/// What they concluded.
pub(super) const AGENT_DECISIONS: &str = "/ui/agents/decisions";
/// What they gave up.
pub(super) const AGENT_DEAD_LETTERS: &str = "/ui/agents/dead-letters";

/// The address of an agent's forms.
pub(super) fn agent(id: &str) -> String {
    format!("{AGENTS}/{}", encode(id))
}

/// The address of an approval.
pub(super) fn agent_approval(id: &str) -> String {
    format!("{AGENT_APPROVALS}/{}", encode(id))
}

/// The address of a dead letter's forms.
pub(super) fn agent_dead_letter(id: &str) -> String {
    format!("{AGENT_DEAD_LETTERS}/{}", encode(id))
}

/// The task queues.
pub(super) const QUEUES: &str = "/ui/queues";

/// The batches.
pub(super) const BATCHES: &str = "/ui/batches";
/// Where one is made.
pub(super) const NEW_BATCH: &str = "/ui/batches/new";

/// The address of a batch.
pub(super) fn batch(id: &str) -> String {
    format!("{BATCHES}/{}", encode(id))
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// The address of a workflow's newest run.
pub(super) fn workflow(id: &str) -> String {
    format!("{LIST}/{}", encode(id))
}

/// The address of one run.
pub(super) fn run(id: &str, run_id: impl std::fmt::Display) -> String {
    format!("{}?run_id={run_id}", workflow(id))
}

/// `path` with a query of these pairs.
pub(super) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut address = path.to_owned();
    for (name, value) in pairs {
        address.push(if address.len() == path.len() { '?' } else { '&' });
        address.push_str(&encode(name));
        address.push('=');
        address.push_str(&encode(value));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ids_stay_one_segment() {
        assert_eq!(workflow("a/b ü?#%"), "/ui/workflows/a%2Fb%20%C3%BC%3F%23%25");
        assert_eq!(with_query("/x", [("attr.k", "a&b"), ("n", "1")]), "/x?attr.k=a%26b&n=1");
        assert_eq!(with_query("/x", []), "/x");
    }
}
