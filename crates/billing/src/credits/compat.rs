//! `AddCredit`, `ApplyCredit`, `GetCredits`.

use accounts::doors::{Action, CompatCx, Routes};
use accounts::{admins, clients};
use kernel::{Error, Money, Result};
use platform::compat::Answer;
use serde_json::{Value, json};

use super::{MANAGE, Movement, VIEW};
use crate::invoices::{self, InvoiceStatus};
use crate::terms::Terms;
use crate::view::{day, sentence};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("AddCredit", MANAGE, add_credit))
        .action(Action::new("ApplyCredit", MANAGE, apply_credit))
        .action(Action::new("GetCredits", VIEW, get_credits))
}

fn refused(error: Error) -> Result<Answer> {
    match error {
        Error::Invalid(_) | Error::Refused(_) => Ok(Answer::error(sentence(&error))),
        other => Err(other),
    }
}

async fn add_credit(cx: CompatCx) -> Result<Answer> {
    let (client_id, description, amount, date, admin, kind) = cx.request.read(|params| {
        let client_id = params.required_int("clientid");
        let description = params.required("description").map(str::to_owned);
        let mut text = |name: &str| params.filled(name).unwrap_or_default().to_owned();
        let (amount, date, kind) = (text("amount"), text("date"), text("type").to_lowercase());
        let admin = params.int("adminid").filter(|id| *id != 0);
        Ok((client_id?, description?, amount, date, admin, kind))
    })?;
    if !matches!(kind.as_str(), "" | "add" | "remove") {
        return Ok(Answer::error("Type can only be add or remove"));
    }
    let mut tx = cx.app.db.write().await?;
    let today = Terms::load(&mut tx, cx.now).await?.today;
    let mut locked = match clients::lock(&mut tx, client_id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Client ID Not Found")),
        other => other?,
    };
    let client = clients::find(&mut locked, client_id).await?;
    if let Some(id) = admin {
        match admins::find(&mut locked, id).await {
            Err(Error::NotFound(_)) => return Ok(Answer::error("Admin ID Not Found")),
            other => other.map(drop)?,
        }
    }
    if amount.is_empty() {
        return Ok(Answer::error("No Amount Provided"));
    }
    let amount = match Money::parse(&amount, client.currency) {
        Ok(amount) if !amount.is_negative() => amount,
        _ => return Ok(Answer::error("Amount must be in decimal format: ### or ###.##")),
    };
    let on = if date.is_empty() {
        today
    } else {
        match day(&date) {
            Ok(date) => date,
            Err(_) => return Ok(Answer::error("Date Format is not Valid")),
        }
    };
    let signed = if kind == "remove" { amount.checked_neg()? } else { amount };
    match super::adjust(&mut locked, &cx.actor, client_id, signed, &description, on, cx.now).await {
        Err(error) => refused(error),
        Ok(after) => {
            tx.commit().await?;
            Ok(Answer::success().with("newbalance", after.decimal()))
        }
    }
}

async fn apply_credit(cx: CompatCx) -> Result<Answer> {
    let (id, amount) = cx.request.read(|params| {
        let id = params.required_int("invoiceid");
        let amount = params.filled("amount").unwrap_or("full").to_owned();
        // No mail is sent for credit that staff apply, so there is none to leave out.
        params.bool("noemail");
        Ok((id?, amount))
    })?;
    let mut tx = cx.app.db.write().await?;
    let today = Terms::load(&mut tx, cx.now).await?.today;
    let seen = match invoices::find(&mut tx, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Invoice ID Not Found")),
        other => other?,
    };
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, id).await?;
    let amount = if amount.eq_ignore_ascii_case("full") {
        let available = super::balance(&mut locked, invoice.client_id, invoice.currency).await?;
        invoice.money(invoice.balance.min(available.minor))
    } else {
        Money::parse(&amount, invoice.currency)?
    };
    if let Err(error) = super::apply(&mut locked, &cx.actor, id, amount, today, cx.now).await {
        return refused(error);
    }
    let after = invoices::find(&mut locked, id).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success()
        .with("invoiceid", id.to_string())
        .with("amount", amount.decimal())
        .with("invoicepaid", (after.status == InvoiceStatus::Paid).to_string()))
}

/// So many movements are answered at most.
const AT_MOST: i64 = 10_000;

async fn get_credits(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("clientid"))?;
    let mut conn = cx.app.db.read().await?;
    match clients::find(&mut conn, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Client ID Not Found")),
        other => other.map(drop)?,
    }
    let mut movements = super::movements(&mut conn, id, AT_MOST).await?;
    movements.reverse();
    let shown: Vec<Value> = movements.iter().map(described).collect();
    Ok(Answer::success()
        .with("totalresults", shown.len())
        .with("clientid", id.to_string())
        .with_list("credits", "credit", shown))
}

fn described(movement: &Movement) -> Value {
    json!({
        "id": movement.id.to_string(),
        "date": movement.booked_on,
        "description": movement.description,
        "amount": Money::new(movement.amount, movement.currency).decimal(),
        "relid": movement.invoice_id.unwrap_or_default().to_string(),
    })
}
