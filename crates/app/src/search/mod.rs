//! The command bar and the search page: everything that features have offered to find.

use accounts::admins::admin::HOMEPAGE;
use accounts::doors::finders::{Finders, Hit};
use accounts::doors::{AdminCx, Routes};
use axum::Json;
use axum::response::{IntoResponse, Response};
use kernel::Result;
use minijinja::context;
use minijinja::value::Serde;
use platform::web::{Fail, lists};

pub fn routes() -> Routes {
    Routes::new().get("/admin/search", HOMEPAGE, page).get("/admin/search.json", HOMEPAGE, command_bar)
}

/// Longer text is no name and no number.
const LONGEST: usize = 100;

#[derive(Debug, serde::Serialize)]
struct Group {
    label: &'static str,
    href: String,
    total: usize,
    items: Vec<Hit>,
}

async fn page(cx: AdminCx) -> Result<Response, Fail> {
    let (q, groups) = search(&cx).await?;
    cx.page("search.html", "", "Search", context! { q, groups => Serde(&groups) })
}

async fn command_bar(cx: AdminCx) -> Result<Response, Fail> {
    let (_, groups) = search(&cx).await?;
    Ok(Json(serde_json::json!({ "groups": groups })).into_response())
}

async fn search(cx: &AdminCx) -> Result<(String, Vec<Group>)> {
    let q: String = cx.params()?.text("q").chars().take(LONGEST).collect();
    let mut groups = Vec::new();
    if q.is_empty() {
        return Ok((q, groups));
    }
    let finders = cx.app.get::<Finders>()?;
    let mut conn = cx.app.db.read().await?;
    for finder in finders.iter().filter(|finder| cx.staff.may(finder.permission)) {
        let items = finder.find(&mut conn, &q).await?;
        if !items.is_empty() {
            let href =
                if finder.list.is_empty() { String::new() } else { format!("{}{}", finder.list, lists::escape(&q)) };
            groups.push(Group { label: finder.label, href, total: items.len(), items });
        }
    }
    Ok((q, groups))
}
