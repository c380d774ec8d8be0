use proptest::prelude::*;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn usd(amount: &str) -> Money {
    Money::parse(amount, currency("USD")).unwrap()
}

fn cents(minor: i64) -> Money {
    Money::new(minor, currency("USD"))
}

/// How serde sees a text in any format.
fn text(text: &str) -> StrDeserializer<'_, ValueError> {
    text.into_deserializer()
}

#[test]
fn a_currency_is_an_iso_code_in_any_case() {
    assert_eq!(currency(" usd ").code(), "USD");
    assert_eq!(currency("Eur").to_string(), "EUR");
    assert_eq!("kwd".parse(), Ok(currency("KWD")));
    assert_eq!(Currency::deserialize(text("gbp")).unwrap(), currency("GBP"));
}

#[test]
fn a_currency_knows_its_decimals() {
    let exponents = ["JPY", "USD", "KWD", "CLF"].map(|code| currency(code).exponent());
    assert_eq!(exponents, [0, 2, 3, 4]);
}

#[test]
fn what_has_no_minor_unit_is_no_currency() {
    for code in ["", "US", "USDT", "AAA", "XXX", "XAU", "XTS", "€", "U D", "ＵＳＤ"] {
        assert!(matches!(Currency::parse(code), Err(MoneyError::UnknownCurrency(_))), "{code}");
    }
    let error = Currency::parse("dollars").unwrap_err().to_string();
    assert_eq!(error, "“dollars” is not a currency. Enter an ISO 4217 code such as USD.");
}

#[test]
fn amounts_are_read_in_the_decimals_of_their_currency() {
    let read = |amount: &str, code: &str| Money::parse(amount, currency(code)).unwrap().minor;
    assert_eq!(read("12.34", "USD"), 1234);
    assert_eq!(read(" -0.5 ", "USD"), -50);
    assert_eq!(read("+7", "USD"), 700);
    assert_eq!(read("0012.30", "USD"), 1230);
    assert_eq!(read("1234", "JPY"), 1234);
    assert_eq!(read("1234.000", "JPY"), 1234);
    assert_eq!(read("1.5", "KWD"), 1500);
    assert_eq!(read("9.99000000000000000000000000000000000000", "EUR"), 999);
    assert_eq!(read("92233720368547758.07", "USD"), i64::MAX);
    assert_eq!(read("-92233720368547758.07", "USD"), -i64::MAX);
}

#[test]
fn amounts_are_written_with_all_decimals() {
    let written = |minor, code: &str| Money::new(minor, currency(code)).decimal();
    assert_eq!(written(1234, "USD"), "12.34");
    assert_eq!(written(-50, "USD"), "-0.50");
    assert_eq!(written(0, "USD"), "0.00");
    assert_eq!(written(1234, "JPY"), "1234");
    assert_eq!(written(-7, "JPY"), "-7");
    assert_eq!(written(1, "KWD"), "0.001");
    assert_eq!(written(i64::MIN, "USD"), "-92233720368547758.08");
    assert_eq!(cents(1234).to_string(), "12.34 USD");
}

#[test]
fn what_is_not_a_plain_decimal_is_refused() {
    for amount in [
        "", " ", "-", "+", ".", "5.", ".5", "--1", "+-1", "- 1", "1,000", "1,000.00", "12,34", "1 000", "1'000", "1e3",
        "1E3", "NaN", "inf", "0x10", "1.2.3", "$5", "5 USD", "١٢", "1_000",
    ] {
        let error = Money::parse(amount, currency("USD")).unwrap_err();
        assert!(matches!(error, MoneyError::NotAnAmount(_)), "{amount}: {error}");
    }
    assert_eq!(
        Money::parse("1,000", currency("USD")).unwrap_err().to_string(),
        "“1,000” is not an amount. Enter digits, with a point before the decimals and no thousands separators, \
         such as 1250 or 12.50."
    );
}

#[test]
fn more_decimals_than_the_currency_has_are_refused_not_rounded() {
    let error = |amount: &str, code: &str| Money::parse(amount, currency(code)).unwrap_err().to_string();
    assert_eq!(error("1.005", "USD"), "“1.005” has too many decimals. Enter at most 2 decimals for USD.");
    assert_eq!(error("0.5", "JPY"), "“0.5” has too many decimals. Enter a whole number; JPY has no decimals.");
    assert_eq!(error("1.0001", "KWD"), "“1.0001” has too many decimals. Enter at most 3 decimals for KWD.");
}

#[test]
fn amounts_beyond_the_integer_are_refused() {
    for amount in ["92233720368547758.08", "-92233720368547758.08", "99999999999999999999999999999999999999999"] {
        assert_eq!(Money::parse(amount, currency("USD")), Err(MoneyError::Overflow), "{amount}");
    }
}

#[test]
fn money_errors_are_field_errors() {
    let field = |error: MoneyError| match Error::from(error) {
        Error::Invalid(errors) => errors.iter().next().map(|(field, _)| field.to_owned()),
        _ => None,
    };
    assert_eq!(field(MoneyError::Overflow).as_deref(), Some("amount"));
    assert_eq!(field(usd("1").checked_add(Money::zero(currency("EUR"))).unwrap_err()).as_deref(), Some("amount"));
    assert_eq!(field(Money::parse("x", currency("USD")).unwrap_err()).as_deref(), Some("amount"));
    assert_eq!(field(Currency::parse("x").unwrap_err()).as_deref(), Some("currency"));
    assert_eq!(field(Rate::parse("x").unwrap_err()).as_deref(), Some("rate"));
    assert!(matches!(Error::from(MoneyError::DividedByZero), Error::Broken(_)));
}

#[test]
fn arithmetic_keeps_to_one_currency() {
    let (dollar, euro) = (usd("1"), Money::new(100, currency("EUR")));
    let mismatch = MoneyError::CurrencyMismatch { left: currency("USD"), right: currency("EUR") };
    assert_eq!(dollar.checked_add(euro), Err(mismatch.clone()));
    assert_eq!(dollar.checked_sub(euro), Err(mismatch.clone()));
    assert_eq!(dollar.min(euro), Err(mismatch.clone()));
    assert_eq!(Money::sum([dollar, euro], currency("USD")), Err(mismatch));
    assert_eq!(usd("12.30").checked_add(usd("0.80")), Ok(usd("13.10")));
    assert_eq!(usd("12.30").checked_sub(usd("13.10")), Ok(usd("-0.80")));
    assert_eq!(usd("3").min(usd("-4")), Ok(usd("-4")));
}

#[test]
fn arithmetic_refuses_to_overflow() {
    let (most, least) = (cents(i64::MAX), cents(i64::MIN));
    assert_eq!(most.checked_add(cents(1)), Err(MoneyError::Overflow));
    assert_eq!(least.checked_sub(cents(1)), Err(MoneyError::Overflow));
    assert_eq!(least.checked_neg(), Err(MoneyError::Overflow));
    assert_eq!(most.checked_mul(2), Err(MoneyError::Overflow));
    assert_eq!(most.times_ratio(2, 1, Rounding::Down), Err(MoneyError::Overflow));
    assert_eq!(most.times(Decimal::MAX, Rounding::Down), Err(MoneyError::Overflow));
    assert_eq!(Money::sum([most, cents(1)], currency("USD")), Err(MoneyError::Overflow));
    assert_eq!(Money::sum([most, cents(1), cents(-2)], currency("USD")), Ok(cents(i64::MAX - 1)));
    assert_eq!(least.times_ratio(1, 1, Rounding::Down), Ok(least));
    assert_eq!(least.abs(), most);
}

#[test]
fn the_sign_is_told_and_turned() {
    assert!(cents(0).is_zero() && !cents(0).is_positive() && !cents(0).is_negative());
    assert!(cents(1).is_positive() && cents(-1).is_negative());
    assert_eq!(cents(-5).abs(), cents(5));
    assert_eq!(cents(-5).checked_neg(), Ok(cents(5)));
    assert_eq!(Money::sum([], currency("USD")), Ok(cents(0)));
}

#[test]
fn every_rounding_mirrors_at_zero() {
    let tenths = |tenths: i64, rounding| cents(tenths).times_ratio(1, 10, rounding).unwrap().minor;
    let all =
        |rounding| [4, 5, 6, 14, 15, 16, 25, 20].map(|amount| (tenths(amount, rounding), tenths(-amount, rounding)));
    let mirrored = |expected: [i64; 8]| expected.map(|amount| (amount, -amount));
    assert_eq!(all(Rounding::HalfUp), mirrored([0, 1, 1, 1, 2, 2, 3, 2]));
    assert_eq!(all(Rounding::HalfEven), mirrored([0, 0, 1, 1, 2, 2, 2, 2]));
    assert_eq!(all(Rounding::Down), mirrored([0, 0, 0, 1, 1, 1, 2, 2]));
    assert_eq!(all(Rounding::Up), mirrored([1, 1, 1, 2, 2, 2, 3, 2]));
}

#[test]
fn the_signs_of_a_ratio_cancel_out() {
    assert_eq!(cents(15).times_ratio(-1, 10, Rounding::HalfUp), Ok(cents(-2)));
    assert_eq!(cents(15).times_ratio(1, -10, Rounding::HalfUp), Ok(cents(-2)));
    assert_eq!(cents(-15).times_ratio(-1, 10, Rounding::HalfUp), Ok(cents(2)));
    assert_eq!(cents(15).times_ratio(1, 0, Rounding::HalfUp), Err(MoneyError::DividedByZero));
}

#[test]
fn tax_contained_in_a_price_is_a_ratio_of_it() {
    let contained = |price: &str, rate: i64| usd(price).times_ratio(rate, 100 + rate, Rounding::HalfUp).unwrap();
    assert_eq!(contained("10.00", 20), usd("1.67"));
    assert_eq!(contained("29.97", 19), usd("4.79"));
    assert_eq!(contained("9.99", 19), usd("1.60"));
    assert_eq!(contained("120.00", 20), usd("20.00"));
}

#[test]
fn a_factor_with_many_decimals_loses_nothing() {
    let third = Decimal::from_i128_with_scale(3_333_333_333_333_333_333_333_333_333, 28);
    assert_eq!(cents(i64::MAX).times(third, Rounding::Down), Ok(cents(i64::MAX / 3)));
    assert_eq!(usd("10.00").times(Decimal::new(9, 1), Rounding::HalfUp), Ok(usd("9.00")));
    assert_eq!(usd("0.15").times(Decimal::new(1, 1), Rounding::HalfUp), Ok(usd("0.02")));
    assert_eq!(usd("0.45").times(Decimal::new(-1, 1), Rounding::HalfUp), Ok(usd("-0.05")));
    assert_eq!(usd("1.01").times(Decimal::new(125, 2), Rounding::HalfEven), Ok(usd("1.26")));
    assert_eq!(usd("1.00").times(Decimal::ZERO, Rounding::Up), Ok(usd("0.00")));
}

#[test]
fn parts_add_up_and_the_first_are_the_larger() {
    assert_eq!(usd("10.00").split(3), [usd("3.34"), usd("3.33"), usd("3.33")]);
    assert_eq!(usd("-0.05").split(3), [usd("-0.02"), usd("-0.02"), usd("-0.01")]);
    assert_eq!(usd("0.02").split(4), [usd("0.01"), usd("0.01"), usd("0"), usd("0")]);
    assert_eq!(usd("1").split(0), []);
}

#[test]
fn the_largest_remainders_get_what_is_left_over() {
    // 100 × 1/6, 1/3, 1/2 = 16.67, 33.33, 50
    assert_eq!(cents(100).allocate(&[1, 2, 3]), [cents(17), cents(33), cents(50)]);
    // 5 × 0.5, 0.3, 0.2 = 2.5, 1.5, 1: a tie goes to the earlier
    assert_eq!(cents(5).allocate(&[5, 3, 2]), [cents(3), cents(1), cents(1)]);
    assert_eq!(cents(7).allocate(&[0, 1]), [cents(0), cents(7)]);
    assert_eq!(cents(7).allocate(&[0, 0]), [cents(4), cents(3)]);
    assert_eq!(cents(7).allocate(&[]), []);
    assert_eq!(cents(i64::MIN).allocate(&[u64::MAX]), [cents(i64::MIN)]);
}

#[test]
fn a_rate_is_a_percentage_with_four_decimals() {
    let rate = |text: &str| Rate::parse(text).unwrap();
    assert_eq!(rate("19").units(), 190_000);
    assert_eq!(rate("8.25"), Rate::from_units(82_500));
    assert_eq!(rate("8.2500").to_string(), "8.25");
    assert_eq!(rate("0"), Rate::ZERO);
    assert_eq!(rate("100").to_string(), "100");
    assert_eq!(rate("1000"), Rate::MAX);
    assert_eq!(rate("0.0001").units(), 1);
    assert_eq!(rate("8.25").decimal(), Decimal::new(825, 2));
    assert_eq!(Rate::deserialize(text("5.5")).unwrap(), rate("5.5"));
}

#[test]
fn a_rate_outside_its_limits_is_refused() {
    for text in ["", "-1", "1000.0001", "1001", "1.00001", "19%", "8,25", "99999999999999999999"] {
        assert!(matches!(Rate::parse(text), Err(MoneyError::NotARate(_))), "{text}");
    }
}

#[test]
fn tax_on_a_sum_and_per_line_differ_as_expected() {
    let ten = Rate::parse("10").unwrap();
    assert_eq!(ten.of(usd("0.45"), Rounding::HalfUp), Ok(usd("0.05")));
    assert_eq!(ten.of(usd("0.15"), Rounding::HalfUp).unwrap().checked_mul(3), Ok(usd("0.06")));
    let levels = ["5", "8"].map(|text| Rate::parse(text).unwrap().of(usd("100"), Rounding::HalfUp));
    assert_eq!(levels, [Ok(usd("5.00")), Ok(usd("8.00"))]);
    assert_eq!(Rate::parse("8").unwrap().of(usd("105"), Rounding::HalfUp), Ok(usd("8.40")));
}

fn any_currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec![currency("JPY"), currency("USD"), currency("KWD"), currency("CLF")])
}

fn any_money() -> impl Strategy<Value = Money> {
    (any::<i64>(), any_currency()).prop_map(|(minor, currency)| Money { minor, currency })
}

fn any_rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up])
}

proptest! {
    #[test]
    fn split_sums_to_the_whole_in_nearly_equal_parts(whole in any_money(), n in 1_u32..200) {
        let parts = whole.split(n);
        prop_assert_eq!(parts.len(), n as usize);
        prop_assert_eq!(Money::sum(parts.iter().copied(), whole.currency), Ok(whole));
        let sizes = parts.iter().map(|part| part.minor.unsigned_abs());
        prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
    }

    #[test]
    fn allocate_sums_to_the_whole_near_each_weight(
        whole in any_money(),
        weights in prop::collection::vec(prop_oneof![Just(0), 0_u64..100, any::<u64>()], 1..20),
    ) {
        let parts = whole.allocate(&weights);
        prop_assert_eq!(Money::sum(parts.iter().copied(), whole.currency), Ok(whole));
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        for (part, weight) in parts.iter().zip(&weights).filter(|_| total > 0) {
            let exact = u128::from(whole.minor.unsigned_abs()) * u128::from(*weight);
            let size = u128::from(part.minor.unsigned_abs());
            prop_assert!(size == exact / total || (exact % total > 0 && size == exact / total + 1));
        }
    }

    #[test]
    fn what_is_written_is_read_again(minor in -i64::MAX..=i64::MAX, currency in any_currency()) {
        let money = Money { minor, currency };
        prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
    }

    #[test]
    fn a_rate_is_read_as_written(units in 0..=Rate::MAX.units()) {
        let rate = Rate::from_units(units);
        prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
    }

    #[test]
    fn a_ratio_and_its_decimal_agree(
        minor in -1_000_000_000_000_i64..1_000_000_000_000,
        num in -1_000_000_i64..1_000_000,
        places in 0_u32..7,
        currency in any_currency(),
        rounding in any_rounding(),
    ) {
        let money = Money { minor, currency };
        let ratio = money.times_ratio(num, 10_i64.pow(places), rounding);
        prop_assert_eq!(money.times(Decimal::new(num, places), rounding), ratio);
    }

    #[test]
    fn long_division_agrees_with_the_direct_one(minor in any::<u64>(), num in any::<u64>(), den in 1..=u64::MAX) {
        let (minor, den) = (u128::from(minor), u128::from(den));
        let num = u128::from(num) % den;
        prop_assert_eq!(multiply_divide(minor, num, den), (minor * num / den, minor * num % den));
    }

    #[test]
    fn a_refund_rounds_as_its_charge(money in any_money(), num in 0_i64..1000, den in 1_i64..1000, rounding in any_rounding()) {
        prop_assume!(money.minor != i64::MIN);
        let charge = money.times_ratio(num, den, rounding);
        let refund = money.checked_neg().and_then(|back| back.times_ratio(num, den, rounding));
        prop_assert_eq!(refund, charge.and_then(Money::checked_neg));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in prop_oneof![any::<String>(), "[-+0-9., eEx%٣€]{0,30}".prop_map(String::from)]) {
        for currency in ["JPY", "USD", "CLF"].map(currency) {
            if let Err(error) = Money::parse(&text, currency) {
                prop_assert!(error.to_string().ends_with('.'), "{}", error);
            }
        }
        let _ = Rate::parse(&text);
        let _ = Currency::parse(&text);
    }

    #[test]
    fn no_factor_makes_multiplying_panic(money in any_money(), mantissa in any::<i128>(), scale in 0_u32..=28, rounding in any_rounding()) {
        let factor = Decimal::from_i128_with_scale(mantissa >> 32, scale);
        let _ = money.times(factor, rounding);
    }
}
