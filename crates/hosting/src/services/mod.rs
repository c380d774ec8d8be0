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
pub mod compat;
mod first;
pub mod panels;
mod plan;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, ClientClosed, ClientStatus, Locked};
use accounts::roles::Permission;
use billing::gateways;
use billing::recurring::{self, Charge, DueDateMoved, RecurringCharge};
use kernel::{Currency, Cycle, Date, Error, FieldErrors, Money, Result, Timestamp};
use platform::Reaction;
use platform::db::{Conn, Tx};
use platform::record;

use crate::config_options::{self, FullOption, OptionValue, Picked};
use crate::edit;
use crate::prices::{self, Owner};
use crate::pricing::{self, Quote, Selected};
use crate::products::{self, Product};

pub use first::{FirstInvoice, FirstLine};
pub use store::{Listed, NamedOption};

pub const LIST: Permission = Permission("List Services");
pub const VIEW: Permission = Permission("View Clients Products/Services");
pub const EDIT: Permission = Permission("Edit Clients Products/Services");
pub use plan::{Plan, PlannedAddon, plan, plan_addon};

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
        /// What the first invoice billed, with the setup fee.
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
        pub created_at: Timestamp,
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

/// Makes a service of a product for the client, pending, with its options, addons and charges. What the order's invoice
/// must bill comes back; until that invoice is paid, `next_due_on` is the day of the order.
pub async fn create(tx: &mut Locked<'_>, by: &Actor, new: NewService, now: Timestamp) -> Result<Created> {
    tx.check(new.client_id)?;
    let client = clients::find(tx, new.client_id).await?;
    if client.status == ClientStatus::Closed {
        return Err(Error::refused("The client's account is closed. Reopen it before you add services."));
    }
    let gateway = gateways::require_active(tx, "gateway", &new.gateway).await?.name;
    let Plan { product, domain, cycle, quote, first, title, addons, picked } = plan(tx, &client, &new).await?;
    products::take_stock(tx, &product, new.quantity).await?;
    let mut service = Service {
        id: 0,
        client_id: client.id,
        product_id: product.id,
        order_id: new.order_id,
        domain,
        username: kernel::single_line(&new.username, 100).map_err(|why| Error::invalid("username", why))?,
        status: ServiceStatus::Pending,
        quantity: new.quantity,
        currency: client.currency,
        first_amount: first.first_amount.checked_add(first.setup)?.minor,
        recurring_amount: quote.recurring.minor,
        cycle,
        anchor_day: first.anchor_day,
        gateway,
        registered_on: new.ordered_on,
        // Until the first invoice is paid, the first period is the next unpaid one.
        next_due_on: cycle.is_recurring().then_some(new.ordered_on),
        terminated_on: None,
        suspend_reason: String::new(),
        no_suspend_until: None,
        dedicated_ip: String::new(),
        assigned_ips: String::new(),
        ns1: String::new(),
        ns2: String::new(),
        notes: String::new(),
        created_at: now,
        updated_at: now,
    };
    service.id = store::insert(tx, &service).await?;
    store::set_options(tx, service.id, &picked).await?;
    let charge_id = put_charge(tx, &service, &product, Count::Kept, now).await?;
    let mut lines: Vec<FirstLine> = Vec::new();
    lines.extend(charge_id.zip(first.period).map(|(charge_id, period)| FirstLine {
        service_id: service.id,
        owner_kind: SERVICE,
        owner_id: service.id,
        charge_id,
        description: first::description(&title, cycle, period),
        amount: first.first_amount,
        setup: first.setup,
        period,
        taxed: product.taxed,
    }));
    let mut made = Vec::with_capacity(addons.len());
    for addon in &addons {
        let (addon, line) = insert_addon(tx, &service, &product, addon, new.order_id, new.ordered_on, now).await?;
        made.push(addon);
        lines.extend(line);
    }
    let activity = Activity::new(format!("Service “{title}” ordered")).client(client.id).about(subject(service.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(Created { service, addons: made, lines })
}

/// Adds an addon to a service that is there already.
pub async fn add_addon(
    tx: &mut Locked<'_>,
    by: &Actor,
    service_id: i64,
    new: &NewAddon,
    order_id: Option<i64>,
    ordered_on: Date,
    first_invoice: FirstInvoice,
    now: Timestamp,
) -> Result<(ServiceAddon, Option<FirstLine>)> {
    let service = find(tx, service_id).await?;
    tx.check(service.client_id)?;
    if service.status.is_over() {
        return Err(Error::refused(format!("The service is {}. Nothing can be added to it.", service.status)));
    }
    let product = products::find(tx, service.product_id).await?;
    let title = service.title(&product.name);
    let planned =
        plan_addon(tx, &product, &title, service.cycle, service.currency, new, ordered_on, first_invoice).await?;
    let (addon, line) = insert_addon(tx, &service, &product, &planned, order_id, ordered_on, now).await?;
    let text = format!("Addon “{}” ordered for “{}”", addon.name, service.title(&product.name));
    let activity = Activity::new(text).client(service.client_id).about(subject(service.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok((addon, line))
}

async fn insert_addon(
    tx: &mut Locked<'_>,
    service: &Service,
    product: &Product,
    planned: &PlannedAddon,
    order_id: Option<i64>,
    ordered_on: Date,
    now: Timestamp,
) -> Result<(ServiceAddon, Option<FirstLine>)> {
    let PlannedAddon { addon, quantity, cycle, quote, first, title } = planned;
    let mut made = ServiceAddon {
        id: 0,
        service_id: service.id,
        addon_id: Some(addon.id),
        order_id,
        name: addon.name.clone(),
        taxed: addon.taxed,
        status: ServiceStatus::Pending,
        quantity: *quantity,
        first_amount: first.first_amount.checked_add(first.setup)?.minor,
        recurring_amount: quote.recurring.minor,
        cycle: *cycle,
        anchor_day: first.anchor_day,
        registered_on: ordered_on,
        next_due_on: cycle.is_recurring().then_some(ordered_on),
        created_at: now,
    };
    made.id = store::insert_addon(tx, &made).await?;
    let charge_id = put_addon_charge(tx, service, &product.name, &made, now).await?;
    let line = charge_id.zip(first.period).map(|(charge_id, period)| FirstLine {
        service_id: service.id,
        owner_kind: ADDON,
        owner_id: made.id,
        charge_id,
        description: first::description(title, *cycle, period),
        amount: first.first_amount,
        setup: first.setup,
        period,
        taxed: made.taxed,
    });
    Ok((made, line))
}

/// Moves a service to another status; addons that shared the old one go along. The same status again changes nothing.
pub async fn set_status(
    tx: &mut Locked<'_>,
    by: &Actor,
    id: i64,
    status: ServiceStatus,
    now: Timestamp,
) -> Result<Service> {
    update(tx, by, id, ServiceEdit { status: Some(status), ..ServiceEdit::default() }, now).await
}

/// As [`set_status`] to suspended, saying why.
pub async fn suspend(tx: &mut Locked<'_>, by: &Actor, id: i64, reason: &str, now: Timestamp) -> Result<Service> {
    let edit = ServiceEdit {
        status: Some(ServiceStatus::Suspended),
        suspend_reason: Some(reason.to_owned()),
        ..ServiceEdit::default()
    };
    update(tx, by, id, edit, now).await
}

/// Makes the recurring amount what a new order of the same would pay today.
pub async fn recalculate(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Service> {
    update(tx, by, id, ServiceEdit { recalculate: Some(Recalculate), ..ServiceEdit::default() }, now).await
}

/// Changes what was written, and the charge with it.
pub async fn update(tx: &mut Locked<'_>, by: &Actor, id: i64, edit: ServiceEdit, now: Timestamp) -> Result<Service> {
    let before = find(tx, id).await?;
    tx.check(before.client_id)?;
    let product = match edit.product_id {
        Some(product_id) if product_id != before.product_id => match products::find(tx, product_id).await {
            Err(Error::NotFound(_)) => {
                return Err(Error::invalid("product_id", format!("There is no product {product_id}.")));
            }
            found => found?,
        },
        _ => products::find(tx, before.product_id).await?,
    };
    let mut service = applied(&before, &edit, &product)?;
    // A service may keep a gateway that has been switched off since.
    if service.gateway != before.gateway {
        service.gateway = gateways::require_active(tx, "gateway", &service.gateway).await?.name;
    }
    let stored = store::options_of(tx, id).await?;
    let mut picked = stored.clone();
    if edit.options.is_some() || edit.recalculate.is_some() || service.product_id != before.product_id {
        let options = config_options::of_product(tx, product.id).await?;
        picked = config_options::pick_all(&options, edit.options.as_deref().unwrap_or_default(), &stored)?;
        if edit.recalculate.is_some() {
            let list = prices::of(tx, Owner::Product, product.id).await?;
            let selected = selected(&options, &picked)?;
            let quote =
                pricing::quote(&product.sold(&list), &selected, service.quantity, service.cycle, service.currency)?;
            service.recurring_amount = quote.recurring.minor;
        }
    }
    end_or_revive(tx, &before, &mut service, &edit, now).await?;
    let mut changes = edit::differences(described(&before), described(&service));
    changes.extend(edit::differences(
        vec![("options", config_options::described_picks(&stored))],
        vec![("options", config_options::described_picks(&picked))],
    ));
    if changes.is_empty() {
        return Ok(before);
    }
    service.updated_at = now;
    store::update(tx, &service).await?;
    if picked != stored {
        store::set_options(tx, id, &picked).await?;
    }
    let revived = before.status == ServiceStatus::Completed && !service.status.is_over();
    put_charge(tx, &service, &product, if revived { Count::Anew } else { Count::Kept }, now).await?;
    bring_addons_along(tx, &before, &service, &product.name, now).await?;
    let activity = Activity::new(what_happened(&before, &service, &product.name))
        .client(service.client_id)
        .about(subject(id))
        .changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    // All of its periods may have been paid for while it was not running yet.
    if service.status.is_billable() && !before.status.is_billable() {
        complete_if_paid_off(tx, id).await?;
        return find(tx, id).await;
    }
    Ok(service)
}

/// Changes an addon of a service, and its charge with it.
pub async fn update_addon(
    tx: &mut Locked<'_>,
    by: &Actor,
    id: i64,
    edit: &ServiceAddonEdit,
    now: Timestamp,
) -> Result<ServiceAddon> {
    let before = find_addon(tx, id).await?;
    let service = find(tx, before.service_id).await?;
    tx.check(service.client_id)?;
    let mut errors = FieldErrors::default();
    let mut addon = before.clone();
    edit::set(&mut addon.status, &edit.status);
    edit::set(&mut addon.quantity, &edit.quantity);
    edit::within("quantity", addon.quantity, 1, 1_000_000, &mut errors);
    edit::set(&mut addon.cycle, &edit.cycle);
    amount(&mut addon.recurring_amount, "recurring_amount", edit.recurring_amount, service.currency, &mut errors);
    due(&mut addon.next_due_on, &mut addon.anchor_day, edit.next_due_on, addon.cycle, &mut errors);
    errors.check()?;
    let changes =
        edit::differences(described_addon(&before, service.currency), described_addon(&addon, service.currency));
    if changes.is_empty() {
        return Ok(before);
    }
    let product = products::find(tx, service.product_id).await?;
    store::update_addon(tx, &addon).await?;
    put_addon_charge(tx, &service, &product.name, &addon, now).await?;
    let text = format!("Addon “{}” of “{}” changed", addon.name, service.title(&product.name));
    let activity = Activity::new(text).client(service.client_id).about(subject(service.id)).changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    Ok(addon)
}

/// A payment has moved a charge on: the service or addon says the same. The last of a limited number of periods, once
/// paid, completes a service. What the charge says now counts, because this may be called long after the event.
pub fn due_date_moved<'a>(tx: &'a mut Tx, event: &'a DueDateMoved) -> Reaction<'a> {
    Box::pin(async move {
        let Some(charge) = recurring::of_owner(tx, &event.owner_kind, event.owner_id).await? else { return Ok(()) };
        match event.owner_kind.as_str() {
            SERVICE => {
                store::move_due(tx, event.owner_id, charge.next_due_on).await?;
                complete_if_paid_off(tx, event.owner_id).await
            }
            ADDON => store::move_addon_due(tx, event.owner_id, charge.next_due_on).await,
            _ => Ok(()),
        }
    })
}

/// A closed client has no services: what was ordered is cancelled, what ran is terminated.
pub fn client_closed<'a>(tx: &'a mut Tx, event: &'a ClientClosed) -> Reaction<'a> {
    Box::pin(async move {
        let mut tx = clients::lock(tx, event.client_id).await?;
        let services = store::end_of_client(&mut tx, event.client_id).await?;
        for id in &services {
            recurring::set_billable(&mut tx, SERVICE, *id, false).await?;
        }
        for id in store::end_addons(&mut tx, &services).await? {
            recurring::set_billable(&mut tx, ADDON, id, false).await?;
        }
        Ok(())
    })
}

/// Completes a service that runs, once the last of a limited number of periods is paid.
async fn complete_if_paid_off(tx: &mut Tx, id: i64) -> Result<()> {
    let charge = recurring::of_owner(tx, SERVICE, id).await?;
    // The last period may be invoiced while an earlier one is being paid.
    let paid_off = |charge: &RecurringCharge| {
        charge.cycle.is_recurring() && charge.remaining == Some(0) && charge.next_invoice_on <= charge.next_due_on
    };
    if charge.as_ref().is_some_and(paid_off) { complete(tx, id).await } else { Ok(()) }
}

async fn complete(tx: &mut Tx, id: i64) -> Result<()> {
    let client_id = find(tx, id).await?.client_id;
    let mut tx = clients::lock(tx, client_id).await?;
    if store::complete(&mut tx, id).await? {
        recurring::set_billable(&mut tx, SERVICE, id, false).await?;
        for addon in store::complete_addons(&mut tx, id).await? {
            recurring::set_billable(&mut tx, ADDON, addon, false).await?;
        }
    }
    Ok(())
}

fn selected<'a>(options: &'a [FullOption], picked: &[Picked]) -> Result<Vec<Selected<'a>>> {
    let find = |pick: &Picked| options.iter().find(|option| option.option.id == pick.option_id);
    picked.iter().filter_map(|pick| Some(find(pick)?.selected(pick))).collect()
}

fn overridden(quote: Quote, price: Option<Money>, setup: Option<Money>) -> Result<Quote> {
    for (field, amount) in [("price", price), ("setup", setup)] {
        let Some(amount) = amount else { continue };
        if amount.is_negative() || amount.currency != quote.recurring.currency {
            let text = format!("Enter an amount of nought or more, in {}.", quote.recurring.currency);
            return Err(Error::invalid(field, text));
        }
        amount.within_reason().map_err(|why| Error::invalid(field, why.to_string()))?;
    }
    Ok(Quote { recurring: price.unwrap_or(quote.recurring), setup: setup.unwrap_or(quote.setup) })
}

/// The service as it will be; every field that is wrong at once.
fn applied(before: &Service, edit: &ServiceEdit, product: &Product) -> Result<Service> {
    let mut errors = FieldErrors::default();
    let mut service = before.clone();
    service.product_id = product.id;
    if let Some(text) = &edit.domain {
        match domain(text) {
            Ok(domain) => service.domain = domain,
            Err(Error::Invalid(found)) => found.iter().for_each(|(field, message)| errors.add(field, message)),
            Err(other) => return Err(other),
        }
    }
    edit::line(&mut service.username, "username", &edit.username, 100, &mut errors);
    edit::set(&mut service.status, &edit.status);
    edit::set(&mut service.quantity, &edit.quantity);
    edit::within("quantity", service.quantity, 1, 1_000_000, &mut errors);
    amount(&mut service.first_amount, "first_amount", edit.first_amount, service.currency, &mut errors);
    amount(&mut service.recurring_amount, "recurring_amount", edit.recurring_amount, service.currency, &mut errors);
    edit::set(&mut service.cycle, &edit.cycle);
    edit::set(&mut service.gateway, &edit.gateway);
    edit::set(&mut service.registered_on, &edit.registered_on);
    due(&mut service.next_due_on, &mut service.anchor_day, edit.next_due_on, service.cycle, &mut errors);
    edit::set(&mut service.terminated_on, &edit.terminated_on);
    edit::line(&mut service.suspend_reason, "suspend_reason", &edit.suspend_reason, 500, &mut errors);
    edit::set(&mut service.no_suspend_until, &edit.no_suspend_until);
    edit::line(&mut service.dedicated_ip, "dedicated_ip", &edit.dedicated_ip, 100, &mut errors);
    edit::text(&mut service.assigned_ips, "assigned_ips", &edit.assigned_ips, 2_000, &mut errors);
    edit::line(&mut service.ns1, "ns1", &edit.ns1, 253, &mut errors);
    edit::line(&mut service.ns2, "ns2", &edit.ns2, 253, &mut errors);
    edit::text(&mut service.notes, "notes", &edit.notes, 20_000, &mut errors);
    errors.check()?;
    Ok(service)
}

fn amount(field: &mut i64, name: &str, written: Option<Money>, currency: Currency, errors: &mut FieldErrors) {
    match written {
        Some(amount) if amount.is_negative() => errors.add(name, "Enter an amount of nought or more."),
        Some(amount) if amount.currency != currency => {
            errors.add(name, format!("The service is billed in {currency}, and that cannot change."));
        }
        Some(amount) => *field = errors.take(name, amount.within_reason()).map_or(*field, |amount| amount.minor),
        None => {}
    }
}

/// The due date and the day of the month that it stands for. A date that is only the end of a short month keeps the day.
fn due(field: &mut Option<Date>, anchor: &mut u8, written: Option<Date>, cycle: Cycle, errors: &mut FieldErrors) {
    if !cycle.is_recurring() {
        *field = None;
        return;
    }
    if let Some(date) = written.filter(|date| *field != Some(*date)) {
        *field = Some(date);
        let is_clamped = date.day() == date.days_in_month() && *anchor > date.day();
        if !is_clamped {
            *anchor = date.day();
        }
    }
    if field.is_none() {
        errors.add("next_due_on", "Enter the next due date: what recurs has one.");
    }
}

/// The dates and reasons that go with a status.
async fn end_or_revive(
    tx: &mut Tx,
    before: &Service,
    service: &mut Service,
    edit: &ServiceEdit,
    now: Timestamp,
) -> Result<()> {
    if before.status == service.status {
        return Ok(());
    }
    let ends = matches!(service.status, ServiceStatus::Terminated | ServiceStatus::Cancelled);
    if ends && service.terminated_on.is_none() {
        service.terminated_on = Some(crate::today(tx, now).await?);
    }
    if !service.status.is_over() && edit.terminated_on.is_none() {
        service.terminated_on = None;
    }
    if service.status != ServiceStatus::Suspended && edit.suspend_reason.is_none() {
        service.suspend_reason.clear();
    }
    Ok(())
}

/// Addons that shared the service's old status share the new one; those of an ended service end. Their charges are put
/// again, because the gateway and the description are the service's.
async fn bring_addons_along(
    tx: &mut Locked<'_>,
    before: &Service,
    service: &Service,
    product: &str,
    now: Timestamp,
) -> Result<()> {
    for mut addon in store::addons_of(tx, service.id).await? {
        if goes_along(&addon, before.status, service.status) {
            addon.status = service.status;
            store::update_addon(tx, &addon).await?;
        }
        put_addon_charge(tx, service, product, &addon, now).await?;
    }
    Ok(())
}

/// Whether an addon moves with its service from one status to another.
fn goes_along(addon: &ServiceAddon, from: ServiceStatus, to: ServiceStatus) -> bool {
    from != to && (addon.status == from || (to.is_over() && !addon.status.is_over()))
}

/// What becomes of the number of periods that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Kept,
    /// The product's limit once more: a completed service is brought back to be billed, not to run for nothing.
    Anew,
}

/// Makes the service's charge say what the service says. `None` for what is free.
async fn put_charge(
    tx: &mut Locked<'_>,
    service: &Service,
    product: &Product,
    count: Count,
    now: Timestamp,
) -> Result<Option<i64>> {
    let charge = Charge {
        client_id: service.client_id,
        owner_kind: SERVICE,
        owner_id: service.id,
        description: service.title(&product.name),
        amount: service.recurring(),
        cycle: service.cycle,
        anchor_day: service.anchor_day,
        gateway: service.gateway.clone(),
        taxed: product.taxed,
        billable: service.status.is_billable(),
        next_due_on: service.next_due_on.unwrap_or(service.registered_on),
        remaining: product.periods(),
    };
    put(tx, charge, count, now).await
}

async fn put_addon_charge(
    tx: &mut Locked<'_>,
    service: &Service,
    product: &str,
    addon: &ServiceAddon,
    now: Timestamp,
) -> Result<Option<i64>> {
    let charge = Charge {
        client_id: service.client_id,
        owner_kind: ADDON,
        owner_id: addon.id,
        description: addon_title(&addon.name, addon.quantity, &service.title(product)),
        amount: Money::new(addon.recurring_amount, service.currency),
        cycle: addon.cycle,
        anchor_day: addon.anchor_day,
        gateway: service.gateway.clone(),
        taxed: addon.taxed,
        billable: service.status.is_billable() && addon.status.is_billable(),
        next_due_on: addon.next_due_on.unwrap_or(addon.registered_on),
        remaining: None,
    };
    put(tx, charge, Count::Kept, now).await
}

/// `charge.remaining` is that of a new charge; one that is there keeps its count, unless that begins anew.
async fn put(tx: &mut Locked<'_>, mut charge: Charge, count: Count, now: Timestamp) -> Result<Option<i64>> {
    let existing = recurring::of_owner(tx, charge.owner_kind, charge.owner_id).await?;
    if charge.cycle == Cycle::Free {
        if existing.is_some() {
            recurring::set_billable(tx, charge.owner_kind, charge.owner_id, false).await?;
        }
        return Ok(None);
    }
    let recurs = charge.cycle.is_recurring();
    let limit = charge.remaining;
    charge.remaining = match &existing {
        None if recurs => limit,
        None => Some(1),
        Some(_) if recurs && count == Count::Anew => limit,
        Some(there) if there.cycle.is_recurring() == recurs => there.remaining,
        Some(_) if recurs => limit,
        // What was paid period by period is not charged once more for being one-time from now on.
        Some(_) => Some(0),
    };
    if !recurs && let Some(there) = &existing {
        charge.next_due_on = there.next_due_on;
    }
    recurring::put(tx, &charge, now).await.map(Some)
}

fn addon_title(addon: &str, quantity: i64, service: &str) -> String {
    match quantity {
        1 => format!("{addon} ({service})"),
        many => format!("{many} × {addon} ({service})"),
    }
}

/// A domain in lower case, or nothing. Names of machines without dots are fine.
fn domain(text: &str) -> Result<String> {
    let domain = text.trim().trim_end_matches('.').to_lowercase();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | '*');
    if domain.chars().count() > 253 || !domain.chars().all(allowed) {
        return Err(Error::invalid(
            "domain",
            "Enter a domain such as example.com, without http:// and without spaces.",
        ));
    }
    Ok(domain)
}

fn what_happened(before: &Service, service: &Service, product: &str) -> String {
    let title = service.title(product);
    if before.status == service.status {
        return format!("Service “{title}” changed");
    }
    match service.status {
        ServiceStatus::Suspended if !service.suspend_reason.is_empty() => {
            format!("Service “{title}” suspended: {}", service.suspend_reason)
        }
        ServiceStatus::Active if before.status == ServiceStatus::Suspended => format!("Service “{title}” unsuspended"),
        status => format!("Service “{title}” is {status} now"),
    }
}

fn described(service: &Service) -> Vec<(&'static str, String)> {
    vec![
        ("product", service.product_id.to_string()),
        ("domain", service.domain.clone()),
        ("username", service.username.clone()),
        ("status", service.status.to_string()),
        ("quantity", service.quantity.to_string()),
        ("first_amount", service.first().to_string()),
        ("recurring_amount", service.recurring().to_string()),
        ("cycle", service.cycle.to_string()),
        ("gateway", service.gateway.clone()),
        ("registered_on", service.registered_on.to_string()),
        ("next_due_on", edit::shown(&service.next_due_on)),
        ("terminated_on", edit::shown(&service.terminated_on)),
        ("suspend_reason", service.suspend_reason.clone()),
        ("no_suspend_until", edit::shown(&service.no_suspend_until)),
        ("dedicated_ip", service.dedicated_ip.clone()),
        ("assigned_ips", service.assigned_ips.clone()),
        ("ns1", service.ns1.clone()),
        ("ns2", service.ns2.clone()),
        ("notes", service.notes.clone()),
    ]
}

fn described_addon(addon: &ServiceAddon, currency: Currency) -> Vec<(&'static str, String)> {
    vec![
        ("status", addon.status.to_string()),
        ("quantity", addon.quantity.to_string()),
        ("recurring_amount", Money::new(addon.recurring_amount, currency).to_string()),
        ("cycle", addon.cycle.to_string()),
        ("next_due_on", edit::shown(&addon.next_due_on)),
    ]
}

pub(crate) fn subject(id: i64) -> String {
    format!("service:{id}")
}
