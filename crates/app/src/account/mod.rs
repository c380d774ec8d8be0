//! What administrators see and change of their own account.

use accounts::admins::manage::{self, AdminEdit};
use accounts::admins::{self, Admin, MY_ACCOUNT, own};
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, OwnSession, Redirect, Routes};
use accounts::passwords::{self, Kinds, Owner};
use accounts::sessions;
use accounts::two_factor::{self, Person};
use axum::response::{IntoResponse, Response};
use kernel::{Email, Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use crate::times::Times;

const PAGE: &str = "/admin/account";
const TEMPLATE: &str = "app/account/page.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, MY_ACCOUNT, page)
        .post(PAGE, MY_ACCOUNT, save)
        .post("/admin/account/password", MY_ACCOUNT, change_password)
        .post("/admin/account/sessions/end", MY_ACCOUNT, end_session)
        .post("/admin/account/sessions/end-all", MY_ACCOUNT, end_all_sessions)
}

async fn page(cx: AdminCx, session: OwnSession) -> Result<Response, Fail> {
    let admin = admins::find(&mut cx.app.db.read().await?, cx.staff.id).await?;
    show(&cx, &session, &admin, &FieldErrors::default()).await
}

/// The page with what is stored or was typed.
async fn show(cx: &AdminCx, session: &OwnSession, shown: &Admin, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let stored = admins::find(&mut conn, cx.staff.id).await?;
    let joined = manage::joined(&mut conn, cx.staff.id).await?;
    let all = sessions::of_admin(&mut conn, cx.staff.id, cx.now).await?;
    let times = Times::load(&mut conn).await?;
    let factors = two_factor::factors(&mut conn, Person::Staff(stored.id)).await?.in_words();
    drop(conn);
    let mut permissions: Vec<String> = cx.staff.permissions().map(str::to_owned).collect();
    permissions.sort();
    let sessions: Vec<Value> = all
        .iter()
        .map(|open| {
            context! {
                name => &open.token_hash,
                ip => &open.ip,
                since => times.show(open.created_at),
                seen => times.show(open.seen_at),
                this => open.token_hash == session.0,
            }
        })
        .collect();
    let values = context! {
        username => stored.username,
        role => cx.staff.role.clone(),
        created => times.show(stored.created_at),
        last_login => times.show_some(stored.last_login_at),
        has_password => joined.has_password,
        minimum => Kinds::Staff.shortest(),
        v => context! {
            first_name => &shown.first_name, last_name => &shown.last_name, email => &shown.email,
            signature => &shown.signature, notes => &shown.notes,
        },
        sessions,
        permissions,
        factors,
    };
    if errors.is_empty() {
        cx.page(TEMPLATE, "", "My account", context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, "", "My account", errors, values)
    }
}

fn written(form: &Form) -> AdminEdit {
    let text = |name: &str| Some(form.text(name).to_owned());
    AdminEdit {
        email: text("email"),
        first_name: text("first_name"),
        last_name: text("last_name"),
        signature: text("signature"),
        notes: text("notes"),
        ..AdminEdit::default()
    }
}

async fn save(cx: AdminCx, session: OwnSession) -> Result<Response, Fail> {
    let admin = admins::find(&mut cx.app.db.read().await?, cx.staff.id).await?;
    let edit = written(&cx.form);
    let typed = Admin {
        email: cx.form.text("email").to_owned(),
        first_name: cx.form.text("first_name").to_owned(),
        last_name: cx.form.text("last_name").to_owned(),
        signature: cx.form.text("signature").to_owned(),
        notes: cx.form.text("notes").to_owned(),
        ..admin.clone()
    };
    let done = async {
        if Email::parse(&typed.email).map_or(true, |email| email.as_str() != admin.email) {
            let current = cx.form.raw("current").unwrap_or_default();
            own::prove(&cx.app, &admin, current, "current", &cx.actor.ip, cx.now).await?;
        }
        let mut tx = cx.app.db.write().await?;
        manage::update_own(&mut tx, &cx.actor, admin.id, edit, cx.now).await?;
        tx.commit().await
    };
    match done.await {
        Ok(()) => Ok(Redirect::to(PAGE).saying("Your account is saved").into_response()),
        Err(Error::Invalid(errors)) => show(&cx, &session, &typed, &errors).await,
        Err(other) => Err(Fail(other)),
    }
}

async fn change_password(cx: AdminCx, session: OwnSession) -> Result<Response, Fail> {
    let admin = admins::find(&mut cx.app.db.read().await?, cx.staff.id).await?;
    let typed = |name: &str| cx.form.raw(name).unwrap_or_default();
    let owner =
        Owner { kind: Kinds::Staff, known: &[&admin.username, &admin.email, &admin.first_name, &admin.last_name] };
    let mut errors = FieldErrors::default();
    errors.take("password", passwords::check(&cx.app, owner, typed("password")).await?.map_or(Ok(()), Err));
    if typed("again") != typed("password") {
        errors.add("again", "The two passwords differ.");
    }
    if errors.is_empty() {
        let proved = own::prove(&cx.app, &admin, typed("current_password"), "current_password", &cx.actor.ip, cx.now);
        match proved.await {
            Ok(()) => {}
            Err(Error::Invalid(wrong)) => errors = wrong,
            Err(other) => return Err(Fail(other)),
        }
    }
    if !errors.is_empty() {
        return show(&cx, &session, &admin, &errors).await;
    }
    let hash = passwords::hash(typed("password")).await?;
    let mut tx = cx.app.db.write().await?;
    own::change_password(&mut tx, &cx.actor, admin.id, &session.0, &hash, cx.now).await?;
    let token = sessions::confirm(&mut tx, &session.0, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    let to = Redirect::to(PAGE).saying("Your password is changed, and all other sessions have ended");
    Ok(session.renewed(to, &token))
}

async fn end_session(cx: AdminCx) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    own::end_session(&mut tx, &cx.actor, cx.staff.id, cx.form.text("session"), cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(PAGE).saying("The session has ended"))
}

async fn end_all_sessions(cx: AdminCx) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    own::end_all_sessions(&mut tx, &cx.actor, cx.staff.id, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/admin/login").saying("You are logged out everywhere"))
}
