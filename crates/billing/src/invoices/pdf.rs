//! The printed invoice and credit note. Printed from the frozen rows, so that the same document prints alike for ever;
//! only what was paid since then is new.

use accounts::parties::{self, Party};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result, Timestamp};
use minijinja::{Value, context};
use platform::App;

use super::InvoiceStatus;
use super::view::{self, Whole};
use crate::notes::{self, CreditNote, NoteLine};
use crate::settings;
use crate::terms::Terms;

const TEMPLATE: &str = "billing/invoices/invoice.pdf.html";

fn words() -> Value {
    context! {
        to => "To", from => "From", number => "Number", issued => "Issued", due => "Due", reference => "Reference",
        tax_number => "Tax number", registration_number => "Registration number", description => "Description",
        period => "Period", quantity => "Quantity", unit_price => "Unit price", tax => "Tax", amount => "Amount",
        subtotal => "Subtotal", total => "Total", paid => "Paid", balance => "To pay", payment => "How to pay",
        notes => "Notes",
    }
}

/// The company's name stands in a place of its own, so it is not among the lines.
fn party(party: &Party) -> Value {
    let name = if party.company.is_empty() { &party.name } else { &party.company };
    let lines: Vec<String> =
        party.lines().into_iter().filter(|line| *line != party.company && *line != party.name).collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let tax_number = some(&party.tax_id);
    context! {
        name => if party.name.is_empty() { name } else { &party.name },
        company => if party.name.is_empty() { None } else { some(&party.company) },
        lines, tax_number, registration_number => None::<String>,
        email => some(&party.email), phone => some(&party.phone), website => None::<String>,
    }
}

/// The seller is the company; its name is the heading.
fn seller(seller: &Party) -> Value {
    let named = Party { name: String::new(), ..seller.clone() };
    let lines = named.lines().into_iter().filter(|line| *line != named.company).collect::<Vec<_>>();
    let name = if seller.company.is_empty() { "Invoice".to_owned() } else { seller.company.clone() };
    context! { name, lines, ..party(&named) }
}

/// The PDF of an invoice.
pub async fn of_invoice(app: &App, id: i64, now: Timestamp) -> Result<Response> {
    let mut conn = app.db.read().await?;
    let invoice = super::find(&mut conn, id).await?;
    let terms = Terms::load(&mut conn, now).await?;
    let whole = view::load(&mut conn, invoice).await?;
    drop(conn);
    of_whole(app, &terms, &whole).await
}

/// The PDF of an invoice of which everything is known.
pub async fn of_whole(app: &App, terms: &Terms, whole: &Whole) -> Result<Response> {
    Ok(response(&format!("invoice-{}", whole.invoice.title()), invoice(app, terms, whole).await?))
}

/// The PDF of a credit note.
pub async fn of_note(app: &App, id: i64) -> Result<Response> {
    let mut conn = app.db.read().await?;
    let credited = notes::find(&mut conn, id).await?;
    let lines = notes::lines(&mut conn, id).await?;
    let invoice = super::find(&mut conn, credited.invoice_id).await?;
    let seller = parties::find(&mut conn, credited.seller_id).await?;
    let buyer = parties::find(&mut conn, credited.buyer_id).await?;
    drop(conn);
    let bytes = note(app, &credited, &lines, &invoice.title(), &seller, &buyer).await?;
    Ok(response(&format!("credit-note-{}", credited.number), bytes))
}

/// The bytes of an invoice's PDF. Rendering is computation, so it happens on a thread of its own.
async fn invoice(app: &App, terms: &Terms, whole: &Whole) -> Result<Vec<u8>> {
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).to_string();
    let overdue = view::is_overdue(invoice.status, invoice.due_on, terms.today);
    let colour = match invoice.status {
        InvoiceStatus::Paid => "paid",
        _ if overdue => "overdue",
        InvoiceStatus::Unpaid | InvoiceStatus::PaymentPending => "unpaid",
        _ => "cancelled",
    };
    let lines: Vec<Value> = whole
        .lines
        .iter()
        .map(|line| {
            let tax = if line.tax1 == 0 && line.tax2 == 0 { None } else { Some(money(line.tax1 + line.tax2)) };
            let (description, details) = match line.description.split_once('\n') {
                Some((first, rest)) => (first.to_owned(), Some(rest.to_owned())),
                None => (line.description.clone(), None),
            };
            context! {
                description, details, tax,
                period => None::<String>,
                quantity => (line.quantity != 1).then_some(line.quantity),
                unit_price => None::<String>,
                amount => money(line.net),
            }
        })
        .collect();
    let payments: Vec<Value> = whole
        .settled
        .iter()
        .filter_map(|(id, amount)| {
            let payment = whole.transactions.iter().find(|transaction| transaction.id == *id)?;
            Some(context! {
                on => payment.occurred_on.to_string(), method => &payment.gateway,
                reference => (!payment.reference.is_empty()).then_some(&payment.reference), amount => money(*amount),
            })
        })
        .chain((invoice.credit_applied != 0).then(|| {
            context! { on => "", method => "Credit", reference => None::<String>, amount => money(invoice.credit_applied) }
        }))
        .chain(whole.notes.iter().map(|note| {
            context! {
                on => note.issued_on.to_string(), method => "Credit note", reference => &note.number,
                amount => money(note.total),
            }
        }))
        .collect();
    let paid = invoice.total.saturating_sub(invoice.balance);
    let pay_to: Vec<String> = terms.settings.text(&settings::PAY_TO).lines().map(str::to_owned).collect();
    let payment =
        (invoice.is_open() && !pay_to.is_empty()).then(|| context! { instructions => pay_to, link => None::<String> });
    let title = if invoice.status == InvoiceStatus::Draft { "Draft invoice" } else { "Invoice" };
    let values = context! {
        language => "en", direction => "ltr", words => words(), title,
        number => invoice.title(),
        status => colour,
        status_text => view::shown(invoice.status, invoice.due_on, terms.today),
        issued_on => invoice.issued_on.map(|on| on.to_string()).unwrap_or_default(),
        due_on => invoice.due_on.to_string(),
        reference => None::<String>, logo => None::<String>,
        seller => seller(if invoice.seller_id.is_some() { &whole.seller } else { &terms.seller }),
        buyer => party(&whole.buyer),
        lines, payments, payment,
        adjustments => Vec::<String>::new(),
        subtotal => money(invoice.subtotal),
        taxes => whole.taxes().iter().map(|tax| context! {
            name => &tax.name, rate => &tax.rate, base => tax.base.to_string(), amount => tax.amount.to_string(),
        }).collect::<Vec<_>>(),
        tax_note => view::tax_note(whole.lines.iter().map(|line| line.tax_category)),
        total => money(invoice.total),
        paid => (paid != 0).then(|| money(paid)),
        balance => money(invoice.balance),
        notes => invoice.notes.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>(),
        footer => Vec::<String>::new(),
    };
    let title = format!("{title} {}", invoice.title());
    print(app, values, title, invoice.created_at).await
}

/// The bytes of a credit note's PDF.
async fn note(
    app: &App,
    note: &CreditNote,
    lines: &[NoteLine],
    invoice_title: &str,
    from: &Party,
    to: &Party,
) -> Result<Vec<u8>> {
    let money = |minor: i64| note.money(minor).to_string();
    let values = context! {
        language => "en", direction => "ltr", words => words(), title => "Credit note",
        number => &note.number, status => "cancelled", status_text => "Credit",
        issued_on => note.issued_on.to_string(), due_on => None::<String>,
        reference => format!("Invoice {invoice_title}"), logo => None::<String>,
        seller => seller(from), buyer => party(to),
        lines => lines.iter().map(|line| context! {
            description => &line.description, details => None::<String>, period => None::<String>,
            quantity => None::<i64>, unit_price => None::<String>,
            tax => (line.tax1 != 0 || line.tax2 != 0).then(|| money(line.tax1 + line.tax2)),
            amount => money(line.net),
        }).collect::<Vec<_>>(),
        adjustments => Vec::<String>::new(), payments => Vec::<String>::new(), payment => None::<String>,
        subtotal => money(note.subtotal),
        taxes => [note.tax1, note.tax2].iter().filter(|tax| **tax != 0).map(|tax| context! {
            name => "Tax", rate => "", base => money(note.subtotal), amount => money(*tax),
        }).collect::<Vec<_>>(),
        tax_note => view::tax_note(lines.iter().map(|line| line.tax_category)),
        total => money(note.total), paid => None::<String>, balance => money(note.total),
        notes => Some(note.reason.clone()).filter(|reason| !reason.is_empty()).into_iter().collect::<Vec<_>>(),
        footer => Vec::<String>::new(),
    };
    print(app, values, format!("Credit note {}", note.number), note.created_at).await
}

async fn print(app: &App, values: Value, title: String, created_at: Timestamp) -> Result<Vec<u8>> {
    let html = app.templates.render(TEMPLATE, values)?;
    let task = tokio::task::spawn_blocking(move || {
        pdf::render(&pdf::Document {
            html: &html,
            title: &title,
            language: "en",
            paper: pdf::Paper::A4,
            created: created_at.micros().div_euclid(1_000_000),
            attachments: &[],
        })
    });
    match task.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error @ (pdf::PdfError::Broken(_) | pdf::PdfError::Font(_)))) => {
            Err(Error::broken(format!("pdf: {error}")))
        }
        Ok(Err(error)) => Err(Error::refused(error.to_string())),
        Err(panic) => Err(Error::broken(format!("pdf: {panic}"))),
    }
}

/// The file as an answer that browsers show. Document numbers are ASCII, so the name needs no encoding.
fn response(name: &str, bytes: Vec<u8>) -> Response {
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let disposition = HeaderValue::from_str(&format!("inline; filename=\"{safe}.pdf\""))
        .unwrap_or(HeaderValue::from_static("inline"));
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        bytes,
    )
        .into_response()
}
