//! Links by which a client looks at one invoice and pays it, without logging in.
//!
//! What must hold:
//! - Only the hash of a link is stored, and it expires. Who has it sees this one invoice and can pay it, with a method
//!   that is stored or on the provider's page; nothing else of the client is shown or changed.
//! - The page tells what is: a payment that is under way, one that waits at the bank, an invoice that was paid or
//!   cancelled meanwhile. Pressing again, going back and coming back late are harmless (`captures::present` sees to it).
//! - No script of a provider's runs here. The browser is sent to the provider, and comes back.

pub mod client;
mod destination;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::company;
use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::{App, crypto, params};

use super::{Invoice, InvoiceStatus};
use crate::captures::{self, Attempt, AttemptState, Way, present};
use crate::gateways::{self, Gateways};
use crate::pay_methods::{self, PayMethod};

pub use client::routes;
pub(crate) use destination::is_safe;

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

/// A link in two parts, because only its token is secret.
#[derive(Debug, Clone)]
pub struct Link {
    base: String,
    pub token: String,
}

impl Link {
    /// The address, with the token or with what stands for it.
    pub fn with(&self, token: &str) -> String {
        format!("{}/pay/{token}", self.base)
    }

    pub fn address(&self) -> String {
        self.with(&self.token)
    }
}

/// Makes a link that staff hand to the client themselves; its address.
pub async fn hand_out(tx: &mut Tx, app: &App, by: &Actor, invoice_id: i64, now: Timestamp) -> Result<String> {
    let link = make(tx, app, invoice_id, now).await?;
    let invoice = super::find(tx, invoice_id).await?;
    let activity = Activity::new(format!("Payment link to invoice {} made", invoice.title()));
    let activity = activity.client(invoice.client_id).about(format!("invoice:{invoice_id}"));
    activity_log::record(tx, by, activity, now).await?;
    Ok(link.address())
}

/// Makes a link to an issued invoice. Earlier links go on working until they expire.
pub async fn make(tx: &mut Tx, app: &App, invoice_id: i64, now: Timestamp) -> Result<Link> {
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
    Ok(Link { base: company::system_url(tx).await?, token })
}

/// The invoice that a link leads to. To a stranger a link that is wrong never existed; who has a real one is told that
/// it has expired.
pub(crate) async fn invoice_of(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Invoice> {
    let found: Option<(i64, Timestamp)> = conn
        .optional(
            "SELECT invoice_id, expires_at FROM pay_links WHERE token_hash = $1",
            params![crypto::sha256_hex(token.as_bytes())],
        )
        .await?;
    match found {
        Some((id, expires_at)) if expires_at > now => super::find(conn, id).await,
        Some(_) => Err(Error::refused("This link has expired. Please ask us for a new one.")),
        None => Err(Error::NotFound("This page")),
    }
}

/// What the page of an invoice can offer.
#[derive(Debug)]
pub(crate) struct Offer {
    /// In the provider's hands: nothing to do but wait.
    pub under_way: Option<Attempt>,
    /// Can be completed by the client.
    pub waiting: Option<Attempt>,
    /// The latest try, if it came to nothing.
    pub failed: Option<Attempt>,
    /// Stored methods that can be charged, the first one first.
    pub methods: Vec<PayMethod>,
    /// The gateway has a page on which a card can be entered.
    pub by_page: bool,
    pub gateway_name: String,
    /// What to do where money arrives outside.
    pub instructions: Vec<String>,
}

pub(crate) async fn offer(conn: &mut Conn, app: &App, invoice: &Invoice) -> Result<Offer> {
    let attempts = captures::of_invoice(conn, invoice.id).await?;
    let latest = attempts.first().cloned();
    let mut open = attempts.into_iter().filter(|attempt| !attempt.is_settled());
    let (waiting, under_way) = match open.next() {
        Some(attempt) if attempt.waits() => (Some(attempt), None),
        other => (None, other),
    };
    let failed = latest.filter(|attempt| {
        let shown = attempt.state == AttemptState::Declined && attempt.code != "canceled";
        shown || (attempt.state == AttemptState::Failed && attempt.way != Way::OffSession)
    });
    let set_up = gateways::all(conn).await?.into_iter().find(|gateway| gateway.name == invoice.gateway);
    let gateway_name = set_up.as_ref().map_or_else(|| invoice.gateway.clone(), |gateway| gateway.display_name.clone());
    let mut offer = Offer {
        under_way,
        waiting,
        failed,
        methods: Vec::new(),
        by_page: false,
        gateway_name,
        instructions: Vec::new(),
    };
    let module = app.get::<Gateways>()?.find(&invoice.gateway).ok();
    let (Some(module), Some(_)) = (module, set_up.filter(|gateway| gateway.active)) else { return Ok(offer) };
    let able = module.capabilities();
    if able.off_session && present::check_payable(invoice).is_ok() {
        let stored = pay_methods::of_client(conn, invoice.client_id).await?;
        offer.methods = stored.into_iter().filter(|method| method.gateway == invoice.gateway).collect();
    }
    offer.by_page = able.pages;
    let config = gateways::config(conn, app, &*module).await?;
    offer.instructions = module.instructions(&config);
    Ok(offer)
}
