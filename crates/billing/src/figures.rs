//! The money among the figures of a client that the compatible API's GetClientsDetails tells: `credit` and, in `stats`,
//! its invoices by status and what came in and went out.

use accounts::clients::{Client, Figures, PanelFuture};
use accounts::company;
use kernel::{Currency, Money, Result};
use platform::db::Conn;
use platform::{App, params};
use serde_json::{Value, json};

use crate::invoices::InvoiceStatus;
use crate::{credits, currencies};

/// Names of a status's count and sum.
const BY_STATUS: &[(InvoiceStatus, &str, &str)] = &[
    (InvoiceStatus::Draft, "numDraftInvoices", "draftInvoicesBalance"),
    (InvoiceStatus::Unpaid, "numunpaidinvoices", "unpaidinvoicesamount"),
    (InvoiceStatus::Paid, "numpaidinvoices", "paidinvoicesamount"),
    (InvoiceStatus::Cancelled, "numcancelledinvoices", "cancelledinvoicesamount"),
    (InvoiceStatus::Refunded, "numrefundedinvoices", "refundedinvoicesamount"),
    (InvoiceStatus::Collections, "numcollectionsinvoices", "collectionsinvoicesamount"),
    (InvoiceStatus::PaymentPending, "numpaymentpendinginvoices", "paymentpendinginvoicesamount"),
];

pub(crate) fn figures<'a>(app: &'a App, conn: &'a mut Conn, client: &'a Client) -> PanelFuture<'a, Figures> {
    Box::pin(async move {
        let currency = client.currency;
        let words = Words::of(conn, currency).await?;
        let credit = credits::balance(conn, client.id, currency).await?;
        let mut figures: Figures = vec![
            ("credit", json!(credit.decimal())),
            ("creditbalance", words.amount(credit)),
            ("incredit", json!(credit.is_positive())),
        ];
        let today = app.clock.now().date_in(&company::zone(conn).await?);
        let statuses: Vec<(InvoiceStatus, i64, i64)> = conn
            .all(
                "SELECT status, COUNT(*), CAST(SUM(total) AS BIGINT) FROM invoices WHERE client_id = $1 GROUP BY status",
                params![client.id],
            )
            .await?;
        for (status, count, amount) in BY_STATUS {
            let found = statuses.iter().find(|(known, ..)| known == status);
            figures.push((*count, json!(found.map_or(0, |(_, count, _)| *count))));
            figures.push((*amount, words.amount(Money::new(found.map_or(0, |(.., total)| *total), currency))));
        }
        // Due is what is left to pay of unpaid invoices, overdue what of it should have been paid.
        let owed: Vec<(bool, i64, i64)> = conn
            .all(
                "SELECT due_on < $2 AS late, COUNT(*), CAST(SUM(balance) AS BIGINT) FROM invoices \
                 WHERE client_id = $1 AND status = 'unpaid' GROUP BY due_on < $2",
                params![client.id, today],
            )
            .await?;
        for (only_late, count, amount) in
            [(false, "numdueinvoices", "dueinvoicesbalance"), (true, "numoverdueinvoices", "overdueinvoicesbalance")]
        {
            let those = || owed.iter().filter(move |(late, ..)| *late || !only_late);
            figures.push((count, json!(those().map(|(_, count, _)| count).sum::<i64>())));
            let sum = Money::sum(those().map(|(.., balance)| Money::new(*balance, currency)), currency)?;
            figures.push((amount, words.amount(sum)));
        }
        let (came, went): (i64, i64) = conn
            .one(
                "SELECT CAST(COALESCE(SUM(amount_in), 0) AS BIGINT), CAST(COALESCE(SUM(amount_out + fees), 0) AS BIGINT) \
                 FROM transactions WHERE client_id = $1",
                params![client.id],
            )
            .await?;
        let (came, went) = (Money::new(came, currency), Money::new(went, currency));
        figures.push(("grossRevenue", words.amount(came)));
        figures.push(("expenses", words.amount(went)));
        figures.push(("income", words.amount(came.checked_sub(went)?)));
        Ok(figures)
    })
}

/// How amounts of a currency are written there: `$10.00 USD`.
struct Words {
    prefix: String,
    suffix: String,
}

impl Words {
    async fn of(conn: &mut Conn, currency: Currency) -> Result<Words> {
        let found = currencies::all(conn).await?.into_iter().find(|dealt| dealt.code == currency);
        Ok(found.map_or(Words { prefix: String::new(), suffix: String::new() }, |dealt| Words {
            prefix: dealt.prefix,
            suffix: dealt.suffix,
        }))
    }

    fn amount(&self, amount: Money) -> Value {
        json!(format!("{}{}{}", self.prefix, amount.decimal(), self.suffix))
    }
}
