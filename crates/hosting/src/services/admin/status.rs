//! The page before a change of status, and the deeds about a service.

use accounts::clients;
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::{IntoResponse, Response};
use kernel::Error;
use minijinja::context;
use platform::web::Fail;
use platform::web::lists::grouped;

use super::{PAGE, SECTION, change};
use crate::prices::adverb;
use crate::services::change::goes_along;
use crate::services::charges::service_is_paid_off;
use crate::services::{Recalculate, ServiceEdit, ServiceStatus};
use crate::{products, services};

/// What can be done about a status, the likeliest first.
pub(super) fn moves(status: ServiceStatus) -> &'static [(ServiceStatus, &'static str)] {
    use ServiceStatus::*;
    match status {
        Pending => &[(Active, "Activate"), (Cancelled, "Cancel"), (Fraud, "Mark as fraud")],
        Active => &[(Suspended, "Suspend"), (Terminated, "Terminate"), (Cancelled, "Cancel")],
        Suspended => &[(Active, "Unsuspend"), (Terminated, "Terminate"), (Cancelled, "Cancel")],
        Terminated | Cancelled | Fraud | Completed => &[(Active, "Activate again"), (Pending, "Make pending")],
    }
}

pub(super) async fn status_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let wanted = cx.params()?.text("to").to_owned();
    let to = ServiceStatus::parse(&wanted).or(Err(Fail(Error::NotFound("This page"))))?;
    let mut conn = cx.app.db.read().await?;
    let service = services::find(&mut conn, id).await?;
    let client = clients::find(&mut conn, service.client_id).await?;
    let product = products::find(&mut conn, service.product_id).await?;
    let addons = services::addons_of(&mut conn, id).await?;
    let paid_off = service_is_paid_off(&mut conn, id).await?;
    drop(conn);
    let back = format!("{PAGE}/{id}");
    let Some((_, label)) = moves(service.status).iter().find(|(target, _)| *target == to) else {
        return Ok(Redirect::to(back).refusing(format!("The service is {} already.", service.status)).into_response());
    };
    let along = addons.iter().filter(|addon| goes_along(addon, service.status, to)).count();
    let due = service.next_due_on.map_or_else(|| "nothing more".to_owned(), |date| format!("the period from {date}"));
    let anew = product.periods().filter(|_| paid_off && service.status == ServiceStatus::Completed).map(|periods| {
        format!("The count of its periods begins anew: {} more, each invoiced as it falls due.", grouped(periods))
    });
    let (text, billing) = match to {
        ServiceStatus::Active if anew.is_some() => (anew.as_deref().unwrap_or_default(), due),
        ServiceStatus::Active if paid_off && service.status != ServiceStatus::Completed => {
            ("All of its periods are paid: it is complete at once.", "nothing more".to_owned())
        }
        ServiceStatus::Active => ("It is invoiced as it falls due.", due),
        ServiceStatus::Suspended => ("It stays on the books: invoices go on.", due),
        ServiceStatus::Pending => {
            ("It waits: nothing is invoiced until it is active.", "nothing until then".to_owned())
        }
        _ => ("Nothing more is invoiced for it. Invoices that are open stay open.", "nothing more".to_owned()),
    };
    let facts = vec![
        ("Service".to_owned(), service.title(&product.name)),
        ("Client".to_owned(), client.display_name()),
        ("Amount".to_owned(), format!("{} {}", service.recurring(), adverb(service.cycle))),
        ("Addons that go along".to_owned(), along.to_string()),
        ("Invoiced next".to_owned(), billing),
    ];
    cx.page(
        "hosting/services/status.html",
        SECTION,
        &format!("{label}: {}", service.title(&product.name)),
        context! {
            id, text, facts,
            label => *label,
            to => to.as_str(),
            action => format!("{back}/status"),
            cancel => back,
            kind => if to.is_over() { "danger" } else { "primary" },
            asks_reason => to == ServiceStatus::Suspended,
        },
    )
}

pub(super) async fn set_status(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let to = match ServiceStatus::parse(cx.form.text("to")) {
            Ok(to) => to,
            Err(why) => return Err(Error::invalid("to", why)),
        };
        let reason = Some(cx.form.text("reason").to_owned()).filter(|_| to == ServiceStatus::Suspended);
        let edit = ServiceEdit { status: Some(to), suspend_reason: reason, ..ServiceEdit::default() };
        let service = change(&cx, id, edit).await?;
        Ok(Redirect::to(&back).saying(format!("The service is {} now", service.status)))
    };
    or_back(done.await, &back)
}

pub(super) async fn recalculate(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let edit = ServiceEdit { recalculate: Some(Recalculate), ..ServiceEdit::default() };
        let service = change(&cx, id, edit).await?;
        Ok(Redirect::to(&back).saying(format!("The amount is {} from the next invoice on", service.recurring())))
    };
    or_back(done.await, &back)
}
