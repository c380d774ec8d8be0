//! `CreateOrUpdateTLD` and `GetTLDPricing`.
//!
//! What surprises: there a price, and a fee, of −1 says that something is not sold; an addon is offered or not, and whether
//! it costs something is for the price list of addons; a fee is in the default currency, and is converted for the others.

use accounts::clients;
use accounts::doors::{Action, CompatCx, Routes};
use billing::currencies::{self, DealtCurrency};
use kernel::{Currency, Error, Extension, FieldErrors, Money, Result};
use platform::compat::{Answer, Params};
use platform::db::{Conn, Tx};
use serde_json::{Map, Value, json};

use super::prices::{self, Fees, LateFee, Operation, Price, Prices};
use super::{Badge, CONFIGURE, Filter, Offer, Priced, Tld, TldEdit};
use crate::{registrars, tlds};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("CreateOrUpdateTLD", CONFIGURE, create_or_update)).action(Action::new(
        "GetTLDPricing",
        accounts::doors::API_ACCESS,
        get_pricing,
    ))
}

const NO_EXTENSION: &str = "Extension is required";
const NO_REGISTRARS: &str = "No Active Registrars - auto_registrar value cannot be defined";
const NO_CURRENCY: &str = "Variable currency_code is required when defining pricing";
const NO_ARRAYS: &str = "Parameters register, renew and transfer must be arrays";
const TWO_TRANSFERS: &str = "Only one transfer period can be defined";

async fn create_or_update(cx: CompatCx) -> Result<Answer> {
    let mut tx = cx.app.db.write().await?;
    let dealt = currencies::all(&mut tx).await?;
    if let Some(message) = documented(&mut tx, &cx, &dealt).await? {
        return Ok(Answer::error(message));
    }
    let extension = Extension::parse(cx.request.text("extension").unwrap_or_default());
    let extension = extension.map_err(|why| Error::invalid("extension", why))?;
    let known = tlds::by_extension(&mut tx, &extension).await?;
    let base = match known {
        Some(tld) => Some(tlds::priced(&mut tx, tld).await?),
        None => None,
    };
    let mut edit = cx.request.read(|params| Ok(written(params, base.as_ref(), &dealt)))?;
    edit.position = after(&mut tx, &cx).await?;
    let done = match &base {
        Some(base) => tlds::update(&mut tx, &cx.actor, base.tld.id, &edit, cx.now).await,
        None => {
            edit.extension = Some(extension.to_string());
            tlds::create(&mut tx, &cx.actor, &edit, cx.now).await
        }
    };
    let done = done.map_err(|error| as_callers_know(error, edit.prices.as_ref()))?;
    tx.commit().await?;
    Ok(Answer::success().with("extension", format!(".{}", done.tld.extension)).with("id", done.tld.id.to_string()))
}

/// `register[1]` for what the form calls `price_0_USD_register_1`.
fn as_callers_know(error: Error, sent: Option<&Prices>) -> Error {
    let (Error::Invalid(errors), Some(sent)) = (&error, sent) else { return error };
    let mut theirs = FieldErrors::default();
    for (field, message) in errors.iter() {
        let own =
            |price: &&Price| prices::field(price.group_id, price.currency(), price.operation, price.years) == field;
        let name = sent.iter().find(own).map(|price| format!("{}[{}]", price.operation, price.years));
        theirs.add(name.unwrap_or_else(|| field.to_owned()), message);
    }
    Error::Invalid(theirs)
}

/// The first thing that is wrong in the words that the reference has for it: callers compare them.
async fn documented(conn: &mut Conn, cx: &CompatCx, dealt: &[DealtCurrency]) -> Result<Option<String>> {
    let text = |name: &str| cx.request.text(name).unwrap_or_default().trim();
    if text("extension").is_empty() {
        return Ok(Some(NO_EXTENSION.to_owned()));
    }
    if !text("auto_registrar").is_empty() {
        let names: Vec<String> = registrars::active(conn).await?.into_iter().map(|one| one.name).collect();
        if names.is_empty() {
            return Ok(Some(NO_REGISTRARS.to_owned()));
        }
        if !names.iter().any(|name| name == text("auto_registrar")) {
            let names = names.join(", ");
            return Ok(Some(format!("Invalid auto_registrar value. Must be empty or one of: {names}")));
        }
    }
    if !text("group").is_empty() && Badge::parse(text("group")).is_err() {
        let group = text("group");
        return Ok(Some(format!("Invalid group parameter: {group}. Should be one of HOT, NEW, SALE")));
    }
    let keys = |name: &str| cx.request.read(|params| Ok(params.keys(name)));
    let mut sent = Vec::new();
    for operation in [Operation::Register, Operation::Renew, Operation::Transfer] {
        if cx.request.text(operation.as_str()).is_some() {
            return Ok(Some(NO_ARRAYS.to_owned()));
        }
        sent.push((operation, keys(operation.as_str())?));
    }
    if sent.iter().any(|(_, keys)| !keys.is_empty()) && text("currency_code").is_empty() {
        return Ok(Some(NO_CURRENCY.to_owned()));
    }
    let code = text("currency_code");
    if !code.is_empty() && currency(dealt, code).is_none() {
        let codes: Vec<&str> = dealt.iter().map(|one| one.code.code()).collect();
        let codes = codes.join(", ");
        return Ok(Some(format!("Provided currency_code value does not exist. Must be one of: {codes}")));
    }
    for (operation, keys) in &sent {
        if *operation == Operation::Transfer && keys.len() > 1 {
            return Ok(Some(TWO_TRANSFERS.to_owned()));
        }
        let most = operation.max_years();
        if keys.iter().any(|years| years.parse::<u8>().is_ok_and(|years| years > most)) {
            return Ok(Some(format!("The maximum {operation} period is {most} years")));
        }
    }
    Ok(None)
}

fn currency(dealt: &[DealtCurrency], code: &str) -> Option<Currency> {
    dealt.iter().map(|one| one.code).find(|known| known.code().eq_ignore_ascii_case(code))
}

/// The place behind the extension that `display_after` names.
async fn after(tx: &mut Tx, cx: &CompatCx) -> Result<Option<i64>> {
    let Some(text) = cx.request.text("display_after").filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let extension = Extension::parse(text).map_err(|why| Error::invalid("display_after", why))?;
    match tlds::by_extension(tx, &extension).await? {
        Some(tld) => Ok(Some(tld.position)),
        None => Err(Error::invalid("display_after", format!("{} is not on the list.", extension.shown()))),
    }
}

fn written(params: &mut Params<'_>, base: Option<&Priced>, dealt: &[DealtCurrency]) -> TldEdit {
    let mut offered = |name: &str, now: fn(&Tld) -> Offer| match (params.bool(name), base.map(|base| now(&base.tld))) {
        (None, _) => None,
        (Some(false), _) => Some(Offer::None),
        (Some(true), Some(Offer::Free)) => Some(Offer::Free),
        (Some(true), _) => Some(Offer::Paid),
    };
    let mut edit = TldEdit {
        id_protection: offered("id_protection", |tld| tld.id_protection),
        dns_management: offered("dns_management", |tld| tld.dns_management),
        email_forwarding: offered("email_forwarding", |tld| tld.email_forwarding),
        ..TldEdit::default()
    };
    edit.epp_required = params.bool("epp_required");
    edit.registrar = params.text("auto_registrar").map(str::to_owned);
    edit.badge = params.parsed("group", Badge::parse);
    edit.grace_days = params.int("grace_period_days");
    edit.redemption_days = params.int("redemption_period_days");
    edit.prices = price_list(params, base, dealt);
    edit.fees = fees(params, base, dealt);
    edit
}

/// What is sent of the operations in the currency takes the place of everybody's prices for the same years.
fn price_list(params: &mut Params<'_>, base: Option<&Priced>, dealt: &[DealtCurrency]) -> Option<Prices> {
    let code = params.filled("currency_code")?;
    let currency = currency(dealt, code)?;
    let mut sent = Vec::new();
    for operation in Operation::ALL {
        for key in params.keys(operation.as_str()) {
            let path = format!("{operation}[{key}]");
            match key.parse::<u8>() {
                Ok(years) => sent.push((*operation, years, sold(params, &path, currency))),
                Err(_) => {
                    params.refuse(&path, "Name the years: 1 to 10.");
                }
            }
        }
    }
    let is_sent = |price: &Price| {
        let same = |(operation, years, _): &(Operation, u8, _)| {
            // A transfer has one period, so another one takes its place.
            *operation == price.operation && (*years == price.years || price.operation == Operation::Transfer)
        };
        price.group_id.is_none() && price.currency() == currency && sent.iter().any(same)
    };
    let new = sent.iter().filter_map(|(operation, years, amount)| {
        Some(Price { group_id: None, operation: *operation, years: *years, amount: (*amount)? })
    });
    let none = Prices::default();
    Some(base.map_or(&none, |base| &base.prices).with(is_sent, new.collect()))
}

/// `None` for −1, what is not sold.
fn sold(params: &mut Params<'_>, path: &str, currency: Currency) -> Option<Money> {
    let amount = params.money(path, currency)?;
    if !amount.is_negative() {
        return Some(amount);
    }
    if Money::parse("-1", currency) != Ok(amount) {
        params.refuse(path, "Send an amount of nought or more, or -1 for what is not sold.");
    }
    None
}

fn fees(params: &mut Params<'_>, base: Option<&Priced>, dealt: &[DealtCurrency]) -> Option<Fees> {
    let default = dealt.iter().find(|one| one.is_base)?;
    let mut fees = base.map(|base| base.fees.clone()).unwrap_or_default();
    let mut changed = false;
    for (name, kind) in [("grace_period_fee", LateFee::Grace), ("redemption_period_fee", LateFee::Redemption)] {
        if params.filled(name).is_none() {
            continue;
        }
        changed = true;
        let fee = sold(params, name, default.code);
        for one in dealt {
            let converted = fee.map(|fee| currencies::convert(fee, default, one));
            match converted.transpose() {
                Ok(fee) => fees = fees.with(kind, one.code, fee),
                Err(error) => {
                    params.refuse(name, error.to_string());
                }
            }
        }
    }
    changed.then_some(fees)
}

async fn get_pricing(cx: CompatCx) -> Result<Answer> {
    let (client, wanted) = cx.request.read(|params| Ok((params.int("clientid"), params.int("currencyid"))))?;
    let mut conn = cx.app.db.read().await?;
    let dealt = currencies::all(&mut conn).await?;
    let client = match client.filter(|id| *id > 0) {
        Some(id) => Some(clients::named(&mut conn, "clientid", id).await?),
        None => None,
    };
    let group = client.as_ref().and_then(|client| client.group_id);
    let chosen = match (&client, wanted.filter(|id| *id > 0)) {
        (Some(client), _) => dealt.iter().find(|one| one.code == client.currency),
        (None, Some(id)) => dealt.iter().find(|one| one.id == id),
        (None, None) => dealt.iter().find(|one| one.is_base),
    };
    let currency = chosen.ok_or_else(|| Error::invalid("currencyid", "There is no currency with this id."))?;
    let filter = Filter { sold: Some(true), ..Filter::default() };
    let all = tlds::all(&mut conn, &filter).await?;
    let priced = tlds::priced_many(&mut conn, all).await?;
    drop(conn);
    let pricing: Map<String, Value> =
        priced.iter().map(|one| (one.tld.extension.clone(), pricing(one, group, currency.code))).collect();
    Ok(Answer::success().with("currency", currency_json(currency)).with("pricing", Value::Object(pricing)))
}

fn currency_json(of: &DealtCurrency) -> Value {
    json!({
        "id": of.id,
        "code": of.code.code(),
        "prefix": of.prefix,
        "suffix": of.suffix,
        // 1 is the form 1234.56.
        "format": 1,
        "rate": billing::currencies::rate5(of),
    })
}

fn pricing(of: &Priced, group: Option<i64>, currency: Currency) -> Value {
    let tld = &of.tld;
    let amounts = |operation: Operation| -> Map<String, Value> {
        let amount = |years: u8| of.prices.of(group, currency, operation, years).map(Money::decimal);
        let years = of.prices.years(group, currency, operation).into_iter();
        years.filter_map(|years| Some((years.to_string(), json!(amount(years)?)))).collect()
    };
    let period = |kind: LateFee, days: i64| match of.fees.of(kind, currency) {
        Some(fee) if days > 0 => json!({ "days": days, "price": fee.decimal() }),
        _ => Value::Null,
    };
    json!({
        "tld": tld.extension,
        "categories": [tld.category],
        "addons": {
            "dns": tld.dns_management != Offer::None,
            "email": tld.email_forwarding != Offer::None,
            "idprotect": tld.id_protection != Offer::None,
        },
        "group": tld.badge.as_str(),
        "register": amounts(Operation::Register),
        "transfer": amounts(Operation::Transfer),
        "renew": amounts(Operation::Renew),
        "grace_period": period(LateFee::Grace, tld.grace_days),
        "redemption_period": period(LateFee::Redemption, tld.redemption_days),
    })
}
