//! A client's credit in the staff area, and credit on invoices.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use accounts::{clients, company};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::Order;

use super::{CreditKind, MANAGE, Movement, SORTS, VIEW};
use crate::terms::Terms;
use crate::view::{day, no_file, option};
use crate::{invoices, once};

const SECTION: &str = "clients";

pub fn routes() -> Routes {
    Routes::new().get("/admin/clients/{id}/credit", VIEW, show).post("/admin/clients/{id}/credit", MANAGE, adjust).post(
        "/admin/invoices/{id}/credit",
        MANAGE,
        of_invoice,
    )
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    page(&cx, id, None).await
}

fn kind_words(kind: CreditKind) -> &'static str {
    match kind {
        CreditKind::Granted => "Given",
        CreditKind::Removed => "Taken back",
        CreditKind::Overpayment => "Overpaid",
        CreditKind::Applied => "Invoice",
        CreditKind::Returned => "Returned",
        CreditKind::Refunded => "Refund",
    }
}

fn row(movement: &Movement) -> Value {
    context! {
        date => movement.booked_on.to_string(),
        kind => kind_words(movement.kind),
        description => &movement.description,
        by => &movement.actor,
        invoice => movement.invoice_id,
        transaction => movement.transaction_id,
        amount => Money::new(movement.amount, movement.currency).to_string(),
        out => movement.amount < 0,
    }
}

async fn page(cx: &AdminCx, id: i64, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let client = clients::find(&mut conn, id).await?;
    let today = cx.now.date_in(&company::zone(&mut conn).await?).to_string();
    let balance = super::balance(&mut conn, id, client.currency).await?;
    let movements = super::page(&mut conn, id, &request).await?;
    drop(conn);
    let typed = |name: &str, default: &str| {
        if wrong.is_some() { cx.form.text(name).to_owned() } else { default.to_owned() }
    };
    let values = context! {
        client => context! { id, name => client.display_name() },
        tabs => clients::tabs(cx, id),
        currency => client.currency.code(),
        balance => balance.to_string(),
        action => format!("/admin/clients/{id}/credit"),
        once => once::key(&cx.app),
        v => context! {
            kind => typed("kind", "add"), amount => typed("amount", ""), description => typed("description", ""),
            date => typed("date", &today),
        },
        kinds => vec![option("add", "Give credit"), option("remove", "Take credit back")],
        list => no_file(request.view(&movements)),
        rows => movements.rows.iter().map(row).collect::<Vec<_>>(),
    };
    let title = format!("Credit of {}", client.display_name());
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page("billing/credits/client.html", SECTION, &title, context! { errors, ..values })
        }
        Some(errors) => cx.again("billing/credits/client.html", SECTION, &title, errors, values),
    }
}

async fn adjust(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let back = format!("/admin/clients/{id}/credit");
    let mut tx = cx.app.db.write().await?;
    let done = async {
        let mut locked = clients::lock(&mut tx, id).await?;
        let client = clients::find(&mut locked, id).await?;
        let mut errors = FieldErrors::default();
        let amount = errors.take("amount", Money::parse(cx.form.text("amount"), client.currency));
        if amount.is_some_and(|amount| !amount.is_positive()) {
            errors.add("amount", "Write an amount greater than nought, and choose whether it is given or taken back.");
        }
        let on = errors.take("date", day(cx.form.text("date")));
        if cx.form.text("description").is_empty() {
            errors.add("description", "Say why. The client sees it.");
        }
        errors.check()?;
        let (Some(amount), Some(on)) = (amount, on) else {
            return Err(Error::broken("a field of the credit form was refused without a reason"));
        };
        if !once::take(&mut locked, cx.form.text(once::FIELD), cx.now).await? {
            return Ok(None);
        }
        let signed = if cx.form.text("kind") == "remove" { amount.checked_neg()? } else { amount };
        let after = super::adjust(&mut locked, &cx.actor, id, signed, cx.form.text("description"), on, cx.now).await?;
        Ok(Some((signed, after)))
    };
    match done.await {
        Ok(Some((amount, after))) => {
            tx.commit().await?;
            let said = if amount.is_negative() { "taken back" } else { "given" };
            let text = format!("{} of credit {said}; the client now has {after}", amount.abs());
            Ok(Redirect::to(back).saying(text).into_response())
        }
        Ok(None) => Ok(Redirect::to(back).warning("This was booked already.").into_response()),
        Err(error @ (Error::Invalid(_) | Error::Refused(_))) => {
            tx.rollback().await?;
            let mut errors = FieldErrors::default();
            match error {
                Error::Invalid(found) => errors = found,
                refused => errors.add("amount", refused.to_string()),
            }
            page(&cx, id, Some(&errors)).await
        }
        Err(other) => Err(Fail(other)),
    }
}

/// Applies credit to an invoice, or takes it off again. `do` says which; an empty amount means all there is.
async fn of_invoice(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("/admin/invoices/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let today = Terms::load(&mut tx, cx.now).await?.today;
        let seen = invoices::find(&mut tx, id).await?;
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        let invoice = invoices::find(&mut locked, id).await?;
        if !once::take(&mut locked, cx.form.text(once::FIELD), cx.now).await? {
            return Ok(Redirect::to(back.as_str()).warning("This was booked already."));
        }
        let takes_off = cx.form.text("do") == "remove";
        let available = super::balance(&mut locked, invoice.client_id, invoice.currency).await?;
        let amount = match cx.form.text("amount") {
            "" if takes_off => invoice.money(invoice.credit_applied),
            "" => invoice.money(invoice.balance.min(available.minor)),
            text => Money::parse(text, invoice.currency)?,
        };
        let said = if takes_off {
            super::withdraw(&mut locked, &cx.actor, id, amount, today, cx.now).await?;
            format!("{amount} of credit taken off the invoice")
        } else {
            super::apply(&mut locked, &cx.actor, id, amount, today, cx.now).await?;
            format!("{amount} of credit applied")
        };
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(back.as_str()).saying(said))
    };
    or_back(done.await, &back)
}
