//! What a registrar's costs would make of our prices. No input or output.
//!
//! What must hold: a proposed price is never below its cost plus the smallest margin. Conversions keep all decimals until
//! the one rounding, which goes up.

use std::collections::HashMap;

use billing::currencies::DealtCurrency;
use kernel::{Currency, Error, Extension, Money, Result};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::registrars::contract::Cost;
use crate::tlds::Ending;
use crate::tlds::Priced;
use crate::tlds::prices::{Fees, LateFee, Operation, Price, Prices};

kernel::text_enum! {
    /// How the margin is measured.
    pub enum MarginKind {
        /// Percent of the cost.
        Percent = "percent",
        /// An amount a year in the base currency.
        Fixed = "fixed",
    }
}
kernel::text_enum! {
    /// What happens once a day by itself.
    pub enum Daily {
        Off = "off",
        /// The list is fetched; staff import.
        Propose = "propose",
        /// What is sold already and has not moved beyond the limit gets its new price.
        Apply = "apply",
    }
}

/// How prices are made of costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    pub margin_kind: MarginKind,
    /// Percent, or an amount a year in the base currency.
    #[serde(with = "text")]
    pub margin: Decimal,
    pub ending: Ending,
    /// The least that is earned a year, in the base currency.
    #[serde(with = "text")]
    pub min_margin: Decimal,
    /// A price that would move by more percent is held for review.
    #[serde(with = "text")]
    pub hold_above: Decimal,
    /// Orders of imported extensions go to this registrar by themselves.
    pub set_registrar: bool,
    /// Grace and redemption are imported, too.
    pub late: bool,
    pub daily: Daily,
}

/// Decimals as text: exact, and the same in every reader.
mod text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            margin_kind: MarginKind::Percent,
            margin: Decimal::from(20),
            ending: Ending::NinetyNine,
            min_margin: Decimal::ZERO,
            hold_above: Decimal::from(25),
            set_registrar: true,
            late: true,
            daily: Daily::Off,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not on our list yet.
    New,
    Changed,
    Same,
    /// Somebody should look: why. It can be imported by choosing it.
    Held(Vec<String>),
    /// It cannot be imported: why.
    Wrong(Vec<String>),
}

/// One year of an operation, in the base currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `register`, `transfer`, `renew`, `redemption`.
    pub what: &'static str,
    /// To the smallest unit, rounded up.
    pub cost: Money,
    pub now: Option<Money>,
    pub new: Money,
}

impl Line {
    /// (price − cost) ÷ cost in percent; `None` where it costs nothing.
    pub fn margin(&self, price: Money) -> Option<Decimal> {
        let cost = Decimal::from(self.cost.minor);
        (!cost.is_zero()).then(|| {
            let percent = (Decimal::from(price.minor) - cost) / cost * Decimal::from(100);
            percent.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero)
        })
    }

    /// Sold today for less than it costs.
    pub fn is_loss(&self) -> bool {
        self.now.is_some_and(|now| now.minor < self.cost.minor)
    }
}

/// What becomes of one extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub extension: Extension,
    pub tld_id: Option<i64>,
    pub verdict: Verdict,
    /// As the registrar writes it.
    pub currency: String,
    pub min_years: u8,
    pub lines: Vec<Line>,
    /// Everybody's prices as they would be; those of client groups stay.
    pub prices: Prices,
    pub fees: Fees,
    pub grace_days: i64,
    pub redemption_days: i64,
    pub epp_required: bool,
}

impl Row {
    pub fn is_loss(&self) -> bool {
        self.lines.iter().any(Line::is_loss)
    }

    pub fn importable(&self) -> bool {
        !matches!(self.verdict, Verdict::Wrong(_))
    }
}

/// The currencies that are dealt in, with their rates.
pub struct Market<'a> {
    dealt: &'a [DealtCurrency],
    base: &'a DealtCurrency,
}

impl Market<'_> {
    pub fn new(dealt: &[DealtCurrency]) -> Result<Market<'_>> {
        let base = dealt.iter().find(|one| one.is_base);
        let base = base.ok_or_else(|| Error::refused("There is no base currency yet. Add it first."))?;
        Ok(Market { dealt, base })
    }

    fn rate(of: &DealtCurrency) -> Result<Decimal> {
        let rate = of.rate.parse::<Decimal>().ok().filter(|rate| *rate > Decimal::ZERO);
        rate.ok_or_else(|| Error::broken(format!("the rate of {} is {}", of.code, of.rate)))
    }

    /// Units of one currency in another, with all decimals.
    fn convert(units: Decimal, from: &DealtCurrency, to: &DealtCurrency) -> Result<Decimal> {
        if from.code == to.code {
            return Ok(units);
        }
        let (from, to) = (Market::rate(from)?, Market::rate(to)?);
        units.checked_mul(to).and_then(|worth| worth.checked_div(from)).ok_or_else(too_large)
    }
}

fn too_large() -> Error {
    Error::refused("A price is too large to be converted.")
}

/// Up to the next minor unit.
fn up(units: Decimal, currency: Currency) -> Result<Money> {
    let minor = units.checked_mul(Decimal::from(10_i64.pow(currency.exponent()))).ok_or_else(too_large)?;
    let rounded = minor.round_dp_with_strategy(0, RoundingStrategy::ToPositiveInfinity);
    let money = Money::new(i64::try_from(rounded).or(Err(too_large()))?, currency);
    Ok(money.within_reason()?)
}

/// What an amount of so much in the cost's currency is sold for, in another.
struct Seller<'a> {
    market: &'a Market<'a>,
    options: &'a Options,
    cost: &'a DealtCurrency,
}

impl Seller<'_> {
    fn cost(&self, units: Decimal, years: u8, to: &DealtCurrency) -> Result<Decimal> {
        let units = units.checked_mul(Decimal::from(years)).ok_or_else(too_large)?;
        Market::convert(units, self.cost, to)
    }

    fn sell(&self, units: Decimal, years: u8, to: &DealtCurrency) -> Result<Money> {
        let cost = self.cost(units, years, to)?;
        let of_base = |amount: Decimal| {
            let amount = amount.checked_mul(Decimal::from(years)).ok_or_else(too_large)?;
            Market::convert(amount, self.market.base, to)
        };
        let margin = match self.options.margin_kind {
            MarginKind::Percent => cost.checked_mul(self.options.margin / Decimal::from(100)).ok_or_else(too_large)?,
            MarginKind::Fixed => of_base(self.options.margin)?,
        };
        let earned = margin.max(of_base(self.options.min_margin)?);
        Ok(self.options.ending.of(up(cost.checked_add(earned).ok_or_else(too_large)?, to.code)?))
    }
}

/// The rows of a list, in its order. An extension that stands in it twice is wrong.
pub fn rows(costs: &[Cost], ours: &[Priced], market: &Market<'_>, options: &Options) -> Result<Vec<Row>> {
    let known: HashMap<&str, &Priced> = ours.iter().map(|one| (one.tld.extension.as_str(), one)).collect();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for cost in costs {
        *seen.entry(cost.extension.as_str()).or_default() += 1;
    }
    costs
        .iter()
        .map(|cost| {
            let base = known.get(cost.extension.as_str()).copied();
            let mut row = row(cost, base, market, options)?;
            if seen.get(cost.extension.as_str()).is_some_and(|times| *times > 1) {
                row.verdict = Verdict::Wrong(vec!["It is in the registrar's list more than once.".to_owned()]);
            }
            Ok(row)
        })
        .collect()
}

fn row(cost: &Cost, base: Option<&Priced>, market: &Market<'_>, options: &Options) -> Result<Row> {
    let mut wrong = Vec::new();
    let currency = match &cost.currency {
        Ok(currency) => market.dealt.iter().find(|one| one.code == *currency),
        Err(_) => None,
    };
    let written = match &cost.currency {
        Ok(currency) => currency.to_string(),
        Err(text) => text.chars().take(20).collect(),
    };
    if currency.is_none() {
        wrong.push(format!("You do not deal in {written}. Add the currency with its rate first."));
    }
    let mut amount = |what: &'static str, text: &Option<String>| {
        let text = text.as_deref()?;
        match text.trim().parse::<Decimal>() {
            Ok(units) if units > Decimal::ZERO => Some(units),
            Ok(units) if units.is_zero() => {
                wrong.push(format!("The registrar's price for {what} is nought. Enter a price of your own."));
                None
            }
            _ => {
                let shown: String = text.chars().take(20).collect();
                wrong.push(format!("The registrar's price for {what} is no amount: “{shown}”."));
                None
            }
        }
    };
    let (register, renew) = (amount("registration", &cost.register), amount("renewal", &cost.renew));
    let transfer = amount("transfer", &cost.transfer);
    let free = |text: &Option<String>| text.as_deref().and_then(|text| text.trim().parse::<Decimal>().ok());
    let not_negative = |units: &Decimal| *units >= Decimal::ZERO;
    let grace = free(&cost.grace_fee).filter(not_negative).filter(|_| options.late);
    let redemption = free(&cost.redemption_fee).filter(not_negative).filter(|_| options.late);
    if register.is_none() && wrong.is_empty() {
        wrong.push("The registrar has no price for a registration.".to_owned());
    }
    let mut row = Row {
        extension: cost.extension.clone(),
        tld_id: base.map(|base| base.tld.id),
        verdict: Verdict::Same,
        currency: written,
        min_years: cost.min_years,
        lines: Vec::new(),
        prices: base.map(|base| base.prices.clone()).unwrap_or_default(),
        fees: base.map(|base| base.fees.clone()).unwrap_or_default(),
        grace_days: base.map_or(0, |base| base.tld.grace_days),
        redemption_days: base.map_or(0, |base| base.tld.redemption_days),
        epp_required: cost.epp_required.or(base.map(|base| base.tld.epp_required)).unwrap_or(true),
    };
    let Some(currency) = currency.filter(|_| wrong.is_empty()) else {
        row.verdict = Verdict::Wrong(wrong);
        return Ok(row);
    };
    let seller = Seller { market, options, cost: currency };
    let (from, until) = (cost.min_years.max(1), cost.max_years.min(crate::tlds::prices::MAX_YEARS));
    let mut new = Vec::new();
    for to in market.dealt {
        let mut price = |operation: Operation, years: u8, units: Option<Decimal>| {
            let Some(units) = units else { return Ok::<(), Error>(()) };
            let amount = seller.sell(units, years, to)?;
            new.push(Price { group_id: None, operation, years, amount });
            Ok(())
        };
        for years in from..=until {
            price(Operation::Register, years, register)?;
            if years <= Operation::Renew.max_years() {
                price(Operation::Renew, years, renew)?;
            }
        }
        price(Operation::Transfer, from, transfer)?;
        for (kind, units) in [(LateFee::Grace, grace), (LateFee::Redemption, redemption)] {
            if let Some(units) = units {
                let fee = if units.is_zero() { Money::zero(to.code) } else { seller.sell(units, 1, to)? };
                row.fees = row.fees.with(kind, to.code, Some(fee));
            }
        }
    }
    let dealt: Vec<Currency> = market.dealt.iter().map(|one| one.code).collect();
    row.prices = row.prices.with(|price| price.group_id.is_none() && dealt.contains(&price.currency()), new);
    if options.late {
        let within = |days: i64| days.clamp(0, 365);
        row.grace_days = cost.grace_days.map_or(row.grace_days, within);
        row.redemption_days = cost.redemption_days.map_or(row.redemption_days, within);
    }
    row.lines = lines(&row, base, &seller, [register, transfer, renew], redemption, from)?;
    row.verdict = verdict(&row, base, options);
    Ok(row)
}

fn lines(
    row: &Row,
    base: Option<&Priced>,
    seller: &Seller<'_>,
    costs: [Option<Decimal>; 3],
    redemption: Option<Decimal>,
    years: u8,
) -> Result<Vec<Line>> {
    let to = seller.market.base;
    let mut lines = Vec::new();
    let operations = [Operation::Register, Operation::Transfer, Operation::Renew];
    for (operation, units) in operations.into_iter().zip(costs) {
        let Some(units) = units else { continue };
        let Some(new) = row.prices.own(None, to.code, operation, years) else { continue };
        let now = base.and_then(|base| base.prices.own(None, to.code, operation, years));
        lines.push(Line { what: operation.as_str(), cost: up(seller.cost(units, years, to)?, to.code)?, now, new });
    }
    if let (Some(units), Some(new)) = (redemption, row.fees.of(LateFee::Redemption, to.code)) {
        let now = base.and_then(|base| base.fees.of(LateFee::Redemption, to.code));
        lines.push(Line { what: "redemption", cost: up(seller.cost(units, 1, to)?, to.code)?, now, new });
    }
    Ok(lines)
}

fn verdict(row: &Row, base: Option<&Priced>, options: &Options) -> Verdict {
    let Some(base) = base else { return Verdict::New };
    let same = row.prices == base.prices
        && row.fees == base.fees
        && (row.grace_days, row.redemption_days) == (base.tld.grace_days, base.tld.redemption_days)
        && row.epp_required == base.tld.epp_required;
    if same {
        return Verdict::Same;
    }
    let moved: Vec<String> = row
        .prices
        .iter()
        .filter(|price| price.group_id.is_none())
        .filter_map(|price| {
            let now = base.prices.own(None, price.currency(), price.operation, price.years)?;
            moved_by(now, price.amount).filter(|percent| percent.abs() > options.hold_above).map(|percent| {
                let sign = if percent > Decimal::ZERO { "+" } else { "" };
                let what = (price.operation.noun(), price.years, now, price.amount);
                format!("{} for {} y: {} becomes {} ({sign}{percent} %)", what.0, what.1, what.2, what.3)
            })
        })
        .take(3)
        .collect();
    if moved.is_empty() { Verdict::Changed } else { Verdict::Held(moved) }
}

/// In percent of what it is now. From nought on everything is a large step.
fn moved_by(now: Money, new: Money) -> Option<Decimal> {
    if now == new {
        return None;
    }
    if now.is_zero() {
        return Some(Decimal::from(100_000));
    }
    let (now, new) = (Decimal::from(now.minor), Decimal::from(new.minor));
    let percent = (new - now) / now * Decimal::from(100);
    Some(percent.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero))
}
