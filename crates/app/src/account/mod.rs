//! What an administrator sees of the own account.

use accounts::admins::{self, admin::HOMEPAGE};
use accounts::doors::{AdminCx, Routes};
use accounts::two_factor::{self, Person};
use axum::response::Response;
use kernel::Result;
use minijinja::context;
use platform::web::Fail;

use crate::times::Times;

pub fn routes() -> Routes {
    Routes::new().get("/admin/account", HOMEPAGE, page)
}

async fn page(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let admin = admins::find(&mut conn, cx.staff.id).await?;
    let times = Times::load(&mut conn).await?;
    let factors = two_factor::factors(&mut conn, Person::Staff(admin.id)).await?.in_words();
    let mut permissions: Vec<String> = cx.staff.permissions().map(str::to_owned).collect();
    permissions.sort();
    let values = context! {
        username => admin.username,
        email => admin.email,
        role => cx.staff.role.clone(),
        created => times.show(admin.created_at),
        last_login => times.show_some(admin.last_login_at),
        permissions,
        factors,
    };
    drop(conn);
    cx.page("app/account/page.html", "", "My account", values)
}
