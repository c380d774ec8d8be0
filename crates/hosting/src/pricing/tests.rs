use kernel::{Currency, Cycle, Date, Error, Money, ProrataRule};
use proptest::prelude::*;

use super::*;
use crate::prices::Price;

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text, usd()).unwrap()
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn price(cycle: Cycle, amount: &str, setup: &str) -> Price {
    Price { cycle, price: money(amount), setup: money(setup) }
}

fn starter(prices: &PriceList) -> Sold<'_> {
    Sold { name: "Starter", pay_type: PayType::Recurring, quantity_mode: QuantityMode::Scaling, prices }
}

fn option<'a>(prices: &'a PriceList, kind: OptionKind, quantity: i64) -> Selected<'a> {
    Selected { option_id: 7, option: "Memory", kind, min: 0, max: 10, choice: "8 GB", prices, quantity }
}

fn message(error: Error) -> (String, String) {
    let Error::Invalid(fields) = error else { panic!("{error}") };
    let (field, message) = fields.iter().next().unwrap();
    (field.to_owned(), message.to_owned())
}

const P1_C20: ProrataRule = ProrataRule { day: 1, charge_next_month_after: 20 };

#[test]
fn what_has_no_price_is_not_sold() {
    let prices = PriceList::new(vec![price(Cycle::Monthly, "5", "0"), price(Cycle::Annually, "0.00", "0")]);
    let refused = quote(&starter(&prices), &[], 1, Cycle::Quarterly, usd()).unwrap_err();
    assert_eq!(
        message(refused),
        (
            "billingcycle".to_owned(),
            "“Starter” has no quarterly price in USD. Add one, or choose monthly or annually.".to_owned()
        )
    );
    let eur = Currency::parse("EUR").unwrap();
    let refused = quote(&starter(&prices), &[], 1, Cycle::Monthly, eur).unwrap_err();
    assert_eq!(message(refused).1, "“Starter” has no monthly price in EUR. Add one.");
    let free = quote(&starter(&prices), &[], 1, Cycle::Annually, usd()).unwrap();
    assert_eq!(free.recurring, money("0"), "a price of nought is a price");
}

#[test]
fn the_sentence_names_the_way_out() {
    let prices = PriceList::new(vec![price(Cycle::Monthly, "5", "0")]);
    let refused = quote(&starter(&prices), &[], 1, Cycle::Annually, usd()).unwrap_err();
    assert_eq!(message(refused).1, "“Starter” has no annual price in USD. Add one, or choose monthly.");
}

#[test]
fn an_option_without_a_price_is_refused_by_its_number() {
    let prices = PriceList::new(vec![price(Cycle::Annually, "50", "0")]);
    let none = PriceList::default();
    let refused = quote(&starter(&prices), &[option(&none, OptionKind::Dropdown, 1)], 1, Cycle::Annually, usd());
    assert_eq!(
        message(refused.unwrap_err()),
        ("configoptions[7]".to_owned(), "“Memory: 8 GB” has no annual price in USD. Add one.".to_owned())
    );
    let unchosen = quote(&starter(&prices), &[option(&none, OptionKind::YesNo, 0)], 1, Cycle::Annually, usd());
    assert_eq!(unchosen.unwrap().recurring, money("50"));
    let too_many = quote(&starter(&prices), &[option(&prices, OptionKind::Quantity, 11)], 1, Cycle::Annually, usd());
    assert_eq!(message(too_many.unwrap_err()).1, "Enter from 0 to 10 of “Memory”.");
}

#[test]
fn options_are_part_of_the_price_and_quantities_multiply_it() {
    let prices = PriceList::new(vec![price(Cycle::Monthly, "31.00", "10.00")]);
    let extra = PriceList::new(vec![price(Cycle::Monthly, "6.20", "2.00")]);
    let one = quote(&starter(&prices), &[option(&extra, OptionKind::Radio, 1)], 1, Cycle::Monthly, usd()).unwrap();
    assert_eq!((one.recurring, one.setup), (money("37.20"), money("12.00")));
    let scaled =
        quote(&starter(&prices), &[option(&extra, OptionKind::Quantity, 3)], 2, Cycle::Monthly, usd()).unwrap();
    assert_eq!((scaled.recurring, scaled.setup), (money("99.20"), money("12.00")));
}

#[test]
fn only_a_scaling_product_is_sold_in_quantities() {
    let prices = PriceList::new(vec![price(Cycle::Monthly, "5", "0")]);
    let single = Sold { quantity_mode: QuantityMode::Services, ..starter(&prices) };
    assert_eq!(message(quote(&single, &[], 2, Cycle::Monthly, usd()).unwrap_err()).0, "qty");
    assert_eq!(message(quote(&starter(&prices), &[], 0, Cycle::Monthly, usd()).unwrap_err()).0, "qty");
}

#[test]
fn the_cycle_follows_the_pay_type() {
    let prices = PriceList::new(vec![price(Cycle::Annually, "50", "0"), price(Cycle::Quarterly, "15", "0")]);
    let sold = starter(&prices);
    assert_eq!(cycle_for(&sold, None, usd()).unwrap(), Cycle::Quarterly, "the shortest");
    assert_eq!(cycle_for(&sold, Some(Cycle::Monthly), usd()).unwrap(), Cycle::Monthly, "judged by the quote");
    assert!(cycle_for(&sold, Some(Cycle::OneTime), usd()).is_err());
    let free = Sold { pay_type: PayType::Free, ..sold };
    assert_eq!(cycle_for(&free, Some(Cycle::Monthly), usd()).unwrap(), Cycle::Free);
    let once = Sold { pay_type: PayType::OneTime, ..sold };
    assert_eq!(cycle_for(&once, None, usd()).unwrap(), Cycle::OneTime);
    assert_eq!(addon_cycle(&sold, Cycle::Annually, usd()).unwrap(), Cycle::Annually);
    assert_eq!(addon_cycle(&sold, Cycle::Monthly, usd()).unwrap(), Cycle::Quarterly, "not sold for the product's");
}

/// Worked examples 1 to 4.
#[test]
fn the_first_invoice_of_a_prorated_product() {
    let whole = |amount: &str| Quote { recurring: money(amount), setup: money("0") };
    for (day, rule, amount, first, due) in [
        ("2026-01-15", P1_C20, "31.00", "17.00", "2026-02-01"),
        ("2026-01-25", P1_C20, "31.00", "38.00", "2026-03-01"),
        ("2026-01-20", P1_C20, "31.00", "12.00", "2026-02-01"),
        ("2026-01-31", P1_C20, "31.00", "32.00", "2026-03-01"),
        ("2028-02-10", ProrataRule { day: 1, charge_next_month_after: 31 }, "29.00", "20.00", "2028-03-01"),
        ("2027-02-10", ProrataRule { day: 1, charge_next_month_after: 31 }, "28.00", "19.00", "2027-03-01"),
        ("2028-02-10", ProrataRule { day: 1, charge_next_month_after: 31 }, "9.99", "6.89", "2028-03-01"),
        ("2027-02-10", ProrataRule { day: 1, charge_next_month_after: 31 }, "9.99", "6.78", "2027-03-01"),
    ] {
        let charge = first_charge(&whole(amount), Some(rule), Cycle::Monthly, date(day)).unwrap();
        assert_eq!(charge.first_amount, money(first), "{day}");
        assert_eq!((charge.next_due, charge.anchor_day), (Some(date(due)), 1), "{day}");
        assert_eq!(charge.period, Some(Period { from: date(day), until: date(due) }), "{day}");
    }
    let last_day = ProrataRule { day: 31, charge_next_month_after: 31 };
    let clamped = first_charge(&whole("28.00"), Some(last_day), Cycle::Monthly, date("2027-02-10")).unwrap();
    assert_eq!((clamped.next_due, clamped.anchor_day), (Some(date("2027-02-28")), 31));
}

/// Worked example 5: options are prorated with the product, setup fees are not.
#[test]
fn a_setup_fee_is_never_prorated() {
    let quote = Quote { recurring: money("37.20"), setup: money("10.00") };
    let charge = first_charge(&quote, Some(P1_C20), Cycle::Monthly, date("2026-01-15")).unwrap();
    assert_eq!((charge.first_amount, charge.setup), (money("20.40"), money("10.00")));
    let addon = Quote { recurring: money("3.10"), setup: money("0") };
    let prorated = first_charge(&addon, Some(P1_C20), Cycle::Monthly, date("2026-01-15")).unwrap();
    assert_eq!((prorated.first_amount, prorated.next_due), (money("1.70"), Some(date("2026-02-01"))));
    let own = first_charge(&addon, None, Cycle::Monthly, date("2026-01-15")).unwrap();
    assert_eq!((own.first_amount, own.next_due, own.anchor_day), (money("3.10"), Some(date("2026-02-15")), 15));
}

#[test]
fn what_does_not_recur_has_no_next_due_date() {
    let quote = Quote { recurring: money("80.00"), setup: money("5.00") };
    let once = first_charge(&quote, Some(P1_C20), Cycle::OneTime, date("2026-01-15")).unwrap();
    assert_eq!((once.first_amount, once.setup, once.next_due), (money("80.00"), money("5.00"), None));
    assert_eq!(once.period.map(Period::days), Some(1));
    let free = first_charge(&quote, None, Cycle::Free, date("2026-01-15")).unwrap();
    assert_eq!((free.period, free.next_due), (None, None));
}

fn any_list() -> impl Strategy<Value = PriceList> {
    prop::collection::vec((prop::sample::select(Cycle::RECURRING.to_vec()), 0_i64..1_000_000, 0_i64..100_000), 0..6)
        .prop_map(|prices| {
            let mut seen = Vec::new();
            let list = prices.into_iter().filter(|(cycle, _, _)| {
                let is_new = !seen.contains(cycle);
                seen.push(*cycle);
                is_new
            });
            let price = |(cycle, price, setup)| Price {
                cycle,
                price: Money::new(price, usd()),
                setup: Money::new(setup, usd()),
            };
            PriceList::new(list.map(price).collect())
        })
}

proptest! {
    #[test]
    fn nothing_unpriced_is_ever_sold(
        product in any_list(),
        options in prop::collection::vec((any_list(), 0_i64..=10), 0..4),
        quantity in 1_i64..100,
        cycle in prop::sample::select(Cycle::RECURRING.to_vec()),
    ) {
        let chosen: Vec<Selected<'_>> =
            options.iter().map(|(prices, quantity)| option(prices, OptionKind::Quantity, *quantity)).collect();
        let priced = product.get(usd(), cycle).is_some()
            && chosen.iter().all(|option| option.quantity == 0 || option.prices.get(usd(), cycle).is_some());
        let quoted = quote(&starter(&product), &chosen, quantity, cycle, usd());
        prop_assert_eq!(quoted.is_ok(), priced);
        if let Ok(quoted) = quoted {
            let own = product.get(usd(), cycle).map_or(0, |price| price.price.minor);
            let extra: i64 = chosen
                .iter()
                .filter_map(|option| Some(option.prices.get(usd(), cycle)?.price.minor * option.quantity))
                .sum();
            prop_assert_eq!(quoted.recurring.minor, (own + extra) * quantity);
        }
    }

    #[test]
    fn the_order_of_options_does_not_matter(
        product in any_list(),
        left in any_list(),
        right in any_list(),
        cycle in prop::sample::select(Cycle::RECURRING.to_vec()),
    ) {
        let (left, right) = (option(&left, OptionKind::Radio, 1), option(&right, OptionKind::Quantity, 2));
        let one = quote(&starter(&product), &[left.clone(), right.clone()], 1, cycle, usd()).ok();
        let other = quote(&starter(&product), &[right, left], 1, cycle, usd()).ok();
        prop_assert_eq!(one, other);
    }

    #[test]
    fn the_first_invoice_leads_to_the_second(
        price in 0_i64..10_000_000,
        setup in 0_i64..1_000_000,
        day in 0_i64..20_000,
        rule in prop::option::of((1_u8..=31, 0_u8..=31)),
        cycle in prop::sample::select(Cycle::RECURRING.to_vec()),
    ) {
        let ordered = Date::MIN.plus_days(36_500 + day).unwrap();
        let quote = Quote { recurring: Money::new(price, usd()), setup: Money::new(setup, usd()) };
        let rule = rule.map(|(day, charge_next_month_after)| ProrataRule { day, charge_next_month_after });
        let charge = first_charge(&quote, rule, cycle, ordered).unwrap();
        let period = charge.period.unwrap();
        prop_assert_eq!(period.from, ordered);
        prop_assert_eq!(Some(period.until), charge.next_due);
        prop_assert!(period.days() > 0);
        prop_assert_eq!(charge.setup.minor, setup, "never prorated");
        prop_assert!(charge.first_amount.minor >= 0 && charge.first_amount.minor <= 2 * price);
        // The next period begins where the first one ends and keeps to its day.
        let second = cycle.period(period.until, charge.anchor_day).unwrap();
        prop_assert!(!period.overlaps(second));
        prop_assert_eq!(second.until.day(), charge.anchor_day.min(second.until.days_in_month()));
        if rule.is_none() {
            prop_assert_eq!(charge.first_amount.minor, price);
        }
    }
}
