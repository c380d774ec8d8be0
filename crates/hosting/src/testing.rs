//! A hosting company to test with: a migrated database on either engine, a clock that stands, currencies, gateways, a
//! client, a product.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use accounts::doors::Routes;
use accounts::{admins, api_credentials, roles, sessions};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use http_body_util::BodyExt;
use platform::web::lists::escape;
use serde_json::Value;
use tower::ServiceExt;

use accounts::activity_log::Actor;
use accounts::clients::{self, Client, ClientEdit, NewClient};
use billing::currencies;
use billing::gateways::Gateways;
use kernel::{Currency, Cycle, Date, Money, Timestamp};
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Extensions, Parts, Random, Vault, params};

use crate::prices::{PayType, Price, PriceList};
use crate::product_groups::{self, GroupEdit};
use crate::products::{self, Product, ProductEdit};
use crate::services::{self, Created, FirstInvoice, NewService};

pub struct Company {
    pub app: App,
    pub by: Actor,
    pub group_id: i64,
    _folder: testkit::Folder,
}

pub fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

pub fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

pub fn money(text: &str) -> Money {
    Money::parse(text, usd()).unwrap()
}

/// Prices in USD: `[("monthly", "5.00", "0")]`.
pub fn list(prices: &[(&str, &str, &str)]) -> PriceList {
    let price = |(cycle, price, setup): &(&str, &str, &str)| Price {
        cycle: Cycle::parse(cycle).unwrap(),
        price: money(price),
        setup: money(setup),
    };
    PriceList::new(prices.iter().map(price).collect())
}

impl testkit::Open for Company {
    async fn open(engine: testkit::Engine) -> Company {
        // What a page answered 500 for is in the log.
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .try_init();
        let folder = testkit::Folder::new();
        let url = engine.database(&folder).await;
        let mut events = Events::default();
        crate::events(&mut events);
        let db = Db::create(&url, events).await.unwrap();
        let clock = Clock::fixed(Timestamp::parse("2026-01-15T10:00:00Z").unwrap());
        db.migrate(clock.now()).await.unwrap();
        let mut templates = Templates::builder();
        templates.add::<accounts::Templates>("accounts");
        templates.add::<crate::Templates>("hosting");
        let mut extensions = Extensions::default();
        extensions.add(accounts::doors::Nav::default());
        extensions.add(Gateways::new(Vec::new()));
        let mut panels = clients::ClientPanels::default();
        crate::client_panels(&mut panels);
        extensions.add(panels);
        let app = App::new(Parts {
            db,
            clock,
            random: Random::seeded(7),
            vault: Vault::new(&[7; 32]),
            settings: platform::settings::Registry::default(),
            jobs: platform::jobs::Registry::default(),
            templates: templates.build(),
            sandbox: true,
            node: "test".to_owned(),
            wake: Arc::default(),
            extensions,
        });
        let mut company = Company { app, by: Actor::system("Test"), group_id: 0, _folder: folder };
        let mut tx = company.app.db.write().await.unwrap();
        currencies::add(&mut tx, usd(), "$", " USD", "1").await.unwrap();
        currencies::add(&mut tx, eur(), "€", " EUR", "0.9").await.unwrap();
        for (name, active) in [("banktransfer", true), ("mailin", true), ("retiredpay", false)] {
            tx.execute(
                "INSERT INTO gateways (name, display_name, active, position, config) VALUES ($1, $1, $2, 1, '{}')",
                params![name, active],
            )
            .await
            .unwrap();
        }
        let group = GroupEdit { name: Some("Shared hosting".to_owned()), ..GroupEdit::default() };
        let now = company.app.clock.now();
        company.group_id = product_groups::create(&mut tx, &company.by, &group, now).await.unwrap().id;
        tx.commit().await.unwrap();
        company
    }
}

impl Company {
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
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
        let new = NewClient { details, ..NewClient::default() };
        let mut tx = self.app.db.write().await.unwrap();
        let client = clients::create(&mut tx, &self.by, new, &self.app.random, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        client
    }

    /// A recurring product in the one group.
    pub fn product_edit(&self, name: &str, prices: PriceList) -> ProductEdit {
        ProductEdit {
            name: Some(name.to_owned()),
            group_id: Some(self.group_id),
            pay_type: Some(PayType::Recurring),
            prices: Some(prices),
            ..ProductEdit::default()
        }
    }

    pub async fn product(&self, edit: ProductEdit) -> Product {
        let mut tx = self.app.db.write().await.unwrap();
        let product = products::create(&mut tx, &self.by, &edit, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        product
    }

    /// “Starter”, 31.00 a month or 310.00 a year.
    pub async fn starter(&self) -> Product {
        let prices = list(&[("monthly", "31.00", "10.00"), ("annually", "310.00", "0")]);
        self.product(self.product_edit("Starter", prices)).await
    }

    pub fn order(&self, client: &Client, product: &Product) -> NewService {
        NewService {
            client_id: client.id,
            product_id: product.id,
            order_id: None,
            domain: "Example.COM".to_owned(),
            username: "ada".to_owned(),
            quantity: 1,
            cycle: Some(Cycle::Monthly),
            gateway: "banktransfer".to_owned(),
            options: Vec::new(),
            addons: Vec::new(),
            price: None,
            setup: None,
            ordered_on: date("2026-01-15"),
            first_invoice: FirstInvoice::Order,
        }
    }

    pub async fn place(&self, order: NewService) -> kernel::Result<Created> {
        let mut tx = self.app.db.write().await?;
        let mut locked = clients::lock(&mut tx, order.client_id).await?;
        let created = services::create(&mut locked, &self.by, order, self.now()).await?;
        tx.commit().await?;
        Ok(created)
    }
}

/// The program as staff and callers reach it, with an administrator who may do everything.
pub struct Doors {
    service: axum::Router,
    cookie: String,
    csrf: String,
    identifier: String,
    secret: String,
}

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub location: String,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Company {
    pub async fn doors(&self) -> Doors {
        let routes = Routes::new().merge(crate::routes()).merge(accounts::routes());
        let mut tx = self.app.db.write().await.unwrap();
        roles::seed(&mut tx, &routes.permissions()).await.unwrap();
        let new = admins::NewAdmin {
            username: "ada".to_owned(),
            email: "ada@host.example".to_owned(),
            role: roles::FULL_ADMINISTRATOR.to_owned(),
            password: None,
        };
        let admin = admins::create(&mut tx, &self.by, new, self.now()).await.unwrap();
        let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &self.app.random, self.now()).await.unwrap();
        let credential =
            api_credentials::create(&mut tx, &self.by, admin.id, &self.app.random, self.now()).await.unwrap();
        let csrf = sessions::find(&mut tx, &token, self.now()).await.unwrap().unwrap().csrf;
        tx.commit().await.unwrap();
        Doors {
            service: accounts::doors::service(self.app.clone(), routes),
            cookie: format!("{}={token}", sessions::COOKIE),
            csrf,
            identifier: credential.identifier,
            secret: credential.secret,
        }
    }
}

impl Doors {
    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, location: location.unwrap_or_default(), text: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty()).unwrap()).await
    }

    /// A page that must be there.
    pub async fn page(&self, path: &str) -> String {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
        reply.text
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let pairs = fields.iter().chain(&[("csrf", self.csrf.as_str())]).map(pair).collect::<Vec<_>>().join("&");
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(pairs)).unwrap()).await
    }

    pub async fn api(&self, method: &str, path: &str, body: Value) -> Reply {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", self.identifier, self.secret));
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Basic {text}"));
        let body = if method == "GET" { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn compat(&self, action: &str, fields: &[(&str, &str)]) -> Value {
        let own = [("action", action), ("identifier", &self.identifier), ("secret", &self.secret)];
        let pairs = own.iter().chain(fields).map(pair).collect::<Vec<_>>().join("&");
        let request = Request::post("/includes/api.php")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(pairs))
            .unwrap();
        self.send(request).await.json()
    }
}

fn pair((name, value): &(&str, &str)) -> String {
    format!("{}={}", escape(name), escape(value))
}
