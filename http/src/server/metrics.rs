//! What the server counts of HTTP.
//!
//! Invariant: counting takes no lock and no memory: routes are known before the first request,
//! the inspector's share one row, and so does what matches none.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;

/// Upper bounds of the latency histogram, in microseconds, with their text in seconds.
const BUCKETS: [(u64, &str); 14] = [
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
    (60_000_000, "60"),
];

/// The statuses that are counted by themselves; every other one is `other`.
const STATUSES: [u16; 18] =
    [200, 201, 202, 204, 303, 304, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503];

/// The label of requests that match a route which the API's description does not name.
const INSPECTOR: &str = "inspector";

/// The label of requests that match no route.
const UNMATCHED: &str = "unmatched";

const METHODS: [&str; 3] = ["GET", "POST", "other"];

/// Counters of all routes.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    routes: HashMap<String, Route>,
    inspector: Route,
    unmatched: Route,
    /// Connections that are open now.
    pub(super) connections: AtomicI64,
    /// Contracts that did not hold when they were checked.
    contract_violations: AtomicU64,
    /// Followers that were cut off since they took nothing.
    slow_followers: AtomicU64,
}

#[derive(Debug, Default)]
struct Route([Row; METHODS.len()]);

#[derive(Debug, Default)]
struct Row {
    statuses: [AtomicU64; STATUSES.len() + 1],
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

impl HttpMetrics {
    /// Counters for routes, as the router names them.
    pub(super) fn new(routes: impl IntoIterator<Item = String>) -> Self {
        Self {
            routes: routes.into_iter().map(|route| (route, Route::default())).collect(),
            inspector: Route::default(),
            unmatched: Route::default(),
            connections: AtomicI64::new(0),
            contract_violations: AtomicU64::new(0),
            slow_followers: AtomicU64::new(0),
        }
    }

    /// Counts contracts that did not hold.
    pub(crate) fn contracts_violated(&self, count: usize) {
        self.contract_violations.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts a follower that was cut off.
    pub(crate) fn follower_cut_off(&self) {
        self.slow_followers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one answer; `took` ends when its headers are ready.
    pub(super) fn record(&self, route: Option<&str>, method: &Method, status: u16, took: Duration) {
        let route = match route {
            Some(route) => self.routes.get(route).unwrap_or(&self.inspector),
            None => &self.unmatched,
        };
        let row = &route.0[match *method {
            Method::GET | Method::HEAD => 0,
            Method::POST => 1,
            _ => 2,
        }];
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        row.statuses[place].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket =
            BUCKETS.iter().position(|(bound, _)| micros <= *bound).unwrap_or(BUCKETS.len());
        row.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        row.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Appends everything in the Prometheus text format. Rows that counted nothing are left out.
    pub(super) fn write(&self, into: &mut String) {
        let mut routes: Vec<_> =
            self.routes.iter().map(|(name, route)| (name.as_str(), route)).collect();
        routes.extend([(INSPECTOR, &self.inspector), (UNMATCHED, &self.unmatched)]);
        routes.sort_unstable_by_key(|(name, _)| *name);
        let rows: Vec<_> = routes
            .iter()
            .flat_map(|(name, route)| {
                METHODS.iter().zip(&route.0).map(move |(method, row)| (*name, *method, row))
            })
            .collect();
        into.push_str("# TYPE everstep_http_requests_total counter\n");
        for (route, method, row) in &rows {
            row.write_statuses(into, route, method);
        }
        into.push_str("# TYPE everstep_http_request_duration_seconds histogram\n");
        for (route, method, row) in &rows {
            row.write_histogram(into, route, method);
        }
        let violations = self.contract_violations.load(Ordering::Relaxed);
        // Writing to a string cannot fail.
        let _ = writeln!(
            into,
            "# TYPE everstep_contract_violations_total counter\neverstep_contract_violations_total {violations}"
        );
        let slow = self.slow_followers.load(Ordering::Relaxed);
        let _ = writeln!(
            into,
            "# TYPE everstep_slow_followers_total counter\neverstep_slow_followers_total {slow}"
        );
        let connections = self.connections.load(Ordering::Relaxed);
        // Writing to a string cannot fail.
        let _ = writeln!(
            into,
            "# TYPE everstep_http_connections gauge\neverstep_http_connections {connections}"
        );
    }
}

impl Row {
    fn write_statuses(&self, into: &mut String, route: &str, method: &str) {
        for (place, count) in self.statuses.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count == 0 {
                continue;
            }
            let status = STATUSES.get(place).map_or("other".to_owned(), u16::to_string);
            let _ = writeln!(
                into,
                "everstep_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}"
            );
        }
    }

    fn write_histogram(&self, into: &mut String, route: &str, method: &str) {
        const NAME: &str = "everstep_http_request_duration_seconds";
        let counts: Vec<u64> =
            self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return;
        }
        let labels = format!("route=\"{route}\",method=\"{method}\"");
        let mut below = 0;
        for ((_, bound), count) in BUCKETS.iter().zip(&counts) {
            below += count;
            let _ = writeln!(into, "{NAME}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let seconds = Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(into, "{NAME}_bucket{{{labels},le=\"+Inf\"}} {total}");
        let _ = writeln!(into, "{NAME}_sum{{{labels}}} {seconds}");
        let _ = writeln!(into, "{NAME}_count{{{labels}}} {total}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_route_method_and_status() {
        let metrics = HttpMetrics::new(["/a".to_owned()]);
        metrics.record(Some("/a"), &Method::POST, 201, Duration::from_micros(300));
        metrics.record(Some("/a"), &Method::POST, 201, Duration::from_secs(90));
        metrics.record(None, &Method::GET, 404, Duration::ZERO);
        metrics.record(Some("/ui"), &Method::GET, 200, Duration::ZERO);
        let mut text = String::new();
        metrics.write(&mut text);
        for line in [
            "everstep_http_requests_total{route=\"/a\",method=\"POST\",status=\"201\"} 2",
            "everstep_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 1",
            "everstep_http_requests_total{route=\"inspector\",method=\"GET\",status=\"200\"} 1",
            "everstep_http_request_duration_seconds_bucket{route=\"/a\",method=\"POST\",le=\"0.0005\"} 1",
            "everstep_http_request_duration_seconds_bucket{route=\"/a\",method=\"POST\",le=\"60\"} 1",
            "everstep_http_request_duration_seconds_bucket{route=\"/a\",method=\"POST\",le=\"+Inf\"} 2",
            "everstep_http_request_duration_seconds_sum{route=\"/a\",method=\"POST\"} 90.0003",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
