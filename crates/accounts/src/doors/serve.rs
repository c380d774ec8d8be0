//! The way of a request: address, body limit, session or credential, permission, CSRF; and of an answer: the form of
//! errors, security headers.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use http_body_util::BodyExt;
use kernel::{Error, Result, Timestamp};
use platform::App;
use platform::settings::networks;
use platform::web::throttle::Left;
use platform::web::{Audience, Fail, Form, MAX_BODY, errors};
use tokio::sync::Semaphore;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::cookies::{self, Tls};
use super::limits::{Caller, Limits, Open, within};
use super::staff::Key;
use super::{API_ACCESS, Access, AdminCx, ApiCx, ClientCx, Entry, Operation, PublicCx, Routes, Staff, staff, user};
use crate::activity_log::{self, Activity, Actor, ActorKind};
use crate::banned_ips::{self, InForce};
use crate::{api_credentials, api_roles, openid, sessions, sso_tokens};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Address(pub String);

const TIMEOUT: Duration = Duration::from_secs(60);

/// The whole program as one service.
pub fn service(app: App, routes: Routes) -> axum::Router {
    let compat = Arc::new(super::compat::Table::new(routes.actions));
    let document = Arc::new(super::api::OpenApi::of(routes.operations));
    let front = Arc::new(Front {
        app: app.clone(),
        limits: app.extensions.get::<Limits>().unwrap_or_default(),
        bans: app.extensions.get::<InForce>().unwrap_or_default(),
        open: open_to_banned(&routes.table),
    });
    let router = routes
        .router
        .route("/includes/api.php", axum::routing::get(super::compat::serve).post(super::compat::serve))
        .route("/api/openapi.json", axum::routing::get(super::api::openapi))
        .route(ASSETS, axum::routing::get(platform::web::assets::serve))
        .route("/healthz", axum::routing::get(platform::web::health::live))
        .route("/readyz", axum::routing::get(platform::web::health::ready))
        .route("/metrics", axum::routing::get(metrics))
        .fallback(missing)
        .method_not_allowed_fallback(wrong_method);
    router
        .layer(axum::Extension(compat))
        .layer(axum::Extension(document))
        .layer(axum::middleware::from_fn_with_state(front, outermost))
        // Pages are made for one reader once: what a higher level saves on the wire it costs many times in processor.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(app)
}

async fn metrics(
    app: State<App>,
    Extension(limits): Extension<Arc<Limits>>,
    Extension(Address(ip)): Extension<Address>,
    headers: HeaderMap,
) -> Response {
    if limits.shows_metrics_to(&ip, &headers) {
        return platform::web::health::metrics(app).await;
    }
    let why = format!("{ip} is in none of the networks that the setting “Networks that may read /metrics” names.\n");
    (StatusCode::FORBIDDEN, why).into_response()
}

async fn missing() -> Fail {
    Fail(Error::NotFound("This page"))
}

async fn wrong_method() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

/// What stands before every request.
struct Front {
    app: App,
    limits: Arc<Limits>,
    bans: Arc<InForce>,
    open: HashSet<String>,
}

/// What banned addresses are answered: what a provider says of money, and what the page that says no is drawn with.
fn open_to_banned(table: &[Entry]) -> HashSet<String> {
    let webhooks = table.iter().filter(|entry| entry.access == Access::Webhook).map(|entry| entry.path.clone());
    webhooks.chain([ASSETS.to_owned()]).collect()
}

impl Front {
    /// The ban that keeps a request out.
    async fn refused(&self, route: &str, address: IpAddr, method: &Method) -> Option<Error> {
        let ban = self.bans.of(address, self.app.clock.now())?;
        if self.open.contains(route) {
            return None;
        }
        if LOGINS.contains(&(method, route))
            && let Err(error) = banned_ips::log_refused_login(&self.app, &self.bans, address, &ban).await
        {
            tracing::error!(%error, "a refused login could not be written down");
        }
        Some(Error::Banned { reason: ban.reason.to_string(), until: ban.until })
    }
}

/// Where people log in.
const LOGINS: &[(&Method, &str)] = &[
    (&Method::POST, "/admin/login"),
    (&Method::POST, "/admin/login/second"),
    (&Method::POST, "/admin/login/second/passkey"),
    (&Method::POST, "/admin/login/passkey"),
    (&Method::GET, openid::CALLBACK),
    (&Method::POST, "/login"),
    (&Method::POST, "/login/second"),
    (&Method::POST, "/login/second/passkey"),
    (&Method::POST, "/login/passkey"),
    (&Method::GET, "/sso/{token}"),
    (&Method::GET, sso_tokens::client::REFERENCE_PATH),
];
const ASSETS: &str = "/assets/{name}";

/// Around every request: bans, the app for the guards, a time limit, the form of errors, the headers that every answer has.
async fn outermost(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    let Front { app, limits, .. } = &*front;
    let path = request.uri().path().to_owned();
    let audience = Audience::of(&path);
    // The pattern, for the log: a path may carry a token.
    let route = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let ip = limits.address(peer, request.headers());
    let tls = limits.tls(peer, request.headers());
    request.extensions_mut().insert(tls);
    request.extensions_mut().insert(Address(ip.to_string()));
    request.extensions_mut().insert(app.clone());
    request.extensions_mut().insert(limits.clone());
    let had_flash = cookie(request.headers(), super::admin::FLASH).is_some();
    let mut response = match front.refused(&route, ip, request.method()).await {
        Some(banned) => Fail(banned).into_response(),
        None => match tokio::time::timeout(TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Fail(Error::Unavailable("The request took longer than a minute and was given up.".into()))
                .into_response(),
        },
    };
    if let Some(error) = response.extensions_mut().remove::<Arc<Error>>() {
        let reference = app.random.token()[..12].to_uppercase();
        errors::log(&error, &reference, &route);
        let headers = response.headers().clone();
        let left = response.extensions_mut().remove::<Left>();
        response = render(app, &error, &reference, audience, &path);
        left.map(|left| response.extensions_mut().insert(left));
        if let Error::TooMany { retry_after } = &*error {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        for (name, value) in &headers {
            if *name == header::SET_COOKIE {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
    }
    if let Some(left) = response.extensions().get::<Left>().copied() {
        left.tell(response.headers_mut());
    }
    if had_flash && response.status() == StatusCode::OK && audience == Audience::Page {
        set_cookie(
            response.headers_mut(),
            &format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", super::admin::FLASH),
        );
    }
    secure(response.headers_mut(), audience, tls);
    response
}

fn render(app: &App, error: &Error, reference: &str, audience: Audience, path: &str) -> Response {
    match audience {
        Audience::Api => errors::problem(error, reference),
        Audience::Compat => super::compat::error_response(error, reference),
        Audience::Page => {
            if matches!(error, Error::Unauthenticated) {
                let target = platform::web::lists::escape(path);
                let login = if path.starts_with("/admin") { "/admin/login" } else { "/login" };
                return axum::response::Redirect::to(&format!("{login}?next={target}")).into_response();
            }
            super::admin::error_page(app, error, reference)
        }
    }
}

/// What a page may load and where its forms go: ourselves, and no script or style that stands in the page.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Lets one page load the scripts, frames and styles of others: the widget of a captcha.
pub(crate) fn let_load(response: &mut Response, sources: &[&str]) {
    let all = sources.join(" ");
    let policy = format!(
        "default-src 'self'; script-src 'self' {all}; frame-src 'self' {all}; style-src 'self' {all}; \
         connect-src 'self' {all}; img-src 'self' data: {all}; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Whatever set them: no cookie goes back over a connection that others can read.
fn secure_cookies(headers: &mut HeaderMap) {
    for (_, cookie) in headers.iter_mut().filter(|(name, _)| *name == header::SET_COOKIE) {
        let said = cookie.to_str().unwrap_or_default();
        if let (false, Ok(secure)) = (said.contains("; Secure"), HeaderValue::from_str(&format!("{said}; Secure"))) {
            *cookie = secure;
        }
    }
}

fn secure(headers: &mut HeaderMap, audience: Audience, tls: Tls) {
    if tls.0 {
        secure_cookies(headers);
    }
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    if tls.0 {
        // A year: a browser that was here once asks by https from then on, whatever a link says.
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if audience != Audience::Page {
        set(header::CACHE_CONTROL, "no-store");
    }
    // Pages show books; a shared computer's cache must not.
    set(header::CACHE_CONTROL, "private, no-cache");
}

/// In front of one route: reads the body, finds out who it is, and lets pass who may.
pub(super) async fn guard(access: Access, operation: Option<Arc<Operation>>, request: Request, next: Next) -> Response {
    let mut left = None;
    let mut response = match admit(access, operation, request, &mut left).await {
        Ok(request) => run(request, next).await,
        Err(error) => Fail(error).into_response(),
    };
    if let Some(left) = left {
        response.extensions_mut().insert(left);
    }
    response
}

async fn run(request: Request, next: Next) -> Response {
    let repeatable = request.extensions().get::<ApiCx>().filter(|cx| cx.has_key()).cloned();
    let response = next.run(request).await;
    match repeatable {
        Some(cx) if response.extensions().get::<Arc<Error>>().is_some() => cx.second_look().await.unwrap_or(response),
        _ => response,
    }
}

async fn admit(
    access: Access,
    operation: Option<Arc<Operation>>,
    request: Request,
    left: &mut Option<Left>,
) -> Result<Request> {
    let (mut parts, body) = request.into_parts();
    let known = &parts.extensions;
    let (Some(app), Some(limits), Some(Address(ip)), Some(tls)) = (
        known.get::<App>().cloned(),
        known.get::<Arc<Limits>>().cloned(),
        known.get::<Address>().cloned(),
        known.get::<Tls>().copied(),
    ) else {
        return Err(Error::broken("the outermost layer is missing"));
    };
    let now = app.clock.now();
    let body = read_body(body).await?;
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    match access {
        Access::Public | Access::Webhook => {
            let cx = PublicCx { app, now, ip, path, query, headers: parts.headers.clone(), tls, body: body.clone() };
            parts.extensions.insert(Arc::new(cx));
        }
        Access::AnyStaff | Access::Staff(_) => {
            let (staff, csrf) = session_staff(&app, &parts.headers, tls).await?.ok_or(Error::Unauthenticated)?;
            if let Access::Staff(permission) = access {
                staff.require(permission)?;
            }
            let form = if changes { form_of(&parts.headers, &body)? } else { Form::default() };
            if changes {
                check_origin(&parts.headers)?;
                check_csrf(&csrf, form.text("csrf"))?;
            }
            let actor = staff.actor(ActorKind::Admin, &ip);
            let cx = AdminCx {
                app,
                now,
                staff: Arc::new(staff),
                actor,
                csrf,
                form: Arc::new(form),
                path,
                query,
                cookies: super::admin::Cookies::of(&parts.headers),
            };
            parts.extensions.insert(cx);
        }
        Access::Api(permission) => {
            let asked = Asked { app: &app, limits: &limits, ip: &ip, headers: &parts.headers, now };
            let operation = operation.ok_or_else(|| Error::broken(format!("{path} is not described")))?;
            let deed = api_roles::operation_key(operation.method, operation.path);
            let (staff, kind) = api_caller(&asked, tls, &deed, changes, left).await?;
            staff.require(permission)?;
            if !body.is_empty() {
                check_json(&parts.headers)?;
            }
            let actor = staff.actor(kind, &ip);
            super::described::check_query(&operation, &query)?;
            let cx = ApiCx::new(app, now, Arc::new(staff), actor, operation, &parts, path, query, body.clone()).await?;
            parts.extensions.insert(cx);
        }
        Access::User | Access::Account(_) => {
            let form = if changes { form_of(&parts.headers, &body)? } else { Form::default() };
            let asked = user::Asked { app, now, ip, tls, headers: &parts.headers, path, query };
            let cx = user::admit(asked, form).await?;
            if changes {
                check_origin(&parts.headers)?;
                check_csrf(&cx.session.csrf, cx.form.text("csrf"))?;
            }
            if let Access::Account(permission) = access {
                parts.extensions.insert(ClientCx::of(cx.clone(), permission)?);
            }
            parts.extensions.insert(cx);
        }
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Who sends more than this does not wait for an answer.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// Bodies up to here are read at once, of however many connections. Others wait for one of the places, so that strangers
/// cannot fill the memory: a body is read before it is known whose it is.
const SMALL: usize = 64 * 1024;
static LARGE: Semaphore = Semaphore::const_new(64);

/// The body, if it is not too large. The rest of one that is is read all the same, a piece at a time: who is still
/// sending when the connection is closed sees a broken connection instead of the answer.
pub(super) async fn read_body(mut body: Body) -> Result<Bytes> {
    let (mut kept, mut size) = (Vec::new(), 0);
    let mut place = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Error::invalid("body", "The request broke off.")) };
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > SMALL && place.is_none() {
            place = LARGE.acquire().await.ok();
        }
        if size <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if size > MAX_DISCARDED {
            break;
        } else {
            kept = Vec::new();
        }
    }
    if size > MAX_BODY { Err(Error::TooLarge(MAX_BODY / 1024 / 1024)) } else { Ok(kept.into()) }
}

pub(super) fn form_of(headers: &HeaderMap, body: &[u8]) -> Result<Form> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !body.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Error::invalid("form", "Send the form as application/x-www-form-urlencoded."));
    }
    Form::parse(body)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// No form of another site can say this of itself; a script of another site must ask first, and is refused. A program
/// that is no browser may leave it out.
fn check_json(headers: &HeaderMap) -> Result<()> {
    let is_browser = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if !is_browser && !headers.contains_key(header::CONTENT_TYPE) {
        return Ok(());
    }
    let kind = header_text(headers, "content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Error::invalid("Content-Type", "Send the body as application/json."))
    }
}

const FOREIGN: &str = "This was sent from another site.";

/// A browser says where a request comes from; another site's form is refused even with a stolen token.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<()> {
    match header_text(headers, "sec-fetch-site") {
        Some("cross-site" | "same-site") => Err(Error::refused(FOREIGN)),
        _ => Ok(()),
    }
}

/// Where nothing else tells a form of ours from one of another site: there is no session and so no token yet, or the
/// browser was once told a name and a password for Basic authentication and sends them along with other sites' requests
/// too. Programs that are no browsers say nothing of an origin. Without TLS, browsers leave `Sec-Fetch-Site` out.
pub(super) fn check_sender(headers: &HeaderMap) -> Result<()> {
    check_origin(headers)?;
    if headers.contains_key("sec-fetch-site") {
        return Ok(());
    }
    let Some(origin) = header_text(headers, "origin") else { return Ok(()) };
    let (_, from) = origin.split_once("://").unwrap_or_default();
    let host = header_text(headers, "host").unwrap_or_default();
    // A proxy may pass the host on without its port.
    let bare = from.rsplit_once(':').map_or(from, |(bare, _)| bare);
    let ours = !host.is_empty() && [from, bare].iter().any(|name| name.eq_ignore_ascii_case(host));
    if ours { Ok(()) } else { Err(Error::refused(FOREIGN)) }
}

fn check_csrf(wanted: &str, given: &str) -> Result<()> {
    if platform::crypto::same(wanted, given) {
        Ok(())
    } else {
        Err(Error::refused("This form is out of date. Reload the page and send it again."))
    }
}

pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|all| all.split(';'))
        .find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
}

pub(super) fn set_cookie(headers: &mut HeaderMap, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(header::SET_COOKIE, value);
    }
}

async fn session_staff(app: &App, headers: &HeaderMap, tls: Tls) -> Result<Option<(Staff, String)>> {
    let Some(token) = cookies::session(headers, sessions::COOKIE, tls) else { return Ok(None) };
    let now = app.clock.now();
    let mut conn = app.db.read().await?;
    let Some(found) = staff::by_session(&mut conn, &token, now).await? else { return Ok(None) };
    drop(conn);
    if now.seconds_since(found.seen_at) > 300 {
        let mut tx = app.db.write().await?;
        sessions::touch(&mut tx, &found.token_hash, now).await?;
        tx.commit().await?;
    }
    Ok(Some((found.staff, found.csrf)))
}

/// What a look at somebody's credential needs.
pub(super) struct Asked<'a> {
    pub app: &'a App,
    pub limits: &'a Limits,
    pub ip: &'a str,
    pub headers: &'a HeaderMap,
    pub now: Timestamp,
}

impl Asked<'_> {
    /// "Who are you?", or, too often, "too often".
    pub fn nobody(&self, left: &mut Option<Left>) -> Error {
        self.limits.stranger(self.ip, self.now, left).err().unwrap_or(Error::Unauthenticated)
    }

    /// As [`Asked::nobody`], of somebody who gave a credential that is none. Too many of these ban the address.
    async fn wrong_credential(&self, left: &mut Option<Left>) -> Error {
        if !self.limits.is_crowd(self.ip, self.headers)
            && self.limits.wrong_credential(self.ip, self.now)
            && let Err(error) = self.ban().await
        {
            return error;
        }
        self.nobody(left)
    }

    /// Looks whether credentials are taken from this address at all.
    async fn gate(&self, access_key: Option<&str>, left: &mut Option<Left>) -> Result<()> {
        match self.limits.api_open_to(self.ip, access_key) {
            Open::Yes => Ok(()),
            Open::No => {
                self.tell_failure("the API is not open to this address").await?;
                Err(self.wrong_address(left))
            }
            Open::WrongKey => {
                self.tell_failure("the access key is wrong").await?;
                match self.wrong_credential(left).await {
                    Error::Unauthenticated => Err(Error::Barred(self.invalid_ip())),
                    other => Err(other),
                }
            }
        }
    }

    fn wrong_address(&self, left: &mut Option<Left>) -> Error {
        self.limits.stranger(self.ip, self.now, left).err().unwrap_or_else(|| Error::Barred(self.invalid_ip()))
    }

    fn invalid_ip(&self) -> String {
        format!("Invalid IP {}", self.ip)
    }

    /// Writes down why a credential was refused, where the setting says so.
    async fn tell_failure(&self, why: &str) -> Result<()> {
        if !self.limits.tells_failure(self.ip, self.now) {
            return Ok(());
        }
        let nobody = Actor::nobody(self.ip);
        let activity = Activity::new(format!("API authentication failed: {why}"));
        let mut tx = self.app.db.write().await?;
        activity_log::record(&mut tx, &nobody, activity, self.now).await?;
        tx.commit().await
    }

    async fn note_use(&self, known: &staff::Credential) -> Result<()> {
        let lately = known.last_used_at.is_some_and(|at| self.now.seconds_since(at) < 60);
        if lately || !self.limits.tells_use(known.id, self.now) {
            return Ok(());
        }
        let mut tx = self.app.db.write().await?;
        api_credentials::used(&mut tx, known.id, self.ip, self.now).await?;
        tx.commit().await
    }

    async fn ban(&self) -> Result<()> {
        let mut tx = self.app.db.write().await?;
        let ban = banned_ips::failed(&mut tx, banned_ips::Door::Api, self.ip, self.now).await?;
        tx.commit().await?;
        let Some(ban) = ban else { return Ok(()) };
        self.app.get::<InForce>()?.refresh(self.app).await?;
        Err(ban.refusal())
    }
}

async fn api_caller(
    asked: &Asked<'_>,
    tls: Tls,
    deed: &str,
    changes: bool,
    left: &mut Option<Left>,
) -> Result<(Staff, ActorKind)> {
    let headers = asked.headers;
    if let Some((identifier, secret)) = basic(headers) {
        if changes {
            check_sender(headers)?;
        }
        let login = Pair { identifier: &identifier, secret: &secret, access_key: None };
        let staff = credential_staff(asked, login, deed, left).await?;
        return Ok((staff, ActorKind::Api));
    }
    let Some((staff, csrf)) = session_staff(asked.app, headers, tls).await? else { return Err(asked.nobody(left)) };
    asked.limits.caller(Caller::Admin(staff.id), None, asked.now, left)?;
    if changes {
        check_origin(headers)?;
        let token = headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
        check_csrf(&csrf, token)?;
    }
    Ok((staff, ActorKind::Admin))
}

/// What a caller of an API proves itself by.
pub(super) struct Pair<'a> {
    pub identifier: &'a str,
    pub secret: &'a str,
    pub access_key: Option<&'a str>,
}

/// The staff behind an identifier and a secret, who may use APIs at all, from here, and for this deed. Who asks too often
/// is not looked up any further. A wrong secret is only counted in memory: it has 256 random bits, and a stranger must not
/// be able to make the database write. A right one of a credential that has ended is nobody's guess, and bans nobody.
pub(super) async fn credential_staff(
    asked: &Asked<'_>,
    login: Pair<'_>,
    deed: &str,
    left: &mut Option<Left>,
) -> Result<Staff> {
    asked.gate(login.access_key, left).await?;
    let mut conn = asked.app.db.read().await?;
    let found = staff::key(&mut conn, login.identifier, login.secret, deed, asked.now).await?;
    drop(conn);
    let known = match found {
        Key::Good(known) => known,
        Key::Wrong => {
            asked.tell_failure("no credential has this identifier and this secret").await?;
            return Err(asked.wrong_credential(left).await);
        }
        Key::Ended => {
            asked.tell_failure("the credential is revoked, has expired, or its administrator is disabled").await?;
            return Err(asked.nobody(left));
        }
    };
    let own = networks(&known.networks).unwrap_or_default();
    if !known.networks.is_empty() && !within(&own, asked.ip) {
        asked.tell_failure("the credential is not taken from this address").await?;
        return Err(asked.wrong_address(left));
    }
    asked.limits.caller(Caller::Credential(known.id), known.requests_per_minute, asked.now, left)?;
    asked.note_use(&known).await?;
    known.staff.require(API_ACCESS)?;
    if !known.allowed {
        return Err(api_roles::refusal(deed));
    }
    Ok(known.staff)
}

/// The name and the password of Basic authentication.
pub fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ").or_else(|| value.strip_prefix("basic "))?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (identifier, secret) = text.split_once(':')?;
    Some((identifier.to_owned(), secret.to_owned()))
}
