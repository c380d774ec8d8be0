//! The list of users in the staff area.

use axum::response::Response;
use kernel::Result;
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::Fail;
use platform::web::lists::{self, COUNT_LIMIT, Order, PAGE_SIZE, Sort, grouped};

use super::{Listed, count, list};
use crate::clients::LIST;
use crate::company;
use crate::doors::{AdminCx, Routes};

const PAGE: &str = "/admin/users";
const SORTS: &[Sort] = &[
    Sort { key: "id", sql: "u.id" },
    Sort { key: "name", sql: "u.last_name" },
    Sort { key: "email", sql: "u.email_lower" },
];

pub fn routes() -> Routes {
    Routes::new().get(PAGE, LIST, index)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let text = request.filter("q");
    let order = request.order_by("u.id");
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    if request.csv {
        let rows = list(&mut conn, text, &order, i64::MAX, 0).await?;
        return Ok(lists::csv_response(
            "users",
            &["Id", "First name", "Last name", "E-mail", "Clients", "Added", "Last login"],
            rows.iter().map(|user| csv_row(user, &zone)).collect(),
        )?);
    }
    let counted = count(&mut conn, text, COUNT_LIMIT + 1).await?;
    let users = list(&mut conn, text, &order, PAGE_SIZE, request.offset()).await?;
    drop(conn);
    cx.page(
        "accounts/users/list.html",
        "clients",
        "Users",
        context! {
            list => request.view(counted, users.len()),
            filter => context! { q => text },
            clear => if text.is_empty() { "" } else { PAGE },
            rows => users.iter().map(|user| row(user, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn name(user: &Listed) -> String {
    [user.first_name.as_str(), user.last_name.as_str()].join(" ").trim().to_owned()
}

fn row(user: &Listed, zone: &TimeZone) -> Value {
    context! {
        id => user.id,
        name => name(user),
        email => &user.email,
        client_id => user.client_id,
        client => &user.client_name,
        more => if user.clients > 1 { grouped(user.clients - 1) } else { String::new() },
        added => company::day(user.created_at, zone),
        added_at => user.created_at.to_string(),
        last => user.last_login_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        last_at => user.last_login_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

fn csv_row(user: &Listed, zone: &TimeZone) -> Vec<String> {
    vec![
        user.id.to_string(),
        user.first_name.clone(),
        user.last_name.clone(),
        user.email.clone(),
        user.clients.to_string(),
        company::day(user.created_at, zone),
        user.last_login_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
    ]
}
