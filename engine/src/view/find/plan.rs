//! Which indexes serve a filter.

use std::ops::Bound;

use everstep_storage::Range;

use super::matching::Matching;
use super::source::{Reader, Source};
use crate::batch::is_built_in;
use crate::find::term::{Term, ValueRange, parse_fingerprint, terms_of_text};
use crate::runtime::index::{Shape, closed_in};
use crate::runtime::keys::{self, CLOSED, FOUND_BY, RUNS_OF_ID, SHAPES, WORKFLOWS};
use crate::{ListFilter, Rejection, RunId, RunStatus, Timestamp};

/// Runs that are collected and sorted before the walk; an index that means more of them is left to
/// the comparison with the runs' rows.
const MOST_COLLECTED: usize = 4_096;

/// So many runs of a term are looked at rather than met with the runs of a shape.
const FEW: usize = 1_536;

/// The sets that the wanted runs are in.
pub(super) struct Plan {
    pub(super) sources: Vec<Source>,
    /// Few runs are in them, as far as one can tell: it pays to look at all of these.
    pub(super) is_selective: bool,
}

/// Chooses the indexes; none if no run can pass the filter.
pub(super) fn plan(
    filter: &ListFilter,
    matching: &Matching<'_>,
    reader: &Reader<'_>,
    page_size: usize,
) -> Result<Option<Plan>, Rejection> {
    let namespace = &*filter.namespace;
    // Of each, a run has one.
    let mut terms: Vec<Vec<Term>> = Vec::new();
    match filter.status {
        None | Some(RunStatus::Running | RunStatus::Completed) => {}
        Some(rare) => terms.push(vec![Term::status(rare)]),
    }
    terms.extend(filter.parent.as_deref().map(|parent| vec![Term::parent(parent)]));
    terms.extend(filter.queue.as_deref().map(|queue| vec![Term::queue(queue)]));
    if filter.stuck == Some(true) {
        terms.push(vec![Term::stuck()]);
    }
    if let Some(text) = &filter.fingerprint {
        let Some(fingerprint) = parse_fingerprint(text) else { return Ok(None) };
        terms.push(vec![Term::fingerprint(fingerprint)]);
    }
    terms.extend(filter.attributes.iter().map(|(name, text)| terms_of_text(name, text)));
    let mut sources: Vec<Source> = terms
        .iter()
        .map(|terms| any(terms.iter().map(|it| Source::term(namespace, &it.0))))
        .collect();
    if matching.ranges.values().any(Option::is_none) {
        return Ok(None);
    }
    if sources.is_empty() {
        collect(filter, matching, reader, &mut sources)?;
    }
    let is_selective = !sources.is_empty();
    let shapes = [&filter.workflow_type, &filter.build, &filter.version];
    if shapes.iter().any(|wanted| wanted.is_some()) {
        let shapes = shapes_of(filter, reader)?;
        if shapes.is_empty() {
            return Ok(None);
        }
        if !some_have_few_runs(namespace, &terms, reader)? {
            sources.push(any(shapes.into_iter().map(|(shape, _)| Source::shape(namespace, shape))));
        }
    }
    // A page and one row more, to see whether there is another page.
    let size = page_size / 2 + 1;
    match filter.status {
        Some(status) if !status.is_closed() => sources.push(Source::open(namespace, size)),
        _ if !sources.is_empty() => {}
        Some(_) => sources.push(Source::closed(namespace, size)),
        None => sources.push(Source::Any(vec![
            Source::open(namespace, size),
            Source::closed(namespace, size),
        ])),
    }
    Ok(Some(Plan { sources, is_selective }))
}

fn any(sources: impl Iterator<Item = Source>) -> Source {
    let mut sources: Vec<Source> = sources.collect();
    match sources.pop() {
        Some(only) if sources.is_empty() => only,
        last => {
            sources.extend(last);
            Source::Any(sources)
        }
    }
}

/// Whether it is cheaper to look at all the runs of some terms than to leap through the long lists
/// of the shapes as well.
fn some_have_few_runs(
    namespace: &str,
    terms: &[Vec<Term>],
    reader: &Reader<'_>,
) -> Result<bool, Rejection> {
    for terms in terms {
        let mut runs = 0;
        for term in terms {
            let prefix = keys::term(namespace, &term.0);
            runs += reader.ascending(Range::prefix(FOUND_BY, &prefix).limit(FEW))?.len();
        }
        if runs < FEW {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The shapes that a filter means.
pub(super) fn shapes_of(
    filter: &ListFilter,
    reader: &Reader<'_>,
) -> Result<Vec<(u64, Shape)>, Rejection> {
    let prefix = keys::namespace(&filter.namespace);
    let rows = reader.ascending(Range::prefix(SHAPES, &prefix))?;
    let shapes = rows.iter().filter_map(|(key, stored)| {
        let shape: Shape = postcard::from_bytes(stored).ok()?;
        let number = u64::from_be_bytes(*key.last_chunk::<8>()?);
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|it| it == found);
        let meant = is(&filter.workflow_type, &shape.workflow_type)
            && (filter.workflow_type.is_some() || !is_built_in(&shape.workflow_type))
            && is(&filter.build, &shape.build_id)
            && is(&filter.version, &shape.version);
        meant.then_some((number, shape))
    });
    Ok(shapes.collect())
}

/// Sets that are not in the order of run ids are read whole, if they are small.
fn collect(
    filter: &ListFilter,
    matching: &Matching<'_>,
    reader: &Reader<'_>,
    sources: &mut Vec<Source>,
) -> Result<(), Rejection> {
    for (name, range) in &matching.ranges {
        if let Some(range) = range
            && let Some(ids) = within(filter, name, range, reader)?
        {
            sources.push(Source::Ids(ids));
            return Ok(());
        }
    }
    if let Some(prefix) = &filter.id_prefix
        && let Some(found) = with_id_prefix(filter, prefix, reader)?
    {
        sources.push(found);
        return Ok(());
    }
    if (filter.closed_after.is_some() || filter.closed_before.is_some())
        && let Some(ids) = closed_between(filter, reader)?
    {
        sources.push(Source::Ids(ids));
    }
    Ok(())
}

/// The bounds of an attribute's rows that a range means.
pub(super) fn bounds(namespace: &str, name: &str, range: &ValueRange) -> (Vec<u8>, Vec<u8>) {
    let start = keys::term(namespace, &Term::attribute_name(name));
    let low = [&*start, (&range.min).max(&range.prefix)].concat();
    // What begins with the greatest value is its runs; what begins with the prefix ends earlier.
    let past = |bytes: &[u8]| [&*start, bytes, &[0xff; 17]].concat();
    let high = past(&range.max).min(past(&range.prefix));
    (low, high)
}

fn within(
    filter: &ListFilter,
    name: &str,
    range: &ValueRange,
    reader: &Reader<'_>,
) -> Result<Option<Vec<RunId>>, Rejection> {
    let (low, high) = bounds(&filter.namespace, name, range);
    let rows = Range::new(FOUND_BY, Bound::Included(&low), Bound::Included(&high));
    let rows = reader.ascending(rows.limit(MOST_COLLECTED))?;
    if rows.len() == MOST_COLLECTED {
        return Ok(None);
    }
    Ok(Some(sorted(rows.iter().filter_map(|(key, _)| keys::last_run(key)).collect())))
}

/// Runs of the workflow ids that begin so. An id that was chosen by the engine is its run's.
fn with_id_prefix(
    filter: &ListFilter,
    id_prefix: &str,
    reader: &Reader<'_>,
) -> Result<Option<Source>, Rejection> {
    let prefix = keys::workflow(&filter.namespace, id_prefix);
    let newest = reader.ascending(Range::prefix(WORKFLOWS, &prefix).limit(MOST_COLLECTED))?;
    if newest.len() == MOST_COLLECTED {
        return Ok(None);
    }
    let mut ids = Vec::new();
    let start = keys::namespace(&filter.namespace);
    let any = reader.ascending(Range::prefix(RUNS_OF_ID, &start).limit(1))?;
    for (key, stored) in &newest {
        ids.extend(<[u8; 16]>::try_from(&**stored).ok().map(RunId::from_bytes));
        // Few ids have had more than one run; those of one id stand together.
        if any.is_empty() {
            continue;
        }
        let workflow_id = std::str::from_utf8(key.get(start.len()..).unwrap_or_default());
        let runs = keys::runs_of_id(&filter.namespace, workflow_id.unwrap_or_default());
        let runs = reader.ascending(Range::prefix(RUNS_OF_ID, &runs).limit(MOST_COLLECTED))?;
        ids.extend(runs.iter().filter_map(|(key, _)| keys::last_run(key)));
        if ids.len() >= MOST_COLLECTED || reader.is_spent() {
            return Ok(None);
        }
    }
    let mut sources = vec![Source::Ids(sorted(ids))];
    if let Some((low, high)) = run_ids_that_begin(id_prefix) {
        let open = Source::open(&filter.namespace, 0);
        let both = Source::Any(vec![open, Source::closed(&filter.namespace, 0)]);
        sources.push(Source::Between(low, high, Box::new(both)));
    }
    Ok(Some(Source::Any(sources)))
}

/// The first and the last run id that is written so at its beginning.
fn run_ids_that_begin(text: &str) -> Option<(RunId, RunId)> {
    let is_written_so = text.len() <= 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        });
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let filled = |with: &str| format!("{digits}{}", with.repeat(32 - digits.len())).parse().ok();
    is_written_so.then(|| filled("0").zip(filled("f"))).flatten()
}

fn closed_between(
    filter: &ListFilter,
    reader: &Reader<'_>,
) -> Result<Option<Vec<RunId>>, Rejection> {
    let (low, high) = closed_bounds(filter);
    let rows = Range::new(CLOSED, Bound::Included(&low), Bound::Included(&high));
    let rows = reader.ascending(rows.limit(MOST_COLLECTED))?;
    let all = rows.len() < MOST_COLLECTED;
    let ids: Vec<RunId> = rows
        .iter()
        .filter_map(|(key, stored)| closed_in(key, stored))
        .flat_map(|(_, ids)| ids)
        .collect();
    Ok((all && ids.len() < MOST_COLLECTED).then(|| sorted(ids)))
}

/// The first and the last row of `CLOSED` that a filter means.
pub(super) fn closed_bounds(filter: &ListFilter) -> (Vec<u8>, Vec<u8>) {
    let first = filter.closed_after.unwrap_or(Timestamp::from_millis(0));
    let last = filter.closed_before.unwrap_or(Timestamp::from_millis(i64::MAX));
    let at_least_epoch = |at: Timestamp| Timestamp::from_millis(at.as_millis().max(0));
    let row = |at| keys::closed(&filter.namespace, at_least_epoch(at));
    (row(first), row(last))
}

fn sorted(mut ids: Vec<RunId>) -> Vec<RunId> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
