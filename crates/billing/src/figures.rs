//! What `GetClientsDetails` tells of a client's money: the credit, and of each status of invoices how many there are and
//! what they come to.

use accounts::clients::{Client, Figures, PanelFuture};
use accounts::company;
use kernel::{Date, Money, Result};
use platform::db::Conn;
use platform::{App, params};
use serde_json::json;

use crate::invoices::InvoiceStatus;
use crate::{credits, currencies};

/// Invoices of one status, those that are overdue apart.
struct Sums {
    status: InvoiceStatus,
    overdue: bool,
    count: i64,
    balance: i64,
    total: i64,
}

async fn sums(conn: &mut Conn, client_id: i64, today: Date) -> Result<Vec<Sums>> {
    let rows: Vec<(InvoiceStatus, bool, i64, i64, i64)> = conn
        .all(
            "SELECT status, late, COUNT(*), CAST(SUM(balance) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM \
             (SELECT status, status = 'unpaid' AND due_on < $2 AS late, balance, total FROM invoices WHERE client_id = $1) \
             AS of_client GROUP BY status, late",
            params![client_id, today],
        )
        .await?;
    let sums = |(status, overdue, count, balance, total)| Sums { status, overdue, count, balance, total };
    Ok(rows.into_iter().map(sums).collect())
}

/// Money that came in, went back, and was kept by gateways.
async fn turnover(conn: &mut Conn, client: &Client) -> Result<(i64, i64, i64)> {
    conn.one(
        "SELECT CAST(COALESCE(SUM(amount_in), 0) AS BIGINT), CAST(COALESCE(SUM(amount_out), 0) AS BIGINT), \
         CAST(COALESCE(SUM(fees), 0) AS BIGINT) FROM transactions \
         WHERE client_id = $1 AND currency = $2 AND voided_at IS NULL",
        params![client.id, client.currency],
    )
    .await
}

const BY_STATUS: &[(InvoiceStatus, &str, &str)] = &[
    (InvoiceStatus::Draft, "numDraftInvoices", "draftInvoicesBalance"),
    (InvoiceStatus::Unpaid, "numunpaidinvoices", "unpaidinvoicesamount"),
    (InvoiceStatus::Paid, "numpaidinvoices", "paidinvoicesamount"),
    (InvoiceStatus::Cancelled, "numcancelledinvoices", "cancelledinvoicesamount"),
    (InvoiceStatus::Refunded, "numrefundedinvoices", "refundedinvoicesamount"),
    (InvoiceStatus::Collections, "numcollectionsinvoices", "collectionsinvoicesamount"),
    (InvoiceStatus::PaymentPending, "numpaymentpendinginvoices", "paymentpendinginvoicesamount"),
];

pub fn figures<'a>(app: &'a App, conn: &'a mut Conn, client: &'a Client) -> PanelFuture<'a, Figures> {
    Box::pin(async move {
        let today = app.clock.now().date_in(&company::zone(conn).await?);
        let sums = sums(conn, client.id, today).await?;
        let (came, went, fees) = turnover(conn, client).await?;
        let credit = credits::balance(conn, client.id, client.currency).await?;
        let dealt = currencies::find(conn, client.currency).await?;
        let worth = |minor: i64| {
            let amount = Money::new(minor, client.currency);
            json!(format!("{}{}{}", dealt.prefix, amount.decimal(), dealt.suffix))
        };
        let count =
            |wanted: &dyn Fn(&Sums) -> bool| sums.iter().filter(|of| wanted(of)).map(|of| of.count).sum::<i64>();
        let balance = |wanted: &dyn Fn(&Sums) -> bool| {
            worth(sums.iter().filter(|of| wanted(of)).fold(0i64, |sum, of| sum.saturating_add(of.balance)))
        };
        let unpaid = |of: &Sums| of.status == InvoiceStatus::Unpaid;
        let overdue = |of: &Sums| of.overdue;
        let expenses = went.saturating_add(fees);
        let mut figures: Figures = vec![
            ("credit", json!(credit.decimal())),
            ("incredit", json!(credit.is_positive())),
            ("creditbalance", worth(credit.minor)),
            ("numdueinvoices", json!(count(&unpaid))),
            ("dueinvoicesbalance", balance(&unpaid)),
            ("numoverdueinvoices", json!(count(&overdue))),
            ("overdueinvoicesbalance", balance(&overdue)),
            ("grossRevenue", worth(came)),
            ("expenses", worth(expenses)),
            ("income", worth(came.saturating_sub(expenses))),
        ];
        for (status, number, amount) in BY_STATUS {
            let of_status = |of: &Sums| of.status == *status;
            figures.push((number, json!(count(&of_status))));
            // What the documents come to, paid or not; the balances above are what is left to pay.
            let whole = sums.iter().filter(|of| of_status(of)).fold(0i64, |sum, of| sum.saturating_add(of.total));
            figures.push((amount, worth(whole)));
        }
        Ok(figures)
    })
}
