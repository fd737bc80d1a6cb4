//! Instants and durations as people read them; `times.js` keeps the same words current.

use everstep_engine::Timestamp;
use maud::{Markup, html};

/// `842 ms`, `1.24 s`, `12.4 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn duration(ms: u64) -> String {
    let s = ms / 1_000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..9_995 => format!("{:.2} s", ms as f64 / 1_000.0),
        9_995..59_950 => format!("{:.1} s", ms as f64 / 1_000.0),
        _ if s < 3_600 => two_units(s, (60, "min"), (1, "s")),
        _ if s < 86_400 => two_units(s, (3_600, "h"), (60, "min")),
        _ => two_units(s, (86_400, "d"), (3_600, "h")),
    }
}

fn two_units(s: u64, (large, name): (u64, &str), (small, rest): (u64, &str)) -> String {
    match s % large / small {
        0 => format!("{} {name}", s / large),
        left => format!("{} {name} {left} {rest}", s / large),
    }
}

/// One unit and no fractions: for what changes while one looks at it.
pub(super) fn coarse(ms: u64) -> String {
    match ms / 1_000 {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min", s / 60),
        s @ 3_600..86_400 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// `2 min ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    let text = match now.millis_since(at) {
        0..1_000 => "just now".to_owned(),
        ms => format!("{} ago", coarse(ms)),
    };
    time(at, "ago", &text)
}

/// `in 32 s`; counts down.
pub(super) fn until(at: Timestamp, now: Timestamp) -> Markup {
    let text = match at.millis_since(now) {
        0 => "any moment now".to_owned(),
        ms @ 1..60_000 => format!("in {} s", ms.div_ceil(1_000)),
        ms => format!("in {}", duration(ms)),
    };
    time(at, "in", &text)
}

/// How long it has lasted by now; counts up.
pub(super) fn since(at: Timestamp, now: Timestamp) -> Markup {
    let text = coarse(now.millis_since(at));
    html! { span.num data-t=(at.as_millis()) data-as="since" { (text) } }
}

/// `2026-11-21 22:30:01`.
pub(super) fn date(at: Timestamp) -> Markup {
    let iso = at.to_string();
    let text = format!("{} {}", iso.get(..10).unwrap_or(&iso), iso.get(11..19).unwrap_or(""));
    time(at, "date", &text)
}

/// `2026-11-21 22:30:01.123 UTC`.
pub(super) fn full(at: Timestamp) -> Markup {
    time(at, "full", &words(at))
}

fn words(at: Timestamp) -> String {
    let iso = at.to_string();
    format!("{} {} UTC", iso.get(..10).unwrap_or(&iso), iso.get(11..23).unwrap_or(""))
}

fn time(at: Timestamp, form: &str, text: &str) -> Markup {
    html! {
        time datetime=(at) title=(words(at)) data-t=(at.as_millis()) data-as=(form) { (text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits_and_two_units() {
        let all: Vec<_> =
            [0, 842, 1_240, 9_994, 12_449, 192_000, 7_200_000, 7_500_000, 273_600_000]
                .into_iter()
                .map(duration)
                .collect();
        assert_eq!(
            all,
            [
                "0 ms",
                "842 ms",
                "1.24 s",
                "9.99 s",
                "12.4 s",
                "3 min 12 s",
                "2 h",
                "2 h 5 min",
                "3 d 4 h"
            ]
        );
    }

    #[test]
    fn instants_carry_their_machine_form() {
        let at = Timestamp::from_millis(1_700_000_000_120);
        let now = at.plus_millis(125_000);
        let shown = ago(at, now).into_string();
        assert!(shown.contains(">2 min ago<"), "{shown}");
        assert!(shown.contains(r#"datetime="2023-11-14T22:13:20.120Z""#), "{shown}");
        assert!(until(now, at).into_string().contains(">in 2 min 5 s<"));
        assert!(until(at, now).into_string().contains(">any moment now<"));
        assert!(full(at).into_string().contains(">2023-11-14 22:13:20.120 UTC<"));
    }
}
