//! How far back an agent looks: pure.
//!
//! Invariant: whatever history there is, no more events than the limit are kept, and none from
//! before the window; batches are asked for only while they may add something.

use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentConfigError, AgentEvent};

/// What a pattern looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PatternWindow {
    /// How long, such as `30d`, `12h`, `15m` or `90s`.
    pub duration: String,
    /// The most events; the newest count.
    pub event_limit: usize,
    /// Fewer than these are no pattern.
    pub min_events: usize,
    /// So many are loaded at once.
    pub load_batch_size: usize,
}

impl Default for PatternWindow {
    fn default() -> Self {
        Self { duration: "30d".to_owned(), event_limit: 100, min_events: 1, load_batch_size: 50 }
    }
}

impl PatternWindow {
    /// Of that length, with every other number as it is by default.
    pub fn of(duration: impl Into<String>) -> Self {
        Self { duration: duration.into(), ..Self::default() }
    }

    /// Its length in milliseconds.
    ///
    /// # Errors
    /// [`AgentConfigError::InvalidDurationFormat`].
    pub fn duration_ms(&self) -> Result<u64, AgentConfigError> {
        parse_duration(&self.duration)
    }

    /// Refuses a window that nothing can be found in.
    ///
    /// # Errors
    /// [`AgentConfigError::InvalidDurationFormat`], [`AgentConfigError::InvalidMinEvents`],
    /// [`AgentConfigError::InvalidPatternWindow`].
    pub fn check(&self, pattern: &str) -> Result<(), AgentConfigError> {
        let wrong = |reason: &str| {
            let (pattern, reason) = (pattern.to_owned(), reason.to_owned());
            Err(AgentConfigError::InvalidPatternWindow { pattern, reason })
        };
        if self.duration_ms()? == 0 {
            return wrong("it has no length");
        }
        if self.min_events == 0 {
            let found = self.min_events;
            return Err(AgentConfigError::InvalidMinEvents { pattern: pattern.to_owned(), found });
        }
        if self.event_limit == 0 || self.event_limit > 10_000 {
            return wrong("`eventLimit` is 1 to 10000");
        }
        if self.load_batch_size == 0 || self.load_batch_size > 1_000 {
            return wrong("`loadBatchSize` is 1 to 1000");
        }
        match self.min_events > self.event_limit {
            true => wrong("`minEvents` is above `eventLimit`"),
            false => Ok(()),
        }
    }
}

/// Reads `30d`, `12h`, `15m`, `90s`: in milliseconds.
///
/// # Errors
/// [`AgentConfigError::InvalidDurationFormat`].
pub fn parse_duration(text: &str) -> Result<u64, AgentConfigError> {
    let wrong = || AgentConfigError::InvalidDurationFormat(text.to_owned());
    let unit_ms = match text.bytes().last() {
        Some(b'd') => 86_400_000,
        Some(b'h') => 3_600_000,
        Some(b'm') => 60_000,
        Some(b's') => 1_000,
        _ => return Err(wrong()),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(unit_ms).filter(|ms| *ms <= i64::MAX as u64).ok_or_else(wrong)
}

/// The events that lie in the window that ends now, oldest first: the newest ones up to the limit.
/// One from exactly the window's beginning counts, one from the future does not.
pub fn filter_events_in_window(
    events: impl IntoIterator<Item = AgentEvent>,
    window: &PatternWindow,
    now: Timestamp,
) -> Vec<AgentEvent> {
    let length = window.duration_ms().unwrap_or(0);
    let mut within: Vec<AgentEvent> = events
        .into_iter()
        .filter(|event| event.at <= now && now.millis_since(event.at) <= length)
        .collect();
    within.sort_by_key(|event| (event.at, event.position));
    within.dedup_by_key(|event| event.position);
    let surplus = within.len().saturating_sub(window.event_limit);
    within.drain(..surplus);
    within
}

/// Whether there are enough for a pattern.
pub const fn has_minimum_events(events: &[AgentEvent], window: &PatternWindow) -> bool {
    events.len() >= window.min_events
}

/// Collects a window from batches that come newest first, asking for the next one only while it may
/// hold something: memory is bounded by the limit and one batch.
pub fn load_window(
    mut next_batch: impl FnMut(usize) -> Vec<AgentEvent>,
    window: &PatternWindow,
    now: Timestamp,
) -> Vec<AgentEvent> {
    let mut kept: Vec<AgentEvent> = Vec::new();
    while kept.len() < window.event_limit {
        let batch = next_batch(window.load_batch_size);
        let asked = batch.len();
        let within = filter_events_in_window(batch, window, now);
        let is_last = within.len() < asked || asked < window.load_batch_size;
        kept.extend(within);
        if is_last {
            break;
        }
    }
    filter_events_in_window(kept, window, now)
}
