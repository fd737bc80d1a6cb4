//! Which seconds of a wall clock a cron expression or a calendar names.
//!
//! Invariant: knows no time zone; what a wall clock skips or shows twice is the time zone's matter.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

use super::field::{self, Field, FieldError, LAST_DAY, Numbers};

/// The longest cron expression, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// Years that are searched for the next match: February 29 on a given weekday comes within 40.
const SEARCHED_YEARS: i16 = 60;

/// A calendar as it is written in a spec: fields as in cron, all of which must match. A second,
/// minute or hour that is not given is 0; anything else that is not given is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// 0 to 59.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub second: String,
    /// 0 to 59.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub minute: String,
    /// 0 to 23.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub hour: String,
    /// 1 to 31, `L` for the month's last.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub day_of_month: String,
    /// 1 to 12, or names.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub month: String,
    /// 0 to 7 from Sunday to Sunday, or names.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub day_of_week: String,
    /// 1970 to 2199.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "String::is_empty")]
    pub year: String,
}

/// A text, or a bare number.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Written;
    impl Visitor<'_> for Written {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text such as \"1-5\", or a number")
        }
        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Written)
}

/// Seconds of a wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    seconds: u64,
    minutes: u64,
    hours: u64,
    /// Bit [`LAST_DAY`] is the month's last.
    days: u64,
    months: u64,
    weekdays: u64,
    /// None: any.
    years: Option<Vec<u16>>,
    /// Day of month and day of week are both given, and one of them is enough, as in cron.
    either_day: bool,
}

/// The fields in a cron expression's order, without the seconds before and the year after.
const FIVE: [&Field; 5] =
    [&field::MINUTE, &field::HOUR, &field::DAY, &field::MONTH, &field::WEEKDAY];

impl Calendar {
    /// Reads a cron expression: five fields, six with seconds in front, seven with the year at
    /// the end, or a name such as `@daily`.
    pub(super) fn cron(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(format!("{} bytes; the limit is {MAX_TEXT_BYTES}", text.len()));
        }
        let named = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => {
                return Err(format!(
                    "`{other}` is no name of a schedule; known are @hourly, @daily, @weekly, \
                     @monthly and @yearly, and `interval_ms` for everything regular"
                ));
            }
            _ => text,
        };
        let parts: Vec<(usize, &str)> = named
            .split_whitespace()
            .map(|part| (part.as_ptr() as usize - named.as_ptr() as usize, part))
            .collect();
        let fields: Vec<&Field> = match parts.len() {
            5 => FIVE.to_vec(),
            6 => [&[&field::SECOND][..], &FIVE].concat(),
            7 => [&[&field::SECOND][..], &FIVE, &[&field::YEAR]].concat(),
            count => {
                return Err(format!(
                    "{count} fields; write five (minute, hour, day of month, month, day of week), \
                     six with seconds in front, or seven with the year at the end"
                ));
            }
        };
        let mut read = Vec::with_capacity(7);
        for (field, (at, part)) in fields.iter().zip(&parts) {
            let numbers = field.parse(part).map_err(|FieldError { at: within, message }| {
                format!("{message} (at column {})", at + within + 1)
            })?;
            read.push(numbers);
        }
        let year = if read.len() == 7 { read.pop() } else { None };
        let second = if read.len() == 6 { Some(read.remove(0)) } else { None };
        let [minute, hour, day, month, weekday] = read.as_slice() else {
            return Err("it could not be read".into());
        };
        let mut calendar = Self::of(second.as_ref(), [minute, hour, day, month, weekday], year);
        calendar.either_day = !day.any && !weekday.any;
        Ok(calendar)
    }

    /// Reads a calendar; the error names the field.
    pub(super) fn parse(spec: &CalendarSpec) -> Result<Self, String> {
        let read = |name: &str, field: &Field, text: &str, absent: &str| {
            let text = if text.trim().is_empty() { absent } else { text.trim() };
            field.parse(text).map_err(|FieldError { at, message }| {
                format!("`{name}`: {message} (at column {})", at + 1)
            })
        };
        let second = read("second", &field::SECOND, &spec.second, "0")?;
        let minute = read("minute", &field::MINUTE, &spec.minute, "0")?;
        let hour = read("hour", &field::HOUR, &spec.hour, "0")?;
        let day = read("day_of_month", &field::DAY, &spec.day_of_month, "*")?;
        let month = read("month", &field::MONTH, &spec.month, "*")?;
        let weekday = read("day_of_week", &field::WEEKDAY, &spec.day_of_week, "*")?;
        let year = read("year", &field::YEAR, &spec.year, "*")?;
        Ok(Self::of(Some(&second), [&minute, &hour, &day, &month, &weekday], Some(year)))
    }

    fn of(second: Option<&Numbers>, five: [&Numbers; 5], year: Option<Numbers>) -> Self {
        let [minute, hour, day, month, weekday] = five;
        Self {
            seconds: second.map_or(1, Numbers::mask),
            minutes: minute.mask(),
            hours: hour.mask(),
            days: day.mask(),
            months: month.mask(),
            weekdays: weekday.mask(),
            years: year.filter(|year| !year.any).map(|year| year.numbers),
            either_day: false,
        }
    }

    /// Whether it names something in every hour, so that it has a rhythm rather than an hour.
    pub(super) const fn is_every_hour(&self) -> bool {
        self.hours.count_ones() == 24
    }

    /// The first match at or after `from`, if there is one within the years that are searched.
    pub(super) fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut time = from.time();
        if time.subsec_nanosecond() > 0 {
            let next = from.with().subsec_nanosecond(0).build().ok()?;
            let next = next.checked_add(jiff::Span::new().seconds(1)).ok()?;
            (date, time) = (next.date(), next.time());
        }
        let last_year = from.year().saturating_add(SEARCHED_YEARS);
        loop {
            if date.year() > last_year {
                return None;
            }
            if let Some(years) = &self.years
                && !u16::try_from(date.year()).is_ok_and(|year| years.contains(&year))
            {
                let next = years.iter().find(|&&year| i32::from(year) > i32::from(date.year()))?;
                date = Date::new(i16::try_from(*next).ok()?, 1, 1).ok()?;
                time = Time::midnight();
                continue;
            }
            if self.months & 1 << date.month() == 0 {
                date = date.last_of_month().tomorrow().ok()?;
                time = Time::midnight();
                continue;
            }
            if self.has_day(date)
                && let Some(time) = self.time_from(time)
            {
                return Some(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            time = Time::midnight();
        }
    }

    fn has_day(&self, date: Date) -> bool {
        let last = date.day() == date.days_in_month() && self.days & 1 << LAST_DAY != 0;
        let day = last || self.days & 1 << date.day() != 0;
        let weekday = self.weekdays & 1 << date.weekday().to_sunday_zero_offset() != 0;
        if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first match of the day at or after `from`.
    fn time_from(&self, from: Time) -> Option<Time> {
        let (mut hour, mut minute, mut second) = (from.hour(), from.minute(), from.second());
        loop {
            let found = next_bit(self.hours, hour)?;
            if found > hour {
                (minute, second) = (0, 0);
            }
            hour = found;
            match next_bit(self.minutes, minute) {
                Some(found) => {
                    if found > minute {
                        second = 0;
                    }
                    minute = found;
                    if let Some(second) = next_bit(self.seconds, second) {
                        return Time::new(hour, minute, second, 0).ok();
                    }
                    (minute, second) = (minute + 1, 0);
                }
                None => (hour, minute, second) = (hour + 1, 0, 0),
            }
        }
    }
}

/// The first set bit at or after `from`.
fn next_bit(mask: u64, from: i8) -> Option<i8> {
    let from = u32::try_from(from).ok().filter(|from| *from < 64)?;
    let left = mask >> from;
    (left != 0).then(|| i8::try_from(from + left.trailing_zeros()).ok()).flatten()
}
