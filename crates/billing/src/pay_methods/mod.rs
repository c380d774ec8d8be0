//! Stored payment methods: a provider's token with brand, last four digits and expiry.
//!
//! What must hold: no card number ever gets here. A client leaves the card on a page of the provider's ([`setups`], or
//! while paying); text that looks like a card number is refused before anything is done with it.

pub mod admin;
pub mod api;
pub mod compat;
pub mod panel;
pub mod setups;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use accounts::doors::{Permission, Routes};
use kernel::{Error, Result, Timestamp};
use platform::db::Conn;
use platform::{App, params, record};
use serde_json::json;

use crate::gateways::{
    self, Expiry, GatewayError, Gateways, MethodKind, MethodToken, StoreOutcome, StoreRequest, StoredMethod,
    card_numbers,
};

pub const MANAGE: Permission = Permission("Manage Pay Methods");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes()).merge(setups::client::routes())
}

record! {
    #[derive(Debug, Clone)]
    pub struct PayMethod {
        pub id: i64,
        pub client_id: i64,
        pub gateway: String,
        pub kind: String,
        pub description: String,
        pub brand: String,
        pub last_four: String,
        pub expiry_year: Option<u16>,
        pub expiry_month: Option<u8>,
        pub is_default: bool,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub removed_at: Option<Timestamp>,
    }
}

impl PayMethod {
    /// `Visa •••• 4242, 06/27`.
    pub fn label(&self) -> String {
        let name = if self.brand.is_empty() { "Card" } else { self.brand.as_str() };
        match (self.expiry_month, self.expiry_year) {
            (Some(month), Some(year)) => format!("{name} •••• {}, {month:02}/{:02}", self.last_four, year % 100),
            _ => format!("{name} •••• {}", self.last_four),
        }
    }
}

pub async fn of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<PayMethod>> {
    let sql = format!(
        "SELECT {} FROM pay_methods WHERE client_id = $1 AND removed_at IS NULL ORDER BY is_default DESC, id",
        PayMethod::columns("")
    );
    conn.all(&sql, params![client_id]).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<PayMethod> {
    let sql = format!("SELECT {} FROM pay_methods WHERE id = $1 AND removed_at IS NULL", PayMethod::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Payment method"))
}

/// The method, if it is this client's.
pub async fn find_of(conn: &mut Conn, client_id: i64, id: i64) -> Result<PayMethod> {
    let method = find(conn, id).await?;
    if method.client_id == client_id { Ok(method) } else { Err(Error::NotFound("Payment method")) }
}

/// The active gateways that can charge a stored method.
pub async fn able(conn: &mut Conn, app: &App) -> Result<Vec<gateways::SetUp>> {
    let modules = app.get::<Gateways>()?;
    let can = |name: &str| modules.find(name).is_ok_and(|module| module.capabilities().off_session);
    Ok(gateways::active(conn).await?.into_iter().filter(|gateway| can(&gateway.name)).collect())
}

const NEVER_HERE: &str = "Card numbers are never taken here. Let the client enter the card with the payment provider and \
                          send the provider's token.";

/// Refuses a provider's token that looks like the number of a card before anything is done with it. The sandbox's test
/// numbers are numbers too; they may be taken where no money moves.
pub fn refuse_card_number(app: &App, field: &str, gateway: &str, text: &str) -> Result<()> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_number = digits >= 12 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    if (is_number || card_numbers::contains(text)) && !(app.sandbox && gateway == "sandbox") {
        return Err(Error::invalid(field, NEVER_HERE));
    }
    Ok(())
}

/// What people write about a method, which must not be its number.
fn description(text: &str) -> Result<String> {
    let text = kernel::single_line(text, 200).map_err(|text| Error::invalid("description", text))?;
    if card_numbers::contains(&text) {
        return Err(Error::invalid("description", NEVER_HERE));
    }
    Ok(text)
}

/// The method to charge for a gateway: the default one if it is of that gateway, else the newest of it.
pub async fn to_charge(conn: &mut Conn, client_id: i64, gateway: &str) -> Result<Option<PayMethod>> {
    let sql = format!(
        "SELECT {} FROM pay_methods WHERE client_id = $1 AND gateway = $2 AND removed_at IS NULL \
         ORDER BY is_default DESC, id DESC LIMIT 1",
        PayMethod::columns("")
    );
    conn.optional(&sql, params![client_id, gateway]).await
}

/// The client's id at a gateway, if a stored method says it.
pub async fn customer_of(conn: &mut Conn, app: &App, client_id: i64, gateway: &str) -> Result<Option<String>> {
    let known = of_client(conn, client_id).await?;
    let mut customer = None;
    for method in known.iter().filter(|method| method.gateway == gateway) {
        customer = Some(token(conn, app, method.id).await?.customer).filter(|customer| !customer.is_empty());
    }
    Ok(customer)
}

/// The provider's ids of a method, decrypted.
pub async fn token(conn: &mut Conn, app: &App, id: i64) -> Result<MethodToken> {
    let sealed: Vec<u8> = conn.scalar("SELECT token FROM pay_methods WHERE id = $1", params![id]).await?;
    let plain = app.vault.open(&place(id), &sealed)?;
    let value: serde_json::Value =
        serde_json::from_slice(&plain).map_err(|error| Error::broken(format!("pay method {id}: {error}")))?;
    Ok(MethodToken {
        customer: value["customer"].as_str().unwrap_or_default().to_owned(),
        method: value["method"].as_str().unwrap_or_default().to_owned(),
    })
}

fn place(id: i64) -> String {
    format!("pay_methods:token:{id}")
}

/// Asks the provider about a token of its own and makes a stored method of it. Talks to the network: no transaction is
/// open meanwhile.
pub async fn add(
    app: &App,
    by: &Actor,
    client_id: i64,
    gateway_name: &str,
    remote_token: &str,
    description: &str,
    make_default: MakeDefault,
) -> Result<PayMethod> {
    let gateway = app.get::<Gateways>()?.find(gateway_name)?;
    let description = self::description(description)?;
    if remote_token.trim().is_empty() {
        return Err(Error::invalid("remote_token", "Write the gateway's own id of the stored method."));
    }
    refuse_card_number(app, "remote_token", gateway_name, remote_token)?;
    let mut conn = app.db.read().await?;
    gateways::require_active(&mut conn, "gateway_module_name", gateway_name).await?;
    if !gateway.capabilities().off_session {
        return Err(Error::invalid("gateway_module_name", "Unsupported Gateway Type for Storage"));
    }
    let client = clients::find(&mut conn, client_id).await?;
    let config = gateways::config(&mut conn, app, &*gateway).await?;
    let customer = customer_of(&mut conn, app, client_id, gateway_name).await?;
    drop(conn);
    let request = StoreRequest {
        remote_token: remote_token.trim().to_owned(),
        customer,
        client_id,
        name: client.name(),
        email: client.email.clone(),
    };
    let stored = match gateway.store(&config, request).await.map_err(|error| explain(&error))? {
        StoreOutcome::Stored(stored) => stored,
        StoreOutcome::Declined { reason, .. } => {
            return Err(Error::refused(format!(
                "The gateway declined the method: {}",
                card_numbers::redacted(&reason)
            )));
        }
    };
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let new = Kept {
        client_id,
        gateway: gateway_name,
        description: &description,
        method: &stored,
        make_default,
        origin: None,
    };
    let id = keep(&mut locked, app, by, new, now).await?;
    let method = find(&mut locked, id).await?;
    tx.commit().await?;
    Ok(method)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MakeDefault {
    Yes,
    No,
}

fn explain(error: &GatewayError) -> Error {
    match error {
        GatewayError::Unknown(text) => Error::Unavailable(format!("The gateway did not answer: {text}")),
        other => Error::refused(format!("Error Creating Remote Token: {}", card_numbers::redacted(&other.to_string()))),
    }
}

/// Where a method comes from that a client has left on a page of the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Attempt(i64),
    Setup(i64),
}

impl Origin {
    fn key(self) -> String {
        match self {
            Origin::Attempt(id) => format!("attempt:{id}"),
            Origin::Setup(id) => format!("setup:{id}"),
        }
    }
}

/// A method to be kept.
pub(crate) struct Kept<'a> {
    pub client_id: i64,
    pub gateway: &'a str,
    pub description: &'a str,
    pub method: &'a StoredMethod,
    pub make_default: MakeDefault,
    pub origin: Option<Origin>,
}

/// Keeps a method that the provider has stored; its id. From one origin there is one method, however often it is told.
pub(crate) async fn keep(tx: &mut Locked<'_>, app: &App, by: &Actor, new: Kept<'_>, now: Timestamp) -> Result<i64> {
    let Kept { client_id, gateway, description, method: stored, make_default, origin } = new;
    tx.check(client_id)?;
    let origin = origin.map(Origin::key);
    let known: Option<(i64,)> = tx.optional("SELECT id FROM pay_methods WHERE origin = $1", params![origin]).await?;
    if let Some((id,)) = known {
        return Ok(id);
    }
    if stored.last_four.len() > 4 || !stored.last_four.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::broken(format!("{gateway} gave more of a number than its last four digits")));
    }
    let brand = card_numbers::redacted(&stored.brand);
    let first = of_client(tx, client_id).await?.is_empty();
    let is_default = first || make_default == MakeDefault::Yes;
    if is_default {
        tx.execute("UPDATE pay_methods SET is_default = FALSE WHERE client_id = $1 AND is_default", params![client_id])
            .await?;
    }
    let kind = match stored.kind {
        MethodKind::Card => "card",
        MethodKind::BankAccount => "bank_account",
    };
    let id: i64 = tx
        .scalar(
            "INSERT INTO pay_methods (client_id, gateway, kind, description, brand, last_four, expiry_year, \
             expiry_month, token, is_default, origin, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING id",
            params![
                client_id,
                gateway,
                kind,
                description,
                brand,
                stored.last_four,
                stored.expiry.map(|expiry| expiry.year),
                stored.expiry.map(|expiry| expiry.month),
                Vec::<u8>::new(),
                is_default,
                origin,
                now
            ],
        )
        .await?;
    let plain = json!({ "customer": stored.token.customer, "method": stored.token.method }).to_string();
    let sealed = app.vault.seal(&app.random, &place(id), plain.as_bytes())?;
    tx.execute("UPDATE pay_methods SET token = $2 WHERE id = $1", params![id, sealed]).await?;
    let text = format!("Payment method {brand} •••• {} added at {gateway}", stored.last_four);
    activity_log::record(tx, by, Activity::new(text).client(client_id).about(format!("client:{client_id}")), now)
        .await?;
    Ok(id)
}

/// What may be changed of a stored method.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub description: Option<String>,
    pub expiry: Option<Expiry>,
    pub make_default: bool,
}

pub async fn update(tx: &mut Locked<'_>, by: &Actor, id: i64, edit: Edit, now: Timestamp) -> Result<()> {
    let method = find(tx, id).await?;
    tx.check(method.client_id)?;
    if edit.make_default && !method.is_default {
        tx.execute(
            "UPDATE pay_methods SET is_default = FALSE WHERE client_id = $1 AND is_default",
            params![method.client_id],
        )
        .await?;
        tx.execute("UPDATE pay_methods SET is_default = TRUE WHERE id = $1", params![id]).await?;
    }
    if let Some(text) = &edit.description {
        let text = description(text)?;
        tx.execute("UPDATE pay_methods SET description = $2 WHERE id = $1", params![id, text]).await?;
    }
    if let Some(expiry) = edit.expiry {
        if !(1..=12).contains(&expiry.month) || !(2000..=2099).contains(&expiry.year) {
            return Err(Error::invalid("card_expiry", "Expiry Date is invalid"));
        }
        tx.execute(
            "UPDATE pay_methods SET expiry_year = $2, expiry_month = $3 WHERE id = $1",
            params![id, expiry.year, expiry.month],
        )
        .await?;
    }
    tx.execute("UPDATE pay_methods SET updated_at = $2 WHERE id = $1", params![id, now]).await?;
    let activity = Activity::new(format!("Payment method {} changed", method.label())).client(method.client_id);
    activity_log::record(tx, by, activity.about(format!("client:{}", method.client_id)), now).await
}

/// Whether a method may go although the provider does not forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRemoteFailure {
    RemoveAnyway,
    Refuse,
}

/// Forgets a method here and at the provider. While a charge with it is open it stays.
pub async fn remove(app: &App, by: &Actor, id: i64, on_failure: OnRemoteFailure) -> Result<()> {
    let mut conn = app.db.read().await?;
    let method = find(&mut conn, id).await?;
    let gateway = app.get::<Gateways>()?.find(&method.gateway)?;
    let config = gateways::config(&mut conn, app, &*gateway).await?;
    let remote = token(&mut conn, app, id).await?;
    let open: i64 = conn
        .scalar(
            "SELECT COUNT(*) FROM payment_attempts WHERE pay_method_id = $1 \
             AND state IN ('intent', 'unknown', 'pending')",
            params![id],
        )
        .await?;
    drop(conn);
    if open > 0 {
        return Err(Error::refused("A charge with this method is under way. Remove it when its outcome is known."));
    }
    if let Err(error) = gateway.forget(&config, &remote).await
        && on_failure == OnRemoteFailure::Refuse
    {
        return Err(Error::refused(format!("Error Deleting Remote Pay Method: {error}")));
    }
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let mut locked = clients::lock(&mut tx, method.client_id).await?;
    // The row stays, for the attempts that name it; the token goes.
    locked
        .execute(
            "UPDATE pay_methods SET removed_at = $2, updated_at = $2, is_default = FALSE, token = $3 WHERE id = $1",
            params![id, now, Vec::<u8>::new()],
        )
        .await?;
    let activity = Activity::new(format!("Payment method {} removed", method.label())).client(method.client_id);
    activity_log::record(&mut locked, by, activity.about(format!("client:{}", method.client_id)), now).await?;
    tx.commit().await
}
