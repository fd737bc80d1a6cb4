//! A task queue as it is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::queue::Figures;
use crate::{QueueLimits, Timestamp};

/// A task queue: what it allows, what waits and what runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueDescription {
    /// Its name.
    pub name: String,
    /// What it allows now.
    pub limits: QueueLimits,
    /// Whether the worker declares it.
    pub declared: bool,
    /// Whether its limits were set at run time; these stand above what the worker declares.
    pub overridden: bool,
    /// Activities that wait for an attempt.
    pub waiting: u64,
    /// The same by priority, for those where some wait.
    pub waiting_by_priority: BTreeMap<u8, u64>,
    /// Attempts that run.
    pub running: u64,
    /// Milliseconds since the one that has waited longest could have run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_age_ms: Option<u64>,
    /// Activities that came in a second, over the last minute.
    pub added_per_s: f64,
    /// Attempts that started in a second, over the last minute.
    pub started_per_s: f64,
}

impl QueueDescription {
    pub(crate) fn new(
        name: &str,
        limits: QueueLimits,
        figures: Figures,
        (declared, overridden): (bool, bool),
        now: Timestamp,
    ) -> Self {
        let age = |since: Timestamp| {
            u64::try_from(now.as_millis().saturating_sub(since.as_millis())).unwrap_or(0)
        };
        let lanes = (1..).zip(figures.waiting_by_priority);
        Self {
            name: name.to_owned(),
            limits,
            declared,
            overridden,
            waiting: figures.waiting as u64,
            waiting_by_priority: lanes
                .filter(|(_, waiting)| *waiting > 0)
                .map(|(priority, waiting)| (priority, waiting as u64))
                .collect(),
            running: figures.running as u64,
            oldest_age_ms: figures.oldest.map(age),
            added_per_s: figures.added_per_s,
            started_per_s: figures.started_per_s,
        }
    }
}
