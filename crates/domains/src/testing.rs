//! A company that sells domains, to test with: a migrated database on either engine, a clock that stands, currencies, a
//! client, a registrar.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use accounts::activity_log::Actor;
use accounts::clients::{self, Client, ClientEdit, NewClient};
use accounts::doors::Routes;
use accounts::{admins, api_credentials, roles, sessions};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use billing::currencies;
use http_body_util::BodyExt;
use kernel::{Currency, Money, Timestamp};
use platform::web::lists::escape;
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Extensions, Parts, Random, Vault, params};
use serde_json::Value;
use tower::ServiceExt;

use crate::lookups::Wire;
use crate::tlds::prices::{Operation, Price, Prices};
use crate::tlds::{self, Priced, TldEdit};

pub struct Company {
    pub app: App,
    pub by: Actor,
    pub registries: Registries,
    _folder: testkit::Folder,
}

/// A registry that speaks RDAP, for `.test` and `.com`, and one that speaks WHOIS, for `.old`. The first label says what they
/// answer: `taken`, `busy`, `junk`, `other`; everything else is free.
pub struct Registries {
    pub rdap: testkit::rdap::Rdap,
    pub whois: testkit::whois::Whois,
    /// Where IANA's list of RDAP servers is.
    pub iana: testkit::rdap::Rdap,
}

impl Registries {
    fn start() -> Registries {
        use testkit::{rdap, whois};
        let label = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let iana = rdap::Rdap::start(|_| {
            let services: Vec<Value> =
                (0..150).map(|number| serde_json::json!([[format!("t{number}")], ["https://rdap.example/"]])).collect();
            let list =
                serde_json::json!({ "version": "1.0", "publication": "2026-02-01T00:00:00Z", "services": services });
            rdap::Reply::Raw(200, "Content-Type: application/json\r\n".to_owned(), list.to_string().into_bytes())
        });
        Registries {
            iana,
            rdap: rdap::Rdap::start(move |name| match label(name).as_str() {
                "taken" => rdap::Reply::Registered,
                "busy" => rdap::Reply::TooMany("30".to_owned()),
                "junk" => rdap::Reply::Garbage,
                "other" => rdap::Reply::About("another.test".to_owned()),
                _ => rdap::Reply::NotFound,
            }),
            whois: whois::Whois::start(move |question| match label(question).as_str() {
                "taken" => whois::Reply::Registered,
                "junk" => whois::Reply::Raw(b"rate limit exceeded".to_vec()),
                _ => whois::Reply::Raw(format!("No match for \"{question}\".\r\n").into_bytes()),
            }),
        }
    }

    /// Look-ups that reach these registries and no others.
    fn wire(&self) -> Wire {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bootstrap = names::rdap::Bootstrap::parse(&self.rdap.bootstrap(&["test", "com"])).unwrap();
        let table = format!("old\t{}\t{{}}\tNo match for \"{{}}\"\n", self.whois.address());
        let table = names::whois::Table::parse(&table).unwrap();
        let nowhere = Some("127.0.0.1:1".to_owned());
        let list = format!("{}dns.json", self.iana.base_url());
        Wire::with(reqwest::Client::builder, names::reach::Reach::Anywhere, bootstrap, table, &list, nowhere).unwrap()
    }
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

/// Everybody's prices in USD: `[(Register, 1, "12.00")]`.
pub fn prices(of: &[(Operation, u8, &str)]) -> Prices {
    let price = |(operation, years, amount): &(Operation, u8, &str)| Price {
        group_id: None,
        operation: *operation,
        years: *years,
        amount: money(amount),
    };
    Prices::new(of.iter().map(price).collect())
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
        let db = Db::create(&url, Events::default()).await.unwrap();
        let clock = Clock::fixed(Timestamp::parse("2026-01-15T10:00:00Z").unwrap());
        db.migrate(clock.now()).await.unwrap();
        let mut templates = Templates::builder();
        templates.add::<accounts::Templates>("accounts");
        templates.add::<crate::Templates>("domains");
        let mut extensions = Extensions::default();
        extensions.add(accounts::doors::Nav::default());
        extensions.add(clients::ClientPanels::default());
        extensions.add(crate::registrars::tests::modules());
        let registries = Registries::start();
        extensions.add(registries.wire());
        let mut registry = platform::jobs::Registry::default();
        crate::jobs(&mut registry);
        let app = App::new(Parts {
            db,
            clock,
            random: Random::seeded(7),
            vault: Vault::new(&[7; 32]),
            settings: platform::settings::Registry::default(),
            jobs: registry,
            templates: templates.build(),
            sandbox: true,
            node: "test".to_owned(),
            wake: Arc::default(),
            extensions,
        });
        let company = Company { app, by: Actor::system("Test"), registries, _folder: folder };
        let mut tx = company.app.db.write().await.unwrap();
        currencies::add(&mut tx, usd(), "$", " USD", "1").await.unwrap();
        currencies::add(&mut tx, eur(), "€", " EUR", "0.9").await.unwrap();
        tx.execute(
            "INSERT INTO registrars (name, module, title, active, config, created_at) \
             VALUES ('first', 'manual', 'First Registrar', TRUE, '{}', 0), ('off', 'manual', 'Off', FALSE, '{}', 0)",
            params![],
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        company
    }
}

impl Company {
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    pub async fn client(&self, email: &str, group_id: Option<i64>) -> Client {
        let text = |text: &str| Some(text.to_owned());
        let details = ClientEdit {
            first_name: text("Ada"),
            last_name: text("Lovelace"),
            email: text(email),
            country: text("GB"),
            group_id,
            ..ClientEdit::default()
        };
        let new = NewClient { details, ..NewClient::default() };
        let mut tx = self.app.db.write().await.unwrap();
        let client = clients::create(&mut tx, &self.by, new, &self.app.random, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        client
    }

    pub async fn group(&self, name: &str) -> i64 {
        let mut tx = self.app.db.write().await.unwrap();
        let new = accounts::client_groups::NewGroup { name: name.to_owned(), ..Default::default() };
        let group = accounts::client_groups::create(&mut tx, &self.by, new, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        group.id
    }

    pub async fn tld(&self, extension: &str, edit: TldEdit) -> kernel::Result<Priced> {
        let mut tx = self.app.db.write().await?;
        let edit = TldEdit { extension: Some(extension.to_owned()), ..edit };
        let made = tlds::create(&mut tx, &self.by, &edit, self.now()).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// 12.00 for a year, 11.00 each for two; transfers and renewals.
    pub async fn com(&self) -> Priced {
        let list = prices(&[
            (Operation::Register, 1, "12.00"),
            (Operation::Register, 2, "22.00"),
            (Operation::Transfer, 1, "10.00"),
            (Operation::Renew, 1, "13.00"),
        ]);
        self.tld(".com", TldEdit { prices: Some(list), ..TldEdit::default() }).await.unwrap()
    }

    /// What the activity log says, the newest first.
    pub async fn activities(&self) -> Vec<String> {
        let mut conn = self.app.db.read().await.unwrap();
        conn.column("SELECT description FROM activity_log ORDER BY id DESC", params![]).await.unwrap()
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
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, text: String::from_utf8(body.to_vec()).unwrap() }
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
