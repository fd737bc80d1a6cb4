//! Times and durations for people.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// This machine's time, against which ages are shown.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// `2026-11-21 22:31:17 UTC`.
pub(super) fn instant_text(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_at_checked(19) {
        Some((head, _)) => format!("{} UTC", head.replace('T', " ")),
        None => text,
    }
}

/// The two largest units: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 4 min`, `2 d 3 h`.
pub(super) fn duration_text(ms: u64) -> String {
    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match ms {
        0..SECOND => format!("{ms} ms"),
        SECOND..MINUTE => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        MINUTE..HOUR => pair(ms / MINUTE, "min", ms % MINUTE / SECOND, "s"),
        HOUR..DAY => pair(ms / HOUR, "h", ms % HOUR / MINUTE, "min"),
        _ => pair(ms / DAY, "d", ms % DAY / HOUR, "h"),
    }
}

/// `3 min ago`, `in 2 h`: one unit, for columns that are skimmed.
pub(super) fn age_text(at: Timestamp, now: Timestamp) -> String {
    let one_unit = |ms: u64| {
        let text = duration_text(ms.max(1000) / 1000 * 1000);
        let mut words = text.split(' ');
        let number = words.next().unwrap_or_default();
        let number = number.strip_suffix(".0").unwrap_or(number);
        format!("{number} {}", words.next().unwrap_or_default())
    };
    if at > now {
        format!("in {}", one_unit(at.millis_since(now)))
    } else if now.millis_since(at) < 1000 {
        "just now".to_owned()
    } else {
        format!("{} ago", one_unit(now.millis_since(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_two_units() {
        let shown = [0, 999, 1000, 59_999, 60_000, 125_000, 3_600_000, 90_000_000]
            .map(duration_text)
            .join(" | ");
        assert_eq!(shown, "0 ms | 999 ms | 1.0 s | 59.9 s | 1 min | 2 min 5 s | 1 h | 1 d 1 h");
    }

    #[test]
    fn ages_show_one_unit() {
        let at = |ms| Timestamp::from_millis(ms);
        let now = at(100_000_000);
        assert_eq!(age_text(at(99_999_500), now), "just now");
        assert_eq!(age_text(at(99_997_000), now), "3 s ago");
        assert_eq!(age_text(at(99_000_000), now), "16 min ago");
        assert_eq!(age_text(at(107_300_000), now), "in 2 h");
        assert_eq!(instant_text(at(1_700_000_000_120)), "2023-11-14 22:13:20 UTC");
    }
}
