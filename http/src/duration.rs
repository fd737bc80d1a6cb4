//! Durations as people type them.
//!
//! Invariant: [`parse`] reads what [`text`] writes, as the same number of milliseconds.

use std::time::Duration;

/// `10s`, `250ms`, `1.5h`, `2d`; a bare number is refused, because nobody knows its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no duration; write 250ms, 10s, 5m, 2h or 1d");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(expected)?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(expected()),
    };
    let number: f64 = number.parse().map_err(|_| expected())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| expected())
}

/// Whole milliseconds in the largest unit that needs no fraction.
pub(crate) fn text(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.into_iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        for wrong in ["", "10", "s", "-1s", "1y", "1.2.3s"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (ms, written) in [
            (0, "0ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (3_600_000, "1h"),
            (31_536_000_000, "365d"),
        ] {
            assert_eq!(text(ms), written);
            assert_eq!(parse(written), Ok(Duration::from_millis(ms)));
        }
    }
}
