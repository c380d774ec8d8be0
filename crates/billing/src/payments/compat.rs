//! `AddInvoicePayment`, `AddTransaction`, `GetTransactions`.
//!
//! What surprises: every unit of a client's money has a destination here, so what an `AddTransaction` for a client does not
//! settle becomes credit, whether or not `credit` is sent.

use accounts::clients;
use accounts::doors::compat::Part;
use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Date, Error, Money, Result};
use platform::compat::{Answer, Params};
use platform::web::lists::Order;
use serde_json::{Value, json};

use super::store::{self, Filter, Listed};
use super::{ADD, Duplicate, LIST, NewOther, NewPayment};
use crate::currencies::{self, DealtCurrency};
use crate::gateways;
use crate::invoices::{self, InvoiceStatus};
use crate::terms::Terms;
use crate::view::{day, rate5, sentence};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("AddInvoicePayment", ADD, add_invoice_payment))
        .action(Action::new("AddTransaction", ADD, add_transaction))
        .action(Action::new("GetTransactions", LIST, get_transactions))
}

/// What a rule refuses: in the documented words, or with the action's name of the field before ours.
fn refused(error: Error, amount: &str) -> Result<Answer> {
    match &error {
        Error::Invalid(errors) if !sentence(&error).starts_with("Invalid Payment Method") => {
            let named = errors.iter().map(|(field, message)| {
                let field = if field == "amount" { amount } else { field };
                format!("{field}: {message}")
            });
            Ok(Answer::error(named.collect::<Vec<_>>().join(" ")))
        }
        Error::Invalid(_) | Error::Refused(_) | Error::Conflict(_) => Ok(Answer::error(sentence(&error))),
        _ => Err(error),
    }
}

async fn add_invoice_payment(cx: CompatCx) -> Result<Answer> {
    let (id, transid, gateway, date) = cx.request.read(|params| {
        let id = params.required_int("invoiceid");
        let transid = params.required("transid");
        let gateway = params.required("gateway");
        let date = params.parsed("date", day);
        let date = params.demand("date", date);
        // No mail is sent for a payment that staff record, so there is none to leave out.
        params.bool("noemail");
        Ok((id?, transid?.to_owned(), gateway?.to_owned(), date?))
    })?;
    let mut tx = cx.app.db.write().await?;
    let seen = match invoices::find(&mut tx, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Invoice ID Not Found")),
        other => other?,
    };
    let (paid, fees) =
        cx.request.read(|params| Ok((params.money("amount", seen.currency), params.money("fees", seen.currency))))?;
    let gateway = match gateways::require_known(&mut tx, "gateway", &gateway).await {
        Err(error) => return refused(error, "amount"),
        Ok(gateway) => gateway.name,
    };
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, id).await?;
    if paid.is_none() && invoice.balance == 0 && invoice.status == InvoiceStatus::Paid {
        return Err(Error::invalid(
            "amount",
            "Nothing is owed on this invoice. Send what was paid all the same; it becomes credit.",
        ));
    }
    let new = NewPayment {
        client_id: invoice.client_id,
        gateway,
        external_id: transid,
        duplicate: Duplicate::Refuse,
        amount: paid.unwrap_or(invoice.money(invoice.balance)),
        fees: fees.unwrap_or(Money::zero(invoice.currency)),
        occurred_on: date,
        description: format!("Invoice payment ({})", invoice.title()),
        invoices: vec![id],
    };
    match super::record(&mut locked, &cx.actor, new, cx.now).await {
        Err(error) => refused(error, "amount"),
        Ok(_) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            Ok(Answer::success())
        }
    }
}

struct Asked {
    gateway: String,
    client_id: Option<i64>,
    invoices: Vec<i64>,
    transid: String,
    date: Option<Date>,
    currency_id: Option<i64>,
    description: String,
    rate: Option<String>,
    duplicate: Duplicate,
}

fn asked(params: &mut Params<'_>) -> Asked {
    let mut text = |name: &str| params.filled(name).unwrap_or_default().to_owned();
    let (gateway, transid, description) = (text("paymentmethod"), text("transid"), text("description"));
    // Whether it is sent or not: what no invoice takes becomes credit.
    params.bool("credit");
    Asked {
        gateway,
        transid,
        description,
        client_id: params.int("userid").filter(|id| *id != 0),
        invoices: params.ints("invoiceid").unwrap_or_default().into_iter().filter(|id| *id != 0).collect(),
        date: params.parsed("date", day),
        currency_id: params.int("currencyid").filter(|id| *id != 0),
        rate: params.decimal("rate").map(str::to_owned),
        duplicate: match params.bool("allowduplicatetransid") {
            Some(true) => Duplicate::Allow,
            _ => Duplicate::Refuse,
        },
    }
}

async fn add_transaction(cx: CompatCx) -> Result<Answer> {
    let mut asked = cx.request.read(|params| Ok(asked(params)))?;
    let mut tx = cx.app.db.write().await?;
    let today = Terms::load(&mut tx, cx.now).await?.today;
    let occurred_on = asked.date.unwrap_or(today);
    let mut client = match asked.client_id {
        Some(id) => match clients::find(&mut tx, id).await {
            Err(Error::NotFound(_)) => return Ok(Answer::error("Client ID Not Found")),
            other => Some(other?),
        },
        None => None,
    };
    for id in &asked.invoices {
        let invoice = match invoices::find(&mut tx, *id).await {
            Err(Error::NotFound(_)) => return Ok(Answer::error("Invoice ID Not Found")),
            other => other?,
        };
        match &client {
            Some(client) if client.id != invoice.client_id => {
                return Ok(Answer::error("User ID does not own the given Invoice ID"));
            }
            Some(_) => {}
            None => client = Some(clients::find(&mut tx, invoice.client_id).await?),
        }
    }
    let dealt = currencies::all(&mut tx).await?;
    let named = match asked.currency_id {
        Some(id) => match dealt.iter().find(|dealt| dealt.id == id) {
            Some(dealt) => Some(dealt.code),
            None => return Ok(Answer::error("Currency ID Not Found")),
        },
        None => None,
    };
    let currency = match (&client, named) {
        (Some(client), Some(named)) if client.currency != named => {
            return Ok(Answer::error("Currency ID does not match Client currency"));
        }
        (Some(client), _) => client.currency,
        (None, Some(named)) => named,
        (None, None) => {
            return Ok(Answer::error("A Currency ID is required for non-customer related transactions"));
        }
    };
    if asked.gateway.is_empty() {
        return Ok(Answer::error("Payment Method is required"));
    }
    match gateways::require_known(&mut tx, "paymentmethod", &asked.gateway).await {
        Err(error) => return refused(error, "amountin"),
        Ok(gateway) => asked.gateway = gateway.name,
    }
    let zero = Money::zero(currency);
    let (came, fees, went) = cx.request.read(|params| {
        let mut amount = |name: &str| params.money(name, currency).unwrap_or(zero);
        Ok((amount("amountin"), amount("fees"), amount("amountout")))
    })?;
    let recorded = match client {
        Some(_) if !went.is_zero() => {
            return Ok(Answer::error(
                "Money that goes back to a client is a refund of a payment and is recorded with that payment",
            ));
        }
        Some(client) => {
            let new = NewPayment {
                client_id: client.id,
                gateway: asked.gateway,
                external_id: asked.transid,
                duplicate: asked.duplicate,
                amount: came,
                fees,
                occurred_on,
                description: asked.description,
                invoices: asked.invoices,
            };
            let mut locked = clients::lock(&mut tx, client.id).await?;
            super::record(&mut locked, &cx.actor, new, cx.now).await.map(|recorded| recorded.transaction_id)
        }
        None => {
            let new = NewOther {
                gateway: asked.gateway,
                external_id: asked.transid,
                duplicate: asked.duplicate,
                amount_in: came,
                amount_out: went,
                fees,
                occurred_on,
                description: asked.description,
            };
            super::record_other(&mut tx, &cx.actor, new, cx.now).await
        }
    };
    let id = match recorded {
        Err(error) => return refused(error, "amountin"),
        Ok(id) => id,
    };
    if let Some(rate) = &asked.rate {
        super::set_rate(&mut tx, id, rate).await?;
    }
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success())
}

/// So many transactions are answered at most; the action has no pages of its own, `limitstart` goes on.
const AT_MOST: i64 = 10_000;

async fn get_transactions(cx: CompatCx) -> Result<Answer> {
    let (filter, part) = cx.request.read(|params| {
        let mut filter = Filter {
            client_id: params.int("clientid").filter(|id| *id != 0),
            invoice_id: params.int("invoiceid").filter(|id| *id != 0),
            // Elsewhere such a transaction is deleted.
            standing: true,
            ..Filter::default()
        };
        if let Some(transid) = params.filled("transid") {
            filter.text = store::Text::Reference(transid.to_owned());
        }
        let start = params.int("limitstart").unwrap_or(0).max(0);
        let limit = params.int("limitnum").unwrap_or(AT_MOST).clamp(0, AT_MOST);
        Ok((filter, Part { start, limit }))
    })?;
    let mut conn = cx.app.db.read().await?;
    let dealt = currencies::all(&mut conn).await?;
    let query = filter.query();
    let total = query.count_all(&mut conn).await?;
    let order = (&store::BY_ID, Order::Ascending);
    let rows: Vec<Listed> = query.part(&mut conn, &store::columns(), order, part.start, part.limit).await?;
    let shown: Vec<Value> = rows.iter().map(|row| described(row, &dealt)).collect();
    Ok(Answer::success()
        .with("totalresults", total)
        .with("startnumber", part.start)
        .with("numreturned", shown.len())
        .with_list("transactions", "transaction", shown))
}

fn described(row: &Listed, dealt: &[DealtCurrency]) -> Value {
    let money = |minor: i64| Money::new(minor, row.currency).decimal();
    // As documented: 0 stands for the client's own currency.
    let currency = match row.client_id {
        Some(_) => 0,
        None => dealt.iter().find(|dealt| dealt.code == row.currency).map_or(0, |dealt| dealt.id),
    };
    let id = |id: Option<i64>| id.unwrap_or_default().to_string();
    json!({
        "id": row.id.to_string(),
        "userid": id(row.client_id),
        "currency": currency.to_string(),
        "gateway": row.gateway,
        "date": format!("{} 00:00:00", row.occurred_on),
        "description": row.description,
        "amountin": money(row.amount_in),
        "fees": money(row.fees),
        "amountout": money(row.amount_out),
        "rate": rate5(&row.rate),
        "transid": row.reference,
        "invoiceid": id(row.invoice_id),
        "refundid": id(row.refund_of),
    })
}
