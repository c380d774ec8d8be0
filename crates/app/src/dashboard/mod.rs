//! The page that staff see first: how things stand and what there is to do.

use accounts::admins::admin::HOMEPAGE;
use accounts::doors::{AdminCx, NavSection, PublicCx, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use platform::web::Fail;

pub fn routes() -> Routes {
    Routes::new().public_get("/", start).get("/admin", HOMEPAGE, index)
}

pub fn nav() -> Vec<NavSection> {
    vec![NavSection { label: "Dashboard", key: "dashboard", href: "/admin", items: Vec::new() }]
}

async fn start(_: PublicCx) -> Response {
    Redirect::to("/admin").into_response()
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    cx.page("app/dashboard/index.html", "dashboard", "Dashboard", context! {})
}
