//! `CreateSsoToken`.

use kernel::Result;
use platform::compat::{Answer, Noted, Params};

use super::client::REFERENCE_PATH;
use super::{CUSTOM, Target, Unfit};
use crate::doors::{Action, CompatCx, Routes};
use crate::owner_logins::ALLOWED;
use crate::{company, sso_tokens};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("CreateSsoToken", ALLOWED, create_sso_token))
}

/// Of which there are no pages in the client area yet.
const WITHOUT_PAGE: [&str; 2] = ["service_id", "domain_id"];

async fn create_sso_token(cx: CompatCx) -> Result<Answer> {
    let (client_id, user_id, target) = cx.request.read(|params| {
        let (client_id, user_id) = (named(params, "client_id"), named(params, "user_id"));
        for name in WITHOUT_PAGE {
            if named(params, name).is_some() {
                params.refuse(name, "The client area has no page of this yet.");
            }
        }
        Ok((client_id, user_id, target(params)?))
    })?;
    let mut tx = cx.app.db.write().await?;
    let whom = match sso_tokens::whom(&mut tx, client_id, user_id).await? {
        Ok(whom) => whom,
        Err(unfit) => return Ok(Answer::error(sentence(unfit))),
    };
    let Some(target) = target else { return Ok(Answer::error("Invalid destination")) };
    let credential = cx.staff.credential();
    let made = sso_tokens::create(&mut tx, &cx.app, &cx.actor, credential, &whom, &target, cx.now).await?;
    let address = company::system_url(&mut tx).await?;
    tx.commit().await?;
    let url = format!("{address}{REFERENCE_PATH}?access_token={}", made.token);
    Ok(Answer::success().with("access_token", made.token).with("redirect_url", url))
}

/// Clients send 0 for nobody.
fn named(params: &mut Params<'_>, name: &str) -> Option<i64> {
    params.int(name).filter(|id| *id != 0)
}

/// `None` for a destination that does not exist here.
fn target(params: &mut Params<'_>) -> Result<Option<Target>, Noted> {
    const PATH: &str = "sso_redirect_path";
    let destination = params.filled("destination").unwrap_or_default();
    if destination.eq_ignore_ascii_case(CUSTOM) {
        let path = params.parsed(PATH, Target::of_path);
        return params.demand(PATH, path).map(Some);
    }
    if params.filled(PATH).is_some() {
        return Err(params.refuse(PATH, format!("Send it with destination={CUSTOM}.")));
    }
    Ok(if destination.is_empty() { Some(Target::default()) } else { Target::named(destination) })
}

/// The documented sentence.
fn sentence(unfit: Unfit) -> String {
    match unfit {
        Unfit::Nobody => "A valid client_id or user_id is required".to_owned(),
        Unfit::NoClient => "Invalid client_id".to_owned(),
        Unfit::NoUser => "Invalid user_id".to_owned(),
        Unfit::NotOfClient => "Invalid user_id for client".to_owned(),
        Unfit::Closed(id) => format!("SSO authentication blocked for client {id}"),
        Unfit::NoOwner(id) => format!("Token could not be provisioned: client {id} has no owner"),
    }
}
