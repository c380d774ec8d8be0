//! The public pages of an invoice: what is owed, the forms that pay it, the way to the bank and back.
//!
//! What surprises: nothing redirects from a form to the provider. `form-action 'self'` of our Content-Security-Policy
//! holds for redirects after a form too, so the form leads to a page of ours ([`go`]), and that page leads on: by its
//! `Refresh` header at once, and by its link where a browser does not do that.

use accounts::company;
use accounts::doors::admin::plain_frame;
use accounts::doors::{PublicCx, Routes, Word};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Error, Result};
use minijinja::{Value, context};
use platform::web::Fail;

use super::{Offer, is_safe};
use crate::captures::present::{self, Place, Start, With};
use crate::captures::{self, Attempt, Way};
use crate::invoices::view::{self, Whole};
use crate::invoices::{Invoice, pdf};
use crate::settings;
use crate::terms::Terms;

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/pay/{token}", show)
        .public_get("/pay/{token}/pdf", print)
        .public_post("/pay/{token}/confirm", confirm)
        .public_post("/pay/{token}/card", card)
        .public_get("/pay/{token}/go", go)
        .public_get("/pay/{token}/return", come_back)
}

async fn show(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    page(&cx, &token, "").await
}

async fn load(cx: &PublicCx, token: &str) -> Result<(Whole, Terms, Offer)> {
    let mut conn = cx.app.db.read().await?;
    let invoice = super::invoice_of(&mut conn, token, cx.now).await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let offer = super::offer(&mut conn, &cx.app, &invoice).await?;
    let whole = view::load(&mut conn, invoice).await?;
    Ok((whole, terms, offer))
}

/// The page, with what kept the last form from being carried out.
async fn page(cx: &PublicCx, token: &str, problem: &str) -> Result<Response, Fail> {
    let (whole, terms, offer) = load(cx, token).await?;
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).to_string();
    let lines: Vec<Value> = whole
        .lines
        .iter()
        .map(|line| context! { description => &line.description, amount => money(line.net) })
        .collect();
    let less = invoice.total.saturating_sub(invoice.balance);
    let own = terms.settings.text(&company::SYSTEM_URL);
    let values = context! {
        page => context! { wide => true, ..plain_frame(&cx.app, &format!("Invoice {}", invoice.title())) },
        here => format!("/pay/{token}"),
        problem,
        number => invoice.title(),
        status => view::shown(invoice.status, invoice.due_on, terms.today),
        open => invoice.is_open() && invoice.balance > 0,
        payable => present::check_payable(invoice).is_ok(),
        seller => whole.seller.lines(), buyer => whole.buyer.lines(), business => &terms.seller.company,
        issued => invoice.issued_on.map(|on| on.to_string()).unwrap_or_default(), due => invoice.due_on.to_string(),
        lines,
        subtotal => money(invoice.subtotal),
        taxes => whole.taxes().iter().map(|tax| context! {
            name => &tax.name, rate => &tax.rate, amount => tax.amount.to_string(),
        }).collect::<Vec<_>>(),
        tax_note => view::tax_note(whole.lines.iter().map(|line| line.tax_category)),
        total => money(invoice.total), balance => money(invoice.balance),
        less => (less != 0).then(|| money(less)),
        gateway => &offer.gateway_name,
        by_page => offer.by_page,
        methods => offer.methods.iter().map(|method| context! { id => method.id, label => method.label() }).collect::<Vec<_>>(),
        under_way => offer.under_way.as_ref().map(|attempt| attempt.money().to_string()),
        waiting => offer.waiting.as_ref().map(|attempt| context! {
            amount => attempt.money().to_string(),
            hosted => attempt.way == Way::Hosted,
            // A charge of an absent client: it is made anew now that the client is here.
            absent => attempt.way == Way::OffSession,
            // Something was paid, credited or taken back since: the way to the provider would take another amount.
            outdated => !attempt.fits(invoice),
            can_go => attempt.fits(invoice) && target(cx, attempt, own).is_some(),
        }),
        failed => offer.failed.as_ref().map(words),
        instructions => if offer.instructions.is_empty() {
            terms.settings.text(&settings::PAY_TO).lines().map(str::to_owned).collect()
        } else {
            offer.instructions
        },
    };
    Ok(cx.app.templates.page("billing/invoices/pay_links/show.html", values)?)
}

/// Why a try came to nothing, as a client may read it. What went wrong between us and the provider is not the client's.
fn words(attempt: &Attempt) -> String {
    match attempt.state {
        captures::AttemptState::Declined if !attempt.reason.is_empty() => attempt.reason.clone(),
        _ => "The payment provider could not be reached. Nothing was charged.".to_owned(),
    }
}

/// Where the client has to go for an attempt, if the browser may be sent there.
fn target<'a>(cx: &PublicCx, attempt: &'a Attempt, own: &str) -> Option<&'a str> {
    attempt.action_url.as_deref().filter(|url| is_safe(url, cx.app.sandbox, own))
}

async fn print(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let (whole, terms, _) = load(&cx, &token).await?;
    Ok(pdf::of_whole(&cx.app, &terms, &whole).await?)
}

async fn confirm(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let form = cx.form()?;
    let Ok(method) = form.text("method").parse() else {
        return refuse(&cx, &token, "Choose the card to pay with.").await;
    };
    let start = if form.ticked("afresh") { Start::Afresh } else { Start::GoOn };
    pay(&cx, &token, With::Stored(method), start).await
}

async fn card(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let form = cx.form()?;
    let start = if form.ticked("afresh") { Start::Afresh } else { Start::GoOn };
    pay(&cx, &token, With::Page { keep: form.ticked("keep") }, start).await
}

async fn pay(cx: &PublicCx, token: &str, with: With, start: Start) -> Result<Response, Fail> {
    let (invoice, own) = invoice_and_own(cx, token).await?;
    let here = format!("/pay/{token}");
    let place = Place { return_url: format!("{own}{here}/return"), cancel_url: format!("{own}{here}") };
    match present::pay(&cx.app, invoice.id, with, place, start).await {
        Ok(attempt) if attempt.waits() => Ok(Redirect::to(&format!("{here}/go")).into_response()),
        Ok(_) => Ok(Redirect::to(&here).into_response()),
        Err(Error::Refused(text) | Error::Unavailable(text)) => refuse(cx, token, &text).await,
        Err(Error::NotFound("Payment method")) => {
            refuse(cx, token, "This card is not stored any more. Choose another one.").await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn refuse(cx: &PublicCx, token: &str, problem: &str) -> Result<Response, Fail> {
    Ok((StatusCode::CONFLICT, page(cx, token, problem).await?).into_response())
}

async fn invoice_and_own(cx: &PublicCx, token: &str) -> Result<(Invoice, String)> {
    let mut conn = cx.app.db.read().await?;
    let invoice = super::invoice_of(&mut conn, token, cx.now).await?;
    Ok((invoice, company::system_url(&mut conn).await?))
}

/// The page between the form and the provider.
async fn go(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let (invoice, own) = invoice_and_own(&cx, &token).await?;
    let here = format!("/pay/{token}");
    let attempts = captures::of_invoice(&mut cx.app.db.read().await?, invoice.id).await?;
    let waiting = attempts.iter().find(|attempt| attempt.waits() && attempt.fits(&invoice));
    match waiting.and_then(|attempt| target(&cx, attempt, &own)) {
        Some(url) => onward(&cx, &here, url),
        // Completed, given up, over another amount than is owed, or never there: the page tells.
        None => Ok(Redirect::to(&here).into_response()),
    }
}

/// A page that leads on to `url`, which is safe, and back to `here`.
pub(crate) fn onward(cx: &PublicCx, here: &str, url: &str) -> Result<Response, Fail> {
    let host = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let values = context! { page => plain_frame(&cx.app, "On to the payment page"), url, host, here };
    let mut response = cx.app.templates.page("billing/invoices/pay_links/go.html", values)?;
    if let Ok(value) = HeaderValue::from_str(&format!("0; url={url}")) {
        response.headers_mut().insert(HeaderName::from_static("refresh"), value);
    }
    Ok(response)
}

/// Back from the provider: what became of the payment is asked, not believed.
async fn come_back(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let (invoice, _) = invoice_and_own(&cx, &token).await?;
    captures::ask_again(&cx.app, invoice.id).await?;
    Ok(Redirect::to(&format!("/pay/{token}")).into_response())
}
