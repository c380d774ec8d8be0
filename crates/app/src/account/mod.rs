//! What an administrator sees of the own account.

use accounts::admins::{self, MY_ACCOUNT};
use accounts::doors::{AdminCx, Routes};
use axum::response::Response;
use kernel::Result;
use minijinja::context;
use platform::web::Fail;

use crate::times::Times;

pub fn routes() -> Routes {
    Routes::new().get("/admin/account", MY_ACCOUNT, page)
}

async fn page(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let admin = admins::find(&mut conn, cx.staff.id).await?;
    let times = Times::load(&mut conn).await?;
    let mut permissions: Vec<String> = cx.staff.permissions().map(str::to_owned).collect();
    permissions.sort();
    let values = context! {
        username => admin.username,
        email => admin.email,
        role => cx.staff.role.clone(),
        created => times.show(admin.created_at),
        last_login => times.show_some(admin.last_login_at),
        permissions,
    };
    drop(conn);
    cx.page("app/account/page.html", "", "My account", values)
}
