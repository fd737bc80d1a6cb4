//! `GET /metrics`: the engine's, the store's and HTTP's figures as Prometheus text. Each is
//! explained in `docs/metrics.md`.

use std::fmt::{Display, Write};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use everstep_storage::Health;

use super::followers;
use crate::api::Api;

/// Prometheus metrics
///
/// The text exposition format, version 0.0.4.
#[utoipa::path(
    get,
    path = "/metrics",
    security(("token" = ["viewer"])),
    tag = "server",
    responses((status = 200, description = "the metrics", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    let mut text = String::with_capacity(16 << 10);
    engine(&api, &mut text);
    store(&api, &mut text);
    api.metrics().write(&mut text);
    followers::write(&api, &mut text).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn engine(api: &Api, into: &mut String) {
    let stats = api.engine().stats();
    for (name, value) in [
        ("runs_started", stats.runs_started),
        ("runs_closed", stats.runs_closed),
        ("events", stats.events),
        ("attempts_started", stats.attempts_started),
        ("attempts_failed", stats.attempts_failed),
        ("late_results", stats.late_results),
        ("signals", stats.signals),
        ("updates", stats.updates),
        ("letters", stats.letters),
        ("timers_fired", stats.timers_fired),
        ("schedule_starts", stats.schedule_starts),
        ("schedule_passes", stats.schedule_passes),
        ("turns", stats.turns),
        ("task_failures", stats.task_failures),
        ("replays", stats.replays),
        ("runs_deleted", stats.runs_deleted),
        ("runs_expired", stats.runs_expired),
        ("evictions", stats.evictions),
        ("blocked_polls", stats.blocked_polls),
        ("lost_wakers", stats.lost_wakers),
    ] {
        counter(into, &format!("everstep_{name}_total"), value);
    }
    for (name, value) in [
        ("resident_runs", stats.resident_runs),
        ("resident_bytes", stats.resident_bytes),
        ("running_attempts", stats.running_attempts),
        ("inbox", stats.inbox),
    ] {
        gauge(into, &format!("everstep_{name}"), value);
    }
    let (chunks, took) = api.projections().replay_chunks();
    counter(into, "everstep_projection_replay_chunks_total", chunks);
    let name = "everstep_projection_replay_seconds_total";
    let _ = writeln!(into, "# TYPE {name} counter\n{name} {}", took.as_secs_f64());
    gauge(into, "everstep_ready", u8::from(super::health::readiness(api).is_ok()));
}

fn store(api: &Api, into: &mut String) {
    let stats = api.engine().store().stats();
    for (name, value) in [
        ("commits", stats.commits),
        ("syncs", stats.syncs),
        ("records", stats.records),
        ("bytes", stats.bytes),
        ("checkpoints", stats.checkpoints),
        ("codec_plain_bytes", stats.plain_bytes),
        ("codec_sealed_bytes", stats.sealed_bytes),
        ("codec_unreadable", stats.unreadable_values),
    ] {
        counter(into, &format!("everstep_store_{name}_total"), value);
    }
    for (name, value) in [
        ("overlay_rows", stats.overlay_rows),
        ("overlay_bytes", stats.overlay_bytes),
        ("sequence", stats.sequence),
        ("applied_sequence", stats.applied_sequence),
        ("journal_bytes", stats.journal_bytes),
        ("state_bytes", stats.state_bytes),
    ] {
        gauge(into, &format!("everstep_store_{name}"), value);
    }
    gauge(into, "everstep_store_last_checkpoint_seconds", stats.last_checkpoint.as_secs_f64());
    gauge(into, "everstep_store_healthy", u8::from(stats.health == Health::Ok));
}

fn counter(into: &mut String, name: &str, value: u64) {
    // Writing to a string cannot fail.
    let _ = writeln!(into, "# TYPE {name} counter\n{name} {value}");
}

fn gauge(into: &mut String, name: &str, value: impl Display) {
    let _ = writeln!(into, "# TYPE {name} gauge\n{name} {value}");
}
