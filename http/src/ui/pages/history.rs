//! The history as a table: one row for each activity, timer and signal.

use everstep_engine::{RunDescription, Timestamp};
use maud::{Markup, html};

use super::detail::Detail;
use super::run::Asked;
use crate::ui::icons;
use crate::ui::journal::{Group, Journal, Subject};
use crate::ui::region::version;
use crate::ui::tone::Tone;
use crate::ui::{times, url};

const PAGE_SIZE: usize = 200;

/// A page of groups.
#[derive(Debug)]
pub(super) struct HistoryView {
    groups: Vec<Group>,
    /// Groups in the whole history, failed ones and pending ones among them.
    total: usize,
    failed: usize,
    pending: usize,
    /// The first group of the page before and after this one.
    previous: Option<u64>,
    next: Option<u64>,
    pub(super) detail: Option<Detail>,
}

impl HistoryView {
    /// The page that the address asks for.
    pub(super) fn of(journal: &Journal, asked: &Asked) -> Self {
        let all = journal.groups();
        let wanted = |group: &&Group| match asked.only.as_deref() {
            Some("failed") => is_failed(group),
            Some("pending") => is_pending(group),
            _ => true,
        };
        let mut groups: Vec<&Group> = all.iter().filter(wanted).collect();
        let newest_first = asked.order.as_deref() == Some("newest");
        if newest_first {
            groups.reverse();
        }
        let start =
            asked.from.map_or(0, |from| {
                groups.partition_point(|group| {
                    if newest_first { group.key > from } else { group.key < from }
                })
            });
        let end = (start + PAGE_SIZE).min(groups.len());
        let key_at = |at: usize| groups.get(at).map(|group| group.key);
        Self {
            previous: (start > 0).then(|| key_at(start.saturating_sub(PAGE_SIZE))).flatten(),
            next: key_at(end),
            total: all.len(),
            failed: all.iter().filter(|group| is_failed(group)).count(),
            pending: all.iter().filter(|group| is_pending(group)).count(),
            groups: groups[start..end].iter().copied().cloned().collect(),
            detail: None,
        }
    }
}

fn is_failed(group: &Group) -> bool {
    group.subject != Subject::Run
        && (group.is_failure() || group.tries.iter().any(|attempt| attempt.failed))
}

fn is_pending(group: &Group) -> bool {
    group.ended.is_none() && group.subject != Subject::Run
}

/// The address with one part changed.
struct Link<'a> {
    run: &'a RunDescription,
    asked: &'a Asked,
}

impl Link<'_> {
    fn to(&self, change: impl FnOnce(&mut Asked)) -> String {
        let mut asked = self.asked.clone();
        change(&mut asked);
        let [event, from] = [asked.event, asked.from].map(|number| number.map(|it| it.to_string()));
        let pairs = [
            ("run_id", asked.run_id.as_deref()),
            ("only", asked.only.as_deref()),
            ("order", asked.order.as_deref()),
            ("from", from.as_deref()),
            ("event", event.as_deref()),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        url::with_query(&url::workflow(&self.run.workflow_id), pairs)
    }
}

/// The table, and beside it the chosen group.
pub(super) fn section(asked: &Asked, run: &RunDescription, view: &HistoryView) -> Markup {
    let link = Link { run, asked };
    let class = if view.detail.is_some() { "split has-detail" } else { "split" };
    html! {
        div class=(class) {
            section.card aria-labelledby="history-title" data-key="table" {
                (heading(&link, view))
                @if view.groups.is_empty() {
                    div.empty { "Nothing here" }
                } @else {
                    div.scroll {
                        table.history {
                            thead {
                                tr {
                                    th scope="col" { "#" }
                                    th scope="col" { "Time" }
                                    th scope="col" { "What" }
                                    th scope="col" { "State" }
                                    th.end scope="col" { "Took" }
                                    th scope="col" { "Outcome" }
                                }
                            }
                            tbody { @for group in &view.groups { (line(&link, run.started_at, group)) } }
                        }
                    }
                }
                (pager(&link, view))
            }
            @if let Some(detail) = &view.detail {
                (detail.draw(run, &link.to(|asked| asked.event = None)))
            }
        }
    }
}

fn heading(link: &Link<'_>, view: &HistoryView) -> Markup {
    let only = link.asked.only.as_deref();
    let newest = link.asked.order.as_deref() == Some("newest");
    let choice = |name: Option<&'static str>, word: &str, count: usize| {
        let address = link.to(|asked| {
            asked.only = name.map(Into::into);
            asked.from = None;
        });
        let chosen = if only == name { "true" } else { "false" };
        html! {
            a.chip href=(address) data-nav data-key={ "only-" (word) } aria-current=(chosen) {
                (word) " " span.count { (count) }
            }
        }
    };
    let turned = link.to(|asked| {
        asked.order = (!newest).then(|| "newest".into());
        asked.from = None;
    });
    html! {
        div.card-head {
            h2 #history-title { "History" }
            div.push {
                nav.chips aria-label="Filter" {
                    (choice(None, "All", view.total))
                    (choice(Some("failed"), "Failed", view.failed))
                    (choice(Some("pending"), "Pending", view.pending))
                }
                a.button.small href=(turned) data-nav data-key="order" {
                    @if newest { "Newest first" } @else { "Oldest first" }
                }
            }
        }
    }
}

fn line(link: &Link<'_>, run_started: Timestamp, group: &Group) -> Markup {
    let chosen = link.asked.event.is_some_and(|event| group.events.binary_search(&event).is_ok());
    let address = link.to(|asked| asked.event = Some(group.key));
    let tries = group.tries.len();
    let bad = group.is_failure();
    let seen = (group.tone, tries, group.ended, &group.preview, chosen, &address);
    let offset = times::duration(group.started.millis_since(run_started));
    html! {
        tr data-key={ "g" (group.key) } data-v=(version(&seen)) aria-selected=[chosen.then_some("true")] {
            td.num { (group.key) }
            td.num { span title=(group.started) { "+" (offset) } }
            td {
                span.name {
                    (group.subject.icon().draw())
                    a.row-link href=(address) data-nav data-row { (group.name) }
                    @if let Some(other) = &group.other {
                        a.mono.other href=(url::workflow(other)) { (other) }
                    }
                    @if tries > 1 { span.tries { (tries) " attempts" } }
                }
            }
            td { (state(group)) }
            td.end.num { (took(group)) }
            td.grow { span.preview.bad[bad] { (group.preview) } }
        }
    }
}

fn state(group: &Group) -> Markup {
    let word = match (group.subject, group.tone, group.ended) {
        (Subject::Run, ..) => "Started",
        (Subject::Signal, ..) => "Received",
        (Subject::Mark, ..) => "Recorded",
        (Subject::Task, Tone::Failed, _) => "Recovered",
        (Subject::Timer, Tone::Completed, _) => "Fired",
        (Subject::Update, Tone::Running, _) => "Accepted",
        (Subject::Update, Tone::Completed, _) => "Answered",
        (Subject::Request, Tone::Running, _) => "Asked",
        (Subject::Request, Tone::Completed, _) => "Delivered",
        (_, tone, _) => tone.word(),
    };
    let tone = match group.subject {
        Subject::Run => Tone::Completed,
        _ => group.tone,
    };
    html! { span class={ "outcome " (tone.class()) } { (icons::glyph(tone)) (word) } }
}

fn took(group: &Group) -> Markup {
    html! {
        @match (group.subject, group.ended) {
            (Subject::Run | Subject::Signal | Subject::Mark, _) => {},
            (_, Some(at)) => (times::duration(at.millis_since(group.started))),
            // The script counts on from the instant itself.
            (_, None) => (times::since(group.started, group.started)),
        }
    }
}

fn pager(link: &Link<'_>, view: &HistoryView) -> Markup {
    html! {
        @if view.previous.is_some() || view.next.is_some() {
            nav.pager.card-body aria-label="History pages" {
                @if let (Some(first), Some(last)) = (view.groups.first(), view.groups.last()) {
                    span { "#" (first.key) " to #" (last.key) " of " (view.total) " entries" }
                }
                span.push {
                    @if let Some(previous) = view.previous {
                        a.button.small href=(link.to(|asked| asked.from = Some(previous))) data-nav rel="prev" data-key="prev" { "Back" }
                    }
                    @if let Some(next) = view.next {
                        a.button.small href=(link.to(|asked| asked.from = Some(next))) data-nav rel="next" data-key="next" { "On" }
                    }
                }
            }
        }
    }
}
