//! Users in the staff area: the list, and a user with what may be changed of it.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page, grouped};
use platform::web::{Fail, Form};

use super::{COLUMNS, Listed, User, UserEdit, query, store};
use crate::activity_log;
use crate::clients::{ClientStatus, EDIT, LIST};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::two_factor::{self, Person};
use crate::user_sessions::client::row as row_of;
use crate::{company, password_resets, security_questions, user_sessions, users};

const PAGE: &str = "/admin/users";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LIST, index)
        .get("/admin/users/{id}", LIST, show)
        .post("/admin/users/{id}", EDIT, save)
        .post("/admin/users/{id}/sessions/end", EDIT, end_sessions)
        .post("/admin/users/{id}/password-reset", EDIT, mail_reset)
}

/// So many of a user's clients are shown.
const CLIENTS: i64 = 200;

fn page_of(id: i64) -> String {
    format!("{PAGE}/{id}")
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
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
        href => page_of(user.id),
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

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    page(&cx, id, None).await
}

/// The user, with the form as it is stored, or as it was typed and what is wrong with it.
async fn page(cx: &AdminCx, id: i64, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let user = users::find(&mut conn, id).await?;
    let clients = store::clients_of(&mut conn, id, CLIENTS).await?;
    let question = security_questions::of_user(&mut conn, id).await?;
    let sessions = user_sessions::of_user(&mut conn, id, cx.now).await?;
    let has_password = store::password(&mut conn, id).await?.is_some();
    let activity = match cx.staff.may(activity_log::VIEW) {
        true => activity_log::about(&mut conn, &format!("user:{id}")).await?,
        false => Vec::new(),
    };
    let factors = match cx.staff.may(two_factor::CONFIGURE) {
        true => Some(two_factor::factors(&mut conn, Person::User(id)).await?.in_words()),
        false => None,
    };
    drop(conn);
    let clients = clients.iter().map(|client| {
        context! {
            href => format!("/admin/clients/{}", client.id), name => &client.name, is_owner => client.is_owner,
            closed => client.status == ClientStatus::Closed,
        }
    });
    let events = activity.iter().map(|entry| {
        let changes = entry
            .changes()
            .into_iter()
            .map(|change| format!("{} {} → {}", change.field, or_nothing(&change.old), or_nothing(&change.new)));
        let told: Vec<String> = std::iter::once(entry.description.clone()).chain(changes).collect();
        context! {
            when => company::clock(entry.at, &zone), instant => entry.at.to_string(), who => entry.who(),
            text => told.join("; "),
        }
    });
    let values = context! {
        id, action => page_of(id), cancel => PAGE,
        v => if wrong.is_some() { typed(&cx.form) } else { stored(&user) },
        clients => clients.collect::<Vec<_>>(),
        added => company::clock(user.created_at, &zone), added_at => user.created_at.to_string(),
        last => user.last_login_at.map(|at| company::clock(at, &zone)),
        last_at => user.last_login_at.map(|at| at.to_string()),
        question => question.map(|chosen| context! {
            words => chosen.question, since => company::clock(chosen.set_at, &zone), since_at => chosen.set_at.to_string(),
        }),
        activity => events.collect::<Vec<_>>(), factors,
        sessions => sessions.iter().map(|session| row_of(session, 0, &zone)).collect::<Vec<_>>(),
        has_password,
        verified => user.email_verified_at.map(|at| company::clock(at, &zone)),
        verified_at => user.email_verified_at.map(|at| at.to_string()),
    };
    let title = if user.name().is_empty() { user.email.clone() } else { user.name() };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page("accounts/users/show.html", "clients", &title, context! { errors, ..values })
        }
        Some(errors) => cx.again("accounts/users/show.html", "clients", &title, errors, values),
    }
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn stored(user: &User) -> Value {
    context! {
        first_name => &user.first_name, last_name => &user.last_name, email => &user.email, language => &user.language,
    }
}

const FIELDS: [&str; 4] = ["first_name", "last_name", "email", "language"];

fn typed(form: &Form) -> Value {
    Value::from_pairs(FIELDS.map(|name| (name, form.raw(name).unwrap_or_default().to_owned())))
}

async fn save(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let text = |name: &str| cx.form.raw(name).map(str::to_owned);
    let [first_name, last_name, email, language] = FIELDS.map(text);
    let edit = UserEdit { first_name, last_name, email, language };
    let mut tx = cx.app.db.write().await?;
    match users::update(&mut tx, &cx.actor, id, edit, cx.now).await {
        Ok(user) => {
            tx.commit().await?;
            Ok(Redirect::to(page_of(id)).saying(format!("User {} saved", user.email)).into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            page(&cx, id, Some(&errors)).await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn end_sessions(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let user = users::find(&mut tx, id).await?;
    let ended = user_sessions::end_others(&mut tx, &cx.actor, &user, None, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(page_of(id)).saying(format!("{} logged out on {ended} devices", user.email)))
}

async fn mail_reset(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let user = users::find(&mut tx, id).await?;
    let sent = password_resets::send(&mut tx, &cx.app, &cx.actor, &user, cx.now).await;
    if sent.is_ok() {
        tx.commit().await?;
        cx.app.wake.notify_waiters();
    }
    let told = sent.map(|()| Redirect::to(page_of(id)).saying(format!("A link is on its way to {}", user.email)));
    or_back(told, &page_of(id))
}
