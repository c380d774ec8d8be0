use kernel::{Currency, Money};
use proptest::prelude::*;

use crate::tlds::bulk::{Change, Ending};

fn of(ending: Ending, text: &str, currency: &str) -> String {
    let currency = Currency::parse(currency).unwrap();
    ending.of(Money::parse(text, currency).unwrap()).decimal()
}

#[test]
fn a_price_is_rounded_up_to_its_ending() {
    for (ending, text, becomes) in [
        (Ending::NinetyNine, "12.00", "12.99"),
        (Ending::NinetyNine, "12.99", "12.99"),
        (Ending::NinetyNine, "13.00", "13.99"),
        (Ending::NinetyFive, "12.96", "13.95"),
        (Ending::NinetyFive, "12.95", "12.95"),
        (Ending::Whole, "12.01", "13.00"),
        (Ending::Whole, "12.00", "12.00"),
        (Ending::Exact, "12.34", "12.34"),
        (Ending::NinetyNine, "0.00", "0.00"),
        (Ending::NinetyNine, "0.01", "0.99"),
    ] {
        assert_eq!(of(ending, text, "USD"), becomes, "{ending} {text}");
    }
    assert_eq!(of(Ending::NinetyNine, "1200", "JPY"), "1200", "yen have no hundredths");
    assert_eq!(of(Ending::NinetyNine, "12.991", "KWD"), "13.990");
}

#[test]
fn a_percentage_has_two_decimals() {
    for (text, hundredths) in [("2.5", 250), ("-10 %", -1000), ("0.01", 1), ("100", 10_000)] {
        assert_eq!(Change::percent(text), Ok(Change::Percent(hundredths)), "{text}");
    }
    for text in ["", "ten", "0.001", "1e400", "79228162514264337593543950335"] {
        assert!(Change::percent(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_ending_makes_anything_cheaper(minor in 1_i64..1_000_000_000_000, at in 0_usize..4, code in prop::sample::select(vec!["USD", "JPY", "KWD"])) {
        let amount = Money::new(minor, Currency::parse(code).unwrap());
        let ending = Ending::ALL[at];
        let rounded = ending.of(amount);
        prop_assert!(rounded.minor >= minor);
        prop_assert!(rounded.minor - minor < 10_i64.pow(amount.currency.exponent()));
        prop_assert_eq!(ending.of(rounded), rounded, "twice is once");
    }
}
