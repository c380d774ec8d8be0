//! A whole installation for a test: a migrated database on the engine asked for, two currencies, an administrator who
//! may do everything, one who may do nothing, and all routes of this crate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use kernel::Timestamp;
use platform::web::lists::escape;
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Extensions, Parts, Random, Vault, params};
use tower::ServiceExt;

use crate::activity_log::Actor;
use crate::admins::NewAdmin;
use crate::api_roles::Deeds;
use crate::banned_ips::InForce;
use crate::clients::{self, Client, ClientClosed, ClientEdit, NewClient};
use crate::doors::limits::Limits;
use crate::doors::{Nav, Routes, service};
use crate::{admins, api_credentials, roles, sessions};

pub struct House {
    pub app: App,
    pub now: Timestamp,
    /// The clients of whose closing listeners were told.
    pub closed: Arc<Mutex<Vec<i64>>>,
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
    /// `name=value` of each cookie that is set.
    pub cookies: Vec<String>,
    /// The same with all that is said of them.
    pub set_cookies: Vec<String>,
    /// What the page may load.
    pub policy: String,
    /// What the browser is to forget.
    pub clears: String,
}

/// The cookies of a browser, and nothing else of it.
#[derive(Clone, Default)]
pub struct Jar(BTreeMap<String, String>);

impl Jar {
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_empty())
    }
}

impl Reply {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

pub fn system() -> Actor {
    Actor::system("test")
}

impl testkit::Open for House {
    async fn open(engine: testkit::Engine) -> House {
        House::with(engine, crate::routes(), Extensions::default()).await
    }
}

impl House {
    pub async fn with(engine: testkit::Engine, routes: Routes, mut extensions: Extensions) -> House {
        let folder = testkit::Folder::new();
        let url = engine.database(&folder).await;
        let closed = Arc::new(Mutex::new(Vec::new()));
        let mut events = Events::default();
        let heard = closed.clone();
        events.on(move |_, event: &ClientClosed| {
            heard.lock().unwrap().push(event.client_id);
            Box::pin(std::future::ready(Ok(())))
        });
        let now = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
        let random = Random::seeded(7);
        let db = Db::create(&url, events).await.unwrap();
        db.migrate(now).await.unwrap();
        let mut templates = Templates::builder();
        templates.add::<crate::Templates>("accounts");
        let mut settings = platform::settings::Registry::default();
        crate::SETTINGS.into_iter().for_each(|of| settings.add(of));
        extensions.add(Nav::default());
        extensions.add(InForce::default());
        extensions.add(Deeds::of(&routes));
        extensions.add(Limits::default());
        let mut jobs = platform::jobs::Registry::default();
        crate::jobs(&mut jobs);
        platform::mail::jobs(&mut jobs);
        let permissions = routes.permissions();
        extensions.add(roles::Offered(permissions.clone()));
        let app = App::new(Parts {
            db,
            clock: Clock::fixed(now),
            random: random.clone(),
            vault: Vault::new(&[1; 32]),
            settings,
            jobs,
            templates: templates.build(),
            sandbox: false,
            node: "test".to_owned(),
            wake: Default::default(),
            extensions,
        });
        let router = service(app.clone(), routes);

        let mut tx = app.db.write().await.unwrap();
        tx.batch(
            "INSERT INTO currencies (code, prefix, suffix, rate, is_base) \
             VALUES ('USD', '$', ' USD', '1', TRUE), ('EUR', '', ' EUR', '0.9', FALSE)",
        )
        .await
        .unwrap();
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
            let admin = admins::create(&mut tx, &system(), new, now).await.unwrap();
            let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &random, now).await.unwrap();
            let session = sessions::find(&mut tx, &token, now).await.unwrap().unwrap();
            logins.push(Login { cookie: format!("{}={token}", sessions::COOKIE), csrf: session.csrf });
            if credential.is_none() {
                let made = api_credentials::create(&mut tx, &system(), admin.id, &random, now).await.unwrap();
                credential = Some((made.identifier, made.secret));
            }
        }
        tx.commit().await.unwrap();
        let [boss, nobody] = logins.try_into().unwrap_or_else(|_| panic!("two logins"));
        House { app, now, closed, router, boss, nobody, credential: credential.unwrap(), _folder: folder }
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
        self.answered(request.body(Body::from(body)).unwrap()).await
    }

    async fn answered(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
        let said = |name: &str| response.headers().get(name).map(|text| text.to_str().unwrap().to_owned());
        let policy = said("content-security-policy").unwrap_or_default();
        let clears = said("clear-site-data").unwrap_or_default();
        let kept = response.headers().get_all(header::SET_COOKIE).iter();
        let set_cookies: Vec<String> = kept.map(|cookie| cookie.to_str().unwrap().to_owned()).collect();
        let cookies = set_cookies.iter().map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, to, text: String::from_utf8(body.to_vec()).unwrap(), cookies, set_cookies, policy, clears }
    }

    /// A request with the cookies of a jar, which keeps those that it is given.
    pub async fn visit(&self, browser: &mut Jar, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let jar: Vec<String> = browser.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, jar.join("; "));
        let body = if method == "GET" { String::new() } else { encoded(fields) };
        let reply = self.answered(request.body(Body::from(body)).unwrap()).await;
        for cookie in &reply.cookies {
            let pair = cookie.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            browser.0.insert(name.to_owned(), value.to_owned());
        }
        reply
    }

    /// A request from an address, as the one who may do everything or as a stranger.
    pub async fn from(&self, ip: &str, who: As, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut body = encoded(fields);
        let kind = "application/x-www-form-urlencoded";
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
        if let Some(login) = self.login(who) {
            request = request.header(header::COOKIE, &login.cookie).header("x-csrf-token", &login.csrf);
            body.push_str(&format!("&csrf={}", login.csrf));
        }
        let body = if method == "GET" { String::new() } else { body };
        let mut request = request.body(Body::from(body)).unwrap();
        let peer = SocketAddr::new(ip.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        self.answered(request).await
    }

    /// A page, as the one who may do everything.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(As::Boss, "GET", path, "text/plain", String::new()).await
    }

    /// A form, with its token, as the one who may do everything.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_as(As::Boss, path, fields).await
    }

    pub async fn post_as(&self, who: As, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut body = encoded(fields);
        if let Some(login) = self.login(who) {
            body.push_str(&format!("&csrf={}", login.csrf));
        }
        self.send(who, "POST", path, "application/x-www-form-urlencoded", body).await
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

    /// The identifier and the secret of the one who may do everything.
    pub fn credential(&self) -> (String, String) {
        self.credential.clone()
    }

    /// A call of the JSON API with that credential, and with these headers only.
    pub async fn basic(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        use base64::Engine as _;
        let (identifier, secret) = &self.credential;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{identifier}:{secret}"));
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answered(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// A page, as whoever has this session's cookie.
    pub async fn get_with(&self, token: &str, path: &str) -> (StatusCode, String) {
        let request = Request::builder().uri(path).header(header::COOKIE, format!("{}={token}", sessions::COOKIE));
        let reply = self.answered(request.body(Body::empty()).unwrap()).await;
        (reply.status, reply.text)
    }

    /// As [`House::basic`] with another credential, from an address.
    pub async fn basic_from(&self, ip: &str, pair: (&str, &str), method: &str, path: &str) -> Reply {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", pair.0, pair.1));
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(ip.parse().unwrap(), 4711)));
        self.answered(request).await
    }

    /// A call of the compatible API from an address, with these fields only: the status and the answer.
    pub async fn compat_from(&self, ip: &str, fields: &[(&str, &str)]) -> (StatusCode, serde_json::Value) {
        let reply = self.from(ip, As::Stranger, "POST", "/includes/api.php", fields).await;
        (reply.status, reply.json())
    }

    /// Stores settings, and lets the doors know.
    pub async fn configure_all(&self, wanted: &[(&str, &str)]) {
        let pairs: Vec<_> = wanted.iter().map(|(key, value)| (self.app.settings.find(key).unwrap(), *value)).collect();
        let mut tx = self.app.db.write().await.unwrap();
        crate::settings::store(&mut tx, &system(), &pairs, self.now).await.unwrap();
        tx.commit().await.unwrap();
        self.app.get::<Limits>().unwrap().read(&self.app).await.unwrap();
    }

    /// Adds a client with these details and a user of its own.
    pub async fn client(&self, edit: ClientEdit) -> Client {
        let mut tx = self.app.db.write().await.unwrap();
        let new = NewClient { details: edit, ..NewClient::default() };
        let client = clients::create(&mut tx, &system(), new, &self.app.random, self.now).await.unwrap();
        tx.commit().await.unwrap();
        client
    }

    pub async fn ann(&self) -> Client {
        self.client(ann()).await
    }

    /// Runs statements of tables that other crates own.
    pub async fn sql(&self, sql: &str) {
        let mut tx = self.app.db.write().await.unwrap();
        tx.batch(sql).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        self.app.db.read().await.unwrap().scalar(&sql, params![]).await.unwrap()
    }

    /// How many rows each table has that a failed change must leave alone.
    pub async fn rows(&self) -> BTreeMap<&'static str, i64> {
        let mut rows = BTreeMap::new();
        for table in ["clients", "users", "client_users", "parties", "activity_log", "client_groups"] {
            rows.insert(table, self.count(table).await);
        }
        rows
    }

    pub fn heard(&self) -> Vec<i64> {
        self.closed.lock().unwrap().clone()
    }

    pub fn statements(&self) -> u64 {
        self.app.db.counters().statements.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// The password of the users of tests.
pub const PASSWORD: &str = "tangerine umbrella 17";

/// Somebody's browser: keeps cookies, and sends the form token of the page that it is on.
pub struct Visitor<'h> {
    house: &'h House,
    pub ip: String,
    pub cookies: BTreeMap<String, String>,
    /// Sent with each request.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl House {
    pub fn visitor(&self, ip: &str) -> Visitor<'_> {
        Visitor { house: self, ip: ip.to_owned(), cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// A browser in which a user is logged in, who is given the password that all have.
    pub async fn logged_in(&self, email: &str) -> Visitor<'_> {
        self.give_password(email).await;
        let mut visitor = self.visitor("192.0.2.10");
        let reply = visitor.log_in(email, PASSWORD).await;
        assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, "/account"), "{}", reply.text);
        visitor
    }

    pub async fn give_password(&self, email: &str) {
        let hash = platform::crypto::hash_password(PASSWORD).unwrap();
        let mut tx = self.app.db.write().await.unwrap();
        let set = "UPDATE users SET password_hash = $2 WHERE email_lower = $1";
        assert_eq!(tx.execute(set, params![email, hash]).await.unwrap(), 1, "{email}");
        tx.commit().await.unwrap();
    }

    /// Does what is to be done later.
    pub async fn drain(&self) {
        platform::jobs::drain(&self.app).await.unwrap();
    }

    /// The mails of a kind, the oldest first: to whom, and the secret part of the link in it.
    pub async fn mailed(&self, template: &str) -> Vec<(String, String)> {
        let mut conn = self.app.db.read().await.unwrap();
        let sql = "SELECT unique_key, recipient, sealed_token FROM mails WHERE template = $1 ORDER BY id";
        let mails: Vec<(String, String, Option<Vec<u8>>)> = conn.all(sql, params![template]).await.unwrap();
        let open = |key: &str, sealed: Vec<u8>| {
            String::from_utf8(self.app.vault.open(&format!("mails:{key}"), &sealed).unwrap()).unwrap()
        };
        mails
            .into_iter()
            .map(|(key, to, sealed)| (to, sealed.map(|sealed| open(&key, sealed)).unwrap_or_default()))
            .collect()
    }

    /// How many entries of the activity log have such words, and whose they are.
    pub async fn logged(&self, words: &str) -> Vec<String> {
        let mut conn = self.app.db.read().await.unwrap();
        let sql = "SELECT actor_name || COALESCE(' (as owner ' || behalf || ')', '') FROM activity_log WHERE description LIKE $1 ORDER BY id";
        conn.column(sql, params![format!("%{words}%")]).await.unwrap()
    }

    pub async fn configure(&self, setting: &platform::Setting, value: &str) {
        let mut tx = self.app.db.write().await.unwrap();
        platform::settings::set(&mut tx, setting, value, self.app.clock.now()).await.unwrap();
        let values = platform::settings::Values::load(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        self.app.get::<Limits>().unwrap().set(&values);
    }

    pub fn pass(&self, seconds: i64) {
        self.app.clock.set(self.app.clock.now().plus_seconds(seconds));
    }
}

impl Visitor<'_> {
    async fn send(&mut self, method: &str, path: &str, body: String) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.ip.parse().unwrap(), 4711)));
        let reply = self.house.answered(request).await;
        for cookie in &reply.set_cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, String::new()).await
    }

    /// A form of the client area, with the token that its pages have.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let home = self.get("/account").await.text;
        let token = home.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let mut body = encoded(fields);
        if let Some(token) = token {
            body.push_str(&format!("&csrf={token}"));
        }
        self.send("POST", path, body).await
    }

    /// A form without a token.
    pub async fn bare_post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send("POST", path, encoded(fields)).await
    }

    pub async fn log_in(&mut self, email: &str, password: &str) -> Reply {
        self.bare_post("/login", &[("email", email), ("password", password)]).await
    }

    pub async fn is_logged_in(&mut self) -> bool {
        self.get("/account").await.status == StatusCode::OK
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}

pub fn ann() -> ClientEdit {
    let some = |text: &str| Some(text.to_owned());
    ClientEdit {
        first_name: some("Ann"),
        last_name: some("Lee"),
        company: some("Lee & Söhne"),
        email: some("ann@example.com"),
        address1: some("1 Mill Lane"),
        city: some("Linz"),
        state: some("Upper Austria"),
        postcode: some("4020"),
        country: some("at"),
        phone: some("+43 732 1234"),
        ..ClientEdit::default()
    }
}
