//! `GET /ui/schedules`: the list, with the next firing of each and what is in its way.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{
    ScheduleDescription, ScheduleHealthState, SchedulePage, ScheduleSpec, Timestamp,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::icons;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{live, payload, refusal, times, url};

const PAGE_SIZE: usize = 50;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    page_token: Option<String>,
}

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let token = asked.page_token.filter(|token| !token.is_empty());
    let found = inspector
        .read(move |inspector| {
            inspector.engine.schedules(&inspector.namespace, "", PAGE_SIZE, token.as_deref())
        })
        .await;
    let page = match found {
        Ok(page) => page,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Schedules" }
            span.push {}
            a.button href=(url::NEW_SCHEDULE) { "New schedule" }
            (layout::live_badge())
        }
        (region("schedules", &table(&page, viewer.now)))
        @if let Some(token) = &page.next_page_token {
            nav.pager aria-label="Pages" {
                span.push {
                    a.button.small href=(url::with_query(url::SCHEDULES, [("page_token", token.as_str())])) {
                        "Next"
                    }
                }
            }
        }
    };
    Page {
        title: "Schedules",
        section: Section::Schedules,
        topics: Some(live::SCHEDULES.into()),
        body,
    }
    .render(&viewer)
}

/// How the health of a schedule looks.
pub(super) fn tone(state: ScheduleHealthState) -> Tone {
    match state {
        ScheduleHealthState::Ok => Tone::Running,
        ScheduleHealthState::Paused => Tone::Paused,
        ScheduleHealthState::Finished => Tone::Completed,
        ScheduleHealthState::Blocked => Tone::Stuck,
        ScheduleHealthState::Refused => Tone::Failed,
        ScheduleHealthState::Late => Tone::Retrying,
    }
}

/// The health as glyph, word and colour.
pub(super) fn pill(state: ScheduleHealthState) -> Markup {
    let tone = tone(state);
    let word = match state {
        ScheduleHealthState::Ok => "On time",
        ScheduleHealthState::Paused => "Paused",
        ScheduleHealthState::Finished => "Finished",
        ScheduleHealthState::Blocked => "Blocked",
        ScheduleHealthState::Refused => "Refused",
        ScheduleHealthState::Late => "Late",
    };
    html! { span class={ "pill " (tone.class()) } { (icons::glyph(tone)) (word) } }
}

/// When it fires, in short.
pub(super) fn when(spec: &ScheduleSpec) -> String {
    let mut parts = spec.cron.clone();
    parts.extend(spec.interval_ms.map(|ms| format!("every {}", times::duration(ms))));
    match spec.calendars.len() {
        0 => {}
        1 => parts.push("a calendar".into()),
        count => parts.push(format!("{count} calendars")),
    }
    let zone = spec.timezone.as_deref().map_or(String::new(), |zone| format!(" · {zone}"));
    format!("{}{zone}", parts.join(" or "))
}

fn table(page: &SchedulePage, now: Timestamp) -> Markup {
    if page.schedules.is_empty() {
        return html! {
            div.table-wrap {
                div.empty {
                    strong { "No schedules yet" }
                    p { a href=(url::NEW_SCHEDULE) { "Create one here" } ", with " code { "schedule create" } ", over HTTP, or declare it in a worker." }
                }
            }
        };
    }
    html! {
        div.table-wrap {
            table {
                thead {
                    tr {
                        th scope="col" { "Health" }
                        th scope="col" { "Schedule" }
                        th.col-type scope="col" { "Starts" }
                        th.col-type scope="col" { "When" }
                        th.col-why scope="col" { "How it is" }
                        th scope="col" { "Next" }
                        th.end.col-duration scope="col" { "Runs" }
                    }
                }
                tbody { @for schedule in &page.schedules { (line(schedule, now)) } }
            }
        }
    }
}

fn line(schedule: &ScheduleDescription, now: Timestamp) -> Markup {
    let state = schedule.health.state;
    let bad = !matches!(
        state,
        ScheduleHealthState::Ok | ScheduleHealthState::Paused | ScheduleHealthState::Finished
    );
    let next = schedule.upcoming.first().filter(|_| !schedule.paused);
    html! {
        tr data-key=(schedule.id) {
            td.status { (pill(state)) }
            td {
                a.row-link.mono href=(url::schedule(&schedule.id)) data-row {
                    (payload::one_line(&schedule.id, 60))
                }
            }
            td.col-type { (schedule.action.workflow_type) }
            td.col-type.mono { (payload::one_line(&when(&schedule.spec), 60)) }
            td.grow.col-why { span.why.bad[bad] { (payload::one_line(&schedule.health.message, 200)) } }
            td { @if let Some(next) = next { (times::until(next.fires_at, now)) } @else { "–" } }
            td.end.num.col-duration { (schedule.counters.started) }
        }
    }
}
