//! Price lists in the JSON API: `[{"currency": "EUR", "cycle": "monthly", "price": "5.00", "setup": "0.00"}]`.

use accounts::doors::api::Body;
use kernel::{Currency, Cycle, Error, FieldErrors, Money};
use serde_json::{Value, json};

use super::{Price, PriceList, form};

pub fn schema() -> Value {
    json!({ "type": "array", "description": "What is not in it is not sold", "items": {
        "type": "object",
        "required": ["currency", "cycle", "price"],
        "properties": {
            "currency": { "type": "string", "description": "ISO 4217" },
            "cycle": { "type": "string", "description": "onetime, monthly, quarterly, semiannually, annually, biennially, triennially, or every:10:days" },
            "price": { "type": "string", "description": "Decimal amount of a period; 0.00 is free of charge" },
            "setup": { "type": "string", "description": "Decimal amount, once" },
        }
    } })
}

pub fn write(list: &PriceList) -> Value {
    let one = |price: &Price| {
        json!({
            "currency": price.currency(),
            "cycle": price.cycle,
            "price": price.price.decimal(),
            "setup": price.setup.decimal(),
        })
    };
    list.iter().map(one).collect()
}

/// `None` when the field was not sent.
pub fn read(body: &mut Body, name: &str) -> Option<PriceList> {
    if !body.has(name) {
        return None;
    }
    let items = body.array(name);
    let mut prices = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        match one(item) {
            Ok(price) => prices.push(price),
            Err((field, message)) => body.errors.add(format!("{name}[{at}].{field}"), message),
        }
    }
    Some(PriceList::new(prices))
}

/// Where each price stands in what was sent: the rules name it as the form does.
pub struct Places(Vec<(String, usize)>);

impl Places {
    pub fn of(body: &mut Body, name: &str) -> Places {
        let items = body.array(name);
        let priced = items.iter().enumerate().filter_map(|(at, item)| one(item).ok().map(|price| (at, price)));
        let named = |what, price: &Price| form::field(what, price.currency(), price.cycle);
        Places(priced.flat_map(|(at, price)| [(named("price", &price), at), (named("setup", &price), at)]).collect())
    }

    /// The error with `prices[2]` for `price_EUR_monthly`.
    pub fn name(&self, error: Error) -> Error {
        let Error::Invalid(errors) = error else { return error };
        let mut named = FieldErrors::default();
        for (field, message) in errors.iter() {
            // Of two prices for the same the second is the one too many.
            match self.0.iter().rev().find(|(known, _)| known == field) {
                Some((_, at)) => named.add(format!("prices[{at}]"), message),
                None => named.add(field, message),
            }
        }
        Error::Invalid(named)
    }
}

fn one(item: &Value) -> Result<Price, (&'static str, String)> {
    let text = |field: &'static str| item.get(field).and_then(Value::as_str).map(str::trim);
    let required = |field| text(field).ok_or((field, "This field is required, as text.".to_owned()));
    let currency = Currency::parse(required("currency")?).map_err(|why| ("currency", why.to_string()))?;
    let cycle = Cycle::parse(required("cycle")?).map_err(|why| ("cycle", why.to_string()))?;
    let money = |field, text: &str| Money::parse(text, currency).map_err(|why| (field, why.to_string()));
    let price = money("price", required("price")?)?;
    let setup = match text("setup") {
        Some(text) => money("setup", text)?,
        None => Money::zero(currency),
    };
    Ok(Price { cycle, price, setup })
}
