//! The pages between the right password and the session, and the login by a passkey alone.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::App;
use platform::db::Conn;
use platform::web::{Fail, Form};
use serde_json::json;
use std::sync::Arc;

use super::half::{self, HalfLogin, Wish};
use super::passkeys::{self, Answer, Asked, Purpose};
use super::{Person, Shown, Step, factors, log, totp};
use crate::activity_log::Actor;
use crate::doors::admin::{error_list, instance_name};
use crate::doors::cookies::{self, Keep};
use crate::doors::limits::Limits;
use crate::doors::{PublicCx, Redirect, Routes};
use crate::passwords::guessing;
use crate::{admins, logins, users};

pub const COOKIE: &str = "innkeeper_second";

/// Where a kind of people logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The page with name and password.
    pub login: &'static str,
    purpose: Purpose,
}

pub const STAFF: Gate = Gate { login: "/admin/login", purpose: Purpose::LogInStaff };
pub const USERS: Gate = Gate { login: "/login", purpose: Purpose::LogInUser };

pub fn routes() -> Routes {
    routes_of(STAFF).merge(routes_of(USERS))
}

fn routes_of(gate: Gate) -> Routes {
    let at = |path: &str| format!("{}{path}", gate.login);
    Routes::new()
        .public_get(&at("/second"), move |cx| second_page(gate, cx))
        .public_post(&at("/second"), move |cx, limits| second(gate, cx, limits))
        .public_post(&at("/second/options"), move |cx| second_options(gate, cx))
        .public_post(&at("/second/passkey"), move |cx| second_passkey(gate, cx))
        .public_get(&at("/set-up"), move |cx| set_up_page(gate, cx))
        .public_post(&at("/set-up"), move |cx| set_up(gate, cx))
        .public_post(&at("/set-up/options"), move |cx| set_up_options(gate, cx))
        .public_post(&at("/set-up/passkey"), move |cx| set_up_passkey(gate, cx))
        .public_post(&at("/passkey/options"), move |cx, limits| passkey_options(gate, cx, limits))
        .public_post(&at("/passkey"), move |cx| log_in_by_passkey(gate, cx))
}

/// Goes on with a login whose password was right and of which more is asked. The caller has committed.
pub fn go_on(gate: Gate, step: Step, token: &str, cx: &PublicCx) -> Response {
    let page = if step == Step::SetUp { "/set-up" } else { "/second" };
    let mut response = Redirect::to(format!("{}{page}", gate.login)).into_response();
    cookies::set_session(response.headers_mut(), COOKIE, token, cx.tls, Keep::Seconds(half::LIFE));
    response
}

/// Somebody in the middle of a login, and what the app knows of them.
struct Guest {
    half: HalfLogin,
    /// With which they log in.
    login: String,
    /// How they are called.
    name: String,
}

async fn guest(gate: Gate, cx: &PublicCx) -> Result<Guest> {
    let over = || Error::refused("Your login took too long. Begin again with your password.");
    let token = cookies::session(&cx.headers, COOKIE, cx.tls).ok_or_else(over)?;
    let mut conn = cx.app.db.read().await?;
    let half = half::find(&mut conn, &token, cx.now).await?.ok_or_else(over)?;
    match (gate.purpose, half.person) {
        (Purpose::LogInStaff, Person::Staff(id)) => {
            let admin = admins::find(&mut conn, id).await?;
            if admin.disabled {
                return Err(over());
            }
            Ok(Guest { half, login: admin.email, name: admin.username })
        }
        (Purpose::LogInUser, Person::User(id)) => {
            let user = users::find(&mut conn, id).await?;
            let name = if user.name().is_empty() { user.email.clone() } else { user.name() };
            Ok(Guest { half, login: user.email, name })
        }
        _ => Err(over()),
    }
}

/// Back to the beginning, in words, when there is no login to go on with.
fn or_begin_again(gate: Gate, result: Result<Response, Fail>) -> Result<Response, Fail> {
    match result {
        Err(Fail(Error::Refused(why))) => Ok(Redirect::to(gate.login).refusing(why).into_response()),
        other => other,
    }
}

/// Lets somebody in who has shown all that was asked, and ends the half login in the same step.
async fn let_in(cx: &PublicCx, guest: &Guest, mut tx: platform::db::Tx, how: &str) -> Result<Response> {
    if !guest.half.end(&mut tx).await? {
        return Err(Error::refused("This login has just been completed."));
    }
    let wish = Wish { next: &guest.half.next, remember: guest.half.remember };
    enter(cx, tx, guest.half.person, wish, how).await
}

async fn enter(cx: &PublicCx, tx: platform::db::Tx, person: Person, wish: Wish<'_>, how: &str) -> Result<Response> {
    let mut response = match person {
        Person::Staff(id) => admins::admin::let_in(cx, tx, id, wish, how).await?,
        Person::User(id) => logins::client::let_in(cx, tx, id, wish, how).await?,
    };
    cookies::clear_session(response.headers_mut(), COOKIE, cx.tls);
    Ok(response)
}

async fn actor(conn: &mut Conn, cx: &PublicCx, person: Person) -> Result<Actor> {
    match person {
        Person::Staff(id) => Ok(admins::find(conn, id).await?.actor(&cx.ip)),
        Person::User(id) => Ok(Actor::user(id, &users::find(conn, id).await?.email, &cx.ip)),
    }
}

async fn second_page(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    let page = async {
        let guest = guest(gate, &cx).await?;
        second_form(gate, &cx, &guest, &FieldErrors::default()).await
    };
    or_begin_again(gate, page.await)
}

async fn second_form(gate: Gate, cx: &PublicCx, guest: &Guest, errors: &FieldErrors) -> Result<Response, Fail> {
    let known = factors(&mut cx.app.db.read().await?, guest.half.person).await?;
    let page = cx.app.templates.page(
        "accounts/two_factor/second.html",
        context! {
            page => cx.plain_frame("Is it you?"),
            base => gate.login,
            errors => error_list(errors),
            has_app => known.totp_since.is_some(),
            has_passkey => !known.passkeys.is_empty(),
        },
    )?;
    Ok(page)
}

async fn second(gate: Gate, cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    or_begin_again(gate, check_code(gate, &cx, &form).await)
}

async fn check_code(gate: Gate, cx: &PublicCx, form: &Form) -> Result<Response, Fail> {
    let guest = guest(gate, cx).await?;
    let person = guest.half.person;
    let account = guessing::account("second", &person.to_string());
    guessing::check_at_most(&mut cx.app.db.read().await?, &account, &cx.ip, WRONG_CODES, cx.now).await?;
    // The try is taken for good before the code is looked at.
    let mut tx = cx.app.db.write().await?;
    if !guest.half.take_try(&mut tx).await? {
        return Err(Error::refused("These were too many wrong codes. Begin again with your password.").into());
    }
    tx.commit().await?;
    let mut tx = cx.app.db.write().await?;
    match super::use_code(&mut tx, &cx.app, person, form.raw("code").unwrap_or_default(), cx.now).await? {
        Some(shown) => {
            guessing::forget(&mut tx, &account, &cx.ip).await?;
            let how = match shown {
                Shown::App => "Logged in with a code of the authenticator app".to_owned(),
                Shown::Recovery(left) => format!("Logged in with a recovery code; {left} are left"),
            };
            Ok(let_in(cx, &guest, tx, &how).await?)
        }
        None => {
            guessing::note(&mut tx, &account, &cx.ip, cx.now).await?;
            let by = actor(&mut tx, cx, person).await?;
            log(&mut tx, &by, person, "Wrong second factor at a login", cx.now).await?;
            tx.commit().await?;
            let mut errors = FieldErrors::default();
            errors.add("code", "This code is wrong or was used before. An app shows a new one every 30 seconds.");
            let page = second_form(gate, cx, &guest, &errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Wrong codes for one person in a quarter of an hour, from wherever. Few: whoever types them knows the password.
const WRONG_CODES: i64 = 20;

fn asked(asked: &Asked) -> Response {
    Json(json!({ "token": asked.token, "options": asked.options })).into_response()
}

async fn second_options(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    cx.form()?;
    let guest = guest(gate, &cx).await?;
    let mut tx = cx.app.db.write().await?;
    let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
    let question = passkeys::ask_person(&mut tx, &cx.app, &site, guest.half.person).await?;
    tx.commit().await?;
    Ok(asked(&question))
}

/// The answer of a passkey, as the script puts it into the form.
pub(super) fn answer_of(form: &Form) -> Result<Answer> {
    let response = serde_json::from_str(form.raw("response").unwrap_or_default())
        .or(Err(Error::refused("A passkey needs a browser that can use it, with scripts switched on.")))?;
    Ok(Answer { token: form.text("token").to_owned(), response })
}

async fn second_passkey(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    let form = cx.form()?;
    let guest = match guest(gate, &cx).await {
        Ok(guest) => guest,
        Err(error) => return or_begin_again(gate, Err(Fail(error))),
    };
    match prove(&cx, &guest, &form).await {
        Err(Error::Refused(why)) => Ok(Redirect::to(format!("{}/second", gate.login)).refusing(why).into_response()),
        other => Ok(other?),
    }
}

async fn prove(cx: &PublicCx, guest: &Guest, form: &Form) -> Result<Response> {
    let answer = answer_of(form)?;
    let mut tx = cx.app.db.write().await?;
    let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
    passkeys::prove(&mut tx, &cx.app, &site, guest.half.person, answer).await?;
    let_in(cx, guest, tx, "Logged in with password and passkey").await
}

/// Nobody sets up a first factor here who has one: the password alone must not add another.
async fn newcomer(gate: Gate, cx: &PublicCx) -> Result<Guest> {
    let guest = guest(gate, cx).await?;
    if super::after_password(&mut cx.app.db.read().await?, guest.half.person).await? != Step::SetUp {
        return Err(Error::refused("There is nothing to set up. Log in again."));
    }
    Ok(guest)
}

async fn set_up_page(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    let page = async {
        let guest = newcomer(gate, &cx).await?;
        set_up_form(gate, &cx, &guest, &FieldErrors::default()).await
    };
    or_begin_again(gate, page.await)
}

async fn set_up_form(gate: Gate, cx: &PublicCx, guest: &Guest, errors: &FieldErrors) -> Result<Response, Fail> {
    let issuer = instance_name(&cx.app);
    let mut tx = cx.app.db.write().await?;
    let made = totp::begin(&mut tx, &cx.app, guest.half.person, &guest.login, &issuer).await?;
    let passkeys = passkeys::site(&mut tx, &issuer).await;
    tx.commit().await?;
    let page = cx.app.templates.page(
        "accounts/two_factor/set_up.html",
        context! {
            page => cx.plain_frame("Set up your second factor"),
            base => gate.login,
            errors => error_list(errors),
            picture => made.picture,
            secret => spaced(&made.secret),
            may_passkey => passkeys.is_ok(),
        },
    )?;
    Ok(page)
}

/// In groups of four, for typing.
pub(super) fn spaced(secret: &str) -> String {
    let signs: Vec<char> = secret.chars().collect();
    signs.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn set_up(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    let form = cx.form()?;
    let guest = match newcomer(gate, &cx).await {
        Ok(guest) => guest,
        Err(error) => return or_begin_again(gate, Err(Fail(error))),
    };
    let mut tx = cx.app.db.write().await?;
    let by = actor(&mut tx, &cx, guest.half.person).await?;
    if !guest.half.take_try(&mut tx).await? {
        let why = Error::refused("These were too many wrong codes. Begin again with your password.");
        return or_begin_again(gate, Err(Fail(why)));
    }
    tx.commit().await?;
    let mut tx = cx.app.db.write().await?;
    let code = form.raw("code").unwrap_or_default();
    match totp::confirm(&mut tx, &cx.app, &by, guest.half.person, code, cx.now).await {
        Ok(codes) => welcome(&cx, &guest, tx, codes).await,
        Err(Error::Invalid(errors)) => {
            drop(tx);
            let page = set_up_form(gate, &cx, &guest, &errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => or_begin_again(gate, Err(Fail(other))),
    }
}

async fn set_up_options(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    cx.form()?;
    let guest = newcomer(gate, &cx).await?;
    let mut tx = cx.app.db.write().await?;
    let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
    let question = passkeys::ask_for_new(&mut tx, &cx.app, &site, guest.half.person, &guest.login, &guest.name).await?;
    tx.commit().await?;
    Ok(asked(&question))
}

async fn set_up_passkey(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    let form = cx.form()?;
    let guest = match newcomer(gate, &cx).await {
        Ok(guest) => guest,
        Err(error) => return or_begin_again(gate, Err(Fail(error))),
    };
    let person = guest.half.person;
    let mut tx = cx.app.db.write().await?;
    let by = actor(&mut tx, &cx, person).await?;
    let added = async {
        let answer = answer_of(&form)?;
        let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
        passkeys::add(&mut tx, &cx.app, &site, &by, person, form.text("name"), answer).await
    };
    match added.await {
        Ok(codes) => welcome(&cx, &guest, tx, codes).await,
        Err(Error::Refused(why)) => Ok(Redirect::to(format!("{}/set-up", gate.login)).refusing(why).into_response()),
        Err(other) => Err(Fail(other)),
    }
}

/// The first factor is set up: its owner is in, and is shown the recovery codes, once.
async fn welcome(
    cx: &PublicCx,
    guest: &Guest,
    tx: platform::db::Tx,
    codes: Option<Vec<String>>,
) -> Result<Response, Fail> {
    let entered = let_in(cx, guest, tx, "Logged in, with a second factor from now on").await?;
    let Some(codes) = codes else { return Ok(entered) };
    let next = entered.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("/").to_owned();
    let mut page = codes_page(&cx.app, cx.plain_frame("Your recovery codes"), &codes, &next)?;
    carry_cookies(entered.headers(), page.headers_mut());
    Ok(page)
}

fn carry_cookies(from: &HeaderMap, to: &mut HeaderMap) {
    for value in from.get_all(header::SET_COOKIE) {
        to.append(header::SET_COOKIE, value.clone());
    }
}

fn codes_page(app: &App, page: Value, codes: &[String], next: &str) -> Result<Response> {
    app.templates.page("accounts/two_factor/codes.html", context! { page, codes => codes.to_vec(), next })
}

/// A question to whatever passkey the device has. Anybody may ask, so it is counted as an attempt to log in.
async fn passkey_options(
    gate: Gate,
    cx: PublicCx,
    Extension(limits): Extension<Arc<Limits>>,
) -> Result<Response, Fail> {
    cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let mut tx = cx.app.db.write().await?;
    let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
    let question = passkeys::ask_anybody(&mut tx, &cx.app, &site, gate.purpose).await?;
    tx.commit().await?;
    Ok(asked(&question))
}

async fn log_in_by_passkey(gate: Gate, cx: PublicCx) -> Result<Response, Fail> {
    let form = cx.form()?;
    or_begin_again(gate, by_passkey(gate, &cx, &form).await.map_err(Fail))
}

async fn by_passkey(gate: Gate, cx: &PublicCx, form: &Form) -> Result<Response> {
    let answer = answer_of(form)?;
    let mut tx = cx.app.db.write().await?;
    let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
    let person = passkeys::identify(&mut tx, &cx.app, &site, gate.purpose, answer).await?;
    if super::policy(&mut tx, person).await? == super::Policy::Off {
        return Err(Error::refused("Passkeys are switched off. Log in with your password."));
    }
    let wish = Wish { next: form.text("next"), remember: form.ticked("remember") };
    enter(cx, tx, person, wish, "Logged in with a passkey").await
}
