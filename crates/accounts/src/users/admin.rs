//! The list of users in the staff area.

use axum::response::Response;
use kernel::Result;
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::Fail;
use platform::web::lists::{self, Column, Order, Page, Sort, grouped};

use super::{COLUMNS, Listed, query};
use crate::clients::LIST;
use crate::company;
use crate::doors::{AdminCx, Routes};

const PAGE: &str = "/admin/users";
const SORTS: &[Sort] = &[
    Sort::by("id", &[]),
    Sort::by("name", &[Column::text("u.last_name"), Column::text("u.first_name")]),
    Sort::by("email", &[Column::text("u.email_lower")]),
];

pub fn routes() -> Routes {
    Routes::new().get(PAGE, LIST, index)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let text = request.filter("q");
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let query = query(&mut conn, text).await?;
    if request.csv {
        drop(conn);
        let file = ("users", &["Id", "First name", "Last name", "E-mail", "Clients", "Added", "Last login"][..]);
        let cells = move |user: &Listed| csv_row(user, &zone);
        return Ok(lists::file(&cx.app.db, &request, query, COLUMNS, file, cells).await?);
    }
    let page: Page<Listed> = query.page(&mut conn, &request, COLUMNS).await?;
    drop(conn);
    cx.page(
        "accounts/users/list.html",
        "clients",
        "Users",
        context! {
            list => request.view(&page),
            filter => context! { q => text },
            clear => if text.is_empty() { "" } else { PAGE },
            rows => page.rows.iter().map(|user| row(user, &zone)).collect::<Vec<_>>(),
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
