//! One number that was measured, with its unit, what it means and what it should be.

use serde::Serialize;

use super::args::Workload;
use super::disk::SyncRate;
use super::yardstick::{Target, peer, target};

/// One number.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    /// Its name, the unit last.
    pub(super) name: &'static str,
    pub(super) value: f64,
    /// What it means.
    #[serde(skip)]
    pub(super) meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Target>,
    /// Whether the target is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) met: Option<bool>,
    /// The peer's figure as published, not taken in this run.
    #[serde(skip_serializing_if = "Option::is_none", rename = "peer_published")]
    pub(super) peer: Option<f64>,
}

/// The figures of one workload at one number in flight.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measured {
    pub(super) workload: &'static str,
    #[serde(skip)]
    pub(super) title: &'static str,
    /// Workflows in flight.
    pub(super) concurrency: usize,
    /// Sleepers, in W5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sleepers: Option<u64>,
    /// The disk's own rate, measured just before.
    pub(super) disk: SyncRate,
    pub(super) figures: Vec<Figure>,
    #[serde(skip)]
    over_http: bool,
}

impl Measured {
    pub(super) fn new(
        workload: Workload,
        concurrency: usize,
        over_http: bool,
        disk: SyncRate,
    ) -> Self {
        let (workload, title) = (workload.name(), workload.title());
        let (sleepers, figures) = (None, Vec::new());
        Self { workload, title, concurrency, sleepers, disk, figures, over_http }
    }

    /// Adds a figure, beside its target and its peer's where there are any.
    pub(super) fn add(&mut self, name: &'static str, value: f64, meaning: &'static str) {
        let target = target(self.workload, self.concurrency, name, self.over_http);
        let met = target.map(|target| target.is_met(value));
        let peer = peer(self.workload, self.concurrency, name);
        self.figures.push(Figure { name, value, meaning, target, met, peer });
    }

    /// Each missed target in words.
    pub(super) fn missed(&self) -> impl Iterator<Item = String> + '_ {
        self.figures.iter().filter(|figure| figure.met == Some(false)).filter_map(|figure| {
            let target = figure.target?;
            let (workload, concurrency) = (self.workload, self.concurrency);
            let (name, value) = (figure.name, number_text(figure.value));
            Some(format!("{workload} C={concurrency}: {name} is {value}, target {target}"))
        })
    }
}

/// Three significant digits, thousands apart.
pub(super) fn number_text(value: f64) -> String {
    let magnitude = value.abs();
    let text = if magnitude >= 100.0 || value == 0.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    };
    grouped(&text)
}

/// A number of things.
pub(super) fn count_text(count: u64) -> String {
    grouped(&count.to_string())
}

/// Commas between thousands.
fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.len();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (digits - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_thousands() {
        let shown = [0.0, 0.1234, 1.005, 12.34, 999.6, 12_345.6, 1_234_567.0].map(number_text);
        assert_eq!(shown.join(" "), "0 0.123 1.00 12.3 1,000 12,346 1,234,567");
    }
}
