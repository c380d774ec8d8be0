//! What is asked of whom, in the staff area; and taking the factors of others away.

use axum::response::{IntoResponse, Response};
use kernel::{Error, Result};
use minijinja::{Value, context};
use platform::settings::{self, Values};
use platform::web::Fail;
use platform::web::lists::grouped;

use super::{CONFIGURE, OF_USERS, Person, Policy, factors, remove_all, set_policy, store};
use crate::activity_log::{self, Activity};
use crate::admins;
use crate::doors::admin::or_back;
use crate::doors::{AdminCx, Id, Redirect, Routes};

const PAGE: &str = "/admin/two-factor";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, save)
        .post("/admin/two-factor/staff/{id}/remove", CONFIGURE, remove_of_staff)
        .post("/admin/two-factor/users/{id}/remove", CONFIGURE, remove_of_user)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let roles = store::roles(&mut conn).await?;
    let of_users = Values::load(&mut conn).await?.text(&OF_USERS).to_owned();
    let mut staff = Vec::new();
    for admin in admins::list(&mut conn, cx.now).await?.into_iter().filter(|admin| !admin.disabled) {
        let known = factors(&mut conn, Person::Staff(admin.id)).await?;
        staff.push(context! {
            id => admin.id, name => admin.username, role => admin.role, has => known.in_words(), any => known.any(),
        });
    }
    drop(conn);
    let roles: Vec<Value> = roles
        .iter()
        .map(|role| {
            context! {
                field => format!("role_{}", role.id), name => &role.name, policy => role.two_factor.to_string(),
                members => grouped(role.members), with_factor => grouped(role.with_factor),
                without => role.members - role.with_factor,
            }
        })
        .collect();
    let policies = [("off", "Off"), ("allowed", "Allowed"), ("required", "Required at the next login")];
    let policies: Vec<Value> = policies.into_iter().map(|(value, label)| context! { value, label }).collect();
    let values = context! { action => PAGE, roles, of_users, policies, staff };
    cx.page("accounts/two_factor/list.html", "configuration", "Two-factor authentication", values)
}

async fn save(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let saved = async {
        for role in store::roles(&mut tx).await? {
            let Some(text) = cx.form.raw(&format!("role_{}", role.id)) else { continue };
            let policy = Policy::parse(text).or(Err(Error::refused("Choose off, allowed or required.")))?;
            set_policy(&mut tx, &cx.actor, role.id, policy, cx.now).await?;
        }
        let before = Values::load(&mut tx).await?.text(&OF_USERS).to_owned();
        let wanted = cx.form.raw("of_users").unwrap_or(&before).to_owned();
        if wanted != before {
            settings::set(&mut tx, &OF_USERS, &wanted, cx.now).await?;
            let changed = activity_log::changes([(OF_USERS.label, before, wanted)]);
            activity_log::record(
                &mut tx,
                &cx.actor,
                Activity::new("Second factor of users changed").changed(changed),
                cx.now,
            )
            .await?;
        }
        Ok(Redirect::to(PAGE).saying("Saved; it holds from the next login on"))
    };
    let done = saved.await;
    if done.is_ok() {
        tx.commit().await?;
    }
    Ok(or_back(done, PAGE)?.into_response())
}

async fn remove_of_staff(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let admin = admins::find(&mut tx, id).await?;
    let removed = remove_all(&mut tx, &cx.actor, Person::Staff(id), cx.now).await;
    let done =
        removed.map(|_| Redirect::to(PAGE).saying(format!("The second factors of {} are removed", admin.username)));
    if done.is_ok() {
        tx.commit().await?;
    }
    or_back(done, PAGE)
}

async fn remove_of_user(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let user = crate::users::find(&mut tx, id).await?;
    remove_all(&mut tx, &cx.actor, Person::User(id), cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(format!("/admin/users/{id}")).saying(format!("The second factors of {} are removed", user.email)))
}
