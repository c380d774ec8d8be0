//! What people do with their own second factors: staff under “My account”, users under “Security”. It takes no permission,
//! and a password shown not long ago.

use std::future::Future;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use kernel::{Error, FieldErrors, Result, Timestamp};
use minijinja::{Value, context};
use platform::web::lists::escape;
use platform::web::{Fail, Form};
use platform::{App, Conn};
use serde_json::json;

use super::login::{answer_of, spaced};
use super::{Passkey, Person, Policy, factors, passkeys, policy, totp};
use crate::activity_log::Actor;
use crate::doors::admin::{error_list, instance_name, or_back};
use crate::doors::limits::Limits;
use crate::doors::{AdminCx, Id, OwnSession, Redirect, Routes, UserCx};
use crate::passwords::guessing;
use crate::{admins, company, sessions};

const OF_STAFF: &str = "/admin/account/security";
const OF_USER: &str = "/account/two-factor";
const CONFIRM: &str = "/admin/account/confirm";

pub fn routes() -> Routes {
    let staff = |path: &str| format!("{OF_STAFF}{path}");
    let user = |path: &str| format!("{OF_USER}{path}");
    Routes::new()
        .get_of_anybody(CONFIRM, confirm_page)
        .post_of_anybody(CONFIRM, confirm)
        .get_of_anybody(OF_STAFF, page::<AdminCx>)
        .post_of_anybody(&staff("/app"), confirm_app::<AdminCx>)
        .post_of_anybody(&staff("/app/remove"), remove_app::<AdminCx>)
        .post_of_anybody(&staff("/codes"), renew_codes::<AdminCx>)
        .post_of_anybody(&staff("/passkeys/options"), passkey_options::<AdminCx>)
        .post_of_anybody(&staff("/passkeys"), add_passkey::<AdminCx>)
        .post_of_anybody(&staff("/passkeys/{id}"), rename_passkey::<AdminCx>)
        .post_of_anybody(&staff("/passkeys/{id}/remove"), remove_passkey::<AdminCx>)
        .user_get(OF_USER, page::<UserCx>)
        .user_post(&user("/app"), confirm_app::<UserCx>)
        .user_post(&user("/app/remove"), remove_app::<UserCx>)
        .user_post(&user("/codes"), renew_codes::<UserCx>)
        .user_post(&user("/passkeys/options"), passkey_options::<UserCx>)
        .user_post(&user("/passkeys"), add_passkey::<UserCx>)
        .user_post(&user("/passkeys/{id}"), rename_passkey::<UserCx>)
        .user_post(&user("/passkeys/{id}/remove"), remove_passkey::<UserCx>)
}

/// A request of somebody about the own factors, from either area.
trait Own: FromRequestParts<App, Rejection = Fail> + Send + Sync + 'static {
    /// Where the page is.
    const BASE: &'static str;
    /// The frame that it stands in.
    const FRAME: &'static str;

    fn app(&self) -> &App;
    fn now(&self) -> Timestamp;
    fn person(&self) -> Person;
    fn actor(&self) -> &Actor;
    fn form(&self) -> &Form;
    /// The way to where a password is asked for, when it was not shown for a while.
    fn confirm_first(&self) -> Result<Option<Redirect>>;
    /// With what the person logs in, and how it is called.
    fn names(&self, conn: &mut Conn) -> impl Future<Output = Result<(String, String)>> + Send;
    fn show(&self, template: &str, title: &str, errors: &FieldErrors, values: Value) -> Result<Response, Fail>;
}

impl Own for AdminCx {
    const BASE: &'static str = OF_STAFF;
    const FRAME: &'static str = "layout.html";

    fn app(&self) -> &App {
        &self.app
    }
    fn now(&self) -> Timestamp {
        self.now
    }
    fn person(&self) -> Person {
        Person::Staff(self.staff.id)
    }
    fn actor(&self) -> &Actor {
        &self.actor
    }
    fn form(&self) -> &Form {
        &self.form
    }
    fn confirm_first(&self) -> Result<Option<Redirect>> {
        let asked = !self.staff.is_fresh(self.now);
        Ok(asked.then(|| Redirect::to(format!("{CONFIRM}?next={}", escape(OF_STAFF)))))
    }
    async fn names(&self, conn: &mut Conn) -> Result<(String, String)> {
        let admin = admins::find(conn, self.staff.id).await?;
        Ok((admin.email, admin.username))
    }
    fn show(&self, template: &str, title: &str, errors: &FieldErrors, values: Value) -> Result<Response, Fail> {
        match errors.is_empty() {
            true => self.page(template, "", title, context! { errors => error_list(errors), ..values }),
            false => self.again(template, "", title, errors, values),
        }
    }
}

impl Own for UserCx {
    const BASE: &'static str = OF_USER;
    const FRAME: &'static str = "client_layout.html";

    fn app(&self) -> &App {
        &self.app
    }
    fn now(&self) -> Timestamp {
        self.now
    }
    fn person(&self) -> Person {
        Person::User(self.user.id)
    }
    fn actor(&self) -> &Actor {
        &self.actor
    }
    fn form(&self) -> &Form {
        &self.form
    }
    fn confirm_first(&self) -> Result<Option<Redirect>> {
        UserCx::confirm_first(self, OF_USER)
    }
    async fn names(&self, _: &mut Conn) -> Result<(String, String)> {
        let name = if self.user.name().is_empty() { self.user.email.clone() } else { self.user.name() };
        Ok((self.user.email.clone(), name))
    }
    fn show(&self, template: &str, title: &str, errors: &FieldErrors, values: Value) -> Result<Response, Fail> {
        match errors.is_empty() {
            true => self.page(template, title, context! { errors => error_list(errors), ..values }),
            false => self.again(template, title, errors, values),
        }
    }
}

async fn confirm_page(cx: AdminCx) -> Result<Response, Fail> {
    let next = cx.params()?.text("next").to_owned();
    confirm_form(&cx, &next, &FieldErrors::default())
}

fn confirm_form(cx: &AdminCx, next: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! { action => CONFIRM, next => admins::admin::safe_next(next), username => &cx.staff.username };
    match errors.is_empty() {
        true => cx.page(
            "accounts/two_factor/confirm.html",
            "",
            "Is it you?",
            context! { errors => error_list(errors), ..values },
        ),
        false => cx.again("accounts/two_factor/confirm.html", "", "Is it you?", errors, values),
    }
}

async fn confirm(
    cx: AdminCx,
    Extension(limits): Extension<Arc<Limits>>,
    session: OwnSession,
) -> Result<Response, Fail> {
    let ip = &cx.actor.ip;
    limits.login(ip, cx.now)?;
    let account = guessing::account("admin", &cx.staff.username);
    let mut conn = cx.app.db.read().await?;
    guessing::check(&mut conn, &account, ip, cx.now).await?;
    drop(conn);
    let password = cx.form.raw("password").unwrap_or_default();
    let found = admins::authenticate(&cx.app.db, &cx.staff.username, password).await?;
    let mut tx = cx.app.db.write().await?;
    let next = cx.form.text("next");
    if found.is_none_or(|admin| admin.id != cx.staff.id) {
        guessing::note(&mut tx, &account, ip, cx.now).await?;
        tx.commit().await?;
        let mut errors = FieldErrors::default();
        errors.add("password", "This is not your password.");
        return confirm_form(&cx, next, &errors);
    }
    guessing::forget(&mut tx, &account, ip).await?;
    let token = sessions::confirm(&mut tx, &session.0, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    Ok(session.renewed(Redirect::to(admins::admin::safe_next(next)), &token))
}

async fn page<C: Own>(cx: C) -> Result<Response, Fail> {
    if let Some(elsewhere) = cx.confirm_first()? {
        return Ok(elsewhere.into_response());
    }
    show(&cx, &FieldErrors::default()).await
}

async fn show<C: Own>(cx: &C, errors: &FieldErrors) -> Result<Response, Fail> {
    let issuer = instance_name(cx.app());
    let mut tx = cx.app().db.write().await?;
    let (login, _) = cx.names(&mut tx).await?;
    let zone = company::zone(&mut tx).await?;
    let policy = policy(&mut tx, cx.person()).await?;
    let known = factors(&mut tx, cx.person()).await?;
    let set_up = match known.totp_since.is_none() && policy != Policy::Off {
        true => Some(totp::begin(&mut tx, cx.app(), cx.person(), &login, &issuer).await?),
        false => None,
    };
    let no_passkeys = passkeys::site(&mut tx, &issuer).await.err().map(|why| why.to_string());
    tx.commit().await?;
    let values = context! {
        frame => C::FRAME, base => C::BASE,
        off => policy == Policy::Off, required => policy == Policy::Required,
        app_since => known.totp_since.map(|at| company::clock(at, &zone)),
        app_since_at => known.totp_since.map(|at| at.to_string()),
        set_up => set_up.map(|set_up| context! { picture => set_up.picture, secret => spaced(&set_up.secret) }),
        passkeys => known.passkeys.iter().map(|key| shown(key, &zone)).collect::<Vec<_>>(),
        no_passkeys, any => known.any(), codes_left => known.recovery_codes,
    };
    cx.show("accounts/two_factor/account.html", "My second factor", errors, values)
}

fn shown(key: &Passkey, zone: &platform::jiff::tz::TimeZone) -> Value {
    context! {
        id => key.id, name => &key.name,
        since => company::clock(key.created_at, zone), since_at => key.created_at.to_string(),
        used => key.last_used_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        used_at => key.last_used_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

/// The recovery codes, once; or back to the page when there are none to show.
fn codes_or_back<C: Own>(cx: &C, codes: Option<Vec<String>>, said: &str) -> Result<Response, Fail> {
    match codes {
        Some(codes) => {
            let title = "Your recovery codes";
            let values = context! { frame => C::FRAME, codes, next => C::BASE };
            cx.show("accounts/two_factor/codes_in_frame.html", title, &FieldErrors::default(), values)
        }
        None => Ok(Redirect::to(C::BASE).saying(said).into_response()),
    }
}

async fn confirm_app<C: Own>(cx: C) -> Result<Response, Fail> {
    if let Some(elsewhere) = cx.confirm_first()? {
        return Ok(elsewhere.into_response());
    }
    let mut tx = cx.app().db.write().await?;
    let code = cx.form().raw("code").unwrap_or_default();
    match totp::confirm(&mut tx, cx.app(), cx.actor(), cx.person(), code, cx.now()).await {
        Ok(codes) => {
            tx.commit().await?;
            codes_or_back(&cx, codes, "The authenticator app is set up")
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            show(&cx, &errors).await
        }
        Err(other) => Ok(or_back(Err(other), C::BASE)?.into_response()),
    }
}

async fn remove_app<C: Own>(cx: C) -> Result<Response, Fail> {
    if let Some(elsewhere) = cx.confirm_first()? {
        return Ok(elsewhere.into_response());
    }
    let mut tx = cx.app().db.write().await?;
    let removed = super::remove_totp(&mut tx, cx.actor(), cx.person(), cx.now()).await;
    let done = removed.map(|()| Redirect::to(C::BASE).saying("The authenticator app is removed"));
    if done.is_ok() {
        tx.commit().await?;
    }
    Ok(or_back(done, C::BASE)?.into_response())
}

async fn renew_codes<C: Own>(cx: C) -> Result<Response, Fail> {
    if let Some(elsewhere) = cx.confirm_first()? {
        return Ok(elsewhere.into_response());
    }
    let mut tx = cx.app().db.write().await?;
    match super::renew_by_owner(&mut tx, cx.actor(), cx.person(), &cx.app().random, cx.now()).await {
        Ok(codes) => {
            tx.commit().await?;
            codes_or_back(&cx, Some(codes), "")
        }
        Err(other) => Ok(or_back(Err(other), C::BASE)?.into_response()),
    }
}

async fn passkey_options<C: Own>(cx: C) -> Result<Response, Fail> {
    if cx.confirm_first()?.is_some() {
        return Err(Error::refused("Show your password again: reload the page.").into());
    }
    let mut tx = cx.app().db.write().await?;
    let (login, name) = cx.names(&mut tx).await?;
    let site = passkeys::site(&mut tx, &instance_name(cx.app())).await?;
    let asked = passkeys::ask_for_new(&mut tx, cx.app(), &site, cx.person(), &login, &name).await?;
    tx.commit().await?;
    Ok(Json(json!({ "token": asked.token, "options": asked.options })).into_response())
}

async fn add_passkey<C: Own>(cx: C) -> Result<Response, Fail> {
    if let Some(elsewhere) = cx.confirm_first()? {
        return Ok(elsewhere.into_response());
    }
    let mut tx = cx.app().db.write().await?;
    let added = async {
        let answer = answer_of(cx.form())?;
        let site = passkeys::site(&mut tx, &instance_name(cx.app())).await?;
        passkeys::add(&mut tx, cx.app(), &site, cx.actor(), cx.person(), cx.form().text("name"), answer).await
    };
    match added.await {
        Ok(codes) => {
            tx.commit().await?;
            codes_or_back(&cx, codes, "The passkey is added")
        }
        Err(other) => Ok(or_back(Err(other), C::BASE)?.into_response()),
    }
}

async fn rename_passkey<C: Own>(cx: C, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app().db.write().await?;
    let renamed = passkeys::rename(&mut tx, cx.actor(), cx.person(), id, cx.form().text("name"), cx.now()).await;
    let done = renamed.map(|()| Redirect::to(C::BASE).saying("The passkey has its new name"));
    if done.is_ok() {
        tx.commit().await?;
    }
    or_back(done, C::BASE)
}

async fn remove_passkey<C: Own>(cx: C, Id(id): Id) -> Result<Response, Fail> {
    if let Some(elsewhere) = cx.confirm_first()? {
        return Ok(elsewhere.into_response());
    }
    let mut tx = cx.app().db.write().await?;
    let removed = passkeys::remove(&mut tx, cx.actor(), cx.person(), id, cx.now()).await;
    let done = removed.map(|()| Redirect::to(C::BASE).saying("The passkey is removed"));
    if done.is_ok() {
        tx.commit().await?;
    }
    Ok(or_back(done, C::BASE)?.into_response())
}
