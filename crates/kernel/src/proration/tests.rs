use proptest::prelude::*;

use super::*;
use crate::calendar::Unit;
use crate::money::Currency;

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::parse("USD").unwrap()).unwrap()
}

fn rule(day: u8, charge_next_month_after: u8) -> ProrataRule {
    ProrataRule { day, charge_next_month_after }
}

/// The amount of the first invoice, what it covers, and the next due date.
fn first_invoice(rule: ProrataRule, cycle: Cycle, price: &str, order: &str) -> (String, String, String) {
    let first = first_period(rule, cycle, date(order)).unwrap();
    let amount = first_amount(usd(price), &first).unwrap();
    (amount.decimal(), first.covers().to_string(), first.next_due.to_string())
}

fn expect(amount: &str, covers: &str, next_due: &str) -> (String, String, String) {
    (amount.to_owned(), covers.to_owned(), next_due.to_owned())
}

#[test]
fn an_order_before_the_cutoff_pays_the_rest_of_the_month() {
    let first = first_period(rule(1, 20), Cycle::Monthly, date("2026-01-15")).unwrap();
    assert_eq!(first.period, Period { from: date("2026-01-15"), until: date("2026-02-01") });
    assert_eq!((first.numerator_days, first.denominator_days, first.full_cycle), (17, 31, None));
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Monthly, "31.00", "2026-01-15"),
        expect("17.00", "(2026-01-15 - 2026-01-31)", "2026-02-01")
    );
    // 12.34 × 26/30 = 10.6947
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Monthly, "12.34", "2026-04-05"),
        expect("10.69", "(2026-04-05 - 2026-04-30)", "2026-05-01")
    );
}

#[test]
fn an_order_after_the_cutoff_also_pays_the_next_month() {
    let first = first_period(rule(1, 20), Cycle::Monthly, date("2026-01-25")).unwrap();
    assert_eq!(first.period, Period { from: date("2026-01-25"), until: date("2026-02-01") });
    assert_eq!(first.full_cycle, Some(Period { from: date("2026-02-01"), until: date("2026-03-01") }));
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Monthly, "31.00", "2026-01-25"),
        expect("38.00", "(2026-01-25 - 2026-02-28)", "2026-03-01")
    );
    // 9.99 × 3/30 + 9.99 = 10.989
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Monthly, "9.99", "2026-11-28"),
        expect("10.99", "(2026-11-28 - 2026-12-31)", "2027-01-01")
    );
}

#[test]
fn an_order_on_the_cutoff_day_does_not_pay_the_next_month() {
    const { assert!(!PRORATA_CUTOFF_INCLUSIVE) };
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Monthly, "31.00", "2026-01-20"),
        expect("12.00", "(2026-01-20 - 2026-01-31)", "2026-02-01")
    );
    assert_eq!(first_invoice(rule(1, 20), Cycle::Monthly, "31.00", "2026-01-21").0, "42.00");
}

#[test]
fn the_last_day_of_a_month_is_one_day() {
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Monthly, "31.00", "2026-01-31"),
        expect("32.00", "(2026-01-31 - 2026-02-28)", "2026-03-01")
    );
}

#[test]
fn a_february_is_divided_by_its_own_days() {
    let first = |price, order| first_invoice(rule(1, 31), Cycle::Monthly, price, order);
    assert_eq!(first("29.00", "2028-02-10"), expect("20.00", "(2028-02-10 - 2028-02-29)", "2028-03-01"));
    assert_eq!(first("28.00", "2027-02-10"), expect("19.00", "(2027-02-10 - 2027-02-28)", "2027-03-01"));
    assert_eq!(first("9.99", "2028-02-10").0, "6.89");
    assert_eq!(first("9.99", "2027-02-10").0, "6.78");
}

#[test]
fn the_31st_is_clamped_to_a_shorter_month() {
    assert_eq!(
        first_invoice(rule(31, 31), Cycle::Monthly, "28.00", "2027-02-10"),
        expect("18.00", "(2027-02-10 - 2027-02-27)", "2027-02-28")
    );
    // The full month after it ends on the 31st again.
    assert_eq!(
        first_invoice(rule(31, 5), Cycle::Monthly, "28.00", "2027-02-10"),
        expect("46.00", "(2027-02-10 - 2027-03-30)", "2027-03-31")
    );
    assert_eq!(
        first_invoice(rule(30, 31), Cycle::Monthly, "31.00", "2027-01-31"),
        expect("28.00", "(2027-01-31 - 2027-02-27)", "2027-02-28")
    );
}

#[test]
fn options_are_prorated_with_their_product_and_addons_by_its_day() {
    let january = |price| first_invoice(rule(1, 20), Cycle::Monthly, price, "2026-01-15");
    assert_eq!(january("37.20").0, "20.40");
    assert_eq!(january("3.10"), expect("1.70", "(2026-01-15 - 2026-01-31)", "2026-02-01"));
}

#[test]
fn a_month_that_starts_on_another_day_is_divided_by_the_days_of_the_order_month() {
    assert_eq!(
        first_invoice(rule(15, 31), Cycle::Monthly, "31.00", "2026-01-20"),
        expect("26.00", "(2026-01-20 - 2026-02-14)", "2026-02-15")
    );
    assert_eq!(
        first_invoice(rule(15, 31), Cycle::Monthly, "28.00", "2026-02-10"),
        expect("5.00", "(2026-02-10 - 2026-02-14)", "2026-02-15")
    );
}

#[test]
fn an_order_on_the_day_itself_is_not_prorated() {
    // Also past the cut-off: the one month that is paid is the whole next one.
    assert_eq!(
        first_invoice(rule(25, 20), Cycle::Monthly, "31.00", "2026-01-25"),
        expect("31.00", "(2026-01-25 - 2026-02-24)", "2026-02-25")
    );
    assert_eq!(
        first_invoice(rule(31, 20), Cycle::Monthly, "31.00", "2027-02-28"),
        expect("31.00", "(2027-02-28 - 2027-03-30)", "2027-03-31")
    );
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Annually, "100.00", "2026-01-01"),
        expect("100.00", "(2026-01-01 - 2026-12-31)", "2027-01-01")
    );
}

#[test]
fn other_cycles_pay_days_of_the_cycle_that_starts_with_the_order() {
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Annually, "365.00", "2026-01-15"),
        expect("17.00", "(2026-01-15 - 2026-01-31)", "2026-02-01")
    );
    assert_eq!(
        first_invoice(rule(1, 20), Cycle::Annually, "365.00", "2026-01-25"),
        expect("372.00", "(2026-01-25 - 2027-01-31)", "2027-02-01")
    );
    // 2027-06-15 – 2028-06-15 has 366 days.
    assert_eq!(first_invoice(rule(1, 20), Cycle::Annually, "366.00", "2027-06-15").0, "16.00");
    // 90.00 × 17/90: from 15 January to 15 April.
    assert_eq!(first_invoice(rule(1, 20), Cycle::Quarterly, "90.00", "2026-01-15").0, "17.00");
    let ten_days = Cycle::Every { count: 10, unit: Unit::Days };
    assert_eq!(
        first_invoice(rule(1, 10), ten_days, "10.00", "2026-01-15"),
        expect("27.00", "(2026-01-15 - 2026-02-10)", "2026-02-11")
    );
}

#[test]
fn every_month_is_a_month_however_it_is_written() {
    let every_month = Cycle::Every { count: 1, unit: Unit::Months };
    for order in ["2026-01-15", "2026-01-25", "2028-02-29"] {
        assert_eq!(
            first_period(rule(1, 20), every_month, date(order)),
            first_period(rule(1, 20), Cycle::Monthly, date(order))
        );
    }
}

#[test]
fn what_does_not_recur_is_not_prorated() {
    for cycle in [Cycle::Free, Cycle::OneTime] {
        for order in ["2026-01-01", "2026-01-15"] {
            assert_eq!(first_period(rule(1, 20), cycle, date(order)), Err(DateError::NotRecurring));
        }
    }
}

#[test]
fn exactly_half_is_rounded_up() {
    // 0.45 × 1/30 = 0.015
    assert_eq!(first_invoice(rule(1, 31), Cycle::Monthly, "0.45", "2026-04-30").0, "0.02");
    // 0.15 × 3/30 + 0.15 = 0.165
    assert_eq!(first_invoice(rule(1, 20), Cycle::Monthly, "0.15", "2026-04-28").0, "0.17");
    assert_eq!(first_invoice(rule(1, 20), Cycle::Monthly, "-0.15", "2026-04-28").0, "-0.17");
}

fn any_date() -> impl Strategy<Value = Date> {
    (0_i64..365 * 300).prop_map(|days| Date::MIN.plus_days(days).unwrap())
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    prop_oneof![
        3 => Just(Cycle::Monthly),
        2 => prop::sample::select(Cycle::RECURRING.to_vec()),
        1 => (1_u16..=999, prop::sample::select(Unit::ALL)).prop_map(|(count, unit)| Cycle::Every { count, unit }),
    ]
}

proptest! {
    #[test]
    fn the_two_parts_of_a_month_sum_to_the_whole(minor in 0_i64..100_000_000, order in any_date()) {
        prop_assume!(order.day() > 1);
        let price = Money::new(minor, Currency::parse("USD").unwrap());
        let rest = first_amount(price, &first_period(rule(1, 31), Cycle::Monthly, order).unwrap()).unwrap();
        // From the 1st to the day before the order, billed on the day of the order.
        let start = first_period(rule(order.day(), 31), Cycle::Monthly, order.first_of_month()).unwrap();
        prop_assert_eq!(start.next_due, order);
        let both = rest.checked_add(first_amount(price, &start).unwrap()).unwrap();
        prop_assert!((both.minor - price.minor).abs() <= 1, "{} of {}", both, price);
    }

    #[test]
    fn the_first_invoice_covers_every_day_up_to_the_next_due_date(
        order in any_date(), cycle in any_cycle(), day in 1_u8..=31, cutoff in 0_u8..=31,
    ) {
        let first = first_period(rule(day, cutoff), cycle, order).unwrap();
        prop_assert_eq!(first.period.from, order);
        prop_assert_eq!(first.numerator_days, first.period.days());
        prop_assert!(first.numerator_days > 0 && first.denominator_days > 0);
        match first.full_cycle {
            Some(full) => prop_assert_eq!((full.from, full.until), (first.period.until, first.next_due)),
            None => prop_assert_eq!(first.period.until, first.next_due),
        }
        if cycle.months().is_some() {
            prop_assert_eq!(first.next_due.day(), day.min(first.next_due.days_in_month()));
        }
    }

    #[test]
    fn the_part_of_a_month_never_costs_more_than_the_month(
        minor in 0_i64..100_000_000, order in any_date(), day in 1_u8..=31, cutoff in 0_u8..=31,
    ) {
        let price = Money::new(minor, Currency::parse("JPY").unwrap());
        let first = first_period(rule(day, cutoff), Cycle::Monthly, order).unwrap();
        let amount = first_amount(price, &first).unwrap();
        let full = if first.full_cycle.is_some() { minor } else { 0 };
        prop_assert!((full..=full + minor).contains(&amount.minor));
    }

    #[test]
    fn no_rule_makes_anything_panic(order in any_date(), cycle in any_cycle(), day in any::<u8>(), cutoff in any::<u8>(), minor in any::<i64>()) {
        let first = first_period(rule(day, cutoff), cycle, order).unwrap();
        let _ = first_amount(Money::new(minor, Currency::parse("USD").unwrap()), &first);
    }
}
