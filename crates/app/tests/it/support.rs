//! An installation of its own for each test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use accounts::activity_log::Actor;
use accounts::clients::{self, ClientEdit, NewClient};
use accounts::user_sessions::{NewSession, Remember};
use accounts::{admins, api_credentials, sessions, user_sessions, users};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use base64::Engine as _;
use http_body_util::BodyExt;
use innkeeper::cli::Common;
use innkeeper::instance::{self, Migrations};
use innkeeper::logging::LogFormat;
use innkeeper::wiring;
use jiff::tz::TimeZone;
use kernel::Timestamp;
use platform::clock::Clock;
use platform::context::Extensions;
use platform::web::lists::escape;
use platform::{App, params};
use serde_json::Value;
use testkit::process::Child;
use testkit::{Engine, Folder, Open};
use tower::ServiceExt;

/// A data folder and a database that nobody has touched yet.
pub struct Place {
    pub folder: Folder,
    pub url: String,
}

impl Open for Place {
    async fn open(engine: Engine) -> Place {
        let folder = Folder::new();
        let url = engine.database(&folder).await;
        Place { folder, url }
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Place {
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("INNKEEPER_")) {
            command.env_remove(name);
        }
        command.env("INNKEEPER_DATA", &self.folder).env("INNKEEPER_DATABASE_URL", &self.url);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs the program with something on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // A command that does not read its input may have ended already.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        let ended = process.wait_with_output().unwrap();
        Ended {
            code: ended.status.code().unwrap_or(-1),
            out: String::from_utf8(ended.stdout).unwrap(),
            err: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    pub fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    /// Starts the server on a free port; its address.
    pub fn serve(&self, arguments: &[&str]) -> (Child, String) {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut server = Child::spawn("innkeeper serve", &mut command).unwrap();
        let line = server.wait_for_line("Innkeeper serves ", Duration::from_secs(30)).unwrap();
        let address = line.split("/admin").next().unwrap().to_owned();
        (server, address)
    }

    pub fn key_file(&self) -> PathBuf {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => PathBuf::from(format!("{path}.key")),
            None => self.folder.join("innkeeper.key"),
        }
    }

    pub async fn app(&self) -> App {
        self.app_with(None).await
    }

    async fn app_with(&self, clock: Option<Timestamp>) -> App {
        let common = Common {
            data: self.folder.to_path_buf(),
            database: Some(self.url.clone()),
            key_file: None,
            breached_passwords: None,
            json: false,
            log: LogFormat::Text,
        };
        instance::open_with(&common, Migrations::Refuse, clock, Extensions::default()).await.unwrap()
    }
}

/// For talking to a running server. It follows no redirect.
pub fn http() -> reqwest::Client {
    // Fails only when there is a provider already, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A running installation and a credential for it.
pub struct Served {
    // The server ends before its folder is removed.
    _server: Child,
    pub url: String,
    pub login: Credential,
    pub place: Place,
}

impl Served {
    /// With these settings.
    pub fn start(place: Place, settings: &[(&str, &str)]) -> Served {
        place.done(&["init", "--sandbox"]);
        for (key, value) in settings {
            place.done(&["setting", "set", key, value]);
        }
        place.done(&["admin", "create", "--username", "ana", "--email", "ana@example.com"]);
        let login = Credential::of(&place.run(&["api-credential", "create", "--admin", "ana", "--json"]).json());
        let (server, url) = place.serve(&["--no-worker"]);
        Served { _server: server, url, login, place }
    }

    /// The cookie of a full administrator's session.
    pub async fn cookie(&self) -> String {
        let create = ["admin", "create", "--username", "eve", "--email", "eve@example.com", "--password-stdin"];
        assert_eq!(self.place.run_with(&create, "tangerine umbrella 17").code, 0);
        let login = http().post(format!("{}/admin/login", self.url)).body("email=eve&password=tangerine+umbrella+17");
        let reply = login.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        let cookies = reply.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let found = cookies.map(|cookie| cookie.split(';').next().unwrap()).find(|cookie| cookie.contains("session="));
        found.expect("no session").to_owned()
    }

    /// A product that is made beforehand; its id.
    pub async fn product(&self, product: &Value) -> String {
        self.made("products", product).await
    }

    /// The id of what the JSON API makes of this.
    pub async fn made(&self, what: &str, body: &Value) -> String {
        let request = http().post(format!("{}/api/v1/{what}", self.url)).json(body);
        let answer: Value =
            request.header("authorization", self.login.basic()).send().await.unwrap().json().await.unwrap();
        answer["id"].as_i64().unwrap_or_else(|| panic!("{answer}")).to_string()
    }

    /// Has a program of `tests/clients` drive the server; the JSON object that it prints.
    pub fn drive(&self, program: &Path, folder: Option<&Path>, script: &str, path: &str, more: &[&str]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let mut command = Command::new(program);
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        let url = format!("{}{path}", self.url);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(&script);
        command.args([&url, &self.login.identifier, &self.login.secret]).args(more);
        let mut driver = Child::spawn("client", &mut command).unwrap();
        let ended = driver.wait(Duration::from_secs(60)).unwrap();
        let output = driver.output();
        assert!(ended.success(), "{}: {output}", script.display());
        serde_json::from_str(output.lines().last().unwrap()).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    /// The books are sound.
    pub fn sound(&self) {
        let doctor = self.place.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "{doctor:?}");
    }
}

/// An installation within the test's process, with somebody logged in.
pub struct Site {
    // Removed after the app has let go of it.
    pub app: App,
    pub place: Place,
    service: axum::Router,
}

/// Somebody's session.
#[derive(Clone)]
pub struct Session {
    pub cookie: String,
    pub csrf: String,
}

/// What a program logs in with.
#[derive(Clone)]
pub struct Credential {
    pub identifier: String,
    pub secret: String,
}

impl Credential {
    pub fn of(made: &Value) -> Credential {
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Credential { identifier: text("identifier"), secret: text("secret") }
    }

    /// The header `Authorization`.
    pub fn basic(&self) -> String {
        let text = format!("{}:{}", self.identifier, self.secret);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    }
}

impl Open for Site {
    async fn open(engine: Engine) -> Site {
        // What a page says only by a reference stands in the test's output.
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        let place = Place::open(engine).await;
        place.done(&["init", "--sandbox"]);
        // The daily batches are due or not by the hour: it is always the same one.
        let noon = Timestamp::at(Clock::system().now().date_in(&TimeZone::UTC), 12, &TimeZone::UTC);
        let app = place.app_with(Some(noon)).await;
        let service = accounts::doors::service(app.clone(), wiring::routes());
        Site { app, place, service }
    }
}

impl Site {
    /// Logs an administrator of that role in; a role that is not there is made, without permissions.
    pub async fn log_in(&self, username: &str, role: &str) -> Session {
        let now = self.app.clock.now();
        let mut tx = self.app.db.write().await.unwrap();
        tx.execute(
            "INSERT INTO roles (name, built_in) VALUES ($1, FALSE) ON CONFLICT (name) DO NOTHING",
            params![role],
        )
        .await
        .unwrap();
        let new = admins::NewAdmin {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            role: role.to_owned(),
            password: None,
        };
        let admin = admins::create(&mut tx, &Actor::system("test"), new, now).await.unwrap();
        let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &self.app.random, now).await.unwrap();
        let csrf = sessions::find(&mut tx, &token, now).await.unwrap().unwrap().csrf;
        tx.commit().await.unwrap();
        Session { cookie: format!("{}={token}", sessions::COOKIE), csrf }
    }

    /// Logs somebody in whose role has exactly these permissions.
    pub async fn log_in_with(&self, username: &str, permissions: &[&str]) -> Session {
        let role = format!("Role of {username}");
        let session = self.log_in(username, &role).await;
        let mut tx = self.app.db.write().await.unwrap();
        for permission in permissions {
            tx.execute(
                "INSERT INTO role_permissions (role_id, permission) SELECT id, $2 FROM roles WHERE name = $1",
                params![role, *permission],
            )
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
        session
    }

    /// Logs a user in to the client area who owns a new client; the session and the client.
    pub async fn user(&self, name: &str) -> (Session, i64) {
        let now = self.app.clock.now();
        let text = |text: &str| Some(text.to_owned());
        let details = ClientEdit {
            first_name: text(name),
            last_name: text("Lovelace"),
            email: Some(format!("{name}@example.com")),
            country: text("GB"),
            ..ClientEdit::default()
        };
        let mut tx = self.app.db.write().await.unwrap();
        let new = NewClient { details, ..NewClient::default() };
        let client = clients::create(&mut tx, &Actor::system("test"), new, &self.app.random, now).await.unwrap();
        let user = users::by_email(&mut tx, &client.email).await.unwrap().unwrap();
        let new = NewSession {
            user_id: user.id,
            admin_id: None,
            client_id: None,
            ip: "127.0.0.1",
            user_agent: "test",
            remember: Remember::No,
            confined: false,
        };
        let token = user_sessions::start(&mut tx, new, &self.app.random, now).await.unwrap().token;
        let found = user_sessions::find(&mut tx, &token, "127.0.0.1", now).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        (Session { cookie: format!("{}={token}", user_sessions::COOKIE), csrf: found.session.csrf }, client.id)
    }

    /// Changes settings as another process does.
    pub async fn set(&self, settings: &[(&str, &str)]) {
        for (key, value) in settings {
            self.place.done(&["setting", "set", key, value]);
        }
        wiring::refresh(&self.app).await.unwrap();
    }

    /// A new credential of the administrator whom [`Site::boss`] has made.
    pub async fn credential(&self) -> Credential {
        self.credential_of("boss").await
    }

    /// A new credential of an administrator who is there.
    pub async fn credential_of(&self, username: &str) -> Credential {
        let now = self.app.clock.now();
        let mut tx = self.app.db.write().await.unwrap();
        let admin = admins::by_username(&mut tx, username).await.unwrap().unwrap();
        let by = Actor::system("test");
        let made = api_credentials::create(&mut tx, &by, admin.id, &self.app.random, now).await.unwrap();
        tx.commit().await.unwrap();
        Credential { identifier: made.identifier, secret: made.secret }
    }

    /// A call of the JSON API with a session and its token.
    pub async fn json(&self, session: &Session, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = ask("GET", &format!("/api/v1{path}"), Some(session), &body);
        *request.method_mut() = method.parse().unwrap();
        request.headers_mut().insert("x-csrf-token", session.csrf.parse().unwrap());
        request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let (status, text) = read(self.send(request).await).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// A call of the compatible API; the status and the answer.
    pub async fn act(&self, key: &Credential, name: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut all = vec![("action", name), ("identifier", &key.identifier), ("secret", &key.secret)];
        all.extend(fields);
        let escape = platform::web::lists::escape;
        let pairs: Vec<String> = all.iter().map(|(name, text)| format!("{}={}", escape(name), escape(text))).collect();
        let (status, text) = read(self.send(ask("POST", "/includes/api.php", None, &pairs.join("&"))).await).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}")))
    }

    /// A call of the compatible API; the answer in JSON.
    pub async fn action(&self, login: &Credential, name: &str, fields: &[(&str, &str)]) -> Value {
        let mut form = format!("action={name}&identifier={}&secret={}", login.identifier, login.secret);
        for (name, value) in fields {
            form.push_str(&format!("&{}={}", escape(name), escape(value)));
        }
        let (_, body) = read(self.send(ask("POST", "/includes/api.php", None, &form)).await).await;
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{name}: {error}: {body}"))
    }

    /// A call of the JSON API; the status and the answer.
    pub async fn api(&self, login: &Credential, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = request.header(header::AUTHORIZATION, login.basic()).header(header::CONTENT_TYPE, "application/json");
        let (status, text) = read(self.send(request.body(Body::from(body)).unwrap()).await).await;
        (status.as_u16(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")))
    }

    pub async fn boss(&self) -> Session {
        self.log_in("boss", accounts::roles::FULL_ADMINISTRATOR).await
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.service.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str, session: Option<&Session>) -> (StatusCode, String) {
        read(self.send(ask("GET", path, session, "")).await).await
    }

    /// Sends a form with its CSRF token.
    pub async fn post(&self, path: &str, session: &Session, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let mut body = format!("csrf={}", session.csrf);
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", escape(value)));
        }
        read(self.send(ask("POST", path, Some(session), &body)).await).await
    }
}

pub fn ask(method: &str, path: &str, session: Option<&Session>, form: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(session) = session {
        request = request.header(header::COOKIE, &session.cookie);
    }
    if method != "GET" {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    request.body(Body::from(form.to_owned())).unwrap()
}

/// The status and the body, or where it redirects to.
pub async fn read(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    if let Some(location) = response.headers().get(header::LOCATION) {
        return (status, location.to_str().unwrap().to_owned());
    }
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}
