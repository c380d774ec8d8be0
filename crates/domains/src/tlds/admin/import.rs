//! The list of TLDs as a file, out and in. A file is looked at before anything is changed.

use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Redirect};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::context;
use platform::web::Fail;
use platform::web::lists::grouped;

use super::{PAGE, SECTION};
use crate::tlds::Filter;
use crate::tlds::file::{self, Imported};

const TEMPLATE: &str = "domains/tlds/import.html";
const TITLE: &str = "Import TLDs";

pub(super) async fn export(cx: AdminCx) -> Result<Response, Fail> {
    let filter = Filter::parse(&cx.params()?)?;
    let text = file::export(&mut cx.app.db.read().await?, &filter).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"tlds.csv\""),
    ];
    Ok((headers, text).into_response())
}

fn show(cx: &AdminCx, would: Option<&Imported>, errors: &FieldErrors) -> Result<Response, Fail> {
    let count = |of: fn(&Imported) -> usize| would.map(|done| grouped(of(done) as i64));
    let values = context! {
        csv => cx.form.raw("csv").unwrap_or_default(),
        facts => would.map(|_| vec![
            ("TLDs to be added", count(|done| done.added)),
            ("TLDs to be changed", count(|done| done.changed)),
            ("TLDs that are so already", count(|done| done.unchanged)),
        ]),
        nothing => would.is_some_and(|done| done.added + done.changed == 0),
        action => format!("{PAGE}/import"), cancel => PAGE, export => format!("{PAGE}/export.csv"),
    };
    if errors.is_empty() {
        cx.page(TEMPLATE, SECTION, TITLE, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, SECTION, TITLE, errors, values)
    }
}

pub(super) async fn page(cx: AdminCx) -> Result<Response, Fail> {
    show(&cx, None, &FieldErrors::default())
}

pub(super) async fn run(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let done = match file::import(&mut tx, &cx.actor, cx.form.raw("csv").unwrap_or_default(), cx.now).await {
        Ok(done) => done,
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            return show(&cx, None, &errors);
        }
        Err(other) => return Err(Fail(other)),
    };
    if cx.form.text("do") != "import" {
        tx.rollback().await?;
        return show(&cx, Some(&done), &FieldErrors::default());
    }
    tx.commit().await?;
    let (added, changed) = (grouped(done.added as i64), grouped(done.changed as i64));
    Ok(Redirect::to(PAGE).saying(format!("TLDs imported: {added} added, {changed} changed")).into_response())
}
