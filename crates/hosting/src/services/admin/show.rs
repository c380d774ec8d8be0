//! The record of a service.

use accounts::activity_log::{self, Entry};
use accounts::clients;
use accounts::company;
use accounts::doors::{AdminCx, Id};
use axum::response::Response;
use billing::gateways::Gateways;
use billing::recurring::{self, RecurringCharge};
use kernel::{Currency, Money};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::grouped;

use super::status::moves;
use super::{PAGE, SECTION};
use crate::config_options::OptionKind;
use crate::prices::adverb;
use crate::services::{NamedOption, SERVICE, Service, ServiceAddon, ServiceStatus};
use crate::{oauth_credentials, products, services};

pub(super) async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let service = services::find(&mut conn, id).await?;
    let client = clients::find(&mut conn, service.client_id).await?;
    let product = products::find(&mut conn, service.product_id).await?;
    let addons = services::addons_of(&mut conn, id).await?;
    let options = services::named_options(&mut conn, &[id]).await?;
    let charge = recurring::of_owner(&mut conn, SERVICE, id).await?;
    let activity = match cx.staff.may(activity_log::VIEW) {
        true => Some(activity_log::about(&mut conn, &services::subject(id)).await?),
        false => None,
    };
    let zone = company::zone(&mut conn).await?;
    let credentials = oauth_credentials::admin::shown(&mut conn, &cx, id).await?;
    drop(conn);
    let event = |entry: &Entry| {
        let fields: Vec<String> = entry
            .changes()
            .into_iter()
            .map(|change| format!("{} {} → {}", change.field, change.old, change.new))
            .collect();
        let text = if fields.is_empty() {
            entry.description.clone()
        } else {
            format!("{}: {}", entry.description, fields.join("; "))
        };
        context! { when => company::clock(entry.at, &zone), instant => entry.at.to_string(), who => entry.who(), text }
    };
    let (next_invoice, invoice_note) = next_invoice(&service, charge.as_ref());
    cx.page(
        "hosting/services/show.html",
        SECTION,
        &service.title(&product.name),
        context! {
            s => context! {
                gateway => cx.app.get::<Gateways>()?.title(&service.gateway), ..summary(&service)
            },
            here => format!("{PAGE}/{id}"),
            client => context! { name => client.display_name(), href => format!("/admin/clients/{}", client.id) },
            product => context! { name => &product.name, href => format!("/admin/setup/products/{}", product.id) },
            periods => match charge.as_ref().and_then(|charge| charge.remaining) {
                Some(left) if service.cycle.is_recurring() => grouped(left),
                _ => "No end".to_owned(),
            },
            due_note => if service.status.is_over() { "over" } else { "start of the next unpaid period" },
            next_invoice, invoice_note,
            addons => addons.iter().map(|addon| addon_row(addon, service.currency)).collect::<Vec<_>>(),
            options => options.iter().map(|option| context! {
                name => &option.option, value => option_words(option),
            }).collect::<Vec<_>>(),
            activity => activity.map(|entries| entries.iter().map(event).collect::<Vec<_>>()),
            actions => actions(&service),
            credentials,
        },
    )
}

fn summary(service: &Service) -> Value {
    let name_servers = [service.ns1.as_str(), service.ns2.as_str()].join(" ");
    context! {
        id => service.id,
        domain => &service.domain,
        username => &service.username,
        status => service.status.label(),
        quantity => service.quantity,
        amount => service.recurring().to_string(),
        first => service.first().to_string(),
        cycle => if service.cycle.is_recurring() { adverb(service.cycle) } else { service.cycle.label() },
        registered => service.registered_on.to_string(),
        due => service.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
        terminated => service.terminated_on.map(|date| date.to_string()).unwrap_or_default(),
        reason => &service.suspend_reason,
        dedicated_ip => &service.dedicated_ip,
        assigned_ips => &service.assigned_ips,
        name_servers => name_servers.trim(),
        notes => &service.notes,
    }
}

/// When the next invoice is for, and why there is none.
fn next_invoice(service: &Service, charge: Option<&RecurringCharge>) -> (String, &'static str) {
    let none = |why| ("None".to_owned(), why);
    match charge {
        None => none("it is free"),
        Some(charge) if charge.remaining == Some(0) => none("every period is invoiced"),
        Some(_) if service.status == ServiceStatus::Pending => none("it is pending"),
        Some(_) if !service.status.is_billable() => none("it is over"),
        Some(charge) if charge.next_invoice_on > charge.next_due_on => {
            (charge.next_invoice_on.to_string(), "the period before is invoiced, and unpaid")
        }
        Some(charge) => (charge.next_invoice_on.to_string(), "start of the next period without an invoice"),
    }
}

fn option_words(option: &NamedOption) -> String {
    match option.kind {
        OptionKind::YesNo => "Yes".to_owned(),
        OptionKind::Quantity => grouped(option.quantity),
        _ => option.choice.clone(),
    }
}

fn addon_row(addon: &ServiceAddon, currency: Currency) -> Value {
    context! {
        href => format!("/admin/service-addons/{}", addon.id),
        name => &addon.name,
        quantity => addon.quantity,
        status => addon.status.label(),
        amount => Money::new(addon.recurring_amount, currency).to_string(),
        cycle => if addon.cycle.is_recurring() { adverb(addon.cycle) } else { addon.cycle.label() },
        due => addon.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
    }
}

fn actions(service: &Service) -> Vec<Value> {
    let action = |(to, label): &(ServiceStatus, &str)| {
        context! { label => *label, href => format!("{PAGE}/{}/status?to={to}", service.id), danger => to.is_over() }
    };
    moves(service.status).iter().map(action).collect()
}
