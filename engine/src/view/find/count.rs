//! How many runs there are, in all and by group.

use std::collections::BTreeMap;
use std::str::FromStr;

use everstep_storage::{Range, Snapshot};
use serde::{Deserialize, Serialize};

use super::matching::{Matching, text_of};
use super::page::walk;
use super::plan::{plan, shapes_of};
use super::source::{Candidate, Reader};
use super::walk::Found;
use crate::find::term::{Term, TermKind, fingerprint_text, shown, terms_of_text};
use crate::runtime::RunRecord;
use crate::runtime::keys::{self, FOUND_BY, SHAPE_COUNTS, TERM_COUNTS};
use crate::{Failure, ListFilter, Rejection, RunId, RunStatus};

/// Rows that are examined where no counter tells.
const ROWS_A_COUNT: usize = 20_000;
/// Groups that are answered; there may be as many values as runs.
const MOST_GROUPS: usize = 1_000;

/// By what runs are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Where they stand.
    Status,
    /// The workflow type.
    Type,
    /// The task queues that their activities went through.
    Queue,
    /// The build that started them.
    Build,
    /// The version of the code that they stay with.
    Version,
    /// The fingerprint of what they failed with, or are stuck at.
    Fingerprint,
    /// The value of a search attribute.
    Attribute(String),
}

/// Runs by group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunCounts {
    /// How many runs pass the filter.
    pub count: u64,
    /// How many of them are in each group, the largest first; a run without a value is in none, and
    /// one that used several queues in several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<CountGroup>>,
    /// There are more: as many rows were examined as one request may, or there are more groups.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// One group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CountGroup {
    /// What its runs have in common.
    pub value: String,
    /// How many they are.
    pub count: u64,
    /// Of a fingerprint: the newest run that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// Of a fingerprint: that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub run_id: Option<RunId>,
    /// Of a fingerprint: what that run failed with, if it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub failure: Option<Failure>,
}

impl FromStr for GroupBy {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        Ok(match text {
            "status" => Self::Status,
            "type" => Self::Type,
            "queue" => Self::Queue,
            "build" => Self::Build,
            "version" => Self::Version,
            "fingerprint" => Self::Fingerprint,
            _ => match text.strip_prefix("attr.") {
                Some(name) if !name.is_empty() => Self::Attribute(name.to_owned()),
                _ => {
                    return Err(Rejection::InvalidRequest(format!(
                        "runs cannot be counted by `{text}`; they can be by status, type, queue, \
                         build, version, fingerprint and attr.NAME"
                    )));
                }
            },
        })
    }
}

/// Counts the runs that pass a filter.
pub(crate) fn count(
    snapshot: &dyn Snapshot,
    filter: &ListFilter,
    group_by: Option<&GroupBy>,
) -> Result<RunCounts, Rejection> {
    let reader = Reader::new(snapshot, &filter.namespace, true, ROWS_A_COUNT);
    let mut counting = Counting::default();
    let by_shape = matches!(
        group_by,
        None | Some(GroupBy::Status | GroupBy::Type | GroupBy::Build | GroupBy::Version)
    );
    if by_shape && is_of_shapes(filter) {
        of_shapes(filter, group_by, &reader, &mut counting)?;
    } else if let (None | Some(GroupBy::Status), Some(term)) = (group_by, only_term(filter)) {
        of_term(filter, &term, group_by, &reader, &mut counting)?;
    } else if let (Some(group_by), true) = (group_by, is_of_status(filter)) {
        of_terms(filter, group_by, &reader, &mut counting)?;
    } else {
        one_by_one(filter, group_by, &reader, &mut counting)?;
    }
    let mut counts = counting.finish(group_by.is_some());
    if group_by == Some(&GroupBy::Fingerprint) {
        for group in counts.groups.iter_mut().flatten() {
            add_example(group, &reader)?;
        }
    }
    Ok(counts)
}

#[derive(Default)]
struct Counting {
    count: i64,
    groups: BTreeMap<String, i64>,
    partial: bool,
}

impl Counting {
    fn add(&mut self, group: String, count: i64) {
        if self.groups.len() < MOST_GROUPS || self.groups.contains_key(&group) {
            *self.groups.entry(group).or_default() += count;
        } else {
            self.partial = true;
        }
    }

    fn finish(self, grouped: bool) -> RunCounts {
        let positive = |count: i64| u64::try_from(count).unwrap_or(0);
        let groups = grouped.then(|| {
            let groups = self.groups.into_iter().filter(|(_, count)| *count > 0);
            let mut groups: Vec<CountGroup> = groups
                .map(|(value, count)| CountGroup {
                    value,
                    count: positive(count),
                    ..Default::default()
                })
                .collect();
            groups.sort_by_key(|group| std::cmp::Reverse(group.count));
            groups
        });
        RunCounts { count: positive(self.count), groups, partial: self.partial }
    }
}

/// Whether the counters of shapes tell all that the filter asks.
fn is_of_shapes(filter: &ListFilter) -> bool {
    let ListFilter { status, workflow_type, build, version, namespace, .. } = filter.clone();
    *filter == ListFilter { status, workflow_type, build, version, ..ListFilter::of(namespace) }
}

fn is_of_status(filter: &ListFilter) -> bool {
    *filter == ListFilter { status: filter.status, ..ListFilter::of(filter.namespace.clone()) }
}

/// The one counted term that the filter asks for, beside a status.
fn only_term(filter: &ListFilter) -> Option<Term> {
    let mut rest = ListFilter { status: None, ..filter.clone() };
    let queue = rest.queue.take().map(|queue| Term::queue(&queue));
    let stuck = (rest.stuck == Some(true)).then(|| {
        rest.stuck = None;
        Term::stuck()
    });
    let fingerprint = rest.fingerprint.take();
    let fingerprint = match &fingerprint {
        Some(text) => Some(Term::fingerprint(crate::find::term::parse_fingerprint(text)?)),
        None => None,
    };
    let attributes = std::mem::take(&mut rest.attributes);
    let attributes = attributes.iter().map(|(name, text)| {
        let mut terms = terms_of_text(name, text);
        // A text that could be a number, too, or that is cut in its term, is compared run by run.
        let alone = terms.len() == 1 && text.len() < crate::find::term::LONGEST_TEXT;
        terms.pop().filter(|term| alone && term.is_counted())
    });
    let attributes: Option<Vec<Term>> = attributes.collect();
    if rest != ListFilter::of(filter.namespace.clone()) {
        return None;
    }
    let mut terms = queue.into_iter().chain(stuck).chain(fingerprint).chain(attributes?);
    let term = terms.next()?;
    terms.next().is_none().then_some(term)
}

fn counter(stored: &[u8]) -> i64 {
    stored.first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// The status in the last byte of a counter's key.
fn status_of(key: &[u8]) -> Option<RunStatus> {
    RunStatus::ALL.into_iter().find(|status| key.last() == Some(&status.number()))
}

fn of_shapes(
    filter: &ListFilter,
    group_by: Option<&GroupBy>,
    reader: &Reader<'_>,
    counting: &mut Counting,
) -> Result<(), Rejection> {
    let shapes: BTreeMap<_, _> = shapes_of(filter, reader)?.into_iter().collect();
    let prefix = keys::namespace(&filter.namespace);
    for (key, stored) in reader.ascending(Range::prefix(SHAPE_COUNTS, &prefix))? {
        let Some(status) = status_of(&key) else { continue };
        let number = key.get(prefix.len()..).and_then(|rest| rest.first_chunk::<8>());
        let Some(shape) = number.and_then(|it| shapes.get(&u64::from_be_bytes(*it))) else {
            continue;
        };
        if filter.status.is_some_and(|wanted| wanted != status) {
            continue;
        }
        let count = counter(&stored);
        counting.count += count;
        match group_by {
            Some(GroupBy::Status) => counting.add(status.to_string(), count),
            Some(GroupBy::Type) => counting.add(shape.workflow_type.clone(), count),
            Some(GroupBy::Build) => counting.add(shape.build_id.clone(), count),
            Some(GroupBy::Version) => counting.add(shape.version.clone(), count),
            _ => {}
        }
    }
    Ok(())
}

fn of_term(
    filter: &ListFilter,
    term: &Term,
    group_by: Option<&GroupBy>,
    reader: &Reader<'_>,
    counting: &mut Counting,
) -> Result<(), Rejection> {
    let prefix = keys::term(&filter.namespace, &term.0);
    for (key, stored) in reader.ascending(Range::prefix(TERM_COUNTS, &prefix))? {
        let Some(status) = status_of(&key) else { continue };
        if filter.status.is_none_or(|wanted| wanted == status) {
            counting.count += counter(&stored);
            if group_by.is_some() {
                counting.add(status.to_string(), counter(&stored));
            }
        }
    }
    Ok(())
}

fn of_terms(
    filter: &ListFilter,
    group_by: &GroupBy,
    reader: &Reader<'_>,
    counting: &mut Counting,
) -> Result<(), Rejection> {
    let (kind, term) = match group_by {
        GroupBy::Queue => (TermKind::Queue, vec![TermKind::Queue as u8]),
        GroupBy::Fingerprint => (TermKind::Fingerprint, vec![TermKind::Fingerprint as u8]),
        GroupBy::Attribute(name) => (TermKind::Attribute, Term::attribute_name(name)),
        _ => return Ok(()),
    };
    let prefix = keys::term(&filter.namespace, &term);
    let limit = MOST_GROUPS * 4;
    let rows = reader.ascending(Range::prefix(TERM_COUNTS, &prefix).limit(limit))?;
    counting.partial = rows.len() == limit;
    for (key, stored) in rows {
        let value = key.get(prefix.len()..).and_then(|rest| shown(kind, rest));
        let (Some((value, _)), Some(status)) = (value, status_of(&key)) else { continue };
        if filter.status.is_none_or(|wanted| wanted == status) {
            counting.add(value, counter(&stored));
        }
    }
    // Runs without a value count, too.
    of_shapes(filter, None, reader, counting)
}

/// No counter tells: looks at the runs, as many as one request may.
fn one_by_one(
    filter: &ListFilter,
    group_by: Option<&GroupBy>,
    reader: &Reader<'_>,
    counting: &mut Counting,
) -> Result<(), Rejection> {
    let matching = Matching::new(filter);
    let Some(plan) = plan(filter, &matching, reader, 256)? else { return Ok(()) };
    let mut walk = walk(plan, filter, true, None);
    loop {
        match walk.next(reader)? {
            Found::End => return Ok(()),
            Found::Spent => {
                counting.partial = true;
                return Ok(());
            }
            Found::Run(candidate) => {
                let record = reader.record(&candidate)?;
                let Some(record) = record.filter(|record| matching.matches(record)) else {
                    continue;
                };
                counting.count += 1;
                for value in group_by.map(|by| values_of(&record, by)).unwrap_or_default() {
                    counting.add(value, 1);
                }
            }
        }
    }
}

fn values_of(record: &RunRecord, group_by: &GroupBy) -> Vec<String> {
    match group_by {
        GroupBy::Status => vec![record.status.to_string()],
        GroupBy::Type => vec![record.workflow_type.to_string()],
        GroupBy::Build => vec![record.build_id.to_string()],
        GroupBy::Version => vec![record.version.to_string()],
        GroupBy::Queue => record.queues.iter().map(ToString::to_string).collect(),
        GroupBy::Fingerprint => record.fingerprint.map(fingerprint_text).into_iter().collect(),
        GroupBy::Attribute(name) => {
            record.search_attributes.get(name).map(text_of).into_iter().collect()
        }
    }
}

/// Names the newest run of a fingerprint, so that people see what it stands for.
fn add_example(group: &mut CountGroup, reader: &Reader<'_>) -> Result<(), Rejection> {
    let Some(number) = crate::find::term::parse_fingerprint(&group.value) else { return Ok(()) };
    let prefix = keys::term(reader.namespace, &Term::fingerprint(number).0);
    let newest = reader.range(Range::prefix(FOUND_BY, &prefix).limit(1))?;
    let run_id = newest.first().and_then(|(key, _)| keys::last_run(key));
    let Some(run_id) = run_id else { return Ok(()) };
    if let Some(record) = reader.record(&Candidate { run_id, row: None })? {
        group.workflow_id = Some(record.workflow_id);
        group.run_id = Some(run_id);
        group.failure = record.failure;
    }
    Ok(())
}
