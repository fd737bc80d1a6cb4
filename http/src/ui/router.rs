//! Which address is answered by what.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Extension, Router};
use everstep_engine::{Engine, Principal, Role};
use everstep_workflows::projections::ProjectionService;
use everstep_workflows::subscriptions::SubscriptionService;

use crate::access::{Access, Caller, Doors, Pages, act, open, see};
use crate::server::Draining;

use super::inspector::Inspector;
use super::{
    actions, assets, batches, guard, live, login, operations, pages, preferences, raw, refusal,
    schedules, spans, update_form, url,
};

/// The inspector alone, for a server of one's own: `/` and all below `/ui`. Whoever serves it
/// checks the `Host` header and who may see it, as [`Server`](crate::server::Server) does.
pub fn router(engine: &Engine) -> Router {
    let projections = ProjectionService::reader(engine);
    let subscriptions = SubscriptionService::new(engine);
    let (router, _) = routes(engine.referring(), None).split();
    let access = Access::new(None, Doors::default());
    router
        .layer(Extension(Caller(Principal::local())))
        .layer(Extension(Arc::new(access)))
        .layer(Extension(projections))
        .layer(Extension(subscriptions))
}

/// The inspector's routes over an engine that refers to large values: pages show that they are
/// there. Live streams end when the server drains.
pub(crate) fn routes(engine: Engine, draining: Option<Draining>) -> Pages {
    // A form sends each byte of a payload as up to three.
    let body_limit =
        engine.config().limits.payload_bytes.saturating_mul(3).saturating_add(64 << 10);
    Pages::new()
        .route("/", open([Method::GET], get(async || Redirect::to(url::LIST))))
        .route("/ui", see(get(async || Redirect::to(url::LIST))))
        .route(url::LOGIN, open([Method::GET, Method::POST], get(login::page).post(login::log_in)))
        .route(url::LOGOUT, open([Method::POST], post(login::log_out)))
        .route("/ui/workflows", see(get(pages::runs::page)))
        .route("/ui/workflows/{id}", see(get(pages::run::page)))
        .route("/ui/workflows/{id}/spans", see(get(spans::read)))
        .route("/ui/workflows/{id}/payload", see(get(raw::read)))
        .route("/ui/workflows/{id}/signal", act(Role::App, post(actions::signal)))
        .route("/ui/workflows/{id}/update", act(Role::App, post(update_form::send)))
        .route("/ui/workflows/{id}/cancel", act(Role::App, post(actions::cancel)))
        .route("/ui/workflows/{id}/terminate", act(Role::Operator, post(actions::terminate)))
        .route("/ui/workflows/{id}/pause", act(Role::Operator, post(operations::pause)))
        .route("/ui/workflows/{id}/resume", act(Role::Operator, post(operations::resume)))
        .route("/ui/workflows/{id}/reset", act(Role::Operator, post(operations::reset)))
        .route("/ui/workflows/{id}/delete", act(Role::Operator, post(operations::delete)))
        .route("/ui/workflows/{id}/task/retry", act(Role::Operator, post(operations::retry_task)))
        .route(
            "/ui/workflows/{id}/activities/{activity_id}/retry",
            act(Role::Operator, post(operations::retry_activity)),
        )
        .route(url::SCHEDULES, see(get(pages::schedules::page)))
        .route("/ui/schedules/{id}", see(get(pages::schedule::page)))
        .route(
            url::NEW_SCHEDULE,
            see(get(pages::schedule_form::new))
                .and(act(Role::Operator, post(pages::schedule_form::create))),
        )
        .route(
            "/ui/schedules/{id}/edit",
            see(get(pages::schedule_form::edit))
                .and(act(Role::Operator, post(pages::schedule_form::change))),
        )
        .route("/ui/schedules/{id}/backfill", act(Role::Operator, post(schedules::backfill)))
        .route("/ui/schedules/{id}/delete", act(Role::Operator, post(schedules::delete)))
        .route("/ui/schedules/{id}/trigger", act(Role::Operator, post(schedules::trigger)))
        .route("/ui/schedules/{id}/pause", act(Role::Operator, post(schedules::pause)))
        .route("/ui/schedules/{id}/resume", act(Role::Operator, post(schedules::resume)))
        .route(url::EVENTS, see(get(pages::events::page)))
        .route("/ui/events/{position}", see(get(pages::event::page)))
        .route(url::COMMANDS, see(get(pages::commands::page)))
        .route("/ui/commands/{id}", see(get(pages::command::page)))
        .route(url::STREAMS, see(get(pages::streams::page)))
        .route("/ui/streams/{stream}", see(get(pages::stream_state::page)))
        .route(url::PROJECTIONS, see(get(pages::projections::page)))
        .route("/ui/projections/{name}", see(get(pages::projections::one)))
        .route("/ui/projections/{name}/{verb}", act(Role::Operator, post(pages::projections::act)))
        .route(
            "/ui/projections/{name}/rebuild/{verb}",
            act(Role::Admin, post(pages::rebuild::steer)),
        )
        .route(
            "/ui/projections/{name}/quarantine/{position}/{verb}",
            act(Role::Admin, post(pages::rebuild::release)),
        )
        .route(url::SUBSCRIPTIONS, see(get(pages::subscriptions::page)))
        .route("/ui/subscriptions/{name}", see(get(pages::subscriptions::one)))
        .route(
            "/ui/subscriptions/{name}/parked/{verb}",
            act(Role::Operator, post(pages::subscriptions::act)),
        )
        .route(url::DEAD_LETTERS, see(get(pages::dead_letters::page)))
        .route("/ui/dead-letters/{id}/{verb}", act(Role::Admin, post(pages::dead_letters::act)))
        .route(url::SAGAS, see(get(pages::sagas::page)))
        .route("/ui/sagas/{id}", see(get(pages::sagas::one)))
        .route("/ui/sagas/{id}/{verb}", act(Role::Admin, post(pages::sagas::act)))
        .route(url::CIRCUITS, see(get(pages::circuits::page)))
        .route("/ui/circuits/{name}/{verb}", act(Role::Admin, post(pages::circuits::act)))
        .route("/ui/limits/{name}/reset", act(Role::Admin, post(pages::circuits::forgive)))
        .route(url::PUBLICATIONS, see(get(pages::publications::page)))
        .route(url::INTENTS, see(get(pages::intents::page)))
        .route(url::AGENTS, see(get(pages::agents::dashboard::page)))
        .route(url::AGENT_MONITORING, see(get(pages::agents::monitoring::page)))
        .route(url::AGENT_DECISIONS, see(get(pages::agents::decisions::page)))
        .route(url::AGENT_APPROVALS, see(get(pages::agents::approvals::page)))
        .route("/ui/agents/approvals/{id}", see(get(pages::agents::approval::page)))
        .route(
            "/ui/agents/approvals/{id}/{verb}",
            act(Role::Operator, post(pages::agents::act::decide)),
        )
        .route(url::AGENT_DEAD_LETTERS, see(get(pages::agents::dead_letters::page)))
        .route(
            "/ui/agents/dead-letters/{id}/{verb}",
            act(Role::Operator, post(pages::agents::act::settle)),
        )
        .route("/ui/agents/{agent}/{verb}", act(Role::Operator, post(pages::agents::act::steer)))
        .route(url::CONTEXTS, see(get(pages::contexts::page)))
        .route("/ui/queues", see(get(pages::queues::page)))
        .route("/ui/queues/{name}/{verb}", act(Role::Operator, post(pages::queues::act)))
        .route(
            url::BATCHES,
            see(get(pages::batches::page)).and(act(Role::Operator, post(batches::begin))),
        )
        .route(url::NEW_BATCH, see(get(pages::new_batch::page)))
        .route("/ui/batches/{id}", see(get(pages::batch::page)))
        .route(
            url::NAMESPACES,
            see(get(pages::namespaces::page))
                .and(act(Role::Admin, post(pages::namespaces::create)).everywhere()),
        )
        .route(
            "/ui/namespaces/{name}/delete",
            act(Role::Admin, post(pages::namespaces::delete)).everywhere(),
        )
        .route("/ui/preferences", act(Role::Viewer, post(preferences::save)))
        .route("/ui/live", see(get(live::stream)))
        .route("/ui/a/{hash}/{file}", open([Method::GET], get(assets::serve)))
        .route("/favicon.ico", open([Method::GET], get(assets::favicon)))
        .route("/ui/{*rest}", see(get(refusal::unknown_page)))
        .map(|router| {
            router
                .layer(DefaultBodyLimit::max(body_limit))
                .layer(from_fn(guard::check))
                .with_state(Inspector::new(engine, draining))
        })
}
