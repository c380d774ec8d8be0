//! Transactions in the staff area: the list, one, adding one, a payment of an invoice.

use accounts::clients;
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::web::lists::{self, Order, Page, Request};
use platform::web::{Fail, Form};

use super::store::{self, Filter, Listed};
use super::{ADD, Duplicate, LIST, NewOther, NewPayment, Recorded, TransactionKind};
use crate::gateways::{self, Gateways};
use crate::terms::Terms;
use crate::view::{date_filter, day, id_filter, option, words};
use crate::{currencies, invoices, once, refunds};

const PAGE: &str = "/admin/transactions";
const SECTION: &str = "billing";

const FILTERS: [&str; 8] = ["q", "client", "invoice", "gateway", "kind", "from", "to", "amount"];

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LIST, index)
        .post(PAGE, ADD, create)
        .get("/admin/transactions/new", ADD, new_page)
        .get("/admin/transactions/{id}", LIST, show)
        .get("/admin/invoices/{id}/pay", ADD, pay_page)
        .post("/admin/invoices/{id}/pay", ADD, pay)
}

pub(super) async fn filter_of(conn: &mut platform::Conn, request: &Request) -> Result<Filter> {
    let kind = match nonempty(request.filter("kind")) {
        Some(text) => Some(TransactionKind::parse(text).map_err(|message| Error::invalid("kind", message))?),
        None => None,
    };
    let amounts = match nonempty(request.filter("amount")) {
        Some(text) => amounts(text)?,
        None => Vec::new(),
    };
    Ok(Filter {
        text: store::text(conn, request.filter("q")).await?,
        client_id: id_filter(request, "client"),
        invoice_id: id_filter(request, "invoice"),
        gateway: request.filter("gateway").to_owned(),
        kind,
        from: date_filter(request, "from")?,
        until: date_filter(request, "to")?,
        amounts,
        standing: false,
    })
}

/// An amount of any currency, as the minor units that it is with none, two or three decimals.
fn amounts(text: &str) -> Result<Vec<(i64, u32)>> {
    let mut found = Vec::new();
    let mut wrong = None;
    for code in ["USD", "JPY", "KWD"] {
        let currency = Currency::parse(code)?;
        match Money::parse(text, currency) {
            Ok(amount) => found.push((amount.minor, currency.exponent())),
            Err(error) => wrong = wrong.or(Some(error.to_string())),
        }
    }
    match wrong {
        Some(message) if found.is_empty() => Err(Error::invalid("amount", message)),
        _ => Ok(found),
    }
}

/// Names of gateways for a filter, without a query.
fn gateway_options(cx: &AdminCx) -> Result<Vec<Value>> {
    let modules = cx.app.get::<Gateways>()?;
    Ok(modules.all().iter().map(|module| option(module.name(), module.display_name())).collect())
}

const FILE: (&str, &[&str]) = (
    "transactions",
    &[
        "Id",
        "Date",
        "Client id",
        "Client",
        "Gateway",
        "Reference",
        "Kind",
        "Currency",
        "In",
        "Out",
        "Fees",
        "Rate",
        "Description",
        "Invoice",
        "Voided",
    ],
);

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let filter = filter_of(&mut conn, &request).await?;
    if request.csv {
        drop(conn);
        return Ok(lists::file(&cx.app.db, &request, filter.query(), &store::columns(), FILE, csv_row).await?);
    }
    let page: Page<Listed> = filter.query().page(&mut conn, &request, &store::columns()).await?;
    drop(conn);
    let known = cx.app.get::<Gateways>()?;
    cx.page(
        "billing/payments/list.html",
        SECTION,
        "Transactions",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(FILTERS.map(|name| (name, request.filter(name).to_owned()))),
            filtered => FILTERS.iter().any(|name| !request.filter(name).is_empty()),
            gateways => gateway_options(&cx)?,
            kinds => TransactionKind::ALL.iter().map(|kind| option(kind.as_str(), words(kind.as_str()))).collect::<Vec<_>>(),
            rows => page.rows.iter().map(|listed| row(listed, &known)).collect::<Vec<_>>(),
        },
    )
}

fn row(listed: &Listed, known: &Gateways) -> Value {
    let money = |minor: i64| {
        if minor == 0 { String::new() } else { Money::new(minor, listed.currency).to_string() }
    };
    context! {
        id => listed.id,
        href => format!("{PAGE}/{}", listed.id),
        date => listed.occurred_on.to_string(),
        client => listed.client.clone().unwrap_or_default(),
        client_href => listed.client_id.map(|id| format!("/admin/clients/{id}")).unwrap_or_default(),
        gateway => known.title(&listed.gateway),
        reference => &listed.reference,
        kind => words(listed.kind.as_str()), voided => listed.voided,
        description => &listed.description,
        came => money(listed.amount_in),
        went => money(listed.amount_out),
        fees => money(listed.fees),
    }
}

fn csv_row(listed: &Listed) -> Vec<String> {
    let money = |minor: i64| Money::new(minor, listed.currency).decimal();
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    vec![
        listed.id.to_string(),
        listed.occurred_on.to_string(),
        id(listed.client_id),
        listed.client.clone().unwrap_or_default(),
        listed.gateway.clone(),
        listed.reference.clone(),
        listed.kind.as_str().to_owned(),
        listed.currency.to_string(),
        money(listed.amount_in),
        money(listed.amount_out),
        money(listed.fees),
        listed.rate.clone(),
        listed.description.clone(),
        id(listed.invoice_id),
        if listed.voided { "yes" } else { "" }.to_owned(),
    ]
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let transaction = super::find(&mut conn, id).await?;
    let allocations = store::allocations(&mut conn, id).await?;
    let (to_credit, reported) = store::credit_and_reporter(&mut conn, id).await?;
    let refunds = refunds::of_transaction(&mut conn, id).await?;
    let given_back: i64 = refunds.iter().filter(|refund| refund.counts()).map(|refund| refund.amount).sum();
    let is_payment = transaction.kind == TransactionKind::Payment;
    let standing = transaction.voided_at.is_none();
    let refundable = standing && is_payment && transaction.client_id.is_some() && given_back < transaction.amount_in;
    let client = match transaction.client_id {
        Some(id) => Some(clients::find(&mut conn, id).await?),
        None => None,
    };
    drop(conn);
    let known = cx.app.get::<Gateways>()?;
    let money = |minor: i64| Money::new(minor, transaction.currency).to_string();
    let settled: Vec<Value> = allocations
        .iter()
        .map(|(invoice, number, amount)| {
            context! {
                href => format!("/admin/invoices/{invoice}"),
                number => number.clone().unwrap_or_else(|| format!("#{invoice}")),
                amount => money(*amount),
            }
        })
        .collect();
    cx.page(
        "billing/payments/show.html",
        SECTION,
        &format!("Transaction #{id}"),
        context! {
            id,
            kind => words(transaction.kind.as_str()),
            date => transaction.occurred_on.to_string(),
            client => client.as_ref().map(|client| context! {
                name => client.display_name(), href => format!("/admin/clients/{}", client.id),
            }),
            gateway => known.title(&transaction.gateway),
            reference => &transaction.reference,
            description => &transaction.description,
            came => money(transaction.amount_in),
            went => money(transaction.amount_out),
            fees => money(transaction.fees),
            rate => &transaction.rate,
            refund_of => transaction.refund_of,
            is_payment,
            settled,
            refundable, standing,
            voidable => standing && transaction.kind != TransactionKind::Refund && !reported,
            void_reason => transaction.void_reason.clone().unwrap_or_default(),
            voided => transaction.voided_at.map(|at| at.to_string()).unwrap_or_default(),
            refunds => refunds.iter().map(|refund| context! {
                at => refund.created_at.to_string(),
                amount => refund.money().to_string(),
                method => words(refund.method.as_str()),
                state => words(refund.state.as_str()),
                reason => &refund.reason,
                message => &refund.message,
                note => refund.note_id,
                transaction => refund.refund_transaction_id,
            }).collect::<Vec<_>>(),
            to_credit => if to_credit == 0 { String::new() } else { money(to_credit) },
        },
    )
}

/// What the form for a new transaction understands.
pub(super) enum New {
    OfClient(Box<NewPayment>),
    Other(NewOther),
}

/// Ids of invoices in the order typed: `13, 11 12`.
fn invoice_ids(text: &str, errors: &mut FieldErrors) -> Vec<i64> {
    let mut ids = Vec::new();
    for part in text.split([',', ' ', ';']).filter(|part| !part.is_empty()) {
        match part.trim_start_matches('#').parse::<i64>() {
            Ok(id) => ids.push(id),
            Err(_) => errors.add("invoices", format!("“{part}” is no invoice id. Write ids such as 11, 12, 13.")),
        }
    }
    ids
}

async fn parse(conn: &mut platform::Conn, form: &Form) -> Result<New> {
    let mut errors = FieldErrors::default();
    let client_id = form.id("client", &mut errors);
    let client = match client_id {
        0 => None,
        id => match clients::find(conn, id).await {
            Ok(client) => Some(client),
            Err(Error::NotFound(_)) => {
                errors.add("client", format!("There is no client {id}."));
                None
            }
            Err(other) => return Err(other),
        },
    };
    let currency = match &client {
        Some(client) => Some(client.currency),
        None => errors.take("currency", Currency::parse(form.text("currency"))),
    };
    match gateways::require_known(conn, "gateway", form.text("gateway")).await {
        Ok(_) => {}
        Err(Error::Invalid(_)) => errors.add("gateway", "Choose the way by which the money came or went."),
        Err(other) => return Err(other),
    }
    let occurred_on = errors.take("date", day(form.text("date")));
    let description = errors.take("description", kernel::single_line(form.text("description"), 500));
    let ids = invoice_ids(form.text("invoices"), &mut errors);
    let mut amount = |name: &str| {
        let currency = currency?;
        match form.text(name) {
            "" => Some(Money::zero(currency)),
            text => errors.take(name, Money::parse(text, currency)),
        }
    };
    let (came, went, fees) = (amount("amount_in"), amount("amount_out"), amount("fees"));
    let duplicate = if form.ticked("allow_duplicate") { Duplicate::Allow } else { Duplicate::Refuse };
    if client_id != 0 && went.is_some_and(|went| !went.is_zero()) {
        errors.add("amount_out", "Money that goes back to a client is a refund: open the payment and refund it.");
    }
    if client_id == 0 && !ids.is_empty() {
        errors.add("client", "Say whose invoices these are.");
    }
    errors.check()?;
    let (Some(came), Some(went), Some(fees), Some(occurred_on), Some(description)) =
        (came, went, fees, occurred_on, description)
    else {
        return Err(Error::broken("a field of the transaction form was refused without a reason"));
    };
    let gateway = form.text("gateway").to_owned();
    let external_id = form.text("reference").to_owned();
    Ok(match client {
        Some(client) => New::OfClient(Box::new(NewPayment {
            client_id: client.id,
            gateway,
            external_id,
            duplicate,
            amount: came,
            fees,
            occurred_on,
            description,
            invoices: ids,
        })),
        None => New::Other(NewOther {
            gateway,
            external_id,
            duplicate,
            amount_in: came,
            amount_out: went,
            fees,
            occurred_on,
            description,
        }),
    })
}

const NEW: &str = "billing/payments/form.html";

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let asked = cx.params()?;
    form_page(&cx, &asked, None).await
}

async fn form_page(cx: &AdminCx, form: &Form, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let gateways = gateways::all(&mut conn).await?;
    let dealt = currencies::all(&mut conn).await?;
    drop(conn);
    const FIELDS: [&str; 10] = [
        "client",
        "currency",
        "gateway",
        "reference",
        "amount_in",
        "amount_out",
        "fees",
        "date",
        "invoices",
        "description",
    ];
    let shown = FIELDS.map(|name| {
        let typed = form.text(name).to_owned();
        let value = if name == "date" && !form.has("date") { terms.today.to_string() } else { typed };
        (name, value)
    });
    let values = context! {
        once => once::key(&cx.app),
        v => Value::from_pairs(shown),
        allow_duplicate => form.ticked("allow_duplicate"),
        gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
        currencies => dealt.iter().map(|dealt| option(dealt.code.code(), dealt.code.code())).collect::<Vec<_>>(),
    };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page(NEW, SECTION, "New transaction", context! { errors, ..values })
        }
        Some(errors) => cx.again(NEW, SECTION, "New transaction", errors, values),
    }
}

/// The fields of a rule's errors under the names that the form has for them.
fn as_in_form(errors: &FieldErrors, amount: &str) -> FieldErrors {
    let mut shown = FieldErrors::default();
    for (field, message) in errors.iter() {
        let field = match field {
            "amount" => amount,
            "transid" => "reference",
            other => other,
        };
        shown.add(field, message);
    }
    shown
}

/// What a form must show again: wrong fields, and rules that said no.
fn shown_again(error: Error, amount: &str) -> Result<FieldErrors> {
    let mut shown = FieldErrors::default();
    match error {
        Error::Invalid(errors) => return Ok(as_in_form(&errors, amount)),
        Error::Conflict(text) if text == super::DUPLICATE => shown.add(
            "reference",
            "A transaction with this reference is recorded already. Look whether it is the same money.",
        ),
        Error::Refused(text) => shown.add("invoices", text),
        Error::NotFound("Invoice") => shown.add("invoices", "One of these invoices does not exist."),
        other => return Err(other),
    }
    Ok(shown)
}

fn said(recorded: &Recorded) -> String {
    let mut text = match recorded.allocated.len() {
        0 => "Payment recorded".to_owned(),
        1 => "Payment recorded for one invoice".to_owned(),
        count => format!("Payment recorded for {count} invoices"),
    };
    if recorded.to_credit.is_positive() {
        text.push_str(&format!("; {} became credit of the client", recorded.to_credit));
    }
    text
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let done = async {
        let new = parse(&mut tx, &cx.form).await?;
        if !once::take(&mut tx, cx.form.text(once::FIELD), cx.now).await? {
            return Ok(None);
        }
        Ok(Some(match new {
            New::OfClient(payment) => {
                let mut locked = clients::lock(&mut tx, payment.client_id).await?;
                let recorded = super::record(&mut locked, &cx.actor, *payment, cx.now).await?;
                (recorded.transaction_id, said(&recorded))
            }
            New::Other(other) => {
                let id = super::record_other(&mut tx, &cx.actor, other, cx.now).await?;
                (id, "Transaction recorded".to_owned())
            }
        }))
    };
    match done.await {
        Ok(Some((id, said))) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            Ok(Redirect::to(format!("{PAGE}/{id}")).saying(said).into_response())
        }
        Ok(None) => Ok(Redirect::to(PAGE).warning("This transaction was recorded already.").into_response()),
        Err(error) => {
            tx.rollback().await?;
            let errors = shown_again(error, "amount_in")?;
            form_page(&cx, &cx.form, Some(&errors)).await
        }
    }
}

const PAY: &str = "billing/payments/pay.html";

async fn pay_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    pay_form(&cx, id, &Form::default(), None).await
}

async fn pay_form(cx: &AdminCx, id: i64, form: &Form, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let invoice = invoices::find(&mut conn, id).await?;
    let client = clients::find(&mut conn, invoice.client_id).await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let gateways = gateways::all(&mut conn).await?;
    drop(conn);
    let balance = invoice.money(invoice.balance);
    let shown = |name: &str, default: String| if form.has(name) { form.text(name).to_owned() } else { default };
    let title = format!("Payment of invoice {}", invoice.title());
    let values = context! {
        once => once::key(&cx.app),
        action => format!("/admin/invoices/{id}/pay"),
        back => format!("/admin/invoices/{id}"),
        number => invoice.title(),
        client => context! { name => client.display_name(), href => format!("/admin/clients/{}", client.id) },
        currency => invoice.currency.code(),
        total => invoice.money(invoice.total).to_string(),
        balance => balance.to_string(),
        settled => !balance.is_positive(),
        v => context! {
            amount => shown("amount", if balance.is_positive() { balance.decimal() } else { String::new() }),
            fees => shown("fees", String::new()),
            gateway => shown("gateway", invoice.gateway.clone()),
            reference => shown("reference", String::new()),
            date => shown("date", terms.today.to_string()),
        },
        gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
    };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page(PAY, SECTION, &title, context! { errors, ..values })
        }
        Some(errors) => cx.again(PAY, SECTION, &title, errors, values),
    }
}

async fn pay(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let back = format!("/admin/invoices/{id}");
    let mut tx = cx.app.db.write().await?;
    let done = async {
        let seen = invoices::find(&mut tx, id).await?;
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        let mut errors = FieldErrors::default();
        let form = &cx.form;
        if gateways::all(&mut locked).await?.iter().all(|gateway| gateway.name != form.text("gateway")) {
            errors.add("gateway", "Choose the way by which the money came.");
        }
        let amount = errors.take("amount", Money::parse(form.text("amount"), seen.currency));
        let fees = match form.text("fees") {
            "" => Some(Money::zero(seen.currency)),
            text => errors.take("fees", Money::parse(text, seen.currency)),
        };
        let occurred_on = errors.take("date", day(form.text("date")));
        errors.check()?;
        let (Some(amount), Some(fees), Some(occurred_on)) = (amount, fees, occurred_on) else {
            return Err(Error::broken("a field of the payment form was refused without a reason"));
        };
        if !once::take(&mut locked, form.text(once::FIELD), cx.now).await? {
            return Ok(None);
        }
        let new = NewPayment {
            client_id: seen.client_id,
            gateway: form.text("gateway").to_owned(),
            external_id: form.text("reference").to_owned(),
            duplicate: Duplicate::Refuse,
            amount,
            fees,
            occurred_on,
            description: format!("Invoice payment ({})", seen.title()),
            invoices: vec![id],
        };
        super::record(&mut locked, &cx.actor, new, cx.now).await.map(Some)
    };
    match done.await {
        Ok(Some(recorded)) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            Ok(Redirect::to(back).saying(said(&recorded)).into_response())
        }
        Ok(None) => Ok(Redirect::to(back).warning("This payment was recorded already.").into_response()),
        Err(Error::NotFound(what)) => Err(Fail(Error::NotFound(what))),
        Err(error) => {
            tx.rollback().await?;
            let errors = shown_again(error, "amount")?;
            pay_form(&cx, id, &cx.form, Some(&errors)).await
        }
    }
}
