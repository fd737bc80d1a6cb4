//! `/ui/new-schedule` and `/ui/schedules/{id}/edit`: a schedule is typed, tried and kept. What is
//! wrong is said above the form, which keeps all that was typed.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::{Rejection, Upcoming};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::actions::malformed;
use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::schedule_form::{OVERLAPS, ScheduleForm};
use crate::ui::{refusal, times, url};

/// Firings that a preview shows.
const PREVIEWED: usize = 5;

/// What is sent: the form, and which button.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    then: Then,
    #[serde(flatten)]
    form: ScheduleForm,
}

/// What the pressed button asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    Preview,
    #[default]
    Save,
}

/// The document's parts that differ between making and changing.
struct Draft<'a> {
    /// The schedule that is changed; none is made yet.
    existing: Option<&'a str>,
    form: &'a ScheduleForm,
    /// What a preview showed, or why it could not.
    preview: Option<Result<Vec<Upcoming>, Rejection>>,
    refused: Option<&'a Rejection>,
}

/// `GET /ui/new-schedule`.
pub(crate) async fn new(inspector: Inspector, headers: HeaderMap) -> Response {
    let form = ScheduleForm::empty();
    let draft = Draft { existing: None, form: &form, preview: None, refused: None };
    draft.render(&Viewer::new(&inspector, &headers))
}

/// `GET /ui/schedules/{id}/edit`.
pub(crate) async fn edit(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(rejection) = editable(&inspector) {
        return refusal::page(&inspector, &headers, &rejection);
    }
    let found = inspector.read({
        let id = id.clone();
        move |inspector| inspector.engine.schedule(&inspector.namespace, &id)
    });
    let schedule = match found.await {
        Ok(schedule) => schedule,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let form = ScheduleForm::of(&schedule);
    let preview = Some(Ok(schedule.upcoming));
    Draft { existing: Some(&id), form: &form, preview, refused: None }
        .render(&Viewer::new(&inspector, &headers))
}

/// `POST /ui/new-schedule`.
pub(crate) async fn create(
    inspector: Inspector,
    headers: HeaderMap,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    keep(&inspector, None, &headers, sent).await
}

/// `POST /ui/schedules/{id}/edit`.
pub(crate) async fn change(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    keep(&inspector, Some(&id), &headers, sent).await
}

/// A form that shows no values would put what it shows in their place.
fn editable(inspector: &Inspector) -> Result<(), Rejection> {
    match inspector.engine.hides_values() {
        true => Err(Rejection::Unprocessable(
            "values are hidden here, so a schedule cannot be edited; use the API or the command \
             line"
                .into(),
        )),
        false => Ok(()),
    }
}

async fn keep(
    inspector: &Inspector,
    existing: Option<&str>,
    headers: &HeaderMap,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    if let (Some(_), Err(rejection)) = (existing, editable(inspector)) {
        return refusal::page(inspector, headers, &rejection);
    }
    let Sent { then, form } = match sent {
        Ok(Form(sent)) => sent,
        Err(rejection) => return refusal::page(inspector, headers, &malformed(&rejection)),
    };
    let id = existing.unwrap_or(form.id.trim());
    let mut draft = Draft { existing, form: &form, preview: None, refused: None };
    if then == Then::Preview {
        let preview = form
            .spec()
            .and_then(|spec| inspector.engine.preview_schedule(id, &spec, None, PREVIEWED));
        draft.preview = Some(preview);
        return draft.render(&Viewer::new(inspector, headers));
    }
    let (word, outcome) = match existing {
        Some(_) => ("changed", save(inspector, id, &form).await),
        None => ("created", make(inspector, id, &form).await),
    };
    match outcome {
        Ok(()) => {
            let flash = Flash { text: format!("Schedule {word}"), is_error: false };
            let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
            (cookie, Redirect::to(&url::schedule(id))).into_response()
        }
        Err(rejection) => {
            draft.refused = Some(&rejection);
            draft.render(&Viewer::new(inspector, headers))
        }
    }
}

async fn make(inspector: &Inspector, id: &str, form: &ScheduleForm) -> Result<(), Rejection> {
    inspector.engine.create_schedule(&inspector.namespace, id, form.input()?).await.map(drop)
}

async fn save(inspector: &Inspector, id: &str, form: &ScheduleForm) -> Result<(), Rejection> {
    inspector.engine.update_schedule(&inspector.namespace, id, form.input()?).await.map(drop)
}

impl Draft<'_> {
    fn render(&self, viewer: &Viewer) -> Response {
        let title = match self.existing {
            Some(id) => format!("Edit {id}"),
            None => "New schedule".to_owned(),
        };
        let page = Page {
            title: &title,
            section: Section::Schedules,
            topics: None,
            body: self.body(&title, viewer),
        };
        let mut response = page.render(viewer);
        // A preview that says what is wrong has done what was asked.
        *response.status_mut() = self.refused.map_or(StatusCode::OK, refusal::status);
        response
    }

    fn body(&self, title: &str, viewer: &Viewer) -> Markup {
        let address = match self.existing {
            Some(id) => format!("{}/edit", url::schedule(id)),
            None => url::NEW_SCHEDULE.to_owned(),
        };
        html! {
            header {
                div.head {
                    (layout::drawer())
                    nav.crumbs aria-label="Breadcrumb" {
                        a href=(url::SCHEDULES) { "Schedules" } span { "/" }
                        @if let Some(id) = self.existing { a href=(url::schedule(id)) { (id) } }
                        @else { span { "new" } }
                    }
                }
                div.head { h1 tabindex="-1" { (title) } }
            }
            @if let Some(rejection) = self.refused {
                p.alert #refused role="alert" { (rejection) }
            }
            form.sheet #schedule-form method="post" action=(address) {
                (self.what()) (self.when()) (self.preview(viewer)) (self.how()) (self.more())
                div.actions {
                    button.button.primary type="submit" name="then" value="save" {
                        @if self.existing.is_some() { "Save the schedule" } @else { "Create the schedule" }
                    }
                    button.button type="submit" name="then" value="preview" { "Preview the next firings" }
                }
            }
        }
    }

    fn what(&self) -> Markup {
        let form = self.form;
        html! {
            fieldset.card {
                legend { "What it starts" }
                @if self.existing.is_none() { (line("Id", "id", &form.id, "nightly-report")) }
                (line("Workflow type", "workflow_type", &form.workflow_type, ""))
                (area("Input of every run (JSON; empty is null)", "input", &form.input, 4))
            }
        }
    }

    fn when(&self) -> Markup {
        let form = self.form;
        html! {
            fieldset.card {
                legend { "When it fires" }
                (area("Cron expressions, one a line", "cron", &form.cron, 2))
                (line("Every", "interval", &form.interval, "15m"))
                (line("Time zone", "timezone", &form.timezone, "UTC"))
                (line("Jitter", "jitter", &form.jitter, "30s"))
            }
        }
    }

    fn preview(&self, viewer: &Viewer) -> Markup {
        html! {
            @match &self.preview {
                None => {}
                Some(Err(rejection)) => { p.alert #preview role="alert" { (rejection) } }
                Some(Ok(upcoming)) => {
                    section.card #preview aria-label="Next firings" role="status" {
                        div.card-head { h2 { "Next firings" } }
                        div.card-body {
                            @if upcoming.is_empty() { span.muted { "None" } }
                            ol {
                                @for firing in upcoming {
                                    li {
                                        (times::full(firing.scheduled_at)) " "
                                        span.muted { (times::until(firing.fires_at, viewer.now)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn how(&self) -> Markup {
        let form = self.form;
        html! {
            fieldset.card {
                legend { "What if" }
                (overlaps("When a run is still open", &form.overlap, false))
                (line("Catch-up window: how late a firing may be made up", "catchup_window", &form.catchup_window, "365d"))
                (line("Runs in all (empty: no limit)", "limit", &form.limit, ""))
                (line("Note, for whoever reads it", "note", &form.note, ""))
            }
        }
    }

    fn more(&self) -> Markup {
        let form = self.form;
        let used = [
            &form.interval_offset,
            &form.calendars,
            &form.start_at,
            &form.end_at,
            &form.id_prefix,
            &form.execution_timeout,
            &form.memo,
            &form.search_attributes,
        ];
        html! {
            details.card open[used.iter().any(|field| !field.is_empty())] {
                summary { "More" }
                div.sheet-more {
                    (line("Offset of the interval", "interval_offset", &form.interval_offset, "5m"))
                    (area("Calendars (JSON)", "calendars", &form.calendars, 2))
                    (line("Not before", "start_at", &form.start_at, "2026-01-31T12:00:00Z"))
                    (line("Not after", "end_at", &form.end_at, "2026-12-31T12:00:00Z"))
                    (line("What workflow ids begin with", "id_prefix", &form.id_prefix, "the schedule's id"))
                    (line("Execution timeout of a run", "execution_timeout", &form.execution_timeout, "1h"))
                    (area("Memo of every run (JSON object)", "memo", &form.memo, 2))
                    (area("Search attributes of every run (JSON object)", "search_attributes", &form.search_attributes, 2))
                }
            }
        }
    }
}

fn line(label: &str, name: &str, value: &str, example: &str) -> Markup {
    html! {
        label.field {
            span { (label) }
            input type="text" name=(name) value=(value) placeholder=(example)
                autocomplete="off" spellcheck="false";
        }
    }
}

fn area(label: &str, name: &str, value: &str, rows: usize) -> Markup {
    html! {
        label.field {
            span { (label) }
            textarea name=(name) rows=(rows) spellcheck="false" { (value) }
        }
    }
}

/// The choice of an overlap policy; `optional`: the schedule's own may stand.
pub(super) fn overlaps(label: &str, chosen: &str, optional: bool) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name="overlap" {
                @if optional { option value="" { "As the schedule says" } }
                @for (overlap, what) in OVERLAPS {
                    option value=(overlap.name()) selected[overlap.name() == chosen] { (what) }
                }
            }
        }
    }
}
