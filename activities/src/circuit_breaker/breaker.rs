//! The machine: pure, times in milliseconds since 1970.
//!
//! Invariant: a probe stands only in a circuit that is half open, and there is one at most.

use serde::{Deserialize, Serialize};

use super::CircuitConfig;

/// How a circuit stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// Calls go through; failures in a row are counted.
    #[default]
    Closed,
    /// Calls are refused.
    Open,
    /// One call at a time goes through, to see.
    HalfOpen,
}

impl CircuitState {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A call that goes through a circuit which is half open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Which activity's.
    pub run_id: String,
    /// Which process makes it: one that ended has lost it.
    pub process: u64,
    /// Until when it holds its place.
    pub until_ms: i64,
}

/// Everything that a circuit remembers. The default one is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// How it stands.
    pub state: CircuitState,
    /// Failures in a row.
    pub failure_count: u32,
    /// Probes in a row that worked.
    pub success_count: u32,
    /// When a call failed last.
    pub last_failure_at_ms: Option<i64>,
    /// Since when it is open, or was before it was half open.
    pub opened_at_ms: Option<i64>,
    /// How often it has opened.
    pub openings: u64,
    /// The call that is to show whether the service is back.
    pub probe: Option<Probe>,
}

/// Whether a call may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Passed,
    /// It may, as the probe.
    Probing,
    /// It may not; perhaps after so many milliseconds.
    Refused {
        /// The shortest time after which asking again makes sense.
        retry_after_ms: u64,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service answered, be it with a refusal.
    Worked,
    /// It did not, or could not.
    Failed,
    /// The caller went away before it was known.
    Abandoned,
}

impl Breaker {
    /// What a caller would be told, without changing anything: none when the circuit has to move
    /// first, for which [`Breaker::admit`] is asked.
    pub fn look(
        &self,
        config: &CircuitConfig,
        process: u64,
        run_id: &str,
        now_ms: i64,
    ) -> Option<Admission> {
        match (self.state, &self.probe) {
            (CircuitState::Closed, _) => Some(Admission::Passed),
            (CircuitState::Open, _) => {
                let left = self.left_ms(config, now_ms);
                (left > 0).then_some(Admission::Refused { retry_after_ms: left })
            }
            (CircuitState::HalfOpen, Some(probe)) if probe.holds(process, run_id, now_ms) => {
                let left = u64::try_from(probe.until_ms.saturating_sub(now_ms)).unwrap_or(1);
                Some(Admission::Refused { retry_after_ms: left })
            }
            (CircuitState::HalfOpen, _) => None,
        }
    }

    /// Lets a call through or not. In a circuit that is half open it becomes the probe, if there is
    /// none or the last one was lost.
    pub fn admit(&mut self, config: &CircuitConfig, probe: Probe, now_ms: i64) -> Admission {
        if let Some(answer) = self.look(config, probe.process, &probe.run_id, now_ms) {
            return answer;
        }
        // Should the timer have been late, or terminated by somebody.
        self.state = CircuitState::HalfOpen;
        self.probe = Some(probe);
        Admission::Probing
    }

    /// How a call ended that was let through; `probe` names the probe's.
    pub fn end(
        &mut self,
        config: &CircuitConfig,
        outcome: Outcome,
        probe: Option<&str>,
        now_ms: i64,
    ) {
        if outcome == Outcome::Failed {
            self.last_failure_at_ms = Some(now_ms);
        }
        match self.state {
            CircuitState::Closed => match outcome {
                Outcome::Worked => self.failure_count = 0,
                Outcome::Failed => {
                    self.failure_count = self.failure_count.saturating_add(1);
                    if self.failure_count >= config.failure_threshold {
                        self.open(now_ms);
                    }
                }
                Outcome::Abandoned => {}
            },
            // It began before the circuit opened, and says nothing about now.
            CircuitState::Open => {}
            CircuitState::HalfOpen => {
                let own = self.probe.as_ref().map(|probe| probe.run_id.as_str());
                if own.is_none() || own != probe {
                    return;
                }
                self.probe = None;
                match outcome {
                    Outcome::Worked => {
                        self.success_count += 1;
                        if self.success_count >= config.success_threshold {
                            self.close();
                        }
                    }
                    Outcome::Failed => {
                        self.failure_count = self.failure_count.saturating_add(1);
                        self.open(now_ms);
                    }
                    Outcome::Abandoned => {}
                }
            }
        }
    }

    /// The timer of the opening at `opened_at_ms`; answers whether it is that one that is open.
    pub fn wake(&mut self, opened_at_ms: i64, openings: u64) -> bool {
        let is_its_own = self.state == CircuitState::Open
            && self.opened_at_ms == Some(opened_at_ms)
            && self.openings == openings;
        if is_its_own {
            self.state = CircuitState::HalfOpen;
        }
        is_its_own
    }

    /// Opens it, by a failure or by hand.
    pub fn open(&mut self, now_ms: i64) {
        self.state = CircuitState::Open;
        self.opened_at_ms = Some(now_ms);
        self.openings += 1;
        self.success_count = 0;
        self.probe = None;
    }

    /// Closes it, by probes or by hand.
    pub fn close(&mut self) {
        self.state = CircuitState::Closed;
        self.failure_count = 0;
        self.success_count = 0;
        self.opened_at_ms = None;
        self.probe = None;
    }

    /// How much longer it refuses every call, in milliseconds.
    pub fn left_ms(&self, config: &CircuitConfig, now_ms: i64) -> u64 {
        match (self.state, self.opened_at_ms) {
            (CircuitState::Open, Some(opened)) => {
                let since = u64::try_from(now_ms.saturating_sub(opened)).unwrap_or(0);
                config.reset_timeout_ms.saturating_sub(since)
            }
            _ => 0,
        }
    }
}

impl Probe {
    /// Whether somebody else has to wait for it. A probe of another process is lost, as is that of
    /// an earlier attempt of the same activity, and one whose time is over.
    fn holds(&self, process: u64, run_id: &str, now_ms: i64) -> bool {
        self.process == process && self.run_id != run_id && now_ms < self.until_ms
    }
}
