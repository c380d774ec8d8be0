use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::*;

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn zone(name: &str) -> TimeZone {
    // Fixed rules, so that the tests do not depend on the machine's time zone database.
    let rules = match name {
        "Europe/Berlin" => "CET-1CEST,M3.5.0,M10.5.0/3",
        "America/New_York" => "EST5EDT,M3.2.0,M11.1.0",
        other => other,
    };
    TimeZone::posix(rules).unwrap()
}

fn value(text: &str) -> StrDeserializer<'_, ValueError> {
    text.into_deserializer()
}

/// The due dates after `from`, which is also the anchor.
fn due_dates(cycle: Cycle, from: &str, count: usize) -> Vec<String> {
    let (mut due, anchor) = (date(from), date(from).day());
    let mut dates = Vec::new();
    for _ in 0..count {
        due = cycle.advance(due, anchor).unwrap();
        dates.push(due.to_string());
    }
    dates
}

#[test]
fn a_date_is_strict_iso() {
    let day = date("2028-02-29");
    assert_eq!((day.year(), day.month(), day.day()), (2028, 2, 29));
    assert_eq!(day.to_string(), "2028-02-29");
    assert_eq!(Date::new(2028, 2, 29), Ok(day));
    assert_eq!(Date::deserialize(value("2028-02-29")).unwrap(), day);
    for text in [
        "",
        "2026-1-1",
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "20260101",
        "2026/01/01",
        "01-01-2026",
        " 2026-01-01",
        "2026-01-01 ",
        "2026-01-01T00:00:00Z",
        "+2026-01-01",
        "2026-01-3a",
        "２026-01-01",
        "-026-01-01",
    ] {
        assert!(matches!(Date::parse(text), Err(DateError::NotADate(_))), "{text}");
    }
}

#[test]
fn dates_without_meaning_are_refused_in_a_sentence() {
    let error = |text: &str| Date::parse(text).unwrap_err().to_string();
    assert_eq!(error("0000-00-00"), "0000-00-00 is not a date. Leave the date empty if there is none.");
    assert_eq!(error("1899-12-31"), "The date is out of range. Use a year from 1900 to 9999.");
    assert_eq!(
        error("2026-02-30"),
        "“2026-02-30” is not a date. Enter an existing day as YYYY-MM-DD, such as 2026-01-31."
    );
    assert_eq!(Date::new(10_000, 1, 1), Err(DateError::OutOfRange));
    assert!(matches!(Date::new(2026, 200, 200), Err(DateError::NotADate(_))));
}

#[test]
fn date_errors_are_field_errors() {
    let fields = |error: DateError| match Error::from(error) {
        Error::Invalid(errors) => (errors.of("date").is_some(), errors.of("cycle").is_some()),
        _ => (false, false),
    };
    assert_eq!(fields(Date::parse("x").unwrap_err()), (true, false));
    assert_eq!(fields(DateError::OutOfRange), (true, false));
    assert_eq!(fields(Cycle::parse("x").unwrap_err()), (false, true));
}

#[test]
fn days_are_counted_across_months_and_leap_years() {
    assert_eq!(date("2026-01-15").days_until(date("2026-02-01")), 17);
    assert_eq!(date("2028-01-01").days_until(date("2029-01-01")), 366);
    assert_eq!(date("2026-03-01").days_until(date("2026-02-01")), -28);
    assert_eq!(Date::MIN.days_until(Date::MAX), 2_958_463);
    assert_eq!(date("2028-02-28").plus_days(1), Ok(date("2028-02-29")));
    assert_eq!(date("2026-03-31").plus_days(-14), Ok(date("2026-03-17")));
}

#[test]
fn the_calendar_has_ends() {
    assert_eq!(Date::MAX.plus_days(1), Err(DateError::OutOfRange));
    assert_eq!(Date::MIN.plus_days(-1), Err(DateError::OutOfRange));
    for far in [i64::MIN, i64::MAX] {
        assert_eq!(date("2026-01-01").plus_days(far), Err(DateError::OutOfRange));
        assert_eq!(date("2026-01-01").plus_months_anchored(far, 1), Err(DateError::OutOfRange));
    }
    assert_eq!(Cycle::Monthly.advance(Date::MAX, 31), Err(DateError::OutOfRange));
}

#[test]
fn a_month_has_its_first_last_and_length() {
    let day = date("2028-02-10");
    assert_eq!((day.first_of_month(), day.last_of_month()), (date("2028-02-01"), date("2028-02-29")));
    assert_eq!((day.days_in_month(), date("2027-02-10").days_in_month()), (29, 28));
}

#[test]
fn months_are_counted_on_the_anchor_and_clamped() {
    let from = date("2026-01-31");
    let after = |months, anchor| from.plus_months_anchored(months, anchor).unwrap().to_string();
    assert_eq!(after(1, 31), "2026-02-28");
    assert_eq!(after(2, 31), "2026-03-31");
    assert_eq!(after(-1, 31), "2025-12-31");
    assert_eq!(after(-2, 30), "2025-11-30");
    assert_eq!(after(12, 15), "2027-01-15");
    assert_eq!(after(0, 5), "2026-01-05");
    assert_eq!((after(0, 0), after(1, 255)), ("2026-01-01".to_owned(), "2026-02-28".to_owned()));
}

// Worked example 6.
#[test]
fn the_31st_survives_shorter_months() {
    assert_eq!(due_dates(Cycle::Monthly, "2027-01-31", 3), ["2027-02-28", "2027-03-31", "2027-04-30"]);
    assert_eq!(due_dates(Cycle::Monthly, "2028-01-31", 2), ["2028-02-29", "2028-03-31"]);
    assert_eq!(due_dates(Cycle::Monthly, "2026-12-30", 3), ["2027-01-30", "2027-02-28", "2027-03-30"]);
    assert_eq!(due_dates(Cycle::Quarterly, "2026-08-31", 3), ["2026-11-30", "2027-02-28", "2027-05-31"]);
    assert_eq!(due_dates(Cycle::SemiAnnually, "2027-08-29", 3), ["2028-02-29", "2028-08-29", "2029-02-28"]);
}

// Worked example 7.
#[test]
fn the_29th_of_february_comes_back_in_leap_years() {
    let leap = ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"];
    assert_eq!(due_dates(Cycle::Annually, "2028-02-29", 4), leap);
    assert_eq!(due_dates(Cycle::Triennially, "2028-02-29", 1), ["2031-02-28"]);
    assert_eq!(due_dates(Cycle::Biennially, "2028-02-29", 2), ["2030-02-28", "2032-02-29"]);
    // 2100 is no leap year.
    assert_eq!(due_dates(Cycle::Every { count: 4, unit: Unit::Years }, "2096-02-29", 2), ["2100-02-28", "2104-02-29"]);
}

// Worked example 8.
#[test]
fn paying_late_does_not_move_the_next_due_date() {
    // Only the due date of the charge counts; nothing here could know when it was paid.
    assert_eq!(due_dates(Cycle::Monthly, "2026-03-01", 1), ["2026-04-01"]);
}

#[test]
fn cycles_of_days_and_weeks_ignore_the_anchor() {
    let fortnight = Cycle::Every { count: 2, unit: Unit::Weeks };
    assert_eq!(due_dates(fortnight, "2026-01-05", 2), ["2026-01-19", "2026-02-02"]);
    assert_eq!(due_dates(Cycle::Every { count: 10, unit: Unit::Days }, "2028-02-25", 2), ["2028-03-06", "2028-03-16"]);
    assert_eq!(fortnight.advance(date("2026-01-05"), 31), Ok(date("2026-01-19")));
}

#[test]
fn what_does_not_recur_has_no_next_date() {
    for cycle in [Cycle::Free, Cycle::OneTime] {
        assert_eq!(cycle.advance(date("2026-01-01"), 1), Err(DateError::NotRecurring));
        assert_eq!(cycle.period(date("2026-01-01"), 1), Err(DateError::NotRecurring));
        assert!(!cycle.is_recurring());
        assert_eq!(cycle.months(), None);
    }
    assert_eq!(Cycle::RECURRING.map(Cycle::months), [1, 3, 6, 12, 24, 36].map(Some));
    assert_eq!(Cycle::Every { count: 2, unit: Unit::Years }.months(), Some(24));
    assert_eq!(Cycle::Every { count: 2, unit: Unit::Weeks }.months(), None);
}

#[test]
fn a_cycle_is_read_from_our_text_and_from_the_compatible_labels() {
    for (text, cycle, label) in [
        ("free", Cycle::Free, "Free Account"),
        ("onetime", Cycle::OneTime, "One Time"),
        ("monthly", Cycle::Monthly, "Monthly"),
        ("quarterly", Cycle::Quarterly, "Quarterly"),
        ("semiannually", Cycle::SemiAnnually, "Semi-Annually"),
        ("annually", Cycle::Annually, "Annually"),
        ("biennially", Cycle::Biennially, "Biennially"),
        ("triennially", Cycle::Triennially, "Triennially"),
    ] {
        assert_eq!(Cycle::parse(text), Ok(cycle));
        assert_eq!(Cycle::parse(label), Ok(cycle));
        assert_eq!(Cycle::parse(&label.to_uppercase()), Ok(cycle));
        assert_eq!((cycle.text().as_str(), cycle.label().as_str()), (text, label));
    }
    assert_eq!(Cycle::parse(" Free "), Ok(Cycle::Free));
    assert_eq!(Cycle::deserialize(value("Semi-Annually")).unwrap(), Cycle::SemiAnnually);
}

#[test]
fn a_cycle_of_any_length_is_read_and_named() {
    let ten_days = Cycle::Every { count: 10, unit: Unit::Days };
    assert_eq!(Cycle::parse("every:10:days"), Ok(ten_days));
    assert_eq!((ten_days.text(), ten_days.label()), ("every:10:days".to_owned(), "Every 10 days".to_owned()));
    assert_eq!(Cycle::Every { count: 1, unit: Unit::Weeks }.label(), "Every week");
    for text in [
        "",
        "daily",
        "every",
        "every:",
        "every:10",
        "every:0:days",
        "every:1000:days",
        "every:+1:days",
        "every:-1:days",
        "every:1:day",
        "every:1:days:",
        "every:1.5:months",
        "every::days",
        "every:10:decades",
        "semi annually",
    ] {
        assert!(matches!(Cycle::parse(text), Err(DateError::NotACycle(_))), "{text}");
    }
}

#[test]
fn a_cycle_of_nothing_still_moves_on() {
    assert_eq!(due_dates(Cycle::Every { count: 0, unit: Unit::Days }, "2026-01-01", 1), ["2026-01-02"]);
}

#[test]
fn a_period_ends_the_day_before_the_next_one() {
    let january = Cycle::Monthly.period(date("2026-01-01"), 1).unwrap();
    assert_eq!(january.to_string(), "(2026-01-01 - 2026-01-31)");
    assert_eq!((january.days(), january.last_day()), (31, date("2026-01-31")));
    assert!(january.contains(date("2026-01-01")) && january.contains(date("2026-01-31")));
    assert!(!january.contains(date("2026-02-01")) && !january.contains(date("2025-12-31")));
    let february = Cycle::Monthly.period(january.until, 1).unwrap();
    let middle = Period { from: date("2026-01-31"), until: date("2026-02-02") };
    assert!(!january.overlaps(february) && !february.overlaps(january));
    assert!(january.overlaps(middle) && middle.overlaps(february) && january.overlaps(january));
    assert!(!january.overlaps(Period { from: date("2026-01-10"), until: date("2026-01-10") }), "an empty one");
}

#[test]
fn an_instant_is_read_and_written_as_rfc_3339() {
    assert_eq!(instant("1970-01-01T00:00:00Z").micros(), 0);
    assert_eq!(instant("2026-01-31T10:00:00+01:00").to_string(), "2026-01-31T09:00:00Z");
    assert_eq!(instant("2026-01-31T09:00:00.5Z").to_string(), "2026-01-31T09:00:00.500000Z");
    assert_eq!(instant("2026-01-31T09:00:00.1234569Z").micros() % 1_000_000, 123_456);
    assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    assert_eq!(Timestamp::deserialize(value("1970-01-01T00:00:01Z")).unwrap(), Timestamp::from_micros(1_000_000));
    for text in ["", "now", "2026-01-31", "2026-01-31T09:00:00", "2026-01-31T09:00:00Z[UTC]", "+002026-01-31T09:00:00Z"]
    {
        assert!(matches!(Timestamp::parse(text), Err(DateError::NotATimestamp(_))), "{text}");
    }
}

#[test]
fn the_day_and_the_hour_depend_on_the_zone() {
    let late = instant("2026-01-31T23:30:00Z");
    assert_eq!((late.date_in(&TimeZone::UTC), late.hour_in(&TimeZone::UTC)), (date("2026-01-31"), 23));
    let berlin = zone("Europe/Berlin");
    assert_eq!((late.date_in(&berlin), late.hour_in(&berlin)), (date("2026-02-01"), 0));
    let new_york = zone("America/New_York");
    assert_eq!((late.date_in(&new_york), late.hour_in(&new_york)), (date("2026-01-31"), 18));
}

#[test]
fn an_hour_on_a_date_is_an_instant() {
    let berlin = zone("Europe/Berlin");
    let at = |day: &str, hour| Timestamp::at(date(day), hour, &berlin).to_string();
    assert_eq!(at("2026-01-15", 9), "2026-01-15T08:00:00Z");
    assert_eq!(at("2026-07-15", 9), "2026-07-15T07:00:00Z");
    // On 29 March the clock goes from 2 to 3; on 25 October the hour from 2 comes twice.
    assert_eq!(at("2026-03-29", 2), "2026-03-29T01:00:00Z");
    assert_eq!(at("2026-10-25", 2), "2026-10-25T00:00:00Z");
    assert_eq!(at("2026-01-15", 99), "2026-01-15T22:00:00Z");
}

#[test]
fn seconds_are_added_and_counted() {
    let start = instant("2026-01-31T23:59:59.5Z");
    assert_eq!(start.plus_seconds(1).to_string(), "2026-02-01T00:00:00.500000Z");
    assert_eq!(start.plus_seconds(90).seconds_since(start), 90);
    assert_eq!(start.seconds_since(start.plus_seconds(90)), -90);
    assert_eq!(Timestamp::from_micros(1_999_999).seconds_since(Timestamp::from_micros(0)), 1);
}

#[test]
fn the_ends_of_time_stop_instead_of_wrapping() {
    let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
    assert_eq!(last.plus_seconds(i64::MAX), last);
    assert_eq!(first.plus_seconds(i64::MIN), first);
    assert_eq!(last.seconds_since(first), i64::MAX / 1_000_000);
    assert_eq!((first.date_in(&TimeZone::UTC), last.date_in(&TimeZone::UTC)), (Date::MIN, date("9999-12-30")));
    assert!(last.to_string().starts_with("9999-12-30T"), "{last}");
    let new_york = zone("America/New_York");
    assert!(Timestamp::at(Date::MAX, 23, &new_york) > instant("9999-12-30T00:00:00Z"));
}

fn any_date() -> impl Strategy<Value = Date> {
    // Room for 60 of the longest cycles below.
    (0_i64..365 * 600).prop_map(|days| Date::MIN.plus_days(days).unwrap())
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    prop_oneof![
        prop::sample::select(Cycle::RECURRING.to_vec()),
        (1_u16..=99, prop::sample::select(Unit::ALL)).prop_map(|(count, unit)| Cycle::Every { count, unit }),
    ]
}

proptest! {
    #[test]
    fn periods_tile_time(start in any_date(), cycle in any_cycle(), count in 1_usize..60) {
        let anchor = start.day();
        let mut from = start;
        for index in 1..=count {
            let period = cycle.period(from, anchor).unwrap();
            prop_assert!(period.days() > 0);
            prop_assert!(period.contains(period.from) && period.contains(period.last_day()));
            prop_assert!(!period.contains(period.until));
            prop_assert!(!period.overlaps(cycle.period(period.until, anchor).unwrap()));
            let direct = match cycle.months() {
                Some(months) => start.plus_months_anchored(index as i64 * i64::from(months), anchor),
                None => start.plus_days(index as i64 * cycle.period(start, anchor).unwrap().days()),
            };
            prop_assert_eq!(Ok(period.until), direct);
            from = period.until;
        }
    }

    #[test]
    fn an_anchored_date_falls_on_the_anchor_or_on_a_month_end(start in any_date(), months in -24_i64..600, anchor in 1_u8..=31) {
        if let Ok(date) = start.plus_months_anchored(months, anchor) {
            prop_assert_eq!(date.day(), anchor.min(date.days_in_month()));
        }
    }

    #[test]
    fn dates_and_days_agree(start in any_date(), days in -100_000_i64..100_000) {
        if let Ok(end) = start.plus_days(days) {
            prop_assert_eq!(start.days_until(end), days);
            prop_assert_eq!(Date::parse(&end.to_string()), Ok(end));
        }
    }

    #[test]
    fn a_cycle_is_read_as_written(cycle in any_cycle()) {
        prop_assert_eq!(Cycle::parse(&cycle.text()), Ok(cycle));
        prop_assert_eq!(cycle.to_string(), cycle.text());
    }

    #[test]
    fn an_instant_is_read_as_written(micros in -2_000_000_000_000_000_i64..200_000_000_000_000_000) {
        let instant = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
    }

    #[test]
    fn the_hour_of_an_instant_is_found_again(day in any_date(), hour in 4_u8..24) {
        // From 4 on, because before that a time change may skip the hour.
        for zone in [zone("Europe/Berlin"), zone("America/New_York"), TimeZone::UTC] {
            let instant = Timestamp::at(day, hour, &zone);
            prop_assert_eq!((instant.date_in(&zone), instant.hour_in(&zone)), (day, hour));
        }
    }

    #[test]
    fn no_instant_makes_anything_panic(micros in any::<i64>(), seconds in any::<i64>()) {
        let instant = Timestamp::from_micros(micros).plus_seconds(seconds);
        let zone = zone("Europe/Berlin");
        let _ = (instant.to_string(), instant.date_in(&zone), instant.hour_in(&zone));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in prop_oneof![any::<String>(), "(every:)?[-+0-9:.TZa-z ٣]{0,24}".prop_map(String::from)]) {
        let _ = (Date::parse(&text), Timestamp::parse(&text), Cycle::parse(&text));
    }
}
