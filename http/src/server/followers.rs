//! Figures of what follows the event log: projections and subscriptions, of every namespace.
//!
//! Invariant: one line a namespace and name, and both are bounded: projections by the worker,
//! subscriptions by what a namespace may have.

use std::fmt::{Display, Write};

use everstep_workflows::subscriptions::SubscriptionActivity;

use crate::api::Api;

/// A gauge, by name, and its lines.
type Gauge = (&'static str, String);

const PROJECTIONS: [&str; 4] = [
    "everstep_projection_lag",
    "everstep_projection_stalled",
    "everstep_projection_quarantined",
    "everstep_projection_rebuild_percent",
];
const SUBSCRIPTIONS: [&str; 5] = [
    "everstep_subscription_lag",
    "everstep_subscription_in_flight",
    "everstep_subscription_resting",
    "everstep_subscription_parked",
    "everstep_subscription_stalled",
];

/// Appends them in the Prometheus text format.
pub(super) async fn write(api: &Api, into: &mut String) {
    let api = api.clone();
    let gauges = tokio::task::spawn_blocking(move || gauges(&api)).await.unwrap_or_default();
    for (name, lines) in gauges {
        // Writing to a string cannot fail.
        let _ = write!(into, "# TYPE {name} gauge\n{lines}");
    }
}

/// Reads the store, once a namespace and kind. A namespace that goes meanwhile has no lines.
fn gauges(api: &Api) -> Vec<Gauge> {
    let mut projections = PROJECTIONS.map(|name| (name, String::new()));
    let mut subscriptions = SUBSCRIPTIONS.map(|name| (name, String::new()));
    for namespace in api.engine().namespaces() {
        let namespace = namespace.name;
        for one in api.projections().statuses(&namespace).unwrap_or_default() {
            let rebuild = one.rebuild.as_ref().map_or(100.0, |rebuild| rebuild.percent_complete);
            let values: [&dyn Display; 4] =
                [&one.lag, &u64::from(one.status == "stalled"), &one.quarantined, &rebuild];
            for (gauge, value) in projections.iter_mut().zip(values) {
                line(gauge, &namespace, "projection", &one.name, value);
            }
        }
        for one in api.subscriptions().list(&namespace).unwrap_or_default() {
            let is_stalled = one.status == SubscriptionActivity::Stalled;
            let values = [
                one.lag,
                one.in_flight,
                one.resting,
                one.parked + one.behind,
                u64::from(is_stalled),
            ];
            for (gauge, value) in subscriptions.iter_mut().zip(values) {
                line(gauge, &namespace, "subscription", &one.name, value);
            }
        }
    }
    projections.into_iter().chain(subscriptions).collect()
}

/// Names are letters, digits and few signs, so that none needs to be escaped; a namespace's may be
/// anything.
fn line((name, lines): &mut Gauge, namespace: &str, label: &str, of: &str, value: impl Display) {
    let namespace = namespace.replace('\\', "\\\\").replace('"', "\\\"");
    let _ = writeln!(lines, "{name}{{namespace=\"{namespace}\",{label}=\"{of}\"}} {value}");
}
