//! One field of a cron expression or of a calendar: `*`, `5`, `MON-FRI`, `*/15`, `8-18/2,20`.
//!
//! Invariant: what is accepted is a set of numbers within the field's range, and what is refused
//! is refused with the place in the text at which it stops making sense.

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Field {
    /// As people call it.
    pub(super) name: &'static str,
    first: u16,
    last: u16,
    /// Names of the numbers from `first` on; three letters of one are enough.
    names: &'static [&'static str],
}

pub(super) const SECOND: Field = Field { name: "second", first: 0, last: 59, names: &[] };
pub(super) const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
pub(super) const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
pub(super) const DAY: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
pub(super) const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &[
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
};
/// 0 and 7 are Sunday.
pub(super) const WEEKDAY: Field = Field {
    name: "day of week",
    first: 0,
    last: 7,
    names: &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
};
pub(super) const YEAR: Field = Field { name: "year", first: 1970, last: 2199, names: &[] };

/// The last day of a month, in the day's field.
pub(super) const LAST_DAY: u16 = 32;

/// The numbers that a field stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Nothing was said: `*` or `?`.
    pub(super) any: bool,
    /// In order, without repetition.
    pub(super) numbers: Vec<u16>,
}

/// Why a field cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldError {
    /// Bytes from the field's beginning.
    pub(super) at: usize,
    pub(super) message: String,
}

impl Numbers {
    /// As a set of bits.
    pub(super) fn mask(&self) -> u64 {
        self.numbers.iter().fold(0, |mask, number| mask | 1 << number)
    }
}

impl Field {
    /// Reads the field.
    pub(super) fn parse(&self, text: &str) -> Result<Numbers, FieldError> {
        let mut numbers = Vec::new();
        let mut at = 0;
        for item in text.split(',') {
            self.item(item, at, &mut numbers)?;
            at += item.len() + 1;
        }
        if self.last == 7 {
            numbers.iter_mut().for_each(|number| *number %= 7);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Numbers { any: matches!(text, "*" | "?"), numbers })
    }

    fn item(&self, item: &str, at: usize, numbers: &mut Vec<u16>) -> Result<(), FieldError> {
        if self.last == 31 && item.eq_ignore_ascii_case("l") {
            numbers.push(LAST_DAY);
            return Ok(());
        }
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => (range, Some(self.step(step, at + range.len() + 1)?)),
        };
        let (from, to) = match range {
            "*" | "?" => (self.first, if self.last == 7 { 6 } else { self.last }),
            _ => match range.split_once('-') {
                Some((from, to)) => {
                    let to_at = at + from.len() + 1;
                    let from = self.number(from, at)?;
                    let to = self.number(to, to_at)?;
                    // Sunday also ends a week.
                    let to = if self.last == 7 && to == 0 && from > 0 { 7 } else { to };
                    (from, to)
                }
                None => {
                    let from = self.number(range, at)?;
                    // `5/10` is every tenth from 5 on.
                    (from, if step.is_some() { self.last } else { from })
                }
            },
        };
        if from > to {
            let message = format!(
                "the range `{range}` of the {} runs backwards; write two ranges, as in `{from}-{},{}-{to}`",
                self.name, self.last, self.first
            );
            return Err(FieldError { at, message });
        }
        numbers.extend((from..=to).step_by(usize::from(step.unwrap_or(1))));
        Ok(())
    }

    fn step(&self, text: &str, at: usize) -> Result<u16, FieldError> {
        match text.parse::<u16>() {
            Ok(step) if step > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(step),
            _ => {
                let message =
                    format!("`{text}` is no step of the {}; write a number from 1", self.name);
                Err(FieldError { at, message })
            }
        }
    }

    fn number(&self, text: &str, at: usize) -> Result<u16, FieldError> {
        let error = |message| Err(FieldError { at, message });
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                Ok(number) if (self.first..=self.last).contains(&number) => Ok(number),
                _ => error(format!(
                    "{} `{text}` is out of range; it goes from {} to {}",
                    self.name, self.first, self.last
                )),
            };
        }
        let lower = text.to_ascii_lowercase();
        let named = (text.len() >= 3)
            .then(|| self.names.iter().position(|name| name.starts_with(&lower)))
            .flatten();
        match named.and_then(|place| u16::try_from(place).ok()) {
            Some(place) => Ok(self.first + place),
            None if text.is_empty() => error(format!("a {} is missing", self.name)),
            None => error(format!(
                "`{text}` is no {}; write `*`, a number, a range, a list or a step",
                self.name
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_ranges_lists_steps_and_names() {
        let numbers = |field: &Field, text| field.parse(text).unwrap().numbers;
        assert_eq!(numbers(&MINUTE, "5,1-3,*/20"), [0, 1, 2, 3, 5, 20, 40]);
        assert_eq!(numbers(&MINUTE, "50/4"), [50, 54, 58]);
        assert_eq!(numbers(&HOUR, "8-18/5"), [8, 13, 18]);
        assert_eq!(numbers(&WEEKDAY, "mon-Fri"), [1, 2, 3, 4, 5]);
        assert_eq!(numbers(&WEEKDAY, "SAT-SUN"), [0, 6]);
        assert_eq!(numbers(&WEEKDAY, "7"), [0]);
        assert_eq!(numbers(&WEEKDAY, "*").len(), 7);
        assert_eq!(numbers(&MONTH, "feb,December"), [2, 12]);
        assert_eq!(numbers(&DAY, "L,1"), [1, LAST_DAY]);
        assert!(DAY.parse("?").unwrap().any);
        assert!(!DAY.parse("*/2").unwrap().any);
    }

    #[test]
    fn says_where_it_stops_making_sense() {
        let error = |field: &Field, text| field.parse(text).unwrap_err();
        assert_eq!(error(&HOUR, "1,25").at, 2);
        assert_eq!(error(&HOUR, "1-99").at, 2);
        assert_eq!(error(&HOUR, "*/0").at, 2);
        assert_eq!(error(&HOUR, "").message, "a hour is missing");
        for wrong in ["22-2", "+1", "-1", "1-", "x", "1//2", "*-3", "1 2", "99999999999", "ä"] {
            assert!(HOUR.parse(wrong).is_err(), "{wrong}");
        }
        assert!(WEEKDAY.parse("mo").is_err());
        assert!(WEEKDAY.parse("mondayx").is_err());
    }
}
