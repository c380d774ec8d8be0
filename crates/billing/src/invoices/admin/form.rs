//! The form of a draft, new or written before.

use accounts::clients::{self, Client};
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::{IntoResponse, Response};
use kernel::{Date, Error, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{PAGE, SECTION, gateway_options, href};
use crate::invoices::drafts::{self, DraftEdit, NewDraft};
use crate::invoices::{self, Invoice, InvoiceStatus, NewLine, Tell, listing};
use crate::terms::Terms;

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
        let own = if field == "client_id" { "client" } else { field };
        shown.add(renamed.unwrap_or_else(|| own.to_owned()), message);
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

pub(super) async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let form = cx.params()?;
    let Some(text) = nonempty(form.text("client")) else {
        return clients::choose::page(&cx, SECTION, "New invoice", ("Invoices", PAGE)).await;
    };
    let id = text.trim_start_matches('#').parse::<i64>().unwrap_or(0);
    let mut conn = cx.app.db.read().await?;
    let client = match clients::find(&mut conn, id).await {
        Ok(client) => client,
        Err(Error::NotFound(_)) => {
            drop(conn);
            return clients::choose::page(&cx, SECTION, "New invoice", ("Invoices", PAGE)).await;
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

pub(super) async fn create(cx: AdminCx) -> Result<Response, Fail> {
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
    let invoice = invoices::find(&mut conn, id).await?;
    if invoice.status != InvoiceStatus::Draft {
        return Err(Error::refused(invoices::IMMUTABLE));
    }
    let client = clients::find(&mut conn, invoice.client_id).await?;
    let rows = invoices::lines(&mut conn, id)
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

pub(super) async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
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

pub(super) async fn edit(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
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
