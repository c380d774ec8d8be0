//! The price table of a form: a row for each cycle, a price and a setup fee for each currency. An empty price means that
//! the cycle is not sold.

use kernel::{Currency, Cycle, FieldErrors, Money};
use minijinja::{Value, context};
use platform::web::Form;

use super::{PayType, Price, PriceList, adjective};

/// The name of a field: `price_EUR_monthly`.
pub fn field(what: &str, currency: Currency, cycle: Cycle) -> String {
    format!("{what}_{currency}_{cycle}")
}

/// The cycles that a form has a row for: those that everybody sells, and others that are priced already.
fn rows(list: &PriceList) -> Vec<Cycle> {
    let mut cycles = vec![Cycle::OneTime];
    cycles.extend(Cycle::RECURRING);
    for price in list.iter() {
        if !cycles.contains(&price.cycle) {
            cycles.push(price.cycle);
        }
    }
    cycles
}

/// Reads the fields of the table; `None` for the pay type reads all cycles. `base` says which unusual cycles have a row.
pub fn read(
    form: &Form,
    currencies: &[Currency],
    pay_type: Option<PayType>,
    base: &PriceList,
    errors: &mut FieldErrors,
) -> PriceList {
    let mut prices = Vec::new();
    let wanted = |cycle: Cycle| pay_type.is_none_or(|pay_type| super::fits(cycle, pay_type));
    for cycle in rows(base).into_iter().filter(|cycle| wanted(*cycle)) {
        for currency in currencies {
            let mut amount = |what: &str| {
                let name = field(what, *currency, cycle);
                match form.text(&name) {
                    "" => None,
                    text => Some((name.clone(), errors.take(&name, Money::parse(text, *currency))?)),
                }
            };
            let (price, setup) = (amount("price"), amount("setup"));
            match (price, setup) {
                (Some((_, price)), setup) => {
                    let setup = setup.map_or(Money::zero(*currency), |(_, setup)| setup);
                    prices.push(Price { cycle, price, setup });
                }
                (None, Some((name, setup))) if !setup.is_zero() => errors.add(
                    name,
                    format!("There is a setup fee, but no {} price in {currency}. Add one.", adjective(cycle)),
                ),
                (None, _) => {}
            }
        }
    }
    PriceList::new(prices)
}

/// The table for the template: `{currencies, rows: [{label, cells: [{price, setup, …}]}]}`. What was typed comes before
/// what is stored.
pub fn view(list: &PriceList, currencies: &[Currency], typed: Option<&Form>) -> Value {
    let cell = |currency: Currency, cycle: Cycle| {
        let stored = list.get(currency, cycle);
        let value = |what: &str, amount: Option<Money>| {
            let name = field(what, currency, cycle);
            let text = typed.and_then(|form| form.raw(&name)).map(str::to_owned);
            (name, text.unwrap_or_else(|| amount.map(Money::decimal).unwrap_or_default()))
        };
        let (price_name, price) = value("price", stored.map(|price| price.price));
        let (setup_name, setup) = value("setup", stored.map(|price| price.setup));
        context! { currency => currency.to_string(), price_name, price, setup_name, setup }
    };
    let rows: Vec<Value> = rows(list)
        .into_iter()
        .map(|cycle| {
            let cells: Vec<Value> = currencies.iter().map(|currency| cell(*currency, cycle)).collect();
            context! { label => cycle.label(), cycle => cycle.text(), recurring => cycle.is_recurring(), cells }
        })
        .collect();
    let currencies: Vec<String> = currencies.iter().map(Currency::to_string).collect();
    context! { currencies, rows }
}
