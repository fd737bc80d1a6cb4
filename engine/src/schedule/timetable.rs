//! A spec that was understood: the instants it names, on the clocks of its time zone.
//!
//! Where the zone's clocks are put forward, what would be in the skipped hour happens at its end;
//! where they are put back, the repeated hour counts once. A cron expression that names something
//! in every hour keeps its rhythm instead: nothing is made up, and the repeated hour counts twice.
//!
//! Invariant: the instants are a function of the spec alone, in order and without repetition;
//! jitter is a function of the schedule's id and the instant, and never passes the next instant.

use jiff::tz::{AmbiguousOffset, TimeZone};

use super::calendar::Calendar;
use super::spec::ScheduleSpec;
use crate::Timestamp;

/// Most cron expressions, and most calendars, of one spec.
const MAX_PARTS: usize = 64;
/// The shortest interval, in milliseconds.
const MIN_INTERVAL_MS: u64 = 100;
/// A century: longer intervals and jitters make no sense.
const MAX_MS: u64 = 100 * 365 * 86_400_000;
/// Clock changes that are walked over in search of one instant.
const MAX_CHANGES: usize = 512;

/// A spec, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Timetable {
    calendars: Vec<Calendar>,
    interval: Option<(i64, i64)>,
    zone: TimeZone,
    jitter_ms: u64,
    start_at: Option<Timestamp>,
    end_at: Option<Timestamp>,
}

impl Timetable {
    /// Reads a spec; the error names the field and the place in it.
    pub(crate) fn of(spec: &ScheduleSpec) -> Result<Self, String> {
        if spec.cron.is_empty() && spec.interval_ms.is_none() && spec.calendars.is_empty() {
            return Err(
                "field `spec` names no instant: give `cron`, `interval_ms` or `calendars`".into()
            );
        }
        if spec.cron.len() > MAX_PARTS || spec.calendars.len() > MAX_PARTS {
            return Err(format!("field `spec` has more than {MAX_PARTS} expressions"));
        }
        let mut calendars = Vec::with_capacity(spec.cron.len() + spec.calendars.len());
        for (index, text) in spec.cron.iter().enumerate() {
            calendars.push(Calendar::cron(text).map_err(|error| {
                format!("field `spec.cron[{index}]` (`{}`): {error}", shortened(text))
            })?);
        }
        for (index, calendar) in spec.calendars.iter().enumerate() {
            calendars.push(
                Calendar::parse(calendar)
                    .map_err(|error| format!("field `spec.calendars[{index}]`: {error}"))?,
            );
        }
        Ok(Self {
            calendars,
            interval: interval(spec)?,
            zone: zone(spec.timezone.as_deref())?,
            jitter_ms: within("jitter_ms", spec.jitter_ms.unwrap_or(0))?,
            start_at: spec.start_at,
            end_at: spec.end_at,
        })
    }

    /// The first instant after `after`; none when there is no more.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = match self.start_at {
            // The instant itself counts.
            Some(start) if start > after => Timestamp::from_millis(start.as_millis() - 1),
            _ => after,
        };
        let of_interval = self.interval.and_then(|(every, offset)| {
            let passed = (after.as_millis() - offset).div_euclid(every);
            let next = (passed + 1).checked_mul(every)?.checked_add(offset)?;
            (next > after.as_millis()).then(|| Timestamp::from_millis(next))
        });
        let of_calendars =
            self.calendars.iter().filter_map(|calendar| self.next_of(calendar, after));
        let next = of_calendars.chain(of_interval).min()?;
        let ended = self.end_at.is_some_and(|end| next > end) || next <= after;
        (!ended).then_some(next)
    }

    /// When the firing of `instant` happens.
    pub(crate) fn due_at(&self, schedule_id: &str, instant: Timestamp) -> Timestamp {
        if self.jitter_ms == 0 {
            return instant;
        }
        let gap = self.next_after(instant).map_or(u64::MAX, |next| next.millis_since(instant));
        let room = self.jitter_ms.saturating_add(1).min(gap);
        instant.plus_millis(mixed(schedule_id, instant) % room.max(1))
    }

    fn next_of(&self, calendar: &Calendar, after: Timestamp) -> Option<Timestamp> {
        // Calendars name whole seconds.
        let second = after.as_millis().div_euclid(1_000) + 1;
        let mut from = jiff::Timestamp::from_second(second).ok()?;
        for _ in 0..MAX_CHANGES {
            let offset = self.zone.to_offset(from);
            let change = self.zone.following(from).next().map(|change| change.timestamp());
            let found = calendar.first_from(offset.to_datetime(from))?;
            let instant = offset.to_timestamp(found).ok()?;
            let Some(change) = change.filter(|change| instant >= *change) else {
                let repeated = match self.zone.to_ambiguous_timestamp(found).offset() {
                    AmbiguousOffset::Fold { after, .. } => after == offset,
                    _ => false,
                };
                if repeated && !calendar.is_every_hour() {
                    from = instant.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
                    continue;
                }
                return Some(Timestamp::from_millis(instant.as_millisecond()));
            };
            // The clocks change first.
            let shown = self.zone.to_offset(change).to_datetime(change);
            if found < shown && !calendar.is_every_hour() {
                return Some(Timestamp::from_millis(change.as_millisecond()));
            }
            // A match that is far away need not be walked to from change to change.
            let near = instant.checked_sub(jiff::SignedDuration::from_hours(48)).ok()?;
            from = change.max(near);
        }
        None
    }
}

fn interval(spec: &ScheduleSpec) -> Result<Option<(i64, i64)>, String> {
    let offset = spec.interval_offset_ms.unwrap_or(0);
    let Some(every) = spec.interval_ms else {
        return match offset {
            0 => Ok(None),
            _ => Err("field `spec.interval_offset_ms` needs `interval_ms`".into()),
        };
    };
    if every < MIN_INTERVAL_MS {
        return Err(format!(
            "field `spec.interval_ms` is {every}; the shortest interval is {MIN_INTERVAL_MS} ms"
        ));
    }
    if offset >= every {
        return Err(format!(
            "field `spec.interval_offset_ms` is {offset}; it must be less than the interval of {every} ms"
        ));
    }
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Ok(Some((signed(within("interval_ms", every)?), signed(offset))))
}

fn within(name: &str, ms: u64) -> Result<u64, String> {
    if ms > MAX_MS {
        return Err(format!("field `spec.{name}` is {ms}; the limit is a century ({MAX_MS} ms)"));
    }
    Ok(ms)
}

fn zone(name: Option<&str>) -> Result<TimeZone, String> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        format!(
            "field `spec.timezone`: `{}` is no time zone; write an IANA name such as \
             `Europe/Berlin` or `UTC`",
            shortened(name)
        )
    })
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}

/// FNV-1a (64 bits) of the id, mixed with the instant by the finalizer of `SplitMix64`.
fn mixed(schedule_id: &str, instant: Timestamp) -> u64 {
    let id = schedule_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut z = id ^ instant.as_millis().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
