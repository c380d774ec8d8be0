//! Invoices in the staff area: the list, the record, drafts, and what may be done with an issued invoice.

use std::collections::BTreeMap;

use accounts::activity_log;
use accounts::clients::{self, Client, Locked};
use accounts::company;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Date, Error, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::web::lists::{self, COUNT_LIMIT, Order, PAGE_SIZE, grouped};
use platform::web::{Fail, Form};
use platform::{jobs, mail};

use super::drafts::{self, DraftEdit, NewDraft};
use super::listing::{self, Choices, FILTERS, Filter, Listed, SORTS, Search};
use super::view::{self, Whole};
use super::{CREATE, DELETE, Invoice, InvoiceStatus, LIST, MANAGE, NewLine, Tell, mail as mails, pay_links, pdf};
use crate::captures::{self, AttemptState};
use crate::credits;
use crate::notes::{self, Selection};
use crate::once;
use crate::terms::Terms;

const SECTION: &str = "billing";
const PAGE: &str = "/admin/invoices";
/// So many invoices are changed in one step.
const BULK: usize = 500;
/// Rows of a CSV file.
const CSV: i64 = 100_000;

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LIST, index)
        .post(PAGE, CREATE, create)
        .get("/admin/invoices/new", CREATE, new_page)
        .post("/admin/invoices/bulk", MANAGE, bulk)
        .post("/admin/invoices/bulk/do", MANAGE, bulk_do)
        .get("/admin/invoices/{id}", LIST, show)
        .get("/admin/invoices/{id}/pdf", LIST, print)
        .get("/admin/invoices/{id}/edit", MANAGE, edit_page)
        .post("/admin/invoices/{id}/edit", MANAGE, edit)
        .post("/admin/invoices/{id}/change", MANAGE, change)
        .post("/admin/invoices/{id}/publish", MANAGE, publish)
        .get("/admin/invoices/{id}/cancel", MANAGE, cancel_page)
        .post("/admin/invoices/{id}/cancel", MANAGE, cancel)
        .post("/admin/invoices/{id}/delete", DELETE, delete)
        .post("/admin/invoices/{id}/resend", MANAGE, resend)
        .post("/admin/invoices/{id}/pay-link", MANAGE, make_link)
}

fn href(id: i64) -> String {
    format!("/admin/invoices/{id}")
}

fn option(value: &str, label: &str) -> Value {
    context! { value, label }
}

const STATUSES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("unpaid", "Unpaid"),
    ("overdue", "Overdue"),
    ("payment_pending", "Payment pending"),
    ("paid", "Paid"),
    ("cancelled", "Cancelled"),
    ("refunded", "Refunded"),
    ("collections", "Collections"),
];

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let today = cx.now.date_in(&zone);
    let choices = listing::choices(&mut conn).await?;
    let mut errors = FieldErrors::default();
    let filter = match Filter::parse(&request.form, choices.base) {
        Ok(filter) => filter,
        // The list without the filter that makes no sense, and the reason on top.
        Err(Error::Invalid(found)) => {
            errors = found;
            Filter::default()
        }
        Err(other) => return Err(Fail(other)),
    };
    let search = Search::new(&mut conn, filter, today).await?;
    let order = listing::order_by(&request);
    if request.csv {
        errors.check()?;
        let rows = search.page(&mut conn, &order, CSV, 0).await?;
        return Ok(lists::csv_response(
            "invoices",
            &[
                "Id",
                "Number",
                "Client id",
                "Client",
                "Status",
                "Issued",
                "Due",
                "Gateway",
                "Currency",
                "Total",
                "Balance",
            ],
            rows.iter().map(|row| csv_row(row, today)).collect(),
        )?);
    }
    let total = search.count(&mut conn).await?;
    let rows = search.page(&mut conn, &order, PAGE_SIZE, request.offset()).await?;
    drop(conn);
    let filtered = FILTERS.iter().any(|name| !request.filter(name).is_empty());
    let typed: BTreeMap<&str, String> = FILTERS.iter().map(|name| (*name, request.filter(name).to_owned())).collect();
    let shown: Vec<Value> = rows.iter().map(|row| list_row(row, today, &choices)).collect();
    let values = context! {
        list => request.view(total, rows.len()),
        filter => typed,
        clear => if filtered { PAGE } else { "" },
        over => total > COUNT_LIMIT,
        statuses => STATUSES.iter().map(|(value, label)| option(value, label)).collect::<Vec<_>>(),
        gateways => gateway_options(&choices),
        currencies => choices.currencies.iter().map(|code| option(code.code(), code.code())).collect::<Vec<_>>(),
        rows => shown,
    };
    if errors.is_empty() {
        cx.page("billing/invoices/list.html", SECTION, "Invoices", context! { errors => error_list(&errors), ..values })
    } else {
        cx.again("billing/invoices/list.html", SECTION, "Invoices", &errors, values)
    }
}

fn gateway_options(choices: &Choices) -> Vec<Value> {
    choices.gateways.iter().map(|(name, label)| option(name, label)).collect()
}

fn gateway_name(choices: &Choices, name: &str) -> String {
    choices.gateways.iter().find(|(known, _)| known == name).map_or_else(|| name.to_owned(), |(_, label)| label.clone())
}

fn list_row(row: &Listed, today: Date, choices: &Choices) -> Value {
    context! {
        id => row.id,
        href => href(row.id),
        number => row.title(),
        client => row.client(),
        client_href => format!("/admin/clients/{}", row.client_id),
        issued => row.issued_on.map(|on| on.to_string()).unwrap_or_default(),
        due => row.due_on.to_string(),
        gateway => gateway_name(choices, &row.gateway),
        status => view::shown(row.status, row.due_on, today),
        total => Money::new(row.total, row.currency).to_string(),
        balance => Money::new(row.balance, row.currency).to_string(),
        settled => row.balance == 0,
    }
}

fn csv_row(row: &Listed, today: Date) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.number.clone().unwrap_or_default(),
        row.client_id.to_string(),
        row.client(),
        view::shown(row.status, row.due_on, today).to_owned(),
        row.issued_on.map(|on| on.to_string()).unwrap_or_default(),
        row.due_on.to_string(),
        row.gateway.clone(),
        row.currency.to_string(),
        Money::new(row.total, row.currency).decimal(),
        Money::new(row.balance, row.currency).decimal(),
    ]
}

/// How many empty lines a form begins with, and how many a press of "add row" adds.
const ROWS: usize = 3;

/// A line as it was typed.
#[derive(Clone, Default)]
struct Row {
    description: String,
    amount: String,
    taxed: bool,
}

fn rows_of(form: &Form) -> Vec<Row> {
    let descriptions: Vec<&str> = form.all("description").collect();
    let amounts: Vec<&str> = form.all("amount").collect();
    let taxed: Vec<&str> = form.all("taxed").collect();
    descriptions
        .iter()
        .zip(&amounts)
        .enumerate()
        .map(|(index, (description, amount))| Row {
            description: (*description).to_owned(),
            amount: (*amount).to_owned(),
            taxed: taxed.contains(&index.to_string().as_str()),
        })
        .collect()
}

fn lines_of(rows: &[Row], client: &Client, errors: &mut FieldErrors) -> Vec<NewLine> {
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if row.description.is_empty() && row.amount.is_empty() {
            continue;
        }
        let amount = errors.take(&format!("amount{index}"), Money::parse(&row.amount, client.currency));
        if row.description.is_empty() {
            errors.add(format!("description{index}"), "Say what the line is for.");
        }
        if let Some(amount) = amount {
            lines.push(NewLine::item(row.description.clone(), amount, row.taxed));
        }
    }
    lines
}

/// What stands in the form of a draft.
struct Typed {
    due_on: String,
    gateway: String,
    notes: String,
    rows: Vec<Row>,
}

impl Typed {
    fn of(form: &Form) -> Typed {
        Typed {
            due_on: form.text("due_on").to_owned(),
            gateway: form.text("gateway").to_owned(),
            notes: form.raw("notes").unwrap_or_default().to_owned(),
            rows: rows_of(form),
        }
    }
}

/// The form of a new invoice or a draft, as typed, with what is wrong.
async fn form_page(
    cx: &AdminCx,
    client: &Client,
    draft: Option<i64>,
    typed: Typed,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let choices = listing::choices(&mut conn).await?;
    drop(conn);
    let title = match draft {
        Some(id) => format!("Edit draft {id}"),
        None => format!("New invoice for {}", client.display_name()),
    };
    let action = draft.map_or_else(|| PAGE.to_owned(), |id| format!("{}/edit", href(id)));
    // Errors of the rules name lines as APIs do; the form's fields are called otherwise.
    let mut shown = FieldErrors::default();
    for (field, message) in errors.iter() {
        let renamed = field.strip_prefix("lines[").and_then(|rest| {
            let (index, name) = rest.split_once("].")?;
            Some(format!("{name}{index}"))
        });
        shown.add(renamed.unwrap_or_else(|| field.to_owned()), message);
    }
    let rows: Vec<Value> = typed
        .rows
        .iter()
        .map(|row| context! { description => &row.description, amount => &row.amount, taxed => row.taxed })
        .collect();
    let values = context! {
        client => context! { id => client.id, name => client.display_name(), currency => client.currency.code() },
        draft, action,
        cancel => draft.map_or_else(|| format!("/admin/clients/{}", client.id), href),
        due_on => typed.due_on, gateway => typed.gateway, notes => typed.notes, rows,
        gateways => gateway_options(&choices),
    };
    if shown.is_empty() {
        let values = context! { errors => error_list(&shown), ..values };
        cx.page("billing/invoices/form.html", SECTION, &title, values)
    } else {
        cx.again("billing/invoices/form.html", SECTION, &title, &shown, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let form = cx.params()?;
    let Some(text) = nonempty(form.text("client")) else {
        return cx.page(
            "billing/invoices/choose.html",
            SECTION,
            "New invoice",
            context! { errors => Vec::<i64>::new() },
        );
    };
    let id = text.trim_start_matches('#').parse::<i64>().unwrap_or(0);
    let mut conn = cx.app.db.read().await?;
    let client = match clients::find(&mut conn, id).await {
        Ok(client) => client,
        Err(Error::NotFound(_)) => {
            let mut errors = FieldErrors::default();
            errors.add("client", "There is no client with this id.");
            return cx.again("billing/invoices/choose.html", SECTION, "New invoice", &errors, context! {});
        }
        Err(other) => return Err(Fail(other)),
    };
    let terms = Terms::load(&mut conn, cx.now).await?;
    let due_on = terms.today.plus_days(terms.lead.global).unwrap_or(terms.today).to_string();
    let gateway = drafts::gateway_for(&mut conn, &client, None).await?;
    drop(conn);
    let typed =
        Typed { due_on, gateway, notes: String::new(), rows: vec![Row { taxed: true, ..Row::default() }; ROWS] };
    form_page(&cx, &client, None, typed, &FieldErrors::default()).await
}

/// Adds rows to the form without saving, for browsers without scripts.
fn with_more_rows(mut typed: Typed) -> Typed {
    typed.rows.extend(vec![Row { taxed: true, ..Row::default() }; ROWS]);
    typed
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let form = cx.form.clone();
    let mut errors = FieldErrors::default();
    let client_id = form.id("client", &mut errors);
    errors.check()?;
    let mut tx = cx.app.db.write().await?;
    let client = clients::find(&mut tx, client_id).await?;
    let typed = Typed::of(&form);
    if form.text("do") == "row" {
        drop(tx);
        return form_page(&cx, &client, None, with_more_rows(typed), &FieldErrors::default()).await;
    }
    let mut errors = FieldErrors::default();
    let lines = lines_of(&typed.rows, &client, &mut errors);
    let due_on = nonempty(&typed.due_on).and_then(|text| errors.take("due_on", Date::parse(text)));
    let new = NewDraft {
        client_id,
        due_on,
        gateway: nonempty(&typed.gateway).map(str::to_owned),
        notes: typed.notes.clone(),
        lines,
        source: "staff".to_owned(),
        ..NewDraft::default()
    };
    let done = async {
        errors.check()?;
        let terms = Terms::load(&mut tx, cx.now).await?;
        let mut locked = clients::lock(&mut tx, client_id).await?;
        match form.text("do") {
            how @ ("publish" | "send") => {
                let tell = if how == "send" { Tell::Client } else { Tell::Nobody };
                let issued = drafts::create_and_publish(&mut locked, &cx.actor, &terms, new, tell).await?;
                Ok((issued.id, format!("Invoice {} issued", issued.number)))
            }
            _ => {
                let id = drafts::create_draft(&mut locked, &cx.actor, &terms, new).await?;
                Ok((id, format!("Draft {id} saved")))
            }
        }
    };
    match done.await {
        Ok((id, words)) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            Ok(Redirect::to(href(id)).saying(words).into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            form_page(&cx, &client, None, typed, &errors).await
        }
        Err(Error::Refused(text)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("", text);
            form_page(&cx, &client, None, typed, &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn draft_of(cx: &AdminCx, id: i64) -> Result<(Invoice, Client, Vec<Row>)> {
    let mut conn = cx.app.db.read().await?;
    let invoice = super::find(&mut conn, id).await?;
    if invoice.status != InvoiceStatus::Draft {
        return Err(Error::refused(super::IMMUTABLE));
    }
    let client = clients::find(&mut conn, invoice.client_id).await?;
    let rows = super::lines(&mut conn, id)
        .await?
        .into_iter()
        .map(|line| Row {
            amount: invoice.money(line.amount).decimal(),
            description: line.description,
            taxed: line.taxed,
        })
        .collect();
    Ok((invoice, client, rows))
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let (invoice, client, rows) = match draft_of(&cx, id).await {
        Err(Error::Refused(text)) => return Ok(Redirect::to(href(id)).refusing(text).into_response()),
        found => found?,
    };
    let typed = Typed { due_on: invoice.due_on.to_string(), gateway: invoice.gateway, notes: invoice.notes, rows };
    form_page(&cx, &client, Some(id), with_one_row(typed), &FieldErrors::default()).await
}

fn with_one_row(mut typed: Typed) -> Typed {
    typed.rows.push(Row { taxed: true, ..Row::default() });
    typed
}

async fn edit(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let (_, client, _) = match draft_of(&cx, id).await {
        Err(Error::Refused(text)) => return Ok(Redirect::to(href(id)).refusing(text).into_response()),
        found => found?,
    };
    let typed = Typed::of(&cx.form);
    if cx.form.text("do") == "row" {
        return form_page(&cx, &client, Some(id), with_more_rows(typed), &FieldErrors::default()).await;
    }
    let mut errors = FieldErrors::default();
    let lines = lines_of(&typed.rows, &client, &mut errors);
    let due_on = errors.take("due_on", Date::parse(&typed.due_on));
    let edit = DraftEdit {
        due_on,
        gateway: nonempty(&typed.gateway).map(str::to_owned),
        notes: Some(typed.notes.clone()),
        lines: Some(lines),
        rates: None,
    };
    let mut tx = cx.app.db.write().await?;
    let done = async {
        errors.check()?;
        let terms = Terms::load(&mut tx, cx.now).await?;
        let mut locked = clients::lock(&mut tx, client.id).await?;
        drafts::edit_draft(&mut locked, &cx.actor, &terms, id, edit).await
    };
    match done.await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Redirect::to(href(id)).saying(format!("Draft {id} saved")).into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            form_page(&cx, &client, Some(id), typed, &errors).await
        }
        Err(Error::Refused(text)) => Ok(Redirect::to(href(id)).refusing(text).into_response()),
        Err(other) => Err(Fail(other)),
    }
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let today = cx.now.date_in(&zone);
    let invoice = super::find(&mut conn, id).await?;
    let client = clients::find(&mut conn, invoice.client_id).await?;
    let choices = listing::choices(&mut conn).await?;
    let whole = view::load(&mut conn, invoice).await?;
    let left =
        if whole.invoice.status == InvoiceStatus::Draft { Vec::new() } else { notes::left(&mut conn, id).await? };
    let attempts = captures::of_invoice(&mut conn, id).await?;
    let subject = format!("invoice:{id}");
    let sent = mail::about(&mut conn, &subject).await?;
    let waiting = jobs::about(&mut conn, &subject).await?;
    let activity = activity_log::about(&mut conn, &subject).await?;
    let credit = credits::balance(&mut conn, client.id, client.currency).await?;
    drop(conn);
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).to_string();
    let clock = |at: kernel::Timestamp| company::clock(at, &zone);
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
    let cards = attempts.iter().map(|attempt| {
        context! {
            at => clock(attempt.started_at), instant => attempt.started_at.to_string(),
            gateway => gateway_name(&choices, &attempt.gateway), state => attempt_word(attempt.state),
            amount => Money::new(attempt.amount, attempt.currency).to_string(), reason => &attempt.reason,
            external => attempt.external_id.clone().unwrap_or_default(),
        }
    });
    let messages = sent.iter().map(|sent| {
        context! {
            title => &sent.title, to => &sent.recipient, state => mail_word(sent.state),
            error => sent.error.clone().unwrap_or_default(), at => clock(sent.created_at),
            instant => sent.created_at.to_string(),
        }
    });
    let work = waiting.iter().filter(|job| job.state != jobs::JobState::Done).map(|job| {
        context! {
            kind => &job.kind, state => job.state.as_str(), error => job.last_error.clone().unwrap_or_default(),
            at => clock(job.run_at),
        }
    });
    let events = activity.iter().map(|entry| {
        let changed: Vec<String> = entry.changes().into_iter().map(|change| change.field).collect();
        let text = if changed.is_empty() {
            entry.description.clone()
        } else {
            format!("{}: {}", entry.description, changed.join(", "))
        };
        context! { when => clock(entry.at), instant => entry.at.to_string(), who => &entry.actor_name, text }
    });
    let title = if draft { format!("Draft {id}") } else { format!("Invoice {}", invoice.title()) };
    let values = context! {
        id, draft, open,
        settled => matches!(invoice.status, InvoiceStatus::Paid | InvoiceStatus::Cancelled | InvoiceStatus::Refunded),
        cancellable => !matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Cancelled | InvoiceStatus::Refunded),
        status => view::shown(invoice.status, invoice.due_on, today),
        overdue_days => if view::is_overdue(invoice.status, invoice.due_on, today) { invoice.due_on.days_until(today) } else { 0 },
        client => context! { id => client.id, name => client.display_name(), email => &client.email },
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
        chargeable => invoice.status == InvoiceStatus::Unpaid && invoice.balance > 0,
        usable => usable.is_positive().then(|| usable.decimal()), credit => credit.to_string(),
        attempts => cards.collect::<Vec<_>>(),
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
    }
}

async fn print(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let invoice = super::find(&mut conn, id).await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let whole = view::load(&mut conn, invoice).await?;
    drop(conn);
    let bytes = pdf::invoice(&cx.app, &terms, &whole).await?;
    Ok(pdf::response(&format!("invoice-{}", whole.invoice.title()), bytes))
}

/// What staff do with one invoice.
enum Deed {
    Publish(Tell),
    Cancel(String),
    Delete,
    Credit(Selection, String),
    Waive,
    Change { gateway: Option<String>, notes: Option<String> },
    Resend,
}

async fn perform(cx: &AdminCx, tx: &mut Locked<'_>, terms: &Terms, id: i64, deed: Deed) -> Result<String> {
    let by = &cx.actor;
    match deed {
        Deed::Publish(tell) => {
            let issued = drafts::publish(tx, by, terms, id, tell).await?;
            Ok(format!("Invoice {} of {} issued", issued.number, issued.total))
        }
        Deed::Cancel(reason) => match notes::cancel(tx, by, terms, id, &reason).await? {
            Some(noted) => Ok(noted_words("Cancelled", &noted)),
            None => Ok("Cancelled".to_owned()),
        },
        Deed::Delete => {
            drafts::delete_draft(tx, by, terms, id).await?;
            Ok(format!("Draft {id} deleted"))
        }
        Deed::Credit(selection, reason) => {
            cx.staff.require(notes::CREATE)?;
            let noted = notes::credit(tx, by, terms, id, &selection, &reason).await?;
            Ok(noted_words("Credited", &noted))
        }
        Deed::Waive => {
            cx.staff.require(notes::CREATE)?;
            let noted = notes::waive_balance(tx, by, terms, id, "Balance called off").await?;
            Ok(noted_words("Paid", &noted))
        }
        Deed::Change { gateway, notes } => {
            drafts::change(tx, by, terms, id, gateway.as_deref(), notes.as_deref()).await?;
            Ok("Saved".to_owned())
        }
        Deed::Resend => {
            mails::send_again(tx, id, terms.now).await?;
            Ok("The mail is on its way".to_owned())
        }
    }
}

fn noted_words(what: &str, noted: &notes::Noted) -> String {
    if noted.to_credit.is_positive() {
        format!("{what} by credit note {} of {}; {} became credit", noted.number, noted.total, noted.to_credit)
    } else {
        format!("{what} by credit note {} of {}", noted.number, noted.total)
    }
}

/// Locks the invoice's client, acts, commits, and goes back with what happened.
async fn act(cx: &AdminCx, id: i64, deed: Deed) -> Result<Redirect, Fail> {
    let gone = matches!(deed, Deed::Delete);
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let seen = super::find(&mut tx, id).await?;
        let gone = gone || (matches!(deed, Deed::Cancel(_)) && seen.status == InvoiceStatus::Draft);
        let terms = Terms::load(&mut tx, cx.now).await?;
        let words = {
            let mut locked = clients::lock(&mut tx, seen.client_id).await?;
            perform(cx, &mut locked, &terms, id, deed).await?
        };
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(if gone { PAGE.to_owned() } else { href(id) }).saying(words))
    };
    or_back(done.await, &href(id))
}

async fn publish(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let tell = if cx.form.text("do") == "send" { Tell::Client } else { Tell::Nobody };
    act(&cx, id, Deed::Publish(tell)).await
}

async fn cancel(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Cancel(cx.form.text("reason").to_owned())).await
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Delete).await
}

async fn change(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let notes = cx.form.raw("notes").map(|notes| notes.replace("\r\n", "\n"));
    let gateway = nonempty(cx.form.text("gateway")).map(str::to_owned);
    act(&cx, id, Deed::Change { gateway, notes }).await
}

async fn resend(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Resend).await
}

/// Credits ticked lines, an amount, or the rest: the form on the invoice's page.
pub(crate) async fn credit(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let reason = cx.form.text("reason").to_owned();
    let ids: Vec<i64> = cx.form.all("line").filter_map(|id| id.parse().ok()).collect();
    let amount = nonempty(cx.form.text("amount")).map(str::to_owned);
    let selection = async {
        match (cx.form.text("do"), amount) {
            ("waive", _) => Ok(None),
            (_, Some(text)) => {
                let invoice = super::find(&mut cx.app.db.read().await?, id).await?;
                Ok(Some(Selection::Amount(Money::parse(&text, invoice.currency)?)))
            }
            (_, None) if ids.is_empty() => Err(Error::refused("Tick the lines to credit, or write an amount.")),
            (_, None) => Ok(Some(Selection::Lines(ids))),
        }
    };
    match selection.await {
        Ok(Some(selection)) => act(&cx, id, Deed::Credit(selection, reason)).await,
        Ok(None) => act(&cx, id, Deed::Waive).await,
        Err(error) => or_back(Err(error), &href(id)),
    }
}

async fn make_link(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let link = pay_links::make(&mut tx, &cx.app, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(href(id)).saying(format!("Send this link to the client; it is shown once: {link}")))
    };
    or_back(done.await, &href(id))
}

async fn cancel_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let invoice = super::find(&mut conn, id).await?;
    let left: i64 = notes::left(&mut conn, id).await?.iter().map(|left| left.gross()).sum();
    drop(conn);
    let money = |minor: i64| invoice.money(minor).to_string();
    let to_credit = left.saturating_sub(invoice.balance).max(0);
    let mut facts = vec![("Credit note over".to_owned(), money(left))];
    facts.push(("No longer owed".to_owned(), money(left.min(invoice.balance))));
    if to_credit > 0 {
        facts.push(("Paid already, becomes the client's credit".to_owned(), money(to_credit)));
    }
    let values = context! {
        facts, action => format!("{}/cancel", href(id)), cancel => href(id), label => "Cancel the invoice",
        hidden => Vec::<i64>::new(), id, reason => true,
    };
    cx.page("billing/invoices/confirm.html", SECTION, &format!("Cancel invoice {}", invoice.title()), values)
}

/// What may be done with many: publish drafts, cancel.
fn bulk_word(deed: &str) -> Option<(&'static str, &'static str)> {
    match deed {
        "publish" => Some(("publish", "Publish")),
        "cancel" => Some(("cancel", "Cancel")),
        _ => None,
    }
}

fn fits(deed: &str, status: InvoiceStatus) -> bool {
    match deed {
        "publish" => status == InvoiceStatus::Draft,
        _ => matches!(
            status,
            InvoiceStatus::Unpaid | InvoiceStatus::PaymentPending | InvoiceStatus::Collections | InvoiceStatus::Draft
        ),
    }
}

/// The page that says in numbers what would happen to the ticked rows, or to all that the filter matches.
async fn bulk(cx: AdminCx) -> Result<Response, Fail> {
    let back = if cx.query.is_empty() { PAGE.to_owned() } else { format!("{PAGE}?{}", cx.query) };
    let Some((deed, word)) = bulk_word(cx.form.text("do")) else {
        return Ok(Redirect::to(back).refusing("Choose what to do with the ticked invoices.").into_response());
    };
    let mut conn = cx.app.db.read().await?;
    let ids: Vec<i64> = if cx.form.ticked("all") {
        let zone = company::zone(&mut conn).await?;
        let choices = listing::choices(&mut conn).await?;
        let filter = Filter::parse(&cx.params()?, choices.base)?;
        let search = Search::new(&mut conn, filter, cx.now.date_in(&zone)).await?;
        search.ids(&mut conn, i64::try_from(BULK + 1).unwrap_or(i64::MAX)).await?
    } else {
        cx.form.all("id").filter_map(|id| id.parse().ok()).collect()
    };
    if ids.is_empty() {
        return Ok(Redirect::to(back).warning("Tick the invoices first.").into_response());
    }
    if ids.len() > BULK {
        let refusal = format!("At most {BULK} invoices at a time. Narrow the filter.");
        return Ok(Redirect::to(back).refusing(refusal).into_response());
    }
    let found: Vec<(i64, InvoiceStatus, kernel::Currency, i64)> = conn
        .all(
            "SELECT id, status, currency, CASE WHEN status = 'draft' THEN total ELSE balance END FROM invoices \
             WHERE id IN $1[] ORDER BY id",
            platform::params![ids],
        )
        .await?;
    drop(conn);
    let chosen: Vec<i64> = found.iter().filter(|(_, status, ..)| fits(deed, *status)).map(|(id, ..)| *id).collect();
    let mut sums: Vec<Money> = Vec::new();
    for (_, _, currency, amount) in found.iter().filter(|(_, status, ..)| fits(deed, *status)) {
        match sums.iter_mut().find(|sum| sum.currency == *currency) {
            Some(sum) => sum.minor = sum.minor.saturating_add(*amount),
            None => sums.push(Money::new(*amount, *currency)),
        }
    }
    let number = |count: usize| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let mut facts = vec![(format!("{word} invoices"), number(chosen.len()))];
    for sum in sums {
        facts.push(("In all".to_owned(), sum.to_string()));
    }
    if found.len() > chosen.len() {
        facts.push((
            "Left as they are, because their status does not allow it".to_owned(),
            number(found.len() - chosen.len()),
        ));
    }
    let ids = chosen.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let values = context! {
        facts, action => "/admin/invoices/bulk/do", cancel => back,
        label => format!("{word} {} invoices", number(chosen.len())),
        hidden => vec![("ids", ids), ("do", deed.to_owned())], id => None::<i64>, reason => false,
    };
    cx.page("billing/invoices/confirm.html", SECTION, &format!("{word} invoices"), values)
}

async fn bulk_do(cx: AdminCx) -> Result<Redirect, Fail> {
    let ids: Vec<i64> = cx.form.text("ids").split(',').filter_map(|id| id.parse().ok()).collect();
    let Some((deed, _)) = bulk_word(cx.form.text("do")) else {
        return Ok(Redirect::to(PAGE).refusing("Choose what to do with the invoices."));
    };
    if ids.is_empty() || ids.len() > BULK {
        return Ok(Redirect::to(PAGE).refusing("Tick the invoices first."));
    }
    let mut done = 0;
    let mut refused = Vec::new();
    for id in ids {
        match one_of_many(&cx, id, deed).await {
            Ok(()) => done += 1,
            // A second click finds everything done already; what a rule refuses is told, the rest goes on.
            Err(error @ (Error::Refused(_) | Error::Invalid(_) | Error::NotFound(_))) => {
                refused.push(format!("{id}: {error}"));
            }
            Err(other) => return Err(Fail(other)),
        }
    }
    cx.app.wake.notify_waiters();
    let words = if done == 1 { "One invoice done.".to_owned() } else { format!("{done} invoices done.") };
    Ok(match refused.first() {
        None => Redirect::to(PAGE).saying(words),
        Some(first) => Redirect::to(PAGE).warning(format!("{words} {} refused, the first: {first}", refused.len())),
    })
}

/// Each in a transaction of its own: one that is refused keeps no other from being done.
async fn one_of_many(cx: &AdminCx, id: i64, deed: &str) -> Result<()> {
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    {
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        if deed == "publish" {
            drafts::publish(&mut locked, &cx.actor, &terms, id, Tell::Nobody).await?;
        } else {
            notes::cancel(&mut locked, &cx.actor, &terms, id, "").await?;
        }
    }
    tx.commit().await
}
