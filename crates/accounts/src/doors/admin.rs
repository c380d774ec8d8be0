//! The staff area's side of a request: who it is, the frame around the page, where to go next.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result, Timestamp};
use minijinja::{Value, context};
use platform::App;
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Sort};
use platform::web::{Fail, Form, assets, errors};
use std::sync::Arc;

use super::serve::{cookie, set_cookie};
use super::{Permission, Staff, extension};
use crate::activity_log::Actor;
use crate::company;

pub const FLASH: &str = "innkeeper_flash";

/// A section of the sidebar.
#[derive(Debug, Clone)]
pub struct NavSection {
    pub label: &'static str,
    pub key: &'static str,
    pub href: &'static str,
    pub items: Vec<NavItem>,
}

#[derive(Debug, Clone)]
pub struct NavItem {
    pub label: &'static str,
    pub href: &'static str,
    pub permission: Permission,
}

/// The sidebar, put together by wiring.
#[derive(Debug, Clone, Default)]
pub struct Nav {
    pub sections: Vec<NavSection>,
    pub create: Vec<NavItem>,
}

/// Preferences that the browser keeps.
#[derive(Debug, Clone, Default)]
pub struct Cookies {
    pub(super) theme: String,
    sidebar: String,
    pub(super) flash: Option<String>,
}

impl Cookies {
    pub(super) fn of(headers: &HeaderMap) -> Cookies {
        let one_of = |name: &str, allowed: &[&str]| {
            cookie(headers, name).filter(|value| allowed.contains(&value.as_str())).unwrap_or_default()
        };
        Cookies {
            theme: one_of("theme", &["light", "dark"]),
            sidebar: one_of("sidebar", &["mini"]),
            flash: cookie(headers, FLASH),
        }
    }
}

/// A request of staff with a session, a checked permission and, when it changes something, a checked CSRF token.
#[derive(Clone)]
pub struct AdminCx {
    pub app: App,
    pub now: kernel::Timestamp,
    pub staff: Arc<Staff>,
    pub actor: Actor,
    pub csrf: String,
    /// The fields of a POST.
    pub form: Arc<Form>,
    pub path: String,
    pub query: String,
    pub(super) cookies: Cookies,
}

impl FromRequestParts<App> for AdminCx {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<AdminCx, Fail> {
        extension(parts)
    }
}

impl AdminCx {
    /// The fields of the address.
    pub fn params(&self) -> Result<Form> {
        Form::parse(self.query.as_bytes())
    }

    pub fn list(&self, sorts: &'static [Sort], order: Order) -> Result<lists::Request> {
        lists::Request::parse(&self.query, sorts, order)
    }

    /// Renders a page in the staff frame. `section` is the key of a sidebar section.
    pub fn page(&self, template: &str, section: &str, title: &str, values: Value) -> Result<Response, Fail> {
        let page = self.frame(section, title)?;
        let html =
            self.app.templates.page(template, context! { page, may => self.staff.rights().shown.clone(), ..values })?;
        Ok(html)
    }

    /// The page again, with what was typed and what is wrong with it.
    pub fn again(
        &self,
        template: &str,
        section: &str,
        title: &str,
        errors: &FieldErrors,
        values: Value,
    ) -> Result<Response, Fail> {
        let page = self.page(template, section, title, context! { errors => error_list(errors), ..values })?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    }

    fn frame(&self, section: &str, title: &str) -> Result<Value> {
        let nav = self.app.get::<Nav>()?;
        let create: Vec<Value> = nav
            .create
            .iter()
            .filter(|item| self.staff.may(item.permission))
            .map(|item| context! { label => item.label, href => item.href })
            .collect();
        Ok(context! {
            title, section, create,
            csrf => &self.csrf,
            flash => self.cookies.flash.as_deref().and_then(flash_value),
            nav => Value::from_safe_string(super::sidebar::html(&nav, &self.staff, section, &self.path)),
            user => context! { name => &self.staff.username, role => &self.staff.role },
            path => &self.path,
            query => &self.query,
            instance => instance_name(&self.app),
            sandbox => self.app.sandbox,
            theme_accent => "",
            theme => &self.cookies.theme,
            sidebar => &self.cookies.sidebar,
            lang => "en",
            dir => "ltr",
            css => assets::css(),
            js => assets::js(),
        })
    }
}

/// Name of the company, kept by wiring so that no page asks the database for it.
pub struct InstanceName(pub std::sync::RwLock<String>);

pub(crate) fn instance_name(app: &App) -> String {
    app.extensions
        .get::<InstanceName>()
        .and_then(|name| name.0.read().ok().map(|name| name.clone()))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "Innkeeper".to_owned())
}

/// The errors as the form macros want them: pairs of field and message.
pub fn error_list(errors: &FieldErrors) -> Value {
    Value::from_iter(errors.iter().map(|(field, message)| Value::from(vec![field.to_owned(), message.to_owned()])))
}

/// What came out of a step; what is wrong with its fields is noted, so that all errors of a form are told at once.
pub fn noted<T>(errors: &mut FieldErrors, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Invalid(more)) => {
            more.iter().for_each(|(field, message)| errors.add(field, message));
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Where the browser goes after a form, and what it says there.
pub struct Redirect {
    to: String,
    flash: Option<String>,
}

impl Redirect {
    pub fn to(to: impl Into<String>) -> Redirect {
        Redirect { to: to.into(), flash: None }
    }

    /// What has happened to what.
    pub fn saying(self, text: impl AsRef<str>) -> Redirect {
        self.flash_of("ok", text.as_ref())
    }

    /// Nothing bad, but look.
    pub fn warning(self, text: impl AsRef<str>) -> Redirect {
        self.flash_of("warn", text.as_ref())
    }

    /// A rule said no.
    pub fn refusing(self, text: impl AsRef<str>) -> Redirect {
        self.flash_of("bad", text.as_ref())
    }

    fn flash_of(mut self, kind: &str, text: &str) -> Redirect {
        let short: String = text.chars().take(600).collect();
        self.flash = Some(format!("{kind}.{}", lists::escape(&short)));
        self
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        let mut response = axum::response::Redirect::to(&self.to).into_response();
        if let Some(flash) = self.flash {
            set_cookie(response.headers_mut(), &format!("{FLASH}={flash}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"));
        }
        response
    }
}

pub(super) fn flash_value(cookie: &str) -> Option<Value> {
    let (kind, text) = cookie.split_once('.')?;
    let kind = ["ok", "info", "warn", "bad"].into_iter().find(|known| *known == kind)?;
    let pairs = Form::parse(format!("t={text}").as_bytes()).ok()?;
    Some(context! { kind, text => pairs.text("t") })
}

/// Answers of a form: the rule's "no" goes back to where the user was, in words; invalid fields are the caller's matter.
pub fn or_back(result: Result<Redirect>, back: &str) -> Result<Redirect, Fail> {
    match result {
        Ok(redirect) => Ok(redirect),
        Err(error @ (Error::Refused(_) | Error::Invalid(_))) => Ok(Redirect::to(back).refusing(error.to_string())),
        Err(Error::Conflict(text)) if !text.starts_with("database:") => Ok(Redirect::to(back).refusing(text)),
        Err(other) => Err(Fail(other)),
    }
}

/// The frame without a session: login, error pages, signed links.
pub fn plain_frame(app: &App, title: &str) -> Value {
    context! {
        title,
        section => "",
        csrf => "",
        flash => None::<i64>,
        nav => "",
        user => None::<i64>,
        path => "",
        query => "",
        instance => instance_name(app),
        sandbox => app.sandbox,
        theme_accent => "",
        theme => "",
        sidebar => "",
        lang => "en",
        dir => "ltr",
        css => assets::css(),
        js => assets::js(),
    }
}

/// All that a banned address is shown.
fn banned_page(app: &App, title: &str, reason: &str, until: Option<Timestamp>) -> Result<Response> {
    app.templates.page(
        "banned.html",
        context! {
            page => plain_frame(app, title),
            reason,
            // In no zone but the one that everybody can convert: nobody knows who this is.
            until => until.map(|at| company::clock(at, &TimeZone::UTC) + " UTC").unwrap_or_default(),
            until_at => until.map(|at| at.to_string()).unwrap_or_default(),
        },
    )
}

pub(super) fn error_page(app: &App, error: &Error, reference: &str) -> Response {
    let status = errors::status(error);
    let title = errors::title(error);
    if let Error::Banned { reason, until } = error
        && let Ok(page) = banned_page(app, title, reason, *until)
    {
        return (status, page).into_response();
    }
    let shown_reference = if matches!(error, Error::Broken(_) | Error::Unavailable(_)) { reference } else { "" };
    let values = context! {
        page => plain_frame(app, title),
        status => status.as_u16(),
        title,
        message => errors::message(error, reference),
        reference => shown_reference,
    };
    match app.templates.page("error.html", values) {
        Ok(page) => (status, page).into_response(),
        Err(failed) => {
            tracing::error!(%failed, "the error page cannot be rendered");
            (status, errors::message(error, reference)).into_response()
        }
    }
}
