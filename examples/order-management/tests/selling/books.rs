//! The payment service's own books, as its auditor reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// The payment service's ledger.
pub(crate) struct Books {
    charged: BTreeMap<String, (usize, u64)>,
    refunded_cents: BTreeMap<String, u64>,
    pub(crate) keys: BTreeSet<String>,
    pub(crate) entries: usize,
}

impl Books {
    pub(crate) fn read(data: &Path) -> Self {
        let text = std::fs::read_to_string(data.join("payments.jsonl")).unwrap();
        let mut books = Self {
            charged: BTreeMap::new(),
            refunded_cents: BTreeMap::new(),
            keys: BTreeSet::new(),
            entries: 0,
        };
        // The last line may be on its way.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let entry: Value = serde_json::from_str(line).unwrap();
            let order_id = entry["order_id"].as_str().unwrap().to_owned();
            let cents = entry["amount_cents"].as_u64().unwrap();
            match entry["kind"].as_str().unwrap() {
                "charge" => {
                    let (count, sum) = books.charged.entry(order_id).or_default();
                    (*count, *sum) = (*count + 1, *sum + cents);
                }
                _ => *books.refunded_cents.entry(order_id).or_default() += cents,
            }
            books.keys.insert(entry["key"].as_str().unwrap().to_owned());
            books.entries += 1;
        }
        books
    }

    pub(crate) fn charges(&self, order_id: &str) -> usize {
        self.charged.get(order_id).map_or(0, |(count, _)| *count)
    }

    pub(crate) fn balance_cents(&self, order_id: &str) -> u64 {
        let charged = self.charged.get(order_id).map_or(0, |(_, cents)| *cents);
        charged - self.refunded_cents.get(order_id).copied().unwrap_or(0)
    }
}
