//! Correcting a transaction in the staff area: the form of what may change, and the page that asks before it is voided.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{DELETE, EDIT, TransactionEdit};
use crate::payments::{self, Transaction, store};
use crate::view::day;

const SECTION: &str = "billing";
const FORM: &str = "billing/payments/corrections/form.html";
const FIELDS: [&str; 3] = ["reference", "date", "description"];

pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/transactions/{id}/edit", EDIT, edit_page)
        .post("/admin/transactions/{id}/edit", EDIT, edit)
        .get("/admin/transactions/{id}/void", DELETE, void_page)
        .post("/admin/transactions/{id}/void", DELETE, void)
}

fn href(id: i64) -> String {
    format!("/admin/transactions/{id}")
}

fn stored(transaction: &Transaction) -> Form {
    Form::from_pairs(vec![
        ("reference".to_owned(), transaction.reference.clone()),
        ("date".to_owned(), transaction.occurred_on.to_string()),
        ("description".to_owned(), transaction.description.clone()),
    ])
}

async fn form_page(cx: &AdminCx, id: i64, typed: Option<&Form>, wrong: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let transaction = payments::find(&mut conn, id).await?;
    let reported = super::is_reported(&mut conn, id).await?;
    drop(conn);
    let shown = typed.cloned().unwrap_or_else(|| stored(&transaction));
    let values = context! {
        action => format!("{}/edit", href(id)),
        cancel => href(id),
        id, reported,
        v => Value::from_pairs(FIELDS.map(|name| (name, shown.text(name).to_owned()))),
    };
    let title = format!("Edit transaction #{id}");
    if wrong.is_empty() {
        cx.page(FORM, SECTION, &title, context! { errors => error_list(wrong), ..values })
    } else {
        cx.again(FORM, SECTION, &title, wrong, values)
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    form_page(&cx, id, None, &FieldErrors::default()).await
}

fn written(form: &Form) -> Result<TransactionEdit> {
    let mut errors = FieldErrors::default();
    let text = |name: &str| form.raw(name).map(str::to_owned);
    let edit = TransactionEdit {
        reference: text("reference"),
        occurred_on: form.raw("date").and_then(|text| errors.take("date", day(text.trim()))),
        description: text("description"),
        rate: None,
    };
    errors.check()?;
    Ok(edit)
}

async fn edit(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let done = async { super::edit(&mut tx, &cx.actor, id, written(&cx.form)?, cx.now).await };
    let mut wrong = FieldErrors::default();
    match done.await {
        Ok(_) => {
            tx.commit().await?;
            return Ok(Redirect::to(href(id)).saying("The transaction was changed").into_response());
        }
        Err(Error::Invalid(errors)) => wrong = errors,
        Err(Error::Conflict(_)) => wrong.add("reference", "Another transaction has this reference already."),
        Err(Error::Refused(text)) => wrong.add("", text),
        Err(other) => return Err(Fail(other)),
    }
    tx.rollback().await?;
    form_page(&cx, id, Some(&cx.form), &wrong).await
}

async fn void_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let transaction = payments::find(&mut conn, id).await?;
    let allocations = store::allocations(&mut conn, id).await?;
    let to_credit = store::to_credit(&mut conn, id).await?;
    drop(conn);
    let money = |minor: i64| Money::new(minor, transaction.currency).to_string();
    let gross = transaction.amount_in.saturating_sub(transaction.amount_out);
    let mut facts = vec![("Taken back".to_owned(), money(gross))];
    for (invoice, number, amount) in &allocations {
        let number = number.clone().unwrap_or_else(|| format!("#{invoice}"));
        facts.push((format!("Owed again on invoice {number}"), money(*amount)));
    }
    if to_credit != 0 {
        facts.push(("Taken from the client’s credit".to_owned(), money(to_credit)));
    }
    let values = context! { facts, action => format!("{}/void", href(id)), cancel => href(id), id };
    cx.page("billing/payments/corrections/void.html", SECTION, &format!("Void transaction #{id}"), values)
}

async fn void(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        super::void(&mut tx, &cx.actor, id, cx.form.text("reason"), cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(href(id)).saying("The transaction was voided"))
    };
    or_back(done.await, &href(id))
}
