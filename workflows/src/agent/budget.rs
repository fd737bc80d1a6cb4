//! What an agent may spend in a day: pure.
//!
//! Invariant: what was spent and what is reserved never pass the limit together. A call is reserved
//! at the most that it can cost before it is made, and settled at what it did cost afterwards; one
//! of which nobody knows stays charged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// A day's spending, in millionths of a dollar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spending {
    /// Days since 1970, in UTC.
    pub day: i64,
    /// What calls that have ended cost.
    pub spent_micro_usd: u64,
    /// The most that calls under way may cost, by what they are known by.
    pub reserved: BTreeMap<String, u64>,
}

impl Spending {
    /// As of a moment: a new day begins with nothing spent, and with what is still under way.
    #[must_use]
    pub fn on(mut self, now_ms: i64) -> Self {
        let day = now_ms.div_euclid(DAY_MS);
        if day > self.day {
            (self.day, self.spent_micro_usd) = (day, 0);
        }
        self
    }

    /// What is spent or promised.
    pub fn committed(&self) -> u64 {
        self.reserved.values().fold(self.spent_micro_usd, |sum, one| sum.saturating_add(*one))
    }

    /// Reserves a call, unless the limit would be passed. Whether it was.
    pub fn reserve(&mut self, call: &str, most: u64, limit: u64) -> bool {
        if self.reserved.contains_key(call) {
            return true;
        }
        let fits = self.committed().saturating_add(most) <= limit;
        if fits {
            self.reserved.insert(call.to_owned(), most);
        }
        fits
    }

    /// The call has ended at this cost; at its reservation where none is known.
    pub fn settle(&mut self, call: &str, cost: Option<u64>) {
        if let Some(reserved) = self.reserved.remove(call) {
            self.spent_micro_usd = self.spent_micro_usd.saturating_add(cost.unwrap_or(reserved));
        }
    }
}
