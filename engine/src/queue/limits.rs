//! What a queue allows, and what a call says about its place in one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a queue allows. Where nothing is said there is no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QueueLimits {
    /// Attempts that may run at once.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// Attempts that may start in a second, on average.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// Attempts that may start at once after a quiet time; as many as in a second where nothing is
    /// said, and at least one.
    #[serde(default)]
    pub burst: Option<u32>,
    /// Attempts that may run at once with the same concurrency key.
    #[serde(default)]
    pub concurrency_per_key: Option<u32>,
    /// How much more often the turn of a fairness key comes; 1 where nothing is said.
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
    /// Starts nothing until it is resumed.
    #[serde(default)]
    pub paused: bool,
}

impl QueueLimits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many attempts may run at once.
    #[must_use]
    pub fn concurrency(mut self, attempts: u32) -> Self {
        self.concurrency = Some(attempts);
        self
    }

    /// So many attempts may start in a second, on average.
    #[must_use]
    pub fn rate_per_s(mut self, attempts: f64) -> Self {
        self.rate_per_s = Some(attempts);
        self
    }

    /// So many attempts may start at once after a quiet time.
    #[must_use]
    pub fn burst(mut self, attempts: u32) -> Self {
        self.burst = Some(attempts);
        self
    }

    /// So many attempts with the same concurrency key may run at once.
    #[must_use]
    pub fn concurrency_per_key(mut self, attempts: u32) -> Self {
        self.concurrency_per_key = Some(attempts);
        self
    }

    /// The turn of this fairness key comes `weight` times as often as that of one without weight.
    #[must_use]
    pub fn weight(mut self, key: impl Into<String>, weight: f64) -> Self {
        self.weights.insert(key.into(), weight);
        self
    }

    /// What cannot be meant, in words that name the field.
    ///
    /// # Errors
    /// The first such thing.
    pub fn check(&self) -> Result<(), String> {
        if self.rate_per_s.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return Err("`rate_per_s` must be above 0; to stop a queue, pause it".to_owned());
        }
        if self.burst == Some(0) {
            return Err("`burst` must be at least 1".to_owned());
        }
        for (name, limit) in
            [("concurrency", self.concurrency), ("concurrency_per_key", self.concurrency_per_key)]
        {
            if limit == Some(0) {
                return Err(format!("`{name}` must be at least 1; to stop a queue, pause it"));
            }
        }
        match self.weights.iter().find(|(_, weight)| !weight.is_finite() || **weight <= 0.0) {
            Some((key, _)) => Err(format!("`weights.{key}` must be above 0")),
            None => Ok(()),
        }
    }
}

/// The limits in words: `8 at once, 50 a second`.
impl fmt::Display for QueueLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.paused {
            parts.push("paused".to_owned());
        }
        parts.extend(self.concurrency.map(|most| format!("{most} at once")));
        parts.extend(self.rate_per_s.map(|rate| format!("{rate} a second")));
        parts.extend(self.burst.map(|burst| format!("{burst} in a burst")));
        parts.extend(self.concurrency_per_key.map(|most| format!("{most} at once per key")));
        parts.extend(self.weights.iter().map(|(key, weight)| format!("{key} × {weight}")));
        match parts.is_empty() {
            true => f.write_str("none"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

/// Whose turn comes first: 1 before 2, down to 5; 3 where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Priority(u8);

impl Priority {
    /// The first.
    pub const HIGHEST: Self = Self(1);
    /// Where nothing is said.
    pub const DEFAULT: Self = Self(3);
    /// The last.
    pub const LOWEST: Self = Self(5);
    /// How many there are.
    pub const COUNT: usize = 5;

    /// The priority from 1 to 5; what lies outside is taken for the nearest.
    pub const fn new(priority: u8) -> Self {
        Self(match priority {
            0 | 1 => 1,
            2..=5 => priority,
            _ => 5,
        })
    }

    pub(super) const fn lane(self) -> usize {
        (self.0 - 1) as usize
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a call says about its place in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The queue.
    pub queue: Arc<str>,
    /// Whose turn comes first.
    pub priority: Priority,
    /// Between whom turns are shared.
    pub fairness_key: Option<Arc<str>>,
    /// What must not run too often at once.
    pub concurrency_key: Option<Arc<str>>,
}

impl Dispatch {
    /// A place in the queue `default`, which has no limits unless it is given some.
    pub fn new() -> Self {
        Self::to(Self::DEFAULT_QUEUE)
    }

    /// The queue of calls that have a priority or a key and name no queue.
    pub const DEFAULT_QUEUE: &'static str = "default";

    /// A place in this queue.
    pub fn to(queue: impl Into<Arc<str>>) -> Self {
        Self {
            queue: queue.into(),
            priority: Priority::DEFAULT,
            fairness_key: None,
            concurrency_key: None,
        }
    }
}

impl Default for Dispatch {
    fn default() -> Self {
        Self::new()
    }
}
