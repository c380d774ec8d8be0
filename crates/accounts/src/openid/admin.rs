//! Providers of identities in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{CALLBACK, CONFIGURE, NewProvider, Provider, SCOPES};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::{company, openid};

const PAGE: &str = "/admin/openid-providers";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/openid/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/openid-providers/new", CONFIGURE, new_page)
        .get("/admin/openid-providers/{id}", CONFIGURE, edit_page)
        .post("/admin/openid-providers/{id}", CONFIGURE, update)
        .post("/admin/openid-providers/{id}/delete", CONFIGURE, delete)
        .post("/admin/openid-providers/{id}/unlink", CONFIGURE, unlink)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let all = openid::all(&mut cx.app.db.read().await?).await?;
    let rows: Vec<Value> = all
        .iter()
        .map(|provider| {
            context! {
                href => format!("{PAGE}/{}", provider.id), label => &provider.label, issuer => &provider.issuer,
                enabled => provider.enabled,
            }
        })
        .collect();
    cx.page("accounts/openid/list.html", SECTION, "OpenID Connect", context! { rows })
}

fn written(form: &Form) -> NewProvider {
    let text = |name: &str| form.text(name).to_owned();
    NewProvider {
        label: text("label"),
        issuer: text("issuer"),
        client_id: text("client_id"),
        secret: form.raw("secret").map(str::trim).filter(|secret| !secret.is_empty()).map(str::to_owned),
        scopes: text("scopes"),
        enabled: form.ticked("enabled"),
        link_by_email: form.ticked("link_by_email"),
        role_claim: text("role_claim"),
        roles: text("roles"),
    }
}

async fn form_page(
    cx: &AdminCx,
    known: Option<&Provider>,
    shown: &NewProvider,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let back = format!("{}{CALLBACK}", company::system_url(&mut conn).await?);
    let (mut has_secret, mut linked) = (false, Vec::new());
    if let Some(provider) = known {
        has_secret = openid::secret(&mut conn, &cx.app, provider.id).await?.is_some();
        linked = openid::identities(&mut conn, provider.id).await?;
    }
    drop(conn);
    let linked: Vec<Value> = linked
        .iter()
        .map(|identity| {
            context! {
                username => &identity.username, account => &identity.subject, managed => identity.managed,
                used => company::clock(identity.last_used_at, &zone), used_at => identity.last_used_at.to_string(),
            }
        })
        .collect();
    let values = context! {
        action => known.map_or_else(|| PAGE.to_owned(), |provider| format!("{PAGE}/{}", provider.id)),
        cancel => PAGE,
        new => known.is_none(),
        back,
        has_secret,
        linked,
        v => context! {
            label => &shown.label, issuer => &shown.issuer, client_id => &shown.client_id, scopes => &shown.scopes,
            enabled => shown.enabled, link_by_email => shown.link_by_email, role_claim => &shown.role_claim,
            roles => &shown.roles,
        },
    };
    let title = if known.is_some() { "OpenID provider" } else { "New OpenID provider" };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let blank = NewProvider { scopes: SCOPES.to_owned(), enabled: true, ..NewProvider::default() };
    form_page(&cx, None, &blank, &FieldErrors::default()).await
}

/// What a rule refuses is told above the form, in which nothing typed is lost.
fn told(error: Error) -> Result<FieldErrors, Fail> {
    match error {
        Error::Invalid(errors) => Ok(errors),
        Error::Refused(text) => {
            let mut errors = FieldErrors::default();
            errors.add("", text);
            Ok(errors)
        }
        other => Err(Fail(other)),
    }
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    match openid::create(&mut tx, &cx.app, &cx.actor, new.clone(), cx.now).await {
        Ok(provider) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("“{}” added", provider.label)).into_response())
        }
        Err(error) => {
            drop(tx);
            form_page(&cx, None, &new, &told(error)?).await
        }
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let provider = openid::find(&mut conn, id).await?;
    let roles = openid::role_lines(&mut conn, id).await?;
    drop(conn);
    let Provider { label, issuer, client_id, scopes, enabled, link_by_email, role_claim, .. } = provider.clone();
    let shown =
        NewProvider { label, issuer, client_id, secret: None, scopes, enabled, link_by_email, role_claim, roles };
    form_page(&cx, Some(&provider), &shown, &FieldErrors::default()).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    let old = openid::find(&mut tx, id).await?;
    match openid::update(&mut tx, &cx.app, &cx.actor, id, new.clone(), cx.now).await {
        Ok(provider) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("“{}” saved", provider.label)).into_response())
        }
        Err(error) => {
            drop(tx);
            let shown = NewProvider { issuer: old.issuer.clone(), ..new };
            form_page(&cx, Some(&old), &shown, &told(error)?).await
        }
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        openid::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Provider deleted"))
    };
    or_back(done.await, PAGE)
}

async fn unlink(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        openid::unlink(&mut tx, &cx.actor, id, cx.form.raw("account").unwrap_or_default(), cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(&back).saying("The account is no longer linked"))
    };
    or_back(done.await, &back)
}
