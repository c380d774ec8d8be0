//! Banned IPs in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Network, Result, Timestamp};
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page, counted};
use platform::web::{Fail, Form};

use super::{ADD, Ban, Banned, COLUMNS, InForce, LIFT, NewBan, OwnAddress, SORTS, VIEW, query, store};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::{banned_ips, company};

const PAGE: &str = "/admin/banned-ips";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/banned_ips/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, VIEW, index)
        .post(PAGE, ADD, create)
        .get("/admin/banned-ips/new", ADD, new_page)
        .post("/admin/banned-ips/lift", LIFT, lift_ticked)
        .get("/admin/banned-ips/{id}", ADD, edit_page)
        .post("/admin/banned-ips/{id}", ADD, update)
        .post("/admin/banned-ips/{id}/lift", LIFT, lift_one)
}

/// How long a ban may last without writing a moment: key, words, seconds.
const LENGTHS: [(&str, &str, i64); 5] = [
    ("900", "15 minutes", 900),
    ("3600", "1 hour", 3_600),
    ("86400", "1 day", 86_400),
    ("604800", "7 days", 604_800),
    ("2592000", "30 days", 2_592_000),
];
const UNTIL: &str = "until";
const FOR_GOOD: &str = "";

fn lengths() -> Vec<Value> {
    let choice = |value: &str, label: &str| context! { value => value, label => label };
    let mut all = vec![choice(FOR_GOOD, "For good")];
    all.extend(LENGTHS.iter().map(|(key, words, _)| choice(key, words)));
    all.push(choice(UNTIL, "Until the moment below"));
    all
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let (text, state) = (request.filter("q"), request.filter("state"));
    let ended = match state {
        "in_force" => Some(false),
        "ended" => Some(true),
        _ => None,
    };
    let query = query(text, ended, cx.now);
    let now = cx.now;
    if request.csv {
        drop(conn);
        let head = ["Id", "Network", "Reason", "Set by", "Since", "Until", "In force"];
        let cells = move |ban: &Ban| csv_row(ban, now, &zone);
        return Ok(lists::file(&cx.app.db, &request, query, COLUMNS, ("banned-ips", &head[..]), cells).await?);
    }
    let page: Page<Ban> = query.page(&mut conn, &request, COLUMNS).await?;
    drop(conn);
    let filtered = !text.is_empty() || !state.is_empty();
    cx.page(
        "accounts/banned_ips/list.html",
        SECTION,
        "Banned IPs",
        context! {
            list => request.view(&page),
            filter => context! { q => text, state },
            clear => if filtered { PAGE } else { "" },
            states => [("in_force", "In force"), ("ended", "Ended")].map(|(value, label)| context! { value, label }).to_vec(),
            rows => page.rows.iter().map(|ban| row(ban, now, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn row(ban: &Ban, now: Timestamp, zone: &TimeZone) -> Value {
    context! {
        id => ban.id,
        href => format!("{PAGE}/{}", ban.id),
        network => &ban.network,
        reason => &ban.reason,
        set_by => &ban.set_by,
        since => company::clock(ban.created_at, zone),
        since_at => ban.created_at.to_string(),
        until => ban.expires_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        until_at => ban.expires_at.map(|at| at.to_string()).unwrap_or_default(),
        in_force => ban.is_in_force(now),
    }
}

fn csv_row(ban: &Ban, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    vec![
        ban.id.to_string(),
        ban.network.clone(),
        ban.reason.clone(),
        ban.set_by.clone(),
        company::clock(ban.created_at, zone),
        ban.expires_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        if ban.is_in_force(now) { "yes" } else { "no" }.to_owned(),
    ]
}

/// What the form says.
struct Written {
    networks: Vec<Network>,
    reason: String,
    expires_at: Option<Timestamp>,
    own: OwnAddress,
}

/// Reads the form; what cannot be read is among the errors.
fn written(form: &Form, now: Timestamp, zone: &TimeZone, errors: &mut FieldErrors) -> Written {
    let networks = errors.take("network", banned_ips::networks(form.raw("network").unwrap_or_default()));
    let length = form.text("length");
    let expires_at = match LENGTHS.iter().find(|(key, ..)| *key == length) {
        Some((_, _, seconds)) => Some(now.plus_seconds(*seconds)),
        None if length == UNTIL => errors.take("expires_at", company::moment(form.text("expires_at"), zone)),
        None => None,
    };
    Written {
        networks: networks.unwrap_or_default(),
        reason: form.text("reason").to_owned(),
        expires_at,
        own: if form.ticked("confirm") { OwnAddress::Confirmed } else { OwnAddress::Refuse },
    }
}

const FIELDS: [&str; 4] = ["network", "reason", "length", "expires_at"];

fn typed(form: &Form) -> Value {
    Value::from_pairs(FIELDS.map(|name| (name, form.raw(name).unwrap_or_default().to_owned())))
}

fn stored(ban: &Ban, zone: &TimeZone) -> Value {
    let until = ban.expires_at.map(|at| company::clock(at, zone).replacen(' ', "T", 1));
    context! {
        network => &ban.network, reason => &ban.reason,
        length => if until.is_some() { UNTIL } else { FOR_GOOD },
        expires_at => until.unwrap_or_default(),
    }
}

fn form_page(cx: &AdminCx, ban: Option<&Ban>, v: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let action = ban.map_or_else(|| PAGE.to_owned(), |ban| format!("{PAGE}/{}", ban.id));
    let title = ban.map_or("Ban addresses", |_| "Ban");
    let values = context! {
        action, v, cancel => PAGE, lengths => lengths(), most => counted(banned_ips::MOST as i64),
        ban => ban.map(|ban| context! { network => &ban.network, set_by => &ban.set_by }),
        // Asked for only when it matters.
        own => errors.of("confirm").is_some(),
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let query = cx.params()?;
    let v = context! { network => query.text("network"), reason => "", length => FOR_GOOD, expires_at => "" };
    form_page(&cx, None, v, &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let zone = company::zone(&mut cx.app.db.read().await?).await?;
    let mut errors = FieldErrors::default();
    let new = written(&cx.form, cx.now, &zone, &mut errors);
    if !errors.is_empty() {
        return form_page(&cx, None, typed(&cx.form), &errors);
    }
    let mut tx = cx.app.db.write().await?;
    let done =
        banned_ips::ban_all(&mut tx, &cx.actor, &new.networks, &new.reason, new.expires_at, new.own, cx.now).await;
    let banned = match done {
        Ok(banned) => banned,
        Err(Error::Invalid(errors)) => return form_page(&cx, None, typed(&cx.form), &errors),
        Err(other) => return Err(Fail(other)),
    };
    tx.commit().await?;
    cx.app.get::<InForce>()?.refresh(&cx.app).await?;
    let to = Redirect::to(PAGE);
    let said = said(&banned);
    Ok(if banned.added.is_empty() { to.warning(said) } else { to.saying(said) }.into_response())
}

fn said(banned: &Banned) -> String {
    let added = match banned.added.as_slice() {
        [] => String::new(),
        [one] => format!("{} is banned.", one.network),
        many => format!("{} networks are banned.", many.len()),
    };
    let already = match banned.already.as_slice() {
        [] => String::new(),
        [one] => format!("{one} was banned already."),
        many => format!("{} were banned already.", many.len()),
    };
    [added, already].join(" ").trim().to_owned()
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let ban = banned_ips::find(&mut conn, id).await?;
    drop(conn);
    form_page(&cx, Some(&ban), stored(&ban, &zone), &FieldErrors::default())
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let ban = banned_ips::find(&mut conn, id).await?;
    drop(conn);
    let mut errors = FieldErrors::default();
    let mut new = written(&cx.form, cx.now, &zone, &mut errors);
    // The form shows seconds.
    if new.expires_at.map(|at| company::clock(at, &zone)) == ban.expires_at.map(|at| company::clock(at, &zone)) {
        new.expires_at = ban.expires_at;
    }
    let network = match new.networks.as_slice() {
        [one] => Some(*one),
        [] => None,
        _ => {
            errors.add("network", "A ban is of one network. Ban others by themselves.");
            None
        }
    };
    let (Some(network), true) = (network, errors.is_empty()) else {
        return form_page(&cx, Some(&ban), typed(&cx.form), &errors);
    };
    let mut tx = cx.app.db.write().await?;
    let wanted = NewBan { network, reason: new.reason, expires_at: new.expires_at };
    match banned_ips::change(&mut tx, &cx.actor, id, wanted, new.own, cx.now).await {
        Ok(ban) => {
            tx.commit().await?;
            cx.app.get::<InForce>()?.refresh(&cx.app).await?;
            Ok(Redirect::to(PAGE).saying(format!("Ban of {} saved", ban.network)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, Some(&ban), typed(&cx.form), &errors),
        Err(other) => Err(Fail(other)),
    }
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
            lifted.push(banned_ips::lift(&mut tx, &cx.actor, *id, cx.now).await?);
        }
    }
    tx.commit().await?;
    cx.app.get::<InForce>()?.refresh(&cx.app).await?;
    let said = match lifted.as_slice() {
        [] => "That was lifted already.".to_owned(),
        [one] => format!("{} is not banned any more.", one.network),
        many => format!("{} bans are lifted.", many.len()),
    };
    Ok(Redirect::to(PAGE).saying(said))
}
