//! Banned e-mails in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page, counted, grouped};
use platform::web::{Fail, Form};

use super::{Banned, BannedEmail, COLUMNS, CONFIGURE, Kind, NewBan, Pattern, SORTS, query, store};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::{banned_emails, company};

const PAGE: &str = "/admin/banned-emails";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/banned_emails/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/banned-emails/new", CONFIGURE, new_page)
        .post("/admin/banned-emails/lift", CONFIGURE, lift_ticked)
        .get("/admin/banned-emails/{id}", CONFIGURE, edit_page)
        .post("/admin/banned-emails/{id}", CONFIGURE, update)
        .post("/admin/banned-emails/{id}/lift", CONFIGURE, lift_one)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let (text, kind) = (request.filter("q"), request.filter("kind"));
    let query = query(text, Kind::parse(kind).ok());
    if request.csv {
        drop(conn);
        let head = ["Id", "E-mail", "Note", "Set by", "Since", "Refused tries", "Last try"];
        let cells = move |banned: &BannedEmail| csv_row(banned, &zone);
        return Ok(lists::file(&cx.app.db, &request, query, COLUMNS, ("banned-emails", &head[..]), cells).await?);
    }
    let page: Page<BannedEmail> = query.page(&mut conn, &request, COLUMNS).await?;
    drop(conn);
    let filtered = !text.is_empty() || !kind.is_empty();
    cx.page(
        "accounts/banned_emails/list.html",
        SECTION,
        "Banned e-mails",
        context! {
            list => request.view(&page),
            filter => context! { q => text, kind },
            clear => if filtered { PAGE } else { "" },
            kinds => [("address", "Addresses"), ("domain", "Domains")].map(|(value, label)| context! { value, label }).to_vec(),
            rows => page.rows.iter().map(|banned| row(banned, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn row(banned: &BannedEmail, zone: &TimeZone) -> Value {
    context! {
        id => banned.id,
        href => format!("{PAGE}/{}", banned.id),
        email => &banned.email,
        note => &banned.note,
        set_by => &banned.set_by,
        since => company::clock(banned.created_at, zone),
        since_at => banned.created_at.to_string(),
        blocked => grouped(banned.blocked),
        last => banned.blocked_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        last_at => banned.blocked_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

fn csv_row(banned: &BannedEmail, zone: &TimeZone) -> Vec<String> {
    vec![
        banned.id.to_string(),
        banned.email.clone(),
        banned.note.clone(),
        banned.set_by.clone(),
        company::clock(banned.created_at, zone),
        banned.blocked.to_string(),
        banned.blocked_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
    ]
}

fn typed(form: &Form) -> Value {
    Value::from_pairs(["email", "note"].map(|name| (name, form.raw(name).unwrap_or_default().to_owned())))
}

fn form_page(cx: &AdminCx, banned: Option<&BannedEmail>, v: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let action = banned.map_or_else(|| PAGE.to_owned(), |banned| format!("{PAGE}/{}", banned.id));
    let title = banned.map_or("Ban e-mails", |_| "Banned e-mail");
    let values = context! {
        action, v, cancel => PAGE, most => counted(banned_emails::MOST as i64),
        banned => banned.map(|banned| &banned.email),
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let query = cx.params()?;
    form_page(&cx, None, context! { email => query.text("email"), note => "" }, &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    match add(&cx).await {
        Ok(banned) => {
            let (to, said) = (Redirect::to(PAGE), said(&banned));
            Ok(if banned.added.is_empty() { to.warning(said) } else { to.saying(said) }.into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, None, typed(&cx.form), &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn add(cx: &AdminCx) -> Result<Banned> {
    let emails = banned_emails::list(cx.form.raw("email").unwrap_or_default());
    let emails = emails.map_err(|message| Error::invalid("email", message))?;
    let mut tx = cx.app.db.write().await?;
    let banned = banned_emails::ban_all(&mut tx, &cx.actor, &emails, cx.form.text("note"), cx.now).await?;
    tx.commit().await?;
    Ok(banned)
}

fn said(banned: &Banned) -> String {
    let added = match banned.added.as_slice() {
        [] => String::new(),
        [one] => format!("{} is banned.", one.email),
        many => format!("{} are banned.", grouped(many.len() as i64)),
    };
    let already = match banned.already.as_slice() {
        [] => String::new(),
        [one] => format!("{one} was banned already."),
        many => format!("{} were banned already.", grouped(many.len() as i64)),
    };
    [added, already].join(" ").trim().to_owned()
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let banned = banned_emails::find(&mut cx.app.db.read().await?, id).await?;
    let v = context! { email => &banned.email, note => &banned.note };
    form_page(&cx, Some(&banned), v, &FieldErrors::default())
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let old = banned_emails::find(&mut cx.app.db.read().await?, id).await?;
    match save(&cx, id).await {
        Ok(banned) => Ok(Redirect::to(PAGE).saying(format!("Ban of {} saved", banned.email)).into_response()),
        Err(Error::Invalid(errors)) => form_page(&cx, Some(&old), typed(&cx.form), &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn save(cx: &AdminCx, id: i64) -> Result<BannedEmail> {
    let email = Pattern::parse(cx.form.text("email")).map_err(|message| Error::invalid("email", message))?;
    let new = NewBan { email, note: cx.form.text("note").to_owned() };
    let mut tx = cx.app.db.write().await?;
    let banned = banned_emails::change(&mut tx, &cx.actor, id, new, cx.now).await?;
    tx.commit().await?;
    Ok(banned)
}

async fn lift_one(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    or_back(lift(&cx, &[id]).await, PAGE)
}

async fn lift_ticked(cx: AdminCx) -> Result<Redirect, Fail> {
    let ids: Vec<i64> =
        cx.form.all("id").filter_map(|id| id.parse().ok()).take(lists::PAGE_SIZE.unsigned_abs() as usize).collect();
    if ids.is_empty() {
        return Ok(Redirect::to(PAGE).warning("No ban was ticked."));
    }
    or_back(lift(&cx, &ids).await, PAGE)
}

async fn lift(cx: &AdminCx, ids: &[i64]) -> Result<Redirect> {
    let mut tx = cx.app.db.write().await?;
    let mut lifted = Vec::with_capacity(ids.len());
    for id in ids {
        // Another one was faster: it is lifted.
        if store::find(&mut tx, *id).await?.is_some() {
            lifted.push(banned_emails::lift(&mut tx, &cx.actor, *id, cx.now).await?);
        }
    }
    tx.commit().await?;
    let said = match lifted.as_slice() {
        [] => "That was lifted already.".to_owned(),
        [one] => format!("{} is not banned any more.", one.email),
        many => format!("{} bans are lifted.", many.len()),
    };
    Ok(Redirect::to(PAGE).saying(said))
}
