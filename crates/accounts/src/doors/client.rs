//! A request about the client for which a user acts.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kernel::Result;
use platform::App;
use platform::web::Fail;

use super::{AccountPermission, UserCx, extension};

/// A request of a user who acts for a client and has the key. What is read takes [`ClientCx::client_id`] into its `WHERE`.
#[derive(Clone)]
pub struct ClientCx {
    pub user: UserCx,
    pub client_id: i64,
}

impl Deref for ClientCx {
    type Target = UserCx;
    fn deref(&self) -> &UserCx {
        &self.user
    }
}

impl FromRequestParts<App> for ClientCx {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<ClientCx, Fail> {
        extension(parts)
    }
}

impl ClientCx {
    pub(super) fn of(user: UserCx, permission: AccountPermission) -> Result<ClientCx> {
        let client_id = user.logged_in.require(permission)?.id;
        Ok(ClientCx { user, client_id })
    }
}
