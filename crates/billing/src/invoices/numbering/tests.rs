#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn format(text: &str) -> Format {
    Format::parse(text).unwrap()
}

fn error(text: &str) -> String {
    Format::parse(text).unwrap_err()
}

fn written(text: &str, number: i64) -> String {
    format(text).render(number, date("2026-03-07"))
}

#[test]
fn placeholders_are_filled_in() {
    assert_eq!(written("{YEAR}-{NUMBER}", 42), "2026-42");
    assert_eq!(written("{NUMBER}", 42), "42");
    assert_eq!(written("{number:6}", 42), "000042");
    assert_eq!(written("INV/{YEAR}.{MONTH}_{DAY}#{NUMBER:3}", 42), "INV/2026.03_07#042");
    assert_eq!(written("{NUMBER}{YEAR}{YEAR}", 42), "4220262026");
    assert_eq!(written(" R{NUMBER} ", 42), "R42");
}

#[test]
fn padding_never_cuts_a_number() {
    assert_eq!(written("{NUMBER:3}", 999), "999");
    assert_eq!(written("{NUMBER:3}", 1000), "1000");
    assert_eq!(written("{NUMBER:12}", 7), "000000000007");
    assert_eq!(written("{NUMBER}", i64::MAX), "9223372036854775807");
}

#[test]
fn the_number_stands_in_the_format_once() {
    let once = "The format needs {NUMBER} exactly once, such as {YEAR}-{NUMBER}.";
    for text in ["", " ", "INV", "{YEAR}", "{NUMBER}{NUMBER}", "{NUMBER}-{NUMBER:6}", "NUMBER"] {
        assert_eq!(error(text), once, "{text}");
    }
}

#[test]
fn what_is_not_a_format_is_explained() {
    let unknown = "{WEEK} is not a placeholder. Use {NUMBER}, {YEAR}, {MONTH} or {DAY}.";
    assert_eq!(error("{WEEK}-{NUMBER}"), unknown);
    assert_eq!(error("{YEAR:2}{NUMBER}"), unknown.replace("WEEK", "YEAR:2"));
    assert_eq!(error("{}{NUMBER}"), unknown.replace("WEEK", ""));
    assert_eq!(error("{{NUMBER}}"), unknown.replace("WEEK", "{NUMBER"));
    assert_eq!(error("{YEAR}-{NUMBER"), "Close the brace in “{NUMBER” with a “}”.");
    let digits = "{NUMBER:0} needs a count of digits from 1 to 12, such as {NUMBER:6}.";
    for wrong in ["0", "13", "", "X", "-1", "6:6", "99999999999999999999"] {
        assert_eq!(error(&format!("{{NUMBER:{wrong}}}")), digits.replace(":0", &format!(":{wrong}")));
    }
    for (text, part) in [("A}{NUMBER}", "A}"), ("{NUMBER}a:b", "a:b"), ("{NUMBER}}", "}")] {
        let sentence = format!("Use “:” and “}}” only in placeholders such as {{NUMBER:6}}, not in “{part}”.");
        assert_eq!(error(text), sentence);
    }
}

#[test]
fn only_plain_characters_stand_around_the_placeholders() {
    for c in [' ', '\n', '\u{202E}', 'é', '№', '\\', '"', '<', '&', '*', ',', '%', '\0'] {
        let sentence = "Use only placeholders, letters from A to Z, digits and the characters - _ / . # here.";
        assert_eq!(error(&format!("A{c}{{NUMBER}}")), sentence, "{c:?}");
    }
    assert!(Format::parse(&format!("{}{{NUMBER}}", "x".repeat(32))).is_ok());
    assert_eq!(
        error(&format!("{}{{NUMBER}}", "x".repeat(33))),
        "Shorten the format to at most 40 characters; it has 41."
    );
}

#[test]
fn counting_starts_again_with_the_period() {
    let key = |reset, on| period_key(reset, date(on));
    assert_eq!(key(Reset::Never, "2026-01-31"), "");
    assert_eq!(key(Reset::Yearly, "2026-01-31"), "2026");
    assert_eq!(key(Reset::Monthly, "2026-01-31"), "2026-01");
    assert_eq!(key(Reset::Monthly, "2026-12-01"), "2026-12");
    assert_ne!(key(Reset::Yearly, "2026-12-31"), key(Reset::Yearly, "2027-01-01"));
}

#[test]
fn a_reset_needs_its_period_in_the_format() {
    let yearly = Err("Numbers that start again every year need {YEAR} in the format.".to_owned());
    let monthly = Err("Numbers that start again every month need {YEAR} and {MONTH} in the format.".to_owned());
    for (text, expected) in [
        ("{NUMBER}", [Ok(()), yearly.clone(), monthly.clone()]),
        ("{MONTH}{NUMBER}", [Ok(()), yearly, monthly.clone()]),
        ("{YEAR}{NUMBER}", [Ok(()), Ok(()), monthly.clone()]),
        ("{YEAR}{DAY}{NUMBER}", [Ok(()), Ok(()), monthly]),
        ("{NUMBER}/{MONTH}/{YEAR}", [Ok(()), Ok(()), Ok(())]),
    ] {
        let checked = [Reset::Never, Reset::Yearly, Reset::Monthly].map(|reset| format(text).check(reset));
        assert_eq!(checked, expected, "{text}");
    }
}

#[test]
fn the_next_three_numbers_are_shown() {
    let on = date("2026-03-07");
    assert_eq!(format("{YEAR}-{NUMBER:4}").preview(99, 1, on), ["2026-0099", "2026-0100", "2026-0101"]);
    assert_eq!(format("{NUMBER}").preview(1000, 5, on), ["1000", "1005", "1010"]);
    assert_eq!(format("{NUMBER}").preview(i64::MAX, i64::MAX, on), ["9223372036854775807"; 3]);
}

#[test]
fn two_numbers_of_a_series_never_look_the_same() {
    let days: Vec<Date> = (0..900).step_by(37).map(|day| date("2025-01-01").plus_days(day).unwrap()).collect();
    let numbers =
        (1..=31).chain([99, 100, 110, 999, 1000, 2025, 12_025, 20_251, 202_601, 999_999, 1_000_000, i64::MAX]);
    let around = ["", "1", "-", "0", "{YEAR}", "{MONTH}", "{DAY}", "{YEAR}{MONTH}", "{MONTH}{YEAR}", "2026{YEAR}1"];
    for (before, after) in around.iter().flat_map(|before| around.map(|after| (before, after))) {
        for number in ["{NUMBER}", "{NUMBER:3}"] {
            let format = format(&format!("{before}{number}{after}"));
            for reset in Reset::ALL.iter().filter(|reset| format.check(**reset).is_ok()) {
                let mut seen = BTreeMap::new();
                for (day, number) in days.iter().flat_map(|day| numbers.clone().map(move |number| (*day, number))) {
                    let identity = (period_key(*reset, day), number);
                    let earlier = seen.entry(format.render(number, day)).or_insert_with(|| identity.clone());
                    assert_eq!(*earlier, identity, "{format:?} {reset}");
                }
            }
        }
    }
}

#[test]
fn no_text_makes_parsing_panic() {
    let pieces = ["{", "}", ":", "NUMBER", "{NUMBER}", "{YEAR}", "6", "é", "-", " ", "{NUMBER:", "\u{202E}"];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                for fourth in pieces {
                    match Format::parse(&[first, second, third, fourth].concat()) {
                        Ok(format) => assert!(!format.render(1, Date::MAX).is_empty()),
                        Err(error) => assert!(error.ends_with('.'), "{error}"),
                    }
                }
            }
        }
    }
}

#[test]
fn numbers_that_could_be_taken_for_each_other_are_found() {
    let alike = |one: &str, two: &str| {
        let (one, two) = (format(one), format(two));
        assert_eq!(one.may_look_like(&two), two.may_look_like(&one));
        one.may_look_like(&two)
    };
    for (one, two) in [
        ("{NUMBER}", "{NUMBER}"),
        ("{NUMBER}", "{NUMBER:6}"),
        ("{NUMBER}", "{YEAR}{NUMBER}"),
        ("{NUMBER}", "1{NUMBER}"),
        ("{YEAR}-{NUMBER}", "{NUMBER}-{YEAR}"),
        ("R{NUMBER}", "R0{NUMBER:3}"),
    ] {
        assert!(alike(one, two), "{one} and {two}");
    }
    for (one, two) in [
        ("{NUMBER}", "CN-{NUMBER}"),
        ("{YEAR}-{NUMBER}", "{NUMBER}"),
        ("A{NUMBER}", "B{NUMBER}"),
        ("{YEAR}-{NUMBER}", "{MONTH}-{NUMBER}"),
        ("{NUMBER}/1", "{NUMBER}/2"),
    ] {
        assert!(!alike(one, two), "{one} and {two}");
    }
}
