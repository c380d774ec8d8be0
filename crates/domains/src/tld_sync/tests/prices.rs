use billing::currencies::DealtCurrency;
use kernel::{Currency, Money};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::registrars::tests::cost;
use crate::tld_sync::proposal::{self, Market};

fn dealt() -> Vec<DealtCurrency> {
    let one = |id, code: &str, rate: &str| DealtCurrency {
        id,
        code: Currency::parse(code).unwrap(),
        prefix: String::new(),
        suffix: String::new(),
        rate: rate.to_owned(),
        is_base: id == 1,
    };
    vec![one(1, "USD", "1"), one(2, "EUR", "0.9"), one(3, "JPY", "150"), one(4, "KWD", "0.3")]
}

fn sold(line: &str, options: &Options, currency: &str) -> String {
    let dealt = dealt();
    let rows = proposal::rows(&[cost(line)], &[], &Market::new(&dealt).unwrap(), options).unwrap();
    let price = rows[0].prices.of(None, Currency::parse(currency).unwrap(), Operation::Register, 1);
    price.map(Money::decimal).unwrap_or_default()
}

fn options(kind: MarginKind, margin: &str, ending: Ending, min: &str) -> Options {
    Options {
        margin_kind: kind,
        margin: margin.parse().unwrap(),
        ending,
        min_margin: min.parse().unwrap(),
        ..Options::default()
    }
}

#[test]
fn a_margin_is_a_percentage_or_an_amount_and_has_a_least() {
    use Ending::{Exact, NinetyFive, NinetyNine, Whole};
    use MarginKind::{Fixed, Percent};
    for (kind, margin, ending, min, currency, price) in [
        (Percent, "20", Exact, "0", "USD", "12.00"),
        (Percent, "20", NinetyNine, "0", "USD", "12.99"),
        (Percent, "20", Exact, "5", "USD", "15.00"),
        (Fixed, "3", Exact, "0", "USD", "13.00"),
        (Fixed, "3", Whole, "0", "EUR", "12.00"),
        (Percent, "12.5", Exact, "0", "EUR", "10.13"),
        (Percent, "10", NinetyFive, "0", "JPY", "1650"),
        (Percent, "0", Exact, "0", "KWD", "3.000"),
        (Percent, "0.0001", Exact, "0", "USD", "10.01"),
    ] {
        let options = options(kind, margin, ending, min);
        assert_eq!(sold("com USD 10 10 10", &options, currency), price, "{kind} {margin} {ending} {min} {currency}");
    }
    let euros = options(Percent, "0", Exact, "0");
    assert_eq!(sold("com EUR 9 9 9", &euros, "USD"), "10.00", "a cost in another currency");
    assert_eq!(sold("com EUR 1 1 1", &euros, "USD"), "1.12", "1.111…, rounded up");
}

#[test]
fn a_loss_and_its_margin_are_shown() {
    let dealt = dealt();
    let market = Market::new(&dealt).unwrap();
    let none = proposal::rows(&[cost("com USD 10 - -")], &[], &market, &Options::default()).unwrap();
    assert_eq!(none[0].lines.len(), 1, "what the registrar does not sell is not sold");
    let line = &none[0].lines[0];
    assert_eq!(line.margin(Money::new(1250, usd())), Some(Decimal::from(25)));
    assert_eq!(line.margin(Money::new(750, usd())), Some(Decimal::from(-25)));
}

proptest! {
    #[test]
    fn no_price_is_below_its_cost_and_the_least_margin(
        cents in 1_i64..100_000_000,
        margin in 0_i64..100_000,
        min in 0_i64..10_000,
        at in 0_usize..4,
        fixed in any::<bool>(),
        from in prop::sample::select(vec!["USD", "EUR", "KWD"]),
    ) {
        let kind = if fixed { MarginKind::Fixed } else { MarginKind::Percent };
        let (margin, least) = (Decimal::new(margin, 2), Decimal::new(min, 2));
        let options = options(kind, &margin.to_string(), Ending::ALL[at], &least.to_string());
        let line = format!("com {from} {} - -", Decimal::new(cents, 2));
        let dealt = dealt();
        let rows = proposal::rows(&[cost(&line)], &[], &Market::new(&dealt).unwrap(), &options).unwrap();
        prop_assert!(rows[0].prices.iter().count() >= 40);
        let rate = |code: Currency| dealt.iter().find(|one| one.code == code).unwrap().rate.parse::<Decimal>().unwrap();
        let from = rate(Currency::parse(from).unwrap());
        for price in rows[0].prices.iter() {
            let to = rate(price.currency());
            let unit = Decimal::from(10_i64.pow(price.currency().exponent()));
            let years = Decimal::from(price.years);
            let cost = Decimal::new(cents, 2) * years * to / from;
            let sold = Decimal::from(price.amount.minor) / unit;
            prop_assert!(sold + Decimal::new(1, 12) >= cost + least * years * to, "{price:?}");
        }
    }
}
