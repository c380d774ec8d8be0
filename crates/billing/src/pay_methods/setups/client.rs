//! The public page on which a client leaves a card with the provider.

use accounts::doors::admin::plain_frame;
use accounts::doors::{PublicCx, Routes, Word};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Error, Result};
use minijinja::context;
use platform::web::Fail;

use super::{Invited, Setup, SetupState};
use crate::captures::present::Place;
use crate::gateways;
use crate::invoices::pay_links::client::onward;
use crate::invoices::pay_links::is_safe;
use crate::pay_methods;
use crate::terms::Terms;
use accounts::company::system_url;

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/add-card/{token}", show)
        .public_post("/add-card/{token}", begin)
        .public_get("/add-card/{token}/go", go)
        .public_get("/add-card/{token}/return", come_back)
}

async fn show(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    page(&cx, &token, "").await
}

async fn page(cx: &PublicCx, token: &str, problem: &str) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let invited = super::invited(&mut conn, token, cx.now).await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let latest = super::latest(&mut conn, &invited).await?;
    let stored = match latest.as_ref().and_then(|setup| setup.pay_method_id) {
        Some(id) => pay_methods::find(&mut conn, id).await.ok().map(|method| method.label()),
        None => None,
    };
    let all = gateways::all(&mut conn).await?;
    drop(conn);
    let gateway = all.into_iter().find(|gateway| gateway.name == invited.gateway);
    let state = latest.as_ref().map(|setup| setup.state);
    let values = context! {
        page => plain_frame(&cx.app, "Add a card"),
        here => format!("/add-card/{token}"),
        problem,
        business => &terms.seller.company,
        gateway => gateway.as_ref().map_or(invited.gateway.as_str(), |gateway| gateway.display_name.as_str()),
        active => gateway.as_ref().is_some_and(|gateway| gateway.active),
        stored,
        open => state == Some(SetupState::Open),
        failed => state == Some(SetupState::Failed),
    };
    Ok(cx.app.templates.page("billing/pay_methods/setups/show.html", values)?)
}

async fn begin(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    cx.form()?;
    let (invited, own) = invited_and_own(&cx, &token).await?;
    let here = format!("/add-card/{token}");
    let place = Place { return_url: format!("{own}{here}/return"), cancel_url: format!("{own}{here}") };
    match super::begin(&cx.app, invited, place).await {
        Ok(_) => Ok(Redirect::to(&format!("{here}/go")).into_response()),
        Err(Error::Refused(text) | Error::Unavailable(text)) => {
            Ok((StatusCode::CONFLICT, page(&cx, &token, &text).await?).into_response())
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn invited_and_own(cx: &PublicCx, token: &str) -> Result<(Invited, String)> {
    let mut conn = cx.app.db.read().await?;
    let invited = super::invited(&mut conn, token, cx.now).await?;
    Ok((invited, system_url(&mut conn).await?))
}

async fn latest(cx: &PublicCx, invited: &Invited) -> Result<Option<Setup>> {
    super::latest(&mut cx.app.db.read().await?, invited).await
}

async fn go(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let (invited, own) = invited_and_own(&cx, &token).await?;
    let here = format!("/add-card/{token}");
    let open = latest(&cx, &invited).await?.filter(|setup| setup.state == SetupState::Open);
    let url = open.and_then(|setup| setup.url).filter(|url| is_safe(url, cx.app.sandbox, &own));
    match url {
        Some(url) => onward(&cx, &here, &url),
        None => Ok(Redirect::to(&here).into_response()),
    }
}

/// Back from the provider: what was left there is asked, not believed.
async fn come_back(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let (invited, _) = invited_and_own(&cx, &token).await?;
    if let Some(setup) = latest(&cx, &invited).await?.filter(|setup| setup.state == SetupState::Open) {
        super::resolve(&cx.app, setup.id).await?;
    }
    Ok(Redirect::to(&format!("/add-card/{token}")).into_response())
}
