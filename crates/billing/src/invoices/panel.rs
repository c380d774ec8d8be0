//! What invoices and credit show on a client's page: what is owed, the credit, the latest invoices. All of it is asked for
//! in one question.

use std::sync::Arc;

use accounts::clients::{ClientPanel, Panel, PanelFuture, Place, Seen};
use kernel::{Currency, Date, Money, Result};
use minijinja::context;
use platform::db::{Conn, FromRow, Row};
use platform::{App, params};

use super::{InvoiceStatus, LIST, view};

const RECENT: i64 = 10;

pub fn panels() -> Vec<ClientPanel> {
    vec![
        ClientPanel { title: "Owes", place: Place::Figures, order: 10, permission: LIST, load: owed },
        ClientPanel { title: "Invoices", place: Place::Main, order: 20, permission: LIST, load: invoices },
    ]
}

/// What a client's page says of money.
pub(crate) struct Account {
    pub credit: Money,
    owed: Money,
    overdue: Money,
    recent: Vec<Recent>,
}

struct Recent {
    id: i64,
    number: Option<String>,
    status: InvoiceStatus,
    currency: Currency,
    due_on: Date,
    total: i64,
    balance: i64,
}

/// The sums stand in each row; a client without an invoice has a row of its own for them.
struct Line {
    sums: [i64; 3],
    recent: Option<Recent>,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Line> {
        let recent = match row.get::<Option<i64>>(3)? {
            None => None,
            Some(id) => Some(Recent {
                id,
                number: row.get(4)?,
                status: row.get(5)?,
                currency: row.get(6)?,
                due_on: row.get(7)?,
                total: row.get(8)?,
                balance: row.get(9)?,
            }),
        };
        Ok(Line { sums: [row.get(0)?, row.get(1)?, row.get(2)?], recent })
    }
}

/// Sums of bigints are numerics on PostgreSQL.
const ACCOUNT: &str = "SELECT COALESCE((SELECT balance FROM credit_balances WHERE client_id = $1), 0), \
    COALESCE((SELECT CAST(SUM(balance) AS BIGINT) FROM invoices WHERE client_id = $1 \
              AND status IN ('unpaid', 'payment_pending', 'collections')), 0), \
    COALESCE((SELECT CAST(SUM(balance) AS BIGINT) FROM invoices WHERE client_id = $1 \
              AND status IN ('unpaid', 'payment_pending', 'collections') AND due_on < $2), 0), \
    i.id, i.number, i.status, i.currency, i.due_on, i.total, i.balance \
    FROM (SELECT 1 AS one) AS always LEFT JOIN \
    (SELECT id, number, status, currency, due_on, total, balance FROM invoices WHERE client_id = $1 \
     ORDER BY id DESC LIMIT $3) AS i ON TRUE ORDER BY i.id DESC";

/// Asked for by whichever panel comes first.
pub(crate) async fn account(conn: &mut Conn, seen: &Seen) -> Result<Arc<Account>> {
    if let Some(known) = seen.known::<Arc<Account>>() {
        return Ok((*known).clone());
    }
    let lines: Vec<Line> = conn.all(ACCOUNT, params![seen.client.id, seen.today, RECENT]).await?;
    let [credit, owed, overdue] = lines.first().map_or([0; 3], |line| line.sums);
    let money = |minor: i64| Money::new(minor, seen.client.currency);
    let recent = lines.into_iter().filter_map(|line| line.recent).collect();
    let account = Arc::new(Account { credit: money(credit), owed: money(owed), overdue: money(overdue), recent });
    seen.keep(account.clone());
    Ok(account)
}

/// What the client owes, and how much of it is overdue.
fn owed<'a>(app: &'a App, conn: &'a mut Conn, seen: &'a Seen) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let account = account(conn, seen).await?;
        let values = context! {
            owed => account.owed.to_string(),
            overdue => account.overdue.is_positive().then(|| account.overdue.to_string()),
            href => format!("/admin/invoices?client={}&status=unpaid", seen.client.id),
        };
        let html = app.templates.render("billing/invoices/owed.html", values)?;
        Ok(Some(Panel { html, ..Panel::default() }))
    })
}

/// The latest invoices.
fn invoices<'a>(app: &'a App, conn: &'a mut Conn, seen: &'a Seen) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let account = account(conn, seen).await?;
        let rows: Vec<minijinja::Value> = account
            .recent
            .iter()
            .map(|row| {
                context! {
                    href => format!("/admin/invoices/{}", row.id),
                    number => row.number.clone().unwrap_or_else(|| format!("draft {}", row.id)),
                    due => row.due_on.to_string(), status => view::shown(row.status, row.due_on, seen.today),
                    total => Money::new(row.total, row.currency).to_string(),
                    balance => Money::new(row.balance, row.currency).to_string(),
                }
            })
            .collect();
        let flush = !rows.is_empty();
        let new = format!("/admin/invoices/new?client={}", seen.client.id);
        let html = app.templates.render("billing/invoices/panel.html", context! { rows, new })?;
        let href = format!("/admin/invoices?client={}", seen.client.id);
        Ok(Some(Panel { html, href, label: "All".to_owned(), flush }))
    })
}
