//! Orders: what a client asked for, as it was asked for.
//!
//! What must hold:
//! - An order is worked out by [`quote`] before anything is written; what the preview shows is what placing bills.
//! - The items are frozen. What became of their services is read from the services.
//! - What is placed is pending. It becomes active by [`accept`], or by itself where its product says so.
//! - An order is never removed: a deleted one is out of sight, its invoice and services stay.

pub mod admin;
mod again;
pub mod api;
pub mod compat;
mod form;
pub(crate) mod panels;
pub mod quote;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::clients::{self, ClientClosed, ClientStatus, Locked};
use accounts::roles::Permission;
use billing::invoices::{self, Invoice, InvoicePaid, Issued, LineKind, NewInvoice, NewLine, Tell};
use billing::notes;
use billing::terms::{Buyer, Terms};
use hosting::config_options::OptionValue;
use hosting::products::{self, AutoSetup};
use hosting::services::{
    self, Created, FirstInvoice, FirstLine, NewAddon, Service, ServiceAddon, ServiceAddonEdit, ServiceStatus,
};
use kernel::{Currency, Cycle, Date, Error, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{Random, Reaction, record};

pub(crate) use again::lines_to_bill;
pub use quote::{Quote, quote};
pub use store::Listed;

pub const LIST: Permission = Permission("View Orders");
pub const VIEW: Permission = Permission("View Order Details");
/// Places orders, and says what becomes of them.
pub const ADD: Permission = Permission("Add New Order");
pub const DELETE: Permission = Permission("Delete Order");

pub(crate) const CLOSED: &str = "Unable to add order when client status is Closed";
pub(crate) const NOT_PENDING: &str = "Order ID not found or Status not Pending";
pub(crate) const NOT_DELETABLE: &str = "The order status must be in Cancelled or Fraud to be deleted";

kernel::text_enum! {
    pub enum OrderStatus {
        Pending = "pending",
        Active = "active",
        Cancelled = "cancelled",
        Fraud = "fraud",
    }
}
kernel::text_enum! {
    pub enum ItemKind {
        Product = "product",
        Addon = "addon",
    }
}
kernel::text_enum! {
    /// What became of an order's invoice when the order was called off.
    pub enum InvoiceFate {
        /// There was none, or nothing of it was open.
        Untouched = "untouched",
        /// It was paid in part, so what becomes of it is for staff to say.
        LeftOpen = "left_open",
        Cancelled = "cancelled",
    }
}
platform::enum_column!(OrderStatus, ItemKind);

impl OrderStatus {
    /// For people, and for the compatible API.
    pub fn label(self) -> &'static str {
        match self {
            OrderStatus::Pending => "Pending",
            OrderStatus::Active => "Active",
            OrderStatus::Cancelled => "Cancelled",
            OrderStatus::Fraud => "Fraud",
        }
    }
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Order {
        pub id: i64,
        /// Unique digits, for the client.
        pub number: String,
        pub client_id: i64,
        pub status: OrderStatus,
        pub currency: Currency,
        /// What was to be paid at once, with tax.
        pub amount: i64,
        pub gateway: String,
        pub invoice_id: Option<i64>,
        pub ordered_on: Date,
        pub ip: String,
        pub notes: String,
        pub ordered_by: String,
        pub ordered_by_admin: Option<i64>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

impl Order {
    pub fn total(&self) -> Money {
        Money::new(self.amount, self.currency)
    }
}

record! {
    /// As it was ordered, except for the status.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Item {
        pub id: i64,
        pub order_id: i64,
        pub kind: ItemKind,
        /// The service; of an addon the one that it belongs to.
        pub service_id: i64,
        pub service_addon_id: Option<i64>,
        /// The kind of product; empty for an addon.
        pub product_kind: String,
        pub group_name: String,
        pub name: String,
        pub domain: String,
        pub description: String,
        pub cycle: Cycle,
        pub quantity: i64,
        pub setup: i64,
        /// For the first period, without the setup fee.
        pub first_amount: i64,
        pub recurring_amount: i64,
        pub auto_setup: AutoSetup,
        /// Of the service or addon, as it is now.
        pub status: ServiceStatus,
    }
}

/// Who makes the first invoice of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invoicing {
    /// The order, at once.
    AtOnce,
    /// The generation of due invoices, once the services are active: without setup fees and proration.
    WhenDue,
}

/// An order to be placed. Amounts are as written, in the client's currency.
#[derive(Debug, Clone)]
pub struct NewOrder {
    pub client_id: i64,
    /// Empty for the client's usual one.
    pub gateway: String,
    pub items: Vec<NewItem>,
    /// For services that the client has already.
    pub addons: Vec<AddonOrder>,
    pub invoicing: Invoicing,
    /// Who hears of the invoice.
    pub tell: Tell,
    pub ip: String,
    pub notes: String,
    /// Unique to the form or request: sent twice, it is one order.
    pub request_key: Option<String>,
}

#[derive(Debug, Clone)]
pub struct NewItem {
    pub product_id: i64,
    pub quantity: i64,
    /// `None`: the shortest that is sold.
    pub cycle: Option<Cycle>,
    pub domain: String,
    pub options: Vec<OptionValue>,
    pub addons: Vec<AddonItem>,
    /// Instead of the calculated amount of a period.
    pub price: Option<String>,
    /// Instead of the calculated setup fee.
    pub setup: Option<String>,
}

impl NewItem {
    /// One of a product, as it comes.
    pub fn of(product_id: i64) -> NewItem {
        NewItem {
            product_id,
            quantity: 1,
            cycle: None,
            domain: String::new(),
            options: Vec::new(),
            addons: Vec::new(),
            price: None,
            setup: None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct AddonItem {
    pub addon_id: i64,
    pub quantity: i64,
    /// `None`: the service's if the addon is sold for that, else the shortest.
    pub cycle: Option<Cycle>,
    pub price: Option<String>,
}

#[derive(Debug, Clone)]
pub struct AddonOrder {
    pub service_id: i64,
    pub addon: AddonItem,
}

/// What [`place`] made.
#[derive(Debug, Clone)]
pub struct Placed {
    pub order: Order,
    pub services: Vec<Service>,
    pub addons: Vec<ServiceAddon>,
    /// `None` when there is nothing to pay, or nothing was to be invoiced.
    pub invoice: Option<Issued>,
}

/// What became of an order that was called off.
#[derive(Debug, Clone)]
pub struct Ended {
    pub order: Order,
    pub invoice: InvoiceFate,
}

/// Which orders a list shows. The default shows all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// An id, a number, or words of the client's name, company and e-mail address.
    pub text: String,
    pub id: Option<i64>,
    pub client_id: Option<i64>,
    pub status: Option<OrderStatus>,
    pub gateway: Option<String>,
    pub from: Option<Date>,
    /// Included.
    pub until: Option<Date>,
    /// The bounds of the amount, both included; they are of one currency.
    pub at_least: Option<Money>,
    pub at_most: Option<Money>,
}

/// What can be done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Accept,
    Cancel,
    Fraud,
    Pending,
}

impl Move {
    /// The order's new status.
    pub fn target(self) -> OrderStatus {
        match self {
            Move::Accept => OrderStatus::Active,
            Move::Cancel => OrderStatus::Cancelled,
            Move::Fraud => OrderStatus::Fraud,
            Move::Pending => OrderStatus::Pending,
        }
    }

    pub fn allowed(self, from: OrderStatus) -> bool {
        match self {
            Move::Accept => from == OrderStatus::Pending,
            Move::Cancel => matches!(from, OrderStatus::Pending | OrderStatus::Active),
            Move::Fraud => from != OrderStatus::Fraud,
            Move::Pending => from != OrderStatus::Pending,
        }
    }

    /// What becomes of a service or addon of the order; `None` leaves it alone. Cancelling takes back what was not set
    /// up yet: what runs is ended on its own page. Fraud stops everything. Going back to pending undoes what the order
    /// went through last.
    pub fn of_service(self, from: OrderStatus, status: ServiceStatus) -> Option<ServiceStatus> {
        use ServiceStatus::{Active, Cancelled, Fraud, Pending, Suspended};
        match (self, from, status) {
            (Move::Accept, _, Pending) => Some(Active),
            (Move::Cancel, _, Pending) => Some(Cancelled),
            (Move::Fraud, _, Pending | Active | Suspended) => Some(Fraud),
            (Move::Pending, OrderStatus::Active, Active)
            | (Move::Pending, OrderStatus::Cancelled, Cancelled)
            | (Move::Pending, OrderStatus::Fraud, Fraud) => Some(Pending),
            _ => None,
        }
    }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Order> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Order"))
}

pub async fn items(conn: &mut Conn, order_id: i64) -> Result<Vec<Item>> {
    store::items(conn, &[order_id]).await
}

/// The order that this form or request made already.
pub async fn placed_with(conn: &mut Conn, request_key: &str) -> Result<Option<Order>> {
    store::by_request_key(conn, request_key).await
}

/// Locks the client that an order is to be for.
pub async fn lock_client(tx: &mut Tx, client_id: i64) -> Result<Locked<'_>> {
    match clients::lock(tx, client_id).await {
        Err(Error::NotFound(_)) => Err(Error::invalid("client_id", format!("There is no client {client_id}."))),
        locked => locked,
    }
}

/// Locks the client of an order.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Locked<'_>> {
    let client_id = find(tx, id).await?.client_id;
    clients::lock(tx, client_id).await
}

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
            description: setup_description(title),
            quantity: 1,
            amount: line.setup,
            taxed: line.taxed,
        });
    }
    lines
}

fn setup_description(title: &str) -> String {
    format!("Setup fee: {title}")
}

/// Makes a pending order active, with all that is pending of it.
pub async fn accept(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Order> {
    go(tx, by, id, Move::Accept, now).await
}

/// Puts an order back to where it was before it was accepted or called off. What was called off with its invoice is
/// invoiced again.
pub async fn set_pending(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Order> {
    let from = find(tx, id).await?.status;
    let order = go(tx, by, id, Move::Pending, now).await?;
    again::bill(tx, by, order, from, now).await
}

/// Calls an order off: what was not set up yet is cancelled, and so is the invoice if it is open.
pub async fn cancel(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Ended> {
    let order = go(tx, by, id, Move::Cancel, now).await?;
    let invoice = call_off_invoice(tx, by, &order, now).await?;
    Ok(Ended { order, invoice })
}

/// Stops everything that was ordered, and cancels the invoice if it is open.
pub async fn set_fraud(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Ended> {
    let order = go(tx, by, id, Move::Fraud, now).await?;
    let invoice = call_off_invoice(tx, by, &order, now).await?;
    Ok(Ended { order, invoice })
}

/// Puts a cancelled or fraudulent order out of sight. Documents, and the services that they speak of, stay.
pub async fn delete(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let order = find(tx, id).await?;
    tx.check(order.client_id)?;
    if !matches!(order.status, OrderStatus::Cancelled | OrderStatus::Fraud) {
        return Err(Error::refused(NOT_DELETABLE));
    }
    store::delete(tx, id, now).await?;
    let activity = Activity::new(format!("Order {} deleted", order.number)).client(order.client_id);
    activity_log::record(tx, by, activity.about(subject(id)), now).await
}

async fn go(tx: &mut Locked<'_>, by: &Actor, id: i64, step: Move, now: Timestamp) -> Result<Order> {
    let order = find(tx, id).await?;
    tx.check(order.client_id)?;
    if !step.allowed(order.status) {
        return Err(Error::refused(match step {
            Move::Accept => NOT_PENDING.to_owned(),
            _ => format!("The order is {} already.", order.status),
        }));
    }
    if matches!(step, Move::Accept | Move::Pending) {
        let client = clients::find(tx, order.client_id).await?;
        if client.status == ClientStatus::Closed {
            return Err(Error::refused("The client's account is closed. Reopen it first."));
        }
    }
    for item in items(tx, id).await? {
        // An addon may have gone along with its service a moment ago, so its status is asked for anew.
        if let Some(status) = step.of_service(order.status, status_of(tx, &item).await?) {
            set_item_status(tx, by, &item, status, now).await?;
        }
    }
    change_status(tx, by, order, step.target(), now).await
}

async fn status_of(conn: &mut Conn, item: &Item) -> Result<ServiceStatus> {
    match item.service_addon_id {
        Some(id) => Ok(services::find_addon(conn, id).await?.status),
        None => Ok(services::find(conn, item.service_id).await?.status),
    }
}

async fn set_item_status(
    tx: &mut Locked<'_>,
    by: &Actor,
    item: &Item,
    status: ServiceStatus,
    now: Timestamp,
) -> Result<()> {
    match item.service_addon_id {
        Some(id) => {
            let edit = ServiceAddonEdit { status: Some(status), ..ServiceAddonEdit::default() };
            services::update_addon(tx, by, id, &edit, now).await?;
        }
        None => {
            services::set_status(tx, by, item.service_id, status, now).await?;
        }
    }
    Ok(())
}

/// What happened to an order that has this status now.
fn done(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Active => "accepted",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Fraud => "marked as fraud",
        OrderStatus::Pending => "set back to pending",
    }
}

async fn change_status(
    tx: &mut Locked<'_>,
    by: &Actor,
    order: Order,
    status: OrderStatus,
    now: Timestamp,
) -> Result<Order> {
    store::set_status(tx, order.id, status, now).await?;
    let activity = Activity::new(format!("Order {} {}", order.number, done(status)))
        .client(order.client_id)
        .about(subject(order.id))
        .changed(changes([("Status", order.status.to_string(), status.to_string())]));
    activity_log::record(tx, by, activity, now).await?;
    Ok(Order { status, updated_at: now, ..order })
}

/// Cancels the invoice of an order that was called off. One that was paid in part is left to staff: whether that money
/// goes back or becomes credit is theirs to say. While a charge of it is under way the order cannot be called off.
async fn call_off_invoice(tx: &mut Locked<'_>, by: &Actor, order: &Order, now: Timestamp) -> Result<InvoiceFate> {
    let Some(id) = order.invoice_id else { return Ok(InvoiceFate::Untouched) };
    let invoice = invoices::find(tx, id).await?;
    match fate(&invoice) {
        InvoiceFate::Untouched => {}
        InvoiceFate::LeftOpen => {
            let text = format!("Invoice {} of order {} was paid in part and stays open", invoice.title(), order.number);
            let activity = Activity::new(text).client(order.client_id).about(subject(order.id));
            activity_log::record(tx, by, activity, now).await?;
        }
        InvoiceFate::Cancelled => {
            let terms = Terms::load(tx, now).await?;
            let reason = format!("Order {} {}", order.number, done(order.status));
            notes::cancel(tx, by, &terms, id, &reason).await?;
        }
    }
    Ok(fate(&invoice))
}

/// What becomes of an invoice when its order is called off.
pub(crate) fn fate(invoice: &Invoice) -> InvoiceFate {
    match (invoice.is_open(), invoice.balance == invoice.total) {
        (false, _) => InvoiceFate::Untouched,
        (true, false) => InvoiceFate::LeftOpen,
        (true, true) => InvoiceFate::Cancelled,
    }
}

/// What has happened to an order that may set things up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Placed,
    Paid,
}

/// Makes active what its product says is set up by itself now. When nothing is left to accept, the order is accepted.
async fn set_up(tx: &mut Locked<'_>, by: &Actor, order: &Order, trigger: Trigger, now: Timestamp) -> Result<()> {
    let all = items(tx, order.id).await?;
    let ready = |item: &&Item| match item.auto_setup {
        AutoSetup::Order => true,
        AutoSetup::Payment => trigger == Trigger::Paid,
        AutoSetup::Accept | AutoSetup::Never => false,
    };
    for item in all.iter().filter(ready) {
        if status_of(tx, item).await? == ServiceStatus::Pending {
            set_item_status(tx, by, item, ServiceStatus::Active, now).await?;
        }
    }
    if all.iter().all(|item| ready(&item)) {
        change_status(tx, by, order.clone(), OrderStatus::Active, now).await?;
    }
    Ok(())
}

/// Payment accepts what waits for nothing else.
pub fn invoice_paid<'a>(tx: &'a mut Tx, event: &'a InvoicePaid) -> Reaction<'a> {
    Box::pin(async move {
        let Some(order) = store::pending_of_invoice(tx, event.invoice_id).await? else { return Ok(()) };
        let mut locked = clients::lock(tx, order.client_id).await?;
        let now = store::paid_at(&mut locked, event.invoice_id).await?;
        set_up(&mut locked, &Actor::system("Payment"), &order, Trigger::Paid, now).await
    })
}

/// A closed client orders nothing any more.
pub fn client_closed<'a>(tx: &'a mut Tx, event: &'a ClientClosed) -> Reaction<'a> {
    Box::pin(async move { store::cancel_pending_of(tx, event.client_id).await })
}

pub(crate) fn subject(id: i64) -> String {
    format!("order:{id}")
}

fn first_invoice(invoicing: Invoicing) -> FirstInvoice {
    match invoicing {
        Invoicing::AtOnce => FirstInvoice::Order,
        Invoicing::WhenDue => FirstInvoice::Generation,
    }
}

/// An addon as hosting wants it.
fn new_addon(addon: &AddonItem, price: Option<Money>) -> NewAddon {
    NewAddon { addon_id: addon.addon_id, quantity: addon.quantity, cycle: addon.cycle, price }
}
