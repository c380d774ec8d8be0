//! `UpdateTransaction`. What moves money is refused by name: it is voided and recorded anew.

use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Date, Error, Money, Result};
use platform::compat::Answer;

use super::{EDIT, TransactionEdit};
use crate::payments::{self, Transaction};
use crate::view::{day, sentence};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("UpdateTransaction", EDIT, update_transaction))
}

struct Asked {
    edit: TransactionEdit,
    /// The first field whose value is another than the one recorded.
    fixed: Option<&'static str>,
}

const AMOUNTS: [&str; 3] = ["amountin", "amountout", "fees"];
const IDS: [&str; 4] = ["userid", "invoiceid", "refundid", "creditid"];

async fn update_transaction(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("transactionid"))?;
    let mut tx = cx.app.db.write().await?;
    let transaction = match payments::find(&mut tx, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Transaction ID Not Found")),
        found => found?,
    };
    let asked = cx.request.read(|params| {
        let mut fixed = None;
        for name in AMOUNTS {
            let stored = Money::new(recorded(&transaction, name), transaction.currency);
            if params.money(name, transaction.currency).is_some_and(|amount| amount != stored) {
                fixed = fixed.or(Some(name));
            }
        }
        for name in IDS {
            if params.int(name).is_some_and(|id| id != recorded(&transaction, name)) {
                fixed = fixed.or(Some(name));
            }
        }
        if params.filled("gateway").is_some_and(|gateway| !gateway.eq_ignore_ascii_case(&transaction.gateway)) {
            fixed = fixed.or(Some("gateway"));
        }
        let date: Option<Date> = params.parsed("date", day);
        let edit = TransactionEdit {
            reference: params.text("transid").map(str::to_owned),
            occurred_on: date,
            description: params.text("description").map(str::to_owned),
            rate: params.decimal("rate").map(str::to_owned),
        };
        Ok(Asked { edit, fixed })
    })?;
    if let Some(name) = asked.fixed {
        return Ok(Answer::error(format!(
            "{name} of a recorded transaction does not change. Void the transaction and record it anew."
        )));
    }
    match super::edit(&mut tx, &cx.actor, id, asked.edit, cx.now).await {
        Ok(_) => {}
        Err(error @ (Error::Invalid(_) | Error::Refused(_) | Error::Conflict(_))) => {
            return Ok(Answer::error(sentence(&error)));
        }
        Err(other) => return Err(other),
    }
    tx.commit().await?;
    Ok(Answer::success().with("transactionid", id))
}

fn recorded(transaction: &Transaction, name: &str) -> i64 {
    match name {
        "amountin" => transaction.amount_in,
        "amountout" => transaction.amount_out,
        "fees" => transaction.fees,
        "userid" => transaction.client_id.unwrap_or_default(),
        "invoiceid" => transaction.invoice_id.unwrap_or_default(),
        "refundid" => transaction.refund_of.unwrap_or_default(),
        _ => 0,
    }
}
