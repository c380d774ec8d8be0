//! A client's payment methods in the staff area.

use accounts::clients;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Ids, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::Fail;

use super::{Edit, MANAGE, MakeDefault, OnRemoteFailure, setups};
use crate::gateways::card_numbers;
use crate::view::option;
use crate::{gateways, once};

const SECTION: &str = "clients";

pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/clients/{id}/pay-methods", MANAGE, index)
        .post("/admin/clients/{id}/pay-methods", MANAGE, create)
        .post("/admin/clients/{id}/pay-methods/link", MANAGE, make_link)
        .post("/admin/clients/{id}/pay-methods/{method}/default", MANAGE, make_default)
        .get("/admin/clients/{id}/pay-methods/{method}/remove", MANAGE, remove_page)
        .post("/admin/clients/{id}/pay-methods/{method}/remove", MANAGE, remove)
}

fn page_of(client_id: i64) -> String {
    format!("/admin/clients/{client_id}/pay-methods")
}

async fn index(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    page(&cx, id, None).await
}

/// The list with the form below it; what was typed is shown again, except a token that may be a card number.
async fn page(cx: &AdminCx, id: i64, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let client = clients::find(&mut conn, id).await?;
    let methods = super::of_client(&mut conn, id).await?;
    let gateways = super::able(&mut conn, &cx.app).await?;
    let with_page = setups::able(&mut conn, &cx.app).await?;
    let known = gateways::all(&mut conn).await?;
    drop(conn);
    let here = page_of(id);
    let rows: Vec<Value> = methods
        .iter()
        .map(|method| {
            context! {
                label => method.label(),
                description => &method.description,
                gateway => gateways::title(&known, &method.gateway),
                is_default => method.is_default,
                make_default => format!("{here}/{}/default", method.id),
                remove => format!("{here}/{}/remove", method.id),
            }
        })
        .collect();
    let typed = |name: &str| Some(cx.form.text(name)).filter(|text| wrong.is_some() && !card_numbers::contains(text));
    let title = format!("Payment methods of {}", client.display_name());
    let values = context! {
        client => context! { id, name => client.display_name() },
        tabs => clients::tabs(cx, id),
        rows,
        action => &here,
        once => once::key(&cx.app),
        gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
        test_cards => cx.app.sandbox && gateways.iter().any(|gateway| gateway.name == "sandbox"),
        links => format!("{here}/link"),
        with_page => with_page.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
        v => context! {
            gateway => typed("gateway").unwrap_or_default(), description => typed("description").unwrap_or_default(), make_default => cx.form.ticked("make_default") },
    };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page("billing/pay_methods/list.html", SECTION, &title, context! { errors, ..values })
        }
        Some(errors) => cx.again("billing/pay_methods/list.html", SECTION, &title, errors, values),
    }
}

async fn create(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let here = page_of(id);
    let mut tx = cx.app.db.write().await?;
    let first = once::take(&mut tx, cx.form.text(once::FIELD), cx.now).await?;
    tx.commit().await?;
    if !first {
        return Ok(Redirect::to(here).warning("This method was added already.").into_response());
    }
    let make_default = if cx.form.ticked("make_default") { MakeDefault::Yes } else { MakeDefault::No };
    let (gateway, token) = (cx.form.text("gateway"), cx.form.text("remote_token"));
    let added = super::add(&cx.app, &cx.actor, id, gateway, token, cx.form.text("description"), make_default).await;
    match added {
        Ok(method) => Ok(Redirect::to(here).saying(format!("{} added", method.label())).into_response()),
        Err(Error::Invalid(errors)) => {
            let mut shown = FieldErrors::default();
            for (field, message) in errors.iter() {
                shown.add(if field == "gateway_module_name" { "gateway" } else { field }, message);
            }
            page(&cx, id, Some(&shown)).await
        }
        Err(Error::Refused(reason)) => {
            let mut shown = FieldErrors::default();
            shown.add("remote_token", reason);
            page(&cx, id, Some(&shown)).await
        }
        Err(other) => Err(Fail(other)),
    }
}

/// The address is shown once; only its hash is kept.
async fn make_link(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let link = setups::make_link(&mut tx, &cx.app, &cx.actor, id, cx.form.text("gateway"), cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(id)).saying(format!("Send this link to the client; it is shown once: {link}")))
    };
    or_back(done.await, &page_of(id))
}

async fn make_default(cx: AdminCx, Ids(id, method): Ids) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let mut locked = clients::lock(&mut tx, id).await?;
        let found = super::find_of(&mut locked, id, method).await?;
        super::update(&mut locked, &cx.actor, method, Edit { make_default: true, ..Edit::default() }, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(id)).saying(format!("{} is charged first from now on", found.label())))
    };
    or_back(done.await, &page_of(id))
}

async fn remove_page(cx: AdminCx, Ids(id, method): Ids) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let found = super::find_of(&mut conn, id, method).await?;
    let same = super::of_client(&mut conn, id).await?.iter().filter(|other| other.gateway == found.gateway).count();
    let client = clients::find(&mut conn, id).await?;
    let known = gateways::all(&mut conn).await?;
    drop(conn);
    cx.page(
        "billing/pay_methods/remove.html",
        SECTION,
        &format!("Remove {}", found.label()),
        context! {
            action => &cx.path,
            cancel => page_of(id),
            client => context! { id, name => client.display_name() },
            facts => vec![
                vec!["Gateway".to_owned(), gateways::title(&known, &found.gateway).to_owned()],
                vec!["Other methods of this gateway".to_owned(), (same - 1).to_string()],
            ],
            last => same == 1,
        },
    )
}

async fn remove(cx: AdminCx, Ids(id, method): Ids) -> Result<Redirect, Fail> {
    let done = async {
        let found = super::find_of(&mut cx.app.db.read().await?, id, method).await?;
        super::remove(&cx.app, &cx.actor, method, OnRemoteFailure::RemoveAnyway).await?;
        Ok(Redirect::to(page_of(id)).saying(format!("{} removed", found.label())))
    };
    or_back(done.await, &page_of(id))
}
