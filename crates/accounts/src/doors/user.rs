//! The client area's side of a request: the user behind it, the frame around the page.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result, Timestamp};
use minijinja::{Value, context};
use platform::App;
use platform::web::{Fail, Form, lists};

use super::admin::{Cookies, error_list, flash_value, plain_frame};
use super::cookies::{self, Keep, Tls};
use super::{AccountPermission, Redirect, extension};
use crate::activity_log::Actor;
use crate::user_sessions::{self, COOKIE, LoggedIn, Session, Started};
use crate::users::User;

/// An entry of the client area's menu.
#[derive(Debug, Clone, Copy)]
pub struct UserNavItem {
    pub label: &'static str,
    pub href: &'static str,
    /// The key that it takes, in the account that is chosen; `None` for what is the user's own.
    pub permission: Option<AccountPermission>,
}

/// A request of a user with a session and, when it changes something, a checked CSRF token.
#[derive(Clone)]
pub struct UserCx {
    pub app: App,
    pub now: Timestamp,
    pub user: Arc<User>,
    pub session: Arc<Session>,
    pub logged_in: Arc<LoggedIn>,
    pub actor: Actor,
    pub ip: String,
    pub tls: Tls,
    /// The fields of a POST.
    pub form: Arc<Form>,
    pub path: String,
    pub query: String,
    cookies: Cookies,
}

impl FromRequestParts<App> for UserCx {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<UserCx, Fail> {
        extension(parts)
    }
}

/// What is asked, before it is known by whom.
pub(super) struct Asked<'a> {
    pub app: App,
    pub now: Timestamp,
    pub ip: String,
    pub tls: Tls,
    pub headers: &'a HeaderMap,
    pub path: String,
    pub query: String,
}

/// Lets in who is logged in.
pub(super) async fn admit(asked: Asked<'_>, form: Form) -> Result<UserCx> {
    let Asked { app, now, ip, tls, headers, path, query } = asked;
    let Some(logged_in) = of_headers(&app, headers, tls, &ip, now).await? else { return Err(Error::Unauthenticated) };
    if user_sessions::is_stale(&logged_in.session, now) {
        let mut tx = app.db.write().await?;
        user_sessions::touch(&mut tx, &logged_in.session, now).await?;
        tx.commit().await?;
    }
    Ok(UserCx {
        actor: logged_in.actor(&ip),
        user: Arc::new(logged_in.user.clone()),
        session: Arc::new(logged_in.session.clone()),
        logged_in: Arc::new(logged_in),
        cookies: Cookies::of(headers),
        form: Arc::new(form),
        app,
        now,
        ip,
        tls,
        path,
        query,
    })
}

/// Who is logged in to the client area with these cookies.
pub(crate) async fn of_headers(
    app: &App,
    headers: &HeaderMap,
    tls: Tls,
    ip: &str,
    now: Timestamp,
) -> Result<Option<LoggedIn>> {
    let Some(token) = cookies::session(headers, COOKIE, tls) else { return Ok(None) };
    let mut conn = app.db.read().await?;
    user_sessions::find(&mut conn, &token, ip, now).await
}

/// Gives the browser the cookie of a session.
pub(crate) fn give(response: &mut Response, started: &Started, tls: Tls) {
    let keep = started.keep.map_or(Keep::UntilClosed, Keep::Seconds);
    cookies::set_session(response.headers_mut(), COOKIE, &started.token, tls, keep);
}

/// Takes the cookie of a session away.
pub(crate) fn take_away(response: &mut Response, tls: Tls) {
    cookies::leave(response.headers_mut(), COOKIE, tls);
}

const CONFIRM: &str = "/account/confirm";

impl UserCx {
    /// The fields of the address.
    pub fn params(&self) -> Result<Form> {
        Form::parse(self.query.as_bytes())
    }

    /// Renders a page in the frame of the client area.
    pub fn page(&self, template: &str, title: &str, values: Value) -> Result<Response, Fail> {
        let page = self.frame(title);
        Ok(self.app.templates.page(template, context! { page, ..values })?)
    }

    /// The page again, with what was typed and what is wrong with it.
    pub fn again(&self, template: &str, title: &str, errors: &FieldErrors, values: Value) -> Result<Response, Fail> {
        let page = self.page(template, title, context! { errors => error_list(errors), ..values })?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    }

    /// Goes on with the new cookie of the session.
    pub fn renewed(&self, to: Redirect, started: &Started) -> Response {
        let mut response = to.into_response();
        give(&mut response, started, self.tls);
        response
    }

    /// `None` when the password was typed a moment ago; else the way to where it is asked for, and back to `next`. Staff,
    /// who do not know it, are refused what needs it.
    pub fn confirm_first(&self, next: &str) -> Result<Option<Redirect>> {
        if self.session.admin_id.is_some() {
            return Err(Error::refused("Only the user can do this. Change users in the staff area."));
        }
        let asked = !self.session.is_confirmed(self.now);
        Ok(asked.then(|| Redirect::to(format!("{CONFIRM}?next={}", lists::escape(next)))))
    }

    fn frame(&self, title: &str) -> Value {
        let account = self.logged_in.account.as_ref();
        let may = |item: &UserNavItem| match item.permission {
            None => true,
            Some(permission) => account.is_some_and(|account| account.part.may(permission)),
        };
        let nav: Vec<Value> = crate::client_nav()
            .iter()
            .filter(|item| may(item))
            .map(|item| context! { label => item.label, href => item.href, current => item.href == self.path })
            .collect();
        let name = if self.user.name().is_empty() { self.user.email.clone() } else { self.user.name() };
        context! {
            csrf => &self.session.csrf,
            flash => self.cookies.flash.as_deref().and_then(flash_value),
            nav,
            user => context! { name, email => &self.user.email },
            account => account.map(|account| &account.name),
            admin => &self.logged_in.admin,
            path => &self.path,
            theme => &self.cookies.theme,
            ..plain_frame(&self.app, title)
        }
    }
}
