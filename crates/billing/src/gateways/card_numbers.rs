//! Card numbers in text: they are recognised only to be refused and blotted out.
//!
//! A number is 13 to 19 digits, in groups or not, that begins as cards do and passes the check of ISO/IEC 7812-1 (Luhn).
//! Payment ids and UUIDs rarely look like that; where one does, a log line loses an id, and no card is shown.

use std::ops::Range;

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// Whether a card number stands somewhere in `text`.
pub fn contains(text: &str) -> bool {
    !find(text).is_empty()
}

/// The text with its card numbers blotted out but for their last four digits.
pub fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for number in find(text) {
        out.push_str(&text[from..number.start]);
        let digits: String = text[number.clone()].chars().filter(char::is_ascii_digit).collect();
        out.push_str("[card number …");
        out.push_str(&digits[digits.len() - 4..]);
        out.push(']');
        from = number.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Where the numbers are, from left to right.
fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let run = run_at(bytes, at);
        if run.is_empty() {
            at += 1;
            continue;
        }
        at = run.end;
        find_in(bytes, run, &mut found);
    }
    found
}

/// Digits from `at` on, in groups that one blank or hyphen keeps apart; empty where none begins.
fn run_at(bytes: &[u8], at: usize) -> Range<usize> {
    let mut end = at;
    while end < bytes.len() {
        let next_is_digit = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        match bytes[end] {
            b'0'..=b'9' => end += 1,
            b' ' | b'-' if end > at && next_is_digit => end += 1,
            _ => break,
        }
    }
    at..end
}

/// All numbers of a run, from left to right.
fn find_in(bytes: &[u8], run: Range<usize>, found: &mut Vec<Range<usize>>) {
    if let Some(number) = number_in(bytes, &run) {
        find_in(bytes, run.start..number.start, found);
        found.push(number.clone());
        find_in(bytes, number.end..run.end, found);
    }
}

/// The longest number in a run: a number may stand beside other digits, such as a date of expiry.
fn number_in(bytes: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let places: Vec<usize> = run.clone().filter(|place| bytes[*place].is_ascii_digit()).collect();
    // It begins and ends where a group does.
    let begins = |index: usize| index == 0 || places[index - 1] + 1 != places[index];
    let ends = |index: usize| index + 1 == places.len() || places[index] + 1 != places[index + 1];
    (SHORTEST..=LONGEST).rev().find_map(|length| {
        (0..=places.len().checked_sub(length)?).find_map(|first| {
            let chosen = &places[first..first + length];
            let digits: Vec<u8> = chosen.iter().map(|place| bytes[*place] - b'0').collect();
            let whole = begins(first) && ends(first + length - 1);
            (whole && (2..=6).contains(&digits[0]) && passes_check(&digits)).then(|| chosen[0]..chosen[length - 1] + 1)
        })
    })
}

fn passes_check(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match u32::from(*digit) {
            digit if index % 2 == 0 => digit,
            digit if digit < 5 => digit * 2,
            digit => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        for text in [
            "4242424242424242",
            "my card: 4242 4242 4242 4242, thanks",
            "5555-5555-5555-4444",
            "378282246310005 exp 12/29",
            "x6011111111111117",
            "4242 4242 4242 4242 12 29",
            "2223003122003222",
            "1 4242 4242 4242 4242 5555 5555 5555 4444",
        ] {
            assert!(contains(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "",
            "4242",
            "4242424242424241",
            "1700000000000000",
            "0190b0c6-7c4d-7a51-9d2a-4a1c02f0a111",
            "pi_3OXyZ24eZvKYlo2C1gQ1tJ3s",
            "42424242424242424242424242424242",
            "Invoice 2026-000123 of 1 234 567 890.00",
        ] {
            assert!(!contains(text), "{text}");
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn only_the_last_four_digits_are_left() {
        assert_eq!(redacted("no: 4242 4242 4242 4242!"), "no: [card number …4242]!");
        assert_eq!(redacted("ä4242424242424242ö"), "ä[card number …4242]ö");
        let two = redacted("4242 4242 4242 4242 5555 5555 5555 4444");
        assert_eq!(two, "[card number …4242] [card number …4444]");
    }

    proptest! {
        #[test]
        fn what_was_blotted_out_is_not_found_again(text in "[a-z0-9 äö-]{0,60}") {
            prop_assert!(!contains(&redacted(&text)));
        }
    }
}
