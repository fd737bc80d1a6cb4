//! What the list must answer, by looking at every run.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use everstep_engine::{
    AttributeRange, GroupBy, ListFilter, ListOrder, Payload, RunId, RunSummary, SortBy,
};

fn text(value: &Payload) -> String {
    value.to::<String>().unwrap_or_else(|_| value.as_str().to_owned())
}

pub(crate) fn matches(filter: &ListFilter, run: &RunSummary) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|it| it == found);
    filter.status.is_none_or(|status| status == run.status)
        && is(&filter.workflow_type, &run.workflow_type)
        && filter.id_prefix.as_ref().is_none_or(|prefix| run.workflow_id.starts_with(prefix))
        && filter.started_after.is_none_or(|at| run.started_at >= at)
        && filter.started_before.is_none_or(|at| run.started_at <= at)
        && filter.closed_after.is_none_or(|at| run.closed_at.is_some_and(|closed| closed >= at))
        && filter.closed_before.is_none_or(|at| run.closed_at.is_some_and(|closed| closed <= at))
        && filter.parent.as_ref().is_none_or(|parent| run.parent.as_ref() == Some(parent))
        && is(&filter.build, &run.build_id)
        && is(&filter.version, &run.version)
        && filter.queue.as_ref().is_none_or(|queue| run.queues.contains(queue))
        && filter.stuck.is_none_or(|stuck| stuck == run.stuck)
        && filter.fingerprint.as_ref().is_none_or(|wanted| run.fingerprint.as_ref() == Some(wanted))
        && filter.attributes.iter().all(|(name, wanted)| {
            run.search_attributes.get(name).is_some_and(|value| text(value) == *wanted)
        })
        && filter.ranges.iter().all(|(name, range)| {
            run.search_attributes.get(name).is_some_and(|value| within(range, value))
        })
}

fn within(range: &AttributeRange, value: &Payload) -> bool {
    let number = |text: &String| text.parse::<f64>().ok();
    match value.to::<String>() {
        Ok(text) => {
            // The bounds of these tests are numbers where no prefix is given.
            range.prefix.as_ref().is_some_and(|prefix| text.starts_with(prefix))
        }
        Err(_) => {
            let Ok(value) = value.to::<f64>() else { return false };
            range.prefix.is_none()
                && range.min.as_ref().and_then(number).is_none_or(|min| value >= min)
                && range.max.as_ref().and_then(number).is_none_or(|max| value <= max)
        }
    }
}

/// The ids in the order that was asked for.
pub(crate) fn list(all: &[RunSummary], filter: &ListFilter, order: &ListOrder) -> Vec<RunId> {
    let mut runs: Vec<&RunSummary> = all
        .iter()
        .filter(|run| matches(filter, run))
        .filter(|run| match &order.by {
            SortBy::Started => true,
            SortBy::Closed => run.closed_at.is_some(),
            SortBy::Attribute(name) => run.search_attributes.contains_key(name),
        })
        .collect();
    runs.sort_by(|one, other| {
        let by = match &order.by {
            SortBy::Started => Ordering::Equal,
            SortBy::Closed => one.closed_at.cmp(&other.closed_at),
            SortBy::Attribute(name) => {
                compare(&one.search_attributes[name], &other.search_attributes[name])
            }
        };
        let by = by.then(one.run_id.cmp(&other.run_id));
        if order.descending { by.reverse() } else { by }
    });
    runs.into_iter().map(|run| run.run_id).collect()
}

/// Truth values, then numbers, then texts.
fn compare(one: &Payload, other: &Payload) -> Ordering {
    let rank = |value: &Payload| match value.as_str().as_bytes()[0] {
        b'f' => 0,
        b't' => 1,
        b'"' => 3,
        _ => 2,
    };
    rank(one).cmp(&rank(other)).then_with(|| match rank(one) {
        2 => one.to::<f64>().unwrap().total_cmp(&other.to::<f64>().unwrap()),
        3 => text(one).cmp(&text(other)),
        _ => Ordering::Equal,
    })
}

pub(crate) fn count(
    all: &[RunSummary],
    filter: &ListFilter,
    group_by: &GroupBy,
) -> (u64, BTreeMap<String, u64>) {
    let mut groups = BTreeMap::new();
    let mut total = 0;
    for run in all.iter().filter(|run| matches(filter, run)) {
        total += 1;
        let values: Vec<String> = match group_by {
            GroupBy::Status => vec![run.status.to_string()],
            GroupBy::Type => vec![run.workflow_type.clone()],
            GroupBy::Build => vec![run.build_id.clone()],
            GroupBy::Version => vec![run.version.clone()],
            GroupBy::Queue => run.queues.clone(),
            GroupBy::Fingerprint => run.fingerprint.iter().cloned().collect(),
            GroupBy::Attribute(name) => {
                run.search_attributes.get(name).map(text).into_iter().collect()
            }
        };
        for value in values {
            *groups.entry(value).or_default() += 1;
        }
    }
    (total, groups)
}
