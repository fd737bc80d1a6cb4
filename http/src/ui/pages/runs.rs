//! `GET /ui/workflows`: the list.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{GroupBy, ListFilter, Rejection, RunStatus, RunSummary, Timestamp};
use maud::{Markup, html};

use crate::ui::filter::{Filter, NEWEST_FIRST};
use crate::ui::icons::{self, Icon};
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::{region, version};
use crate::ui::tone::Tone;
use crate::ui::{payload, refusal, times, url, verdict};

const PAGE_SIZE: usize = 50;
/// How long one page may spend on saying what its rows wait for.
const WHY_BUDGET: Duration = Duration::from_millis(60);

/// A row and what is known of it beyond the summary.
struct Row {
    run: RunSummary,
    tone: Tone,
    why: Option<Markup>,
}

/// Runs by status, of those that the rest of the filter lets through.
struct Counts {
    by_status: HashMap<RunStatus, u64>,
    total: u64,
    stuck: u64,
    more: bool,
}

struct List {
    rows: Vec<Row>,
    next: Option<String>,
    /// More runs may match than were looked at for this page.
    partial: bool,
    counts: Counts,
    problems: Vec<String>,
}

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let filter = Filter::parse(pairs);
    let asked = filter.clone();
    let now = inspector.engine.now();
    let list = match inspector.read(move |inspector| read(inspector, &asked, now)).await {
        Ok(list) => list,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let types = inspector.engine.workflow_types();
    let body = html! {
        (layout::head("Workflows"))
        (region("chips", &chips(&filter, &list.counts)))
        (bar(&filter, &types, &list.problems))
        (region("list", &table(&filter, &list, viewer.now)))
        (region("pager", &pager(&filter, &list)))
    };
    Page { title: "Workflows", section: Section::Workflows, topics: Some("runs".into()), body }
        .render(&viewer)
}

fn read(inspector: &Inspector, asked: &Filter, now: Timestamp) -> Result<List, Rejection> {
    let (filter, problems) = asked.to_list(&inspector.namespace, now);
    let (order, _) = asked.order();
    let token = asked.page_token.as_deref();
    let page = inspector.engine.list_in_order(&filter, &order, PAGE_SIZE, token)?;
    let counts = counts(inspector, filter)?;
    let deadline = Instant::now() + WHY_BUDGET;
    let rows = page.workflows.into_iter().map(|run| row(inspector, run, now, deadline)).collect();
    let (next, partial) = (page.next_page_token, page.partial);
    Ok(List { rows, next, partial, counts, problems })
}

fn counts(inspector: &Inspector, filter: ListFilter) -> Result<Counts, Rejection> {
    let filter = ListFilter { status: None, stuck: None, ..filter };
    let counted = inspector.engine.count(&filter, Some(&GroupBy::Status))?;
    let groups = counted.groups.into_iter().flatten();
    let by_status = groups.filter_map(|group| Some((group.value.parse().ok()?, group.count)));
    let by_status = by_status.collect();
    let stuck = inspector.engine.count(&ListFilter { stuck: Some(true), ..filter }, None)?;
    let more = counted.partial;
    Ok(Counts { by_status, total: counted.count, stuck: stuck.count, more })
}

/// What a run waits for takes reading its history, so a page stops when its time is up.
fn row(inspector: &Inspector, run: RunSummary, now: Timestamp, deadline: Instant) -> Row {
    let worth = matches!(run.status, RunStatus::Running | RunStatus::Failed);
    let described = (worth && Instant::now() < deadline)
        .then(|| inspector.selector(&run.workflow_id, Some(&run.run_id.to_string())))
        .and_then(Result::ok)
        .and_then(|selector| inspector.engine.describe(&selector).ok());
    let Some(described) = described else {
        let tone = if run.stuck { Tone::Stuck } else { run.status.into() };
        return Row { run, tone, why: None };
    };
    let tone = verdict::tone(&described);
    let failure = described.failure.as_ref();
    let retried = || described.pending_activities.iter().find_map(|it| it.last_failure.as_ref());
    let text = |message: &str| payload::one_line(message, 160);
    let why = match (tone, failure, &described.task_failure) {
        (_, Some(failure), _) => {
            html! { span.why.bad { (failure.kind) ": " (text(&failure.message)) } }
        }
        (_, _, Some(failure)) => html! { span.why.bad { (text(&failure.message)) } },
        (Tone::Retrying, ..) => html! {
            span.why { (verdict::waits_for(&described, now)) }
            @if let Some(failure) = retried() {
                span.why.retry { " · " (failure.kind) ": " (text(&failure.message)) }
            }
        },
        _ => html! { span.why { (verdict::waits_for(&described, now)) } },
    };
    Row { run, tone, why: Some(why) }
}

fn chips(filter: &Filter, counts: &Counts) -> Markup {
    let chosen = filter.status;
    let shown = RunStatus::ALL.into_iter().filter(|status| {
        let usual = !matches!(status, RunStatus::ContinuedAsNew | RunStatus::Paused);
        usual || chosen == Some(*status) || counts.by_status.contains_key(status)
    });
    let is_stuck = filter.more.get("stuck").is_some_and(|stuck| stuck == "true");
    let number = |count: u64| match (counts.more, count) {
        (false, count) => thousands(count),
        (true, 0) => String::new(),
        (true, count) => format!("{}+", thousands(count)),
    };
    html! {
        nav.chips aria-label="Status" {
            a.chip href=(filter.with_status(None).address()) data-nav data-key="all"
                aria-current=(current(chosen.is_none())) {
                "All " span.count { (number(counts.total)) }
            }
            @for status in shown {
                @let tone = Tone::from(status);
                a class={ "chip " (tone.class()) } data-nav data-key=(status.name())
                    href=(filter.with_status(Some(status)).address())
                    aria-current=(current(chosen == Some(status))) {
                    (icons::glyph(tone)) (tone.word()) " "
                    span.count { (number(counts.by_status.get(&status).copied().unwrap_or(0))) }
                }
            }
            @if is_stuck || counts.stuck > 0 {
                a class={ "chip " (Tone::Stuck.class()) } data-nav data-key="stuck"
                    href=(filter.with("stuck", (!is_stuck).then_some("true")).address())
                    aria-current=(current(is_stuck)) {
                    (icons::glyph(Tone::Stuck)) (Tone::Stuck.word()) " "
                    span.count { (number(counts.stuck)) }
                }
            }
        }
    }
}

const fn current(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

fn thousands(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", thousands(count / 1_000), count % 1_000),
    }
}

/// The orders that the list offers besides those by search attributes.
const ORDERS: [(&str, &str); 4] = [
    (NEWEST_FIRST, "Newest first"),
    ("started_at", "Oldest first"),
    ("-closed_at", "Last closed first"),
    ("closed_at", "First closed first"),
];

/// How a parameter of the list reads in its token.
fn token_text(name: &str, value: &str) -> String {
    match name.split_once('.') {
        Some(("attr_min", attribute)) => format!("{attribute} ≥ {value}"),
        Some(("attr_max", attribute)) => format!("{attribute} ≤ {value}"),
        Some(("attr_prefix", attribute)) => format!("{attribute} begins with {value}"),
        _ => format!("{}: {value}", name.replace('_', " ")),
    }
}

/// A column's heading that sorts by it, one way and then the other.
fn heading(filter: &Filter, field: &str, word: &str) -> Markup {
    let sort = filter.sort.as_deref().unwrap_or(NEWEST_FIRST);
    let (descending, state, arrow) = match sort.strip_prefix('-') {
        Some(by) if by == field => (false, "descending", " ↓"),
        None if sort == field => (true, "ascending", " ↑"),
        _ => (true, "none", ""),
    };
    let next = if descending { format!("-{field}") } else { field.to_owned() };
    html! {
        th scope="col" aria-sort=(state) {
            a.sort href=(filter.sorted(&next).address()) data-nav data-key={ "sort-" (field) } {
                (word) (arrow)
            }
        }
    }
}

fn bar(filter: &Filter, types: &[&'static str], problems: &[String]) -> Markup {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let chosen = filter.workflow_type.as_deref();
    let unregistered = chosen.filter(|name| !types.contains(name));
    let invalid = |field: &str| problems.iter().any(|problem| problem.starts_with(field));
    html! {
        form.filters #filters data-region data-v=(version(&(filter, types, problems)))
            action=(url::LIST) role="search" {
            @if let Some(status) = filter.status {
                input type="hidden" name="status" value=(status.name()) data-key="status";
            }
            label.search {
                span.visually-hidden { "Workflow id begins with" }
                (Icon::Search.draw())
                input type="search" name="id_prefix" value=(text(&filter.id_prefix)) data-search
                    data-typed placeholder="Workflow id begins with…" autocomplete="off"
                    spellcheck="false";
                kbd { "/" }
            }
            label {
                span.visually-hidden { "Type" }
                select name="type" {
                    option value="" selected[chosen.is_none()] { "Any type" }
                    @for name in types {
                        option value=(name) selected[chosen == Some(name)] { (name) }
                    }
                    @if let Some(name) = unregistered { option value=(name) selected { (name) } }
                }
            }
            @for (name, label, value) in [
                ("started_after", "Started after", &filter.started_after),
                ("started_before", "Started before", &filter.started_before),
            ] {
                label.time {
                    span.visually-hidden { (label) }
                    input type="text" name=(name) value=(text(value)) placeholder={ (label) "…" }
                        data-typed list="times" autocomplete="off" spellcheck="false"
                        aria-invalid=(current(invalid(label)))
                        title={ (label) ": 15m, 6h or 7d ago, or 2026-01-31T08:30 (UTC)" };
                }
            }
            datalist #times {
                @for (value, word) in [("15m", "15 minutes ago"), ("1h", "1 hour ago"), ("24h", "24 hours ago"), ("7d", "7 days ago")] {
                    option value=(value) { (word) }
                }
            }
            label.attr {
                span.visually-hidden { "Search attribute" }
                input type="text" name="attr" placeholder="attribute=value" autocomplete="off"
                    spellcheck="false" pattern=".+=.+"
                    title="NAME=VALUE, NAME>=VALUE, NAME<=VALUE or NAME^=BEGINNING, then Enter";
            }
            label {
                span.visually-hidden { "Order" }
                select name="sort" {
                    @let sort = filter.sort.as_deref().unwrap_or(NEWEST_FIRST);
                    @for (value, word) in ORDERS {
                        // What is usual is not said in the address.
                        option value=(if value == NEWEST_FIRST { "" } else { value })
                            selected[sort == value] { (word) }
                    }
                    @if !ORDERS.iter().any(|(value, _)| *value == sort) {
                        option value=(sort) selected { "By " (sort) }
                    }
                }
            }
            @for (name, value) in &filter.more {
                span.token data-key=(name) {
                    (token_text(name, value))
                    input type="hidden" name=(name) value=(value);
                    a.icon-button href=(filter.with(name, None).address()) data-nav
                        aria-label={ "Remove " (name) } { (Icon::Close.draw()) }
                }
            }
            @if let Some(parent) = &filter.parent {
                span.token data-key="parent" {
                    "children of " (parent)
                    input type="hidden" name="parent" value=(parent);
                    a.icon-button href=(filter.without_parent().address()) data-nav
                        aria-label="Remove parent" { (Icon::Close.draw()) }
                }
            }
            @for (name, value) in &filter.attributes {
                span.token data-key={ "attr." (name) } {
                    (name) "=" (value)
                    input type="hidden" name={ "attr." (name) } value=(value);
                    a.icon-button href=(filter.without_attribute(name).address()) data-nav
                        aria-label={ "Remove " (name) } { (Icon::Close.draw()) }
                }
            }
            button.button.visually-hidden type="submit" { "Filter" }
            a.button.small href=(filter.first_page().address_of(url::NEW_BATCH)) data-key="batch"
                #select-all title="Signal, cancel, terminate or reset every run that matches" {
                "Select all matching"
            }
            @if !filter.is_empty() {
                a.button.small href=(url::LIST) data-nav data-key="clear" { "Clear" }
            }
            @for problem in problems { p.problem role="alert" { (problem) } }
        }
    }
}

fn table(filter: &Filter, list: &List, now: Timestamp) -> Markup {
    if list.rows.is_empty() {
        return empty(filter, list);
    }
    html! {
        div.table-wrap {
            table {
                thead {
                    tr {
                        th scope="col" { "Status" }
                        th scope="col" { "Workflow" }
                        th.col-type scope="col" { "Type" }
                        th.col-why scope="col" { "Waits for / last failure" }
                        (heading(filter, "started_at", "Started"))
                        (heading(filter, "closed_at", "Closed"))
                        th.end.col-duration scope="col" { "Duration" }
                    }
                }
                tbody { @for row in &list.rows { (line(row, now)) } }
            }
        }
    }
}

fn line(row: &Row, now: Timestamp) -> Markup {
    let run = &row.run;
    // Times within move on by themselves: the version leaves out what they say now.
    let why = row.why.as_ref().map(|why| without_times(&why.0));
    html! {
        tr data-key=(run.run_id) data-v=(version(&(run, row.tone, why))) {
            td.status { (row.tone.pill()) }
            td {
                a.row-link.mono href=(url::run(&run.workflow_id, run.run_id)) data-row {
                    (payload::one_line(&run.workflow_id, 60))
                }
            }
            td.col-type { (run.workflow_type) }
            td.grow.col-why { @if let Some(why) = &row.why { (why) } }
            td { (times::ago(run.started_at, now)) span.when-abs { (times::date(run.started_at)) } }
            td {
                @match run.closed_at {
                    Some(at) => (times::ago(at, now)),
                    None => span.muted { "–" },
                }
            }
            td.end.num.col-duration {
                @match run.closed_at {
                    Some(at) => (times::duration(at.millis_since(run.started_at))),
                    None => (times::since(run.started_at, now)),
                }
            }
        }
    }
}

/// Markup with the words of its moving times left out.
fn without_times(markup: &str) -> String {
    let mut kept = String::new();
    for part in markup.split("data-as=\"") {
        let after = part.split_once("\">").map_or(part, |(form, rest)| {
            kept.push_str(form);
            rest.split_once('<').map_or(rest, |(_, rest)| rest)
        });
        kept.push_str(after);
    }
    kept
}

fn empty(filter: &Filter, list: &List) -> Markup {
    html! {
        div.table-wrap {
            div.empty {
                @if filter.is_empty() && filter.page_token.is_none() {
                    strong { "No workflows yet" }
                    p { "They show up here the moment one is started." }
                } @else if list.partial {
                    strong { "Nothing matches so far" }
                    p { "As many runs were looked at as one page may cost; go on with the next." }
                } @else {
                    strong { "Nothing matches" }
                    p { "No workflow passes all of these filters." }
                    p { a.button href=(url::LIST) data-nav { "Clear the filters" } }
                }
            }
        }
    }
}

fn pager(filter: &Filter, list: &List) -> Markup {
    let next = list.next.clone().map(|token| Filter { page_token: Some(token), ..filter.clone() });
    let shown = list.rows.len();
    let sort = filter.sort.as_deref().unwrap_or(NEWEST_FIRST);
    let order = ORDERS.iter().find(|(value, _)| *value == sort);
    let order = order.map_or_else(|| format!("by {sort}"), |(_, word)| word.to_lowercase());
    let (first, further) =
        if sort == NEWEST_FIRST { ("Newest", "Older") } else { ("First", "Next") };
    html! {
        @if filter.page_token.is_some() || next.is_some() {
            nav.pager aria-label="Pages" {
                span { (shown) @if shown == 1 { " run" } @else { " runs" } ", " (order) }
                span.push {
                    @if filter.page_token.is_some() {
                        a.button.small href=(filter.first_page().address()) data-nav data-key="first" { (first) }
                    }
                    @if let Some(next) = &next {
                        a.button.small href=(next.address()) data-nav rel="next" data-key="next" { (further) }
                    }
                }
            }
        }
    }
}
