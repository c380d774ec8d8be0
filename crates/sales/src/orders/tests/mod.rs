//! Rules of orders, and the doors to them.

mod doors;
mod first_invoices;
mod moves;
mod placing;
mod rearranged;
mod stock;

use accounts::clients::{self, Client};
use base64::Engine as _;
use billing::invoices::{self, InvoiceStatus, Line, LineKind, rearrange};
use billing::settings;
use hosting::products::{self, ProductEdit, QuantityMode};
use hosting::services;
use platform::db::Conn;
use serde_json::json;

use super::*;
use crate::testing::{As, Shop, date, usd};

/// One of a product, monthly.
fn monthly(product_id: i64) -> NewItem {
    NewItem { cycle: Some(Cycle::Monthly), domain: "Example.com".to_owned(), ..NewItem::of(product_id) }
}

fn addon(addon_id: i64) -> AddonItem {
    AddonItem { addon_id, quantity: 1, cycle: None, price: None }
}

async fn conn(shop: &Shop) -> Conn {
    shop.app.db.read().await.unwrap()
}

async fn lines(shop: &Shop, placed: &Placed) -> Vec<(LineKind, i64)> {
    let id = placed.invoice.as_ref().unwrap().id;
    let lines: Vec<Line> = invoices::lines(&mut conn(shop).await, id).await.unwrap();
    lines.iter().map(|line| (line.kind, line.amount)).collect()
}

async fn service(shop: &Shop, id: i64) -> Service {
    services::find(&mut conn(shop).await, id).await.unwrap()
}

async fn status(shop: &Shop, id: i64) -> OrderStatus {
    find(&mut conn(shop).await, id).await.unwrap().status
}

async fn step(shop: &Shop, id: i64, step: Move) -> Result<InvoiceFate> {
    let mut tx = shop.app.db.write().await?;
    let mut locked = lock(&mut tx, id).await?;
    let fate = match step {
        Move::Accept => accept(&mut locked, &shop.by, id, shop.now()).await.map(|_| InvoiceFate::Untouched)?,
        Move::Pending => set_pending(&mut locked, &shop.by, id, shop.now()).await.map(|_| InvoiceFate::Untouched)?,
        Move::Cancel => cancel(&mut locked, &shop.by, id, shop.now()).await?.invoice,
        Move::Fraud => set_fraud(&mut locked, &shop.by, id, shop.now()).await?.invoice,
    };
    tx.commit().await?;
    Ok(fate)
}

async fn orders_placed(shop: &Shop) -> Vec<Listed> {
    let (mut conn, filter) = (conn(shop).await, Filter::default());
    let order = (&store::SORTS[0], platform::web::lists::Order::Ascending);
    store::query(&mut conn, &filter).await.unwrap().part(&mut conn, &store::columns(), order, 0, 10).await.unwrap()
}

fn fields(error: Error) -> Vec<(String, String)> {
    match error {
        Error::Invalid(errors) => errors.iter().map(|(field, text)| (field.to_owned(), text.to_owned())).collect(),
        other => panic!("no fields are wrong: {other}"),
    }
}

/// Orders the prorated product on this day; the invoice's total and the due date once it is paid.
async fn prorated(shop: &Shop, client: &Client, day: &str, price: &str, on: i64, cutoff: i64) -> (Money, Date) {
    shop.today(day);
    let product = shop.prorated(price, "0", on, cutoff).await;
    let placed = shop.place(shop.order(client, vec![monthly(product.id)])).await.unwrap();
    let issued = placed.invoice.unwrap();
    assert_eq!(placed.order.total(), issued.total, "the order says what its invoice says");
    shop.pay(issued.id).await;
    (issued.total, service(shop, placed.services[0].id).await.next_due_on.unwrap())
}

/// The client's invoices by age.
async fn made_before(shop: &Shop, client_id: i64) -> Vec<i64> {
    let sql = "SELECT id FROM invoices WHERE client_id = $1 ORDER BY id";
    conn(shop).await.column(sql, platform::params![client_id]).await.unwrap()
}

/// What a run of the generation makes for this client: ids and totals.
async fn made_of(shop: &Shop, client_id: i64) -> Vec<(i64, Money)> {
    let report = shop.generate().await;
    let mine = report.made.iter().filter(|made| made.client_id == client_id);
    mine.filter_map(|made| Some((made.invoice.as_ref()?.id, made.total))).collect()
}

/// An order of two services that are set up by payment, of 31.00 and 19.00, and the invoice that the second was split off
/// to.
async fn split_order(shop: &Shop, client: &Client) -> (Placed, i64, i64) {
    let edit = || ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
    let one = shop.product("One", &[("monthly", "21.00", "10.00")], edit()).await;
    let two = shop.product("Two", &[("monthly", "15.00", "4.00")], edit()).await;
    let placed = shop.place(shop.order(client, vec![monthly(one.id), monthly(two.id)])).await.unwrap();
    let old = placed.invoice.as_ref().unwrap().id;
    let of_second = |line: &&Line| line.owner_id == Some(placed.services[1].id);
    let lines = invoices::lines(&mut conn(shop).await, old).await.unwrap();
    let ids: Vec<i64> = lines.iter().filter(of_second).map(|line| line.id).collect();
    let new = split(shop, old, &ids).await;
    (placed, old, new)
}

async fn split(shop: &Shop, invoice: i64, lines: &[i64]) -> i64 {
    let terms = shop.terms().await;
    let mut tx = shop.app.db.write().await.unwrap();
    let client_id = invoices::find(&mut tx, invoice).await.unwrap().client_id;
    let mut locked = clients::lock(&mut tx, client_id).await.unwrap();
    let issued = rearrange::split(&mut locked, &shop.by, &terms, invoice, lines).await.unwrap();
    tx.commit().await.unwrap();
    issued.id
}

async fn merge(shop: &Shop, client: &Client, ids: &[i64]) -> i64 {
    let terms = shop.terms().await;
    let mut tx = shop.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let merged = rearrange::merge(&mut locked, &shop.by, &terms, ids).await.unwrap();
    tx.commit().await.unwrap();
    merged.id
}

async fn service_states(shop: &Shop, placed: &Placed) -> Vec<ServiceStatus> {
    let mut states = Vec::new();
    for made in &placed.services {
        states.push(service(shop, made.id).await.status);
    }
    states
}

/// Status and balance.
async fn invoice_state(shop: &Shop, id: i64) -> (InvoiceStatus, i64) {
    let invoice = invoices::find(&mut conn(shop).await, id).await.unwrap();
    (invoice.status, invoice.balance)
}
