//! How much tax is on a document, and which rule's rate applies where.
//!
//! A tax is a fraction of the amounts as they are entered (without tax, or with it), rounded half up once: on each
//! line, or on the sum of the taxed lines. Nothing is computed from a rounded amount, except that what is left after
//! the taxes is the net of prices that include them.

use kernel::{Currency, Date, Money, MoneyError, Rate, Rounding, nonempty, text_enum};

#[cfg(test)]
mod tests;

text_enum! {
    /// Why a line bears the tax it bears; what electronic invoices state in codes (UNCL 5305: S, Z, E, AE, O).
    pub enum TaxCategory {
        Standard = "standard",
        /// Taxed at 0 %.
        Zero = "zero",
        /// Freed from a tax that would otherwise apply.
        Exempt = "exempt",
        /// The buyer owes the tax.
        ReverseCharge = "reverse_charge",
        /// No tax of this place applies. Never on one document with other categories.
        OutsideScope = "outside_scope",
    }
}

text_enum! {
    /// Whether the amounts of lines are without tax or include it.
    pub enum PriceMode { Exclusive = "exclusive", Inclusive = "inclusive" }
}

text_enum! {
    pub enum TaxRounding { PerLine = "line", PerDocument = "document" }
}

text_enum! {
    /// What the second tax is a percentage of.
    pub enum Compound { OnPrice = "price", OnPriceAndTax = "price_and_tax" }
}

text_enum! {
    /// Whether who bears no tax pays a price that includes it without the tax, or in full.
    pub enum Deduct { Yes = "yes", No = "no" }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pub name: String,
    pub rate: Rate,
    /// Why the rate is what it is. A rate above 0 is the standard category, whatever this says.
    pub category: TaxCategory,
}

/// The taxes that apply to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    pub level1: Option<Level>,
    pub level2: Option<Level>,
    pub compound: Compound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxableLine {
    /// Negative for discounts, and on credit notes.
    pub amount: Money,
    pub taxed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    Taxed,
    /// The buyer pays no tax; `category` says why.
    Exempt {
        category: TaxCategory,
        deduct_from_inclusive: Deduct,
    },
}

/// `gross` is `net` with both taxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTax {
    pub net: Money,
    pub tax1: Money,
    pub tax2: Money,
    pub gross: Money,
    pub category: TaxCategory,
}

/// The sums of the lines, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    pub lines: Vec<LineTax>,
    pub subtotal: Money,
    pub tax1: Money,
    pub tax2: Money,
    pub total: Money,
}

/// The taxes on lines that are all in `currency`. Turning the sign of every line turns the sign of every result, so
/// that a credit note takes back exactly what was charged.
///
/// A line that is not taxed is exempt, unless no tax applies to the document at all. With
/// [`TaxRounding::PerDocument`] the tax of the document is what its sum says, and the lines share it: each bears its
/// exact tax, rounded either way.
///
/// Fails on sums that are too large, on lines in another currency, and on rates outside of 0 to 1000 %.
pub fn calculate(
    lines: &[TaxableLine],
    currency: Currency,
    levels: &Levels,
    mode: PriceMode,
    rounding: TaxRounding,
    treatment: Treatment,
) -> Result<Totals, MoneyError> {
    let [share1, share2] = shares(levels, mode)?;
    let tax1 = taxes(lines, currency, share1, rounding)?;
    let tax2 = taxes(lines, currency, share2, rounding)?;
    let category = category(levels, treatment);
    let lines = lines
        .iter()
        .zip(tax1.into_iter().zip(tax2))
        .map(|(line, (tax1, tax2))| {
            let taxed = line_tax(line.amount, tax1, tax2, mode, category_of(line, category))?;
            treated(taxed, line.amount, treatment)
        })
        .collect::<Result<_, _>>()?;
    totals(lines, currency)
}

/// A tax as `num` ÷ `den` of the amount as entered.
#[derive(Clone, Copy)]
struct Share {
    num: i64,
    den: i64,
}

/// What 100 % is in units of a rate.
const WHOLE: i64 = 1_000_000;

/// With rates r and s, and prices p without tax, the taxes are r·p and s·p, or compound s·(1+r)·p. A price with tax
/// is (1+r+s)·p, or compound (1+r)·(1+s)·p.
fn shares(levels: &Levels, mode: PriceMode) -> Result<[Share; 2], MoneyError> {
    let (r, s) = (units(&levels.level1)?, units(&levels.level2)?);
    // Both at most 11 × 10⁶, so no product of two leaves an i64.
    let (one_and_r, one_and_s) = (WHOLE + r, WHOLE + s);
    Ok(match (mode, levels.compound) {
        (PriceMode::Exclusive, Compound::OnPrice) => [Share { num: r, den: WHOLE }, Share { num: s, den: WHOLE }],
        (PriceMode::Exclusive, Compound::OnPriceAndTax) => {
            [Share { num: r, den: WHOLE }, Share { num: s * one_and_r, den: WHOLE * WHOLE }]
        }
        (PriceMode::Inclusive, Compound::OnPrice) => [r, s].map(|num| Share { num, den: one_and_r + s }),
        (PriceMode::Inclusive, Compound::OnPriceAndTax) => {
            [r * WHOLE, s * one_and_r].map(|num| Share { num, den: one_and_r * one_and_s })
        }
    })
}

fn units(level: &Option<Level>) -> Result<i64, MoneyError> {
    let rate = level.as_ref().map_or(Rate::ZERO, |level| level.rate);
    if (Rate::ZERO..=Rate::MAX).contains(&rate) {
        Ok(rate.units())
    } else {
        Err(MoneyError::NotARate(format!("“{rate}”")))
    }
}

/// The tax of each line.
fn taxes(
    lines: &[TaxableLine],
    currency: Currency,
    share: Share,
    rounding: TaxRounding,
) -> Result<Vec<Money>, MoneyError> {
    match rounding {
        TaxRounding::PerLine => lines.iter().map(|line| share.of(base(line))).collect(),
        TaxRounding::PerDocument => {
            let document = share.of(Money::sum(lines.iter().map(base), currency)?)?;
            spread(document, lines, share)
        }
    }
}

/// What of a line is taxed.
fn base(line: &TaxableLine) -> Money {
    if line.taxed { line.amount } else { Money::zero(line.amount.currency) }
}

impl Share {
    fn of(self, amount: Money) -> Result<Money, MoneyError> {
        amount.times_ratio(self.num, self.den, Rounding::HalfUp)
    }

    /// Rounded, and by how much the exact tax is more than that, in parts of `den`.
    fn with_remainder(self, amount: Money) -> Result<(Money, i128), MoneyError> {
        let rounded = self.of(amount)?;
        let exact = i128::from(amount.minor) * i128::from(self.num);
        Ok((rounded, exact - i128::from(rounded.minor) * i128::from(self.den)))
    }
}

/// Shares out the document's tax by largest remainder: first each line's own, rounded; then the units that are
/// missing or too many, one each, where the rounding lost or added most. On a tie the earlier line bears more.
/// (`Money::allocate` does this for weights of one sign; here a discount takes tax away.)
fn spread(document: Money, lines: &[TaxableLine], share: Share) -> Result<Vec<Money>, MoneyError> {
    let (mut taxes, remainders): (Vec<Money>, Vec<i128>) =
        lines.iter().map(|line| share.with_remainder(base(line))).collect::<Result<_, _>>()?;
    let missing = document.checked_sub(Money::sum(taxes.iter().copied(), document.currency)?)?;
    let unit = Money::new(missing.minor.signum(), document.currency);
    let mut order: Vec<usize> = (0..lines.len()).collect();
    if unit.minor != document.minor.signum() {
        order.reverse();
    }
    order.sort_by_key(|index| std::cmp::Reverse(remainders[*index] * i128::from(unit.minor)));
    // There are always enough lines that were rounded the other way: no rounding changes a line by more than half a
    // unit, and all of them together make up what is missing.
    for index in order.into_iter().take(usize::try_from(missing.abs().minor).unwrap_or(usize::MAX)) {
        taxes[index] = taxes[index].checked_add(unit)?;
    }
    Ok(taxes)
}

/// The category of what is taxed.
fn category(levels: &Levels, treatment: Treatment) -> TaxCategory {
    match treatment {
        Treatment::Exempt { category, .. } => category,
        Treatment::Taxed => levels.category(),
    }
}

impl Levels {
    /// Why what is taxed bears the tax it bears. Where two taxes of 0 % apply, the first says.
    pub fn category(&self) -> TaxCategory {
        let mut applying = [&self.level1, &self.level2].into_iter().flatten();
        let Some(first) = applying.next() else { return TaxCategory::OutsideScope };
        if !first.rate.is_zero() || applying.any(|level| !level.rate.is_zero()) {
            return TaxCategory::Standard;
        }
        match first.category {
            TaxCategory::Standard => TaxCategory::Zero,
            other => other,
        }
    }
}

fn category_of(line: &TaxableLine, taxed: TaxCategory) -> TaxCategory {
    if line.taxed || taxed == TaxCategory::OutsideScope { taxed } else { TaxCategory::Exempt }
}

fn line_tax(
    amount: Money,
    tax1: Money,
    tax2: Money,
    mode: PriceMode,
    category: TaxCategory,
) -> Result<LineTax, MoneyError> {
    let tax = tax1.checked_add(tax2)?;
    let (net, gross) = match mode {
        PriceMode::Exclusive => (amount, amount.checked_add(tax)?),
        PriceMode::Inclusive => (amount.checked_sub(tax)?, amount),
    };
    Ok(LineTax { net, tax1, tax2, gross, category })
}

/// Takes the taxes away from who pays none: of prices that include them, only if they are to be deducted.
fn treated(taxed: LineTax, amount: Money, treatment: Treatment) -> Result<LineTax, MoneyError> {
    let paid = match treatment {
        Treatment::Taxed => return Ok(taxed),
        Treatment::Exempt { deduct_from_inclusive: Deduct::Yes, .. } => taxed.net,
        Treatment::Exempt { deduct_from_inclusive: Deduct::No, .. } => amount,
    };
    let zero = Money::zero(amount.currency);
    Ok(LineTax { net: paid, tax1: zero, tax2: zero, gross: paid, category: taxed.category })
}

fn totals(lines: Vec<LineTax>, currency: Currency) -> Result<Totals, MoneyError> {
    let sum = |part: fn(&LineTax) -> Money| Money::sum(lines.iter().map(part), currency);
    Ok(Totals {
        subtotal: sum(|line| line.net)?,
        tax1: sum(|line| line.tax1)?,
        tax2: sum(|line| line.tax2)?,
        total: sum(|line| line.gross)?,
        lines,
    })
}

/// A rate for a place and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: i64,
    /// 1 or 2.
    pub level: u8,
    pub name: String,
    /// `None` for all.
    pub country: Option<String>,
    /// `None` for all of the country. Only with a country; a state alone names no place, and such a rule never applies.
    pub state: Option<String>,
    pub rate: Rate,
    pub category: TaxCategory,
    pub valid_from: Option<Date>,
    /// The last day.
    pub valid_until: Option<Date>,
}

/// The rule of a level for a client's place: one for the state before one for the country before one for all. Of
/// several, the one that came into force last, then the one entered last. Places are compared without case.
pub fn choose<'a>(rules: &'a [Rule], level: u8, country: &str, state: &str, on: Date) -> Option<&'a Rule> {
    rules
        .iter()
        .filter(|rule| rule.level == level && rule.is_valid_on(on))
        .filter_map(|rule| Some((rule.precision(country, state)?, rule.valid_from, rule.id, rule)))
        .max_by_key(|(precision, valid_from, id, _)| (*precision, *valid_from, *id))
        .map(|(.., rule)| rule)
}

impl Rule {
    fn is_valid_on(&self, on: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= on) && self.valid_until.is_none_or(|until| on <= until)
    }

    /// How many parts of the place the rule names; `None` if it is for another place.
    fn precision(&self, country: &str, state: &str) -> Option<u8> {
        match (named(&self.country), named(&self.state)) {
            (None, None) => Some(0),
            (None, Some(_)) => None,
            (Some(name), None) => is(name, country).then_some(1),
            (Some(name), Some(part)) => (is(name, country) && is(part, state)).then_some(2),
        }
    }
}

fn named(part: &Option<String>) -> Option<&str> {
    part.as_deref().and_then(nonempty)
}

fn is(name: &str, place: &str) -> bool {
    name.to_lowercase() == place.trim().to_lowercase()
}
