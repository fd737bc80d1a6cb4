//! Flags that several commands of `schedule` share.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::values;
use crate::{Overlap, ScheduleSpec, Timestamp};

const OVERLAPS: [Overlap; 6] = [
    Overlap::Skip,
    Overlap::BufferOne,
    Overlap::BufferAll,
    Overlap::CancelOther,
    Overlap::TerminateOther,
    Overlap::AllowAll,
];

/// When it fires.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SpecArgs {
    /// A cron expression: five fields, six with seconds in front, seven with the year at the end;
    /// may be repeated.
    #[arg(long, value_name = "EXPRESSION")]
    cron: Vec<String>,
    /// Once in every such time, counted from 1970 UTC.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    every: Option<Duration>,
    /// Moves the firings of --every on.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, requires = "every")]
    offset: Option<Duration>,
    /// The time zone of cron expressions, such as Europe/Berlin.
    #[arg(long, value_name = "NAME")]
    timezone: Option<String>,
    /// Fire up to so much later.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    jitter: Option<Duration>,
    /// Nothing fires before this time.
    #[arg(long, value_name = "TIME")]
    start_at: Option<Timestamp>,
    /// Nothing fires after this time.
    #[arg(long, value_name = "TIME")]
    end_at: Option<Timestamp>,
}

impl SpecArgs {
    pub(super) fn spec(&self) -> ScheduleSpec {
        ScheduleSpec {
            cron: self.cron.clone(),
            interval_ms: self.every.map(millis),
            interval_offset_ms: self.offset.map(millis),
            calendars: Vec::new(),
            timezone: self.timezone.clone(),
            jitter_ms: self.jitter.map(millis),
            start_at: self.start_at,
            end_at: self.end_at,
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A policy by its name.
pub(super) fn overlap() -> impl TypedValueParser<Value = Overlap> {
    PossibleValuesParser::new(OVERLAPS.map(Overlap::name))
        .map(|name| OVERLAPS.into_iter().find(|overlap| overlap.name() == name).unwrap_or_default())
}
