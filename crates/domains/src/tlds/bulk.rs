//! Changing many extensions at once, in one transaction: all of them, or none.

use accounts::activity_log::{self, Activity, Actor};
use hosting::edit as write;
use kernel::{Currency, FieldErrors, Money, Result, Rounding, Timestamp};
use platform::db::Tx;
use rust_decimal::Decimal;

use super::edit::{checked, described, several};
use super::prices::{Fees, Operation, Price, Prices};
use super::{Priced, TldEdit, store};

/// What is to become of the prices there are. What is not sold stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// `None`: in every currency.
    pub currency: Option<Currency>,
    /// `None`: all three.
    pub operation: Option<Operation>,
    pub by: Change,
    /// The last digits of the new price.
    pub ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Hundredths of a percent of the price: 250 adds 2.5 %.
    Percent(i64),
    /// So much a year, in the currency of the change.
    Amount(Money),
}

impl Change {
    /// `2.5`, `-10 %`: at most two decimals.
    pub fn percent(text: &str) -> std::result::Result<Change, String> {
        let typed = text.trim().trim_end_matches('%').trim();
        let hundredths = typed.parse::<Decimal>().ok().and_then(|percent| percent.checked_mul(Decimal::from(100)));
        let whole = hundredths.filter(|hundredths| hundredths.is_integer()).and_then(|all| i64::try_from(all).ok());
        whole.map(Change::Percent).ok_or_else(|| "Enter a percentage such as 2.5 or -10.".to_owned())
    }
}

kernel::text_enum! {
    /// What a price is rounded up to.
    pub enum Ending {
        /// To the minor unit, half away from nought.
        Exact = "",
        /// The next amount of whole units.
        Whole = "whole",
        /// The next amount that ends in .99.
        NinetyNine = "99",
        /// The next amount that ends in .95.
        NinetyFive = "95",
    }
}

impl Ending {
    /// The smallest amount with this ending that is not below `amount`. Currencies without hundredths are taken whole.
    /// Nought stays nought: what is free of charge stays so.
    pub fn of(self, amount: Money) -> Money {
        let unit = 10_i64.pow(amount.currency.exponent());
        let end = match self {
            Ending::Exact => return amount,
            Ending::Whole => 0,
            Ending::NinetyNine => unit / 100,
            Ending::NinetyFive => unit / 100 * 5,
        };
        if amount.minor <= 0 {
            return amount;
        }
        // 12.34 → 13.00 − 0.01; 12.995 (of a currency with thousandths) → 13.99.
        let whole = amount.minor.saturating_add(end).saturating_add(unit - 1) / unit * unit;
        Money::new(whole.saturating_sub(end), amount.currency)
    }
}

impl PriceChange {
    fn concerns(&self, price: &Price) -> bool {
        self.currency.is_none_or(|currency| currency == price.currency())
            && self.operation.is_none_or(|operation| operation == price.operation)
    }

    /// The price as it becomes; never below nought.
    pub fn apply(&self, price: &Price) -> Result<Money> {
        let changed = match self.by {
            Change::Percent(hundredths) => {
                let factor = Decimal::ONE + Decimal::new(hundredths, 4);
                price.amount.times(factor, Rounding::HalfUp)?
            }
            Change::Amount(amount) => price.amount.checked_add(amount.checked_mul(i64::from(price.years))?)?,
        };
        Ok(self.ending.of(if changed.is_negative() { Money::zero(changed.currency) } else { changed }))
    }

    fn on(&self, prices: &Prices) -> Result<Prices> {
        let one = |price: &Price| {
            let amount = if self.concerns(price) { self.apply(price)? } else { price.amount };
            Ok(Price { amount, ..*price })
        };
        Ok(Prices::new(prices.iter().map(one).collect::<Result<Vec<Price>>>()?))
    }

    /// Notes what makes no sense.
    fn check(&self, errors: &mut FieldErrors) {
        match self.by {
            Change::Percent(hundredths) if !(-10_000..=100_000).contains(&hundredths) => {
                errors.add("change", "Change prices by −100 % to 1000 %.");
            }
            Change::Amount(amount) if self.currency != Some(amount.currency) => {
                errors.add("currency", "An amount is of one currency. Choose it.");
            }
            Change::Percent(_) | Change::Amount(_) => {}
        }
    }
}

/// What every one of them gets.
#[derive(Debug, Clone, Default)]
pub struct BulkEdit {
    /// Its extension, questions, prices and fees are not looked at.
    pub edit: TldEdit,
    pub prices: Option<PriceChange>,
}

/// How many of them were changed.
pub async fn change_many(tx: &mut Tx, by: &Actor, ids: &[i64], edit: &BulkEdit, now: Timestamp) -> Result<usize> {
    let mut errors = FieldErrors::default();
    if let Some(change) = &edit.prices {
        change.check(&mut errors);
    }
    errors.check()?;
    let mut changed = Vec::new();
    for base in several(tx, ids).await? {
        let new = apply(tx, &base, edit, now).await?;
        let changes = write::differences(described(&base), described(&new));
        if changes.is_empty() {
            continue;
        }
        store::update(tx, &new.tld).await?;
        let activity = Activity::new(format!("TLD {} changed", new.tld.shown())).about(new.tld.subject());
        activity_log::record(tx, by, activity.changed(changes), now).await?;
        changed.push((base, new));
    }
    let prices: Vec<(i64, &Prices)> = changed
        .iter()
        .filter(|(base, new)| base.prices != new.prices)
        .map(|(_, new)| (new.tld.id, &new.prices))
        .collect();
    store::replace_prices(tx, &prices).await?;
    let fees: Vec<(i64, &Fees)> =
        changed.iter().filter(|(base, new)| base.fees != new.fees).map(|(_, new)| (new.tld.id, &new.fees)).collect();
    store::replace_fees(tx, &fees).await?;
    Ok(changed.len())
}

async fn apply(tx: &mut Tx, base: &Priced, bulk: &BulkEdit, now: Timestamp) -> Result<Priced> {
    let prices = bulk.prices.as_ref().map(|change| change.on(&base.prices)).transpose()?;
    let edit = TldEdit { extension: None, fields: None, fees: None, prices, ..bulk.edit.clone() };
    checked(tx, base, &edit, now).await
}

/// Takes them off the list; see [`super::delete`].
pub async fn delete_many(tx: &mut Tx, by: &Actor, ids: &[i64], now: Timestamp) -> Result<()> {
    let gone = several(tx, ids).await?;
    store::delete(tx, ids).await?;
    for one in &gone {
        let activity = Activity::new(format!("TLD {} deleted", one.tld.shown())).about(one.tld.subject());
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(())
}
