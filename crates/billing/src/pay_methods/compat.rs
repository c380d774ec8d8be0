//! `AddPayMethod`, `GetPayMethods`, `UpdatePayMethod`, `DeletePayMethod`.
//!
//! What surprises: a method is stored by the gateway's own token, sent as our extension `remote_token`. A card number is
//! refused, except the sandbox's test numbers in a database where no money moves.

use accounts::clients;
use accounts::company;
use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Error, Result};
use platform::compat::{Answer, Params};
use platform::db::Conn;
use serde_json::{Value, json};

use super::{Edit, MANAGE, MakeDefault, OnRemoteFailure, PayMethod};
use crate::gateways::{Expiry, Gateways};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("AddPayMethod", MANAGE, add_pay_method))
        .action(Action::new("GetPayMethods", MANAGE, get_pay_methods))
        .action(Action::new("UpdatePayMethod", MANAGE, update_pay_method))
        .action(Action::new("DeletePayMethod", MANAGE, delete_pay_method))
}

const TYPES: [&str; 3] = ["BankAccount", "CreditCard", "RemoteCreditCard"];
const INVALID_TYPE: &str =
    "Invalid Pay Method Type. Type should be one of 'BankAccount', 'CreditCard', or 'RemoteCreditCard'";
const NO_NUMBERS: &str = "Card numbers are never taken here: let the client enter the card with the payment provider \
                          and send the provider's token as remote_token";
const NO_ACCOUNTS: &str = "Numbers of bank accounts are never taken here: let the client enter the account with the \
                           payment provider and send the provider's token as remote_token";
const BANK: [&str; 3] = ["bank_code", "bank_account", "bank_account_type"];

#[derive(Default)]
struct Asked {
    client_id: Option<i64>,
    kind: String,
    description: String,
    gateway: String,
    remote_token: String,
    card_number: String,
    expiry: Option<Result<Expiry>>,
    bank: bool,
    make_default: bool,
}

/// `MMYY`, `MM/YY` or `MMYYYY`.
fn expiry(text: &str) -> Result<Expiry> {
    let digits: String = text.chars().filter(|c| !matches!(c, '/' | ' ' | '-')).collect();
    let wrong = || Error::refused("Expiry Date is invalid");
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let (month, year) = digits.split_at(2);
    let month: u8 = month.parse().or(Err(wrong()))?;
    let year: u16 = year.parse().or(Err(wrong()))?;
    let year = if year < 100 { 2000 + year } else { year };
    if (1..=12).contains(&month) && (2000..=2099).contains(&year) { Ok(Expiry { year, month }) } else { Err(wrong()) }
}

fn asked(params: &mut Params<'_>) -> Asked {
    for name in ["card_start", "card_issue_number"] {
        if params.filled(name).is_some() {
            params.refuse(name, "The provider keeps the card; this is not stored here. Leave it out.");
        }
    }
    let mut text = |name: &str| params.filled(name).unwrap_or_default().to_owned();
    let (kind, description) = (text("type"), text("description"));
    let (gateway, remote_token, card_number) = (text("gateway_module_name"), text("remote_token"), text("card_number"));
    Asked {
        kind,
        description,
        gateway,
        remote_token,
        card_number,
        client_id: params.int("clientid"),
        expiry: params.filled("card_expiry").map(expiry),
        bank: BANK.iter().any(|name| params.filled(name).is_some()),
        make_default: params.bool("set_as_default").unwrap_or(false),
    }
}

async fn add_pay_method(cx: CompatCx) -> Result<Answer> {
    let asked = cx.request.read(|params| Ok(asked(params)))?;
    let Some(client_id) = asked.client_id else { return Ok(Answer::error("Client ID Is Required")) };
    let mut conn = cx.app.db.read().await?;
    if !exists(&mut conn, client_id).await? {
        return Ok(Answer::error("Invalid Client ID"));
    }
    let kind = if asked.kind.is_empty() { "CreditCard" } else { asked.kind.as_str() };
    let Some(kind) = TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(kind)) else {
        return Ok(Answer::error(INVALID_TYPE));
    };
    let able: Vec<String> = super::able(&mut conn, &cx.app).await?.into_iter().map(|gateway| gateway.name).collect();
    let active: Vec<String> =
        crate::gateways::active(&mut conn).await?.into_iter().map(|gateway| gateway.name).collect();
    drop(conn);
    let gateway = if !asked.gateway.is_empty() {
        if !active.contains(&asked.gateway) {
            let names = active.join(", ");
            return Ok(Answer::error(format!("Invalid Gateway Module Name. Must be one of: {names}")));
        }
        if !able.contains(&asked.gateway) {
            return Ok(Answer::error("Unsupported Gateway Type for Storage"));
        }
        asked.gateway.clone()
    } else {
        match kind {
            "RemoteCreditCard" => return Ok(Answer::error("Gateway is Required for RemoteCreditCard type")),
            "BankAccount" => return Ok(Answer::error("Gateway is Required for Bank Account Storage")),
            // A card of no particular gateway belongs to the first that can charge it.
            _ => match able.first() {
                Some(name) => name.clone(),
                None => return Ok(Answer::error("No Local Credit Card Payment Gateways Enabled")),
            },
        }
    };
    if let Some(Err(Error::Refused(reason))) = asked.expiry {
        return Ok(Answer::error(reason));
    }
    let token = if !asked.remote_token.is_empty() {
        asked.remote_token.as_str()
    } else if asked.bank {
        return Ok(Answer::error(NO_ACCOUNTS));
    } else if asked.card_number.is_empty() {
        return Ok(Answer::error(match kind {
            "BankAccount" => "Account number is required",
            _ => "Card Number is required for 'CreditCard' or 'RemoteCreditCard' type",
        }));
    } else if cx.app.sandbox && gateway == "sandbox" {
        asked.card_number.as_str()
    } else {
        return Ok(Answer::error(NO_NUMBERS));
    };
    let make_default = if asked.make_default { MakeDefault::Yes } else { MakeDefault::No };
    let added = super::add(&cx.app, &cx.actor, client_id, &gateway, token, &asked.description, make_default).await?;
    Ok(Answer::success().with("clientid", client_id.to_string()).with("paymethodid", added.id.to_string()))
}

async fn exists(conn: &mut Conn, client_id: i64) -> Result<bool> {
    match clients::find(conn, client_id).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

async fn get_pay_methods(cx: CompatCx) -> Result<Answer> {
    let (client_id, id, kind) = cx.request.read(|params| {
        Ok((params.int("clientid"), params.int("paymethodid"), params.filled("type").map(str::to_owned)))
    })?;
    let Some(client_id) = client_id else { return Ok(Answer::error("Client ID Is Required")) };
    let kind = match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("bankaccount") => Some("bank_account"),
        Some("creditcard") => Some("card"),
        Some(_) => return Ok(Answer::error("Invalid Pay Method Type. Should be 'BankAccount' or 'CreditCard'")),
    };
    let mut conn = cx.app.db.read().await?;
    if !exists(&mut conn, client_id).await? {
        return Ok(Answer::error("Client Not Found"));
    }
    let zone = company::zone(&mut conn).await?;
    let methods = super::of_client(&mut conn, client_id).await?;
    let shown: Vec<Value> = methods
        .iter()
        .filter(|method| id.is_none_or(|id| id == method.id) && kind.is_none_or(|kind| kind == method.kind))
        .map(|method| described(method, &cx.app, &company::clock(method.updated_at, &zone)))
        .collect();
    Ok(Answer::success().with("clientid", client_id.to_string()).with("paymethods", shown))
}

/// The token stays with us: whoever has it and the gateway's key could charge the method.
fn described(method: &PayMethod, app: &platform::App, updated: &str) -> Value {
    let remote = app.get::<Gateways>().is_ok_and(|modules| modules.find(&method.gateway).is_ok());
    let (date, time) = updated.split_once(' ').unwrap_or((updated, ""));
    let day: Vec<&str> = date.split('-').rev().collect();
    let last_updated = format!("{} {}", day.join("/"), time.get(..5).unwrap_or_default());
    let mut value = json!({
        "id": method.id,
        "type": match (method.kind.as_str(), remote) {
            ("bank_account", true) => "RemoteBankAccount",
            ("bank_account", false) => "BankAccount",
            (_, true) => "RemoteCreditCard",
            (_, false) => "CreditCard",
        },
        "description": method.description,
        "gateway_name": method.gateway,
        "contact_type": "Client",
        "contact_id": method.client_id,
    });
    if method.kind == "bank_account" {
        value["bank_name"] = json!(method.brand);
    } else {
        let expiry = match (method.expiry_month, method.expiry_year) {
            (Some(month), Some(year)) => format!("{month:02}/{:02}", year % 100),
            _ => String::new(),
        };
        value["card_last_four"] = json!(method.last_four);
        value["expiry_date"] = json!(expiry);
        value["start_date"] = json!("");
        value["issue_number"] = json!("");
        value["card_type"] = json!(method.brand);
    }
    value["remote_token"] = json!("");
    value["last_updated"] = json!(last_updated);
    value
}

/// The method that an action names, or the documented sentence why not.
async fn named(
    conn: &mut Conn,
    client_id: Option<i64>,
    id: Option<i64>,
    order: [&'static str; 2],
) -> Result<Result<PayMethod, &'static str>> {
    let missing = |name: &str| match name {
        "paymethodid" => id.is_none().then_some("Pay Method ID is Required"),
        _ => client_id.is_none().then_some("Client ID is Required"),
    };
    if let Some(sentence) = order.into_iter().find_map(missing) {
        return Ok(Err(sentence));
    }
    match super::find(conn, id.unwrap_or_default()).await {
        Ok(method) if Some(method.client_id) == client_id => Ok(Ok(method)),
        Ok(_) => Ok(Err("Pay Method does not belong to passed Client ID")),
        Err(Error::NotFound(_)) => Ok(Err("Invalid Pay Method ID")),
        Err(other) => Err(other),
    }
}

async fn update_pay_method(cx: CompatCx) -> Result<Answer> {
    let (id, asked) = cx.request.read(|params| Ok((params.int("paymethodid"), asked(params))))?;
    let mut tx = cx.app.db.write().await?;
    let method = match named(&mut tx, asked.client_id, id, ["paymethodid", "clientid"]).await? {
        Ok(method) => method,
        Err(sentence) => return Ok(Answer::error(sentence)),
    };
    if !asked.card_number.is_empty() {
        return Ok(Answer::error("Unable to Update Card Number for Assisted Gateway"));
    }
    if asked.bank {
        return Ok(Answer::error("Unsupported Gateway Type for Update"));
    }
    let expiry = match asked.expiry {
        Some(Err(Error::Refused(reason))) => return Ok(Answer::error(reason)),
        Some(other) => Some(other?),
        None => None,
    };
    let description = (!asked.description.is_empty()).then_some(asked.description);
    if expiry.is_none() && description.is_none() && !asked.make_default {
        return Ok(Answer::error("No Details Provided for Update"));
    }
    let mut locked = clients::lock(&mut tx, method.client_id).await?;
    let edit = Edit { description, expiry, make_default: asked.make_default };
    super::update(&mut locked, &cx.actor, method.id, edit, cx.now).await?;
    tx.commit().await?;
    let (client_id, id) = (method.client_id.to_string(), method.id.to_string());
    Ok(Answer::success().with("clientid", client_id).with("paymethodid", id))
}

async fn delete_pay_method(cx: CompatCx) -> Result<Answer> {
    let (id, client_id, strict) = cx.request.read(|params| {
        Ok((params.int("paymethodid"), params.int("clientid"), params.bool("failonremotefailure").unwrap_or(false)))
    })?;
    let mut conn = cx.app.db.read().await?;
    let method = match named(&mut conn, client_id, id, ["clientid", "paymethodid"]).await? {
        Ok(method) => method,
        Err(sentence) => return Ok(Answer::error(sentence)),
    };
    drop(conn);
    let on_failure = if strict { OnRemoteFailure::Refuse } else { OnRemoteFailure::RemoveAnyway };
    super::remove(&cx.app, &cx.actor, method.id, on_failure).await?;
    Ok(Answer::success().with("paymethodid", method.id.to_string()))
}
