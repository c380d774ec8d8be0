//! Links by which a client looks at one invoice and pays it, without logging in. Only the hash of a link is stored.

use accounts::doors::admin::plain_frame;
use accounts::doors::{PublicCx, Routes};
use axum::extract::Path;
use axum::response::Response;
use kernel::{Error, Result, Timestamp};
use minijinja::{Value, context};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::settings::Values;
use platform::web::Fail;
use platform::{App, crypto, params};

use super::view::{self, Whole};
use super::{Invoice, InvoiceStatus, pdf};
use crate::captures::{self, AttemptState};
use crate::gateways;
use crate::settings;
use crate::terms::Terms;

/// Seconds for which a link works: a client pays late, but a mailbox that leaks in a year tells nothing.
const LIFE: i64 = 60 * 86_400;

/// Links that no longer work, for [`platform::prune`].
pub const EXPIRED: Rubbish = Rubbish {
    name: "pay links",
    table: "pay_links",
    key: "token_hash",
    condition: "expires_at <= $1",
    after: After::Seconds(0),
};

pub fn routes() -> Routes {
    Routes::new().public_get("/pay/{token}", show).public_get("/pay/{token}/pdf", print)
}

/// Makes a link to an issued invoice; its address. Earlier links go on working until they expire.
pub async fn make(tx: &mut Tx, app: &App, invoice_id: i64, now: Timestamp) -> Result<String> {
    let invoice = super::find(tx, invoice_id).await?;
    if invoice.status == InvoiceStatus::Draft {
        return Err(Error::refused("A draft cannot be paid. Publish it first."));
    }
    let token = app.random.token();
    tx.execute(
        "INSERT INTO pay_links (token_hash, invoice_id, expires_at) VALUES ($1, $2, $3)",
        params![crypto::sha256_hex(token.as_bytes()), invoice_id, now.plus_seconds(LIFE)],
    )
    .await?;
    let values = Values::load(tx).await?;
    Ok(format!("{}/pay/{token}", values.text(&settings::SYSTEM_URL).trim_end_matches('/')))
}

/// The invoice that a link leads to. What is wrong with a link is not told: to a stranger it never existed.
async fn invoice_of(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Invoice> {
    let found: Option<(i64,)> = conn
        .optional(
            "SELECT invoice_id FROM pay_links WHERE token_hash = $1 AND expires_at > $2",
            params![crypto::sha256_hex(token.as_bytes()), now],
        )
        .await?;
    match found {
        Some((id,)) => super::find(conn, id).await,
        None => Err(Error::NotFound("This page")),
    }
}

async fn load(cx: &PublicCx, token: &str) -> Result<(Whole, Terms, Option<String>, String)> {
    let mut conn = cx.app.db.read().await?;
    let invoice = invoice_of(&mut conn, token, cx.now).await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let waiting = captures::of_invoice(&mut conn, invoice.id)
        .await?
        .into_iter()
        .find(|attempt| attempt.state == AttemptState::ActionRequired)
        .and_then(|attempt| attempt.action_url)
        // Only an address of the web may become a link.
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let all = gateways::all(&mut conn).await?;
    let gateway = all.into_iter().find(|gateway| gateway.name == invoice.gateway);
    let name = gateway.map_or_else(|| invoice.gateway.clone(), |gateway| gateway.display_name);
    let whole = view::load(&mut conn, invoice).await?;
    Ok((whole, terms, waiting, name))
}

async fn show(cx: PublicCx, Path(token): Path<String>) -> Result<Response, Fail> {
    let (whole, terms, action_url, gateway) = load(&cx, &token).await?;
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).to_string();
    let lines: Vec<Value> = whole
        .lines
        .iter()
        .map(|line| context! { description => &line.description, amount => money(line.net) })
        .collect();
    let less = invoice.total.saturating_sub(invoice.balance);
    let values = context! {
        page => context! { wide => true, ..plain_frame(&cx.app, &format!("Invoice {}", invoice.title())) },
        number => invoice.title(),
        status => view::shown(invoice.status, invoice.due_on, terms.today),
        open => invoice.is_open() && invoice.balance > 0,
        seller => whole.seller.lines(), buyer => whole.buyer.lines(),
        issued => invoice.issued_on.map(|on| on.to_string()).unwrap_or_default(), due => invoice.due_on.to_string(),
        lines,
        subtotal => money(invoice.subtotal),
        taxes => whole.taxes().iter().map(|tax| context! {
            name => &tax.name, rate => &tax.rate, amount => tax.amount.to_string(),
        }).collect::<Vec<_>>(),
        total => money(invoice.total), balance => money(invoice.balance),
        less => (less != 0).then(|| money(less)),
        gateway,
        instructions => terms.settings.text(&settings::PAY_TO).lines().map(str::to_owned).collect::<Vec<_>>(),
        action_url,
        pdf => format!("/pay/{token}/pdf"),
    };
    Ok(cx.app.templates.page("billing/invoices/pay.html", values)?)
}

async fn print(cx: PublicCx, Path(token): Path<String>) -> Result<Response, Fail> {
    let (whole, terms, ..) = load(&cx, &token).await?;
    let bytes = pdf::invoice(&cx.app, &terms, &whole).await?;
    Ok(pdf::response(&format!("invoice-{}", whole.invoice.title()), bytes))
}
