//! Prices of products, addons and option choices, per currency and billing cycle.
//!
//! What must hold: a missing price means *not sold*, never free. Free of charge is a price of nought that somebody has
//! written down.

pub mod form;
pub mod json;
mod store;

use std::collections::{BTreeMap, HashMap};

use kernel::{Currency, Cycle, FieldErrors, Money, Result};
use platform::db::{Conn, Tx};

kernel::text_enum! {
    /// What has prices.
    pub enum Owner {
        Product = "product",
        Addon = "addon",
        Choice = "choice",
    }
}
kernel::text_enum! {
    /// How something is paid for.
    pub enum PayType {
        Free = "free",
        OneTime = "onetime",
        Recurring = "recurring",
    }
}
platform::enum_column!(Owner, PayType);

/// The price of one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub cycle: Cycle,
    /// For each cycle, or once when the cycle is one-time.
    pub price: Money,
    /// Once, on the first invoice.
    pub setup: Money,
}

impl Price {
    pub fn currency(&self) -> Currency {
        self.price.currency
    }
}

/// The prices of one thing, ordered by currency and length of the cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList(Vec<Price>);

impl PriceList {
    pub fn new(mut prices: Vec<Price>) -> PriceList {
        prices.sort_by_key(|price| (price.currency(), length(price.cycle)));
        PriceList(prices)
    }

    /// The price of this cycle; `None` when it is not sold.
    pub fn get(&self, currency: Currency, cycle: Cycle) -> Option<Price> {
        self.0.iter().find(|price| price.currency() == currency && price.cycle == cycle).copied()
    }

    /// What is sold in a currency, the shortest first.
    pub fn cycles(&self, currency: Currency) -> Vec<Cycle> {
        self.0.iter().filter(|price| price.currency() == currency).map(|price| price.cycle).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Price> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Without the prices that make no sense for the pay type.
    pub fn fitting(mut self, pay_type: PayType) -> PriceList {
        self.0.retain(|price| fits(price.cycle, pay_type));
        self
    }

    /// For the activity log: `EUR monthly 5.00 + 0.00; …`.
    pub fn described(&self) -> String {
        let one = |price: &Price| {
            format!("{} {} {} + {}", price.currency(), price.cycle, price.price.decimal(), price.setup.decimal())
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// Notes what cannot be a price list of something with this pay type.
    pub fn check(&self, pay_type: PayType, dealt: &[Currency], errors: &mut FieldErrors) {
        for price in self.0.iter().filter(|price| !fits(price.cycle, pay_type)) {
            errors.add(form::field("price", price.currency(), price.cycle), misfit(pay_type));
        }
        self.check_any(dealt, errors);
    }

    /// Notes what cannot be a price list of anything: a choice may belong to products of every pay type.
    pub fn check_any(&self, dealt: &[Currency], errors: &mut FieldErrors) {
        let mut seen: BTreeMap<(Currency, String), ()> = BTreeMap::new();
        for price in &self.0 {
            let currency = price.currency();
            let field = form::field("price", currency, price.cycle);
            if !dealt.contains(&currency) {
                errors.add(&field, format!("You do not deal in {currency}. Add the currency first."));
            }
            if price.price.is_negative() || price.setup.is_negative() || price.setup.currency != currency {
                errors.add(&field, "Enter an amount of nought or more. Leave it empty not to sell this cycle.");
            }
            for amount in [price.price, price.setup] {
                errors.take(&field, amount.within_reason());
            }
            if seen.insert((currency, price.cycle.text()), ()).is_some() {
                errors.add(&field, format!("There are two {} prices in {currency}. Keep one.", adjective(price.cycle)));
            }
        }
    }
}

fn fits(cycle: Cycle, pay_type: PayType) -> bool {
    match pay_type {
        PayType::Free => false,
        PayType::OneTime => cycle == Cycle::OneTime,
        PayType::Recurring => cycle.is_recurring(),
    }
}

fn misfit(pay_type: PayType) -> &'static str {
    match pay_type {
        PayType::Free => "What is free has no prices. Choose another payment type, or remove the price.",
        PayType::OneTime => "What is paid once has one price. Remove the prices for periods.",
        PayType::Recurring => "What is paid for periods has no one-time price. Remove it, or choose one time.",
    }
}

/// Orders cycles by length: roughly in days, those without periods first.
pub fn length(cycle: Cycle) -> i64 {
    let days = |from: &str| {
        let from = kernel::Date::parse(from).ok()?;
        Some(from.days_until(cycle.advance(from, 1).ok()?))
    };
    days("2001-01-01").unwrap_or_default()
}

/// For sentences: “no *annual* price”.
pub fn adjective(cycle: Cycle) -> String {
    match cycle {
        Cycle::Free => "free".to_owned(),
        Cycle::OneTime => "one-time".to_owned(),
        Cycle::SemiAnnually => "semi-annual".to_owned(),
        Cycle::Annually => "annual".to_owned(),
        Cycle::Biennially => "biennial".to_owned(),
        Cycle::Triennially => "triennial".to_owned(),
        other => other.label().to_lowercase(),
    }
}

/// For sentences: “choose *annually*”.
pub fn adverb(cycle: Cycle) -> String {
    cycle.label().to_lowercase()
}

pub async fn of(conn: &mut Conn, owner: Owner, id: i64) -> Result<PriceList> {
    Ok(of_many(conn, owner, &[id]).await?.remove(&id).unwrap_or_default())
}

/// The price lists of several things in one statement. What has no prices is not in the answer.
pub async fn of_many(conn: &mut Conn, owner: Owner, ids: &[i64]) -> Result<HashMap<i64, PriceList>> {
    let mut lists: HashMap<i64, Vec<Price>> = HashMap::new();
    if !ids.is_empty() {
        for row in store::of(conn, owner, ids).await? {
            let price = Price {
                cycle: row.cycle,
                price: Money::new(row.price, row.currency),
                setup: Money::new(row.setup, row.currency),
            };
            lists.entry(row.owner_id).or_default().push(price);
        }
    }
    Ok(lists.into_iter().map(|(id, prices)| (id, PriceList::new(prices))).collect())
}

/// The list as it is from now on.
pub(crate) async fn replace(tx: &mut Tx, owner: Owner, id: i64, list: &PriceList) -> Result<()> {
    store::delete(tx, owner, id).await?;
    store::insert(tx, owner, id, &list.0).await
}

/// The currencies that are dealt in, the base first.
pub async fn currencies(conn: &mut Conn) -> Result<Vec<Currency>> {
    let mut all = billing::currencies::all(conn).await?;
    all.sort_by_key(|currency| (!currency.is_base, currency.id));
    Ok(all.into_iter().map(|currency| currency.code).collect())
}
