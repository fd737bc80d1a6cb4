//! Which address is answered by what.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::{get, post};
use everstep_engine::Engine;

use crate::server::Draining;

use super::inspector::Inspector;
use super::{
    actions, assets, batches, guard, live, operations, pages, preferences, raw, refusal, schedules,
    spans, update_form, url,
};

/// The inspector alone, for a server of one's own: `/` and all below `/ui`. Whoever serves it
/// checks the `Host` header, as [`Server`](crate::server::Server) does.
pub fn router(engine: Engine) -> Router {
    routes(engine, None)
}

/// The inspector's routes; live streams end when the server drains.
pub(crate) fn routes(engine: Engine, draining: Option<Draining>) -> Router {
    // A form sends each byte of a payload as up to three.
    let body_limit = engine.config().max_payload_bytes.saturating_mul(3).saturating_add(64 << 10);
    Router::new()
        .route("/", get(async || Redirect::to(url::LIST)))
        .route("/ui", get(async || Redirect::to(url::LIST)))
        .route("/ui/workflows", get(pages::runs::page))
        .route("/ui/workflows/{id}", get(pages::run::page))
        .route("/ui/workflows/{id}/spans", get(spans::read))
        .route("/ui/workflows/{id}/payload", get(raw::read))
        .route("/ui/workflows/{id}/signal", post(actions::signal))
        .route("/ui/workflows/{id}/update", post(update_form::send))
        .route("/ui/workflows/{id}/cancel", post(actions::cancel))
        .route("/ui/workflows/{id}/terminate", post(actions::terminate))
        .route("/ui/workflows/{id}/pause", post(operations::pause))
        .route("/ui/workflows/{id}/resume", post(operations::resume))
        .route("/ui/workflows/{id}/reset", post(operations::reset))
        .route("/ui/workflows/{id}/delete", post(operations::delete))
        .route("/ui/workflows/{id}/task/retry", post(operations::retry_task))
        .route(
            "/ui/workflows/{id}/activities/{activity_id}/retry",
            post(operations::retry_activity),
        )
        .route(url::SCHEDULES, get(pages::schedules::page))
        .route("/ui/schedules/{id}", get(pages::schedule::page))
        .route(url::NEW_SCHEDULE, get(pages::schedule_form::new).post(pages::schedule_form::create))
        .route(
            "/ui/schedules/{id}/edit",
            get(pages::schedule_form::edit).post(pages::schedule_form::change),
        )
        .route("/ui/schedules/{id}/backfill", post(schedules::backfill))
        .route("/ui/schedules/{id}/delete", post(schedules::delete))
        .route("/ui/schedules/{id}/trigger", post(schedules::trigger))
        .route("/ui/schedules/{id}/pause", post(schedules::pause))
        .route("/ui/schedules/{id}/resume", post(schedules::resume))
        .route("/ui/queues", get(pages::queues::page))
        .route("/ui/queues/{name}/{verb}", post(pages::queues::act))
        .route(url::BATCHES, get(pages::batches::page).post(batches::begin))
        .route(url::NEW_BATCH, get(pages::new_batch::page))
        .route("/ui/batches/{id}", get(pages::batch::page))
        .route(url::NAMESPACES, get(pages::namespaces::page).post(pages::namespaces::create))
        .route("/ui/namespaces/{name}/delete", post(pages::namespaces::delete))
        .route("/ui/preferences", post(preferences::save))
        .route("/ui/live", get(live::stream))
        .route("/ui/a/{hash}/{file}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
        .route("/ui/{*rest}", get(refusal::unknown_page))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(from_fn(guard::check))
        .with_state(Inspector::new(engine, draining))
}
