#![allow(clippy::unwrap_used)]

use super::*;

/// All slots up to and including `until`.
fn slots(schedule: Schedule, due_on: Date, until: Date) -> Vec<Date> {
    let Some(latest) = schedule.latest(due_on, until) else { return Vec::new() };
    let (first, (step, _)) = (schedule.first(due_on), schedule.rhythm());
    (0..=first.days_until(latest) / step).filter_map(|slot| first.plus_days(slot * step).ok()).collect()
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn day(number: i64) -> Date {
    date("2026-04-01").plus_days(number).unwrap()
}

fn due() -> Date {
    day(0)
}

fn weekly(days_before_due: u32, retry_weeks: u32) -> Schedule {
    Schedule { days_before_due, attempt_once: false, retry_weeks }
}

fn once(schedule: Schedule) -> Schedule {
    Schedule { attempt_once: true, ..schedule }
}

/// The attempts, as (day of the attempt, slot), of runs on these days on which no charge succeeds.
fn attempts(schedule: Schedule, runs: impl IntoIterator<Item = Date>) -> Vec<(Date, Date)> {
    let mut attempts: Vec<(Date, Date)> = Vec::new();
    for today in runs {
        let days: Vec<Date> = attempts.iter().map(|(day, _)| *day).collect();
        let by_day = is_due(schedule, due(), today, &days);
        let slots: Vec<Date> = attempts.iter().rev().map(|(_, slot)| *slot).collect();
        assert_eq!(is_due(schedule, due(), today, &slots), by_day, "the days or the slots say the same");
        attempts.extend(by_day.map(|slot| (today, slot)));
    }
    attempts
}

/// The slots attempted by a run on each day around the due date.
fn daily(schedule: Schedule) -> Vec<String> {
    let attempts = attempts(schedule, (-60..=60).map(day));
    assert!(attempts.iter().all(|(day, slot)| day == slot), "{attempts:?}");
    attempts.into_iter().map(|(day, _)| day.to_string()).collect()
}

// Worked example 16 a.
#[test]
fn retries_follow_a_week_apart() {
    assert_eq!(daily(weekly(0, 2)), ["2026-04-01", "2026-04-08", "2026-04-15"]);
    assert_eq!(daily(weekly(0, 1)), ["2026-04-01", "2026-04-08"]);
    assert_eq!(daily(weekly(5, 3)), ["2026-03-27", "2026-04-03", "2026-04-10", "2026-04-17"]);
}

// Worked example 16 b.
#[test]
fn without_weeks_there_is_an_attempt_every_day() {
    let every_day: Vec<String> = (0..=60).map(|number| day(number).to_string()).collect();
    assert_eq!(daily(weekly(0, 0)), every_day);
    assert_eq!(daily(weekly(2, 0)).len(), every_day.len() + 2);
}

// Worked example 16 c.
#[test]
fn once_is_once_whatever_the_weeks() {
    for weeks in [0, 1, 2, u32::MAX] {
        assert_eq!(daily(once(weekly(0, weeks))), ["2026-04-01"]);
        assert_eq!(daily(once(weekly(3, weeks))), ["2026-03-29"]);
    }
}

// Worked example 16 d.
#[test]
fn the_first_attempt_may_come_before_the_due_date() {
    assert_eq!(daily(weekly(3, 2)), ["2026-03-29", "2026-04-05", "2026-04-12"]);
    assert_eq!(is_due(weekly(3, 2), due(), date("2026-03-28"), &[]), None);
    assert_eq!(is_due(weekly(3, 0), due(), date("2026-03-29"), &[]), Some(date("2026-03-29")));
}

#[test]
fn a_missed_day_heals() {
    let runs = |numbers: &[i64]| attempts(weekly(0, 2), numbers.iter().map(|number| day(*number)));
    assert_eq!(runs(&[-1, 2, 3, 6]), [(day(2), day(0))]);
    assert_eq!(runs(&[2, 7, 8]), [(day(2), day(0)), (day(7), day(7))], "the next one is not put off");
    assert_eq!(runs(&[0, 9, 10, 14]), [(day(0), day(0)), (day(9), day(7)), (day(14), day(14))]);
    assert_eq!(runs(&[40, 41, 42]), [(day(40), day(14))], "several missed ones are one attempt");
    assert_eq!(attempts(once(weekly(0, 2)), [day(5), day(6)]), [(day(5), day(0))]);
    assert_eq!(attempts(weekly(0, 0), [day(5), day(5), day(9)]), [(day(5), day(5)), (day(9), day(9))]);
}

#[test]
fn an_attempt_before_the_first_slot_counts_for_none() {
    assert_eq!(is_due(weekly(0, 2), due(), day(0), &[day(-1)]), Some(day(0)));
    assert_eq!(is_due(weekly(0, 2), due(), day(0), &[day(-1), day(0)]), None);
}

#[test]
fn an_attempt_in_the_future_is_still_an_attempt() {
    // After a clock was set back.
    assert_eq!(is_due(weekly(0, 2), due(), day(8), &[day(9)]), None);
}

#[test]
fn slots_are_listed_up_to_a_day() {
    let listed = |schedule, until| slots(schedule, due(), until);
    assert_eq!(listed(weekly(0, 2), day(-1)), []);
    assert_eq!(listed(weekly(0, 2), day(0)), [day(0)]);
    assert_eq!(listed(weekly(0, 2), day(13)), [day(0), day(7)]);
    assert_eq!(listed(weekly(0, 2), day(999)), [day(0), day(7), day(14)]);
    assert_eq!(listed(weekly(1, 0), day(1)), [day(-1), day(0), day(1)]);
    assert_eq!(listed(once(weekly(3, 0)), day(999)), [day(-3)]);
}

#[test]
fn the_ends_of_the_calendar_do_not_panic() {
    let extreme = weekly(u32::MAX, u32::MAX);
    assert_eq!(slots(extreme, Date::MIN, Date::MIN), [Date::MIN]);
    assert_eq!(is_due(extreme, Date::MAX, Date::MIN, &[]), Some(Date::MIN));
    assert_eq!(is_due(weekly(0, 0), Date::MIN, Date::MAX, &[]), Some(Date::MAX));
    assert_eq!(slots(weekly(0, u32::MAX), Date::MAX, Date::MAX), [Date::MAX]);
    assert_eq!(is_due(weekly(0, 1), Date::MAX, Date::MIN, &[]), None);
}

/// Every schedule of some size.
fn schedules() -> impl Iterator<Item = Schedule> {
    (0..4).flat_map(|before| (0..3).flat_map(move |weeks| [weekly(before, weeks), once(weekly(before, weeks))]))
}

#[test]
fn a_daily_run_attempts_exactly_the_slots() {
    for schedule in schedules() {
        for last in -5..40 {
            let attempted: Vec<Date> =
                attempts(schedule, (-30..=last).map(day)).into_iter().map(|(_, slot)| slot).collect();
            assert_eq!(attempted, slots(schedule, due(), day(last)), "{schedule:?}");
        }
    }
}

#[test]
fn however_the_days_of_the_runs_fall_no_slot_is_attempted_twice() {
    // Every choice of the ten days from day −3, and then of ten days two apart, each run twice.
    for schedule in schedules() {
        let slots = slots(schedule, due(), day(20));
        for chosen in 0..1_u32 << 10 {
            for spread in [1, 2] {
                let runs = (0..10).filter(|bit| chosen >> bit & 1 == 1).map(|bit| day(i64::from(bit * spread) - 3));
                let twice: Vec<Date> = runs.flat_map(|day| [day, day]).collect();
                let attempts = attempts(schedule, twice.iter().copied());
                assert!(attempts.is_sorted_by(|a, b| a.1 < b.1 && a.0 < b.0), "{schedule:?}: {attempts:?}");
                for (today, slot) in &attempts {
                    assert!(slots.contains(slot) && slot <= today, "{schedule:?}: {slot}");
                    assert!(!slots.iter().any(|later| slot < later && later <= today), "not the latest");
                }
                // And nothing is left undone: the latest slot before each run has had its attempt.
                for today in twice {
                    let latest = slots.iter().rfind(|slot| **slot <= today);
                    assert!(latest.is_none_or(|latest| attempts.iter().any(|(_, slot)| slot == latest)));
                }
            }
        }
    }
}
