#![allow(clippy::unwrap_used)]

use kernel::Unit;

use super::*;

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn money(amount: &str, code: &str) -> Money {
    Money::parse(amount, Currency::parse(code).unwrap()).unwrap()
}

/// A service of 10.00 USD, paid and invoiced up to `due`.
fn charge(charge_id: i64, cycle: Cycle, due: &str) -> DueCharge {
    DueCharge {
        charge_id,
        client_id: 1,
        owner_kind: "service".to_owned(),
        owner_id: charge_id,
        description: format!("Hosting {charge_id}"),
        amount: money("10.00", "USD"),
        cycle,
        anchor_day: date(due).day(),
        gateway: "paypal".to_owned(),
        taxed: true,
        next_due_on: date(due),
        next_invoice_on: date(due),
        remaining: None,
        first: None,
    }
}

fn monthly(charge_id: i64, due: &str) -> DueCharge {
    charge(charge_id, Cycle::Monthly, due)
}

fn by(gateway: &str, charge: DueCharge) -> DueCharge {
    DueCharge { gateway: gateway.to_owned(), ..charge }
}

fn costing(amount: &str, charge: DueCharge) -> DueCharge {
    DueCharge { amount: money(amount, "USD"), ..charge }
}

fn lead(global: i64) -> Lead {
    Lead { global, per_cycle: [None; 6], domains: global }
}

fn grouping() -> Grouping {
    Grouping { separate: false, continuous: false, lead: lead(0) }
}

fn continuous() -> Grouping {
    Grouping { continuous: true, ..grouping() }
}

fn separate() -> Grouping {
    Grouping { separate: true, ..grouping() }
}

/// The charge ids on each invoice.
fn ids(grouped: &Grouped) -> Vec<Vec<i64>> {
    grouped.drafts.iter().map(|draft| charge_ids(&draft.lines)).collect()
}

fn charge_ids(lines: &[DraftLine]) -> Vec<i64> {
    lines.iter().map(|line| line.charge.charge_id).collect()
}

fn lines(grouped: &Grouped) -> Vec<DraftLine> {
    grouped.drafts.iter().flat_map(|draft| &draft.lines).chain(&grouped.advanced_only).cloned().collect()
}

/// The first day on which the charge is due, looking at every day of the quarter before.
fn first_due_day(charge: &DueCharge, grouping: &Grouping) -> String {
    let days = (-100..=0).map(|day| charge.next_due_on.plus_days(day).unwrap());
    days.into_iter().find(|day| is_due(charge, grouping, *day)).unwrap().to_string()
}

#[test]
fn an_invoice_is_made_the_lead_days_of_its_cycle_before_the_due_date() {
    let mut lead = Lead { global: 14, per_cycle: [None; 6], domains: 45 };
    (lead.per_cycle[0], lead.per_cycle[3]) = (Some(9), Some(30));
    let grouping = Grouping { lead, ..grouping() };
    let on = |cycle| first_due_day(&charge(1, cycle, "2026-03-31"), &grouping);
    assert_eq!(on(Cycle::Monthly), "2026-03-22");
    assert_eq!(on(Cycle::Annually), "2026-03-01");
    assert_eq!(on(Cycle::Quarterly), "2026-03-17");
    assert_eq!(on(Cycle::OneTime), "2026-03-17");
    assert_eq!(on(Cycle::Every { count: 1, unit: Unit::Months }), "2026-03-17");
    for cycle in [Cycle::Annually, Cycle::Every { count: 5, unit: Unit::Years }] {
        let domain = DueCharge { owner_kind: DOMAIN.to_owned(), ..charge(1, cycle, "2026-03-31") };
        assert_eq!(first_due_day(&domain, &grouping), "2026-02-14");
    }
}

#[test]
fn each_recurring_cycle_has_its_own_lead() {
    let lead = Lead { global: 99, per_cycle: [1, 2, 3, 4, 5, 6].map(Some), domains: 7 };
    let days = Cycle::RECURRING.map(|cycle| lead.days(&charge(1, cycle, "2026-03-31")));
    assert_eq!(days, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_second_run_on_the_same_day_makes_nothing() {
    for grouping in [grouping(), continuous()] {
        let mut charges = vec![monthly(1, "2026-03-31")];
        assert_eq!(run(&mut charges, &grouping, date("2026-03-31"), Payment::Never).len(), 1);
        assert_eq!(run(&mut charges, &grouping, date("2026-03-31"), Payment::Never), []);
    }
}

#[test]
fn charges_with_the_same_due_date_and_gateway_share_an_invoice() {
    let charges = || vec![monthly(1, "2026-04-01"), monthly(2, "2026-04-01"), by("bank", monthly(3, "2026-04-01"))];
    let grouped = group(charges(), &grouping(), date("2026-04-01")).unwrap();
    assert_eq!(ids(&grouped), [vec![3], vec![1, 2]]);
    let paypal = &grouped.drafts[1];
    assert_eq!((paypal.client_id, paypal.due_on, paypal.gateway.as_str()), (1, date("2026-04-01"), "paypal"));
    assert_eq!(paypal.currency.code(), "USD");
    let grouped = group(charges(), &separate(), date("2026-04-01")).unwrap();
    assert_eq!(ids(&grouped), [[3], [1], [2]]);
}

#[test]
fn due_dates_currencies_and_clients_are_never_mixed() {
    let euro = DueCharge { amount: money("10.00", "EUR"), ..monthly(2, "2026-04-01") };
    let other_client = DueCharge { client_id: 2, ..monthly(3, "2026-03-01") };
    let charges =
        vec![monthly(5, "2026-04-02"), other_client, euro, monthly(1, "2026-04-01"), monthly(4, "2026-03-31")];
    let grouped = group(charges, &grouping(), date("2026-04-02")).unwrap();
    assert_eq!(ids(&grouped), [[4], [2], [1], [5], [3]]);
}

#[test]
fn the_order_of_the_charges_does_not_matter() {
    let charges = [
        by("stripe", monthly(1, "2026-04-01")),
        monthly(2, "2026-04-01"),
        by("stripe", monthly(3, "2026-04-01")),
        costing("0.00", monthly(4, "2026-03-01")),
    ];
    let today = date("2026-04-01");
    for grouping in [grouping(), separate(), continuous()] {
        let expected = group(charges.to_vec(), &grouping, today).unwrap();
        for turn in 0..charges.len() {
            let mut turned = charges.to_vec();
            turned.rotate_left(turn);
            assert_eq!(group(turned.clone(), &grouping, today).unwrap(), expected);
            turned.reverse();
            assert_eq!(group(turned, &grouping, today).unwrap(), expected);
        }
    }
}

#[test]
fn without_continuous_invoicing_the_older_period_is_to_be_paid_first() {
    let mut charges = vec![monthly(1, "2026-01-01")];
    let today = date("2026-04-10");
    assert_eq!(run(&mut charges, &grouping(), today, Payment::Never), [(1, date("2026-01-01"))]);
    assert_eq!(run(&mut charges, &grouping(), today, Payment::Never), []);
    charges[0].next_due_on = date("2026-02-01");
    assert_eq!(run(&mut charges, &grouping(), today, Payment::Never), [(1, date("2026-02-01"))]);
}

#[test]
fn continuous_invoicing_catches_up_one_period_per_run() {
    let mut charges = vec![monthly(1, "2026-01-01")];
    let today = date("2026-04-10");
    run(&mut charges, &grouping(), today, Payment::Never);
    for from in ["2026-02-01", "2026-03-01", "2026-04-01"] {
        assert_eq!(run(&mut charges, &continuous(), today, Payment::Never), [(1, date(from))]);
    }
    assert_eq!(run(&mut charges, &continuous(), today, Payment::Never), []);
}

#[test]
fn a_line_says_which_period_it_is_for() {
    let text = |charge: DueCharge| {
        let grouped = group(vec![charge], &grouping(), date("2028-12-31")).unwrap();
        grouped.drafts[0].lines[0].description.clone()
    };
    assert_eq!(text(monthly(1, "2026-01-01")), "Hosting 1 (2026-01-01 - 2026-01-31)");
    assert_eq!(text(charge(2, Cycle::Annually, "2028-02-29")), "Hosting 2 (2028-02-29 - 2029-02-27)");
    let february = DueCharge { anchor_day: 31, ..monthly(3, "2027-02-28") };
    assert_eq!(text(february), "Hosting 3 (2027-02-28 - 2027-03-30)");
    let nameless = DueCharge { description: String::new(), ..monthly(4, "2026-01-01") };
    assert_eq!(text(nameless), "(2026-01-01 - 2026-01-31)");
    assert_eq!(text(charge(5, Cycle::OneTime, "2026-01-01")), "Hosting 5");
}

#[test]
fn a_one_time_charge_is_invoiced_once() {
    let mut charges = vec![DueCharge { remaining: Some(1), ..charge(1, Cycle::OneTime, "2026-01-31") }];
    let day = Period { from: date("2026-01-31"), until: date("2026-02-01") };
    let grouped = group(charges.clone(), &continuous(), day.from).unwrap();
    assert_eq!(grouped.drafts[0].lines[0].period, day);
    assert_eq!(run(&mut charges, &continuous(), day.from, Payment::AtOnce).len(), 1);
    assert_eq!(run(&mut charges, &continuous(), date("2030-01-01"), Payment::AtOnce), []);
}

#[test]
fn a_charge_ends_with_its_last_period() {
    let mut charges =
        vec![DueCharge { remaining: Some(3), ..charge(1, Cycle::Every { count: 2, unit: Unit::Weeks }, "2026-01-05") }];
    let mut invoiced = Vec::new();
    for day in 0..100 {
        let today = date("2026-01-01").plus_days(day).unwrap();
        invoiced.extend(run(&mut charges, &continuous(), today, Payment::Never));
    }
    assert_eq!(invoiced, ["2026-01-05", "2026-01-19", "2026-02-02"].map(|from| (1, date(from))));
    assert_eq!(charges[0].remaining, Some(0));
    let wrong = DueCharge { remaining: Some(-1), ..monthly(1, "2026-01-01") };
    assert!(!is_due(&wrong, &continuous(), Date::MAX));
}

#[test]
fn a_free_cycle_is_never_due() {
    let free = charge(1, Cycle::Free, "2026-01-01");
    assert!(!is_due(&free, &continuous(), Date::MAX));
    assert_eq!(group(vec![free], &continuous(), Date::MAX), Ok(Grouped::default()));
}

#[test]
fn a_charge_of_zero_shows_on_the_invoice_of_others() {
    let charges = vec![costing("0.00", monthly(1, "2026-04-01")), costing("-3.00", monthly(2, "2026-04-01"))];
    let grouped = group(charges.clone(), &grouping(), date("2026-04-01")).unwrap();
    assert_eq!(ids(&grouped), [[1, 2]]);
    assert_eq!(grouped.advanced_only, []);
    let grouped = group(charges, &separate(), date("2026-04-01")).unwrap();
    assert_eq!(ids(&grouped), [[2]]);
    assert_eq!(charge_ids(&grouped.advanced_only), [1]);
}

#[test]
fn charges_of_zero_alone_move_on_without_an_invoice() {
    let charges = vec![
        costing("0.00", monthly(1, "2026-04-01")),
        costing("0.00", monthly(2, "2026-04-01")),
        by("bank", monthly(3, "2026-04-01")),
    ];
    let grouped = group(charges, &grouping(), date("2026-04-01")).unwrap();
    assert_eq!(ids(&grouped), [[3]]);
    assert_eq!(charge_ids(&grouped.advanced_only), [1, 2]);
    assert_eq!(grouped.advanced_only[0].period.until, date("2026-05-01"));
}

#[test]
fn amounts_that_cancel_out_still_make_an_invoice() {
    let charges = vec![costing("5.00", monthly(1, "2026-04-01")), costing("-5.00", monthly(2, "2026-04-01"))];
    assert_eq!(ids(&group(charges, &grouping(), date("2026-04-01")).unwrap()), [[1, 2]]);
}

#[test]
fn nothing_due_makes_nothing() {
    assert_eq!(group(Vec::new(), &grouping(), date("2026-04-01")), Ok(Grouped::default()));
    assert_eq!(group(vec![monthly(1, "2026-04-02")], &grouping(), date("2026-04-01")), Ok(Grouped::default()));
}

#[test]
fn a_charge_whose_dates_contradict_each_other_is_named_not_guessed() {
    let wrong = DueCharge { next_invoice_on: date("2026-03-01"), ..monthly(7, "2026-04-01") };
    for grouping in [grouping(), continuous()] {
        let error = group(vec![monthly(1, "2026-04-01"), wrong.clone()], &grouping, date("2026-04-01")).unwrap_err();
        assert_eq!(error.charge_id, 7);
        assert_eq!(
            error.to_string(),
            "Charge 7: It is paid until 2026-04-01, but is to be invoiced from 2026-03-01. Correct a date."
        );
        assert_eq!(group(vec![wrong.clone()], &grouping, date("2026-02-28")), Ok(Grouped::default()), "not yet");
    }
}

#[test]
fn a_charge_is_not_taken_twice_in_one_run() {
    let later = DueCharge { next_invoice_on: date("2026-05-01"), ..monthly(7, "2026-04-01") };
    let error = group(vec![monthly(7, "2026-04-01"), later], &continuous(), date("2026-06-01")).unwrap_err();
    assert_eq!(error, DraftError { charge_id: 7, message: "It was given twice in one run.".to_owned() });
}

#[test]
fn the_end_of_the_calendar_is_an_error_of_its_charge() {
    for cycle in [Cycle::Monthly, Cycle::OneTime] {
        let error = group(vec![charge(9, cycle, "9999-12-31")], &grouping(), Date::MAX).unwrap_err();
        assert_eq!(error.charge_id, 9);
        assert_eq!(error.message, "The date is out of range. Use a year from 1900 to 9999.");
    }
    let edge = monthly(1, "1900-01-01");
    for days in [i64::MIN, 0, i64::MAX] {
        let _ = is_due(&edge, &Grouping { lead: lead(days), ..grouping() }, Date::MIN);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Payment {
    AtOnce,
    Never,
}

/// What the caller does: issue, move the charges on, and take the money. Returns the periods by charge and start.
fn run(charges: &mut [DueCharge], grouping: &Grouping, today: Date, payment: Payment) -> Vec<(i64, Date)> {
    let grouped = group(charges.to_vec(), grouping, today).unwrap();
    let lines = lines(&grouped);
    for line in &lines {
        let charge = charges.iter_mut().find(|charge| charge.charge_id == line.charge.charge_id).unwrap();
        charge.remaining = charge.remaining.map(|left| left - 1);
        charge.next_invoice_on = line.period.until;
        if payment == Payment::AtOnce || charge.amount.is_zero() {
            charge.next_due_on = line.period.until;
        }
    }
    lines.iter().map(|line| (line.charge.charge_id, line.period.from)).collect()
}

/// One of each kind, with starts that are apart.
fn portfolio() -> Vec<DueCharge> {
    let mut charges: Vec<DueCharge> = Cycle::RECURRING
        .into_iter()
        .chain([
            Cycle::Free,
            Cycle::OneTime,
            Cycle::Every { count: 10, unit: Unit::Days },
            Cycle::Every { count: 2, unit: Unit::Months },
        ])
        .zip(1..)
        .map(|(cycle, id)| charge(id, cycle, ["2027-01-31", "2027-02-01", "2027-02-14"][id as usize % 3]))
        .collect();
    charges.push(DueCharge { remaining: Some(4), ..monthly(20, "2027-01-29") });
    charges.push(costing("0.00", monthly(21, "2027-01-31")));
    charges.push(DueCharge { owner_kind: DOMAIN.to_owned(), ..charge(22, Cycle::Annually, "2027-03-10") });
    charges
}

/// All periods that runs on these days, and as many on the last one as it takes, invoice for the portfolio.
fn invoiced(days: impl Iterator<Item = i64>, grouping: &Grouping) -> Vec<(i64, Date)> {
    let mut charges = portfolio();
    let start = date("2027-01-01");
    let mut periods: Vec<(i64, Date)> =
        days.flat_map(|day| run(&mut charges, grouping, start.plus_days(day).unwrap(), Payment::AtOnce)).collect();
    loop {
        let more = run(&mut charges, grouping, start.plus_days(LAST_DAY).unwrap(), Payment::AtOnce);
        if more.is_empty() {
            break;
        }
        periods.extend(more);
    }
    periods.sort();
    periods
}

const LAST_DAY: i64 = 500;

#[test]
fn the_same_periods_are_invoiced_whether_a_run_happens_daily_or_with_gaps() {
    for base in [continuous(), grouping(), separate()] {
        for lead in [lead(0), Lead { global: 14, per_cycle: [Some(9), None, None, Some(30), None, None], domains: 60 }]
        {
            let grouping = Grouping { lead, ..base };
            let daily = invoiced(0..=LAST_DAY, &grouping);
            assert!(daily.len() > 80, "{}", daily.len());
            let mut once = daily.clone();
            once.dedup();
            assert_eq!(once, daily, "no period twice");
            assert_eq!(invoiced(std::iter::empty(), &grouping), daily, "all in the end");
            for gap in 2..60 {
                assert_eq!(invoiced((gap..=LAST_DAY).step_by(gap as usize), &grouping), daily, "every {gap} days");
            }
            // Gaps that grow and shrink: day² modulo a prime.
            for prime in [7, 31, 101, 499] {
                let days = (0..=LAST_DAY).filter(|day| day * day % prime < prime / 4);
                assert_eq!(invoiced(days, &grouping), daily, "{prime}");
            }
        }
    }
}

#[test]
fn the_periods_of_a_charge_tile_time() {
    let periods = invoiced(0..=LAST_DAY, &continuous());
    for charge in portfolio().iter().filter(|charge| charge.cycle.is_recurring()) {
        let mut expected = charge.next_due_on;
        for (_, from) in periods.iter().filter(|(id, _)| *id == charge.charge_id) {
            assert_eq!(*from, expected, "{}", charge.charge_id);
            expected = charge.cycle.advance(expected, charge.anchor_day).unwrap();
        }
    }
}

fn first(from: &str, until: &str, amount: &str, setup: &str) -> Option<First> {
    let period = Period { from: date(from), until: date(until) };
    Some(First { period, amount: money(amount, "USD"), setup: money(setup, "USD") })
}

#[test]
fn a_first_period_is_billed_as_it_was_agreed_with_its_setup_fee() {
    let charge = DueCharge { first: first("2026-01-25", "2026-03-01", "12.26", "5.00"), ..monthly(1, "2026-01-25") };
    let grouped = group(vec![charge], &grouping(), date("2026-01-25")).unwrap();
    let line = &grouped.drafts[0].lines[0];
    assert_eq!((line.amount, line.setup), (money("12.26", "USD"), Some(money("5.00", "USD"))));
    assert_eq!(
        (line.period.until, line.description.as_str()),
        (date("2026-03-01"), "Hosting 1 (2026-01-25 - 2026-02-28)")
    );
}

#[test]
fn a_due_date_that_was_moved_begins_a_whole_period_and_keeps_the_setup_fee() {
    let charge = DueCharge { first: first("2026-01-25", "2026-02-01", "2.26", "5.00"), ..monthly(1, "2026-01-27") };
    let grouped = group(vec![charge], &grouping(), date("2026-01-27")).unwrap();
    let line = &grouped.drafts[0].lines[0];
    assert_eq!((line.amount, line.setup), (money("10.00", "USD"), Some(money("5.00", "USD"))));
    assert_eq!(line.period.until, date("2026-02-27"));
}

#[test]
fn a_setup_fee_makes_an_invoice_even_of_a_free_period() {
    let with = |setup| {
        let first = first("2026-01-25", "2026-02-25", "0", setup);
        group(vec![DueCharge { first, ..costing("0", monthly(1, "2026-01-25")) }], &grouping(), date("2026-01-25"))
            .unwrap()
    };
    assert_eq!((with("5.00").drafts.len(), with("5.00").advanced_only.len()), (1, 0));
    assert_eq!((with("0").drafts.len(), with("0").advanced_only.len()), (0, 1));
}
