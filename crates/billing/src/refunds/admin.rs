//! Refunding a payment in the staff area.

use accounts::clients;
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{Available, Method, NewRefund, REFUND, Refund, RefundState, Source};
use crate::gateways::Gateways;
use crate::terms::Terms;
use crate::view::option;
use crate::{once, payments};

const SECTION: &str = "billing";
const FORM: &str = "billing/refunds/form.html";

pub fn routes() -> Routes {
    Routes::new().get("/admin/transactions/{id}/refund", REFUND, form_page).post(
        "/admin/transactions/{id}/refund",
        REFUND,
        create,
    )
}

fn page_of(id: i64) -> String {
    format!("/admin/transactions/{id}")
}

/// `credit`, or the invoice's id.
fn key(source: Source) -> String {
    match source {
        Source::Credit => "credit".to_owned(),
        Source::Invoice(id) => id.to_string(),
    }
}

fn place(available: &Available) -> Value {
    let label = match (available.source, available.with_note) {
        (Source::Credit, _) => format!("Credit of the client, up to {}", available.most),
        (_, true) => format!("Paid invoice {}, up to {}, with a credit note", available.number, available.most),
        (_, false) => format!("Open invoice {}, up to {}; it is owed again", available.number, available.most),
    };
    option(key(available.source), label)
}

async fn form_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    page(&cx, id, None).await
}

async fn page(cx: &AdminCx, id: i64, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let transaction = payments::find(&mut conn, id).await?;
    let places = super::available(&mut conn, &transaction).await?;
    drop(conn);
    let by_gateway = super::gateway_can(&cx.app, &transaction)?;
    let first = places.first();
    let typed = |name: &str, default: String| if wrong.is_some() { cx.form.text(name).to_owned() } else { default };
    let mut methods = Vec::new();
    if by_gateway {
        methods.push(option(
            "gateway",
            format!("{} sends it back", cx.app.get::<Gateways>()?.title(&transaction.gateway)),
        ));
    }
    methods.push(option("manual", "I have sent it; only record it"));
    methods.push(option("credit", "It becomes credit of the client"));
    let values = context! {
        once => once::key(&cx.app),
        action => format!("{}/refund", page_of(id)),
        back => page_of(id),
        id,
        currency => transaction.currency.code(),
        paid => Money::new(transaction.amount_in, transaction.currency).to_string(),
        nothing => places.is_empty(),
        places => places.iter().map(place).collect::<Vec<_>>(),
        methods,
        v => context! {
            source => typed("source", first.map(|place| key(place.source)).unwrap_or_default()),
            amount => typed("amount", first.map(|place| place.most.decimal()).unwrap_or_default()),
            method => typed("method", if by_gateway { "gateway" } else { "manual" }.to_owned()),
            reference => typed("reference", String::new()),
            reason => typed("reason", String::new()),
        },
    };
    let title = format!("Refund of payment #{id}");
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page(FORM, SECTION, &title, context! { errors, ..values })
        }
        Some(errors) => cx.again(FORM, SECTION, &title, errors, values),
    }
}

fn written(form: &Form, transaction: &payments::Transaction) -> Result<NewRefund> {
    let mut errors = FieldErrors::default();
    let source = match form.text("source") {
        "credit" => Some(Source::Credit),
        text => errors.take("source", text.parse().or(Err("Choose where the money is."))).map(Source::Invoice),
    };
    let amount = errors.take("amount", Money::parse(form.text("amount"), transaction.currency));
    let method = errors.take("method", Method::parse(form.text("method")));
    if form.text("reason").is_empty() {
        errors.add("reason", "Say why. A credit note shows it.");
    }
    errors.check()?;
    let (Some(source), Some(amount), Some(method)) = (source, amount, method) else {
        return Err(Error::broken("a field of the refund form was refused without a reason"));
    };
    let (reference, reason) = (form.text("reference").to_owned(), form.text("reason").to_owned());
    Ok(NewRefund { transaction_id: transaction.id, source, amount, method, reference, reason })
}

/// What became of it, in a sentence.
fn said(refund: &Refund) -> Redirect {
    let redirect = Redirect::to(page_of(refund.transaction_id));
    let amount = refund.money();
    match (refund.state, refund.method) {
        (RefundState::Succeeded, Method::Credit) => redirect.saying(format!("{amount} became credit of the client")),
        (RefundState::Succeeded, _) => redirect.saying(format!("{amount} refunded")),
        (RefundState::Failed, _) => {
            redirect.refusing(format!("The refund failed and is credit of the client: {}", refund.message))
        }
        (RefundState::Pending, _) => redirect.warning(format!("The gateway has taken the refund of {amount} on")),
        _ => redirect.warning(format!("The gateway did not answer. It is asked again about the refund of {amount}.")),
    }
}

async fn create(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let done = async {
        let transaction = payments::find(&mut tx, id).await?;
        let client_id = super::client_of(&transaction)?;
        let new = written(&cx.form, &transaction)?;
        let terms = Terms::load(&mut tx, cx.now).await?;
        let mut locked = clients::lock(&mut tx, client_id).await?;
        if !once::take(&mut locked, cx.form.text(once::FIELD), cx.now).await? {
            return Ok(None);
        }
        super::begin(&mut locked, &cx.app, &cx.actor, &terms, new).await.map(Some)
    };
    match done.await {
        Ok(Some(begun)) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            let refund = if begun.is_settled() { begun } else { super::send(&cx.app, begun.id).await? };
            Ok(said(&refund).into_response())
        }
        Ok(None) => Ok(Redirect::to(page_of(id)).warning("This refund was made already.").into_response()),
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            page(&cx, id, Some(&errors)).await
        }
        Err(Error::Refused(text)) => {
            tx.rollback().await?;
            let mut errors = FieldErrors::default();
            errors.add("source", text);
            page(&cx, id, Some(&errors)).await
        }
        Err(other) => Err(Fail(other)),
    }
}
