//! Whether a run's row passes a filter.

use std::collections::BTreeMap;

use crate::batch::is_built_in;
use crate::find::term::{Term, ValueRange, fingerprint_text};
use crate::runtime::RunRecord;
use crate::{ListFilter, Payload};

/// A filter with its ranges read once.
pub(super) struct Matching<'a> {
    filter: &'a ListFilter,
    /// None for a range in which no value can lie.
    pub(super) ranges: BTreeMap<&'a str, Option<ValueRange>>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(filter: &'a ListFilter) -> Self {
        let ranges = filter.ranges.iter().map(|(name, range)| (&**name, ValueRange::of(range)));
        Self { filter, ranges: ranges.collect() }
    }

    pub(super) fn matches(&self, record: &RunRecord) -> bool {
        let filter = self.filter;
        let is_foreign = || !is_built_in(&record.workflow_type);
        (filter.workflow_type.is_some() || is_foreign())
            && filter.status.is_none_or(|status| record.status == status)
            && filter.workflow_type.as_ref().is_none_or(|wanted| **wanted == *record.workflow_type)
            && filter.id_prefix.as_ref().is_none_or(|prefix| record.workflow_id.starts_with(prefix))
            && filter.started_after.is_none_or(|after| record.started_at >= after)
            && filter.started_before.is_none_or(|before| record.started_at <= before)
            && filter
                .closed_after
                .is_none_or(|after| record.closed_at.is_some_and(|at| at >= after))
            && filter
                .closed_before
                .is_none_or(|before| record.closed_at.is_some_and(|at| at <= before))
            && filter.parent.as_ref().is_none_or(|parent| {
                record.parent.as_ref().is_some_and(|link| link.workflow_id == *parent)
            })
            && filter.build.as_ref().is_none_or(|build| **build == *record.build_id)
            && filter.version.as_ref().is_none_or(|version| **version == *record.version)
            && filter.queue.as_ref().is_none_or(|queue| record.queues.contains(&**queue))
            && filter.stuck.is_none_or(|stuck| stuck == record.stuck)
            && filter.fingerprint.as_ref().is_none_or(|wanted| {
                record.fingerprint.is_some_and(|found| fingerprint_text(found) == *wanted)
            })
            && filter.attributes.iter().all(|(name, wanted)| {
                record.search_attributes.get(name).is_some_and(|value| text_of(value) == *wanted)
            })
            && self.ranges.iter().all(|(name, range)| {
                let value = record.search_attributes.get(*name);
                let Some((range, value)) = range.as_ref().zip(value) else { return false };
                range.contains(&sort_value(name, value))
            })
    }
}

/// A string without its quotes, anything else as it is written.
pub(super) fn text_of(value: &Payload) -> String {
    value.to::<String>().unwrap_or_else(|_| value.as_str().trim().to_owned())
}

/// The bytes by which an attribute's value is sorted.
pub(super) fn sort_value(name: &str, value: &Payload) -> Vec<u8> {
    let mut term = Term::attribute(name, value).0;
    term.drain(..Term::attribute_name(name).len());
    term
}
