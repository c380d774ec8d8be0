//! Services: what a client has of a product, with its own amount, cycle and dates.
//!
//! What must hold:
//! - Each service that is paid for has one charge in `billing::recurring`, and so has each of its addons. Every function
//!   here that changes what a charge says puts the charge in the same transaction. What is not active or suspended is
//!   not billable.
//! - Amounts were frozen when the service was ordered. They change when somebody writes another amount, or asks for a
//!   recalculation; never because a price list changed.
//! - `next_due_on` is the start of the next unpaid period; payments move it, by [`due_date_moved`].
//! - A service's currency is its client's, and stays.

pub mod admin;
pub mod api;
mod change;
mod charges;
pub mod compat;
mod create;
mod events;
mod first;
pub mod panels;
mod plan;
mod stock;
mod store;
#[cfg(test)]
mod tests;

use accounts::roles::Permission;
use kernel::{Currency, Cycle, Date, Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::record;

use crate::config_options::{OptionValue, Picked};

pub use change::{recalculate, set_status, suspend, update, update_addon};
pub use create::{add_addon, create};
pub use events::{client_closed, due_date_moved};
use first::Said;
pub use first::{FirstInvoice, FirstLine};
pub use plan::{Plan, PlannedAddon, plan, plan_addon};
pub use stock::lock_stock;
pub use store::{Listed, NamedOption};

pub const LIST: Permission = Permission("List Services");
pub const VIEW: Permission = Permission("View Clients Products/Services");
pub const EDIT: Permission = Permission("Edit Clients Products/Services");

kernel::text_enum! {
    /// Of services and of their addons.
    pub enum ServiceStatus {
        Pending = "pending",
        Active = "active",
        Suspended = "suspended",
        Terminated = "terminated",
        Cancelled = "cancelled",
        Fraud = "fraud",
        /// Paid for the last of a limited number of periods.
        Completed = "completed",
    }
}

platform::enum_column!(ServiceStatus);

impl ServiceStatus {
    /// For people, and for the compatible API.
    pub fn label(self) -> &'static str {
        match self {
            ServiceStatus::Pending => "Pending",
            ServiceStatus::Active => "Active",
            ServiceStatus::Suspended => "Suspended",
            ServiceStatus::Terminated => "Terminated",
            ServiceStatus::Cancelled => "Cancelled",
            ServiceStatus::Fraud => "Fraud",
            ServiceStatus::Completed => "Completed",
        }
    }

    /// Whether it may be invoiced.
    pub fn is_billable(self) -> bool {
        matches!(self, ServiceStatus::Active | ServiceStatus::Suspended)
    }

    /// Whether nothing more comes of it, unless somebody brings it back.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            ServiceStatus::Terminated | ServiceStatus::Cancelled | ServiceStatus::Fraud | ServiceStatus::Completed
        )
    }
}

/// The `owner_kind` of a service's charge.
pub const SERVICE: &str = "service";

/// The `owner_kind` of an addon's charge.
pub const ADDON: &str = "addon";

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Service {
        pub id: i64,
        pub client_id: i64,
        pub product_id: i64,
        pub order_id: Option<i64>,
        /// In lower case; empty for what has none.
        pub domain: String,
        pub username: String,
        pub status: ServiceStatus,
        pub quantity: i64,
        pub currency: Currency,
        /// What the first invoice bills or has billed, with the setup fee.
        pub first_amount: i64,
        /// Of the whole service: its quantity is in it.
        pub recurring_amount: i64,
        pub cycle: Cycle,
        pub anchor_day: u8,
        pub gateway: String,
        pub registered_on: Date,
        /// `None` for what does not recur.
        pub next_due_on: Option<Date>,
        pub terminated_on: Option<Date>,
        pub suspend_reason: String,
        pub no_suspend_until: Option<Date>,
        pub dedicated_ip: String,
        pub assigned_ips: String,
        pub ns1: String,
        pub ns2: String,
        pub notes: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

impl Service {
    pub fn recurring(&self) -> Money {
        Money::new(self.recurring_amount, self.currency)
    }

    pub fn first(&self) -> Money {
        Money::new(self.first_amount, self.currency)
    }

    fn said(&self) -> Said {
        Said {
            product_id: self.product_id,
            recurring: self.recurring(),
            cycle: self.cycle,
            next_due_on: self.next_due_on,
        }
    }

    /// How invoices and lists name it.
    pub fn title(&self, product: &str) -> String {
        if self.domain.is_empty() { product.to_owned() } else { format!("{product} - {}", self.domain) }
    }
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct ServiceAddon {
        pub id: i64,
        pub service_id: i64,
        /// `None` for one that staff made up.
        pub addon_id: Option<i64>,
        pub order_id: Option<i64>,
        pub name: String,
        pub taxed: bool,
        pub status: ServiceStatus,
        pub quantity: i64,
        pub first_amount: i64,
        pub recurring_amount: i64,
        pub cycle: Cycle,
        pub anchor_day: u8,
        pub registered_on: Date,
        pub next_due_on: Option<Date>,
        pub terminated_on: Option<Date>,
        pub created_at: Timestamp,
    }
}

impl ServiceAddon {
    fn said(&self, service: &Service) -> Said {
        Said {
            product_id: service.product_id,
            recurring: Money::new(self.recurring_amount, service.currency),
            cycle: self.cycle,
            next_due_on: self.next_due_on,
        }
    }
}

/// A service to be made, as ordered.
#[derive(Debug, Clone)]
pub struct NewService {
    pub client_id: i64,
    pub product_id: i64,
    pub order_id: Option<i64>,
    pub domain: String,
    pub username: String,
    pub quantity: i64,
    /// `None`: the shortest cycle that is sold.
    pub cycle: Option<Cycle>,
    pub gateway: String,
    pub options: Vec<OptionValue>,
    pub addons: Vec<NewAddon>,
    /// Instead of the calculated amount of a period.
    pub price: Option<Money>,
    /// Instead of the calculated setup fee.
    pub setup: Option<Money>,
    pub ordered_on: Date,
    pub first_invoice: FirstInvoice,
}

/// An addon to be added to a service.
#[derive(Debug, Clone)]
pub struct NewAddon {
    pub addon_id: i64,
    pub quantity: i64,
    /// `None`: the service's cycle if the addon is sold for that, else the shortest.
    pub cycle: Option<Cycle>,
    pub price: Option<Money>,
}

/// What [`create`] made.
#[derive(Debug, Clone)]
pub struct Created {
    pub service: Service,
    pub addons: Vec<ServiceAddon>,
    /// What the order's invoice bills: the service first, then its addons. What is free is not in it.
    pub lines: Vec<FirstLine>,
}

/// The fields as they were written; `None` leaves one as it is. There is no currency: it cannot change.
#[derive(Debug, Clone, Default)]
pub struct ServiceEdit {
    pub product_id: Option<i64>,
    pub domain: Option<String>,
    pub username: Option<String>,
    pub status: Option<ServiceStatus>,
    pub quantity: Option<i64>,
    pub first_amount: Option<Money>,
    pub recurring_amount: Option<Money>,
    pub cycle: Option<Cycle>,
    pub gateway: Option<String>,
    pub registered_on: Option<Date>,
    pub next_due_on: Option<Date>,
    pub terminated_on: Option<Option<Date>>,
    pub suspend_reason: Option<String>,
    pub no_suspend_until: Option<Option<Date>>,
    pub dedicated_ip: Option<String>,
    pub assigned_ips: Option<String>,
    pub ns1: Option<String>,
    pub ns2: Option<String>,
    pub notes: Option<String>,
    pub options: Option<Vec<OptionValue>>,
    /// Calculates the recurring amount anew, from today's prices.
    pub recalculate: Option<Recalculate>,
}

/// That the recurring amount is to be what a new order would pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recalculate;

/// Which services. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// How a domain begins, a part of the client's name or e-mail address, or an id.
    pub text: String,
    pub id: Option<i64>,
    pub client_id: Option<i64>,
    pub status: Option<ServiceStatus>,
    pub product_id: Option<i64>,
    pub cycle: Option<Cycle>,
    pub gateway: Option<String>,
    /// The whole domain.
    pub domain: Option<String>,
    pub username: Option<String>,
}

/// What may change about an addon of a service.
#[derive(Debug, Clone, Default)]
pub struct ServiceAddonEdit {
    pub status: Option<ServiceStatus>,
    pub quantity: Option<i64>,
    pub recurring_amount: Option<Money>,
    pub cycle: Option<Cycle>,
    pub next_due_on: Option<Date>,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Service> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Service"))
}

pub async fn find_addon(conn: &mut Conn, id: i64) -> Result<ServiceAddon> {
    store::find_addon(conn, id).await?.ok_or(Error::NotFound("Addon of a service"))
}

/// A client's services, the newest first.
pub async fn of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<Service>> {
    store::of_client(conn, client_id).await
}

pub async fn addons_of(conn: &mut Conn, service_id: i64) -> Result<Vec<ServiceAddon>> {
    store::addons_of(conn, service_id).await
}

/// The options that a service was ordered with.
pub async fn options_of(conn: &mut Conn, service_id: i64) -> Result<Vec<Picked>> {
    store::options_of(conn, service_id).await
}

/// What services were ordered with, in words.
pub async fn named_options(conn: &mut Conn, service_ids: &[i64]) -> Result<Vec<NamedOption>> {
    store::named_options(conn, service_ids).await
}

pub(crate) fn subject(id: i64) -> String {
    format!("service:{id}")
}
