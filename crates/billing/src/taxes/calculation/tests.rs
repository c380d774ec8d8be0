#![allow(clippy::unwrap_used)]

use std::hash::{DefaultHasher, Hash, Hasher};

use super::*;

fn money(amount: &str, code: &str) -> Money {
    Money::parse(amount, currency(code)).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn usd(amount: &str) -> TaxableLine {
    TaxableLine { amount: money(amount, "USD"), taxed: true }
}

fn untaxed(line: TaxableLine) -> TaxableLine {
    TaxableLine { taxed: false, ..line }
}

fn cents(minor: i64) -> TaxableLine {
    TaxableLine { amount: Money::new(minor, currency("USD")), taxed: true }
}

fn level(rate: Rate) -> Option<Level> {
    let category = if rate.is_zero() { TaxCategory::Zero } else { TaxCategory::Standard };
    Some(Level { name: "Tax".to_owned(), rate, category })
}

/// As percentages; an empty one is no tax.
fn levels(rate1: &str, rate2: &str, compound: Compound) -> Levels {
    let [level1, level2] = [rate1, rate2].map(|rate| Rate::parse(rate).ok().and_then(level));
    Levels { level1, level2, compound }
}

fn one(rate: &str) -> Levels {
    levels(rate, "", Compound::OnPrice)
}

use Compound::{OnPrice, OnPriceAndTax};
use PriceMode::{Exclusive, Inclusive};
use TaxRounding::{PerDocument, PerLine};

const TAXED: Treatment = Treatment::Taxed;

fn exempt(category: TaxCategory, deduct_from_inclusive: Deduct) -> Treatment {
    Treatment::Exempt { category, deduct_from_inclusive }
}

/// Calculates in the currency of the first line, and checks what must always hold.
fn taxed(
    lines: &[TaxableLine],
    levels: &Levels,
    mode: PriceMode,
    rounding: TaxRounding,
    treatment: Treatment,
) -> Totals {
    let totals = calculate(lines, lines[0].amount.currency, levels, mode, rounding, treatment).unwrap();
    check(lines, &totals, mode, treatment);
    totals
}

fn check(lines: &[TaxableLine], totals: &Totals, mode: PriceMode, treatment: Treatment) {
    let sum = |part: fn(&LineTax) -> Money| totals.lines.iter().map(part).map(|money| money.minor).sum::<i64>();
    assert_eq!(sum(|line| line.net), totals.subtotal.minor);
    assert_eq!(sum(|line| line.tax1), totals.tax1.minor);
    assert_eq!(sum(|line| line.tax2), totals.tax2.minor);
    assert_eq!(sum(|line| line.gross), totals.total.minor);
    assert_eq!(totals.subtotal.minor + totals.tax1.minor + totals.tax2.minor, totals.total.minor);
    assert_eq!(lines.len(), totals.lines.len());
    for (line, tax) in lines.iter().zip(&totals.lines) {
        assert_eq!(tax.net.minor + tax.tax1.minor + tax.tax2.minor, tax.gross.minor);
        assert!(line.taxed || (tax.net == line.amount && tax.gross == line.amount));
        if treatment == TAXED {
            assert_eq!(if mode == Exclusive { tax.net } else { tax.gross }, line.amount);
        }
    }
}

/// Subtotal, tax 1, tax 2, total.
fn sums(totals: &Totals) -> [String; 4] {
    [totals.subtotal, totals.tax1, totals.tax2, totals.total].map(Money::decimal)
}

fn sums_of(lines: &[TaxableLine], levels: &Levels, mode: PriceMode, rounding: TaxRounding) -> [String; 4] {
    sums(&taxed(lines, levels, mode, rounding, TAXED))
}

fn tax1_of_lines(totals: &Totals) -> Vec<i64> {
    totals.lines.iter().map(|line| line.tax1.minor).collect()
}

// Worked example 25.
#[test]
fn two_levels_are_added_to_the_price() {
    for rounding in [PerLine, PerDocument] {
        let sums = |rate1, rate2, compound, price| {
            sums_of(&[usd(price)], &levels(rate1, rate2, compound), Exclusive, rounding)
        };
        assert_eq!(sums("5", "8", OnPrice, "100.00"), ["100.00", "5.00", "8.00", "113.00"]);
        assert_eq!(sums("5", "8", OnPriceAndTax, "100.00"), ["100.00", "5.00", "8.40", "113.40"]);
        assert_eq!(sums("5", "9.975", OnPrice, "49.99"), ["49.99", "2.50", "4.99", "57.48"]);
        assert_eq!(sums("5", "9.975", OnPriceAndTax, "49.99"), ["49.99", "2.50", "5.24", "57.73"]);
        assert_eq!(sums("", "8", OnPriceAndTax, "100.00"), ["100.00", "0.00", "8.00", "108.00"]);
    }
}

#[test]
fn the_second_tax_is_rounded_once_not_on_a_rounded_first() {
    // 0.45 × 10 % is 0.045; 50 % of 0.495 is 0.2475, whereas half of 0.50 would be 0.25 for either.
    assert_eq!(
        sums_of(&[usd("0.45")], &levels("10", "50", OnPriceAndTax), Exclusive, PerLine),
        ["0.45", "0.05", "0.25", "0.75"]
    );
    // 50 % of 0.055 is 0.0275; half of a rounded 0.06 would be 0.03 as well, but 45 % tells: 0.02475, not 0.027.
    assert_eq!(
        sums_of(&[usd("0.05")], &levels("10", "45", OnPriceAndTax), Exclusive, PerLine),
        ["0.05", "0.01", "0.02", "0.08"]
    );
}

// Worked example 26.
#[test]
fn taxes_are_taken_out_of_the_price() {
    for rounding in [PerLine, PerDocument] {
        let sums = |rate1, rate2, compound, price| {
            sums_of(&[usd(price)], &levels(rate1, rate2, compound), Inclusive, rounding)
        };
        assert_eq!(sums("20", "", OnPrice, "10.00"), ["8.33", "1.67", "0.00", "10.00"]);
        assert_eq!(sums("5", "8", OnPrice, "113.00"), ["100.00", "5.00", "8.00", "113.00"]);
        assert_eq!(sums("5", "8", OnPriceAndTax, "113.40"), ["100.00", "5.00", "8.40", "113.40"]);
        assert_eq!(sums("7.7", "", OnPrice, "19.90"), ["18.48", "1.42", "0.00", "19.90"]);
        // The net by itself would round to 0.01 more: 100.00 ÷ 1.13 is 88.4956.
        assert_eq!(sums("5", "8", OnPrice, "100.00"), ["88.50", "4.42", "7.08", "100.00"]);
    }
}

#[test]
fn the_subtotal_is_what_the_taxes_leave() {
    // 0.03 ÷ 3 is 0.01 for each part; 0.05 has 0.0167 in each tax and in the net, and the net gives way.
    let thirds = levels("100", "100", OnPrice);
    assert_eq!(sums_of(&[usd("0.03")], &thirds, Inclusive, PerLine), ["0.01", "0.01", "0.01", "0.03"]);
    assert_eq!(sums_of(&[usd("0.05")], &thirds, Inclusive, PerLine), ["0.01", "0.02", "0.02", "0.05"]);
}

// Worked example 27.
#[test]
fn rounding_on_the_sum_and_per_line_differ_as_expected() {
    let three = |price| [usd(price); 3];
    assert_eq!(sums_of(&three("0.15"), &one("10"), Exclusive, PerDocument), ["0.45", "0.05", "0.00", "0.50"]);
    assert_eq!(sums_of(&three("0.15"), &one("10"), Exclusive, PerLine), ["0.45", "0.06", "0.00", "0.51"]);
    assert_eq!(sums_of(&three("9.99"), &one("19"), Inclusive, PerDocument), ["25.18", "4.79", "0.00", "29.97"]);
    assert_eq!(sums_of(&three("9.99"), &one("19"), Inclusive, PerLine), ["25.17", "4.80", "0.00", "29.97"]);
}

#[test]
fn lines_share_the_tax_of_their_document() {
    let lines = |lines: &[TaxableLine], rate| tax1_of_lines(&taxed(lines, &one(rate), Exclusive, PerDocument, TAXED));
    // 1.5 each makes 4.5, so 5: the first two are rounded up.
    assert_eq!(lines(&[usd("0.15"); 3], "10"), [2, 2, 1]);
    // 1.4 + 1.4 + 1.4 makes 4.2, so 4; 0.9 + 1.2 + 1.9 makes 4.
    assert_eq!(lines(&[usd("0.14"); 3], "10"), [2, 1, 1]);
    assert_eq!(lines(&[usd("0.09"), usd("0.12"), usd("0.19")], "10"), [1, 1, 2]);
    assert_eq!(lines(&[usd("0.19"), untaxed(usd("0.19")), usd("0.19")], "10"), [2, 0, 2]);
}

#[test]
fn a_discount_takes_its_tax_away() {
    let lines = |lines: &[TaxableLine], rate| tax1_of_lines(&taxed(lines, &one(rate), Exclusive, PerDocument, TAXED));
    assert_eq!(lines(&[usd("100.00"), usd("-25.00")], "20"), [2000, -500]);
    // 1.5 − 0.6 = 0.9, so 1; 0.9 − 1.5 = −0.6, so −1; 0.5 − 0.5 = 0.
    // (To round 1.5 to 1 and −0.6 to 0 would sum up as well, but be further from the truth.)
    assert_eq!(lines(&[usd("0.15"), usd("-0.06")], "10"), [2, -1]);
    assert_eq!(lines(&[usd("0.09"), usd("-0.15")], "10"), [1, -2]);
    assert_eq!(lines(&[usd("0.05"), usd("-0.05")], "10"), [1, -1]);
    // −0.5 − 0.5 + 0.1 = −0.9, so −1.
    assert_eq!(lines(&[usd("-0.05"), usd("-0.05"), usd("0.01")], "10"), [-1, 0, 0]);
}

#[test]
fn only_taxed_lines_are_taxed() {
    let lines = [usd("100.00"), untaxed(usd("50.00"))];
    for rounding in [PerLine, PerDocument] {
        let exclusive = taxed(&lines, &one("20"), Exclusive, rounding, TAXED);
        assert_eq!(sums(&exclusive), ["150.00", "20.00", "0.00", "170.00"]);
        let inclusive = taxed(&lines, &one("20"), Inclusive, rounding, TAXED);
        assert_eq!(sums(&inclusive), ["133.33", "16.67", "0.00", "150.00"]);
        assert_eq!(inclusive.lines[1].category, TaxCategory::Exempt);
    }
}

// Worked example 28.
#[test]
fn who_is_exempt_pays_the_price_with_or_without_the_tax_in_it() {
    for rounding in [PerLine, PerDocument] {
        let pays = |price, mode, deduct| {
            let totals = taxed(&[usd(price)], &one("20"), mode, rounding, exempt(TaxCategory::Exempt, deduct));
            sums(&totals)
        };
        assert_eq!(pays("120.00", Inclusive, Deduct::No), ["120.00", "0.00", "0.00", "120.00"]);
        assert_eq!(pays("120.00", Inclusive, Deduct::Yes), ["100.00", "0.00", "0.00", "100.00"]);
        assert_eq!(pays("10.00", Inclusive, Deduct::Yes), ["8.33", "0.00", "0.00", "8.33"]);
        for deduct in [Deduct::Yes, Deduct::No] {
            assert_eq!(pays("120.00", Exclusive, deduct), ["120.00", "0.00", "0.00", "120.00"]);
        }
    }
    let compound = levels("5", "8", OnPriceAndTax);
    let lines = [usd("113.40"), untaxed(usd("7.00"))];
    let totals = taxed(&lines, &compound, Inclusive, PerDocument, exempt(TaxCategory::ReverseCharge, Deduct::Yes));
    assert_eq!(sums(&totals), ["107.00", "0.00", "0.00", "107.00"]);
}

#[test]
fn each_line_says_why_it_is_taxed_so() {
    let categories = |levels: &Levels, treatment| {
        let totals = taxed(&[usd("10"), untaxed(usd("5"))], levels, Exclusive, PerLine, treatment);
        (totals.lines[0].category, totals.lines[1].category)
    };
    use TaxCategory::*;
    assert_eq!(categories(&one("20"), TAXED), (Standard, Exempt));
    assert_eq!(categories(&levels("0", "8", OnPrice), TAXED), (Standard, Exempt));
    assert_eq!(categories(&levels("0", "0", OnPrice), TAXED), (Zero, Exempt));
    assert_eq!(categories(&one("0"), TAXED), (Zero, Exempt));
    assert_eq!(categories(&one(""), TAXED), (OutsideScope, OutsideScope));
    for deduct in [Deduct::Yes, Deduct::No] {
        assert_eq!(categories(&one("20"), exempt(ReverseCharge, deduct)), (ReverseCharge, Exempt));
        assert_eq!(categories(&one("20"), exempt(OutsideScope, deduct)), (OutsideScope, OutsideScope));
    }
}

#[test]
fn a_rate_of_nought_says_why() {
    let nought = |category| Some(Level { name: "VAT".to_owned(), rate: Rate::ZERO, category });
    let of = |level1, level2| {
        let totals = taxed(&[usd("10")], &Levels { level1, level2, compound: OnPrice }, Exclusive, PerLine, TAXED);
        totals.lines[0].category
    };
    use TaxCategory::*;
    for category in [Zero, Exempt, ReverseCharge, OutsideScope] {
        assert_eq!(of(nought(category), None), category);
        assert_eq!(of(None, nought(category)), category);
        assert_eq!(of(nought(category), nought(Zero)), category);
        assert_eq!(of(nought(category), level(Rate::parse("8").unwrap())), Standard);
    }
}

#[test]
fn no_tax_leaves_the_amounts_alone() {
    for levels in [one(""), one("0"), levels("0", "0", OnPriceAndTax)] {
        for mode in [Exclusive, Inclusive] {
            for rounding in [PerLine, PerDocument] {
                let lines = [usd("19.99"), usd("-0.01")];
                assert_eq!(sums_of(&lines, &levels, mode, rounding), ["19.98", "0.00", "0.00", "19.98"]);
            }
        }
    }
}

#[test]
fn currencies_round_to_their_own_minor_unit() {
    let sums = |amount, code, rate, mode| {
        sums_of(&[TaxableLine { amount: money(amount, code), taxed: true }], &one(rate), mode, PerDocument)
    };
    assert_eq!(sums("1985", "JPY", "10", Exclusive), ["1985", "199", "0", "2184"]);
    assert_eq!(sums("1985", "JPY", "10", Inclusive), ["1805", "180", "0", "1985"]);
    assert_eq!(sums("1.005", "KWD", "5", Exclusive), ["1.005", "0.050", "0.000", "1.055"]);
    assert_eq!(sums("1.010", "KWD", "5", Exclusive), ["1.010", "0.051", "0.000", "1.061"]);
    assert_eq!(sums("1.000", "KWD", "15", Inclusive), ["0.870", "0.130", "0.000", "1.000"]);
}

#[test]
fn no_lines_make_zero_in_the_currency() {
    let totals = calculate(&[], currency("JPY"), &one("19"), Inclusive, PerDocument, TAXED).unwrap();
    assert_eq!(sums(&totals), ["0", "0", "0", "0"]);
    assert_eq!(totals.lines, []);
}

#[test]
fn another_currency_is_an_error() {
    let euro = TaxableLine { amount: money("1", "EUR"), taxed: false };
    for mode in [Exclusive, Inclusive] {
        for rounding in [PerLine, PerDocument] {
            let result = calculate(&[usd("1"), euro], currency("USD"), &one("19"), mode, rounding, TAXED);
            assert!(matches!(result, Err(MoneyError::CurrencyMismatch { .. })));
        }
    }
}

#[test]
fn what_is_too_large_is_an_error() {
    let most = [levels("1000", "1000", OnPriceAndTax), levels("1000", "1000", OnPrice), one("0.0001"), one("0")];
    for (lines, levels) in [vec![cents(i64::MAX); 2], vec![cents(i64::MIN); 2]].into_iter().zip(most.iter().cycle()) {
        for mode in [Exclusive, Inclusive] {
            for rounding in [PerLine, PerDocument] {
                let result = calculate(&lines, currency("USD"), levels, mode, rounding, TAXED);
                assert_eq!(result, Err(MoneyError::Overflow));
            }
        }
    }
    // The document's tax would fit, those of its lines do not.
    let lines = [cents(i64::MAX / 2), cents(-i64::MAX / 2)];
    for rounding in [PerLine, PerDocument] {
        let result = calculate(&lines, currency("USD"), &most[0], Exclusive, rounding, TAXED);
        assert_eq!(result, Err(MoneyError::Overflow));
        let contained = taxed(&lines, &most[0], Inclusive, rounding, TAXED);
        assert_eq!(sums(&contained), ["0.00"; 4]);
    }
}

#[test]
fn a_rate_outside_its_limits_is_an_error() {
    for units in [i64::MIN, -WHOLE, -1, Rate::MAX.units() + 1, i64::MAX] {
        let levels = Levels { level1: None, level2: level(Rate::from_units(units)), compound: OnPriceAndTax };
        for mode in [Exclusive, Inclusive] {
            let result = calculate(&[usd("1")], currency("USD"), &levels, mode, PerLine, TAXED);
            assert!(matches!(result, Err(MoneyError::NotARate(_))), "{units}");
        }
    }
}

/// Numbers without a pattern, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        self.0 += 1;
        hasher.finish() % limit
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Small amounts, where rounding matters most, and large ones, of both signs.
    fn line(&mut self, currency: Currency) -> TaxableLine {
        let limit = self.pick(&[10, 100, 10_000, 1_000_000_000_000]);
        let sign = self.pick(&[1, 1, 1, -1]);
        let minor = self.below(limit) as i64 * sign;
        TaxableLine { amount: Money::new(minor, currency), taxed: self.below(5) > 0 }
    }

    fn lines(&mut self) -> Vec<TaxableLine> {
        let currency = currency(self.pick(&["JPY", "USD", "KWD"]));
        (0..=self.below(9)).map(|_| self.line(currency)).collect()
    }

    /// Real rates, and any up to 100 %.
    fn level(&mut self) -> Option<Level> {
        let any = self.below(WHOLE as u64 + 1) as i64;
        let units = self.pick(&[0, 50_000, 82_500, 99_750, 190_000, 200_000, 333_333, WHOLE, any, any]);
        Some(Rate::from_units(units)).filter(|_| self.below(6) > 0).and_then(level)
    }

    fn levels(&mut self) -> Levels {
        Levels { level1: self.level(), level2: self.level(), compound: self.pick(Compound::ALL) }
    }
}

/// 5 000 documents: lines, levels, mode, rounding.
fn documents() -> impl Iterator<Item = (Vec<TaxableLine>, Levels, PriceMode, TaxRounding)> {
    let mut dice = Dice(0);
    std::iter::from_fn(move || {
        Some((dice.lines(), dice.levels(), dice.pick(PriceMode::ALL), dice.pick(TaxRounding::ALL)))
    })
    .take(5_000)
}

fn treatments() -> [Treatment; 3] {
    [TAXED, exempt(TaxCategory::Exempt, Deduct::Yes), exempt(TaxCategory::Exempt, Deduct::No)]
}

#[test]
fn lines_sum_to_the_totals_of_any_document() {
    for (lines, levels, mode, rounding) in documents() {
        for treatment in treatments() {
            taxed(&lines, &levels, mode, rounding, treatment);
        }
    }
}

#[test]
fn a_credit_note_mirrors_any_document() {
    let back = |money: Money| money.checked_neg().unwrap();
    for (lines, levels, mode, rounding) in documents() {
        let credit: Vec<TaxableLine> =
            lines.iter().map(|line| TaxableLine { amount: back(line.amount), ..*line }).collect();
        for treatment in treatments() {
            let mut totals = taxed(&lines, &levels, mode, rounding, treatment);
            for line in &mut totals.lines {
                let [net, tax1, tax2, gross] = [line.net, line.tax1, line.tax2, line.gross].map(back);
                *line = LineTax { net, tax1, tax2, gross, ..*line };
            }
            let [subtotal, tax1, tax2, total] = [totals.subtotal, totals.tax1, totals.tax2, totals.total].map(back);
            let mirrored = Totals { subtotal, tax1, tax2, total, ..totals };
            assert_eq!(taxed(&credit, &levels, mode, rounding, treatment), mirrored);
        }
    }
}

#[test]
fn the_tax_of_a_document_is_that_of_its_sum_and_near_that_of_each_line() {
    for (lines, levels, mode, _) in documents() {
        let totals = taxed(&lines, &levels, mode, PerDocument, TAXED);
        let minor = lines.iter().filter(|line| line.taxed).map(|line| line.amount.minor).sum();
        let sum = TaxableLine { amount: Money::new(minor, lines[0].amount.currency), taxed: true };
        let whole = taxed(&[sum], &levels, mode, PerLine, TAXED);
        assert_eq!((totals.tax1, totals.tax2), (whole.tax1, whole.tax2));
        let [share1, share2] = shares(&levels, mode).unwrap();
        for (line, tax) in lines.iter().zip(&totals.lines) {
            for (share, tax) in [(share1, tax.tax1), (share2, tax.tax2)] {
                let (den, exact) = (i128::from(share.den), i128::from(base(line).minor) * i128::from(share.num));
                assert!((i128::from(tax.minor) * den - exact).abs() < den, "{line:?} bears {tax}");
            }
        }
    }
}

#[test]
fn adding_the_tax_to_what_it_was_taken_out_of_gives_the_same_total() {
    for (lines, levels, _, rounding) in documents() {
        let inclusive = taxed(&lines, &levels, Inclusive, rounding, TAXED);
        let nets: Vec<TaxableLine> =
            lines.iter().zip(&inclusive.lines).map(|(line, tax)| TaxableLine { amount: tax.net, ..*line }).collect();
        let exclusive = taxed(&nets, &levels, Exclusive, rounding, TAXED);
        // Each rounding moves the net by half a unit, which its taxes multiply, and half a unit comes on top.
        let rates = [&levels.level1, &levels.level2].into_iter().flatten().map(|level| level.rate.units());
        let roundings = rates.clone().count() * if rounding == PerLine { lines.len() } else { 1 };
        let factor: f64 = rates.map(|units| 1.0 + units as f64 / WHOLE as f64).product();
        let difference = (inclusive.total.minor - exclusive.total.minor).abs();
        assert!(difference as f64 <= roundings as f64 * (1.0 + factor) / 2.0, "{difference}: {lines:?} {levels:?}");
    }
}

#[test]
fn one_tax_put_back_differs_by_at_most_one_minor_unit() {
    for rate in ["0", "2.5", "7.7", "8.25", "19", "20", "25", "27", "33.3333", "99.9999", "100"] {
        for minor in -1500..1500 {
            let inclusive = taxed(&[cents(minor)], &one(rate), Inclusive, PerDocument, TAXED);
            let net = TaxableLine { amount: inclusive.subtotal, taxed: true };
            let exclusive = taxed(&[net], &one(rate), Exclusive, PerDocument, TAXED);
            assert!((exclusive.total.minor - minor).abs() <= 1, "{minor} at {rate} %");
        }
    }
}

#[test]
fn nothing_makes_a_calculation_panic() {
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let mut dice = Dice(1 << 40);
    for _ in 0..20_000 {
        let lines: Vec<TaxableLine> = (0..dice.below(4)).map(|_| cents(dice.pick(&extremes))).collect();
        let rates = [0, 1, WHOLE, Rate::MAX.units(), -1, i64::MIN, i64::MAX];
        let [level1, level2] = [dice.pick(&rates), dice.pick(&rates)].map(|units| level(Rate::from_units(units)));
        let levels = Levels { level1, level2, compound: dice.pick(Compound::ALL) };
        let (mode, rounding) = (dice.pick(PriceMode::ALL), dice.pick(TaxRounding::ALL));
        if let Ok(totals) = calculate(&lines, currency("USD"), &levels, mode, rounding, dice.pick(&treatments())) {
            assert_eq!(totals.lines.len(), lines.len());
        }
    }
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn rule(id: i64, country: &str, state: &str) -> Rule {
    let place = |text: &str| nonempty(text).map(str::to_owned);
    Rule {
        id,
        level: 1,
        name: "VAT".to_owned(),
        country: place(country),
        state: place(state),
        rate: Rate::parse("19").unwrap(),
        category: TaxCategory::Standard,
        valid_from: None,
        valid_until: None,
    }
}

fn valid(rule: Rule, from: &str, until: &str) -> Rule {
    Rule { valid_from: Date::parse(from).ok(), valid_until: Date::parse(until).ok(), ..rule }
}

fn chosen(rules: &[Rule], country: &str, state: &str, on: &str) -> Option<i64> {
    choose(rules, 1, country, state, date(on)).map(|rule| rule.id)
}

#[test]
fn the_most_specific_rule_wins() {
    let rules = [rule(9, "", ""), rule(1, "CA", "Québec"), rule(8, "CA", ""), rule(2, "CA", "ON"), rule(7, "US", "")];
    let chosen = |country, state| chosen(&rules, country, state, "2026-01-01");
    assert_eq!(chosen("CA", "Québec"), Some(1));
    assert_eq!(chosen("ca", " QUÉBEC "), Some(1));
    assert_eq!(chosen("CA", "on"), Some(2));
    assert_eq!(chosen("CA", "BC"), Some(8));
    assert_eq!(chosen("CA", ""), Some(8));
    assert_eq!(chosen("US", "ON"), Some(7));
    assert_eq!(chosen("DE", "ON"), Some(9));
    assert_eq!(chosen("", ""), Some(9));
    assert_eq!(super::choose(&rules[1..], 1, "DE", "", date("2026-01-01")), None);
}

#[test]
fn a_state_without_a_country_names_no_place() {
    let rules = [rule(1, "", "ON"), rule(2, "CA", "")];
    assert_eq!(chosen(&rules, "CA", "ON", "2026-01-01"), Some(2));
    assert_eq!(chosen(&rules, "US", "ON", "2026-01-01"), None);
    let blank = Rule { country: Some(" ".to_owned()), state: Some(String::new()), ..rule(3, "", "") };
    assert_eq!(chosen(&[blank], "US", "", "2026-01-01"), Some(3), "blank is absent");
}

#[test]
fn each_level_has_its_own_rules() {
    let rules = [rule(1, "CA", ""), Rule { level: 2, ..rule(2, "CA", "QC") }];
    let on = date("2026-01-01");
    assert_eq!(choose(&rules, 1, "CA", "QC", on).map(|rule| rule.id), Some(1));
    assert_eq!(choose(&rules, 2, "CA", "QC", on).map(|rule| rule.id), Some(2));
    assert_eq!(choose(&rules, 2, "CA", "ON", on), None);
    assert_eq!(choose(&rules, 3, "CA", "QC", on), None);
}

#[test]
fn a_rate_applies_from_its_first_to_its_last_day() {
    // Germany in 2020.
    let rules = [
        valid(rule(1, "DE", ""), "2007-01-01", "2020-06-30"),
        valid(rule(2, "DE", ""), "2020-07-01", "2020-12-31"),
        valid(rule(3, "DE", ""), "2021-01-01", ""),
    ];
    for (on, expected) in [
        ("2006-12-31", None),
        ("2007-01-01", Some(1)),
        ("2020-06-30", Some(1)),
        ("2020-07-01", Some(2)),
        ("2020-12-31", Some(2)),
        ("2021-01-01", Some(3)),
        ("2099-01-01", Some(3)),
    ] {
        assert_eq!(chosen(&rules, "DE", "", on), expected, "{on}");
    }
    let ended = [valid(rule(1, "DE", ""), "", "2020-06-30"), rule(2, "", "")];
    assert_eq!(chosen(&ended, "DE", "", "2020-07-01"), Some(2), "the less specific one takes over");
}

#[test]
fn of_equally_specific_rules_the_newest_wins() {
    let since = |id, from| valid(rule(id, "DE", ""), from, "");
    let rules = [since(5, ""), since(2, "2021-01-01"), since(4, "2020-01-01")];
    assert_eq!(chosen(&rules, "DE", "", "2026-01-01"), Some(2));
    assert_eq!(chosen(&rules, "DE", "", "2020-06-01"), Some(4));
    assert_eq!(chosen(&rules, "DE", "", "2019-06-01"), Some(5));
    let same = [since(3, "2021-01-01"), since(6, "2021-01-01"), since(4, "2021-01-01")];
    assert_eq!(chosen(&same, "DE", "", "2026-01-01"), Some(6));
}

#[test]
fn the_order_of_the_rules_does_not_matter() {
    let mut dice = Dice(1 << 41);
    for _ in 0..2_000 {
        let mut rules: Vec<Rule> = (0..6)
            .map(|id| {
                let (country, state) = (dice.pick(&["", "CA", "US"]), dice.pick(&["", "ON"]));
                valid(
                    rule(id, country, state),
                    dice.pick(&["", "2020-01-01", "2021-01-01"]),
                    dice.pick(&["", "2022-01-01"]),
                )
            })
            .collect();
        let on = dice.pick(&["2019-01-01", "2020-06-01", "2022-01-01", "2022-01-02"]);
        let expected = chosen(&rules, "CA", "ON", on);
        for _ in 0..rules.len() {
            rules.rotate_left(1);
            assert_eq!(chosen(&rules, "CA", "ON", on), expected);
        }
    }
}
