//! The instants that specs name: across clock changes and leap days, and against the crate `cron`.

use std::str::FromStr;

use super::*;

fn cron(expression: &str, zone: &str) -> ScheduleSpec {
    ScheduleSpec {
        cron: vec![expression.to_owned()],
        timezone: Some(zone.to_owned()),
        ..ScheduleSpec::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next instants after `after`, with the zone's offset, as people would read them.
fn next(spec: &ScheduleSpec, after: &str, count: usize) -> Vec<String> {
    let table = Timetable::of(spec).unwrap();
    let zone = zone(spec.timezone.as_deref()).unwrap();
    let mut instant = at(after);
    let mut found = Vec::new();
    while found.len() < count
        && let Some(next) = table.next_after(instant)
    {
        assert!(next > instant, "{next} does not come after {instant}");
        instant = next;
        let shown = jiff::Timestamp::from_millisecond(next.as_millis()).unwrap();
        found.push(shown.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
    }
    found
}

#[test]
fn what_the_clocks_skip_happens_at_the_end_of_the_gap() {
    // 2027-03-28, 02:00 becomes 03:00.
    assert_eq!(
        next(&cron("30 2 * * *", "Europe/Berlin"), "2027-03-27T00:00:00Z", 3),
        ["2027-03-27T02:30:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"]
    );
    assert_eq!(
        next(&cron("15,45 2 * * *", "Europe/Berlin"), "2027-03-28T00:00:00Z", 2),
        ["2027-03-28T03:00:00+02:00", "2027-03-29T02:15:00+02:00"],
        "two firings in the gap are one"
    );
    // 2027-03-14, 02:00 becomes 03:00.
    assert_eq!(
        next(&cron("0 30 2 14 3 *", "America/New_York"), "2027-03-01T00:00:00Z", 2),
        ["2027-03-14T03:00:00-04:00", "2028-03-14T02:30:00-04:00"]
    );
    assert_eq!(
        next(&cron("30 1,2,3 * * *", "America/New_York"), "2027-03-14T05:00:00Z", 3),
        ["2027-03-14T01:30:00-05:00", "2027-03-14T03:00:00-04:00", "2027-03-14T03:30:00-04:00"]
    );
}

#[test]
fn what_the_clocks_show_twice_happens_once() {
    // 2026-10-25, 03:00 becomes 02:00.
    assert_eq!(
        next(&cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    );
    assert_eq!(
        next(&cron("0 1,2 * * *", "America/New_York"), "2026-11-01T04:30:00Z", 3),
        ["2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00", "2026-11-02T01:00:00-05:00"]
    );
    // From within the second pass nothing of the first comes again.
    assert_eq!(
        next(&cron("45 2 * * *", "Europe/Berlin"), "2026-10-25T01:10:00Z", 1),
        ["2026-10-26T02:45:00+01:00"]
    );
}

#[test]
fn a_rhythm_goes_through_every_change() {
    assert_eq!(
        next(&cron("*/30 * * * *", "Europe/Berlin"), "2026-10-24T23:45:00Z", 6),
        [
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
            "2026-10-25T03:30:00+01:00"
        ]
    );
    assert_eq!(
        next(&cron("20 * * * *", "America/New_York"), "2027-03-14T06:00:00Z", 3),
        ["2027-03-14T01:20:00-05:00", "2027-03-14T03:20:00-04:00", "2027-03-14T04:20:00-04:00"]
    );
    // Half an hour, on Lord Howe Island.
    assert_eq!(
        next(&cron("0 * * * *", "Australia/Lord_Howe"), "2027-04-03T13:30:00Z", 4),
        [
            "2027-04-04T01:00:00+11:00",
            "2027-04-04T02:00:00+10:30",
            "2027-04-04T03:00:00+10:30",
            "2027-04-04T04:00:00+10:30"
        ]
    );
}

#[test]
fn leap_days_last_days_and_weekdays() {
    assert_eq!(
        next(&cron("0 0 29 2 *", "UTC"), "2026-01-01T00:00:00Z", 2),
        ["2028-02-29T00:00:00+00:00", "2032-02-29T00:00:00+00:00"]
    );
    assert_eq!(
        next(&cron("0 12 L * *", "UTC"), "2028-01-31T12:00:00Z", 3),
        ["2028-02-29T12:00:00+00:00", "2028-03-31T12:00:00+00:00", "2028-04-30T12:00:00+00:00"]
    );
    // As cron does: the thirteenth, and Fridays.
    assert_eq!(
        next(&cron("0 0 13 * FRI", "UTC"), "2026-11-10T00:00:00Z", 3),
        ["2026-11-13T00:00:00+00:00", "2026-11-20T00:00:00+00:00", "2026-11-27T00:00:00+00:00"]
    );
    // A calendar wants both: a Friday the thirteenth.
    let calendar = super::super::CalendarSpec {
        day_of_month: "13".into(),
        day_of_week: "fri".into(),
        hour: "9".into(),
        ..super::super::CalendarSpec::default()
    };
    let friday = ScheduleSpec {
        calendars: vec![calendar],
        timezone: Some("America/New_York".into()),
        ..ScheduleSpec::default()
    };
    assert_eq!(
        next(&friday, "2026-11-14T00:00:00Z", 2),
        ["2027-08-13T09:00:00-04:00", "2028-10-13T09:00:00-04:00"]
    );
    assert_eq!(next(&cron("0 0 30 2 *", "Europe/Berlin"), "2026-01-01T00:00:00Z", 1), [""; 0]);
    assert_eq!(
        next(&cron("10 0 0 1 1 * 2030,2032", "UTC"), "2026-01-01T00:00:00Z", 3),
        ["2030-01-01T00:00:10+00:00", "2032-01-01T00:00:10+00:00"]
    );
}

#[test]
fn parts_join_and_bounds_hold() {
    let spec = ScheduleSpec {
        interval_ms: Some(3_600_000),
        interval_offset_ms: Some(60_000),
        start_at: Some(at("2026-01-01T02:01:00Z")),
        end_at: Some(at("2026-01-01T04:00:00Z")),
        ..cron("30 3 * * *", "UTC")
    };
    assert_eq!(
        next(&spec, "2026-01-01T00:00:00Z", 9),
        ["2026-01-01T02:01:00+00:00", "2026-01-01T03:01:00+00:00", "2026-01-01T03:30:00+00:00"]
    );
}

#[test]
fn jitter_is_the_same_for_the_same_instant_and_keeps_the_order() {
    let spec = ScheduleSpec {
        interval_ms: Some(1_000),
        jitter_ms: Some(60_000),
        ..ScheduleSpec::default()
    };
    let (table, again) = (Timetable::of(&spec).unwrap(), Timetable::of(&spec).unwrap());
    let mut before = Timestamp::default();
    let mut different = std::collections::BTreeSet::new();
    for second in 1..500 {
        let instant = Timestamp::from_millis(second * 1_000);
        let due = table.due_at("report", instant);
        assert_eq!(due, again.due_at("report", instant));
        assert!(due >= instant && due > before && due.millis_since(instant) < 1_000);
        before = due;
        different.insert(due.millis_since(instant));
    }
    assert!(different.len() > 300, "{}", different.len());
    assert_ne!(table.due_at("a", before), table.due_at("b", before));
}

#[test]
fn refusals_name_the_field_and_the_place() {
    let refusal = |spec: &ScheduleSpec| Timetable::of(spec).unwrap_err();
    assert_eq!(
        refusal(&cron("0 25 * * *", "UTC")),
        "field `spec.cron[0]` (`0 25 * * *`): hour `25` is out of range; it goes from 0 to 23 (at column 3)"
    );
    assert!(refusal(&cron("* * *", "UTC")).contains("3 fields"));
    assert!(refusal(&cron("@every 5m", "UTC")).contains("interval_ms"));
    assert!(refusal(&cron("0 0 * * *", "Europe/Brelin")).contains("spec.timezone"));
    assert!(refusal(&ScheduleSpec::default()).contains("`spec`"));
    let short = ScheduleSpec { interval_ms: Some(1), ..ScheduleSpec::default() };
    assert!(refusal(&short).contains("interval_ms"));
}

/// Random expressions, in UTC: ours must name what the crate `cron` names.
#[test]
fn agrees_with_the_crate_cron() {
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut field = move |first: u64, last: u64| {
        let (a, b) = (first + random(last - first + 1), first + random(last - first + 1));
        match random(6) {
            0..=2 => "*".to_owned(),
            3 => format!("{a}"),
            4 => format!("{}-{}/{}", a.min(b), a.max(b), 1 + random(5)),
            _ => format!("{a},{b}"),
        }
    };
    for compared in 0..400_usize {
        // Where one of the days is free, both read them alike. Names, because that crate counts
        // weekdays from 1.
        let weekdays = ["*", "MON-FRI", "SUN", "TUE,SAT"];
        let weekday = weekdays[compared % 4];
        let day = if weekday == "*" { field(1, 31) } else { "*".to_owned() };
        let (second, minute, hour, month) =
            (field(0, 59), field(0, 59), field(0, 23), field(1, 12));
        let expression = format!("{second} {minute} {hour} {day} {month} {weekday}");
        let theirs = cron::Schedule::from_str(&expression).unwrap();
        let from = at("2027-02-27T22:13:20Z");
        let start = chrono::DateTime::from_timestamp_millis(from.as_millis()).unwrap();
        let table = Timetable::of(&cron(&expression, "UTC")).unwrap();
        let mut ours = from;
        for theirs in theirs.after(&start).take(20) {
            ours = table.next_after(ours).unwrap_or_else(|| panic!("{expression} after {ours}"));
            assert_eq!(ours.as_millis(), theirs.timestamp_millis(), "{expression}");
        }
    }
}
