//! A company to test with: a migrated database on either engine, a clock that stands, gateways, a client.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

pub mod doors;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use accounts::activity_log::Actor;
use accounts::clients::{self, Client};
use accounts::parties::{self, Party};
use kernel::{Currency, Cycle, Date, Money, Timestamp};
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Extensions, Parts, Random, Vault, params};

use crate::gateways::*;
use crate::invoices::{InvoiceStatus, NewInvoice, NewLine, Tell};
use crate::recurring::{self, Charge};
use crate::terms::{Buyer, Terms};
use crate::{currencies, doctor, invoices};

pub struct Company {
    pub app: App,
    pub by: Actor,
    _folder: testkit::Folder,
}

pub fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub fn usd(text: &str) -> Money {
    Money::parse(text, Currency::parse("USD").unwrap()).unwrap()
}

fn listening() -> Events {
    let mut events = Events::default();
    crate::events(&mut events);
    events
}

impl testkit::Open for Company {
    async fn open(engine: testkit::Engine) -> Company {
        Company::with_gateways(engine, Vec::new()).await
    }
}

impl Company {
    pub async fn with_gateways(engine: testkit::Engine, gateways: Vec<Arc<dyn Gateway>>) -> Company {
        Company::with(engine, gateways, listening()).await
    }

    /// One where somebody listens who is not of this crate.
    pub async fn heard_by(engine: testkit::Engine, subscribe: impl FnOnce(&mut Events)) -> Company {
        let mut events = listening();
        subscribe(&mut events);
        Company::with(engine, Vec::new(), events).await
    }

    async fn with(engine: testkit::Engine, gateways: Vec<Arc<dyn Gateway>>, events: Events) -> Company {
        let folder = testkit::Folder::new();
        let url = engine.database(&folder).await;
        let db = Db::create(&url, events).await.unwrap();
        let clock = Clock::fixed(Timestamp::parse("2026-01-15T10:00:00Z").unwrap());
        db.migrate(clock.now()).await.unwrap();
        let mut extensions = Extensions::default();
        extensions.add(Gateways::new(gateways));
        extensions.add(accounts::doors::Nav::default());
        let mut jobs = platform::jobs::Registry::default();
        crate::jobs(&mut jobs);
        platform::events::register(&mut jobs);
        let mut templates = Templates::builder();
        templates.add::<accounts::Templates>("accounts");
        templates.add::<crate::Templates>("billing");
        let templates = templates.build();
        let app = App::new(Parts {
            db,
            clock,
            random: Random::seeded(7),
            vault: Vault::new(&[7; 32]),
            settings: platform::settings::Registry::default(),
            jobs,
            templates,
            sandbox: true,
            node: "test".to_owned(),
            wake: Arc::default(),
            extensions,
        });
        let company = Company { app, by: Actor::system("Test"), _folder: folder };
        let mut tx = company.app.db.write().await.unwrap();
        currencies::add(&mut tx, Currency::parse("USD").unwrap(), "$", " USD", "1").await.unwrap();
        currencies::add(&mut tx, Currency::parse("EUR").unwrap(), "€", " EUR", "0.9").await.unwrap();
        for name in ["banktransfer", "sandbox"] {
            tx.execute(
                "INSERT INTO gateways (name, display_name, active, position, config) VALUES ($1, $1, TRUE, 1, '{}')",
                params![name],
            )
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
        company
    }

    pub fn today(&self, text: &str) {
        self.app.clock.set(Timestamp::parse(&format!("{text}T10:00:00Z")).unwrap());
    }

    pub async fn set(&self, setting: &platform::Setting, value: &str) {
        let mut tx = self.app.db.write().await.unwrap();
        platform::settings::set(&mut tx, setting, value, self.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn client(&self, email: &str) -> Client {
        let mut tx = self.app.db.write().await.unwrap();
        let name = Party { name: format!("Ada {email}"), country: "GB".to_owned(), ..Party::default() };
        let party = parties::keep(&mut tx, &name).await.unwrap();
        let id: i64 = tx
            .scalar(
                "INSERT INTO clients (uuid, first_name, last_name, company, email, email_lower, address1, address2, city, \
                 state, postcode, country, phone, tax_id, currency, status, language, notes, tax_exempt, no_late_fees, \
                 no_overdue_notices, separate_invoices, no_auto_capture, no_auto_status, marketing_opt_in, party_id, \
                 search, created_at, updated_at) VALUES ($1, 'Ada', 'Lovelace', '', $1, $1, '', '', 'London', '', '', 'GB', \
                 '', '', 'USD', 'active', '', '', FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, $2, $1, 0, 0) RETURNING id",
                params![email, party],
            )
            .await
            .unwrap();
        let words = format!("ada lovelace {email}");
        accounts::search::index(&mut tx, accounts::search::Kind::Client, id, &words).await.unwrap();
        let client = clients::find(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        client
    }

    /// A charge as an active service would have it.
    pub async fn charge(
        &self,
        client: &Client,
        owner: i64,
        amount: &str,
        cycle: Cycle,
        due: &str,
        gateway: &str,
    ) -> i64 {
        let mut tx = self.app.db.write().await.unwrap();
        let charge = Charge {
            client_id: client.id,
            owner_kind: "service",
            owner_id: owner,
            description: format!("Hosting {owner}"),
            amount: usd(amount),
            cycle,
            anchor_day: date(due).day(),
            gateway: gateway.to_owned(),
            taxed: true,
            billable: true,
            next_due_on: date(due),
            remaining: None,
        };
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let id = recurring::put(&mut locked, &charge, self.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// An unpaid invoice of one line that is due today.
    pub async fn owed(&self, client: &Client, amount: &str) -> i64 {
        let terms = self.terms().await;
        let new = NewInvoice {
            buyer: Buyer::of(client),
            issued_on: terms.today,
            due_on: terms.today,
            gateway: "sandbox".to_owned(),
            lines: vec![NewLine::item("Hosting", usd(amount), true)],
            notes: String::new(),
            source: "test".to_owned(),
            levels: None,
        };
        let mut tx = self.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let issued = invoices::issue(&mut locked, &terms, vec![new], Tell::Nobody).await.unwrap();
        tx.commit().await.unwrap();
        issued[0].id
    }

    /// Status and balance of an invoice.
    pub async fn invoice_state(&self, id: i64) -> (InvoiceStatus, String) {
        let mut conn = self.app.db.read().await.unwrap();
        let invoice = invoices::find(&mut conn, id).await.unwrap();
        (invoice.status, invoice.money(invoice.balance).decimal())
    }

    pub async fn credit_of(&self, client: &Client) -> String {
        let mut conn = self.app.db.read().await.unwrap();
        crate::credits::balance(&mut conn, client.id, client.currency).await.unwrap().decimal()
    }

    pub async fn count(&self, table: &str) -> i64 {
        let mut conn = self.app.db.read().await.unwrap();
        conn.scalar(&format!("SELECT COUNT(*) FROM {table}"), params![]).await.unwrap()
    }

    /// What no rule would do, to the rows that are meant.
    pub async fn raw(&self, sql: &str, id: i64) {
        let mut tx = self.app.db.write().await.unwrap();
        assert_eq!(tx.execute(sql, params![id]).await.unwrap(), 1, "{sql}");
        tx.commit().await.unwrap();
    }

    pub async fn terms(&self) -> Terms {
        let mut conn = self.app.db.read().await.unwrap();
        Terms::load(&mut conn, self.app.clock.now()).await.unwrap()
    }

    /// The columns in which a text stands somewhere.
    pub async fn everywhere(&self, text: &str) -> Vec<String> {
        let mut conn = self.app.db.read().await.unwrap();
        let mut found = Vec::new();
        for table in platform::db::catalog::tables(&mut conn).await.unwrap() {
            for column in &table.columns {
                let (name, column) = (&table.name, &column.name);
                let sql = format!("SELECT COUNT(*) FROM {name} WHERE CAST(\"{column}\" AS TEXT) LIKE '%{text}%'");
                if conn.scalar::<i64>(&sql, params![]).await.unwrap() > 0 {
                    found.push(format!("{name}.{column}"));
                }
            }
        }
        found
    }

    /// Every invariant of the books holds.
    pub async fn is_sound(&self) {
        let mut conn = self.app.db.read().await.unwrap();
        assert_eq!(doctor::check(&mut conn).await.unwrap(), []);
    }
}

impl Company {
    pub fn terms_today(&self) -> Date {
        self.app.clock.now().date_in(&jiff_utc())
    }
}

fn jiff_utc() -> platform::jiff::tz::TimeZone {
    platform::jiff::tz::TimeZone::UTC
}

/// A provider at the edge of the process: what it answers is the name of the stored card, unless a test has told it
/// something else of an attempt or of a page.
#[derive(Default)]
pub struct Scripted {
    /// Its name, unless it is `sandbox`.
    called: Option<&'static str>,
    told: Mutex<HashMap<String, Outcome>>,
    pages: Mutex<HashMap<String, PageState>>,
    pub pages_are_down: std::sync::atomic::AtomicBool,
    asked: Mutex<Vec<String>>,
    /// What it says that it has taken, once a test has said so.
    pub taken: Mutex<Option<Vec<Taken>>>,
}

impl Scripted {
    pub fn called(name: &'static str) -> Scripted {
        Scripted { called: Some(name), ..Scripted::default() }
    }

    /// From now on this is what became of an attempt.
    pub fn tell(&self, attempt: &str, outcome: Outcome) {
        self.told.lock().unwrap().insert(attempt.to_owned(), outcome);
    }

    /// From now on this is what became of a page.
    pub fn tell_page(&self, reference: &str, state: PageState) {
        self.pages.lock().unwrap().insert(reference.to_owned(), state);
    }

    /// What it was asked to do, apart from charges.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn told(&self, attempt: &str) -> Option<Outcome> {
        self.told.lock().unwrap().get(attempt).cloned()
    }

    fn page(&self, reference: &str) -> PageState {
        self.pages.lock().unwrap().get(reference).cloned().unwrap_or(PageState::Open)
    }
}

/// The card that stands for a token.
pub fn scripted_method(token: &str) -> StoredMethod {
    StoredMethod {
        token: MethodToken { customer: "customer".to_owned(), method: token.to_owned() },
        kind: MethodKind::Card,
        brand: "Visa".to_owned(),
        last_four: "4242".to_owned(),
        expiry: None,
    }
}

/// The header that an event of [`Scripted`] is signed with: `right`.
pub const SIGNATURE: &str = "scripted-signature";

#[async_trait::async_trait]
impl Gateway for Scripted {
    fn name(&self) -> &'static str {
        self.called.unwrap_or("sandbox")
    }

    fn display_name(&self) -> &'static str {
        "Scripted"
    }

    fn fields(&self) -> &'static [ConfigField] {
        const fn field(key: &'static str, label: &'static str, secret: bool, required: bool) -> ConfigField {
            ConfigField { key, label, help: "", secret, required, default: "" }
        }
        &[
            const { field("account", "Account", false, true) },
            const { field("key", "Key", true, false) },
            const { ConfigField { default: "https://pay.example.com", ..field("api_base", "Address", false, false) } },
        ]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { off_session: true, pages: true, refunds: true, webhooks: true, manual: false }
    }

    async fn store(&self, _: &GatewayConfig, request: StoreRequest) -> Result<StoreOutcome, GatewayError> {
        match request.remote_token.as_str() {
            "chatty" => {
                Err(GatewayError::NotSent(format!("What a card, 4111 1111 1111 1111! ({})", request.client_id)))
            }
            "stolen" => Ok(StoreOutcome::Declined {
                code: "stolen_card".to_owned(),
                reason: "The card was reported as stolen.".to_owned(),
            }),
            token => Ok(StoreOutcome::Stored(scripted_method(token))),
        }
    }

    async fn forget(&self, _: &GatewayConfig, _: &MethodToken) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn charge(&self, _: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError> {
        let external_id = format!("ch_{}", request.attempt);
        match request.method.method.as_str() {
            "declined" => Ok(Outcome::Declined {
                external_id: Some(external_id),
                code: "insufficient_funds".to_owned(),
                reason: "The card has insufficient funds.".to_owned(),
            }),
            // The card number of a provider that talks too much.
            "gossip" => Ok(Outcome::Declined {
                external_id: Some(external_id),
                code: "declined".to_owned(),
                reason: "No money on 4111 1111 1111 1111.".to_owned(),
            }),
            "sca" => Ok(Outcome::ActionRequired {
                external_id,
                url: match request.presence {
                    Presence::Absent => None,
                    Presence::Present { .. } => Some("https://bank.example/challenge".to_owned()),
                },
            }),
            "slow" => Ok(Outcome::Pending { external_id }),
            "down" => Err(GatewayError::NotSent("connection refused".to_owned())),
            "timeout" | "lost" => Err(GatewayError::Unknown("timed out".to_owned())),
            _ => Ok(Outcome::Succeeded { external_id, fee: None }),
        }
    }

    async fn look_up(&self, _: &GatewayConfig, attempt: &Attempt, _: Timestamp) -> Result<LookUp, GatewayError> {
        let external_id = format!("ch_{}", attempt.attempt);
        if let Some(told) = self.told(&attempt.attempt) {
            return Ok(LookUp::Known(told));
        }
        Ok(match attempt.method.as_ref().map(|method| method.method.as_str()) {
            Some("timeout") => LookUp::Known(Outcome::Succeeded { external_id, fee: None }),
            Some("sca") => LookUp::Known(Outcome::ActionRequired { external_id, url: None }),
            Some("slow") => LookUp::InProgress,
            _ => LookUp::NeverArrived,
        })
    }

    async fn cancel(&self, _: &GatewayConfig, external_id: &str) -> Result<LookUp, GatewayError> {
        self.note(format!("cancel {external_id}"));
        if let Some(told) = self.told(external_id.trim_start_matches("ch_")) {
            return Ok(LookUp::Known(told));
        }
        Ok(LookUp::Known(Outcome::Declined {
            external_id: Some(external_id.to_owned()),
            code: "canceled".to_owned(),
            reason: "Given up.".to_owned(),
        }))
    }

    async fn open_page(&self, _: &GatewayConfig, request: PageRequest) -> Result<Page, GatewayError> {
        self.note(format!("open {}", request.return_url));
        if self.pages_are_down.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(GatewayError::Unknown("timed out".to_owned()));
        }
        let id = format!("page_{}", request.reference);
        Ok(Page { url: format!("https://pages.example/{id}"), id })
    }

    async fn look_up_page(&self, _: &GatewayConfig, page: &OpenPage) -> Result<PageState, GatewayError> {
        Ok(self.page(&page.reference))
    }

    async fn close_page(&self, _: &GatewayConfig, page: &OpenPage) -> Result<PageState, GatewayError> {
        self.note(format!("close {}", page.id));
        Ok(match self.page(&page.reference) {
            PageState::Open => PageState::Expired,
            other => other,
        })
    }

    async fn taken_since(&self, _: &GatewayConfig, since: Timestamp) -> Result<Vec<Taken>, GatewayError> {
        let taken = self.taken.lock().unwrap().clone().ok_or(GatewayError::Unsupported("listing what was taken"))?;
        Ok(taken.into_iter().filter(|taken| taken.taken_at >= since).collect())
    }

    async fn refund(&self, _: &GatewayConfig, request: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        self.note(format!("refund {}", request.refund));
        let external_id = format!("re_{}", request.refund);
        match request.payment.as_str() {
            "refused" => Ok(RefundOutcome::Refused { reason: "The card account was closed.".to_owned() }),
            "pending" => Ok(RefundOutcome::Pending { external_id }),
            "busy" => Err(GatewayError::NotSent("too many requests".to_owned())),
            _ => Ok(RefundOutcome::Succeeded { external_id }),
        }
    }

    async fn look_up_refund(
        &self,
        _: &GatewayConfig,
        request: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        self.note(format!("look up refund {}", request.refund));
        let external_id = format!("re_{}", request.refund);
        match request.payment.as_str() {
            "found" => Ok(Some(RefundOutcome::Succeeded { external_id })),
            "pending" => Ok(Some(RefundOutcome::Pending { external_id })),
            "mute" => Err(GatewayError::Unknown("timed out".to_owned())),
            _ => Ok(None),
        }
    }

    fn verify_webhook(
        &self,
        _: &GatewayConfig,
        headers: &[(String, String)],
        body: &[u8],
        _: Timestamp,
    ) -> Result<WebhookEvent, WebhookError> {
        let signature = headers.iter().find(|(name, _)| name == SIGNATURE).map(|(_, value)| value.as_str());
        match signature {
            Some("right") => {}
            Some("stale") => return Err(WebhookError::OutsideTolerance { seconds: 4000 }),
            _ => return Err(WebhookError::BadSignature),
        }
        let event: serde_json::Value =
            serde_json::from_slice(body).map_err(|error| WebhookError::Unreadable(error.to_string()))?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let effect = match event["kind"].as_str() {
            Some("paid") => WebhookEffect::Charge {
                attempt: Some(text("attempt")),
                outcome: Outcome::Succeeded { external_id: format!("ch_{}", text("attempt")), fee: None },
                amount: usd(&text("amount")),
            },
            Some("declined") => WebhookEffect::Charge {
                attempt: Some(text("attempt")),
                outcome: Outcome::Declined { external_id: None, code: "no".to_owned(), reason: "No.".to_owned() },
                amount: usd(&text("amount")),
            },
            Some("page") => WebhookEffect::Page { reference: text("reference") },
            Some(kind @ ("refunded" | "refund_failed")) => WebhookEffect::Refund {
                refund: event["ours"].as_str().map(str::to_owned),
                payment: text("payment"),
                external_id: text("refund"),
                amount: usd(&text("amount")),
                outcome: match kind {
                    "refunded" => RefundOutcome::Succeeded { external_id: text("refund") },
                    _ => RefundOutcome::Refused { reason: "The account was closed.".to_owned() },
                },
            },
            Some("dispute") => WebhookEffect::Dispute(DisputeNews {
                external_id: text("dispute"),
                payment: text("payment"),
                other_payment: None,
                amount: usd(&text("amount")),
                reason: "product_not_received".to_owned(),
                state: DisputeState::parse(&text("state")).unwrap(),
                status: text("state"),
                answer_by: Some(Timestamp::parse("2026-02-01T00:00:00Z").unwrap()),
                withdrawn: event["withdrawn"].as_str().map(|fee| Movement { fee: Some(usd(fee)) }),
                reinstated: event["reinstated"].as_str().map(|fee| Movement { fee: Some(usd(fee)) }),
            }),
            _ => WebhookEffect::Ignored,
        };
        Ok(WebhookEvent { event_id: text("id"), kind: text("kind"), effect })
    }
}

/// The doors of a company: its routes as a service, an administrator who may do everything, and one who may do nothing.
pub struct Doors {
    router: axum::Router,
    boss: (String, String),
    nobody: (String, String),
    credential: (String, String),
}

pub struct Reply {
    pub status: u16,
    pub to: String,
    pub kind: String,
    pub disposition: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Doors {
    pub async fn of(company: &Company) -> Doors {
        use accounts::{admins, api_credentials, roles, sessions};
        let (app, now) = (company.app.clone(), company.app.clock.now());
        let routes = crate::routes();
        let permissions = routes.permissions().into_iter().chain(accounts::routes().permissions()).collect::<Vec<_>>();
        let mut tx = app.db.write().await.unwrap();
        roles::seed(&mut tx, &permissions).await.unwrap();
        tx.batch("INSERT INTO roles (name, built_in) VALUES ('Nothing', FALSE)").await.unwrap();
        let mut logins = Vec::new();
        let mut credential = None;
        for (username, role) in [("boss", roles::FULL_ADMINISTRATOR), ("nobody", "Nothing")] {
            let new = admins::NewAdmin {
                username: username.to_owned(),
                email: format!("{username}@example.com"),
                role: role.to_owned(),
                password: None,
            };
            let admin = admins::create(&mut tx, &company.by, new, now).await.unwrap();
            let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &app.random, now).await.unwrap();
            let session = sessions::find(&mut tx, &token, now).await.unwrap().unwrap();
            logins.push((format!("{}={token}", sessions::COOKIE), session.csrf));
            if credential.is_none() {
                let made = api_credentials::create(&mut tx, &company.by, admin.id, &app.random, now).await.unwrap();
                credential = Some((made.identifier, made.secret));
            }
        }
        tx.commit().await.unwrap();
        let nobody = logins.pop().unwrap();
        let boss = logins.pop().unwrap();
        Doors { router: accounts::doors::service(app, routes), boss, nobody, credential: credential.unwrap() }
    }

    pub async fn send(&self, login: Option<bool>, method: &str, path: &str, kind: &str, body: String) -> Reply {
        use http_body_util::BodyExt;
        use tower::ServiceExt;
        let mut request = axum::http::Request::builder().method(method).uri(path).header("content-type", kind);
        if let Some(boss) = login {
            let (cookie, csrf) = if boss { &self.boss } else { &self.nobody };
            request = request.header("cookie", cookie).header("x-csrf-token", csrf);
        }
        let response = self.router.clone().oneshot(request.body(axum::body::Body::from(body)).unwrap()).await.unwrap();
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, to) = (response.status().as_u16(), header("location"));
        let (kind, disposition) = (header("content-type"), header("content-disposition"));
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Reply { status, to, kind, disposition, body }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Some(true), "GET", path, "text/plain", String::new()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut all = fields.to_vec();
        all.push(("csrf", self.boss.1.as_str()));
        self.send(Some(true), "POST", path, "application/x-www-form-urlencoded", encoded(&all)).await
    }

    pub async fn api(&self, method: &str, path: &str, body: serde_json::Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(Some(true), method, &format!("/api/v1{path}"), "application/json", body).await
    }

    /// A call of the compatible API.
    pub async fn action(&self, name: &str, fields: &[(&str, &str)]) -> serde_json::Value {
        let (identifier, secret) = &self.credential;
        let mut all = vec![("action", name), ("identifier", identifier), ("secret", secret), ("responsetype", "json")];
        all.extend(fields);
        self.send(None, "POST", "/includes/api.php", "application/x-www-form-urlencoded", encoded(&all)).await.json()
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    use platform::web::lists::escape;
    fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}
