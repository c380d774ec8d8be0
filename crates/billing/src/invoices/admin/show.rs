//! One invoice: its lines, what happened to its balance, charges, mails; and its PDF.

use accounts::doors::{AdminCx, Id};
use accounts::{activity_log, company};
use axum::response::Response;
use kernel::{Date, Money};
use minijinja::{Value, context};
use platform::mail;
use platform::web::Fail;

use super::{SECTION, gateway_name, gateway_options};
use crate::captures::AttemptState;
use crate::credits;
use crate::gateways::Gateways;
use crate::invoices::listing::{self, Choices};
use crate::invoices::view::{self, Whole};
use crate::invoices::{InvoiceStatus, MANAGE, pdf, store};
use crate::once;
use crate::view::words;

pub(super) async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let view::Seen { whole, mut left, client, email, credit } = view::seen(&mut conn, id).await?;
    let choices = listing::choices(&mut conn).await?;
    let said = store::said(&mut conn, id).await?;
    let trail = activity_log::trail(&mut conn, &format!("invoice:{id}")).await?;
    let sees_credit = cx.staff.may(credits::VIEW) || cx.staff.may(credits::MANAGE);
    drop(conn);
    let zone = &choices.zone;
    let today = cx.now.date_in(zone);
    let invoice = &whole.invoice;
    if invoice.status == InvoiceStatus::Draft {
        left.clear();
    }
    let money = |minor: i64| invoice.money(minor).to_string();
    let clock = |at: kernel::Timestamp| company::clock(at, zone);
    let lines: Vec<Value> = whole
        .lines
        .iter()
        .map(|line| {
            let rest = left.iter().find(|left| left.line.id == line.id).map_or(0, |left| left.gross());
            context! {
                id => line.id, description => &line.description, period => view::period(line).unwrap_or_default(),
                service => line.owner_id.filter(|_| line.owner_kind.as_deref() == Some("service")),
                taxed => line.taxed, net => money(line.net), tax => money(line.tax1 + line.tax2),
                gross => money(line.net + line.tax1 + line.tax2),
                left => money(rest), creditable => rest > 0,
                noted => rest != line.net + line.tax1 + line.tax2 && !left.is_empty(),
            }
        })
        .collect();
    let open = invoice.is_open();
    let draft = invoice.status == InvoiceStatus::Draft;
    let usable = Money::new(credit.minor.min(invoice.balance).max(0), invoice.currency);
    let cards = said.iter().filter_map(|said| {
        Some(context! {
            state => attempt_word(said.attempt?), at => clock(said.at), instant => said.at.to_string(),
            gateway => gateway_name(&choices, &said.gateway), reason => &said.reason,
            amount => Money::new(said.amount, said.currency).to_string(),
            external => said.external_id.clone().unwrap_or_default(),
        })
    });
    let disputes = said.iter().filter_map(|said| {
        Some(context! {
            state => said.dispute?.as_str(), amount => Money::new(said.amount, said.currency).to_string(),
            id => &said.external_id, reason => words(&said.reason),
        })
    });
    let messages = trail.mails.iter().map(|sent| {
        context! {
            title => &sent.title, to => &sent.recipient, state => mail_word(sent.state),
            error => sent.error.clone().unwrap_or_default(), at => clock(sent.at), instant => sent.at.to_string(),
        }
    });
    let work = trail.jobs.iter().map(|job| {
        context! {
            kind => &job.kind, state => job.state.as_str(), error => job.error.clone().unwrap_or_default(),
            at => clock(job.run_at),
        }
    });
    let events = trail.activity.iter().map(|entry| {
        let changed: Vec<&str> = entry.changes.iter().map(|change| change.field.as_str()).collect();
        let text = if changed.is_empty() {
            entry.description.clone()
        } else {
            format!("{} ({})", entry.description, changed.join(", ").to_lowercase())
        };
        context! { when => clock(entry.at), instant => entry.at.to_string(), who => &entry.by, text }
    });
    let title = if draft { format!("Draft {id}") } else { format!("Invoice {}", invoice.title()) };
    let values = context! {
        id, draft, open,
        settled => matches!(invoice.status, InvoiceStatus::Paid | InvoiceStatus::Cancelled | InvoiceStatus::Refunded),
        cancellable => !matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Cancelled | InvoiceStatus::Refunded),
        status => view::shown(invoice.status, invoice.due_on, today),
        overdue_days => if view::is_overdue(invoice.status, invoice.due_on, today) { invoice.due_on.days_until(today) } else { 0 },
        client => context! { id => invoice.client_id, name => client, email },
        buyer => whole.buyer.lines(),
        issued => invoice.issued_on.map(|on| on.to_string()), due => invoice.due_on.to_string(),
        gateway => &invoice.gateway, gateway_name => gateway_name(&choices, &invoice.gateway),
        gateways => gateway_options(&choices),
        notes => &invoice.notes, source => &invoice.source,
        subtotal => money(invoice.subtotal), total => money(invoice.total), balance => money(invoice.balance),
        credit_applied => (invoice.credit_applied != 0).then(|| money(invoice.credit_applied)),
        currency => invoice.currency.code(),
        taxes => whole.taxes().iter().map(|tax| context! {
            name => &tax.name, rate => &tax.rate, amount => tax.amount.to_string(),
        }).collect::<Vec<_>>(),
        tax_note => view::tax_note(whole.lines.iter().map(|line| line.tax_category)),
        lines,
        ledger => ledger(&whole, &choices),
        // The forms of payments, credit and captures are carried out once for each time that this page is shown.
        once => once::key(&cx.app),
        // Whether the invoice's gateway can be told to charge at all.
        capturable => cx.app.get::<Gateways>()?.find(&invoice.gateway).is_ok_and(|module| module.capabilities().off_session),
        can_pend => open && invoice.status != InvoiceStatus::PaymentPending,
        can_collect => open && invoice.status != InvoiceStatus::Collections,
        can_unpend => open && invoice.status != InvoiceStatus::Unpaid,
        splittable => cx.staff.may(MANAGE) && invoice.status == InvoiceStatus::Unpaid && invoice.balance == invoice.total && whole.lines.len() > 1,
        chargeable => invoice.status == InvoiceStatus::Unpaid && invoice.balance > 0,
        usable => (sees_credit && usable.is_positive()).then(|| usable.decimal()),
        credit => sees_credit.then(|| credit.to_string()),
        attempts => cards.collect::<Vec<_>>(),
        disputes => disputes.collect::<Vec<_>>(),
        mails => messages.collect::<Vec<_>>(),
        jobs => work.collect::<Vec<_>>(),
        activity => events.collect::<Vec<_>>(),
    };
    cx.page("billing/invoices/show.html", SECTION, &title, values)
}

/// What happened to the balance, in order: payments, credit, notes.
fn ledger(whole: &Whole, choices: &Choices) -> Vec<Value> {
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).to_string();
    let payments = whole.settled.iter().filter_map(|(id, amount)| {
        let payment = whole.transactions.iter().find(|transaction| transaction.id == *id)?;
        let href = format!("/admin/transactions/{id}");
        Some((payment.occurred_on, context! {
            on => payment.occurred_on.to_string(), what => format!("Payment by {}", gateway_name(choices, &payment.gateway)),
            reference => &payment.reference, amount => money(*amount), href,
        }))
    });
    let credited = (invoice.credit_applied != 0).then(|| {
        let on = invoice.issued_on.unwrap_or(invoice.due_on);
        let amount = money(invoice.credit_applied);
        (on, context! { on => "", what => "Credit of the client", reference => "", amount, href => "" })
    });
    let noted = whole.notes.iter().map(|note| {
        (note.issued_on, context! {
            on => note.issued_on.to_string(), what => format!("Credit note {}", note.number),
            reference => &note.reason, amount => money(note.total), href => format!("/admin/credit-notes/{}", note.id),
        })
    });
    let mut rows: Vec<(Date, Value)> = payments.chain(credited).chain(noted).collect();
    rows.sort_by_key(|(on, _)| *on);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn attempt_word(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Intent => "In progress",
        AttemptState::Unknown => "Unknown",
        AttemptState::Pending => "Pending",
        AttemptState::Succeeded => "Succeeded",
        AttemptState::Declined => "Declined",
        AttemptState::ActionRequired => "Awaiting reply",
        AttemptState::Failed => "Failed",
    }
}

fn mail_word(state: mail::MailState) -> &'static str {
    match state {
        mail::MailState::Queued => "Queued",
        mail::MailState::Sent => "Sent",
        mail::MailState::Failed => "Failed",
        mail::MailState::Unwanted => "Not wanted",
    }
}

pub(super) async fn print(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(pdf::of_invoice(&cx.app, id, cx.now).await?)
}
