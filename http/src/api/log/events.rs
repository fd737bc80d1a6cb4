//! `GET /api/v1/events` and `GET /api/v1/events/{position}`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use everstep_engine::log::{Query, QueryItem, RecordedEvent};
use everstep_engine::{LogPage, LoggedEvent, RecordedPage, push_event};

use super::follow::{Follow, stream};
use super::form::{Form, Written};
use super::schema::Schema;
use super::target::{Page, position};
use crate::api::error_code as codes;
use crate::api::json::{Answer, json_text};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, blocking};

/// Read events by position
///
/// All events of the namespace, or those that have one of `types` and all of `tags`, or those of
/// one `correlation_id`. With `Accept: text/event-stream` they come as server-sent events, live,
/// whose ids are positions. With `Accept: application/x-ndjson` a page comes as lines, one event
/// each, sent while the next are written; the headers `everstep-last-position` and
/// `everstep-next-page-token` say what a page says beside its events.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("types" = Option<String>, Query, description = "one of these types, separated by commas"),
        ("tags" = Option<String>, Query, description = "all of these tags, separated by commas"),
        ("correlation_id" = Option<String>, Query, description = "what belongs together; then `types` and `tags` are not looked at, and places are counted among these events"),
        ("from" = Option<u64>, Query, description = "the first position, inclusive", minimum = 0),
        ("after" = Option<u64>, Query, description = "only events after this position", minimum = 0),
        ("direction" = Option<String>, Query, description = "`forwards` (when absent) or `backwards`"),
        ("page_size" = Option<u64>, Query, description = "events a page; 100 when absent, clamped to 5000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; wins over `from`"),
        ("follow_ms" = Option<u64>, Query, description = "wait so long for a first event, in milliseconds; clamped to 60000"),
        ("schema" = Option<String>, Query, description = "`stored` (when absent): data as they were written; `latest`: in the newest version that the worker declares a schema of"),
        InNamespace,
        ("Last-Event-ID" = Option<u64>, Header, description = "for server-sent events: the last position that was received"),
    ),
    responses(
        (
            status = 200,
            description = "a page",
            content((LogPage = "application/json"), (String = "application/x-ndjson")),
            headers(
                ("everstep-last-position" = u64, description = "of lines: the newest position"),
                ("everstep-next-page-token" = Option<String>, description = "of lines: pass as `page_token` to get the next page"),
            ),
        ),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri, headers: HeaderMap) -> Answer {
    let namespace = namespace(&uri)?;
    let page = Page::of(&uri)?;
    if let Some(correlation_id) = Parameters::of(&uri).text("correlation_id")? {
        let form = Form::asked(&headers);
        return correlated(&api, namespace, &correlation_id, (page, form)).await?.answer();
    }
    let follow = Follow { namespace, query: query(&uri)?, page };
    if super::follow::wants_stream(&headers) {
        return stream(&api, follow, &headers);
    }
    let wait = Parameters::of(&uri).wait("follow_ms")?.unwrap_or_default();
    follow.page(&api, &headers, wait).await
}

/// Read one event
#[utoipa::path(
    get,
    path = "/api/v1/events/{position}",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("position" = u64, Path, description = "the event's position", minimum = 1),
        ("schema" = Option<String>, Query, description = "`stored` (when absent): data as they were written; `latest`: in the newest version that the worker declares a schema of"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the event", body = LoggedEvent),
        (status = 404, description = "no such event"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, position, schema) = (namespace(&uri)?, position(&uri)?, Schema::of(&uri)?);
    let log = api.engine().log(&namespace)?;
    let event = log
        .reader()
        .event(position)
        .map_err(|error| Problem::from(everstep_engine::Rejection::from(error)))?;
    match event {
        Some(event) => {
            let event = schema.read(api.engine(), &event);
            let mut shown = Vec::new();
            push_event(&mut shown, &event)?;
            Ok(json_text(StatusCode::OK, shown))
        }
        None => Err(Problem::new(
            codes::EVENT_NOT_FOUND,
            format!("namespace `{namespace}` has no event at position {position}"),
        )),
    }
}

async fn correlated(
    api: &Api,
    namespace: String,
    correlation_id: &str,
    (page, form): (Page, Form),
) -> Result<Written, Problem> {
    let id = correlation_id.to_owned();
    blocking::read(api, move |engine| {
        let log = engine.log(&namespace)?;
        let reader = log.reader();
        let events = reader.correlated(&id, page.from, page.size + 1)?;
        let events = page.schema.read_all(engine, events);
        let seen = page.from.saturating_add(page.size as u64);
        form.write(RecordedPage::new(events, page.size, &reader, |_| seen.to_string())?)
    })
    .await
}

/// The query of the parameters `types` and `tags`.
pub(super) fn query(uri: &Uri) -> Result<Query, Problem> {
    let parameters = Parameters::of(uri);
    let list = |name: &str| -> Result<Vec<Box<str>>, Problem> {
        let text = parameters.text(name)?.unwrap_or_default();
        Ok(text.split(',').filter(|part| !part.is_empty()).map(Into::into).collect())
    };
    let item = QueryItem { types: list("types")?, tags: list("tags")? };
    let everything = item.types.is_empty() && item.tags.is_empty();
    Ok(Query { items: if everything { Vec::new() } else { vec![item] } })
}

/// The position after which a page goes on.
pub(super) fn position_of(event: &RecordedEvent) -> u64 {
    event.position()
}
