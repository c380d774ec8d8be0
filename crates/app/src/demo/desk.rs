//! What lies on staff's desk in the demonstration: orders, some of them still to be accepted; a group of clients;
//! corrections, a refund, credit; a client who has left.

use accounts::activity_log::Actor;
use accounts::client_groups::{self, NewGroup};
use accounts::clients::{self, ClientEdit, ClientStatus};
use billing::credits;
use billing::invoices::Tell;
use billing::notes::{self, Selection};
use billing::refunds::{self, Method, NewRefund, Source};
use billing::terms::Terms;
use kernel::{Currency, Cycle, Money, Result};
use platform::{App, params};
use sales::orders::{self, Invoicing, NewItem, NewOrder};

use super::catalogue::Item;

/// An order as staff place it, invoiced at once. Staff accept it, or have not come round to it.
pub async fn order(
    app: &App,
    by: &Actor,
    client_id: i64,
    (item, cycle, domain): (&Item, Option<Cycle>, String),
    seen: Seen,
) -> Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let mut locked = orders::lock_client(&mut tx, client_id).await?;
    let new = NewOrder {
        client_id,
        gateway: String::new(),
        items: vec![NewItem { cycle, domain, ..NewItem::of(item.product_id) }],
        addons: Vec::new(),
        invoicing: Invoicing::AtOnce,
        tell: Tell::Nobody,
        ip: String::new(),
        notes: String::new(),
        request_key: None,
    };
    let placed = orders::place(&mut locked, by, new, &app.random, now).await?;
    if seen == Seen::Accepted {
        orders::accept(&mut locked, by, placed.order.id, now).await?;
    }
    tx.commit().await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Accepted,
    NotYet,
}

pub async fn build(app: &App, by: &Actor) -> Result<()> {
    resellers(app, by).await?;
    corrections(app, by).await?;
    refund(app, by).await?;
    goodwill(app, by).await?;
    let mut tx = app.db.write().await?;
    let mut locked = clients::lock(&mut tx, 17).await?;
    clients::close(&mut locked, by, 17, app.clock.now()).await?;
    tx.commit().await
}

/// Those who have a reseller's product are in a group.
async fn resellers(app: &App, by: &Actor) -> Result<()> {
    let mut tx = app.db.write().await?;
    let new = NewGroup { name: "Resellers".to_owned(), colour: "#8a4bc4".to_owned(), separate_invoices: false };
    let group = client_groups::create(&mut tx, by, new, app.clock.now()).await?;
    let ids: Vec<i64> = tx
        .column(
            "SELECT DISTINCT s.client_id FROM services s JOIN products p ON p.id = s.product_id \
             WHERE p.kind = 'reselleraccount' ORDER BY s.client_id",
            params![],
        )
        .await?;
    for id in ids {
        let edit = ClientEdit { group_id: Some(group.id), ..ClientEdit::default() };
        let mut locked = clients::lock(&mut tx, id).await?;
        clients::update(&mut locked, by, id, edit, app.clock.now()).await?;
    }
    // And one has gone quiet.
    let edit = ClientEdit { status: Some(ClientStatus::Inactive), ..ClientEdit::default() };
    let mut locked = clients::lock(&mut tx, 5).await?;
    clients::update(&mut locked, by, 5, edit, app.clock.now()).await?;
    tx.commit().await
}

/// Credit notes: a part of two paid invoices, and the whole of one that should not have been.
async fn corrections(app: &App, by: &Actor) -> Result<()> {
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, app.clock.now()).await?;
    let paid: Vec<(i64, i64, i64, Currency)> = tx
        .all(
            "SELECT id, client_id, total, currency FROM invoices WHERE status = 'paid' AND total > 2000 \
             ORDER BY id DESC LIMIT 2",
            params![],
        )
        .await?;
    for (id, client_id, total, currency) in paid {
        let tenth = Selection::Amount(Money::new(total / 10, currency));
        let mut locked = clients::lock(&mut tx, client_id).await?;
        notes::credit(&mut locked, by, &terms, id, &tenth, "Six hours of outage").await?;
    }
    let late: Option<(i64, i64)> = tx
        .optional(
            "SELECT id, client_id FROM invoices WHERE status = 'unpaid' AND gateway = 'banktransfer' AND due_on < $1 \
             ORDER BY id LIMIT 1",
            params![terms.today],
        )
        .await?;
    if let Some((id, client_id)) = late {
        let mut locked = clients::lock(&mut tx, client_id).await?;
        notes::cancel(&mut locked, by, &terms, id, "Ordered by mistake").await?;
    }
    tx.commit().await
}

/// One card payment goes back to the card.
async fn refund(app: &App, by: &Actor) -> Result<()> {
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, app.clock.now()).await?;
    let found: Option<(i64, i64, i64, i64, Currency)> = tx
        .optional(
            "SELECT t.id, t.client_id, a.invoice_id, a.amount, t.currency FROM transactions t \
             JOIN allocations a ON a.transaction_id = t.id \
             WHERE t.gateway = 'sandbox' AND t.kind = 'payment' AND a.amount = t.amount_in \
             AND NOT EXISTS (SELECT 1 FROM credit_notes n WHERE n.invoice_id = a.invoice_id) ORDER BY t.id DESC LIMIT 1",
            params![],
        )
        .await?;
    let Some((transaction_id, client_id, invoice_id, amount, currency)) = found else { return Ok(()) };
    let new = NewRefund {
        transaction_id,
        source: Source::Invoice(invoice_id),
        amount: Money::new(amount, currency),
        method: Method::Gateway,
        reference: String::new(),
        reason: "Within the thirty days of our guarantee".to_owned(),
    };
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let begun = refunds::begin(&mut locked, app, by, &terms, new).await?;
    tx.commit().await?;
    refunds::send(app, begun.id).await.map(|_| ())
}

/// A little credit for somebody who found a mistake.
async fn goodwill(app: &App, by: &Actor) -> Result<()> {
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, app.clock.now()).await?;
    let client = clients::find(&mut tx, 42).await?;
    let mut locked = clients::lock(&mut tx, client.id).await?;
    let amount = Money::new(2_500, client.currency);
    let why = "Thank you for the report";
    credits::adjust(&mut locked, by, client.id, amount, why, terms.today, terms.now).await?;
    tx.commit().await
}
