//! API credentials in the staff area.

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result, Timestamp};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page};
use platform::web::{Fail, Form};

use super::{COLUMNS, Details, Filter, Listed, MANAGE, MOST_HOURS, NewCredential, SORTS, State, access_key, query};
use crate::doors::admin::{error_list, or_back};
use crate::doors::limits::Limits;
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::{admins, api_credentials, api_roles, company};

const PAGE: &str = "/admin/api-credentials";
const KEY_PAGE: &str = "/admin/api-credentials/access-key";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/api_credentials/form.html";
const SECRET: &str = "accounts/api_credentials/secret.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, MANAGE, index)
        .post(PAGE, MANAGE, create)
        .get("/admin/api-credentials/new", MANAGE, new_page)
        .get(KEY_PAGE, MANAGE, key_page)
        .post(KEY_PAGE, MANAGE, make_key)
        .post("/admin/api-credentials/access-key/remove", MANAGE, remove_key)
        .get("/admin/api-credentials/{id}", MANAGE, edit_page)
        .post("/admin/api-credentials/{id}", MANAGE, update)
        .post("/admin/api-credentials/{id}/rotate", MANAGE, rotate)
        .post("/admin/api-credentials/{id}/revoke", MANAGE, revoke)
}

/// Words and a tone for a state.
fn told(state: State) -> (&'static str, &'static str) {
    match state {
        State::Good => ("Good", "ok"),
        State::Expired => ("Expired", "warn"),
        State::Resting => ("Administrator disabled", "warn"),
        State::Revoked => ("Revoked", "mute"),
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let (text, state, role) = (request.filter("q"), request.filter("state"), request.filter("role"));
    let filter = Filter {
        text: text.to_owned(),
        state: State::ALL.iter().copied().find(|known| known.as_str() == state),
        role_id: role.parse().ok(),
    };
    let (query, now) = (query(&filter, cx.now), cx.now);
    if request.csv {
        drop(conn);
        let head = [
            "Identifier",
            "Description",
            "Administrator",
            "API role",
            "Networks",
            "Created",
            "Expires",
            "Last used",
            "From",
            "State",
        ];
        let cells = move |one: &Listed| csv_row(one, now, &zone);
        return Ok(lists::file(&cx.app.db, &request, query, COLUMNS, ("api-credentials", &head[..]), cells).await?);
    }
    let page: Page<Listed> = query.page(&mut conn, &request, COLUMNS).await?;
    let roles = role_choices(&mut conn).await?;
    drop(conn);
    let filtered = !text.is_empty() || !state.is_empty() || !role.is_empty();
    let states: Vec<Value> =
        State::ALL.iter().map(|state| context! { value => state.as_str(), label => told(*state).0 }).collect();
    cx.page(
        "accounts/api_credentials/list.html",
        SECTION,
        "API credentials",
        context! {
            list => request.view(&page),
            filter => context! { q => text, state, role },
            clear => if filtered { PAGE } else { "" },
            states, roles,
            rows => page.rows.iter().map(|one| row(one, now, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn row(one: &Listed, now: Timestamp, zone: &TimeZone) -> Value {
    let (state, tone) = told(one.state(now));
    let clock = |at: Option<Timestamp>| at.map(|at| company::clock(at, zone)).unwrap_or_default();
    let exact = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    context! {
        href => format!("{PAGE}/{}", one.id),
        identifier => &one.identifier,
        short => one.short(),
        description => &one.description,
        admin => &one.admin,
        role => &one.role,
        networks => &one.networks,
        requests => one.requests_per_minute,
        created => company::clock(one.created_at, zone), created_at => one.created_at.to_string(),
        used => clock(one.last_used_at), used_at => exact(one.last_used_at),
        ip => &one.last_used_ip,
        expires => clock(one.expires_at), expires_at => exact(one.expires_at),
        old_until => clock(one.old_secret_until.filter(|until| *until > now)),
        old_until_at => exact(one.old_secret_until),
        state, tone,
        revoked => one.revoked_at.is_some(),
    }
}

fn csv_row(one: &Listed, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let clock = |at: Option<Timestamp>| at.map(|at| company::clock(at, zone)).unwrap_or_default();
    vec![
        one.identifier.clone(),
        one.description.clone(),
        one.admin.clone(),
        one.role.clone().unwrap_or_default(),
        one.networks.clone(),
        clock(Some(one.created_at)),
        clock(one.expires_at),
        clock(one.last_used_at),
        one.last_used_ip.clone(),
        told(one.state(now)).0.to_owned(),
    ]
}

async fn role_choices(conn: &mut Conn) -> Result<Vec<Value>> {
    let roles = api_roles::all(conn).await?;
    Ok(roles.into_iter().map(|role| context! { value => role.id.to_string(), label => role.name }).collect())
}

async fn admin_choices(conn: &mut Conn, now: Timestamp) -> Result<Vec<Value>> {
    let admins = admins::list(conn, now).await?;
    let enabled = admins.into_iter().filter(|admin| !admin.disabled);
    Ok(enabled.map(|admin| context! { value => admin.id.to_string(), label => admin.username }).collect())
}

const FIELDS: [&str; 7] =
    ["admin_id", "identifier", "description", "role_id", "networks", "expires_at", "requests_per_minute"];

fn typed(form: &Form) -> Value {
    Value::from_pairs(FIELDS.map(|name| (name, form.raw(name).unwrap_or_default().to_owned())))
}

fn stored(one: &Listed, zone: &TimeZone) -> Value {
    context! {
        description => &one.description,
        role_id => one.role_id.map(|id| id.to_string()).unwrap_or_default(),
        networks => &one.networks,
        expires_at => one.expires_at.map(|at| company::clock(at, zone).replacen(' ', "T", 1)).unwrap_or_default(),
        requests_per_minute => one.requests_per_minute.map(|most| most.to_string()).unwrap_or_default(),
    }
}

/// Reads what the form says; what cannot be read is among the errors.
fn written(form: &Form, zone: &TimeZone, errors: &mut FieldErrors) -> Details {
    let filled = |name: &str| Some(form.text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    let number = |errors: &mut FieldErrors, name: &str| {
        let parsed = filled(name).map(|text| text.parse::<i64>().map_err(|_| "Write a whole number."));
        parsed.and_then(|parsed| errors.take(name, parsed))
    };
    Details {
        description: form.text("description").to_owned(),
        role_id: number(errors, "role_id"),
        networks: form.text("networks").to_owned(),
        expires_at: filled("expires_at").and_then(|text| errors.take("expires_at", company::moment(&text, zone))),
        requests_per_minute: number(errors, "requests_per_minute"),
    }
}

async fn form_page(cx: &AdminCx, one: Option<&Listed>, v: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let values = context! {
        action => one.map_or_else(|| PAGE.to_owned(), |one| format!("{PAGE}/{}", one.id)),
        cancel => PAGE, v, most_hours => MOST_HOURS,
        admins => admin_choices(&mut conn, cx.now).await?,
        roles => role_choices(&mut conn).await?,
        one => one.map(|one| row(one, cx.now, &zone)),
        rotated_at => one.and_then(|one| one.rotated_at).map(|at| at.micros()).unwrap_or_default(),
    };
    drop(conn);
    let title = if one.is_some() { "API credential" } else { "New API credential" };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let mut v = std::collections::BTreeMap::from(FIELDS.map(|name| (name, String::new())));
    v.insert("identifier", api_credentials::new_identifier(&cx.app.random));
    v.insert("admin_id", cx.staff.id.to_string());
    form_page(&cx, None, Value::from_pairs(v), &FieldErrors::default()).await
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let zone = company::zone(&mut cx.app.db.read().await?).await?;
    let mut errors = FieldErrors::default();
    let details = written(&cx.form, &zone, &mut errors);
    let admin_id = cx.form.id("admin_id", &mut errors);
    if !errors.is_empty() {
        return form_page(&cx, None, typed(&cx.form), &errors).await;
    }
    let mut tx = cx.app.db.write().await?;
    let made = api_credentials::make(
        &mut tx,
        &cx.actor,
        admin_id,
        details,
        cx.form.text("identifier"),
        &cx.app.random,
        cx.now,
    );
    match made.await {
        Ok(made) => {
            tx.commit().await?;
            secret_page(&cx, "API credential made", &made)
        }
        Err(error) => {
            drop(tx);
            refused(&cx, None, error).await
        }
    }
}

/// The form again, with what was typed and what a rule says against it.
async fn refused(cx: &AdminCx, one: Option<&Listed>, error: Error) -> Result<Response, Fail> {
    let errors = match error {
        Error::Invalid(errors) => errors,
        Error::Refused(text) => {
            let mut errors = FieldErrors::default();
            errors.add("admin_id", text);
            errors
        }
        Error::NotFound("Administrator") => {
            let mut errors = FieldErrors::default();
            errors.add("admin_id", "Choose an administrator.");
            errors
        }
        Error::Conflict(text) if !text.starts_with("database:") => {
            return Ok(Redirect::to(PAGE).refusing(text).into_response());
        }
        other => return Err(Fail(other)),
    };
    form_page(cx, one, typed(&cx.form), &errors).await
}

/// The one time that a secret is shown. It is in no address and no cookie.
fn secret_page(cx: &AdminCx, title: &str, made: &NewCredential) -> Result<Response, Fail> {
    shown_once(cx, title, &made.identifier, &made.secret, &format!("{PAGE}/{}", made.id))
}

fn shown_once(cx: &AdminCx, title: &str, identifier: &str, secret: &str, back: &str) -> Result<Response, Fail> {
    let mut page = cx.page(SECRET, SECTION, title, context! { identifier, secret, back })?;
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(page)
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let one = api_credentials::find(&mut conn, id).await?;
    drop(conn);
    form_page(&cx, Some(&one), stored(&one, &zone), &FieldErrors::default()).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let one = api_credentials::find(&mut conn, id).await?;
    drop(conn);
    let mut errors = FieldErrors::default();
    let mut details = written(&cx.form, &zone, &mut errors);
    if !errors.is_empty() {
        return form_page(&cx, Some(&one), typed(&cx.form), &errors).await;
    }
    // The form shows seconds.
    if details.expires_at.map(|at| company::clock(at, &zone)) == one.expires_at.map(|at| company::clock(at, &zone)) {
        details.expires_at = one.expires_at;
    }
    let mut tx = cx.app.db.write().await?;
    match api_credentials::change(&mut tx, &cx.actor, id, details, cx.now).await {
        Ok(known) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("API credential {}… saved", known.short())).into_response())
        }
        Err(Error::Refused(text)) => Ok(Redirect::to(format!("{PAGE}/{id}")).refusing(text).into_response()),
        Err(error) => {
            drop(tx);
            refused(&cx, Some(&one), error).await
        }
    }
}

async fn rotate(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let hours = cx.form.text("hours").parse().unwrap_or(-1);
    let last = cx.form.text("rotated_at").parse().ok().filter(|micros| *micros != 0).map(Timestamp::from_micros);
    let mut tx = cx.app.db.write().await?;
    match api_credentials::rotate(&mut tx, &cx.actor, id, hours, last, &cx.app.random, cx.now).await {
        Ok(made) => {
            tx.commit().await?;
            secret_page(&cx, "New secret", &made)
        }
        Err(error) => Ok(or_back(Err(error), &format!("{PAGE}/{id}"))?.into_response()),
    }
}

async fn revoke(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let revoked = async {
        let mut tx = cx.app.db.write().await?;
        let known = api_credentials::find(&mut tx, id).await?;
        let known = api_credentials::revoke(&mut tx, &cx.actor, &known.identifier, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("API credential {}… of {} is revoked.", known.short(), known.admin)))
    };
    or_back(revoked.await, PAGE)
}

async fn key_page(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let exists = access_key::exists(&mut conn).await?;
    drop(conn);
    let values = context! { exists, action => KEY_PAGE };
    cx.page("accounts/api_credentials/access_key.html", SECTION, "API access key", values)
}

async fn make_key(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let exists = access_key::exists(&mut tx).await?;
    // A form that is sent twice replaces nothing the second time.
    if exists != cx.form.ticked("replace") {
        return Ok(Redirect::to(KEY_PAGE).warning("The access key was changed meanwhile. Look again.").into_response());
    }
    let key = access_key::make(&mut tx, &cx.actor, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    cx.app.get::<Limits>()?.read(&cx.app).await?;
    shown_once(&cx, "API access key", "", &key, KEY_PAGE)
}

async fn remove_key(cx: AdminCx) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let removed = access_key::remove(&mut tx, &cx.actor, cx.now).await?;
    tx.commit().await?;
    cx.app.get::<Limits>()?.read(&cx.app).await?;
    let to = Redirect::to(KEY_PAGE);
    Ok(if removed { to.saying("The access key is gone.") } else { to.warning("There was no access key.") })
}
