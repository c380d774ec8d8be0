//! What an order costs: the price of a product with its options, and what its first invoice bills. Pure.
//!
//! What must hold: what has no price in the currency and cycle is refused, never given away; options are part of the
//! product's price, and are prorated with it; a setup fee is never prorated.

use kernel::{Currency, Cycle, Date, Error, Money, Period, ProrataRule, Result, first_amount, first_period};

use crate::config_options::OptionKind;
use crate::prices::{PayType, PriceList, adjective, adverb};
use crate::products::QuantityMode;

#[cfg(test)]
mod tests;

/// A product or an addon, as far as its price goes.
#[derive(Debug, Clone, Copy)]
pub struct Sold<'a> {
    pub name: &'a str,
    pub pay_type: PayType,
    pub quantity_mode: QuantityMode,
    pub prices: &'a PriceList,
}

/// An option as it was chosen.
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    pub option_id: i64,
    pub option: &'a str,
    pub kind: OptionKind,
    /// Limits of a quantity; a maximum of 0 is none.
    pub min: i64,
    pub max: i64,
    pub choice: &'a str,
    pub prices: &'a PriceList,
    /// 1 unless the option is a quantity, which may be 0.
    pub quantity: i64,
}

/// What a service costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// For each period; once, when the cycle is one-time.
    pub recurring: Money,
    /// On the first invoice.
    pub setup: Money,
}

/// What the first invoice bills, and when the next one is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstCharge {
    pub setup: Money,
    /// The recurring price for `period`: prorated where the product says so.
    pub first_amount: Money,
    /// `None` for what is free. A one-time charge has the day of the order.
    pub period: Option<Period>,
    /// `None` for what does not recur.
    pub next_due: Option<Date>,
    /// The day of the month on which later periods begin.
    pub anchor_day: u8,
}

/// The cycle that a wish comes to. What is free or paid once has one cycle, whatever was wished for; without a wish it is
/// the shortest one that is sold.
pub fn cycle_for(sold: &Sold<'_>, wanted: Option<Cycle>, currency: Currency) -> Result<Cycle> {
    match (sold.pay_type, wanted) {
        (PayType::Free, _) => Ok(Cycle::Free),
        (PayType::OneTime, _) => Ok(Cycle::OneTime),
        (PayType::Recurring, Some(cycle)) if cycle.is_recurring() => Ok(cycle),
        (PayType::Recurring, wish) => {
            let sold_cycles = sold.prices.cycles(currency);
            match (wish, sold_cycles.first()) {
                (None, Some(shortest)) => Ok(*shortest),
                _ => Err(unpriced("billingcycle", sold.name, wish, currency, sold.prices)),
            }
        }
    }
}

/// The cycle of an addon: its product's if it is sold for that, else the shortest.
pub fn addon_cycle(addon: &Sold<'_>, product_cycle: Cycle, currency: Currency) -> Result<Cycle> {
    let same = addon.prices.get(currency, product_cycle).map(|price| price.cycle);
    cycle_for(addon, same, currency)
}

/// The price of `quantity` of a product with its options. A scaled service is one service: its setup fees are charged
/// once.
pub fn quote(
    product: &Sold<'_>,
    options: &[Selected<'_>],
    quantity: i64,
    cycle: Cycle,
    currency: Currency,
) -> Result<Quote> {
    check_quantity(product, quantity)?;
    let own = price_of(product, cycle, currency)?;
    let mut recurring = vec![own.recurring];
    let mut setup = vec![own.setup];
    let mut errors = kernel::FieldErrors::default();
    for option in options {
        match option_price(option, cycle, currency) {
            Ok(Some(price)) => {
                recurring.push(price.recurring);
                setup.push(price.setup);
            }
            Ok(None) => {}
            Err(Error::Invalid(found)) => found.iter().for_each(|(field, message)| errors.add(field, message)),
            Err(other) => return Err(other),
        }
    }
    errors.check()?;
    let one = Money::sum(recurring, currency)?;
    let recurring = one.checked_mul(quantity)?.within_reason()?;
    Ok(Quote { recurring, setup: Money::sum(setup, currency)?.within_reason()? })
}

fn check_quantity(product: &Sold<'_>, quantity: i64) -> Result<()> {
    if !(1..=1_000_000).contains(&quantity) {
        return Err(Error::invalid("qty", "Enter a quantity from 1 to 1000000."));
    }
    if quantity > 1 && product.quantity_mode != QuantityMode::Scaling {
        return Err(Error::invalid(
            "qty",
            format!("“{}” is sold one service at a time. Add it several times instead.", product.name),
        ));
    }
    Ok(())
}

fn price_of(sold: &Sold<'_>, cycle: Cycle, currency: Currency) -> Result<Quote> {
    if cycle == Cycle::Free && sold.pay_type == PayType::Free {
        return Ok(Quote { recurring: Money::zero(currency), setup: Money::zero(currency) });
    }
    match sold.prices.get(currency, cycle) {
        Some(price) => Ok(Quote { recurring: price.price, setup: price.setup }),
        None => Err(unpriced("billingcycle", sold.name, Some(cycle), currency, sold.prices)),
    }
}

/// `None` for what was not chosen: a quantity of nought.
fn option_price(option: &Selected<'_>, cycle: Cycle, currency: Currency) -> Result<Option<Quote>> {
    let field = format!("configoptions[{}]", option.option_id);
    let (min, max) = match option.kind {
        OptionKind::Quantity => (option.min, if option.max == 0 { 1_000_000 } else { option.max }),
        _ => (0, 1),
    };
    if !(min..=max).contains(&option.quantity) {
        return Err(Error::invalid(field, format!("Enter from {min} to {max} of “{}”.", option.option)));
    }
    // What a free product includes is free as well.
    if option.quantity == 0 || cycle == Cycle::Free {
        return Ok(None);
    }
    let Some(price) = option.prices.get(currency, cycle) else {
        let name = format!("{}: {}", option.option, option.choice);
        return Err(unpriced(&field, &name, Some(cycle), currency, option.prices));
    };
    Ok(Some(Quote { recurring: price.price.checked_mul(option.quantity)?, setup: price.setup }))
}

fn unpriced(field: &str, name: &str, wanted: Option<Cycle>, currency: Currency, prices: &PriceList) -> Error {
    let others: Vec<String> =
        prices.cycles(currency).into_iter().filter(|cycle| Some(*cycle) != wanted).map(adverb).collect();
    let kind = wanted.map(|cycle| format!("{} ", adjective(cycle))).unwrap_or_default();
    let way_out = match others.as_slice() {
        [] => "Add one.".to_owned(),
        [only] => format!("Add one, or choose {only}."),
        [first @ .., last] => format!("Add one, or choose {} or {last}.", first.join(", ")),
    };
    Error::invalid(field, format!("“{name}” has no {kind}price in {currency}. {way_out}"))
}

/// What the first invoice of an order bills. With a rule, the days up to the rule's day (and a whole cycle more when the
/// order comes late in the month); without, one cycle from the day of the order.
pub fn first_charge(quote: &Quote, rule: Option<ProrataRule>, cycle: Cycle, order_date: Date) -> Result<FirstCharge> {
    let base = FirstCharge {
        setup: quote.setup,
        first_amount: quote.recurring,
        period: None,
        next_due: None,
        anchor_day: order_date.day(),
    };
    if cycle == Cycle::Free {
        return Ok(base);
    }
    if !cycle.is_recurring() {
        // The day of the order stands for the period, so that a one-time charge is billed once like any other.
        let period = Period { from: order_date, until: order_date.plus_days(1)? };
        return Ok(FirstCharge { period: Some(period), ..base });
    }
    let Some(rule) = rule else {
        let period = cycle.period(order_date, order_date.day())?;
        return Ok(FirstCharge { period: Some(period), next_due: Some(period.until), ..base });
    };
    let first = first_period(rule, cycle, order_date)?;
    Ok(FirstCharge {
        first_amount: first_amount(quote.recurring, &first)?,
        period: Some(first.covers()),
        next_due: Some(first.next_due),
        anchor_day: rule.day,
        ..base
    })
}
