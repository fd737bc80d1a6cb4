//! `GET /api/v1/event-tags` and `GET /api/v1/event-types`: what events are found by.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::NameDescription;
use everstep_engine::log::Head;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, blocking};

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1_000;

/// A page of names.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NamePage {
    names: Vec<NameDescription>,
    /// Pass as `page_token` to get the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl NamePage {
    fn new(mut found: Vec<(Box<str>, Head)>, size: usize) -> Self {
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = found.last().filter(|_| more).map(|(last, _)| last.to_string());
        let names = found.into_iter().map(|(name, head)| NameDescription {
            name: name.into(),
            events: head.events,
            last_position: head.last_position,
        });
        Self { names: names.collect(), next_page_token }
    }
}

/// List tags
#[utoipa::path(
    get,
    path = "/api/v1/event-tags",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("prefix" = Option<String>, Query, description = "only tags that begin so"),
        ("page_size" = Option<u64>, Query, description = "tags a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = NamePage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn tags(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let prefix = parameters.text("prefix")?.unwrap_or_default().into_owned();
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page = blocking::read(&api, move |engine| {
        let log = engine.log(&namespace)?;
        let found = log.reader().tags(&prefix, after.as_deref(), size + 1)?;
        Ok(NamePage::new(found, size))
    });
    json(StatusCode::OK, &page.await?)
}

/// List event types
#[utoipa::path(
    get,
    path = "/api/v1/event-types",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("page_size" = Option<u64>, Query, description = "types a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = NamePage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn types(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page = blocking::read(&api, move |engine| {
        let log = engine.log(&namespace)?;
        Ok(NamePage::new(log.reader().types(after.as_deref(), size + 1)?, size))
    });
    json(StatusCode::OK, &page.await?)
}
