//! Services and addons are made, as ordered.

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, ClientStatus, Locked};
use billing::gateways;
use kernel::{Date, Error, Result, Timestamp};

use super::charges::{Count, put_addon_charge, put_charge, put_first};
use super::{
    ADDON, Created, FirstInvoice, FirstLine, NewAddon, NewService, Plan, PlannedAddon, SERVICE, Service, ServiceAddon,
    ServiceStatus, find, first, plan, plan_addon, stock, store, subject,
};
use crate::products::{self, Product};

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
    stock::take(tx, &service, &product).await?;
    store::set_options(tx, service.id, &picked).await?;
    let charge_id = put_charge(tx, &service, &product, Count::Kept, now).await?;
    put_first(tx, new.first_invoice, charge_id, &first).await?;
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
        let (addon, line) =
            insert_addon(tx, &service, &product, addon, new.order_id, new.ordered_on, new.first_invoice, now).await?;
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
    let planned = plan_addon(tx, &product, &title, service.cycle, service.currency, new, ordered_on).await?;
    let (addon, line) =
        insert_addon(tx, &service, &product, &planned, order_id, ordered_on, first_invoice, now).await?;
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
    first_invoice: FirstInvoice,
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
        terminated_on: None,
        created_at: now,
    };
    made.id = store::insert_addon(tx, &made).await?;
    let charge_id = put_addon_charge(tx, service, &product.name, &made, now).await?;
    put_first(tx, first_invoice, charge_id, first).await?;
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
