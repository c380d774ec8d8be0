//! The credentials of a service on its page, and the button that deletes one.

use accounts::company;
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Ids, Redirect, Routes};
use kernel::{Error, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::jiff::tz::TimeZone;
use platform::web::Fail;

use super::{MANAGE, OAuthCredential, store};
use crate::oauth_credentials;

pub fn routes() -> Routes {
    Routes::new().post("/admin/services/{id}/oauth-credentials/{credential}/delete", MANAGE, delete)
}

/// What the page of a service shows of them, to those who may see it.
pub async fn shown(conn: &mut Conn, cx: &AdminCx, service_id: i64) -> Result<Vec<Value>> {
    if !cx.staff.may(MANAGE) {
        return Ok(Vec::new());
    }
    let zone = company::zone(conn).await?;
    let all = store::of_service(conn, service_id).await?;
    Ok(all.iter().map(|one| row(one, &zone)).collect())
}

fn row(one: &OAuthCredential, zone: &TimeZone) -> Value {
    context! {
        id => one.id,
        name => if one.name.is_empty() { &one.identifier } else { &one.name },
        identifier => &one.identifier,
        scope => &one.scope,
        used => one.last_used_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        used_at => one.last_used_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

async fn delete(cx: AdminCx, Ids(service_id, id): Ids) -> Result<Redirect, Fail> {
    let back = format!("/admin/services/{service_id}");
    let mut tx = cx.app.db.write().await?;
    if oauth_credentials::find(&mut tx, id).await?.service_id != service_id {
        return Err(Fail(Error::NotFound("OAuth credential")));
    }
    let deleted = oauth_credentials::delete(&mut tx, &cx.actor, id, cx.now).await;
    if deleted.is_ok() {
        tx.commit().await?;
    }
    or_back(deleted.map(|()| Redirect::to(&back).saying("The credential opens nothing any more.")), &back)
}
