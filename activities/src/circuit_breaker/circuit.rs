//! A circuit as a program declares it: its name, and when it opens and closes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a circuit opens, how long it stays open, when it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitConfig {
    /// So many failures in a row open it.
    pub failure_threshold: u32,
    /// How long it stays open, in milliseconds.
    pub reset_timeout_ms: u64,
    /// So many probes in a row that work close it.
    pub success_threshold: u32,
}

impl CircuitConfig {
    /// Five failures, 30 s, one probe.
    pub const DEFAULT: Self =
        Self { failure_threshold: 5, reset_timeout_ms: 30_000, success_threshold: 1 };
}

/// The circuit of one external service. Make it a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    name: &'static str,
    config: CircuitConfig,
    call_timeout: Duration,
}

impl Circuit {
    /// The circuit of that name, with the defaults: open after 5 failures in a row, for 30 s, closed
    /// by one probe.
    pub const fn new(name: &'static str) -> Self {
        Self { name, config: CircuitConfig::DEFAULT, call_timeout: Duration::from_secs(30) }
    }

    /// So many failures in a row open it; 0 counts as 1.
    #[must_use]
    pub const fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = at_least_one(failures);
        self
    }

    /// How long it stays open.
    #[must_use]
    pub const fn reset_timeout(mut self, timeout: Duration) -> Self {
        let ms = timeout.as_millis();
        self.config.reset_timeout_ms = if ms > u64::MAX as u128 { u64::MAX } else { ms as u64 };
        self
    }

    /// So many probes in a row that work close it; 0 counts as 1.
    #[must_use]
    pub const fn success_threshold(mut self, probes: u32) -> Self {
        self.config.success_threshold = at_least_one(probes);
        self
    }

    /// A call that takes longer has failed; 30 s where nothing is said. Keep it below the activity's
    /// start-to-close timeout: an attempt that ran out of that says nothing about the service.
    #[must_use]
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// The durable name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// When it opens and closes.
    pub const fn config(self) -> CircuitConfig {
        self.config
    }

    pub(super) const fn longest_call(self) -> Duration {
        self.call_timeout
    }
}

const fn at_least_one(number: u32) -> u32 {
    if number == 0 { 1 } else { number }
}
