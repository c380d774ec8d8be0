//! Orders in the staff area: the list, the record, what can be done with an order and what that does.

use std::collections::HashMap;

use accounts::activity_log;
use accounts::clients;
use accounts::company;
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::Response;
use billing::gateways;
use billing::invoices::{Invoice, InvoiceStatus};
use hosting::prices::adverb;
use hosting::services::ServiceStatus;
use kernel::{Error, Money, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::web::Fail;
use platform::web::lists::{self, Order as Direction, Page};

use super::panels::{invoice_word, row};
use super::{
    ADD, DELETE, Filter, InvoiceFate, Item, ItemKind, LIST, Listed, Move, NOT_DELETABLE, Order, OrderStatus, VIEW,
    documents, form, store,
};
use crate::orders;

const LIST_PAGE: &str = "/admin/orders";
const SECTION: &str = "orders";
const FILE: (&str, &[&str]) = (
    "orders",
    &[
        "Id",
        "Number",
        "Ordered",
        "Client id",
        "Client",
        "Currency",
        "Amount",
        "Way to pay",
        "Invoice",
        "Invoice status",
        "Status",
    ],
);
const FILTERS: [&str; 9] = ["q", "status", "client", "gateway", "from", "until", "currency", "at_least", "at_most"];

pub fn routes() -> Routes {
    let routes = Routes::new()
        .get(LIST_PAGE, LIST, index)
        .post(form::PATH, ADD, form::submit)
        .get(form::PATH, ADD, form::new_page)
        .get("/admin/orders/{id}", VIEW, show)
        .get("/admin/orders/{id}/delete", DELETE, delete_page)
        .post("/admin/orders/{id}/delete", DELETE, delete);
    STEPS.iter().fold(routes, |routes, step| {
        let path = format!("/admin/orders/{{id}}/{}", step.word);
        let to = step.to;
        routes.get(&path, ADD, move |cx: AdminCx, id: Id| step_page(cx, id, to)).post(
            &path,
            ADD,
            move |cx: AdminCx, id: Id| take_step(cx, id, to),
        )
    })
}

/// What can be done with an order, in the words of the page.
struct Step {
    to: Move,
    word: &'static str,
    label: &'static str,
    text: &'static str,
    kind: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        to: Move::Accept,
        word: "accept",
        label: "Accept the order",
        text: "What is pending of the order becomes active and is invoiced from now on when it falls due.",
        kind: "primary",
    },
    Step {
        to: Move::Cancel,
        word: "cancel",
        label: "Cancel the order",
        text: "What was not set up yet is cancelled. What runs goes on: end it on its own page.",
        kind: "danger",
    },
    Step {
        to: Move::Fraud,
        word: "fraud",
        label: "Mark as fraud",
        text: "Everything that was ordered is stopped and not invoiced any more.",
        kind: "danger",
    },
    Step {
        to: Move::Pending,
        word: "pending",
        label: "Set back to pending",
        text: "The order waits again to be accepted, and so does what it went along with.",
        kind: "primary",
    },
];

fn step_of(to: Move) -> Result<&'static Step> {
    STEPS.iter().find(|step| step.to == to).ok_or_else(|| Error::broken("orders: a step without words"))
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Direction::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let filter = Filter::parse(&mut conn, &request.form).await?;
    let query = store::query(&mut conn, &filter).await?;
    if request.csv {
        drop(conn);
        return Ok(lists::file(&cx.app.db, &request, query, &store::columns(), FILE, csv_row).await?);
    }
    let page: Page<Listed> = query.page(&mut conn, &request, &store::columns()).await?;
    let names = gateway_names(&mut conn).await?;
    let currencies = hosting::prices::currencies(&mut conn).await?;
    let client = match filter.client_id {
        Some(id) => clients::find(&mut conn, id).await.ok(),
        None => None,
    };
    drop(conn);
    let filtered = FILTERS.iter().any(|name| !request.filter(name).is_empty());
    let option = |value: &str, label: &str| context! { value, label };
    let mut gateways: Vec<Value> = names.iter().map(|(name, title)| option(name, title)).collect();
    gateways.sort_by_key(|choice| choice.get_attr("label").map(|label| label.to_string()).unwrap_or_default());
    cx.page(
        "sales/orders/list.html",
        SECTION,
        &client.as_ref().map_or_else(|| "Orders".to_owned(), |client| format!("Orders of {}", client.display_name())),
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(FILTERS.map(|name| (name, request.filter(name).to_owned()))),
            clear => if filtered { LIST_PAGE } else { "" },
            statuses => OrderStatus::ALL.iter().map(|status| option(status.as_str(), status.label())).collect::<Vec<_>>(),
            currencies => currencies.iter().map(|code| option(code.code(), code.code())).collect::<Vec<_>>(),
            base => currencies.first().map(|code| code.to_string()).unwrap_or_default(),
            gateways,
            new_href => match filter.client_id {
                Some(id) => form::link(&cx, id),
                None => form::PATH.to_owned(),
            },
            rows => page.rows.iter().map(|order| named(order, &names)).collect::<Vec<_>>(),
        },
    )
}

async fn gateway_names(conn: &mut Conn) -> Result<HashMap<String, String>> {
    Ok(gateways::all(conn).await?.into_iter().map(|gateway| (gateway.name, gateway.display_name)).collect())
}

fn named(order: &Listed, names: &HashMap<String, String>) -> Value {
    context! { gateway => names.get(&order.gateway).unwrap_or(&order.gateway), ..row(order) }
}

fn csv_row(order: &Listed) -> Vec<String> {
    vec![
        order.id.to_string(),
        order.number.clone(),
        order.ordered_on.to_string(),
        order.client_id.to_string(),
        order.client(),
        order.currency.to_string(),
        Money::new(order.amount, order.currency).decimal(),
        order.gateway.clone(),
        order.invoice_id.map(|id| id.to_string()).unwrap_or_default(),
        order.invoice_status.map(|status| status.to_string()).unwrap_or_default(),
        order.status.label().to_owned(),
    ]
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let order = orders::find(&mut conn, id).await?;
    let items = orders::items(&mut conn, id).await?;
    let client = clients::find(&mut conn, order.client_id).await?;
    let names = gateway_names(&mut conn).await?;
    let invoices = documents::of(&mut conn, &order).await?;
    let zone = company::zone(&mut conn).await?;
    let activity = match cx.staff.may(activity_log::VIEW) {
        true => activity_log::about(&mut conn, &orders::subject(id)).await?,
        false => Vec::new(),
    };
    drop(conn);
    let money = |minor: i64| Money::new(minor, order.currency).to_string();
    let steps: Vec<Value> = STEPS
        .iter()
        .filter(|step| step.to.allowed(order.status))
        .map(|step| context! { href => format!("/admin/orders/{id}/{}", step.word), label => step.label, kind => step.kind })
        .collect();
    cx.page(
        "sales/orders/show.html",
        SECTION,
        &format!("Order {}", order.number),
        context! {
            id,
            status => order.status.label(),
            number => &order.number,
            ordered => order.ordered_on.to_string(),
            ordered_at => order.created_at.to_string(),
            amount => order.total().to_string(),
            client => context! { name => client.display_name(), href => format!("/admin/clients/{}", client.id) },
            gateway => names.get(&order.gateway).unwrap_or(&order.gateway),
            ip => &order.ip,
            ordered_by => &order.ordered_by,
            notes => &order.notes,
            invoices => invoices.iter().map(|document| invoice_view(&document.invoice)).collect::<Vec<_>>(),
            deletable => matches!(order.status, OrderStatus::Cancelled | OrderStatus::Fraud),
            steps,
            items => items.iter().map(|item| context! {
                href => format!("/admin/services/{}", item.service_id),
                name => &item.name,
                is_addon => item.kind == ItemKind::Addon,
                domain => &item.domain,
                quantity => item.quantity,
                cycle => if item.cycle.is_recurring() { adverb(item.cycle) } else { item.cycle.label() },
                setup => money(item.setup),
                first => money(item.first_amount),
                recurring => if item.cycle.is_recurring() { money(item.recurring_amount) } else { String::new() },
                status => item.status.label(),
            }).collect::<Vec<_>>(),
            activity => activity.iter().map(|entry| context! {
                when => company::clock(entry.at, &zone), instant => entry.at.to_string(),
                who => entry.who(), text => &entry.description,
            }).collect::<Vec<_>>(),
        },
    )
}

fn invoice_view(invoice: &Invoice) -> Value {
    context! {
        href => format!("/admin/invoices/{}", invoice.id),
        title => invoice.title(),
        status => invoice_word(invoice.status.as_str()),
        total => invoice.money(invoice.total).to_string(),
        balance => invoice.money(invoice.balance).to_string(),
        open => invoice.is_open(),
    }
}

/// What a step does, in numbers.
async fn consequences(conn: &mut Conn, order: &Order, to: Move) -> Result<Vec<(String, String)>> {
    let items = orders::items(conn, order.id).await?;
    let mut counts: Vec<(String, i64)> = Vec::new();
    let mut note = |label: String| match counts.iter_mut().find(|(known, _)| *known == label) {
        Some((_, count)) => *count += 1,
        None => counts.push((label, 1)),
    };
    for item in &items {
        let what = if item.kind == ItemKind::Addon { "Addons" } else { "Services" };
        note(match to.of_service(order.status, item.status) {
            Some(status) => format!("{what} that become {status}"),
            None => format!("{what} that stay {}", item.status),
        });
    }
    let mut facts: Vec<(String, String)> =
        counts.into_iter().map(|(label, count)| (label, lists::grouped(count))).collect();
    if let (Move::Accept, true) = (to, items.iter().any(|item| item.status == ServiceStatus::Pending)) {
        facts.push(("Recurring amount".to_owned(), recurring(order, &items)?.to_string()));
    }
    let anything_back = to == Move::Pending && !orders::lines_to_bill(conn, order, order.status).await?.is_empty();
    for document in documents::of(conn, order).await? {
        let invoice = &document.invoice;
        let owed = invoice.money(invoice.balance);
        let label = format!("Invoice {}", invoice.title());
        let words = match (to, document.fate()) {
            (Move::Cancel | Move::Fraud, InvoiceFate::Cancelled) => format!("{owed} open; it is cancelled"),
            (Move::Cancel | Move::Fraud, InvoiceFate::LeftOpen) if document.is_shared => {
                format!("{owed} open, for other things, too; it stays open, decide on its own page")
            }
            (Move::Cancel | Move::Fraud, InvoiceFate::LeftOpen) => {
                format!("{owed} open after a payment; it stays open, decide on its own page")
            }
            (Move::Pending, _) if anything_back && invoice.status == InvoiceStatus::Cancelled => {
                "Cancelled: a new one is issued over what comes back".to_owned()
            }
            // A cancelled period counts as dealt with: accepting the order does not bill it once more.
            (Move::Accept | Move::Pending, _) if invoice.status == InvoiceStatus::Cancelled => {
                "Cancelled: its periods are not invoiced again by themselves".to_owned()
            }
            _ if invoice.is_open() => format!("{owed} open"),
            _ => invoice_word(invoice.status.as_str()),
        };
        facts.push((label, words));
    }
    Ok(facts)
}

fn recurring(order: &Order, items: &[Item]) -> Result<Money> {
    let amounts = items
        .iter()
        .filter(|item| item.cycle.is_recurring())
        .map(|item| Money::new(item.recurring_amount, order.currency));
    Ok(Money::sum(amounts, order.currency)?)
}

async fn step_page(cx: AdminCx, Id(id): Id, to: Move) -> Result<Response, Fail> {
    let step = step_of(to)?;
    let mut conn = cx.app.db.read().await?;
    let order = orders::find(&mut conn, id).await?;
    let facts = consequences(&mut conn, &order, to).await?;
    drop(conn);
    if !to.allowed(order.status) {
        return Err(Fail(Error::refused(format!("The order is {}.", order.status))));
    }
    cx.page(
        "sales/orders/step.html",
        SECTION,
        &format!("{}: {}", step.label, order.number),
        context! {
            id, facts, number => &order.number, text => step.text, label => step.label, kind => step.kind,
            action => cx.path.clone(), cancel => format!("/admin/orders/{id}"),
        },
    )
}

async fn take_step(cx: AdminCx, Id(id): Id, to: Move) -> Result<Redirect, Fail> {
    let here = format!("/admin/orders/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let mut locked = orders::lock(&mut tx, id).await?;
        let (order, fate) = match to {
            Move::Accept => (orders::accept(&mut locked, &cx.actor, id, cx.now).await?, None),
            Move::Pending => (orders::set_pending(&mut locked, &cx.actor, id, cx.now).await?, None),
            Move::Cancel => {
                let ended = orders::cancel(&mut locked, &cx.actor, id, cx.now).await?;
                (ended.order, Some(ended.invoice))
            }
            Move::Fraud => {
                let ended = orders::set_fraud(&mut locked, &cx.actor, id, cx.now).await?;
                (ended.order, Some(ended.invoice))
            }
        };
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        let text = format!("Order {} is {} now", order.number, order.status);
        Ok(match fate {
            Some(InvoiceFate::LeftOpen) => Redirect::to(&here)
                .warning(format!("{text}. An invoice of it was paid in part or is about other things too, and stays open: decide on its own page.")),
            Some(InvoiceFate::Cancelled) => Redirect::to(&here).saying(format!("{text}. What was open of its invoices is cancelled")),
            _ => Redirect::to(&here).saying(text),
        })
    };
    or_back(done.await, &here)
}

async fn delete_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let order = orders::find(&mut conn, id).await?;
    let items = orders::items(&mut conn, id).await?;
    let invoices = documents::of(&mut conn, &order).await?.len();
    drop(conn);
    if !matches!(order.status, OrderStatus::Cancelled | OrderStatus::Fraud) {
        return Err(Fail(Error::refused(NOT_DELETABLE)));
    }
    let services = items.iter().filter(|item| item.kind == ItemKind::Product).count();
    let facts = vec![
        ("Services that stay in the client's record".to_owned(), services.to_string()),
        ("Invoices that stay".to_owned(), invoices.to_string()),
    ];
    cx.page(
        "sales/orders/step.html",
        SECTION,
        &format!("Delete order {}", order.number),
        context! {
            id, facts, number => &order.number, kind => "danger", label => "Delete the order",
            text => "The order disappears from all lists. What was made of it stays. This cannot be undone.",
            action => cx.path.clone(), cancel => format!("/admin/orders/{id}"),
        },
    )
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let number = orders::find(&mut tx, id).await?.number;
        let mut locked = orders::lock(&mut tx, id).await?;
        orders::delete(&mut locked, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(LIST_PAGE).saying(format!("Order {number} deleted")))
    };
    or_back(done.await, &format!("/admin/orders/{id}"))
}
