//! Rules of services with their charges, and the doors to them.

mod changes;
mod doors;
mod ends;
mod periods;
mod questions;
mod stock;

use accounts::activity_log;
use accounts::clients::{self, Client};
use billing::invoices::{self, LineKind, NewInvoice, NewLine, Tell};
use billing::payments::{self, Duplicate, NewPayment};
use billing::recurring::{self, First, RecurringCharge};
use billing::{Buyer, Terms};
use serde_json::json;

use super::*;
use crate::addons::AddonEdit;
use crate::config_options::{self, ChoiceEdit, OptionEdit, OptionKind};
use crate::prices::PayType;
use crate::products::{self, ProductEdit, QuantityMode};
use crate::testing::{Company, date, list, money};

async fn charge(company: &Company, kind: &str, id: i64) -> Option<RecurringCharge> {
    recurring::of_owner(&mut company.app.db.read().await.unwrap(), kind, id).await.unwrap()
}

async fn stored(company: &Company, id: i64) -> Service {
    find(&mut company.app.db.read().await.unwrap(), id).await.unwrap()
}

async fn change(company: &Company, service: &Service, edit: ServiceEdit) -> Result<Service> {
    let mut tx = company.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, service.client_id).await?;
    let changed = update(&mut locked, &company.by, service.id, edit, company.now()).await?;
    tx.commit().await?;
    Ok(changed)
}

async fn to(company: &Company, service: &Service, status: ServiceStatus) -> Service {
    change(company, service, ServiceEdit { status: Some(status), ..ServiceEdit::default() }).await.unwrap()
}

/// Invoices the lines of an order, as the order does; the invoice's id and total.
async fn invoice(company: &Company, client: &Client, lines: &[FirstLine]) -> (i64, Money) {
    let mut tx = company.app.db.write().await.unwrap();
    let terms = Terms::load(&mut tx, company.now()).await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let mut items = Vec::new();
    for line in lines {
        items.push(NewLine {
            kind: LineKind::parse(line.owner_kind).unwrap(),
            billed: Some((line.charge_id, line.period)),
            owner: Some((line.owner_kind.to_owned(), line.owner_id)),
            description: line.description.clone(),
            quantity: 1,
            amount: line.amount,
            taxed: line.taxed,
        });
        if !line.setup.is_zero() {
            items.push(NewLine::item("Setup fee", line.setup, line.taxed));
        }
    }
    let new = NewInvoice {
        buyer: Buyer::of(client),
        issued_on: terms.today,
        due_on: terms.today,
        gateway: "banktransfer".to_owned(),
        lines: items,
        notes: String::new(),
        source: "order:1".to_owned(),
        levels: None,
    };
    let issued = invoices::issue(&mut locked, &terms, vec![new], Tell::Nobody).await.unwrap();
    tx.commit().await.unwrap();
    (issued[0].id, issued[0].total)
}

async fn pay(company: &Company, client: &Client, (invoice_id, amount): (i64, Money)) {
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let new = NewPayment {
        client_id: client.id,
        gateway: "banktransfer".to_owned(),
        external_id: format!("T{invoice_id}"),
        duplicate: Duplicate::Refuse,
        amount,
        fees: Money::zero(amount.currency),
        occurred_on: date("2026-01-16"),
        description: String::new(),
        invoices: vec![invoice_id],
    };
    payments::record(&mut locked, &company.by, new, company.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn first(company: &Company, id: i64) -> Option<First> {
    recurring::first::of_owner(&mut company.app.db.read().await.unwrap(), SERVICE, id).await.unwrap()
}

/// A service of 31.00 a month and 10.00 of setup, due on the first, whose first invoice the generation makes.
async fn prorated(company: &Company, client: &Client) -> Service {
    let edit = ProductEdit {
        prorata: Some(true),
        prorata_day: Some(1),
        prorata_cutoff: Some(20),
        ..company.product_edit("Prorated", list(&[("monthly", "31.00", "10.00")]))
    };
    let product = company.product(edit).await;
    let order = NewService { first_invoice: FirstInvoice::Generation, ..company.order(client, &product) };
    company.place(order).await.unwrap().service
}
