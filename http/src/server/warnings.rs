//! What a server that is ready has to warn of: projections and subscriptions that stand still.
//!
//! Invariant: whoever asks for readiness may not know of tenants and names, so they hear how many
//! and of what kind; and however often it is asked, the store is read once a second at most.

use std::time::{Duration, Instant};

use everstep_workflows::subscriptions::SubscriptionActivity;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::api::Api;

/// For so long what was seen is answered again.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Something that does not work as it should, and does not keep the server from taking requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Warning {
    /// `projections` or `subscriptions`.
    component: &'static str,
    /// How many of them.
    count: u64,
    /// What is the matter, for people.
    message: String,
}

/// What was seen last, and when.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Option<(Instant, Vec<Warning>)>>);

impl Warnings {
    /// What there is to warn of.
    pub(super) async fn look(&self, api: &Api) -> Vec<Warning> {
        // Held while it looks: who comes meanwhile gets the same answer.
        let mut last = self.0.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < FRESH_FOR
        {
            return seen.clone();
        }
        let api = api.clone();
        let seen = tokio::task::spawn_blocking(move || standing_still(&api)).await;
        let seen = seen.unwrap_or_default();
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

/// Reads the store. A namespace that goes meanwhile has nothing that stands still.
fn standing_still(api: &Api) -> Vec<Warning> {
    let (mut projections, mut subscriptions) = (0, 0);
    for namespace in api.engine().namespaces() {
        let statuses = api.projections().statuses(&namespace.name).unwrap_or_default();
        let stuck = statuses.iter().filter(|one| matches!(one.status, "stalled" | "failing"));
        projections += stuck.count() as u64;
        let listed = api.subscriptions().list(&namespace.name).unwrap_or_default();
        let stuck = listed.iter().filter(|one| one.status == SubscriptionActivity::Stalled);
        subscriptions += stuck.count() as u64;
    }
    [
        ("projections", projections, "stalled or failing: `everstep projections list`"),
        ("subscriptions", subscriptions, "stalled: `everstep subscriptions list`"),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(component, count, what)| Warning {
        component,
        count,
        message: format!("{count} {component} {what} and the inspector say which and why"),
    })
    .collect()
}
