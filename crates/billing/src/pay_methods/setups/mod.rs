//! A client leaves a payment method on a page of the provider's, without paying anything: the way to store a card.
//!
//! What must hold:
//! - The setup's row is committed before the provider is called, and its id is the provider's idempotency key.
//! - A setup stores one method, however often the provider tells of it and the client comes back.
//! - Who has the link can add a method and see nothing of the client but the name of the business.

pub mod client;
pub mod jobs;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use accounts::company;
use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::jobs::NewJob;
use platform::prune::{After, Rubbish};
use platform::{App, crypto, record};
use serde_json::json;

use super::{Kept, MakeDefault, Origin};
use crate::captures::present::Place;
use crate::gateways::{
    self, Gateway, GatewayError, Gateways, LogLine, OpenPage, Page, PageRequest, PageState, Purpose, StoredMethod,
    card_numbers,
};

/// Seconds for which a link works.
const LIFE: i64 = 7 * 86_400;
/// Links that no longer work, for [`platform::prune`].
pub const EXPIRED: Rubbish = Rubbish {
    name: "links to add a card",
    table: "method_links",
    key: "token_hash",
    condition: "expires_at <= $1",
    after: After::Seconds(0),
};
/// So many pages within an hour are enough for one client.
const TRIES: i64 = 10;
const TRIES_WITHIN: i64 = 3600;

kernel::text_enum! {
    pub enum SetupState {
        /// Written before the provider is called.
        Intent = "intent",
        /// The client is on the page.
        Open = "open",
        Stored = "stored",
        Failed = "failed",
    }
}
platform::enum_column!(SetupState);

record! {
    #[derive(Debug, Clone)]
    pub struct Setup {
        pub id: i64,
        pub public_id: String,
        pub client_id: i64,
        pub gateway: String,
        pub state: SetupState,
        /// The provider's id of its page.
        pub page_id: Option<String>,
        pub url: Option<String>,
        pub reason: String,
        pub pay_method_id: Option<i64>,
        pub created_at: Timestamp,
        pub finished_at: Option<Timestamp>,
    }
}

impl Setup {
    pub fn is_settled(&self) -> bool {
        matches!(self.state, SetupState::Stored | SetupState::Failed)
    }
}

/// Whose method a link takes, and at which gateway.
#[derive(Debug, Clone)]
pub(crate) struct Invited {
    pub client_id: i64,
    pub gateway: String,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Setup> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Setup"))
}

pub async fn by_public_id(conn: &mut Conn, gateway: &str, public_id: &str) -> Result<Option<Setup>> {
    store::by_public_id(conn, gateway, public_id).await
}

/// The active gateways that have a page on which a client leaves a method.
pub async fn able(conn: &mut Conn, app: &App) -> Result<Vec<gateways::SetUp>> {
    let modules = app.get::<Gateways>()?;
    let can = |name: &str| modules.find(name).is_ok_and(|module| module.capabilities().pages);
    Ok(super::able(conn, app).await?.into_iter().filter(|gateway| can(&gateway.name)).collect())
}

/// Makes a link for a client; its address. Only its hash is stored.
pub async fn make_link(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    client_id: i64,
    gateway: &str,
    now: Timestamp,
) -> Result<String> {
    let client = clients::find(tx, client_id).await?;
    if !able(tx, app).await?.iter().any(|able| able.name == gateway) {
        return Err(Error::invalid("gateway", "This gateway has no page on which a client can leave a card."));
    }
    let token = app.random.token();
    let hash = crypto::sha256_hex(token.as_bytes());
    store::insert_link(tx, &hash, client.id, gateway, now.plus_seconds(LIFE)).await?;
    let activity = Activity::new(format!("Link to add a payment method at {gateway} made")).client(client_id);
    activity_log::record(tx, by, activity.about(format!("client:{client_id}")), now).await?;
    Ok(format!("{}/add-card/{token}", company::system_url(tx).await?))
}

/// Whose link it is. What is wrong with a link is not told: to a stranger it never existed.
pub(crate) async fn invited(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Invited> {
    let hash = crypto::sha256_hex(token.as_bytes());
    store::invited(conn, &hash, now).await?.ok_or(Error::NotFound("This page"))
}

/// The latest setup of a client at a gateway.
pub(crate) async fn latest(conn: &mut Conn, invited: &Invited) -> Result<Option<Setup>> {
    store::latest(conn, invited.client_id, &invited.gateway).await
}

/// Opens the provider's page, or goes on with the one that is open. It goes on when the client has left.
pub(crate) async fn begin(app: &App, invited: Invited, place: Place) -> Result<Setup> {
    let app = app.clone();
    let work = tokio::spawn(async move { begin_now(&app, &invited, place).await });
    work.await.map_err(|panic| Error::broken(format!("setup: {panic}")))?
}

async fn begin_now(app: &App, invited: &Invited, place: Place) -> Result<Setup> {
    let known = latest(&mut app.db.read().await?, invited).await?;
    if let Some(open) = known.filter(|setup| setup.state == SetupState::Open)
        && !resolve(app, open.id).await?
    {
        return Ok(open);
    }
    let gateway = app.get::<Gateways>()?.find(&invited.gateway)?;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let mut locked = clients::lock(&mut tx, invited.client_id).await?;
    gateways::require_active(&mut locked, "gateway", &invited.gateway).await?;
    if store::count_since(&mut locked, invited.client_id, now.plus_seconds(-TRIES_WITHIN)).await? >= TRIES {
        return Err(Error::refused("That were many tries. Wait an hour, or ask us for help."));
    }
    let client = clients::find(&mut locked, invited.client_id).await?;
    let config = gateways::config(&mut locked, app, &*gateway).await?;
    let customer = super::customer_of(&mut locked, app, invited.client_id, &invited.gateway).await?;
    let reference = app.random.uuid(now).to_string();
    let id = store::insert(&mut locked, &reference, invited, now).await?;
    let owner = NewJob::now(jobs::RESOLVE, json!({ "setup": id }), now)
        .keyed(format!("setup:{id}"))
        .about(format!("client:{}", invited.client_id))
        .at(now.plus_seconds(jobs::FIRST_LOOK))
        .attempts(1000);
    platform::jobs::enqueue(&mut locked, owner, now).await?;
    tx.commit().await?;
    let request = PageRequest {
        reference,
        purpose: Purpose::Store { currency: client.currency },
        customer,
        client_id: client.id,
        name: client.name(),
        email: client.email,
        return_url: place.return_url,
        cancel_url: place.cancel_url,
    };
    let answer = gateway.open_page(&config, request).await;
    opened(app, id, answer).await
}

async fn opened(app: &App, id: i64, answer: Result<Page, GatewayError>) -> Result<Setup> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let seen = find(&mut tx, id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    log(&mut locked, &seen, answer.as_ref().map(|page| format!("page {}", page.id)), now).await?;
    match &answer {
        Ok(page) => store::set_open(&mut locked, id, page).await?,
        // Whatever was made of it at the provider: nobody has its address.
        Err(error) => store::set_failed(&mut locked, id, &words(error), now).await?,
    }
    let setup = find(&mut locked, id).await?;
    tx.commit().await?;
    match answer {
        Ok(_) => Ok(setup),
        Err(_) => {
            Err(Error::Unavailable("The payment provider cannot be reached at the moment. Try again later.".into()))
        }
    }
}

fn words(error: &GatewayError) -> String {
    card_numbers::redacted(&error.to_string()).chars().take(1000).collect()
}

async fn log(tx: &mut Tx, setup: &Setup, answer: Result<String, &GatewayError>, now: Timestamp) -> Result<()> {
    let (result, detail) = match answer {
        Ok(text) => ("answer", text),
        Err(error) => ("error", error.to_string()),
    };
    let line = LogLine {
        gateway: &setup.gateway,
        what: "setup",
        result,
        client_id: Some(setup.client_id),
        invoice_id: None,
        detail: format!("setup {}: {detail}", setup.public_id),
    };
    gateways::log(tx, line, now).await
}

/// Asks the provider what the client has left on its page; `true` when that is settled.
pub(crate) async fn resolve(app: &App, id: i64) -> Result<bool> {
    let mut conn = app.db.read().await?;
    let setup = find(&mut conn, id).await?;
    if setup.is_settled() {
        return Ok(true);
    }
    let Some(page_id) = setup.page_id.clone() else {
        return settle(app, &setup, PageState::Expired).await;
    };
    let gateway: std::sync::Arc<dyn Gateway> = app.get::<Gateways>()?.find(&setup.gateway)?;
    let config = gateways::config(&mut conn, app, &*gateway).await?;
    drop(conn);
    let page = OpenPage { id: page_id, reference: setup.public_id.clone(), amount: None, keep: true };
    match gateway.look_up_page(&config, &page).await {
        Ok(state) => settle(app, &setup, state).await,
        Err(_) => Ok(false),
    }
}

/// What a gateway within this process says of one of its own pages.
pub async fn page_told(app: &App, gateway: &str, reference: &str, state: PageState) -> Result<bool> {
    let setup = by_public_id(&mut app.db.read().await?, gateway, reference).await?;
    settle(app, &setup.ok_or(Error::NotFound("Setup"))?, state).await
}

async fn settle(app: &App, setup: &Setup, state: PageState) -> Result<bool> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let mut locked = clients::lock(&mut tx, setup.client_id).await?;
    let setup = find(&mut locked, setup.id).await?;
    if setup.is_settled() {
        return Ok(true);
    }
    match state {
        PageState::Open => return Ok(false),
        PageState::Finished { method: Some(method), .. } => keep(&mut locked, app, &setup, &method, now).await?,
        PageState::Finished { method: None, .. } => {
            store::set_failed(&mut locked, setup.id, "Nothing was left on the page that can be kept.", now).await?;
        }
        PageState::Expired => {
            store::set_failed(&mut locked, setup.id, "The page was closed before anything was entered.", now).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}

async fn keep(tx: &mut Locked<'_>, app: &App, setup: &Setup, method: &StoredMethod, now: Timestamp) -> Result<()> {
    let by = Actor::client(setup.client_id);
    let new = Kept {
        client_id: setup.client_id,
        gateway: &setup.gateway,
        description: "",
        method,
        make_default: MakeDefault::Yes,
        origin: Some(Origin::Setup(setup.id)),
    };
    let id = super::keep(tx, app, &by, new, now).await?;
    store::set_stored(tx, setup.id, id, now).await
}
