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
pub(crate) mod documents;
mod form;
mod moves;
pub(crate) mod panels;
mod place;
pub mod quote;
mod store;
#[cfg(test)]
mod tests;

use accounts::clients::{self, Locked};
use accounts::roles::Permission;
use billing::invoices::{Issued, Tell};
use hosting::config_options::OptionValue;
use hosting::products::AutoSetup;
use hosting::services::{FirstInvoice, NewAddon, Service, ServiceAddon, ServiceStatus};
use kernel::{Currency, Cycle, Date, Error, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

pub(crate) use again::lines_to_bill;
pub use moves::{
    accept, cancel, client_closed, delete, invoice_paid, invoice_replaced, invoice_split, set_fraud, set_pending,
};
pub use place::place;
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
    /// What became of an order's invoices when the order was called off.
    pub enum InvoiceFate {
        /// There was none, or nothing of them was open.
        Untouched = "untouched",
        /// One was paid in part, or is about other things too, so what becomes of it is for staff to say.
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
    /// The generation of due invoices, once the services are active. It bills the same.
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
