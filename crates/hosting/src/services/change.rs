//! Changes of services and addons: what was written, the dates and reasons that go with it, and what the log says.

use accounts::activity_log::{self, Activity, Actor, Change};
use accounts::clients::Locked;
use billing::gateways;
use billing::recurring::{self, First};
use kernel::{Currency, Cycle, Date, Error, FieldErrors, Money, Result, Timestamp};
use platform::db::Tx;

use super::charges::{Count, keep_first, put_addon_charge, put_charge, service_is_paid_off};
use super::plan::{domain, selected};
use super::{
    ADDON, Recalculate, SERVICE, Service, ServiceAddon, ServiceAddonEdit, ServiceEdit, ServiceStatus, find, find_addon,
    first, stock, store, subject,
};
use crate::prices::{self, Owner};
use crate::products::{self, Product};
use crate::{addons, config_options, edit, pricing};

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

/// Changes what was written, and the charge with it. What begins to run after all of its periods were paid is completed.
pub async fn update(tx: &mut Locked<'_>, by: &Actor, id: i64, edit: ServiceEdit, now: Timestamp) -> Result<Service> {
    let before = find(tx, id).await?;
    let ran = before.status.is_billable();
    let service = write(tx, by, before, edit, now).await?;
    if service.status.is_billable() && !ran && service_is_paid_off(tx, id).await? {
        return complete(tx, service, now).await;
    }
    Ok(service)
}

/// Ends a service that ran until its last period was paid.
pub(super) async fn complete(tx: &mut Locked<'_>, service: Service, now: Timestamp) -> Result<Service> {
    let edit = ServiceEdit { status: Some(ServiceStatus::Completed), ..ServiceEdit::default() };
    write(tx, &Actor::system("Last payment"), service, edit, now).await
}

async fn write(tx: &mut Locked<'_>, by: &Actor, before: Service, edit: ServiceEdit, now: Timestamp) -> Result<Service> {
    let id = before.id;
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
    let open = recurring::first::of_owner(tx, SERVICE, id).await?;
    let first = open.map(|open| first_follows(open, &before, &mut service, &edit, &product)).transpose()?;
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
    stock::follow(tx, &before, &service, &product).await?;
    if picked != stored {
        store::set_options(tx, id, &picked).await?;
    }
    let count = count(tx, &before, &service).await?;
    let charge_id = put_charge(tx, &service, &product, count, now).await?;
    keep_first(tx, SERVICE, id, charge_id, first).await?;
    changes.extend(bring_addons_along(tx, &before, &service, &product.name, now).await?);
    let activity = Activity::new(what_happened(&before, &service, &product.name))
        .client(service.client_id)
        .about(subject(id))
        .changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    Ok(service)
}

/// Brought back after its last payment, a service is billed for as many periods again; one whose last payment was taken
/// back goes on with the period that is unpaid.
async fn count(tx: &mut Tx, before: &Service, service: &Service) -> Result<Count> {
    let revived = before.status == ServiceStatus::Completed && !service.status.is_over();
    Ok(if revived && service_is_paid_off(tx, service.id).await? { Count::Anew } else { Count::Kept })
}

/// As long as the first invoice was not made, it bills what the service says: `None` once that is free.
fn first_follows(
    open: First,
    before: &Service,
    service: &mut Service,
    edit: &ServiceEdit,
    product: &Product,
) -> Result<Option<First>> {
    let mut first = Some(open);
    if service.said() != before.said() {
        let anew = first::anew(open, &service.said(), product.prorata_rule(), service.anchor_day)?;
        first = anew.map(|(first, _)| first);
        service.anchor_day = anew.map_or(service.anchor_day, |(_, anchor)| anchor);
        service.first_amount = first.map_or(Ok(Money::zero(service.currency)), |first| first.total())?.minor;
    }
    match (first, edit.first_amount.filter(|written| *written != before.first())) {
        (Some(open), Some(total)) => {
            service.first_amount = total.minor;
            first::over(open, total).map(Some)
        }
        (first, _) => Ok(first),
    }
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
    let product = products::find(tx, service.product_id).await?;
    let open = recurring::first::of_owner(tx, ADDON, id).await?;
    let first = match open {
        Some(open) => Some(first_of_addon_follows(tx, open, &before, &mut addon, &service, &product).await?),
        None => None,
    };
    end_or_revive_addon(tx, &before, &mut addon, now).await?;
    let changes =
        edit::differences(described_addon(&before, service.currency), described_addon(&addon, service.currency));
    if changes.is_empty() {
        return Ok(before);
    }
    store::update_addon(tx, &addon).await?;
    let charge_id = put_addon_charge(tx, &service, &product.name, &addon, now).await?;
    keep_first(tx, ADDON, id, charge_id, first).await?;
    let text = format!("Addon “{}” of “{}” changed", addon.name, service.title(&product.name));
    let activity = Activity::new(text).client(service.client_id).about(subject(service.id)).changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    Ok(addon)
}

/// As [`first_follows`], of an addon.
async fn first_of_addon_follows(
    tx: &mut Tx,
    open: First,
    before: &ServiceAddon,
    addon: &mut ServiceAddon,
    service: &Service,
    product: &Product,
) -> Result<Option<First>> {
    if addon.said(service) == before.said(service) {
        return Ok(Some(open));
    }
    let ids: Vec<i64> = addon.addon_id.into_iter().collect();
    let prorated = addons::by_ids(tx, &ids).await?.first().is_some_and(|addon| addon.prorata);
    let rule = product.prorata_rule().filter(|_| prorated);
    let anew = first::anew(open, &addon.said(service), rule, addon.anchor_day)?;
    addon.anchor_day = anew.map_or(addon.anchor_day, |(_, anchor)| anchor);
    let first = anew.map(|(first, _)| first);
    addon.first_amount = first.map_or(Ok(Money::zero(service.currency)), |first| first.total())?.minor;
    Ok(first)
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
    if service.status.is_over() && service.terminated_on.is_none() {
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

/// The date that goes with an addon's status.
async fn end_or_revive_addon(
    tx: &mut Tx,
    before: &ServiceAddon,
    addon: &mut ServiceAddon,
    now: Timestamp,
) -> Result<()> {
    if before.status == addon.status {
        return Ok(());
    }
    match (addon.status.is_over(), addon.terminated_on) {
        (true, None) => addon.terminated_on = Some(crate::today(tx, now).await?),
        (true, Some(_)) => {}
        (false, _) => addon.terminated_on = None,
    }
    Ok(())
}

/// Addons that shared the service's old status share the new one; those of an ended service end. Their charges are put
/// again, because the gateway and the description are the service's. What changed of them comes back.
async fn bring_addons_along(
    tx: &mut Locked<'_>,
    before: &Service,
    service: &Service,
    product: &str,
    now: Timestamp,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for old in store::addons_of(tx, service.id).await? {
        let mut addon = old.clone();
        if goes_along(&addon, before.status, service.status) {
            addon.status = service.status;
            end_or_revive_addon(tx, &old, &mut addon, now).await?;
            store::update_addon(tx, &addon).await?;
            changes.push(Change {
                field: format!("status of addon “{}”", addon.name),
                old: old.status.to_string(),
                new: addon.status.to_string(),
            });
        }
        put_addon_charge(tx, service, product, &addon, now).await?;
    }
    Ok(changes)
}

/// Whether an addon moves with its service from one status to another.
pub(super) fn goes_along(addon: &ServiceAddon, from: ServiceStatus, to: ServiceStatus) -> bool {
    from != to && (addon.status == from || (to.is_over() && !addon.status.is_over()))
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
        ("terminated_on", edit::shown(&addon.terminated_on)),
    ]
}
