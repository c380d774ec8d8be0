//! `/account`.

use axum::response::Response;
use kernel::Result;
use minijinja::context;
use platform::settings::Values;
use platform::web::Fail;

use crate::doors::{Routes, UserCx};
use crate::{email_verification, user_sessions};

pub fn routes() -> Routes {
    Routes::new().user_get("/account", home)
}

async fn home(cx: UserCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let values = Values::load(&mut conn).await?;
    let accounts = user_sessions::accounts(&mut conn, cx.user.id).await?;
    let sessions = user_sessions::of_user(&mut conn, cx.user.id, cx.now).await?;
    drop(conn);
    let open = accounts.iter().filter(|account| account.is_open()).count();
    let name = cx.user.name();
    let title = if name.is_empty() { "Welcome".to_owned() } else { format!("Welcome, {name}") };
    let values = context! {
        verify => email_verification::is_wanted(&cx.user, &values) && cx.session.admin_id.is_none(),
        email => &cx.user.email,
        account => cx.logged_in.account.as_ref().map(|account| &account.name),
        accounts => accounts.len(),
        open,
        sessions => sessions.len(),
    };
    cx.page("accounts/client_home/home.html", &title, values)
}
