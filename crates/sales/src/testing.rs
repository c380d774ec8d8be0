//! A shop to test with: a migrated database on either engine, a clock that tests move, currencies, gateways, an
//! administrator who may do everything and one who may do nothing, a product group, and all routes of this crate.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use accounts::activity_log::Actor;
use accounts::admins::NewAdmin;
use accounts::clients::{self, Client, ClientEdit, ClientPanels, NewClient};
use accounts::doors::{Nav, service};
use accounts::{admins, api_credentials, roles, sessions};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use billing::generation::{self, Detail, Made, Mode, Report, Scope};
use billing::invoices::{self, Tell};
use billing::payments::{self, Duplicate, NewPayment};
use billing::terms::Terms;
use billing::{currencies, doctor};
use hosting::addons::{self, AddonEdit};
use hosting::config_options::{self, ChoiceEdit, OptionEdit, OptionKind};
use hosting::prices::{PayType, Price, PriceList};
use hosting::product_groups::{self, GroupEdit};
use hosting::products::{self, Product, ProductEdit};
use http_body_util::BodyExt;
use kernel::{Currency, Cycle, Date, Money, Timestamp};
use platform::runs::Progress;
use platform::web::lists::escape;
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Extensions, Parts, Random, Vault, params};
use tower::ServiceExt;

use crate::orders::{self, Invoicing, NewItem, NewOrder, Placed};

pub struct Shop {
    pub app: App,
    pub by: Actor,
    pub group_id: i64,
    router: axum::Router,
    boss: Login,
    nobody: Login,
    credential: (String, String),
    _folder: testkit::Folder,
}

#[derive(Clone)]
struct Login {
    cookie: String,
    csrf: String,
}

/// Who sends a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum As {
    Boss,
    /// Staff without any permission.
    Nobody,
    Stranger,
}

pub struct Reply {
    pub status: StatusCode,
    pub to: String,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

pub fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub fn usd(text: &str) -> Money {
    Money::parse(text, Currency::parse("USD").unwrap()).unwrap()
}

/// Prices in USD: `[("monthly", "5.00", "0")]`.
pub fn prices(prices: &[(&str, &str, &str)]) -> PriceList {
    let price = |(cycle, price, setup): &(&str, &str, &str)| Price {
        cycle: Cycle::parse(cycle).unwrap(),
        price: usd(price),
        setup: usd(setup),
    };
    PriceList::new(prices.iter().map(price).collect())
}

impl testkit::Open for Shop {
    async fn open(engine: testkit::Engine) -> Shop {
        let folder = testkit::Folder::new();
        let url = engine.database(&folder).await;
        let mut events = Events::default();
        hosting::events(&mut events);
        crate::events(&mut events);
        let db = Db::create(&url, events).await.unwrap();
        let now = Timestamp::parse("2026-01-15T10:00:00Z").unwrap();
        db.migrate(now).await.unwrap();
        let mut templates = Templates::builder();
        templates.add::<accounts::Templates>("accounts");
        templates.add::<crate::Templates>("sales");
        let mut extensions = Extensions::default();
        extensions.add(Nav::default());
        extensions.add(ClientPanels { panels: crate::panels(), closing: crate::closing(), ..ClientPanels::default() });
        let mut jobs = platform::jobs::Registry::default();
        platform::events::register(&mut jobs);
        let routes = crate::routes().merge(accounts::routes());
        let permissions = routes.permissions();
        let random = Random::seeded(7);
        let app = App::new(Parts {
            db,
            clock: Clock::fixed(now),
            random: random.clone(),
            vault: Vault::new(&[7; 32]),
            settings: platform::settings::Registry::default(),
            jobs,
            templates: templates.build(),
            sandbox: true,
            node: "test".to_owned(),
            wake: Arc::default(),
            extensions,
        });
        let router = service(app.clone(), routes);
        let by = Actor::system("Test");
        let mut tx = app.db.write().await.unwrap();
        currencies::add(&mut tx, Currency::parse("USD").unwrap(), "$", " USD", "1").await.unwrap();
        currencies::add(&mut tx, Currency::parse("EUR").unwrap(), "€", " EUR", "0.9").await.unwrap();
        for (name, active) in [("banktransfer", true), ("mailin", true), ("retiredpay", false)] {
            tx.execute(
                "INSERT INTO gateways (name, display_name, active, position, config) VALUES ($1, $1, $2, 1, '{}')",
                params![name, active],
            )
            .await
            .unwrap();
        }
        let group = GroupEdit { name: Some("Shared hosting".to_owned()), ..GroupEdit::default() };
        let group_id = product_groups::create(&mut tx, &by, &group, now).await.unwrap().id;
        roles::seed(&mut tx, &permissions).await.unwrap();
        tx.batch("INSERT INTO roles (name, built_in) VALUES ('Nothing', FALSE)").await.unwrap();
        let mut logins = Vec::new();
        let mut credential = None;
        for (username, role) in [("boss", roles::FULL_ADMINISTRATOR), ("nobody", "Nothing")] {
            let new = NewAdmin {
                username: username.to_owned(),
                email: format!("{username}@example.com"),
                role: role.to_owned(),
                password: None,
            };
            let admin = admins::create(&mut tx, &by, new, now).await.unwrap();
            let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &random, now).await.unwrap();
            let session = sessions::find(&mut tx, &token, now).await.unwrap().unwrap();
            logins.push(Login { cookie: format!("{}={token}", sessions::COOKIE), csrf: session.csrf });
            if credential.is_none() {
                let made = api_credentials::create(&mut tx, &by, admin.id, &random, now).await.unwrap();
                credential = Some((made.identifier, made.secret));
            }
        }
        tx.commit().await.unwrap();
        let [boss, nobody] = logins.try_into().unwrap_or_else(|_| panic!("two logins"));
        Shop { app, by, group_id, router, boss, nobody, credential: credential.unwrap(), _folder: folder }
    }
}

impl Shop {
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    pub fn today(&self, text: &str) {
        self.app.clock.set(Timestamp::parse(&format!("{text}T10:00:00Z")).unwrap());
    }

    pub async fn client(&self, email: &str) -> Client {
        let text = |text: &str| Some(text.to_owned());
        let details = ClientEdit {
            first_name: text("Ada"),
            last_name: text("Lovelace"),
            email: text(email),
            country: text("GB"),
            ..ClientEdit::default()
        };
        let mut tx = self.app.db.write().await.unwrap();
        let new = NewClient { details, ..NewClient::default() };
        let client = clients::create(&mut tx, &self.by, new, &self.app.random, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        client
    }

    /// A recurring product in the one group, changed by `edit`.
    pub async fn product(&self, name: &str, list: &[(&str, &str, &str)], edit: ProductEdit) -> Product {
        let edit = ProductEdit {
            name: Some(name.to_owned()),
            group_id: Some(self.group_id),
            pay_type: edit.pay_type.or(Some(PayType::Recurring)),
            prices: Some(prices(list)),
            ..edit
        };
        let mut tx = self.app.db.write().await.unwrap();
        let product = products::create(&mut tx, &self.by, &edit, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        product
    }

    /// “Starter”, 31.00 a month with a setup fee of 10.00, or 310.00 a year.
    pub async fn starter(&self) -> Product {
        let list = [("monthly", "31.00", "10.00"), ("annually", "310.00", "0")];
        self.product("Starter", &list, ProductEdit::default()).await
    }

    /// Of 31.00 a month unless said otherwise, due on day 1, with a cut-off after the 20th.
    pub async fn prorated(&self, price: &str, setup: &str, day: i64, cutoff: i64) -> Product {
        let edit = ProductEdit {
            prorata: Some(true),
            prorata_day: Some(day),
            prorata_cutoff: Some(cutoff),
            ..ProductEdit::default()
        };
        self.product(&format!("Prorated {price} {day} {cutoff}"), &[("monthly", price, setup)], edit).await
    }

    pub async fn addon(&self, name: &str, list: &[(&str, &str, &str)], prorata: bool, product_id: i64) -> i64 {
        let edit = AddonEdit {
            name: Some(name.to_owned()),
            pay_type: Some(PayType::Recurring),
            prorata: Some(prorata),
            product_ids: Some(vec![product_id]),
            prices: Some(prices(list)),
            ..AddonEdit::default()
        };
        let mut tx = self.app.db.write().await.unwrap();
        let addon = addons::create(&mut tx, &self.by, &edit, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        addon.id
    }

    /// A quantity option of the product, of this monthly price each; its id.
    pub async fn option(&self, name: &str, price: &str, product_id: i64) -> i64 {
        let mut tx = self.app.db.write().await.unwrap();
        let edit = OptionEdit {
            name: Some(name.to_owned()),
            kind: Some(OptionKind::Quantity),
            product_ids: Some(vec![product_id]),
            ..OptionEdit::default()
        };
        let option = config_options::create(&mut tx, &self.by, &edit, self.now()).await.unwrap();
        let choice = config_options::full(&mut tx, option.id).await.unwrap().choices[0].choice.id;
        let edit = ChoiceEdit { prices: Some(prices(&[("monthly", price, "0")])), ..ChoiceEdit::default() };
        config_options::update_choice(&mut tx, &self.by, choice, &edit, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        option.id
    }

    pub fn order(&self, client: &Client, items: Vec<NewItem>) -> NewOrder {
        NewOrder {
            client_id: client.id,
            gateway: "banktransfer".to_owned(),
            items,
            addons: Vec::new(),
            invoicing: Invoicing::AtOnce,
            tell: Tell::Client,
            ip: String::new(),
            notes: String::new(),
            request_key: None,
        }
    }

    pub async fn place(&self, new: NewOrder) -> kernel::Result<Placed> {
        let mut tx = self.app.db.write().await?;
        let mut locked = orders::lock_client(&mut tx, new.client_id).await?;
        let placed = orders::place(&mut locked, &self.by, new, &self.app.random, self.now()).await?;
        tx.commit().await?;
        Ok(placed)
    }

    pub async fn terms(&self) -> Terms {
        Terms::load(&mut self.app.db.read().await.unwrap(), self.now()).await.unwrap()
    }

    pub async fn pay(&self, invoice_id: i64) {
        let invoice = invoices::find(&mut self.app.db.read().await.unwrap(), invoice_id).await.unwrap();
        self.pay_part(invoice_id, &invoice.money(invoice.balance).decimal()).await;
    }

    pub async fn pay_part(&self, invoice_id: i64, amount: &str) {
        let mut tx = self.app.db.write().await.unwrap();
        let invoice = invoices::find(&mut tx, invoice_id).await.unwrap();
        let mut locked = clients::lock(&mut tx, invoice.client_id).await.unwrap();
        let new = NewPayment {
            client_id: invoice.client_id,
            gateway: "banktransfer".to_owned(),
            external_id: format!("payment-{invoice_id}-{amount}"),
            duplicate: Duplicate::Refuse,
            amount: usd(amount),
            fees: usd("0"),
            occurred_on: self.terms_today(),
            description: String::new(),
            invoices: vec![invoice_id],
        };
        payments::record(&mut locked, &self.by, new, self.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn terms_today(&self) -> Date {
        self.now().date_in(&platform::jiff::tz::TimeZone::UTC)
    }

    pub async fn generate(&self) -> Report {
        let terms = self.terms().await;
        let (scope, progress) = (Scope::default(), Progress::default());
        generation::run(&self.app.db, &self.by, &terms, &scope, Mode::Real, Detail::EveryInvoice, &progress)
            .await
            .unwrap()
    }

    /// What the generation says that it will do, and what it then does; without the ids, which only it gives.
    pub async fn foretold_and_done(&self) -> (Vec<Made>, Vec<Made>) {
        let terms = self.terms().await;
        let (scope, progress, every) = (Scope::default(), Progress::default(), Detail::EveryInvoice);
        let dry =
            generation::run(&self.app.db, &self.by, &terms, &scope, Mode::DryRun, every, &progress).await.unwrap();
        let real = self.generate().await;
        let nameless = |made: Vec<Made>| made.into_iter().map(|made| Made { invoice: None, ..made }).collect();
        (nameless(dry.made), nameless(real.made))
    }

    /// Every invariant of the books holds.
    pub async fn is_sound(&self) {
        let mut conn = self.app.db.read().await.unwrap();
        assert_eq!(doctor::check(&mut conn).await.unwrap(), []);
        assert_eq!(doctor::ask(&mut conn, hosting::doctor::QUESTIONS).await.unwrap(), []);
    }

    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        self.app.db.read().await.unwrap().scalar(&sql, params![]).await.unwrap()
    }

    /// How many rows each table has that a refused order must leave alone.
    pub async fn rows(&self) -> Vec<i64> {
        let mut rows = Vec::new();
        for table in ["orders", "order_items", "services", "service_addons", "recurring_charges", "invoices", "jobs"] {
            rows.push(self.count(table).await);
        }
        rows
    }

    fn login(&self, who: As) -> Option<&Login> {
        match who {
            As::Boss => Some(&self.boss),
            As::Nobody => Some(&self.nobody),
            As::Stranger => None,
        }
    }

    pub async fn send(&self, who: As, method: &str, path: &str, kind: &str, body: String) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
        if let Some(login) = self.login(who) {
            request = request.header(header::COOKIE, &login.cookie).header("x-csrf-token", &login.csrf);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        // Templates escape slashes too; a test reads addresses as a browser does.
        Reply { status, to, text: String::from_utf8(body.to_vec()).unwrap().replace("&#x2f;", "/") }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(As::Boss, "GET", path, "text/plain", String::new()).await
    }

    /// A form, with its token, as the one who may do everything.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = format!("{}&csrf={}", encoded(fields), self.boss.csrf);
        self.send(As::Boss, "POST", path, "application/x-www-form-urlencoded", body).await
    }

    /// A call of the JSON API, as the one who may do everything.
    pub async fn api(&self, method: &str, path: &str, body: serde_json::Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(As::Boss, method, &format!("/api/v1{path}"), "application/json", body).await
    }

    /// A call of the compatible API; the answer, whose status was 200.
    pub async fn action(&self, name: &str, fields: &[(&str, &str)]) -> serde_json::Value {
        let (identifier, secret) = &self.credential;
        let mut all = vec![("action", name), ("identifier", identifier), ("secret", secret), ("responsetype", "json")];
        all.extend(fields);
        let kind = "application/x-www-form-urlencoded";
        let reply = self.send(As::Stranger, "POST", "/includes/api.php", kind, encoded(&all)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.json()
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}
