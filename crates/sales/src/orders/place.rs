//! Placing an order: its services, its invoice, its frozen items.

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::Locked;
use billing::invoices::{self, Issued, LineKind, NewInvoice, NewLine};
use billing::recurring;
use billing::terms::{Buyer, Terms};
use hosting::products;
use hosting::services::{self, Created, FirstLine};
use kernel::{Error, Result, Timestamp};
use platform::Random;

use super::moves::{Trigger, set_up};
use super::{Invoicing, NewOrder, Order, OrderStatus, Placed, Quote, find, items, quote, store, subject};

/// Places an order: the services and addons, pending; the invoice, due on the day of the order; the frozen items.
/// Everything is checked before anything is written. Credit of the client is not touched.
pub async fn place(tx: &mut Locked<'_>, by: &Actor, new: NewOrder, random: &Random, now: Timestamp) -> Result<Placed> {
    tx.check(new.client_id)?;
    if let Some(key) = &new.request_key
        && let Some(order) = store::by_request_key(tx, key).await?
    {
        return placed_before(tx, order, new.client_id).await;
    }
    let terms = Terms::load(tx, now).await?;
    let quote = quote(tx, &terms, &new).await?;
    let products: Vec<i64> = quote.entries.iter().map(|entry| entry.plan.product.id).collect();
    products::lock_stock(tx, &products).await?;
    let mut order = insert(tx, by, &new, &quote, &terms, random).await?;
    let mut lines = Vec::new();
    for entry in &quote.entries {
        for _ in 0..entry.copies {
            let mut service = entry.service.clone();
            service.order_id = Some(order.id);
            let created = services::create(tx, by, service, now).await?;
            store::insert_items(tx, &entry.items(order.id, &created)).await?;
            lines.extend(entry_lines(&created, entry)?);
        }
    }
    for entry in &quote.addons {
        let (addon, line) = services::add_addon(
            tx,
            by,
            entry.service.id,
            &entry.addon,
            Some(order.id),
            terms.today,
            quote.first_invoice,
            now,
        )
        .await?;
        store::insert_items(tx, &[entry.item(order.id, &addon)]).await?;
        lines.extend(line.into_iter().flat_map(|line| invoice_lines(line, LineKind::Addon, &entry.planned.title)));
    }
    let activity = Activity::new(format!("Order {} placed", order.number)).client(order.client_id);
    activity_log::record(tx, by, activity.about(subject(order.id)), now).await?;
    let mut invoice = None;
    if new.invoicing == Invoicing::AtOnce && quote.is_billed() {
        let document = NewInvoice {
            buyer: Buyer::of(&quote.client),
            issued_on: terms.today,
            due_on: terms.today,
            gateway: order.gateway.clone(),
            lines,
            notes: String::new(),
            source: subject(order.id),
            levels: None,
        };
        invoice = invoices::issue(tx, &terms, vec![document], new.tell).await?.pop();
        order.invoice_id = invoice.as_ref().map(|issued| issued.id);
        store::set_invoice(tx, order.id, order.invoice_id).await?;
    }
    // What costs nothing is as good as paid, and no event will tell of it.
    let owes = invoice.as_ref().map_or(quote.is_billed(), |issued| issued.total.is_positive());
    set_up(tx, by, &order, if owes { Trigger::Placed } else { Trigger::Paid }, now).await?;
    let mut placed = read_back(tx, order.id).await?;
    placed.invoice = invoice;
    Ok(placed)
}

/// A number is ten digits, of which nobody can tell how many orders there are.
async fn insert(
    tx: &mut Locked<'_>,
    by: &Actor,
    new: &NewOrder,
    quote: &Quote,
    terms: &Terms,
    random: &Random,
) -> Result<Order> {
    let ip = kernel::single_line(&new.ip, 100).map_err(|why| Error::invalid("ip", why))?;
    for _ in 0..20 {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let number = 1_000_000_000 + u64::from_le_bytes(bytes) % 9_000_000_000;
        let order = Order {
            id: 0,
            number: number.to_string(),
            client_id: new.client_id,
            status: OrderStatus::Pending,
            currency: quote.client.currency,
            amount: quote.totals.total.minor,
            gateway: quote.gateway.clone(),
            invoice_id: None,
            ordered_on: terms.today,
            ip: ip.clone(),
            notes: new.notes.trim().to_owned(),
            ordered_by: by.name.clone(),
            ordered_by_admin: Some(by.admin_id()).filter(|id| *id != 0),
            created_at: terms.now,
            updated_at: terms.now,
        };
        if let Some(id) = store::insert(tx, &order, new.request_key.as_deref()).await? {
            return Ok(Order { id, ..order });
        }
        // Somebody else's number, or the same form for another client at this moment.
        if let Some(key) = &new.request_key
            && store::by_request_key(tx, key).await?.is_some()
        {
            return Err(another_clients_form());
        }
    }
    Err(Error::broken("orders: twenty random numbers were all taken"))
}

fn another_clients_form() -> Error {
    Error::conflict("This form has been sent already, for another client. Open it anew.")
}

async fn placed_before(tx: &mut Locked<'_>, order: Order, client_id: i64) -> Result<Placed> {
    if order.client_id != client_id {
        return Err(another_clients_form());
    }
    let invoice = match order.invoice_id {
        Some(id) => Some(invoices::find(tx, id).await?),
        None => None,
    };
    let mut placed = read_back(tx, order.id).await?;
    placed.invoice = invoice.map(|invoice| Issued {
        id: invoice.id,
        client_id,
        number: invoice.title(),
        total: invoice.money(invoice.total),
    });
    Ok(placed)
}

async fn read_back(tx: &mut Locked<'_>, id: i64) -> Result<Placed> {
    let order = find(tx, id).await?;
    let (mut all, mut addons) = (Vec::new(), Vec::new());
    for item in items(tx, id).await? {
        match item.service_addon_id {
            Some(addon_id) => addons.push(services::find_addon(tx, addon_id).await?),
            None => all.push(services::find(tx, item.service_id).await?),
        }
    }
    Ok(Placed { order, services: all, addons, invoice: None })
}

fn entry_lines(created: &Created, entry: &quote::Entry) -> Result<Vec<NewLine>> {
    let mut lines = Vec::new();
    for line in created.lines.iter().cloned() {
        let addon =
            created.addons.iter().position(|addon| line.owner_kind == services::ADDON && addon.id == line.owner_id);
        lines.extend(match addon.and_then(|at| entry.plan.addons.get(at)) {
            Some(planned) => invoice_lines(line, LineKind::Addon, &planned.title),
            None => invoice_lines(line, LineKind::Service, &entry.plan.title),
        });
    }
    Ok(lines)
}

/// The line of a first period and, if there is one, that of the setup fee. The period is named, so that it is billed
/// once and its payment moves the due date.
fn invoice_lines(line: FirstLine, kind: LineKind, title: &str) -> Vec<NewLine> {
    let owner = Some((line.owner_kind.to_owned(), line.owner_id));
    let mut lines = vec![NewLine {
        kind,
        billed: Some((line.charge_id, line.period)),
        owner: owner.clone(),
        description: line.description,
        quantity: 1,
        amount: line.amount,
        taxed: line.taxed,
    }];
    if !line.setup.is_zero() {
        lines.push(NewLine {
            kind: LineKind::Setup,
            billed: None,
            owner,
            description: recurring::first::setup_description(title),
            quantity: 1,
            amount: line.setup,
            taxed: line.taxed,
        });
    }
    lines
}
