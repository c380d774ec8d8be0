//! Finds invoices and transactions for the command bar: by number or id, by the provider's id. Exact and by beginning,
//! so that an index serves it among a million.

use accounts::clients;
use accounts::doors::finders::{self, Finders, Found, Hit};
use kernel::{Currency, Money, Result};
use platform::db::Conn;
use platform::params;

use crate::invoices::InvoiceStatus;
use crate::{invoices, payments};

pub fn finders(finders: &mut Finders) {
    let list = "/admin/invoices?q=";
    finders.add("Invoices", invoices::LIST, list, |conn, text| -> Found<'_> { Box::pin(invoices_by(conn, text)) });
    let list = "/admin/transactions?q=";
    finders.add("Transactions", payments::LIST, list, |conn, text| -> Found<'_> { Box::pin(payments_by(conn, text)) });
}

async fn invoices_by(conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
    let number = text.trim_start_matches('#');
    let id = number.parse::<i64>().unwrap_or_default();
    let rows: Vec<(i64, Option<String>, InvoiceStatus, Currency, i64, String, String, String)> = conn
        .all(
            "SELECT i.id, i.number, i.status, i.currency, i.total, c.first_name, c.last_name, c.company \
             FROM invoices i JOIN clients c ON c.id = i.client_id WHERE i.id IN \
             (SELECT id FROM invoices WHERE number = $1 UNION SELECT id FROM invoices WHERE id = $2) ORDER BY i.id LIMIT $3",
            params![number, id, finders::HITS],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, number, status, currency, total, first, last, company)| {
            let client = clients::name(&company, &first, &last);
            Hit {
                title: format!("Invoice {}", number.unwrap_or_else(|| format!("draft {id}"))),
                detail: format!("{client} · {}", Money::new(total, currency)),
                href: format!("/admin/invoices/{id}"),
                status: status.to_string(),
            }
        })
        .collect())
}

async fn payments_by(conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
    let rows: Vec<(i64, String, String, Currency, i64, i64)> = conn
        .all(
            "SELECT id, reference, gateway, currency, amount_in, amount_out FROM transactions WHERE reference = $1 \
             ORDER BY id LIMIT $2",
            params![text, finders::HITS],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, reference, gateway, currency, amount_in, amount_out)| Hit {
            title: format!("Transaction {reference}"),
            detail: format!("{} by {gateway}", Money::new(amount_in - amount_out, currency)),
            href: format!("/admin/transactions/{id}"),
            status: String::new(),
        })
        .collect())
}
