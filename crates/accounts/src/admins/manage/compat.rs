//! `GetAdminUsers`, `GetAdminDetails`, `GetStaffOnline` and `UpdateAdminNotes`.

use kernel::Result;
use md5::{Digest, Md5};
use platform::compat::Answer;
use platform::crypto;
use platform::jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::store::{self, Told};
use super::{AdminEdit, CONFIGURE, Filter};
use crate::admins::admin::HOMEPAGE;
use crate::admins::{self, manage};
use crate::doors::compat::VERSION;
use crate::doors::{API_ACCESS, Action, CompatCx, Routes};
use crate::passwords::guessing;
use crate::{company, roles};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("GetAdminUsers", CONFIGURE, get_admin_users))
        .action(Action::new("GetAdminDetails", API_ACCESS, get_admin_details))
        .action(Action::new("GetStaffOnline", HOMEPAGE, get_staff_online))
        .action(Action::new("UpdateAdminNotes", admins::MY_ACCOUNT, update_admin_notes))
}

/// Seconds since the last request within which somebody counts as being here. When a session was last used is written down
/// every five minutes.
const ONLINE: i64 = 15 * 60;

async fn get_admin_users(cx: CompatCx) -> Result<Answer> {
    let filter = cx.request.read(|params| {
        let role_id = params.int("roleid").filter(|id| *id != 0);
        let email = params.filled("email").unwrap_or_default().to_owned();
        let disabled = if params.bool("include_disabled").unwrap_or(false) { None } else { Some(false) };
        Ok(Filter { text: String::new(), role_id, disabled, email })
    })?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let found = store::told(&mut conn, &filter, cx.now.plus_seconds(-guessing::WINDOW)).await?;
    let shown: Vec<Value> = found.iter().map(|admin| user(admin, &zone)).collect();
    Ok(Answer::success().with("count", found.len()).with("admin_users", shown))
}

/// What waits for its feature (departments, templates, languages, widgets) is empty, as it is for somebody without them.
fn user(admin: &Told, zone: &TimeZone) -> Value {
    let name = [admin.first_name.as_str(), admin.last_name.as_str()].join(" ");
    json!({
        "id": admin.id,
        "uuid": "",
        "roleId": admin.role_id,
        "username": admin.username,
        "twoFactorAuthModule": "",
        "firstname": admin.first_name,
        "lastname": admin.last_name,
        "email": admin.email,
        "signature": admin.signature,
        "notes": admin.notes,
        "template": "",
        "language": "english",
        "isDisabled": i64::from(admin.disabled),
        "loginAttempts": admin.attempts,
        "supportDepartmentIds": [],
        "receivesTicketNotifications": [],
        "homepageWidgetsConfig": "",
        "hiddenHomepageWidgets": "",
        "created_at": company::clock(admin.created_at, zone),
        "updated_at": company::clock(admin.updated_at, zone),
        "fullName": name.trim(),
        "gravatarHash": crypto::hex(&Md5::digest(admin.email.trim().to_lowercase())),
    })
}

async fn get_admin_details(cx: CompatCx) -> Result<Answer> {
    cx.request.read(|_| Ok(()))?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let admin = admins::find(&mut conn, cx.staff.id).await?;
    let permissions = roles::permissions(&mut conn, admin.role_id).await?;
    Ok(Answer::success()
        .with("adminid", admin.id)
        .with("name", admin.name())
        .with("notes", admin.notes)
        .with("signature", admin.signature)
        .with("allowedpermissions", permissions.into_iter().collect::<Vec<_>>().join(","))
        .with("departments", "")
        .with("requesttime", company::clock(cx.now, &zone))
        .with("whmcs", json!({ "version": VERSION, "canonicalversion": format!("{VERSION}-release.1") })))
}

async fn get_staff_online(cx: CompatCx) -> Result<Answer> {
    cx.request.read(|_| Ok(()))?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let found = store::online(&mut conn, cx.now.plus_seconds(-ONLINE), cx.now).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|online| {
            json!({
                "adminusername": online.username,
                "logintime": company::clock(online.created_at, &zone),
                "ipaddress": online.ip,
                "lastvisit": company::clock(online.seen_at, &zone),
            })
        })
        .collect();
    Ok(Answer::success().with("totalresults", shown.len()).with_list("staffonline", "staff", shown))
}

/// The caller's own notes. Empty text empties them.
async fn update_admin_notes(cx: CompatCx) -> Result<Answer> {
    let notes = cx.request.read(|params| {
        let given = if params.has("notes") { Some(params.text("notes").unwrap_or_default().to_owned()) } else { None };
        params.demand("notes", given)
    })?;
    let mut tx = cx.app.db.write().await?;
    let edit = AdminEdit { notes: Some(notes), ..AdminEdit::default() };
    manage::update_own(&mut tx, &cx.actor, cx.staff.id, edit, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success())
}
