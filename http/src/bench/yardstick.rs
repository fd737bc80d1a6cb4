//! What the figures should be, and what Restate's and UmaDB's are on this kind of machine, so that
//! `--check` compares with what is published in `docs/benchmarks.md`.

use std::fmt;

use serde::Serialize;

use super::figure::number_text;

/// A bound for a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

use Target::{AtLeast, AtMost};

impl Target {
    pub(super) fn is_met(self, value: f64) -> bool {
        match self {
            AtMost(bound) => value <= bound,
            AtLeast(bound) => value >= bound,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtMost(bound) => write!(f, "≤ {}", bound_text(*bound)),
            AtLeast(bound) => write!(f, "≥ {}", bound_text(*bound)),
        }
    }
}

/// As it is written in BENCHMARKS.
fn bound_text(bound: f64) -> String {
    if bound >= 1000.0 { number_text(bound) } else { bound.to_string() }
}

/// The bound for a figure of a workload with so many in flight.
pub(super) fn target(
    workload: &str,
    concurrency: usize,
    figure: &str,
    over_http: bool,
) -> Option<Target> {
    let (in_process, http) = match (workload, concurrency, figure) {
        ("w1", 1, "p50_ms") => (AtMost(0.45), Some(AtMost(0.6))),
        ("w2", 1, "workflows_per_s") => (AtLeast(430.0), Some(AtLeast(380.0))),
        ("w2", 1, "p50_ms") => (AtMost(2.3), None),
        ("w2", 64, "workflows_per_s") => (AtLeast(10_000.0), Some(AtLeast(7_000.0))),
        ("w2", 64, "p99_ms") => (AtMost(15.0), None),
        ("w2", 512, "workflows_per_s") => (AtLeast(20_000.0), Some(AtLeast(12_000.0))),
        ("w2", 512, "p99_ms") => (AtMost(50.0), None),
        ("w3", 1, "p50_ms") => (AtMost(0.25), Some(AtMost(0.5))),
        ("w3", 64, "cycles_per_s") => (AtLeast(40_000.0), Some(AtLeast(12_000.0))),
        ("w4", 1, "p50_ms") => (AtMost(5.0), Some(AtMost(6.0))),
        ("w5", _, "starts_per_s") => (AtLeast(100_000.0), Some(AtLeast(15_000.0))),
        ("w5", _, "resident_mb") => (AtMost(512.0), Some(AtMost(512.0))),
        ("w5", _, "restart_ms") => (AtMost(1_000.0), Some(AtMost(1_000.0))),
        ("w6", _, "lateness_p99_ms") => (AtMost(50.0), None),
        ("w6", _, "unseen") => (AtMost(0.0), None),
        ("w7", _, "resume_ms") => (AtMost(500.0), None),
        ("w7", _, "first_page_ms" | "last_page_ms" | "middle_page_ms") => (AtMost(5.0), None),
        ("w8", _, "list_p99_ms" | "filter_p99_ms" | "count_p99_ms") => (AtMost(10.0), None),
        ("e1", 1, "appends_per_s") => (AtLeast(5_000.0), Some(AtLeast(3_500.0))),
        ("e2", 16, "appends_per_s") => (AtLeast(30_000.0), Some(AtLeast(15_000.0))),
        ("e2", 64, "appends_per_s") => (AtLeast(60_000.0), Some(AtLeast(25_000.0))),
        ("e2", 64, "p99_ms") => (AtMost(3.0), None),
        ("e2", 256, "appends_per_s") => (AtLeast(100_000.0), Some(AtLeast(25_000.0))),
        ("e3", 16, "events_per_s") => (AtLeast(400_000.0), Some(AtLeast(150_000.0))),
        ("e4", _, "tag_reads_per_s") => (AtLeast(10_000.0), Some(AtLeast(3_000.0))),
        ("e4", _, "full_read_events_per_s") => (AtLeast(3e6), Some(AtLeast(500_000.0))),
        ("e5", _, "hot_and_fresh_per_s") => (AtLeast(4_500.0), None),
        ("e5", _, "hot_and_fresh_p99_ms") => (AtMost(1.0), None),
        ("e5", _, "unseen_type_p99_ms") => (AtMost(1.0), None),
        ("e5", _, "refused_per_s") => (AtLeast(100_000.0), None),
        ("e6", 1, "delivered_p50_ms") => (AtMost(0.1), Some(AtMost(0.5))),
        ("e6", 1, "delivered_p99_ms") => (AtMost(0.5), Some(AtMost(2.0))),
        ("e6", 100, "delivered_p50_ms") => (AtMost(0.4), Some(AtMost(1.0))),
        ("e6", 100, "delivered_p99_ms") => (AtMost(2.5), Some(AtMost(5.0))),
        ("e6", 1_000, "delivered_p99_ms") => (AtMost(50.0), None),
        ("r1", _, "lag_beside_p99_ms") => (AtMost(500.0), None),
        _ => return None,
    };
    if over_http { http } else { Some(in_process) }
}

/// Whose figures stand beside a workload's.
pub(super) fn peer_name(workload: &str) -> &'static str {
    if workload.starts_with('e') { "UMADB*" } else { "RESTATE*" }
}

/// The peer's figure as published; not taken in this run.
pub(super) fn peer(workload: &str, concurrency: usize, figure: &str) -> Option<f64> {
    Some(match (workload, concurrency, figure) {
        ("w1", 1, "p50_ms") => 3.8,
        ("w2", 1, "workflows_per_s") => 103.0,
        ("w2", 1, "p50_ms") => 8.9,
        ("w2", 64, "workflows_per_s") => 469.0,
        ("w2", 64, "p99_ms") => 212.0,
        ("w2", 512, "workflows_per_s") => 766.0,
        ("w2", 512, "p99_ms") => 885.0,
        ("w3", 1, "p50_ms") => 2.0,
        ("w3", 64, "cycles_per_s") => 1_302.0,
        ("w4", 1, "p50_ms") => 490.0,
        ("w5", _, "starts_per_s") => 3_990.0,
        ("e1", 1, "appends_per_s") => 1_900.0,
        ("e2", 16, "appends_per_s") => 12_300.0,
        ("e2", 64, "appends_per_s") => 18_100.0,
        ("e2", 64, "p99_ms") => 8.0,
        ("e2", 256, "appends_per_s") => 16_400.0,
        ("e3", 16, "events_per_s") => 250_000.0,
        ("e4", _, "tag_reads_per_s") => 800.0,
        ("e4", _, "full_read_events_per_s") => 700_000.0,
        ("e5", _, "hot_and_fresh_per_s") => 190.0,
        ("e5", _, "hot_and_fresh_p99_ms") => 51.0,
        ("e6", 1, "delivered_p50_ms") => 1.7,
        ("e6", 1, "delivered_p99_ms") => 3.3,
        ("e6", 100, "delivered_p50_ms") => 1.9,
        ("e6", 100, "delivered_p99_ms") => 6.1,
        _ => return None,
    })
}
