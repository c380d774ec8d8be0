//! The WHMCS-compatible API: one address, many actions, a table of functions.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Extension, Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result};
use platform::App;
use platform::compat::{Answer, Format, Login, Noted, Params, Request};
use platform::web::errors;
use platform::web::throttle::Left;

use super::limits::Limits;
use super::serve::{Address, Asked, Pair, credential_staff, read_body};
use super::{Permission, Staff};
use crate::activity_log::{Actor, ActorKind};

/// The version that clients are told; it says which documentation the actions follow.
pub const VERSION: &str = "8.13.0";

pub type Reply = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;
type Function = Arc<dyn Fn(CompatCx) -> Reply + Send + Sync>;

/// One action: its documented name, the permission it needs, the function.
#[derive(Clone)]
pub struct Action {
    pub name: &'static str,
    pub permission: Permission,
    function: Function,
}

impl Action {
    pub fn new<F, Fut>(name: &'static str, permission: Permission, function: F) -> Action
    where
        F: Fn(CompatCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer>> + Send + 'static,
    {
        Action { name, permission, function: Arc::new(move |cx| Box::pin(function(cx))) }
    }
}

/// A call by a known administrator with the permission.
#[derive(Clone)]
pub struct CompatCx {
    pub app: App,
    pub now: kernel::Timestamp,
    pub staff: Arc<Staff>,
    pub actor: Actor,
    pub request: Arc<Request>,
}

pub(super) struct Table(HashMap<String, Action>);

impl Table {
    pub(super) fn new(actions: Vec<Action>) -> Table {
        Table(actions.into_iter().map(|action| (action.name.to_lowercase(), action)).collect())
    }
}

pub(super) async fn serve(
    State(app): State<App>,
    Extension(table): Extension<Arc<Table>>,
    Extension(limits): Extension<Arc<Limits>>,
    Extension(Address(ip)): Extension<Address>,
    request: HttpRequest,
) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked { app: &app, limits: &limits, ip: &ip, headers: &parts.headers, now: app.clock.now() };
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(error @ Error::TooLarge(_)) => return respond(&Answer::from_error(&error, ""), Format::Json, ""),
        Err(error) => return respond(&Answer::error(error.to_string()).with_status(400), Format::Json, ""),
    };
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let request = match Request::parse(parts.uri.query(), kind, &body) {
        Ok(request) => Arc::new(request),
        Err(error) => return respond(&error.answer(), error.format, ""),
    };
    let format = request.format();
    let (mut left, mut retry_after) = (None, None);
    let answer = match call(&asked, &table, request.clone(), &mut left).await {
        Ok(answer) => answer,
        Err(error) => {
            if let Error::TooMany { retry_after: seconds } = error {
                retry_after = Some(seconds);
            }
            let reference = app.random.token()[..12].to_uppercase();
            errors::log(&error, &reference, &format!("/includes/api.php {}", request.action()));
            Answer::from_error(&error, &reference)
        }
    };
    let mut response = respond(&answer, format, request.action());
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(left) = left {
        response.extensions_mut().insert(left);
    }
    response
}

async fn call(asked: &Asked<'_>, table: &Table, request: Arc<Request>, left: &mut Option<Left>) -> Result<Answer> {
    let staff = match caller(asked, &request, left).await {
        Err(Error::Unauthenticated) if is_older_login(&request) => return Ok(Answer::denied(OLDER_LOGIN)),
        caller => caller?,
    };
    let Some(action) = table.0.get(request.action()) else {
        return Ok(Answer::error("Command Not Found"));
    };
    if !staff.may(action.permission) {
        return Ok(Answer::denied(format!("Invalid Permissions: the action needs “{}”", action.permission.0)));
    }
    let actor = staff.actor(ActorKind::Api, asked.ip);
    let cx = CompatCx { app: asked.app.clone(), now: asked.now, staff: Arc::new(staff), actor, request };
    (action.function)(cx).await
}

/// An identifier and a secret, in either pair of fields. The older form, an administrator's name with the MD5 of the
/// password, would need a password stored so that its MD5 can be compared, so it is refused.
async fn caller(asked: &Asked<'_>, request: &Request, left: &mut Option<Left>) -> Result<Staff> {
    let given = request.credentials();
    match given.login {
        Login::Identifier { identifier: name, secret } | Login::Username { username: name, password: secret } => {
            let login = Pair { identifier: &name, secret: &secret, access_key: given.access_key.as_deref() };
            credential_staff(asked, login, request.action(), left).await
        }
        Login::None => Err(asked.nobody(left)),
    }
}

const OLDER_LOGIN: &str = "Authentication Failed: an administrator's name with the MD5 of the password is not taken. \
                           Create an API credential and send its identifier and secret in the same fields.";

/// Whether somebody tries an administrator's name with the MD5 of the password.
fn is_older_login(request: &Request) -> bool {
    matches!(request.credentials().login, Login::Username { password, .. } if looks_like_md5(&password))
}

fn looks_like_md5(password: &str) -> bool {
    password.len() == 32 && password.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn respond(answer: &Answer, format: Format, action: &str) -> Response {
    let rendered = answer.render(format, action, VERSION);
    let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(rendered.content_type))], rendered.body).into_response()
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub start: i64,
    pub limit: i64,
}

/// An answer is made in memory.
const AT_MOST: i64 = 10_000;

/// `limitstart` and `limitnum`, as the listing actions have them: from 0, 25 at a time. Whoever asks for more than fits is
/// told by `totalresults`.
pub fn part(params: &mut Params<'_>) -> Result<Part, Noted> {
    let start = params.int("limitstart").unwrap_or(0);
    let limit = params.int("limitnum").unwrap_or(25);
    if start < 0 {
        return Err(params.refuse("limitstart", "Enter 0 or more."));
    }
    if limit < 0 {
        return Err(params.refuse("limitnum", "Enter 0 or more."));
    }
    Ok(Part { start, limit: limit.min(AT_MOST) })
}

pub(super) fn error_response(error: &Error, reference: &str) -> Response {
    respond(&Answer::from_error(error, reference), Format::Json, "")
}
