//! A page of the list.

use std::ops::Bound;

use everstep_storage::{Range, Snapshot, Store};

use super::matching::{Matching, sort_value};
use super::plan::{Plan, bounds, closed_bounds, plan};
use super::source::{Candidate, Reader};
use super::walk::{Found, Walk, step, step_back};
use crate::find::term::Term;
use crate::runtime::RunRecord;
use crate::runtime::index::closed_in;
use crate::runtime::keys::{self, CLOSED, FOUND_BY};
use crate::view::RunPage;
use crate::view::hex::{from_hex, to_hex};
use crate::{ListFilter, ListOrder, Rejection, RunId, SortBy, Timestamp};

/// Rows that one request examines; a run that is looked up counts as three.
pub(super) const ROWS_A_REQUEST: usize = 8_192;
/// So many runs are collected and sorted where that avoids reading an index from its beginning.
const MOST_SORTED: usize = 1_000;
/// Rows that are read at once where a page follows an index.
const ROWS_A_READ: usize = 128;
/// How far run ids may be ahead of the clock: more than 4,096 in a millisecond borrow from the
/// next one.
const SLACK_MS: u64 = 3_600_000;

/// Reads a page of the list, newest first, in a snapshot of its own.
pub(crate) fn list(
    store: &dyn Store,
    filter: &ListFilter,
    page_size: usize,
    page_token: Option<&str>,
) -> Result<RunPage, Rejection> {
    let order = ListOrder::default();
    list_in_order(&*store.snapshot()?, filter, &order, page_size, page_token)
}

/// The page token that begins with the runs before this one, newest first, whatever the filter is.
pub(crate) fn token_before(run_id: RunId) -> String {
    run_id.to_string()
}

/// The run that a page token names, newest first.
pub(crate) fn run_before(token: &str) -> Option<RunId> {
    token.parse().ok()
}

/// Reads a page of the list. Runs of built-in types are there only when their type is asked for.
pub(crate) fn list_in_order(
    snapshot: &dyn Snapshot,
    filter: &ListFilter,
    order: &ListOrder,
    page_size: usize,
    page_token: Option<&str>,
) -> Result<RunPage, Rejection> {
    let reader = Reader::new(snapshot, &filter.namespace, order.descending, ROWS_A_REQUEST);
    let matching = Matching::new(filter);
    let Some(plan) = plan(filter, &matching, &reader, page_size)? else {
        return Ok(RunPage::default());
    };
    let request = Request { filter, matching: &matching, reader: &reader, page_size };
    let bad_token = || {
        let token = page_token.unwrap_or_default();
        Rejection::InvalidRequest(format!("page token `{token}` is not one of this list"))
    };
    match &order.by {
        SortBy::Started => {
            let after = page_token.map(str::parse::<RunId>).transpose().map_err(|_| bad_token())?;
            request.by_start(plan, after)
        }
        SortBy::Closed => {
            let after = match page_token {
                None => None,
                Some(token) => Some(parse_closed(token).ok_or_else(bad_token)?),
            };
            if plan.is_selective
                && let Some(found) = request.collect(plan)?
            {
                let key = |record: &RunRecord| Some((record.closed_at?, record.run_id));
                return Ok(request.sorted(found, key, after.as_ref(), closed_token));
            }
            request.by_close(after)
        }
        SortBy::Attribute(name) => {
            let after =
                page_token.map(|token| from_hex(token).ok_or_else(bad_token)).transpose()?;
            if plan.is_selective
                && let Some(found) = request.collect(plan)?
            {
                let key = |record: &RunRecord| {
                    let value = sort_value(name, record.search_attributes.get(name)?);
                    Some([&*value, record.run_id.as_bytes()].concat())
                };
                return Ok(request.sorted(found, key, after.as_ref(), |key| to_hex(key)));
            }
            request.by_attribute(name, after)
        }
    }
}

/// Where a walk by start begins and ends.
pub(super) fn walk(
    plan: Plan,
    filter: &ListFilter,
    descending: bool,
    after: Option<RunId>,
) -> Walk {
    let first = |ms: i64| {
        let [_, _, ms @ ..] = ms.to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms);
        RunId::from_bytes(bytes)
    };
    // A run's id is never older than its start.
    let low = filter.started_after.map_or(RunId::from_bytes([0; 16]), |at| first(at.as_millis()));
    let high = filter
        .started_before
        .map_or(RunId::from_bytes([0xff; 16]), |at| first(at.plus_millis(SLACK_MS).as_millis()));
    let (from, until) = if descending { (high, low) } else { (low, high) };
    let from = match after.map(|after| step(after, descending)) {
        None => Some(from),
        Some(Some(at)) => Some(if descending { at.min(from) } else { at.max(from) }),
        Some(None) => None,
    };
    Walk::new(plan.sources, from, until)
}

struct Request<'a> {
    filter: &'a ListFilter,
    matching: &'a Matching<'a>,
    reader: &'a Reader<'a>,
    page_size: usize,
}

impl Request<'_> {
    fn record(&self, candidate: &Candidate) -> Result<Option<RunRecord>, Rejection> {
        let record = self.reader.record(candidate)?;
        Ok(record.filter(|record| self.matching.matches(record)))
    }

    fn by_start(&self, plan: Plan, after: Option<RunId>) -> Result<RunPage, Rejection> {
        let descending = self.reader.descending;
        let mut walk = walk(plan, self.filter, descending, after);
        let mut page = RunPage::default();
        loop {
            match walk.next(self.reader)? {
                Found::End => return Ok(page),
                Found::Spent => {
                    page.partial = page.workflows.len() < self.page_size;
                    page.next_page_token = walk.at.map(|at| step_back(at, descending).to_string());
                    return Ok(page);
                }
                Found::Run(candidate) => {
                    let Some(record) = self.record(&candidate)? else { continue };
                    if page.workflows.len() == self.page_size {
                        let last = page.workflows.last();
                        page.next_page_token = last.map(|last| last.run_id.to_string());
                        return Ok(page);
                    }
                    page.workflows.push(record.summary());
                }
            }
        }
    }

    /// All runs that pass the filter, if they are few.
    fn collect(&self, plan: Plan) -> Result<Option<Vec<RunRecord>>, Rejection> {
        let mut walk = walk(plan, self.filter, self.reader.descending, None);
        let mut found = Vec::new();
        loop {
            match walk.next(self.reader)? {
                Found::End => return Ok(Some(found)),
                Found::Spent => return Ok(None),
                Found::Run(candidate) => found.extend(self.record(&candidate)?),
            }
            if found.len() > MOST_SORTED {
                return Ok(None);
            }
        }
    }

    /// A page of collected runs, sorted by a key that each has for itself.
    fn sorted<K: Ord>(
        &self,
        found: Vec<RunRecord>,
        key: impl Fn(&RunRecord) -> Option<K>,
        after: Option<&K>,
        token: impl Fn(&K) -> String,
    ) -> RunPage {
        let keyed = found.into_iter().filter_map(|record| Some((key(&record)?, record)));
        let mut rows: Vec<(K, RunRecord)> = keyed
            .filter(|(key, _)| after.is_none_or(|after| self.reader.is_before(after, key)))
            .collect();
        rows.sort_by(|(one, _), (other, _)| match self.reader.descending {
            true => other.cmp(one),
            false => one.cmp(other),
        });
        let more = rows.len() > self.page_size;
        rows.truncate(self.page_size);
        RunPage {
            next_page_token: rows.last().filter(|_| more).map(|(key, _)| token(key)),
            workflows: rows.into_iter().map(|(_, record)| record.summary()).collect(),
            partial: false,
        }
    }

    /// Follows the runs in the order in which they closed.
    fn by_close(&self, after: Option<(Timestamp, RunId)>) -> Result<RunPage, Rejection> {
        let (low, high) = closed_bounds(self.filter);
        let row = after.map(|(at, _)| keys::closed(&self.filter.namespace, at));
        let mut page = Sheet::new(self.page_size);
        let mut last: Option<Vec<u8>> = None;
        let (mut low, mut high) = (low, high);
        if let Some(row) = row {
            // Of the row where the last page ended there may be more.
            if self.reader.descending { high = high.min(row) } else { low = low.max(row) }
        }
        if low > high {
            return Ok(RunPage::default());
        }
        loop {
            let mut range = Range::new(CLOSED, Bound::Included(&low), Bound::Included(&high))
                .limit(ROWS_A_READ);
            if let Some(last) = &last {
                range = range.after(last);
            }
            let rows = self.reader.range(range)?;
            for (key, stored) in &rows {
                let Some((at, mut ids)) = closed_in(key, stored) else { continue };
                if self.reader.descending {
                    ids.reverse();
                }
                for run_id in ids {
                    let place = (at, run_id);
                    if after.is_some_and(|after| !self.reader.is_before(&after, &place)) {
                        continue;
                    }
                    if self.reader.is_spent() {
                        return Ok(page.cut(closed_token));
                    }
                    let record = self.record(&Candidate { run_id, row: None })?;
                    if !page.take(place, record) {
                        return Ok(page.full(closed_token));
                    }
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_A_READ => last = Some(key.to_vec()),
                _ => return Ok(page.finished()),
            }
        }
    }

    /// Follows the values of a search attribute.
    fn by_attribute(&self, name: &str, after: Option<Vec<u8>>) -> Result<RunPage, Rejection> {
        let start = keys::term(&self.filter.namespace, &Term::attribute_name(name));
        let (low, high) = match self.matching.ranges.get(name) {
            Some(Some(range)) => bounds(&self.filter.namespace, name, range),
            _ => (start.clone(), [&*start, &[0xff]].concat()),
        };
        let mut page = Sheet::new(self.page_size);
        let mut last = after.map(|after| [&*start, &after].concat());
        let token = |place: &Vec<u8>| to_hex(place);
        loop {
            let mut range = Range::new(FOUND_BY, Bound::Included(&low), Bound::Included(&high))
                .limit(ROWS_A_READ);
            if let Some(last) = &last {
                range = range.after(last);
            }
            let rows = self.reader.range(range)?;
            for (key, _) in &rows {
                let Some(run_id) = keys::last_run(key) else { continue };
                if self.reader.is_spent() {
                    return Ok(page.cut(token));
                }
                let record = self.record(&Candidate { run_id, row: None })?;
                let place = key.get(start.len()..).unwrap_or_default().to_vec();
                if !page.take(place, record) {
                    return Ok(page.full(token));
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_A_READ => last = Some(key.to_vec()),
                _ => return Ok(page.finished()),
            }
        }
    }
}

/// A page that is being filled along an index.
struct Sheet<P> {
    page: RunPage,
    size: usize,
    /// The place that was looked at last, and that of the last row of the page.
    seen: Option<P>,
    last: Option<P>,
}

impl<P: Clone> Sheet<P> {
    fn new(size: usize) -> Self {
        Self { page: RunPage::default(), size, seen: None, last: None }
    }

    /// Takes what was found at a place; false if the page is full already.
    fn take(&mut self, place: P, record: Option<RunRecord>) -> bool {
        if let Some(record) = record {
            if self.page.workflows.len() == self.size {
                return false;
            }
            self.page.workflows.push(record.summary());
            self.last = Some(place.clone());
        }
        self.seen = Some(place);
        true
    }

    fn full(self, token: impl Fn(&P) -> String) -> RunPage {
        RunPage { next_page_token: self.last.as_ref().map(token), ..self.page }
    }

    fn cut(self, token: impl Fn(&P) -> String) -> RunPage {
        RunPage {
            partial: self.page.workflows.len() < self.size,
            next_page_token: self.seen.as_ref().map(token),
            ..self.page
        }
    }

    fn finished(self) -> RunPage {
        self.page
    }
}

fn closed_token((at, run_id): &(Timestamp, RunId)) -> String {
    format!("{}.{run_id}", at.as_millis())
}

fn parse_closed(token: &str) -> Option<(Timestamp, RunId)> {
    let (ms, run_id) = token.split_once('.')?;
    Some((Timestamp::from_millis(ms.parse().ok()?), run_id.parse().ok()?))
}
