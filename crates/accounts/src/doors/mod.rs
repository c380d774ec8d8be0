//! The doors: how a request of staff, of an API client or of the compatible API becomes a call of a rule.
//!
//! What must hold:
//! - A route cannot be made without saying who may use it; the table of all routes is what the guard tests walk.
//! - A page form that changes something carries the session's CSRF token; so does an API call made with a session.
//! - Errors get their form in one place, by audience.

pub mod admin;
pub mod api;
mod client;
pub mod compat;
pub mod cookies;
mod described;
pub mod finders;
pub mod limits;
pub mod schema;
mod serve;
mod sidebar;
mod staff;
pub(crate) mod user;

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use kernel::Error;
use platform::App;
use platform::web::Fail;

pub use crate::account_access::AccountPermission;
pub use crate::roles::Permission;
pub use admin::{AdminCx, Nav, NavItem, NavSection, Redirect};
pub use api::{ApiCx, Operation};
pub use client::ClientCx;
pub use compat::{Action, CompatCx};
pub use cookies::Tls;
pub(crate) use serve::let_load;
pub use serve::{Address, basic, service};
pub use staff::Staff;
#[cfg(test)]
pub(crate) use staff::by_credential;
pub use user::{UserCx, UserNavItem};

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone: login, assets, health, webhooks (which prove themselves by their signature), signed links.
    Public,
    /// As [`Access::Public`], from banned addresses too: a provider tells of money, and proves itself by its signature.
    Webhook,
    /// Staff with a session, whatever they may do.
    AnyStaff,
    /// Staff with a session and the permission.
    Staff(Permission),
    /// API clients and staff with the permission.
    Api(Permission),
    /// A user who is logged in to the client area, with or without an account.
    User,
    /// A user who acts for a client and has the key.
    Account(AccountPermission),
}

/// One line of the route table.
#[derive(Debug, Clone)]
pub struct Entry {
    pub method: &'static str,
    pub path: String,
    pub access: Access,
}

/// The routes of a feature, and of the whole program once they are merged.
#[derive(Default)]
pub struct Routes {
    router: axum::Router<App>,
    pub table: Vec<Entry>,
    pub operations: Vec<Arc<Operation>>,
    pub actions: Vec<Action>,
}

impl Routes {
    pub fn new() -> Routes {
        Routes::default()
    }

    /// A page of the staff area.
    pub fn get<H, T>(self, path: &str, permission: Permission, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("GET", path, Access::Staff(permission), axum::routing::get(handler))
    }

    /// A form of the staff area.
    pub fn post<H, T>(self, path: &str, permission: Permission, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("POST", path, Access::Staff(permission), axum::routing::post(handler))
    }

    /// A page that needs no more than a session.
    pub fn get_of_anybody<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("GET", path, Access::AnyStaff, axum::routing::get(handler))
    }

    /// A form that needs no more than a session.
    pub fn post_of_anybody<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("POST", path, Access::AnyStaff, axum::routing::post(handler))
    }

    /// A page that anyone may see.
    pub fn public_get<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("GET", path, Access::Public, axum::routing::get(handler))
    }

    /// What a provider sends; see [`Access::Webhook`].
    pub fn webhook<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("POST", path, Access::Webhook, axum::routing::post(handler))
    }

    /// A form that anyone may send.
    pub fn public_post<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("POST", path, Access::Public, axum::routing::post(handler))
    }

    /// A page of the client area that is the user's own.
    pub fn user_get<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("GET", path, Access::User, axum::routing::get(handler))
    }

    /// A form of the client area that is the user's own.
    pub fn user_post<H, T>(self, path: &str, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("POST", path, Access::User, axum::routing::post(handler))
    }

    /// A page about the client for which the user acts.
    pub fn account_get<H, T>(self, path: &str, permission: AccountPermission, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("GET", path, Access::Account(permission), axum::routing::get(handler))
    }

    /// A form about the client for which the user acts.
    pub fn account_post<H, T>(self, path: &str, permission: AccountPermission, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route("POST", path, Access::Account(permission), axum::routing::post(handler))
    }

    /// An operation of the JSON API under `/api/v1`, described for OpenAPI.
    pub fn api<H, T>(mut self, operation: Operation, handler: H) -> Routes
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let path = format!("/api/v1{}", operation.path);
        let (method, permission) = (operation.method, operation.permission);
        let operation = Arc::new(operation);
        self.operations.push(operation.clone());
        let router = match method {
            "GET" => axum::routing::get(handler),
            "PUT" => axum::routing::put(handler),
            "PATCH" => axum::routing::patch(handler),
            "DELETE" => axum::routing::delete(handler),
            _ => axum::routing::post(handler),
        };
        self.guarded(method, &path, Access::Api(permission), router, Some(operation))
    }

    /// An action of the compatible API.
    pub fn action(mut self, action: Action) -> Routes {
        self.actions.push(action);
        self
    }

    fn route(self, method: &'static str, path: &str, access: Access, router: MethodRouter<App>) -> Routes {
        self.guarded(method, path, access, router, None)
    }

    fn guarded(
        mut self,
        method: &'static str,
        path: &str,
        access: Access,
        router: MethodRouter<App>,
        operation: Option<Arc<Operation>>,
    ) -> Routes {
        let guard =
            axum::middleware::from_fn(move |request, next| serve::guard(access, operation.clone(), request, next));
        self.router = self.router.route(path, router.layer(guard));
        self.table.push(Entry { method, path: path.to_owned(), access });
        self
    }

    pub fn merge(mut self, other: Routes) -> Routes {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self.operations.extend(other.operations);
        self.actions.extend(other.actions);
        self
    }

    /// Every permission that some route or action checks, in the order of their names.
    pub fn permissions(&self) -> Vec<Permission> {
        let mut seen = HashSet::new();
        let mut all: Vec<Permission> = self
            .table
            .iter()
            .filter_map(|entry| match entry.access {
                Access::Public | Access::Webhook | Access::AnyStaff => None,
                Access::User | Access::Account(_) => None,
                Access::Staff(permission) | Access::Api(permission) => Some(permission),
            })
            .chain(self.actions.iter().map(|action| action.permission))
            .chain([API_ACCESS])
            .filter(|permission| seen.insert(*permission))
            .collect();
        all.sort_by_key(|permission| permission.0);
        all
    }
}

/// What the session of a request is known by among those of its owner; empty when there is none.
#[derive(Debug, Clone)]
pub struct OwnSession(pub String, Tls);

impl OwnSession {
    /// The answer, with the session's new cookie.
    pub fn renewed(&self, to: Redirect, token: &str) -> Response {
        let mut response = to.into_response();
        let name = crate::sessions::COOKIE;
        cookies::set_session(response.headers_mut(), name, token, self.1, cookies::Keep::UntilClosed);
        response
    }
}

impl FromRequestParts<App> for OwnSession {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<OwnSession, Fail> {
        let tls: Tls = extension(parts)?;
        let token = cookies::session(&parts.headers, crate::sessions::COOKIE, tls);
        Ok(OwnSession(token.map(|token| crate::sessions::hash(&token)).unwrap_or_default(), tls))
    }
}

/// What every use of an API credential needs, besides the permission of what is done with it.
pub const API_ACCESS: Permission = Permission("API Access");

/// Takes what the guard put into the request. Its absence means a handler outside the route builder.
pub(crate) fn extension<T: Clone + Send + Sync + 'static>(parts: &mut Parts) -> Result<T, Fail> {
    parts
        .extensions
        .get::<T>()
        .cloned()
        .ok_or_else(|| Fail(Error::broken(format!("no {} in the request", std::any::type_name::<T>()))))
}

/// The number in a path like `/clients/{id}`. Anything else there is a page that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub i64);

impl FromRequestParts<App> for Id {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Id, Fail> {
        let path = axum::extract::Path::<i64>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(id)| Id(id)).or(Err(Fail(Error::NotFound("This page"))))
    }
}

/// Two numbers in a path like `/clients/{id}/pay-methods/{method}`.
#[derive(Debug, Clone, Copy)]
pub struct Ids(pub i64, pub i64);

impl FromRequestParts<App> for Ids {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Ids, Fail> {
        let path = axum::extract::Path::<(i64, i64)>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path((first, second))| Ids(first, second)).or(Err(Fail(Error::NotFound("This page"))))
    }
}

/// The word in a path like `/gateways/{name}`.
#[derive(Debug, Clone)]
pub struct Word(pub String);

impl FromRequestParts<App> for Word {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Word, Fail> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(word)| Word(word)).or(Err(Fail(Error::NotFound("This page"))))
    }
}

/// A request that may come from anyone.
#[derive(Clone)]
pub struct PublicCx {
    pub app: App,
    pub now: kernel::Timestamp,
    pub ip: String,
    pub path: String,
    pub query: String,
    pub headers: axum::http::HeaderMap,
    pub tls: Tls,
    pub body: axum::body::Bytes,
}

impl PublicCx {
    /// The fields of a form that needs no session, so that there is no token to ask for: a browser that says it comes from
    /// another site is refused.
    pub fn form(&self) -> kernel::Result<platform::web::Form> {
        serve::check_sender(&self.headers)?;
        serve::form_of(&self.headers, &self.body)
    }
}

impl PublicCx {
    /// The frame of a page without a session, with what the page before has to say.
    pub fn plain_frame(&self, title: &str) -> minijinja::Value {
        let flash = serve::cookie(&self.headers, admin::FLASH).as_deref().and_then(admin::flash_value);
        minijinja::context! { flash, ..admin::plain_frame(&self.app, title) }
    }
}

impl FromRequestParts<App> for PublicCx {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<PublicCx, Fail> {
        Ok(extension::<Arc<PublicCx>>(parts)?.as_ref().clone())
    }
}
